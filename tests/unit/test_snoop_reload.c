/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/snoop/bench.o */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/adopt.o learn/resolvers.o base/log.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
/* Another policy, and another life of the daemon: what is pruned, what is renumbered, what is adopted from the kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/adopt.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/snoop/bench.h"

static void test_prune(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;

	(void)state;
	fake_policy_port(&bench->fake, 0, "tcp/80");
	fake_policy_add(&bench->fake, 0, "gone.example.net", "tcp/443");
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	bench_answer_a(bench, "gone.example.net", "198.51.101.2", 60);
	bench_answer_a(bench, "gone.example.net", "198.51.101.3", 60); /* shared with a name that stays */
	bench_answer_a(bench, "too.example.com", "198.51.101.3", 60);
	bench_drain(bench);
	fake_policy_init(&next);
	fake_policy_add(&next, 0, "*.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(bench_open_for(bench, "198.51.101.1", 0, "tcp/80"), -ENOENT);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_true(bench_open_443(bench, "198.51.101.3") > 0);
	assert_int_equal(bench_open_for(bench, "198.51.101.3", 0, "tcp/80"), -ENOENT);
	assert_int_equal(counters.elements_dropped, 3);
	bench_free(bench);
}

struct prune_pause {
	struct bench *bench;
	unsigned int calls;
};

/* An answer that comes while the learned elements are compared. */
static void learn_in_pause(void *context)
{
	struct prune_pause *pause = context;
	char address[32];

	snprintf(address, sizeof(address), "198.51.102.%u", ++pause->calls);
	bench_answer_a(pause->bench, "new.example.com", address, 60);
	assert_int_equal(bench_drain(pause->bench), 0);
	snoop_tick(pause->bench->snoop, pause->bench->now);
	assert_true(bench_open_443(pause->bench, address) > 0);
}

static void test_prune_pauses(void **state)
{
	struct bench *bench = bench_new(8000);
	struct prune_pause pause = { bench, 0 };
	struct fake_policy next;
	char name[64], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "*.example.net", "tcp/443");
	for (unsigned int i = 0; i < 3 * LIMIT_PRUNE_SLICE; i++) {
		snprintf(name, sizeof(name), "n%u.example.%s", i, i % 2 ? "com" : "net");
		snprintf(address, sizeof(address), "20.1.%u.%u", i / 256, i % 256);
		bench_answer_a(bench, name, address, 60);
		if (i % 32 == 31)
			assert_int_equal(bench_drain(bench), 0);
	}
	assert_int_equal(fake_table_count(bench->kernel), 3 * LIMIT_PRUNE_SLICE);
	fake_policy_init(&next);
	fake_policy_add(&next, 0, "*.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, learn_in_pause, &pause), 0);
	assert_in_range(pause.calls, 2, 3);
	assert_int_equal(fake_table_count(bench->kernel), 3 * LIMIT_PRUNE_SLICE / 2 + pause.calls);
	assert_int_equal(counters.elements_dropped, 3 * LIMIT_PRUNE_SLICE / 2);
	assert_true(bench_open_443(bench, "20.1.0.1") > 0);
	assert_int_equal(bench_open_443(bench, "20.1.0.2"), -ENOENT);
	bench_free(bench);
}

static void test_prune_fails(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	bench_drain(bench);
	fake_policy_init(&next);
	snoop_set_policy(bench->snoop, &next.policy);
	fake_table_fail(bench->kernel, FAKE_LOSE_REQUEST, 1, 0);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), -EAGAIN);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), -ENOENT);
	bench_free(bench);
}

/* More than a transaction holds, and the first one fails: told, and done by the ticks. */
static void test_prune_many(void **state)
{
	struct bench *bench = bench_new(5000);

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	bench_answer_many(bench, 6);
	bench_drain(bench);
	fake_policy_init(&bench->fake);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -EBUSY);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), -EAGAIN);
	assert_int_equal(fake_table_count(bench->kernel), LIMIT_BATCH_ELEMENTS);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	assert_int_equal(counters.elements_dropped, 1500);
	bench_free(bench);
}

/* An address that has become the gateway's own since. */
static void test_prune_own(void **state)
{
	struct bench *bench = bench_usual();
	struct ipaddr own;

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_drain(bench);
	ipaddr_from_text("198.51.101.7", &own);
	snoop_set_own_addresses(bench->snoop, &own, 1);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.7"), -ENOENT);
	bench_free(bench);
}

static void test_prune_private(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench->fake.configs[0].private_answers = true;
	bench_answer_a(bench, "www.example.com", "10.1.2.3", 60);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "10.1.2.3") > 0);
	bench->fake.configs[0].private_answers = false;
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(bench_open_443(bench, "10.1.2.3"), -ENOENT);
	bench_free(bench);
}

/* A reload that reorders the groups: elements follow theirs by name, those of a group that went are forgotten. */
static void test_groups_move(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;
	struct store_view view;
	struct element_key key = bench_key("198.51.101.1", 1, "tcp/443");

	(void)state;
	bench->fake.policy.group_count = 3;
	bench->fake.groups[1].name = "kiosks";
	bench->fake.groups[2].name = "servers";
	fake_policy_set_groups(7);
	fake_policy_add(&bench->fake, 1, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 2, "*.example.com", "tcp/443");
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	bench_drain(bench);
	assert_int_equal(store_count(bench->store), 3);
	fake_policy_init(&next);
	next.policy.group_count = 2;
	next.groups[1].name = "servers";
	fake_policy_add(&next, 1, "*.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(store_count(bench->store), 1);
	assert_int_equal(store_find(bench->store, &key, &view), 0);
	assert_int_equal(view.key.group, 1);
	bench_free(bench);
}

static void test_adopt(void **state)
{
	struct bench *bench = bench_usual();
	struct element_key keys[6] = {
		bench_key("198.51.101.1", 0, "tcp/443"), bench_key("198.51.101.2", 0, "tcp/443"),
		bench_key("198.51.101.3", 0, "tcp/443"), bench_key("198.51.101.4", 0, "tcp/80"),
		bench_key("198.51.101.5", 0, "tcp/443"), bench_key("198.51.101.6", 0, "tcp/443"),
	};
	struct store_view view;

	(void)state;
	fake_table_put(bench->kernel, &keys[0], 130000, "www.example.com");
	fake_table_put(bench->kernel, &keys[1], 130000, "www.example.org"); /* not allowed any more */
	fake_table_put(bench->kernel, &keys[2], 130000, ""); /* an entry has that port */
	fake_table_put(bench->kernel, &keys[3], 130000, ""); /* none has that port */
	fake_table_put(bench->kernel, &keys[4], 20000, "www.example.com"); /* on the backstop already */
	fake_table_put(bench->kernel, &keys[5], 130000, "aaaaaaaaaaaaaaaaaaaaaa.example.c~");
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), 0);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(store_find(bench->store, &keys[0], &view), 0);
	assert_int_equal(monotime_until(bench->now, view.deadline), 100000);
	assert_int_equal(view.name_count, 1);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_true(bench_open_443(bench, "198.51.101.3") > 0);
	assert_int_equal(bench_open_for(bench, "198.51.101.4", 0, "tcp/80"), -ENOENT);
	assert_int_equal(store_find(bench->store, &keys[5], &view), 0);
	assert_int_equal(view.name_count, 0);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(bench_open_443(bench, "198.51.101.5"), -ENOENT);
	assert_int_equal(store_count(bench->store), 3);
	assert_int_equal(counters.elements_adopted, 6);
	fake_table_fail_dump(bench->kernel, -EINTR);
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), -EINTR);
	bench_free(bench);
}

/* The kernel does not tell what its sets hold: they are asked again each second, and nothing stays open without an owner. */
static void test_adopt_in_the_end(void **state)
{
	struct bench *bench = bench_new(8);
	struct element_key known = bench_key("198.51.101.1", 0, "tcp/443"),
			   forbidden = bench_key("198.51.101.2", 0, "tcp/443");
	struct adopt adopt = { .snoop = bench->snoop, .wanted = true };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	counters.adoptions_failed = 0;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_table_put(bench->kernel, &known, 130000, "www.example.com");
	fake_table_put(bench->kernel, &forbidden, 130000, "www.example.org");
	for (int i = 0; i < 3; i++) {
		fake_table_fail_dump(bench->kernel, -ENOBUFS);
		assert_int_equal(adopt_tick(&adopt, bench->now), 1000);
		assert_true(adopt.wanted);
		bench->now = monotime_add(bench->now, 600);
		assert_int_equal(adopt_tick(&adopt, bench->now), 400);
		bench->now = monotime_add(bench->now, 400);
	}
	assert_int_equal(store_count(bench->store), 0);
	assert_int_equal(counters.adoptions_failed, 3);
	assert_int_equal(adopt_tick(&adopt, bench->now), -1);
	assert_false(adopt.wanted);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(adopt_tick(&adopt, monotime_add(bench->now, 100000)), -1);
	bench_free(bench);
}

/* More in the kernel than the limit allows: the rest is told, and not left without an owner. */
static void test_adopt_more_than_fits(void **state)
{
	struct bench *bench = bench_new(2);
	struct element_key keys[3] = { bench_key("198.51.101.1", 0, "tcp/443"), bench_key("198.51.101.2", 0, "tcp/443"),
				       bench_key("198.51.101.3", 0, "tcp/443") };

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	for (size_t i = 0; i < 3; i++)
		fake_table_put(bench->kernel, &keys[i], 130000, "www.example.com");
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), -EDQUOT);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(fake_table_count(bench->kernel), 2);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_prune_pauses),
		cmocka_unit_test(test_prune_fails),
		cmocka_unit_test(test_prune_many),
		cmocka_unit_test(test_prune_own),
		cmocka_unit_test(test_prune_private),
		cmocka_unit_test(test_groups_move),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_adopt_in_the_end),
		cmocka_unit_test(test_adopt_more_than_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
