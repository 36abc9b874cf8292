/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/store/bench.o */
/* LINK: learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
/* The shares of clients and of patterns: who pushes out whom from a full store, and when an element gets its places in the
 * heaps of shares. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/store.h"
#include "learn/store_heap.h"
#include "learn/store_parts.h"
#include "tests/unit/store/bench.h"

/* ---- who pushes out whom ---- */

/* One wish of a client in a drain of its own. */
static int want(struct bench *bench, unsigned int client, const char *pattern, unsigned int address, int64_t life)
{
	struct ipaddr asker = bench_key(client, 0).address;
	int rc;

	store_for_client(bench->store, &asker);
	store_for_pattern(bench->store, pattern);
	rc = bench_plan_as(bench, address, "a.example", 60, life, BENCH_BELOW, 0);
	bench_finish(bench);
	bench_advance(bench, 10);
	return rc;
}

static unsigned int known_of(const struct bench *bench, unsigned int from, unsigned int count)
{
	struct store_view view;
	unsigned int found = 0;

	for (unsigned int i = from; i < from + count; i++)
		found += bench_known(bench, i, &view);
	return found;
}

#define FLOOD 10000 /* the first address of a flood */

/* A client floods a wildcard: it pushes out its own, the oldest-expiring first, and nobody else's. */
static void test_client_share(void **state)
{
	struct bench *bench = bench_new(80);

	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		want(bench, 1, "*.example", i, BENCH_BELOW); /* they end first */
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(want(bench, 2, "*.example", FLOOD + i, BENCH_LIFE), 1);
	assert_int_equal(store_count(bench->store), 80);
	assert_int_equal(known_of(bench, 0, 10), 10);
	assert_int_equal(known_of(bench, FLOOD + 430, 70), 70);
	assert_int_equal(counters.elements_over_share, 430);
	/* Others find room at its cost. */
	for (unsigned int i = 10; i < 20; i++)
		assert_int_equal(want(bench, 3, "*.other", i, BENCH_LIFE), 1);
	assert_int_equal(known_of(bench, 0, 20), 20);
	assert_int_equal(known_of(bench, FLOOD + 440, 60), 60);
	bench_free(bench);
}

/* The whole flood in one drain: what is over the share is left out before another's is touched. */
static void test_client_share_in_one_drain(void **state)
{
	struct bench *bench = bench_new(80);
	struct ipaddr asker = bench_key(2, 0).address;
	int refused = 0;

	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		want(bench, 1, "*.example", i, BENCH_BELOW);
	store_for_client(bench->store, &asker);
	store_for_pattern(bench->store, "*.example");
	for (unsigned int i = 0; i < 200; i++)
		refused += bench_plan(bench, FLOOD + i, "a.example", 0) == -EDQUOT;
	bench_finish(bench);
	assert_int_equal(refused, 130);
	assert_int_equal(counters.elements_over_limit, 130);
	assert_int_equal(known_of(bench, 0, 10), 10);
	assert_int_equal(want(bench, 2, "*.example", FLOOD + 500, BENCH_LIFE), 1); /* it goes on in the next */
	bench_free(bench);
}

/* Many clients flood a wildcard, or one with many addresses. */
static void test_pattern_share(void **state)
{
	struct bench *bench = bench_new(80);

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		want(bench, 1 + i % 4, "*.other", i, BENCH_BELOW);
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(want(bench, FLOOD + i, "*.example", FLOOD + i, BENCH_LIFE), 1);
	assert_int_equal(known_of(bench, 0, 20), 20);
	assert_int_equal(known_of(bench, FLOOD + 440, 60), 60);
	assert_int_equal(counters.elements_over_share, 440);
	bench_free(bench);
}

/* One asker for all, a forwarder: the whole store is its own. */
static void test_share_of_a_forwarder(void **state)
{
	struct bench *bench = bench_new(80);
	char pattern[32];

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(pattern, sizeof(pattern), "*.n%u.example", i % 50);
		assert_int_equal(want(bench, 1, pattern, i, BENCH_LIFE), 1);
	}
	assert_int_equal(store_count(bench->store), 80);
	assert_int_equal(known_of(bench, 120, 80), 80);
	bench_free(bench);
}

/* What two clients asked for neither can push out, nor claim for its own by asking. */
static void test_shared_element(void **state)
{
	struct bench *bench = bench_new(80);
	struct store_view view;

	(void)state;
	want(bench, 1, "*.example", 1, BENCH_LIFE / 2);
	assert_int_equal(want(bench, 2, "*.example", 1, BENCH_LIFE / 2), 0);
	for (unsigned int i = 0; i < 500; i++)
		want(bench, 2, "*.other", FLOOD + i, BENCH_LIFE);
	assert_true(bench_known(bench, 1, &view));
	for (unsigned int i = 0; i < 500; i++)
		want(bench, 1, "*.third", 2 * FLOOD + i, BENCH_LIFE);
	assert_true(bench_known(bench, 1, &view));
	bench_free(bench);
}

/* What an exact name brought never goes for a wildcard, the other way round it does. */
static void test_exact_names_stay(void **state)
{
	struct bench *bench = bench_new(80);

	(void)state;
	for (unsigned int i = 0; i < 40; i++)
		want(bench, 1, i % 2 ? "www.example" : "*.example", i, BENCH_BELOW + i * 1000);
	for (unsigned int i = 0; i < 40; i += 2)
		want(bench, 1, "www.example", i, BENCH_BELOW); /* an exact name, too */
	for (unsigned int i = 0; i < 500; i++)
		want(bench, FLOOD + i, i % 2 ? "*.example" : "*.other", FLOOD + i, BENCH_LIFE);
	assert_int_equal(known_of(bench, 0, 40), 40);
	for (unsigned int i = 40; i < 80; i++)
		assert_int_equal(want(bench, 1, "www.example", i, BENCH_LIFE), 1);
	assert_int_equal(known_of(bench, 0, 80), 80);
	assert_int_equal(want(bench, 2, "*.example", FLOOD, BENCH_LIFE), -EDQUOT);
	assert_int_equal(counters.elements_over_limit, 1);
	assert_int_equal(want(bench, 2, "www.example", 80, BENCH_LIFE), 1);
	assert_int_equal(known_of(bench, 0, 81), 80);
	bench_free(bench);
}

/* Eight clients and four patterns with exactly their shares: none is over it, and what ends first goes, whoever holds it. */
static void test_exactly_a_share(void **state)
{
	static const char *const patterns[] = { "*.a.example", "*.b.example", "*.c.example", "*.d.example" };
	struct bench *bench = bench_new(80);
	struct store_view view;

	(void)state;
	for (unsigned int i = 0; i < 80; i++)
		want(bench, 1 + i / 10, patterns[i / 10 % 4], i, i < 70 ? BENCH_LIFE : BENCH_BELOW);
	assert_int_equal(want(bench, 1, patterns[0], 80, BENCH_LIFE), 1);
	assert_int_equal(known_of(bench, 0, 70), 70);
	assert_false(bench_known(bench, 70, &view));
	assert_int_equal(counters.elements_over_share, 0);
	/* Now it holds more. */
	assert_int_equal(want(bench, 1, patterns[0], 81, BENCH_LIFE), 1);
	assert_int_equal(known_of(bench, 71, 9), 9);
	assert_false(bench_known(bench, 0, &view));
	assert_int_equal(counters.elements_over_share, 1);
	bench_free(bench);
}

/* Lives at random, refreshed and deleted at random: what goes is always what ends first of the client's own. */
static void test_share_in_order(void **state)
{
	struct bench *bench = bench_new(400);
	struct store_view view;

	(void)state;
	srand(7);
	for (unsigned int i = 0; i < 100; i++)
		want(bench, 1, "*.other", i, BENCH_BELOW);
	for (unsigned int i = 0; i < 6000; i++) {
		uint64_t evicted = counters.elements_evicted;
		unsigned int first = 0, ties = 0, address = FLOOD + (unsigned int)rand() % 1000;
		struct element_key key = bench_key(FLOOD + (unsigned int)rand() % 1000, 443);

		for (unsigned int k = FLOOD; k < FLOOD + 1000; k++)
			if (bench_known(bench, k, &view) && (!first || bench_left(bench, k) < bench_left(bench, first)))
				first = k;
		for (unsigned int k = FLOOD; first && k < FLOOD + 1000; k++)
			ties += k != first && bench_known(bench, k, &view) &&
				bench_left(bench, k) == bench_left(bench, first);
		if (i % 5 == 0 && store_plan_delete(bench->store, &key) == 0)
			bench_finish(bench);
		else
			want(bench, 2, i % 3 ? "*.example" : "*.third", address, BENCH_LIFE + rand() % BENCH_LIFE);
		if (counters.elements_evicted == evicted || ties)
			continue;
		assert_int_equal(counters.elements_evicted, evicted + 1);
		assert_false(bench_known(bench, first, &view));
	}
	assert_true(counters.elements_evicted > 1000);
	assert_int_equal(known_of(bench, 0, 100), 100);
	bench_free(bench);
}

/* ---- places in the lists and heaps ---- */

#define ROOM 64
#define FILLING (ROOM - ROOM / 8)

static uint32_t enter(struct store *store, uint8_t client, uint32_t number)
{
	struct element_key key = { .address = { .family = IPADDR_V4, .bytes = { 192, 0, 2, (uint8_t)number } },
				   .l4proto = IPPROTO_TCP,
				   .port = 443 };
	struct ipaddr asker = { .family = IPADDR_V4, .bytes = { 10, 1, 0, client } };
	uint32_t hash, index;

	store_for_client(store, &asker);
	store_for_pattern(store, "*.example");
	assert_true(store_reserve(store) >= 0);
	assert_int_equal(store_lookup(store, &key, &hash), 0);
	index = store_enter(store, &key, hash, 1000 - number);
	store_heap_insert(store, index);
	return index;
}

static void listed_are(const struct store *store, uint32_t count)
{
	for (enum store_share kind = 0; kind < STORE_SHARES; kind++) {
		uint32_t found = 0;

		assert_int_equal(store->listed[kind], count);
		for (size_t i = 0; i < LIMIT_SHARE_LANES; i++)
			for (uint32_t at = store->lanes[kind][i].listed; at;
			     at = store_element_at(store, at)->nodes[kind].next)
				found++;
		assert_int_equal(found, count);
	}
}

/* Of several clients, in the order in which their lanes come. */
static void test_listed_until_it_fills(void **state)
{
	struct bench *bench = bench_new(ROOM);
	struct store *store = bench->store;

	(void)state;
	for (uint32_t i = 0; i < FILLING - 1; i++) {
		enter(store, (uint8_t)(i % 5), i);
		listed_are(store, i + 1);
	}
	for (uint32_t i = FILLING - 1; i < ROOM; i++)
		enter(store, (uint8_t)(i % 5), i);
	listed_are(store, 0);
	enter(store, 1, ROOM); /* what comes then, too */
	listed_are(store, 0);
	bench_free(bench);
}

/* From the head, the middle and the end of a list, and from a heap. */
static void test_taken_out(void **state)
{
	struct bench *bench = bench_new(ROOM);
	struct store *store = bench->store;
	uint32_t indices[ROOM];

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		indices[i] = enter(store, 1, i);
	store_heap_remove(store, indices[7]);
	store_heap_remove(store, indices[3]);
	store_heap_remove(store, indices[0]);
	listed_are(store, 5);
	for (uint32_t i = 0; i < 8; i += 7)
		store_heap_insert(store, indices[i]);
	store_heap_insert(store, indices[3]);
	listed_are(store, 8);
	for (uint32_t i = 8; i < ROOM; i++)
		indices[i] = enter(store, 1, i);
	listed_are(store, 0);
	for (uint32_t i = 0; i < ROOM; i++)
		store_heap_remove(store, indices[i]);
	for (enum store_share kind = 0; kind < STORE_SHARES; kind++)
		for (size_t i = 0; i < LIMIT_SHARE_LANES; i++)
			assert_int_equal(store->lanes[kind][i].root, 0);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_share),          cmocka_unit_test(test_client_share_in_one_drain),
		cmocka_unit_test(test_pattern_share),         cmocka_unit_test(test_share_of_a_forwarder),
		cmocka_unit_test(test_shared_element),        cmocka_unit_test(test_exact_names_stay),
		cmocka_unit_test(test_exactly_a_share),       cmocka_unit_test(test_share_in_order),
		cmocka_unit_test(test_listed_until_it_fills), cmocka_unit_test(test_taken_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
