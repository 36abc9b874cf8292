/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/question.o dns/wire.o dns/name.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/question.h"

/* WwW.eXample.net, AAAA, IN, with an OPT record behind it. */
static const uint8_t query[] = {
	0x12, 0x34, 0x01, 0x00, 0,   1,   0, 0, 0,  0, 0, 1, 3, 'W', 'w', 'W', 7, 'e', 'X', 'a', 'm', 'p',
	'l',  'e',  3,    'n',  'e', 't', 0, 0, 28, 0, 1, 0, 0, 41,  4,   208, 0, 0,   0,   0,   0,   0,
};
#define QUESTION_END 33

/* In memory of its own, so that a sanitizer sees a read beyond it. */
static int read_copy(const uint8_t *message, size_t length, struct question *out)
{
	uint8_t *copy = malloc(length ? length : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, message, length);
	rc = question_read(copy, length, out);
	free(copy);
	return rc;
}

static void test_reads(void **state)
{
	struct question question;
	struct dns_name name;

	(void)state;
	assert_int_equal(read_copy(query, sizeof(query), &question), 0);
	assert_int_equal(question.id, 0x1234);
	assert_int_equal(question.type, 28);
	assert_int_equal(dns_name_from_text("www.example.net", &name), 0);
	assert_true(dns_name_equal(&question.name, &name));
}

static void test_cut(void **state)
{
	struct question question, untouched;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t length = 0; length <= sizeof(query); length++) {
		question = untouched;
		if (length >= QUESTION_END) {
			assert_int_equal(read_copy(query, length, &question), 0);
			continue;
		}
		assert_int_equal(read_copy(query, length, &question), -EINVAL);
		assert_memory_equal(&question, &untouched, sizeof(question));
	}
}

static void refused(size_t at, uint8_t value)
{
	uint8_t other[sizeof(query)];
	struct question question;

	memcpy(other, query, sizeof(query));
	other[at] = value;
	assert_int_equal(read_copy(other, sizeof(other), &question), -EINVAL);
}

static void test_others(void **state)
{
	(void)state;
	refused(2, 0x81); /* a response */
	refused(2, 0x28); /* UPDATE */
	refused(5, 0); /* no question */
	refused(5, 2);
	refused(4, 1);
	refused(32, 3); /* class CHAOS */
	refused(31, 1);
	refused(12, 64); /* no label */
	refused(12, 0xc0); /* a pointer that leads into the header */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
