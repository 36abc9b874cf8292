/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/snoop/bench.o */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
/* The transactions of a drain and of a tick: what they hold, when they fail, and when memory or the store is full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/snoop/bench.h"

/* ---- a drain ---- */

static void test_whole_drain_is_one_transaction(void **state)
{
	struct bench *bench = bench_usual();
	char name[32], address[32];

	(void)state;
	for (unsigned int i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.51.101.%u", i);
		bench_answer_a(bench, name, address, 60);
	}
	assert_int_equal(bench_drain(bench), 0);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	assert_int_equal(fake_table_count(bench->kernel), LIMIT_DRAIN_PACKETS);
	bench_free(bench);
}

static void test_failed_transaction_drops(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_a(bench, "old.example.com", "198.51.101.1", 60);
	bench_drain(bench);
	bench_answer_a(bench, "old.example.com", "198.51.101.1", 60); /* known */
	bench_answer_a(bench, "new.example.com", "198.51.101.2", 60);
	bench_answer_a(bench, "off.example.org", "198.51.101.3", 60); /* not allowed */
	bench_answer_a(bench, "two.example.com", "198.51.101.4", 60);
	bench_answer_a(bench, "new.example.com", "198.51.101.2", 60); /* depends on the same element */
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 1, -ENFILE);
	assert_int_equal(bench_drain(bench), 1 << 1 | 1 << 4);
	assert_int_equal(counters.answers_dropped, 2);
	assert_int_equal(counters.answers_known, 1);
	assert_int_equal(counters.answers_taught, 2); /* the first one ever, and "two" */
	/* The client asks again. */
	bench_answer_a(bench, "new.example.com", "198.51.101.2", 60);
	assert_int_equal(bench_drain(bench), 0);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	bench_free(bench);
}

static void test_lost_answer_of_the_kernel(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_a(bench, "new.example.com", "198.51.101.2", 60);
	fake_table_fail(bench->kernel, FAKE_LOSE_ANSWER, 1, 0);
	assert_int_equal(bench_drain(bench), 1);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(store_count(bench->store), 0);
	bench_free(bench);
}

/* More than a transaction holds: several, and all are over before a verdict. The failure of one drops its own packets
 * only. */
static void test_large_drain(void **state)
{
	struct bench *bench = bench_new(20000);
	uint64_t drop;

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	bench_answer_many(bench, 10);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 3, -ENOMEM);
	drop = bench_drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 3);
	/* 2 * 1024 were committed: the answers 0 to 7 wholly, 8 in part. */
	assert_int_equal(drop, 1 << 8 | 1 << 9);
	assert_int_equal(fake_table_count(bench->kernel), 2048);
	assert_int_equal(counters.answers_taught, 8);
	bench_free(bench);
}

/* Beyond the memory that was set aside: the answer is dropped, the next drain has room for it. */
static void test_drain_beyond_memory(void **state)
{
	struct bench *bench = bench_new(100000);
	uint64_t drop = 1;

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_port(&bench->fake, 0, "tcp/80");
	for (int turn = 0; turn < 3 && drop; turn++) {
		bench_answer_many(bench, 12);
		drop = bench_drain(bench);
		if (turn == 0)
			assert_int_equal(drop, 0xf00);
	}
	assert_int_equal(drop, 0);
	assert_true(counters.elements_without_memory > 0);
	assert_int_equal(fake_table_count(bench->kernel), 6000);
	bench_free(bench);
}

/* A full store, and a kernel that takes every add and refuses every deletion: bounded, and over when the kernel
 * relents. */
static void test_full_and_no_deletions(void **state)
{
	struct bench *bench = bench_new(64);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_table_refuse_deletions(bench->kernel, true);
	for (unsigned int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.%u.%u", i / 250, i % 250);
		bench_answer_a(bench, name, address, 60);
		bench_drain(bench);
	}
	assert_in_range(store_count(bench->store), 64, 64 + LIMIT_BATCH_ELEMENTS);
	assert_true(counters.answers_dropped > 0);
	fake_table_refuse_deletions(bench->kernel, false);
	for (unsigned int i = 2000; i < 2003; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.%u.%u", i / 250, i % 250);
		bench_answer_a(bench, name, address, 60);
		bench_drain(bench);
	}
	assert_int_equal(store_count(bench->store), 64);
	assert_int_equal(fake_table_count(bench->kernel), 64);
	bench_free(bench);
}

/* The same client's flood of a wildcard does not cost it what an exact name brought. */
static void test_flood_and_exact_name(void **state)
{
	struct bench *bench = bench_new(64);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "exact.example.net", "tcp/443");
	bench_answer_a(bench, "exact.example.net", "198.51.101.2", 0);
	bench_drain(bench);
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.0.%u", i);
		bench_answer_a(bench, name, address, 3600);
		bench_drain(bench);
	}
	assert_int_equal(store_count(bench->store), 64);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	bench_free(bench);
}

/* Bypass row: one client floods a wildcard to evict others' addresses. */
static void test_flood(void **state)
{
	struct bench *bench = bench_new(400);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "exact.example.net", "tcp/443");
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 0);
	bench_answer_a(bench, "exact.example.net", "198.51.101.2", 0);
	bench_drain(bench);
	for (unsigned int i = 0; i < 3000; i++) {
		struct fake_answer *next = &bench->answers[bench->count++];

		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.%u.%u", i / 250, i % 250);
		fake_answer_start(next, "10.1.0.66", name, DNS_TYPE_A);
		fake_answer_record(next, name, DNS_TYPE_A, 3600, address);
		if (bench->count == 32)
			assert_int_equal(bench_drain(bench), 0);
	}
	bench_drain(bench);
	assert_int_equal(store_count(bench->store), 400);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	assert_int_equal(counters.elements_over_share, 3002 - 400);
	bench_answer_a(bench, "mail.example.com", "198.51.101.3", 0); /* another client goes on learning */
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_true(bench_open_443(bench, "198.51.101.3") > 0);
	bench_free(bench);
}

/* ---- time ---- */

static void test_expired_ride_along(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_a(bench, "old.example.com", "198.51.101.1", 60);
	bench_drain(bench);
	bench_advance(bench, 300000);
	/* A drain that changes nothing does not pay for it. */
	bench_answer_a(bench, "off.example.org", "198.51.101.3", 60);
	bench_drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	bench_answer_a(bench, "new.example.com", "198.51.101.2", 60);
	bench_drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 2);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), -ENOENT);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	assert_int_equal(counters.elements_expired, 1);
	bench_free(bench);
}

static void test_tick(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	bench_answer_a(bench, "a.example.com", "198.51.101.1", 60);
	bench_drain(bench);
	bench_advance(bench, 400);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 299600);
	bench_answer_a(bench, "b.example.com", "198.51.101.2", 60);
	bench_drain(bench);
	bench_advance(bench, 299600);
	/* Due now. The next one is due in 400 ms, but a tick a second is enough. */
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 1000);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), -ENOENT);
	bench_advance(bench, 500);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 500);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	bench_advance(bench, 500);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(fake_table_commits(bench->kernel), 4);
	bench_free(bench);
}

/* A kernel that says no is asked once a second. */
static void test_tick_after_failure(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_a(bench, "a.example.com", "198.51.101.1", 60);
	bench_drain(bench);
	bench_advance(bench, 300000);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -EBUSY);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 1000);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 1000);
	assert_int_equal(fake_table_commits(bench->kernel), 2);
	bench_advance(bench, 1000);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	bench_free(bench);
}

/* More due at once than a transaction holds: the rest follows without waiting a second. */
static void test_tick_of_many(void **state)
{
	struct bench *bench = bench_new(5000);

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	bench_answer_many(bench, 6);
	bench_drain(bench);
	assert_int_equal(store_count(bench->store), 1500);
	bench_advance(bench, 300000);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 0);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_drain_is_one_transaction),
		cmocka_unit_test(test_failed_transaction_drops),
		cmocka_unit_test(test_lost_answer_of_the_kernel),
		cmocka_unit_test(test_large_drain),
		cmocka_unit_test(test_drain_beyond_memory),
		cmocka_unit_test(test_full_and_no_deletions),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_and_exact_name),
		cmocka_unit_test(test_expired_ride_along),
		cmocka_unit_test(test_tick),
		cmocka_unit_test(test_tick_after_failure),
		cmocka_unit_test(test_tick_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
