/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/derived.o dns/name.o base/counters.o base/hash.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/derived.h"

static const struct hash_key hash_key = { 1, 2 };
static const struct monotime start = { 1000000 };

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

static struct derived *derived_usual(void)
{
	struct derived *derived = derived_new(&hash_key);

	assert_non_null(derived);
	memset(&counters, 0, sizeof(counters));
	return derived;
}

static struct derived_record record_of(const char *name, const char *origin, policy_group_mask groups, uint8_t depth,
				       int64_t life_ms)
{
	return (struct derived_record) { .name = name_of(name),
					 .origin = name_of(origin),
					 .groups = groups,
					 .depth = depth,
					 .deadline = monotime_add(start, life_ms) };
}

/* From www.example.com, by *.example.com, alive for `life_ms` from the start. */
static void add(struct derived *derived, const char *name, int64_t life_ms)
{
	struct derived_record record = record_of(name, "www.example.com", 1, 1, life_ms);

	derived_add(derived, &record, "*.example.com", start);
}

static size_t found(const struct derived *derived, const char *text, int64_t after_ms)
{
	struct derived_record out[LIMIT_DERIVED_ORIGINS];
	struct dns_name name = name_of(text);

	return derived_find(derived, &name, monotime_add(start, after_ms), out);
}

static void test_exact_and_for_its_life(void **state)
{
	struct derived *derived = derived_usual();

	(void)state;
	add(derived, "edge.cdn.test", 5000);
	assert_int_equal(found(derived, "EDGE.cdn.test", 0), 1);
	assert_int_equal(found(derived, "edge.cdn.test", 4999), 1);
	assert_int_equal(found(derived, "edge.cdn.test", 5000), 0);
	assert_int_equal(found(derived, "x.edge.cdn.test", 0), 0);
	assert_int_equal(found(derived, "cdn.test", 0), 0);
	assert_int_equal(found(derived, "www.example.com", 0), 0);
	derived_free(derived);
}

static void test_life(void **state)
{
	(void)state;
	assert_int_equal(derived_life(0), LIMIT_DERIVED_EXTRA_MS);
	assert_int_equal(derived_life(300), 300000 + LIMIT_DERIVED_EXTRA_MS);
	assert_int_equal(derived_life(UINT32_MAX), LIMIT_DERIVED_TTL * INT64_C(1000) + LIMIT_DERIVED_EXTRA_MS);
}

/* The same name and origin again: the later end, all groups, the smaller depth; never shorter. */
static void test_again(void **state)
{
	struct derived *derived = derived_usual();
	struct derived_record out[LIMIT_DERIVED_ORIGINS];
	struct derived_record one = record_of("edge.cdn.test", "www.example.com", 1, 2, 5000);
	struct derived_record two = record_of("edge.cdn.test", "www.example.com", 2, 1, 3000);

	(void)state;
	derived_add(derived, &one, "*.example.com", start);
	derived_add(derived, &two, "*.example.com", start);
	assert_int_equal(derived_count(derived), 1);
	assert_int_equal(derived_find(derived, &one.name, start, out), 1);
	assert_int_equal(out[0].deadline.msec, one.deadline.msec);
	assert_int_equal(out[0].groups, 3);
	assert_int_equal(out[0].depth, 1);
	/* What had ended leaves nothing behind: other groups, other depth. */
	one.deadline = monotime_add(start, 9000);
	derived_add(derived, &one, "*.example.com", monotime_add(start, 6000));
	assert_int_equal(derived_find(derived, &one.name, monotime_add(start, 6000), out), 1);
	assert_int_equal(out[0].groups, 1);
	assert_int_equal(out[0].depth, 2);
	derived_free(derived);
}

static void test_origins(void **state)
{
	struct derived *derived = derived_usual();
	struct derived_record out[LIMIT_DERIVED_ORIGINS];
	struct dns_name name = name_of("edge.cdn.test");
	char origin[32];

	(void)state;
	for (int i = 0; i <= LIMIT_DERIVED_ORIGINS; i++) {
		struct derived_record record;

		snprintf(origin, sizeof(origin), "n%d.example.com", i);
		record = record_of("edge.cdn.test", origin, 1, 1, 9000 + (i == 1 ? 0 : 1000 * (i + 1)));
		assert_int_equal(counters.derived_evicted, 0);
		derived_add(derived, &record, "*.example.com", start);
	}
	assert_int_equal(counters.derived_evicted, 1);
	assert_int_equal(derived_count(derived), LIMIT_DERIVED_ORIGINS);
	assert_int_equal(derived_find(derived, &name, start, out), LIMIT_DERIVED_ORIGINS);
	name = name_of("n1.example.com"); /* the one that ended first */
	for (int i = 0; i < LIMIT_DERIVED_ORIGINS; i++)
		assert_false(dns_name_equal(&out[i].origin, &name));
	derived_free(derived);
}

static void flood(struct derived *derived, unsigned int from, unsigned int count, const char *pattern)
{
	char text[48];

	for (unsigned int i = from; i < from + count; i++) {
		struct derived_record record;

		snprintf(text, sizeof(text), "flood%u.cdn.test", i);
		record = record_of(text, "a.flood.test", 1, 1, 1000000 + i);
		derived_add(derived, &record, pattern, start);
	}
}

/* Pain 11: a pattern that brings names without end pushes out its own, the one that ends first before others. */
static void test_full(void **state)
{
	struct derived *derived = derived_usual();

	(void)state;
	add(derived, "short.cdn.test", 5000);
	add(derived, "other.cdn.test", 6000);
	flood(derived, 0, LIMIT_DERIVED_NAMES - 2, "*.flood.test");
	assert_int_equal(counters.derived_evicted, 0);
	flood(derived, 10000, 3000, "*.flood.test");
	assert_int_equal(derived_count(derived), LIMIT_DERIVED_NAMES);
	assert_int_equal(counters.derived_evicted, 3000);
	assert_int_equal(found(derived, "short.cdn.test", 0), 1);
	assert_int_equal(found(derived, "other.cdn.test", 0), 1);
	assert_int_equal(found(derived, "flood0.cdn.test", 0), 0);
	assert_int_equal(found(derived, "flood12999.cdn.test", 0), 1);
	/* Others find their place: the share that holds most gives. */
	add(derived, "third.cdn.test", 5000);
	assert_int_equal(found(derived, "short.cdn.test", 0), 1);
	assert_int_equal(found(derived, "third.cdn.test", 0), 1);
	assert_int_equal(derived_count(derived), LIMIT_DERIVED_NAMES);
	derived_free(derived);
}

/* What has ended goes first, whoever it belongs to, and is no loss. */
static void test_full_of_ended(void **state)
{
	struct derived *derived = derived_usual();
	struct derived_record late = record_of("late.cdn.test", "a.flood.test", 1, 1, 90000);

	(void)state;
	add(derived, "short.cdn.test", 5000);
	flood(derived, 0, LIMIT_DERIVED_NAMES - 1, "*.flood.test");
	derived_add(derived, &late, "*.flood.test", monotime_add(start, 5000));
	assert_int_equal(counters.derived_evicted, 0);
	assert_int_equal(found(derived, "flood0.cdn.test", 5000), 1);
	assert_int_equal(found(derived, "late.cdn.test", 5000), 1);
	assert_int_equal(derived_count(derived), LIMIT_DERIVED_NAMES);
	derived_free(derived);
}

static bool keep_second_group(void *context, struct derived_record *record)
{
	++*(unsigned int *)context;
	record->groups &= 2;
	return record->groups != 0;
}

static void test_prune(void **state)
{
	struct derived *derived = derived_usual();
	struct derived_record both = record_of("both.cdn.test", "www.example.com", 3, 1, 5000);
	struct derived_record out[LIMIT_DERIVED_ORIGINS];
	unsigned int seen = 0;

	(void)state;
	add(derived, "one.cdn.test", 5000);
	derived_add(derived, &both, "*.example.com", start);
	derived_prune(derived, keep_second_group, &seen);
	assert_int_equal(seen, 2);
	assert_int_equal(derived_count(derived), 1);
	assert_int_equal(found(derived, "one.cdn.test", 0), 0);
	assert_int_equal(derived_find(derived, &both.name, start, out), 1);
	assert_int_equal(out[0].groups, 2);
	/* The place serves again. */
	add(derived, "one.cdn.test", 5000);
	add(derived, "two.cdn.test", 5000);
	assert_int_equal(found(derived, "one.cdn.test", 0) + found(derived, "two.cdn.test", 0), 2);
	derived_free(derived);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_and_for_its_life),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_of_ended),
		cmocka_unit_test(test_prune),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
