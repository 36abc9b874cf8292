/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/past.o base/counters.o base/hash.o base/ipaddr.o dns/name.o */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/past.h"

static const struct hash_key hash_key = { 1, 2 };

static struct element_key key_of(unsigned int number, uint8_t group)
{
	uint8_t octets[4] = { 20, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };

	return (struct element_key) {
		.address = ipaddr_from_bytes(IPADDR_V4, octets), .group = group, .l4proto = IPPROTO_TCP, .port = 443
	};
}

static void add(struct past *past, const struct element_key *key, const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	past_add(past, key, &name);
}

static bool known(const struct past *past, const struct element_key *key, const char *text)
{
	struct store_name names[LIMIT_ELEMENT_NAMES];
	size_t count = past_find(past, key, names);
	char got[DNS_NAME_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		if (strcmp(dns_name_to_text(&names[i].name, got), text) == 0)
			return true;
	return false;
}

static void names_are_united(void **state)
{
	struct past *past = past_new(&hash_key);
	struct element_key key = key_of(1, 0), other = key_of(1, 7), port = key_of(1, 0);
	struct store_name names[LIMIT_ELEMENT_NAMES];

	(void)state;
	assert_int_equal(past_find(past, &key, names), 0);
	add(past, &key, "www.example.net");
	add(past, &other, "www.example.org"); /* the group does not matter */
	add(past, &key, "www.example.net");
	assert_int_equal(past_count(past), 1);
	assert_int_equal(past_find(past, &key, names), 2);
	assert_true(known(past, &other, "www.example.net") && known(past, &key, "www.example.org"));
	port.port = 80;
	assert_false(known(past, &port, "www.example.net"));
	port = key;
	port.l4proto = IPPROTO_UDP;
	assert_false(known(past, &port, "www.example.net"));
	assert_int_equal(past_at(past, 0, &key, names), 2);
	assert_true(key.group == 0 && past_places(past) == 1);
	past_free(past);
}

static void names_have_limits(void **state)
{
	struct past *past = past_new(&hash_key);
	struct element_key key = key_of(1, 0), other = key_of(2, 0);
	char text[256];
	uint64_t over = counters.past_names_over_limit;

	(void)state;
	for (int i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "n%d.test", i);
		add(past, &key, text);
	}
	assert_true(known(past, &key, "n0.test") && known(past, &key, "n15.test") && !known(past, &key, "n16.test"));
	assert_int_equal(counters.past_names_over_limit, over + 30 - LIMIT_ELEMENT_NAMES);
	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[250] = '\0';
	add(past, &other, text); /* longer than a place */
	assert_int_equal(counters.past_names_over_limit, over + 31 - LIMIT_ELEMENT_NAMES);
	assert_false(known(past, &other, text));
	text[200] = '\0';
	add(past, &other, text);
	assert_true(known(past, &other, text));
	past_free(past);
}

/* All places taken: the oldest goes, one that is wanted again stays. */
static void oldest_goes(void **state)
{
	struct past *past = past_new(&hash_key);
	uint64_t forgotten = counters.past_forgotten;

	(void)state;
	for (unsigned int i = 0; i < LIMIT_PAST_ELEMENTS; i++)
		add(past, &(struct element_key) { .address = key_of(i, 0).address }, "a.test");
	add(past, &(struct element_key) { .address = key_of(1, 0).address }, "a.test");
	assert_int_equal(counters.past_forgotten, forgotten);
	for (unsigned int i = 0; i < 3; i++)
		add(past, &(struct element_key) { .address = key_of(LIMIT_PAST_ELEMENTS + i, 0).address }, "b.test");
	assert_int_equal(past_count(past), LIMIT_PAST_ELEMENTS);
	assert_int_equal(counters.past_forgotten, forgotten + 3);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(known(past, &(struct element_key) { .address = key_of(i, 0).address }, "a.test"),
				 i == 1 || i >= 4);
	past_free(past);
}

/* However many are wanted again, one comes in at once. */
static void all_wanted(void **state)
{
	struct past *past = past_new(&hash_key);

	(void)state;
	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < LIMIT_PAST_ELEMENTS; i++)
			add(past, &(struct element_key) { .address = key_of(i, 0).address }, "a.test");
	for (unsigned int i = 0; i < 2 * LIMIT_PAST_ELEMENTS; i++) {
		struct element_key key = { .address = key_of(1u << 20 | i, 0).address };

		add(past, &key, "b.test");
		assert_true(known(past, &key, "b.test"));
	}
	assert_int_equal(past_count(past), LIMIT_PAST_ELEMENTS);
	past_free(past);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_united),
		cmocka_unit_test(names_have_limits),
		cmocka_unit_test(oldest_goes),
		cmocka_unit_test(all_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
