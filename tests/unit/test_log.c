/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: base/log.o base/monotime.o */
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

#include "base/log.h"

static char written[65536];

/* What `act` writes to standard error. */
static const char *caught(void (*act)(void))
{
	FILE *file = tmpfile();
	int old = dup(STDERR_FILENO);
	size_t length;

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	act();
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(file);
	length = fread(written, 1, sizeof(written) - 1, file);
	written[length] = '\0';
	fclose(file);
	return written;
}

static void one_of_each(void)
{
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
}

static void test_levels(void **context)
{
	enum log_level level = LOG_LEVEL_DEBUG;

	(void)context;
	assert_string_equal(caught(one_of_each), "nfqdnd: error: e\nnfqdnd: warning: w\nnfqdnd: i\n");
	assert_int_equal(log_level_from_text("error", &level), 0);
	log_set_level(level);
	assert_string_equal(caught(one_of_each), "nfqdnd: error: e\n");
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_priorities(true);
	assert_string_equal(caught(one_of_each),
			    "<3>nfqdnd: error: e\n<4>nfqdnd: warning: w\n<6>nfqdnd: i\n<7>nfqdnd: debug: d\n");
	log_set_priorities(false);
	log_set_level(LOG_LEVEL_INFO);
	assert_int_not_equal(log_level_from_text("loud", &level), 0);
	assert_int_equal(level, LOG_LEVEL_ERROR);
}

static void hostile(void)
{
	log_warning("%s", "a\n<0>nfqdnd: forged\r\x1b[2J\x7f\xc2\x9b t\xc3\xa4il");
}

static void test_one_line(void **context)
{
	(void)context;
	assert_string_equal(caught(hostile),
			    "nfqdnd: warning: a\\010<0>nfqdnd: forged\\013\\027[2J\\127\\194\\155 t\xc3\xa4il\n");
}

static char *endless;

static void write_endless(void)
{
	log_info("%s", endless);
}

static void test_cut(void **context)
{
	(void)context;
	for (size_t length = 1500; length < 2200; length++) {
		const char *line;

		endless = malloc(length + 1);
		memset(endless, length % 2 ? 'x' : '\n', length);
		endless[length] = '\0';
		line = caught(write_endless);
		assert_int_equal(strchr(line, '\n') - line, strlen(line) - 1);
		assert_true(strlen(line) < 2048);
		if (strlen(line) < length)
			assert_string_equal(line + strlen(line) - 2, "~\n");
		free(endless);
	}
}

static struct log_limit limit;
static struct monotime now;

static void five(void)
{
	for (int i = 0; i < 5; i++)
		log_limited(&limit, now, LOG_LEVEL_WARNING, "number %d", i);
}

static void settle(void)
{
	log_settle(&limit, now);
}

static void test_limit(void **context)
{
	(void)context;
	memset(&limit, 0, sizeof(limit));
	now = monotime_now();
	assert_int_equal(log_settle(&limit, now), -1);
	assert_string_equal(caught(five), "nfqdnd: warning: number 0\n");
	assert_string_equal(caught(settle), "");
	assert_int_equal(log_settle(&limit, now), LOG_LIMIT_MS);
	now = monotime_add(now, LOG_LIMIT_MS);
	/* the next one tells of them */
	assert_string_equal(caught(five), "nfqdnd: warning: number 0 (4 more like it since)\n");
	now = monotime_add(now, LOG_LIMIT_MS);
	/* and when none comes, the last one is not lost */
	assert_string_equal(caught(settle), "nfqdnd: warning: number 4 (3 more like it since)\n");
	assert_string_equal(caught(settle), "");
	assert_string_equal(caught(five), "");
	now = monotime_add(now, LOG_LIMIT_MS);
	assert_string_equal(caught(settle), "nfqdnd: warning: number 4 (4 more like it since)\n");
	/* what is not to be told is not counted */
	now = monotime_add(now, LOG_LIMIT_MS);
	log_set_level(LOG_LEVEL_ERROR);
	assert_string_equal(caught(five), "");
	assert_int_equal(log_settle(&limit, now), -1);
	log_set_level(LOG_LEVEL_INFO);
}

static void test_journal(void **context)
{
	struct stat state;
	char stream[64];
	FILE *file = tmpfile();

	(void)context;
	assert_int_equal(fstat(fileno(file), &state), 0);
	unsetenv("JOURNAL_STREAM");
	assert_false(log_to_journal(fileno(file)));
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)state.st_dev,
		 (unsigned long long)state.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_true(log_to_journal(fileno(file)));
	/* a shell that a service started, and whose output went elsewhere */
	assert_false(log_to_journal(STDIN_FILENO));
	setenv("JOURNAL_STREAM", "1", 1);
	assert_false(log_to_journal(fileno(file)));
	unsetenv("JOURNAL_STREAM");
	fclose(file);
}

static void test_pinned(void **context)
{
	(void)context;
	log_pin_level(LOG_LEVEL_ERROR);
	log_set_level(LOG_LEVEL_DEBUG);
	assert_string_equal(caught(one_of_each), "nfqdnd: error: e\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels), cmocka_unit_test(test_one_line), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limit),  cmocka_unit_test(test_journal),  cmocka_unit_test(test_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
