/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/names.o base/counters.o base/hash.o base/lru.o base/ipaddr.o dns/name.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/names.h"

static const struct hash_key hash_key = { 1, 2 };

static struct ipaddr address_of(unsigned int number)
{
	uint8_t octets[4] = { 20, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };

	return ipaddr_from_bytes(IPADDR_V4, octets);
}

static void see(struct names *names, unsigned int number, const char *text, int64_t when)
{
	struct ipaddr address = address_of(number);
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	names_see(names, &address, &name, when & 1, (struct monotime) { when });
}

static bool known(const struct names *names, unsigned int number, const char *text)
{
	struct ipaddr address = address_of(number);
	struct names_seen seen;
	char got[DNS_NAME_TEXT_SIZE];

	return names_find(names, &address, &seen) == 0 && strcmp(dns_name_to_text(&seen.name, got), text) == 0;
}

static void the_last_name_counts(void **state)
{
	struct names *names = names_new(&hash_key);
	struct names_seen seen = { .when = { -7 } };
	struct ipaddr four = address_of(1), six;

	(void)state;
	assert_int_equal(names_find(names, &four, &seen), -ENOENT);
	assert_true(seen.when.msec == -7);
	see(names, 1, "a.test", 10);
	see(names, 2, "b.test", 11);
	see(names, 1, "c.test", 13);
	assert_true(known(names, 1, "c.test") && known(names, 2, "b.test"));
	assert_int_equal(names_count(names), 2);
	assert_int_equal(names_find(names, &four, &seen), 0);
	assert_true(seen.when.msec == 13 && seen.allowed);
	assert_int_equal(ipaddr_from_text("1400:1::", &six), 0); /* begins with the same octets */
	assert_int_equal(names_find(names, &six, &seen), -ENOENT);
	names_free(names);
}

/* The one that was named longest ago goes, in whatever order they came. */
static void the_oldest_goes(void **state)
{
	struct names *names = names_new(&hash_key);
	uint64_t forgotten = counters.names_forgotten, seen = counters.names_seen;

	(void)state;
	for (unsigned int i = 0; i < LIMIT_SEEN_NAMES; i++)
		see(names, i, "first.test", i);
	see(names, 0, "again.test", LIMIT_SEEN_NAMES);
	assert_int_equal(counters.names_forgotten, forgotten);
	for (unsigned int i = 0; i < 10; i++)
		see(names, LIMIT_SEEN_NAMES + i, "second.test", LIMIT_SEEN_NAMES + 1 + i);
	assert_int_equal(counters.names_forgotten, forgotten + 10);
	assert_int_equal(counters.names_seen, seen + LIMIT_SEEN_NAMES + 11);
	assert_int_equal(names_count(names), LIMIT_SEEN_NAMES);
	assert_true(known(names, 0, "again.test") && known(names, 11, "first.test"));
	for (unsigned int i = 1; i <= 10; i++)
		assert_false(known(names, i, "first.test"));
	for (unsigned int i = 0; i < 3 * LIMIT_SEEN_NAMES; i++) /* every chain is still whole */
		see(names, i, "third.test", i);
	for (unsigned int i = 0; i < 3 * LIMIT_SEEN_NAMES; i++)
		assert_int_equal(known(names, i, "third.test"), i >= 2 * LIMIT_SEEN_NAMES);
	names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_name_counts),
		cmocka_unit_test(the_oldest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
