/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/lifetime.h"
#include "learn/store.h"
#include "tests/unit/fake_element.h"

#define LIFE 300000
#define BELOW 90000

static const struct hash_key hash_key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

struct bench {
	struct store *store;
	struct table *kernel;
	struct monotime now;
};

static struct bench *bench_new(size_t limit)
{
	static struct bench bench;

	memset(&counters, 0, sizeof(counters));
	bench = (struct bench) { .store = store_new(&hash_key, limit), .kernel = fake_table_new(), .now = { 1000000 } };
	assert_non_null(bench.store);
	fake_table_set_time(bench.kernel, bench.now);
	return &bench;
}

static void bench_free(struct bench *bench)
{
	store_free(bench->store);
	fake_table_free(bench->kernel);
}

static void advance(struct bench *bench, int64_t ms)
{
	bench->now.msec += ms;
	fake_table_set_time(bench->kernel, bench->now);
}

static struct element_key key_of(unsigned int address, uint16_t port)
{
	uint8_t octets[4] = { 198, (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address };

	return (struct element_key) { .address = ipaddr_from_bytes(IPADDR_V4, octets),
				      .l4proto = IPPROTO_TCP,
				      .port = port };
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

static int plan_as(struct bench *bench, unsigned int address, const char *text, uint32_t ttl, int64_t life,
		   int64_t below, unsigned int packet)
{
	struct element_key key = key_of(address, 443);
	struct dns_name name = name_of(text);

	return store_plan(bench->store, &key, &name, ttl, bench->now, life, below, packet);
}

static int plan(struct bench *bench, unsigned int address, const char *text, unsigned int packet)
{
	return plan_as(bench, address, text, 60, LIFE, BELOW, packet);
}

static size_t planned(const struct bench *bench)
{
	size_t count;

	store_changes(bench->store, &count);
	return count;
}

/* Commits, settles, ends the drain. Returns the packets that failed. */
static uint64_t finish(struct bench *bench)
{
	size_t count;
	struct element_change *changes = store_changes(bench->store, &count);
	uint64_t failed;

	if (count)
		element_commit(bench->kernel, changes, count);
	failed = store_settle(bench->store);
	assert_int_equal(planned(bench), 0);
	assert_int_equal(store_reserve(bench->store), 0);
	return failed;
}

static int64_t in_kernel(const struct bench *bench, unsigned int address)
{
	struct element_key key = key_of(address, 443);

	return fake_table_find(bench->kernel, &key, NULL);
}

static bool known(const struct bench *bench, unsigned int address, struct store_view *view)
{
	struct element_key key = key_of(address, 443);

	return store_find(bench->store, &key, view) == 0;
}

/* Remaining life in ms by the store's own account. */
static int64_t left(const struct bench *bench, unsigned int address)
{
	struct store_view view;

	assert_true(known(bench, address, &view));
	return monotime_until(bench->now, view.deadline);
}

static void assert_name(const struct store_view *view, size_t i, const char *text, uint32_t ttl)
{
	char out[DNS_NAME_TEXT_SIZE];

	assert_true(i < view->name_count);
	assert_string_equal(dns_name_to_text(&view->names[i].name, out), text);
	assert_int_equal(view->names[i].ttl, ttl);
}

/* ---- the usual ways ---- */

static void test_add(void **state)
{
	struct bench *bench = bench_new(100);
	struct store_view view;
	const char *comment;
	struct element_key key = key_of(1, 443);

	(void)state;
	assert_int_equal(plan(bench, 1, "A.Example.com", 3), 1);
	assert_int_equal(finish(bench), 0);
	assert_true(known(bench, 1, &view));
	assert_int_equal(view.ttl, 60);
	assert_int_equal(view.name_count, 1);
	assert_name(&view, 0, "a.example.com", 60);
	assert_int_equal(left(bench, 1), LIFE);
	assert_int_equal(fake_table_find(bench->kernel, &key, &comment), LIFE + LIFETIME_BACKSTOP_MS);
	assert_string_equal(comment, "a.example.com");
	assert_int_equal(counters.elements_added, 1);
	assert_int_equal(store_count(bench->store), 1);
	bench_free(bench);
}

static void test_known_costs_nothing(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	plan(bench, 1, "a.example", 0);
	finish(bench);
	advance(bench, LIFE - BELOW);
	assert_int_equal(plan(bench, 1, "a.example", 0), 0);
	assert_int_equal(planned(bench), 0);
	advance(bench, 1);
	assert_int_equal(plan(bench, 1, "a.example", 0), 1);
	assert_int_equal(planned(bench), 1);
	assert_int_equal(finish(bench), 0);
	assert_int_equal(left(bench, 1), LIFE);
	assert_int_equal(in_kernel(bench, 1), LIFE + LIFETIME_BACKSTOP_MS);
	assert_int_equal(counters.elements_refreshed, 1);
	bench_free(bench);
}

/* A fresher TTL on a known element lengthens it, a smaller one never shortens it. */
static void test_refresh_both_ways(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	plan_as(bench, 1, "a.example", 60, 300000, 90000, 0);
	finish(bench);
	assert_int_equal(plan_as(bench, 1, "a.example", 3600, 3660000, 3630000, 0), 1);
	finish(bench);
	assert_int_equal(left(bench, 1), 3660000);
	assert_int_equal(plan_as(bench, 1, "a.example", 0, 300000, 30000, 0), 0);
	finish(bench);
	assert_int_equal(left(bench, 1), 3660000);
	/* Asked for more than it offers: nothing to gain. */
	assert_int_equal(plan_as(bench, 1, "a.example", 0, 300000, 9999999, 0), 0);
	assert_int_equal(planned(bench), 0);
	bench_free(bench);
}

static void test_one_drain_merges(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	assert_int_equal(plan_as(bench, 1, "a.example", 60, 300000, 90000, 0), 1);
	assert_int_equal(plan_as(bench, 1, "b.example", 900, 960000, 930000, 1), 1);
	assert_int_equal(plan_as(bench, 1, "a.example", 60, 300000, 90000, 2), 1);
	assert_int_equal(planned(bench), 1);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 1, -ENFILE);
	assert_int_equal(finish(bench), 7);
	assert_int_equal(store_count(bench->store), 0);
	plan_as(bench, 1, "a.example", 60, 300000, 90000, 0);
	plan_as(bench, 1, "b.example", 900, 960000, 930000, 1);
	assert_int_equal(finish(bench), 0);
	assert_int_equal(left(bench, 1), 960000);
	assert_int_equal(in_kernel(bench, 1), 960000 + LIFETIME_BACKSTOP_MS);
	bench_free(bench);
}

/* Who has enough with what the kernel holds does not depend on the refresh of another. */
static void test_failed_refresh(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	plan(bench, 1, "a.example", 0);
	finish(bench);
	advance(bench, LIFE - 80000);
	assert_int_equal(plan(bench, 1, "a.example", 5), 1);
	assert_int_equal(plan_as(bench, 1, "a.example", 10, LIFE, 40000, 6), 0);
	assert_int_equal(plan_as(bench, 1, "a.example", 70, LIFE, 100000, 7), 1);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENOMEM);
	assert_int_equal(finish(bench), 1 << 5 | 1 << 7);
	assert_int_equal(left(bench, 1), 80000);
	assert_int_equal(counters.elements_refused, 1);
	advance(bench, 80000);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	bench_free(bench);
}

/* ---- the end of a life ---- */

static void test_expire(void **state)
{
	struct bench *bench = bench_new(100);
	struct monotime deadline;

	(void)state;
	assert_false(store_next_deadline(bench->store, &deadline));
	plan(bench, 1, "a.example", 0);
	advance(bench, 5);
	plan(bench, 2, "a.example", 0);
	finish(bench);
	assert_true(store_next_deadline(bench->store, &deadline));
	assert_int_equal(monotime_until(bench->now, deadline), LIFE - 5);
	advance(bench, LIFE - 6);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 0);
	advance(bench, 1);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	assert_int_equal(store_count(bench->store), 1);
	finish(bench);
	assert_int_equal(in_kernel(bench, 1), -ENOENT);
	assert_true(in_kernel(bench, 2) > 0);
	assert_int_equal(counters.elements_expired, 1);
	bench_free(bench);
}

static void test_failed_delete_is_tried_again(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	plan(bench, 1, "a.example", 0);
	finish(bench);
	advance(bench, LIFE);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -EBUSY);
	finish(bench);
	assert_int_equal(store_count(bench->store), 1);
	assert_true(in_kernel(bench, 1) > 0);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	finish(bench);
	assert_int_equal(store_count(bench->store), 0);
	assert_int_equal(in_kernel(bench, 1), -ENOENT);
	bench_free(bench);
}

/* Asked again after its end, before or while it is deleted: it lives on, in one transaction. */
static void test_wanted_again(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	for (int planned_first = 0; planned_first < 2; planned_first++) {
		plan(bench, 1, "a.example", 0);
		finish(bench);
		advance(bench, LIFE + 10);
		if (planned_first)
			assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
		assert_int_equal(plan(bench, 1, "a.example", 9), 1);
		assert_int_equal(planned(bench), 1);
		assert_int_equal(store_count(bench->store), 1);
		fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENOMEM);
		assert_int_equal(finish(bench), 1 << 9);
		assert_int_equal(left(bench, 1), -10);
		assert_int_equal(plan(bench, 1, "a.example", 9), 1);
		assert_int_equal(finish(bench), 0);
		assert_int_equal(left(bench, 1), LIFE);
		assert_int_equal(in_kernel(bench, 1), LIFE + LIFETIME_BACKSTOP_MS);
	}
	bench_free(bench);
}

/* ---- failures ---- */

static void test_rollback(void **state)
{
	struct bench *bench = bench_new(100);
	struct store_view view;

	(void)state;
	for (unsigned int i = 1; i <= 5; i++)
		plan(bench, i, "a.example", i);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 3, -ENFILE);
	assert_int_equal(finish(bench), 1 << 3);
	assert_int_equal(store_count(bench->store), 4);
	assert_false(known(bench, 3, &view));
	assert_int_equal(counters.elements_added, 4);
	assert_int_equal(counters.elements_refused, 1);
	bench_free(bench);
}

/* A lost answer leaves an element that may be there: it is deleted next, or added again when asked for. */
static void test_lost_answer(void **state)
{
	struct bench *bench = bench_new(100);
	struct monotime deadline;

	(void)state;
	plan(bench, 1, "a.example", 0);
	plan(bench, 2, "a.example", 1);
	fake_table_fail(bench->kernel, FAKE_LOSE_ANSWER, 1, 0);
	assert_int_equal(finish(bench), 3);
	assert_true(in_kernel(bench, 1) > 0);
	assert_true(store_next_deadline(bench->store, &deadline));
	assert_true(monotime_before(deadline, bench->now));
	assert_int_equal(plan(bench, 2, "a.example", 0), 1);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	assert_int_equal(finish(bench), 0);
	assert_int_equal(in_kernel(bench, 1), -ENOENT);
	assert_int_equal(left(bench, 2), LIFE);
	assert_int_equal(store_count(bench->store), 1);
	bench_free(bench);
}

/* An overflow of the socket tells as little: what was asked for may have been done. */
static void test_overflow(void **state)
{
	struct bench *bench = bench_new(100);
	struct monotime deadline;

	(void)state;
	plan(bench, 1, "a.example", 0);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENOBUFS);
	assert_int_equal(finish(bench), 1);
	assert_true(store_next_deadline(bench->store, &deadline));
	assert_true(monotime_before(deadline, bench->now));
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	assert_int_equal(finish(bench), 0);
	assert_int_equal(store_count(bench->store), 0);
	bench_free(bench);
}

/* The texts of one plan are not those of the next, though the name is the same. */
static void test_comment_of_the_next_plan(void **state)
{
	struct bench *bench = bench_new(100);
	const char *comment;

	(void)state;
	plan(bench, 1, "a.example", 0);
	finish(bench);
	for (unsigned int i = 2; i < 5; i++) {
		struct element_key key = key_of(i, 443);

		plan(bench, i, "a.example", 0);
		finish(bench);
		assert_true(fake_table_find(bench->kernel, &key, &comment) > 0);
		assert_string_equal(comment, "a.example");
	}
	bench_free(bench);
}

/* What the policy forbids must go, however often the kernel says no. */
static void test_unwanted(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = key_of(1, 443), missing = key_of(9, 443);

	(void)state;
	plan(bench, 1, "a.example", 0);
	finish(bench);
	assert_int_equal(store_plan_delete(bench->store, &missing), -ENOENT);
	assert_int_equal(store_plan_delete(bench->store, &key), 0);
	assert_int_equal(store_plan_delete(bench->store, &key), 0);
	for (int i = 0; i < 3; i++) {
		fake_table_fail(bench->kernel, FAKE_LOSE_REQUEST, 1, 0);
		finish(bench);
		assert_int_equal(store_count(bench->store), 1);
		assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	}
	finish(bench);
	assert_int_equal(store_count(bench->store), 0);
	assert_int_equal(in_kernel(bench, 1), -ENOENT);
	assert_int_equal(counters.elements_dropped, 1);
	assert_int_equal(counters.elements_expired, 0);
	bench_free(bench);
}

/* ---- limits ---- */

static void test_full(void **state)
{
	struct bench *bench = bench_new(3);
	struct store_view view;

	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		plan(bench, i, "a.example", 0);
		finish(bench);
		advance(bench, 1000);
	}
	assert_int_equal(plan(bench, 4, "b.example", 0), 1);
	assert_int_equal(planned(bench), 2);
	assert_int_equal(store_count(bench->store), 3);
	assert_int_equal(finish(bench), 0);
	assert_false(known(bench, 1, &view));
	assert_int_equal(in_kernel(bench, 1), -ENOENT);
	assert_true(known(bench, 4, &view));
	assert_int_equal(counters.elements_evicted, 1);
	/* A failed batch: the evicted one is back, the new one is not there. */
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENFILE);
	assert_int_equal(plan(bench, 5, "b.example", 1), 1);
	assert_int_equal(finish(bench), 2);
	assert_true(known(bench, 2, &view));
	assert_false(known(bench, 5, &view));
	assert_int_equal(store_count(bench->store), 3);
	bench_free(bench);
}

/* What the running drain needs is not evicted: added, refreshed or merely found. */
static void test_full_of_needed(void **state)
{
	struct bench *bench = bench_new(3);
	struct store_view view;

	(void)state;
	plan(bench, 1, "a.example", 0);
	plan(bench, 2, "a.example", 0);
	finish(bench);
	advance(bench, 1000);
	assert_int_equal(plan(bench, 1, "a.example", 1), 0);
	assert_int_equal(plan(bench, 3, "a.example", 2), 1);
	assert_int_equal(plan(bench, 4, "a.example", 3), 1); /* number 2 goes */
	assert_int_equal(plan(bench, 5, "a.example", 4), -EDQUOT);
	assert_int_equal(counters.elements_over_limit, 1);
	assert_int_equal(finish(bench), 0);
	assert_true(known(bench, 1, &view));
	assert_false(known(bench, 2, &view));
	/* A new drain needs other things. */
	assert_int_equal(plan(bench, 5, "a.example", 4), 1);
	assert_int_equal(finish(bench), 0);
	assert_int_equal(store_count(bench->store), 3);
	bench_free(bench);
}

/* ---- shares ---- */

/* One wish of a client in a drain of its own. */
static int want(struct bench *bench, unsigned int client, const char *pattern, unsigned int address, int64_t life)
{
	struct ipaddr asker = key_of(client, 0).address;
	int rc;

	store_for_client(bench->store, &asker);
	store_for_pattern(bench->store, pattern);
	rc = plan_as(bench, address, "a.example", 60, life, BELOW, 0);
	finish(bench);
	advance(bench, 10);
	return rc;
}

static unsigned int known_of(const struct bench *bench, unsigned int from, unsigned int count)
{
	struct store_view view;
	unsigned int found = 0;

	for (unsigned int i = from; i < from + count; i++)
		found += known(bench, i, &view);
	return found;
}

#define FLOOD 10000 /* the first address of a flood */

/* A client floods a wildcard: it pushes out its own, the oldest-expiring first, and nobody else's. */
static void test_client_share(void **state)
{
	struct bench *bench = bench_new(80);

	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		want(bench, 1, "*.example", i, BELOW); /* they end first */
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(want(bench, 2, "*.example", FLOOD + i, LIFE), 1);
	assert_int_equal(store_count(bench->store), 80);
	assert_int_equal(known_of(bench, 0, 10), 10);
	assert_int_equal(known_of(bench, FLOOD + 430, 70), 70);
	assert_int_equal(counters.elements_over_share, 430);
	/* Others find room at its cost. */
	for (unsigned int i = 10; i < 20; i++)
		assert_int_equal(want(bench, 3, "*.other", i, LIFE), 1);
	assert_int_equal(known_of(bench, 0, 20), 20);
	assert_int_equal(known_of(bench, FLOOD + 440, 60), 60);
	bench_free(bench);
}

/* The whole flood in one drain: what is over the share is left out before another's is touched. */
static void test_client_share_in_one_drain(void **state)
{
	struct bench *bench = bench_new(80);
	struct ipaddr asker = key_of(2, 0).address;
	int refused = 0;

	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		want(bench, 1, "*.example", i, BELOW);
	store_for_client(bench->store, &asker);
	store_for_pattern(bench->store, "*.example");
	for (unsigned int i = 0; i < 200; i++)
		refused += plan(bench, FLOOD + i, "a.example", 0) == -EDQUOT;
	finish(bench);
	assert_int_equal(refused, 130);
	assert_int_equal(counters.elements_over_limit, 130);
	assert_int_equal(known_of(bench, 0, 10), 10);
	assert_int_equal(want(bench, 2, "*.example", FLOOD + 500, LIFE), 1); /* it goes on in the next */
	bench_free(bench);
}

/* Many clients flood a wildcard, or one with many addresses. */
static void test_pattern_share(void **state)
{
	struct bench *bench = bench_new(80);

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		want(bench, 1 + i % 4, "*.other", i, BELOW);
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(want(bench, FLOOD + i, "*.example", FLOOD + i, LIFE), 1);
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
		assert_int_equal(want(bench, 1, pattern, i, LIFE), 1);
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
	want(bench, 1, "*.example", 1, LIFE / 2);
	assert_int_equal(want(bench, 2, "*.example", 1, LIFE / 2), 0);
	for (unsigned int i = 0; i < 500; i++)
		want(bench, 2, "*.other", FLOOD + i, LIFE);
	assert_true(known(bench, 1, &view));
	for (unsigned int i = 0; i < 500; i++)
		want(bench, 1, "*.third", 2 * FLOOD + i, LIFE);
	assert_true(known(bench, 1, &view));
	bench_free(bench);
}

/* What an exact name brought never goes for a wildcard, the other way round it does. */
static void test_exact_names_stay(void **state)
{
	struct bench *bench = bench_new(80);

	(void)state;
	for (unsigned int i = 0; i < 40; i++)
		want(bench, 1, i % 2 ? "www.example" : "*.example", i, BELOW + i * 1000);
	for (unsigned int i = 0; i < 40; i += 2)
		want(bench, 1, "www.example", i, BELOW); /* an exact name, too */
	for (unsigned int i = 0; i < 500; i++)
		want(bench, FLOOD + i, i % 2 ? "*.example" : "*.other", FLOOD + i, LIFE);
	assert_int_equal(known_of(bench, 0, 40), 40);
	for (unsigned int i = 40; i < 80; i++)
		assert_int_equal(want(bench, 1, "www.example", i, LIFE), 1);
	assert_int_equal(known_of(bench, 0, 80), 80);
	assert_int_equal(want(bench, 2, "*.example", FLOOD, LIFE), -EDQUOT);
	assert_int_equal(counters.elements_over_limit, 1);
	assert_int_equal(want(bench, 2, "www.example", 80, LIFE), 1);
	assert_int_equal(known_of(bench, 0, 81), 80);
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
		want(bench, 1, "*.other", i, BELOW);
	for (unsigned int i = 0; i < 6000; i++) {
		uint64_t evicted = counters.elements_evicted;
		unsigned int first = 0, ties = 0, address = FLOOD + (unsigned int)rand() % 1000;
		struct element_key key = key_of(FLOOD + (unsigned int)rand() % 1000, 443);

		for (unsigned int k = FLOOD; k < FLOOD + 1000; k++)
			if (known(bench, k, &view) && (!first || left(bench, k) < left(bench, first)))
				first = k;
		for (unsigned int k = FLOOD; first && k < FLOOD + 1000; k++)
			ties += k != first && known(bench, k, &view) && left(bench, k) == left(bench, first);
		if (i % 5 == 0 && store_plan_delete(bench->store, &key) == 0)
			finish(bench);
		else
			want(bench, 2, i % 3 ? "*.example" : "*.third", address, LIFE + rand() % LIFE);
		if (counters.elements_evicted == evicted || ties)
			continue;
		assert_int_equal(counters.elements_evicted, evicted + 1);
		assert_false(known(bench, first, &view));
	}
	assert_true(counters.elements_evicted > 1000);
	assert_int_equal(known_of(bench, 0, 100), 100);
	bench_free(bench);
}

/* What a full store costs, an element with a name of its own every second one. */
static void test_memory(void **state)
{
	struct bench *bench = bench_new(100000);
	char name[48];

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "n%u.some.name.example", i / 2);
		plan(bench, i, name, 0);
		if (i % 32 == 31)
			finish(bench);
	}
	finish(bench);
	assert_int_equal(store_count(bench->store), 100000);
	print_message("# %zu octets an element\n", store_memory(bench->store) / 100000);
	assert_in_range(store_memory(bench->store) / 100000, 100, 165);
	bench_free(bench);
}

/* What was to be evicted is asked for: it stays, with its longer life, and another goes. */
static void test_evicted_and_wanted(void **state)
{
	struct bench *bench = bench_new(2);
	struct store_view view;

	(void)state;
	plan_as(bench, 1, "a.example", 0, 400000, 0, 0);
	plan_as(bench, 2, "a.example", 0, 500000, 0, 0);
	finish(bench);
	assert_int_equal(plan_as(bench, 3, "a.example", 0, 600000, 0, 0), 1);
	assert_int_equal(plan_as(bench, 1, "a.example", 0, 300000, 0, 1), 1);
	assert_int_equal(planned(bench), 3);
	assert_int_equal(finish(bench), 0);
	assert_int_equal(left(bench, 1), 400000);
	assert_int_equal(in_kernel(bench, 1), 400000 + LIFETIME_BACKSTOP_MS);
	assert_false(known(bench, 2, &view));
	assert_int_equal(in_kernel(bench, 2), -ENOENT);
	assert_int_equal(store_count(bench->store), 2);
	bench_free(bench);
}

static void test_plan_is_full(void **state)
{
	struct bench *bench = bench_new(5000);
	unsigned int i = 0;
	char name[32];
	int rc = 0;

	(void)state;
	while (rc >= 0) {
		snprintf(name, sizeof(name), "n%u.example", i / 600);
		rc = plan(bench, ++i, name, 1);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(planned(bench), LIMIT_BATCH_ELEMENTS);
	assert_int_equal(finish(bench), 0);
	assert_int_equal(plan(bench, i, name, 1), 1);
	finish(bench);
	assert_int_equal(store_count(bench->store), LIMIT_BATCH_ELEMENTS + 1);
	bench_free(bench);
}

/* An add to a full store takes two places of the plan, or none. */
static void test_plan_full_of_evictions(void **state)
{
	struct bench *bench = bench_new(1500);
	unsigned int added = 0;
	int rc = 1;

	(void)state;
	for (unsigned int i = 0; i < 1500; i++) {
		if (i % 750 == 0)
			finish(bench);
		plan(bench, i, i < 750 ? "a.example" : "b.example", 0);
	}
	finish(bench);
	assert_int_equal(plan_as(bench, 0, "a.example", 0, 2 * LIFE, 2 * LIFE, 0), 1);
	while (rc >= 0) {
		rc = plan(bench, 5000 + added, added < 400 ? "c.example" : "d.example", 0);
		added += rc >= 0;
	}
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(added, (LIMIT_BATCH_ELEMENTS - 1) / 2);
	assert_int_equal(planned(bench), 1 + 2 * added);
	finish(bench);
	assert_int_equal(counters.elements_evicted, added);
	assert_int_equal(store_count(bench->store), 1500);
	bench_free(bench);
}

/* A planned deletion that turns into an add takes no further place. */
static void test_wanted_again_in_a_full_plan(void **state)
{
	struct bench *bench = bench_new(5000);

	(void)state;
	for (unsigned int i = 0; i < LIMIT_BATCH_ELEMENTS; i++)
		plan(bench, i, "a.example", 0);
	finish(bench);
	advance(bench, LIFE);
	assert_int_equal(store_plan_expired(bench->store, bench->now), LIMIT_BATCH_ELEMENTS);
	assert_int_equal(plan(bench, 7, "a.example", 0), 1);
	assert_int_equal(planned(bench), LIMIT_BATCH_ELEMENTS);
	assert_int_equal(plan(bench, 90000, "b.example", 0), -ENOSPC);
	finish(bench);
	assert_int_equal(store_count(bench->store), 1);
	assert_int_equal(left(bench, 7), LIFE);
	bench_free(bench);
}

/* More names in one plan than comments fit: the plan counts as full. */
static void test_plan_of_many_names(void **state)
{
	struct bench *bench = bench_new(5000);
	char name[32];

	(void)state;
	for (unsigned int i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(plan(bench, i, name, i), 1);
	}
	assert_int_equal(plan(bench, 1000, "another.example", 1), -ENOSPC);
	finish(bench);
	assert_int_equal(plan(bench, 1000, "another.example", 1), 1);
	finish(bench);
	bench_free(bench);
}

static void test_name_has_enough_elements(void **state)
{
	struct bench *bench = bench_new(5000);

	(void)state;
	for (unsigned int i = 0; i < LIMIT_NAME_ELEMENTS; i++)
		assert_int_equal(plan(bench, i, "a.example", 0), 1);
	finish(bench);
	assert_int_equal(plan(bench, 90000, "a.example", 0), -EDQUOT);
	assert_int_equal(counters.name_elements_over_limit, 1);
	assert_int_equal(plan(bench, 90000, "b.example", 0), 1);
	finish(bench);
	/* Another name's element is found, not bound to this name. */
	assert_int_equal(plan(bench, 90000, "a.example", 0), 0);
	assert_int_equal(counters.name_elements_over_limit, 2);
	bench_free(bench);
}

static void test_element_has_enough_names(void **state)
{
	struct bench *bench = bench_new(100);
	struct store_view view;
	char name[32];

	(void)state;
	for (unsigned int i = 0; i < LIMIT_ELEMENT_NAMES; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		plan(bench, 1, name, 0);
	}
	finish(bench);
	assert_int_equal(plan(bench, 1, "late.example", 0), 0);
	assert_int_equal(counters.element_names_over_limit, 1);
	assert_true(known(bench, 1, &view));
	assert_int_equal(view.name_count, LIMIT_ELEMENT_NAMES);
	assert_name(&view, 0, "n0.example", 60);
	/* Names whose own answers have ended make way. */
	for (unsigned int i = 0; i < LIMIT_ELEMENT_NAMES; i += 5) {
		advance(bench, LIFE / 2);
		plan(bench, 1, "n1.example", 0);
		finish(bench);
	}
	plan(bench, 1, "late.example", 0);
	assert_true(known(bench, 1, &view));
	assert_int_equal(view.name_count, LIMIT_ELEMENT_NAMES);
	assert_name(&view, LIMIT_ELEMENT_NAMES - 1, "late.example", 60);
	assert_name(&view, 0, "n1.example", 60);
	bench_free(bench);
}

/* A drain takes what was set aside and no more; then the next one has as much. */
static void test_memory_of_one_drain(void **state)
{
	struct bench *bench = bench_new(100000);
	unsigned int taken = 0, i;
	char name[32];
	int rc;

	(void)state;
	for (i = 0;; i++) {
		snprintf(name, sizeof(name), "n%u.example", i / 500);
		rc = plan(bench, i, name, 1);
		if (rc == -ENOSPC) {
			size_t count;
			struct element_change *changes = store_changes(bench->store, &count);

			element_commit(bench->kernel, changes, count);
			store_settle(bench->store);
			i--;
			continue;
		}
		if (rc < 0)
			break;
		taken++;
	}
	assert_int_equal(rc, -ENOMEM);
	assert_in_range(taken, LIMIT_DRAIN_ELEMENTS, LIMIT_DRAIN_ELEMENTS + LIMIT_BATCH_ELEMENTS);
	assert_int_equal(counters.elements_without_memory, 1);
	finish(bench);
	assert_int_equal(plan(bench, i, name, 1), 1);
	finish(bench);
	bench_free(bench);
}

/* ---- names ---- */

static bool count_views(void *context, const struct store_view *view)
{
	(void)view;
	return ++*(unsigned int *)context < 1000;
}

static unsigned int elements_of(const struct bench *bench, const char *text)
{
	struct dns_name name = name_of(text);
	unsigned int count = 0;

	store_visit_name(bench->store, &name, count_views, &count);
	return count;
}

static void test_names(void **state)
{
	struct bench *bench = bench_new(100);
	unsigned int all = 0;
	char longest[300] = "", hundred[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.";

	(void)state;
	for (int i = 0; i < 5; i++)
		strcat(longest, hundred);
	longest[253] = '\0';
	plan(bench, 1, "a.example", 0);
	plan(bench, 2, "a.example", 0);
	plan(bench, 2, longest, 0);
	plan(bench, 3, longest, 0);
	finish(bench);
	assert_int_equal(elements_of(bench, "a.example"), 2);
	assert_int_equal(elements_of(bench, longest), 2);
	assert_int_equal(elements_of(bench, "b.example"), 0);
	store_visit(bench->store, count_views, &all);
	assert_int_equal(all, 3);
	advance(bench, LIFE);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 3);
	finish(bench);
	assert_int_equal(elements_of(bench, "a.example"), 0);
	assert_int_equal(elements_of(bench, longest), 0);
	bench_free(bench);
}

static void test_long_comment(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = key_of(1, 443);
	char text[256] = "";
	const char *comment;

	(void)state;
	while (strlen(text) < 128)
		strcat(text, "label-of-sixteen.");
	strcat(text, "example");
	plan(bench, 1, text, 0);
	finish(bench);
	assert_true(fake_table_find(bench->kernel, &key, &comment) > 0);
	assert_int_equal(strlen(comment), LIMIT_ELEMENT_COMMENT + 1);
	assert_int_equal(comment[LIMIT_ELEMENT_COMMENT], '~');
	assert_memory_equal(comment, text, LIMIT_ELEMENT_COMMENT);
	bench_free(bench);
}

/* ---- keys ---- */

static void test_keys_differ(void **state)
{
	struct bench *bench = bench_new(100);
	struct dns_name name = name_of("a.example");
	struct element_key keys[6];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		keys[i] = key_of(1, 443);
	keys[1].port = 444;
	keys[2].l4proto = IPPROTO_UDP;
	keys[3].group = 1;
	keys[4].address.family = IPADDR_V6;
	keys[5].address.bytes[3] = 2;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(store_plan(bench->store, &keys[i], &name, 60, bench->now, LIFE, BELOW, 0), 1);
	finish(bench);
	assert_int_equal(store_count(bench->store), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(store_plan(bench->store, &keys[i], &name, 60, bench->now, LIFE, BELOW, 0), 0);
	bench_free(bench);
}

static void test_regroup(void **state)
{
	struct bench *bench = bench_new(100);
	struct dns_name name = name_of("a.example");
	struct element_key keys[3] = { key_of(1, 443), key_of(1, 443), key_of(1, 443) };
	uint8_t map[256];
	struct store_view view;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		keys[i].group = (uint8_t)i;
		store_plan(bench->store, &keys[i], &name, 60, bench->now, LIFE + 1000 * (int64_t)i, BELOW, 0);
	}
	finish(bench);
	memset(map, STORE_NO_GROUP, sizeof(map));
	map[1] = 2;
	map[2] = 1;
	store_regroup(bench->store, map);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(store_find(bench->store, &keys[0], &view), -ENOENT);
	assert_int_equal(store_find(bench->store, &keys[1], &view), 0);
	assert_int_equal(monotime_until(bench->now, view.deadline), LIFE + 2000);
	assert_int_equal(store_find(bench->store, &keys[2], &view), 0);
	assert_int_equal(monotime_until(bench->now, view.deadline), LIFE + 1000);
	assert_int_equal(elements_of(bench, "a.example"), 2);
	bench_free(bench);
}

static void test_adopt(void **state)
{
	struct bench *bench = bench_new(3);
	struct dns_name name = name_of("a.example");
	struct element_key keys[4] = { key_of(1, 443), key_of(2, 443), key_of(3, 443), key_of(4, 443) };
	struct store_view view;

	(void)state;
	assert_int_equal(store_adopt(bench->store, &keys[0], &name, monotime_add(bench->now, 5000)), 0);
	assert_int_equal(store_adopt(bench->store, &keys[0], &name, monotime_add(bench->now, 9000)), -EEXIST);
	assert_int_equal(store_adopt(bench->store, &keys[1], NULL, monotime_add(bench->now, -7)), 0);
	assert_int_equal(store_adopt(bench->store, &keys[2], NULL, monotime_add(bench->now, 6000)), 0);
	assert_int_equal(store_adopt(bench->store, &keys[3], NULL, monotime_add(bench->now, 6000)), -EDQUOT);
	assert_int_equal(store_find(bench->store, &keys[0], &view), 0);
	assert_int_equal(view.ttl, 0);
	assert_name(&view, 0, "a.example", 0);
	assert_int_equal(store_find(bench->store, &keys[1], &view), 0);
	assert_int_equal(view.name_count, 0);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	finish(bench);
	assert_int_equal(counters.elements_adopted, 3);
	/* The next answer gives it a name and a TTL. */
	assert_int_equal(plan(bench, 3, "b.example", 0), 1);
	finish(bench);
	assert_int_equal(store_find(bench->store, &keys[2], &view), 0);
	assert_int_equal(view.ttl, 60);
	assert_name(&view, 0, "b.example", 60);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_known_costs_nothing),
		cmocka_unit_test(test_refresh_both_ways),
		cmocka_unit_test(test_one_drain_merges),
		cmocka_unit_test(test_failed_refresh),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_failed_delete_is_tried_again),
		cmocka_unit_test(test_wanted_again),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_lost_answer),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_comment_of_the_next_plan),
		cmocka_unit_test(test_unwanted),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_of_needed),
		cmocka_unit_test(test_client_share),
		cmocka_unit_test(test_client_share_in_one_drain),
		cmocka_unit_test(test_pattern_share),
		cmocka_unit_test(test_share_of_a_forwarder),
		cmocka_unit_test(test_shared_element),
		cmocka_unit_test(test_exact_names_stay),
		cmocka_unit_test(test_share_in_order),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_evicted_and_wanted),
		cmocka_unit_test(test_plan_is_full),
		cmocka_unit_test(test_plan_full_of_evictions),
		cmocka_unit_test(test_wanted_again_in_a_full_plan),
		cmocka_unit_test(test_plan_of_many_names),
		cmocka_unit_test(test_name_has_enough_elements),
		cmocka_unit_test(test_element_has_enough_names),
		cmocka_unit_test(test_memory_of_one_drain),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_comment),
		cmocka_unit_test(test_keys_differ),
		cmocka_unit_test(test_regroup),
		cmocka_unit_test(test_adopt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
