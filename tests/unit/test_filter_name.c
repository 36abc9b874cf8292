/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the eBPF programs read a question, on this machine's byte order: beside reading octet by octet. */
/* LINK: */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmod-optional/fqdn_filter.h"

/* A response of one question, whose octets all round are letters, too; what is behind the name, as its type's first. */
static uint32_t make_question(uint8_t *message, const uint8_t *name, uint32_t length)
{
	static const uint8_t header[FQDN_FILTER_HEADER] = { 'I', 'D', 0x81, 0x80, 0, 1, 'A', 'N', 'N', 'S', 'A', 'R' };

	memset(message, 'Q', FQDN_FILTER_HEAD);
	memcpy(message, header, sizeof(header));
	memcpy(message + FQDN_FILTER_HEADER, name, length);
	memcpy(message + FQDN_FILTER_HEADER + length, "AA\0\1", 4);
	return FQDN_FILTER_HEADER + length + 4;
}

static enum fqdn_filter_verdict question(struct fqdn_filter_scratch *s, uint32_t held)
{
	return fqdn_filter_question(s, held, fqdn_filter_label_step, fqdn_filter_lower_step);
}

/* Labels of any octets, of about `size` in all. */
static uint32_t make_name(uint8_t *name, uint32_t size)
{
	uint32_t at = 0;

	while (at < size) {
		uint32_t octets = 1 + (uint32_t)rand() % FQDN_FILTER_LABEL;

		if (at + 1 + octets > 254)
			octets = 253 - at;
		if (octets == 0 || octets > FQDN_FILTER_LABEL)
			break;
		name[at++] = (uint8_t)octets;
		for (uint32_t i = 0; i < octets; i++)
			name[at++] = (uint8_t)(rand() % 4 ? 'A' - 1 + rand() % 28 : rand());
	}
	name[at] = 0;
	return at + 1;
}

static uint8_t lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 32) : octet;
}

/* Exactly the name is in lower case afterwards, and its labels are found. */
static void names_are_read(void **state)
{
	static struct fqdn_filter_scratch s;
	uint8_t name[256], message[FQDN_FILTER_HEAD];

	(void)state;
	srand(1);
	for (unsigned int turn = 0; turn < 20000; turn++) {
		uint32_t length = make_name(name, turn % 256), held = make_question(message, name, length), count = 0;

		memcpy(s.message, message, sizeof(message));
		assert_int_equal(question(&s, held), FQDN_FILTER_PASSED);
		assert_int_equal(s.length, length);
		for (uint32_t at = 0; message[FQDN_FILTER_HEADER + at]; at += message[FQDN_FILTER_HEADER + at] + 1u)
			assert_int_equal(s.labels[count++], at);
		assert_int_equal(s.count, count);
		for (uint32_t i = FQDN_FILTER_HEADER; i < FQDN_FILTER_HEADER + length; i++)
			message[i] = lower(message[i]);
		assert_memory_equal(s.message, message, sizeof(message));
	}
}

/* What is behind a label does not count, each of its octets does. */
static void labels_are_hashed(void **state)
{
	uint8_t one[FQDN_FILTER_LABEL + 8], other[FQDN_FILTER_LABEL + 8];

	(void)state;
	for (uint32_t octets = 2; octets <= FQDN_FILTER_LABEL + 1; octets++) {
		uint64_t hash;

		memset(one, 'x', sizeof(one));
		memset(other, 'y', sizeof(other));
		one[0] = (uint8_t)(octets - 1);
		memcpy(other, one, octets);
		hash = fqdn_filter_label(7, one, octets);
		assert_true(hash == fqdn_filter_label(7, other, octets));
		assert_true(hash != fqdn_filter_label(8, one, octets));
		for (uint32_t i = 0; i < octets; i++) {
			other[i] ^= 1;
			assert_true(hash != fqdn_filter_label(7, other, octets));
			other[i] ^= 1;
		}
	}
}

/* 127 labels of one octet and a name of 255 are the longest; a pointer, a label too long and a name without an end are left. */
static void limits(void **state)
{
	static struct fqdn_filter_scratch s;
	uint8_t name[300];

	(void)state;
	for (uint32_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? 'X' : 1;
	name[254] = 0;
	assert_int_equal(question(&s, make_question(s.message, name, 255)), FQDN_FILTER_PASSED);
	assert_int_equal(s.count, 127);
	assert_int_equal(s.message[FQDN_FILTER_HEADER + 253], 'x');
	name[254] = 1;
	assert_int_equal(question(&s, make_question(s.message, name, 255)), FQDN_FILTER_LEFT);
	assert_int_equal(question(&s, make_question(s.message, (const uint8_t *)"\100", 1)), FQDN_FILTER_LEFT);
	assert_int_equal(question(&s, make_question(s.message, (const uint8_t *)"\1a\300\14", 4)), FQDN_FILTER_LEFT);
	assert_int_equal(question(&s, make_question(s.message, (const uint8_t *)"\3abc", 5) - 1), FQDN_FILTER_LEFT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(labels_are_hashed),
		cmocka_unit_test(limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
