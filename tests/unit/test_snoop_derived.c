/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/snoop/bench.o */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
/* Names at the end of a chain without addresses: who asks for them next learns by the name that was asked for first. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/lifetime.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/snoop/bench.h"

/* A chain that ends without an address: the client's next question is for its end. */
static void test_derived(void **state)
{
	struct bench *bench = bench_usual();
	struct element_key key = bench_key("198.51.101.7", 0, "tcp/443");
	struct store_view view;
	const char *comment;
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.6", 60);
	bench_answer_cname(bench, "www.example.com", "edge.cdn.test", 30);
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.7", 60); /* of the same drain */
	bench_answer_a(bench, "x.edge.cdn.test", "198.51.101.8", 60);
	bench_answer_a(bench, "cdn.test", "198.51.101.9", 60);
	bench_drain(bench);
	assert_int_equal(fake_table_count(bench->kernel), 1);
	assert_int_equal(fake_table_find(bench->kernel, &key, &comment), 300000 + LIFETIME_BACKSTOP_MS);
	assert_string_equal(comment, "www.example.com");
	assert_int_equal(counters.answers_derived, 1);
	assert_int_equal(counters.answers_without_policy, 3);
	/* By its origin it is explained and kept; it has the name that was asked for, too. */
	assert_int_equal(store_find(bench->store, &key, &view), 0);
	assert_int_equal(view.name_count, 2);
	assert_string_equal(dns_name_to_text(&view.names[0].name, text), "www.example.com");
	assert_string_equal(dns_name_to_text(&view.names[1].name, text), "edge.cdn.test");
	assert_false(view.names[0].derived);
	assert_true(view.names[1].derived);
	/* For its TTL and a little. */
	bench_advance(bench, 30000 + LIMIT_DERIVED_EXTRA_MS - 1);
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.10", 60);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.10") > 0);
	bench_advance(bench, 1);
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.11", 60);
	bench_drain(bench);
	assert_int_equal(bench_open_443(bench, "198.51.101.11"), -ENOENT);
	bench_free(bench);
}

/* A chain in pieces of one CNAME an answer: followed so far, then no further, nor round and round. */
static void test_derived_depth(void **state)
{
	struct bench *bench = bench_usual();
	char from[32] = "www.example.com", to[32];

	(void)state;
	for (int i = 1; i <= LIMIT_DERIVED_DEPTH + 1; i++) {
		snprintf(to, sizeof(to), "step%d.test", i);
		bench_answer_cname(bench, from, to, 60);
		snprintf(from, sizeof(from), "%s", to);
	}
	for (int i = 1; i <= LIMIT_DERIVED_DEPTH + 1; i++) {
		snprintf(from, sizeof(from), "198.51.101.%d", i);
		snprintf(to, sizeof(to), "step%d.test", i);
		bench_answer_a(bench, to, from, 60);
	}
	bench_answer_cname(bench, "step1.test", "www.example.com", 60);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	snprintf(from, sizeof(from), "198.51.101.%d", LIMIT_DERIVED_DEPTH);
	assert_true(bench_open_443(bench, from) > 0);
	snprintf(from, sizeof(from), "198.51.101.%d", LIMIT_DERIVED_DEPTH + 1);
	assert_int_equal(bench_open_443(bench, from), -ENOENT);
	assert_int_equal(counters.derived_too_deep, 1);
	assert_int_equal(derived_count(snoop_derived(bench->snoop)), LIMIT_DERIVED_DEPTH);
	bench_free(bench);
}

/* A question that is not allowed derives nothing, nor does an answer that has an address at its end. */
static void test_derived_from_allowed_only(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_answer *one;

	(void)state;
	bench_answer_cname(bench, "www.example.org", "edge.cdn.test", 60);
	one = bench_answer(bench, "www.example.com");
	fake_answer_record(one, "www.example.com", DNS_TYPE_CNAME, 60, "end.cdn.test");
	fake_answer_record(one, "end.cdn.test", DNS_TYPE_A, 60, "198.51.101.1");
	one = bench_answer(bench, "www.example.com"); /* off the chain */
	fake_answer_record(one, "other.example.com", DNS_TYPE_CNAME, 60, "other.cdn.test");
	bench_drain(bench);
	assert_int_equal(derived_count(snoop_derived(bench->snoop)), 0);
	bench_free(bench);
}

/* The rules of every origin and of the name itself unite, each in its own groups. */
static void test_derived_rules(void **state)
{
	struct bench *bench = bench_usual();
	size_t other = fake_policy_add(&bench->fake, 1, "*.example.net", "tcp/8443");

	(void)state;
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kiosks";
	fake_policy_add(&bench->fake, 0, "edge.cdn.test", "tcp/80");
	bench->fake.entries[other].lifetime = (struct config_lifetime) { .grace = 0, .min = 900, .max = 86400 };
	fake_policy_set_groups(3);
	bench_answer_cname(bench, "www.example.com", "edge.cdn.test", 60);
	bench_answer_cname(bench, "www.example.net", "edge.cdn.test", 60);
	bench_drain(bench);
	fake_policy_set_groups(1); /* the asker is no kiosk */
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.1", 60);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_true(bench_open_for(bench, "198.51.101.1", 0, "tcp/80") > 0);
	assert_int_equal(bench_open_for(bench, "198.51.101.1", 1, "tcp/8443"), -ENOENT);
	fake_policy_set_groups(3);
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.1", 60);
	bench_drain(bench);
	assert_int_equal(bench_open_for(bench, "198.51.101.1", 1, "tcp/8443"), 900000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(store_count(bench->store), 3);
	/* What one group's client derived is nothing to another group. */
	fake_policy_set_groups(1);
	bench_answer_cname(bench, "mail.example.com", "mail.cdn.test", 60);
	bench_drain(bench);
	fake_policy_set_groups(2);
	bench_answer_a(bench, "mail.cdn.test", "198.51.101.2", 60);
	bench_drain(bench);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(counters.answers_without_group, 1);
	bench_free(bench);
}

/* A rule counts once, however many origins it allows: else those of the last origin would not fit. */
static void test_derived_rules_once(void **state)
{
	static const char *const orders[2][4] = {
		{ "a.example.com", "b.example.com", "c.example.com", "z.example.net" },
		{ "z.example.net", "a.example.com", "b.example.com", "c.example.com" },
	};
	static const char *const targets[2] = { "one.example.com", "two.example.com" };
	struct bench *bench = bench_new(100);

	(void)state;
	for (unsigned int i = 0; i < 1 + LIMIT_NAME_MATCHES / 4; i++)
		fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "*.example.net", "tcp/8443");
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int k = 0; k < 4; k++)
			bench_answer_cname(bench, orders[i][k], targets[i], 60);
	bench_drain(bench);
	bench_answer_a(bench, targets[0], "198.51.101.1", 60);
	bench_answer_a(bench, targets[1], "198.51.101.2", 60);
	bench_drain(bench);
	assert_true(bench_open_for(bench, "198.51.101.1", 0, "tcp/8443") > 0);
	assert_true(bench_open_for(bench, "198.51.101.2", 0, "tcp/8443") > 0);
	bench_free(bench);
}

/* A reload: derived names and what they brought stay while the origin is allowed, and go with it. */
static void test_derived_reload(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;

	(void)state;
	bench_answer_cname(bench, "www.example.com", "edge.cdn.test", 3600);
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.1", 3600);
	bench_drain(bench);
	fake_policy_init(&next);
	fake_policy_add(&next, 0, "elsewhere.example.org", "tcp/443");
	fake_policy_add(&next, 0, "www.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.2", 3600);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	fake_policy_init(&bench->fake);
	fake_policy_add(&bench->fake, 0, "elsewhere.example.org", "tcp/443");
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	assert_int_equal(derived_count(snoop_derived(bench->snoop)), 0);
	bench_free(bench);
}

/* The kernel's comment is the origin: after a restart without a state file the element stays. */
static void test_derived_restart(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_cname(bench, "www.example.com", "edge.cdn.test", 3600);
	bench_answer_a(bench, "edge.cdn.test", "198.51.101.1", 3600);
	bench_drain(bench);
	snoop_free(bench->snoop);
	store_free(bench->store);
	bench->store = store_new(&bench_hash_key, 1000);
	bench->snoop = snoop_new(bench->store, bench->kernel, &bench_hash_key);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), 0);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derived),
		cmocka_unit_test(test_derived_depth),
		cmocka_unit_test(test_derived_from_allowed_only),
		cmocka_unit_test(test_derived_rules),
		cmocka_unit_test(test_derived_rules_once),
		cmocka_unit_test(test_derived_reload),
		cmocka_unit_test(test_derived_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
