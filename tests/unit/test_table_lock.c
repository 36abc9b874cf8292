/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/table_lock.o base/log.o base/monotime.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netfilter/table_lock.h"

#define STARTERS 8
#define STARTS 400

static void name_table(char name[64], const char *what)
{
	snprintf(name, 64, "tried-%d-%s", (int)getpid(), what);
}

static void test_one_holder(void **state)
{
	struct table_lock first, second = TABLE_LOCK_NONE;
	char name[64], other[64];

	(void)state;
	name_table(name, "one");
	name_table(other, "another");
	assert_int_equal(table_lock_take(name, &first), 0);
	assert_int_equal(table_lock_take(name, &second), -EBUSY);
	assert_int_equal(second.name, -1);
	assert_int_equal(second.file, -1);
	assert_int_equal(table_lock_take(other, &second), 0);
	table_lock_leave(&second);
	table_lock_leave(&first);
	assert_int_equal(table_lock_take(name, &first), 0);
	table_lock_leave(&first);
}

static int start_often(void)
{
	char name[64];

	name_table(name, "side");
	for (int i = 0; i < STARTS; i++) {
		struct table_lock lock;
		int error = table_lock_take(name, &lock);

		if (error < 0)
			return -error;
		table_lock_leave(&lock);
	}
	return 0;
}

/* Each has a table of its own and removes the files of those that are gone. */
static void test_side_by_side(void **state)
{
	int refused = 0, status;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (int i = 0; i < STARTERS; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			_exit(start_often());
	}
	for (int i = 0; i < STARTERS; i++) {
		assert_true(wait(&status) > 0);
		refused += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	assert_int_equal(refused, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_holder),
		cmocka_unit_test(test_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
