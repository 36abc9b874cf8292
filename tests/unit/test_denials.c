/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/denials.o base/counters.o base/hash.o base/lru.o base/ipaddr.o dns/name.o */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/denials.h"

static const struct hash_key hash_key = { 1, 2 };

static struct denials_key key_of(unsigned int number)
{
	struct denials_key key = { .port = 443, .l4proto = IPPROTO_TCP };
	uint8_t octets[4] = { 20, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };

	key.destination = ipaddr_from_bytes(IPADDR_V4, octets);
	octets[0] = 10;
	key.client = ipaddr_from_bytes(IPADDR_V4, octets);
	return key;
}

static void add(struct denials *denials, const struct denials_key *key, const char *text, int64_t when)
{
	struct dns_name name;

	if (text)
		assert_int_equal(dns_name_from_text(text, &name), 0);
	denials_add(denials, key, text ? &name : NULL, (struct monotime) { when });
}

static void the_same_counts(void **state)
{
	struct denials *denials = denials_new(&hash_key);
	struct denials_key key = key_of(1), other;
	const struct denials_record *record;
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	assert_null(denials_find(denials, &key));
	add(denials, &key, NULL, 10);
	assert_false(denials_find(denials, &key)->named);
	add(denials, &key, "a.test", 20);
	add(denials, &key, NULL, 30); /* the name was forgotten meanwhile: it stays here */
	record = denials_find(denials, &key);
	assert_true(record->count == 3 && record->first.msec == 10 && record->last.msec == 30 && record->named);
	assert_string_equal(dns_name_to_text(&record->name, text), "a.test");
	assert_true(record->sequence == 3 && denials_sequence(denials) == 3);
	for (unsigned int i = 0; i < 6; i++) { /* whatever differs, it is another */
		other = key;
		other.client.bytes[3] += i == 0;
		other.destination.bytes[3] += i == 1;
		other.port += i == 2;
		other.l4proto = i == 3 ? IPPROTO_UDP : IPPROTO_TCP;
		other.reason += i == 4;
		other.audit += i == 5;
		add(denials, &other, NULL, 40);
		assert_int_equal(denials_count(denials), 2 + i);
	}
	assert_int_equal(denials_find(denials, &key)->count, 3);
	denials_free(denials);
}

struct seen {
	uint64_t before; /* sequence numbers fall */
	size_t count, most;
};

static bool see(void *context, const struct denials_record *record)
{
	struct seen *seen = context;

	assert_true(record->sequence < seen->before);
	seen->before = record->sequence;
	return ++seen->count < seen->most;
}

static void the_quietest_goes(void **state)
{
	struct denials *denials = denials_new(&hash_key);
	uint64_t forgotten = counters.denials_forgotten;
	struct seen seen = { UINT64_MAX, 0, SIZE_MAX }, few = { UINT64_MAX, 0, 3 };
	struct denials_key key;

	(void)state;
	denials_visit(denials, see, &seen);
	assert_int_equal(seen.count, 0);
	for (unsigned int i = 0; i < LIMIT_DENIALS; i++) {
		key = key_of(i);
		add(denials, &key, NULL, i);
	}
	key = key_of(0);
	add(denials, &key, NULL, LIMIT_DENIALS);
	assert_int_equal(counters.denials_forgotten, forgotten);
	key = key_of(LIMIT_DENIALS);
	add(denials, &key, NULL, LIMIT_DENIALS + 1);
	assert_int_equal(counters.denials_forgotten, forgotten + 1);
	key = key_of(1);
	assert_null(denials_find(denials, &key));
	key = key_of(0);
	assert_int_equal(denials_find(denials, &key)->count, 2);
	denials_visit(denials, see, &seen);
	assert_int_equal(seen.count, LIMIT_DENIALS);
	denials_visit(denials, see, &few);
	assert_int_equal(few.count, 3);
	for (unsigned int i = 0; i < 5 * LIMIT_DENIALS; i++) { /* every chain stays whole */
		key = key_of(i);
		add(denials, &key, NULL, 0);
		assert_non_null(denials_find(denials, &key));
	}
	assert_int_equal(denials_count(denials), LIMIT_DENIALS);
	denials_free(denials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_counts),
		cmocka_unit_test(the_quietest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
