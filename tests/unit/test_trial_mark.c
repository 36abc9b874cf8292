/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/trial_mark.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/trial_mark.h"

struct made {
	struct config config;
	struct catalog catalog;
	struct policy policy;
};

static const struct policy *make(struct made *made, uint64_t config, uint64_t lists)
{
	made->config.sum = config;
	made->catalog.sum = lists;
	made->policy.config = &made->config;
	made->policy.catalog = &made->catalog;
	return &made->policy;
}

static bool fits(const struct trial_mark *mark, uint64_t config, uint64_t lists)
{
	struct made made = { 0 };

	return trial_mark_fits(mark, make(&made, config, lists));
}

static void what_is_not_confirmed(void **state)
{
	struct made before = { 0 }, tried = { 0 };
	struct trial_mark mark = trial_mark_of(make(&tried, 2, 7), make(&before, 1, 7), NULL);

	(void)state;
	assert_true(fits(&mark, 2, 7));
	assert_true(fits(&mark, 2, 8)); /* newer lists make it no better */
	assert_false(fits(&mark, 1, 7));
	mark = trial_mark_of(make(&tried, 1, 8), make(&before, 1, 7), NULL);
	assert_true(fits(&mark, 1, 8));
	assert_false(fits(&mark, 1, 9)); /* the lists were it, and are others now */
	/* after a restart the policy before is a copy, whose text is another one */
	mark = trial_mark_of(make(&tried, 1, 8), make(&before, 99, 7), &mark);
	assert_false(fits(&mark, 1, 9));
}

static void written_and_read(void **state)
{
	const char *folder = *state;
	struct trial_mark mark = { 0xfedcba9876543210, 5, true }, read;
	char deep[128];

	assert_int_equal(trial_mark_read(folder, &read), -ENOENT);
	assert_int_equal(trial_mark_remove(folder), 0);
	assert_int_equal(trial_mark_write(folder, &mark), 0);
	assert_int_equal(trial_mark_read(folder, &read), 0);
	assert_true(read.config == mark.config && read.lists == mark.lists && read.any_lists);
	mark.any_lists = false;
	assert_int_equal(trial_mark_write(folder, &mark), 0);
	assert_int_equal(trial_mark_read(folder, &read), 0);
	assert_false(read.any_lists);
	assert_int_equal(trial_mark_remove(folder), 0);
	assert_int_equal(trial_mark_read(folder, &read), -ENOENT);
	snprintf(deep, sizeof(deep), "%s/no/such", folder);
	assert_int_equal(trial_mark_write(deep, &mark), -ENOENT);
}

static void damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"nfqdn-unconfirmed 1 0000000000000001 0000000000000002\n",
		"nfqdn-unconfirmed 2 0000000000000001 0000000000000002 1\n",
		"nfqdn-unconfirmed 1 0000000000000001 0000000000000002 1\nmore",
		"nfqdn-learned 1 0000000000000001 0000000000000002 1\n",
	};
	const char *folder = *state;
	struct trial_mark read = { .config = 77 };
	char path[128];

	snprintf(path, sizeof(path), "%s/unconfirmed", folder);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fputs(texts[i], file);
		fclose(file);
		assert_int_equal(trial_mark_read(folder, &read), -EBADMSG);
		assert_int_equal(read.config, 77);
	}
	unlink(path);
}

static int setup(void **state)
{
	char *folder = strdup("/tmp/nfqdn-mark-XXXXXX");

	*state = folder;
	return folder && mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	int error = rmdir(*state); /* nothing is left in it */

	free(*state);
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_confirmed),
		cmocka_unit_test_setup_teardown(written_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
