/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/snoop/bench.o */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
/* What a kernel that judges answers itself is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/snoop/bench.h"

struct told {
	unsigned int derived, settled, known, forgotten;
	int64_t left, life;
	char name[DNS_NAME_TEXT_SIZE];
	bool settled_last; /* after every derived name */
};

static void told_derived(void *context, const struct dns_name *name, int64_t life_ms)
{
	struct told *told = context;

	told->derived++;
	told->settled_last = false;
	told->life = life_ms;
	dns_name_to_text(name, told->name);
}

static void told_settle(void *context)
{
	struct told *told = context;

	told->settled++;
	told->settled_last = true;
}

static void told_known(void *context, const uint8_t *message, size_t length, int64_t left_ms)
{
	struct told *told = context;

	assert_non_null(message);
	assert_true(length > 12);
	told->known++;
	told->left = left_ms;
}

static void told_forget(void *context)
{
	((struct told *)context)->forgotten++;
}

static struct snoop_assist assist_of(struct told *told)
{
	return (struct snoop_assist) { told, told_derived, told_settle, told_known, told_forget };
}

/* Known is what changed nothing, for as long as half of the grace more than its TTL is left. */
static void test_assist_known(void **state)
{
	struct bench *bench = bench_usual();
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	snoop_set_assist(bench->snoop, &assist);
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 600);
	bench_answer_a(bench, "www.example.org", "198.51.101.8", 600);
	bench_drain(bench);
	assert_int_equal(told.known, 0);
	bench_advance(bench, 10000);
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 590);
	bench_drain(bench);
	assert_int_equal(told.known, 1);
	assert_int_equal(told.left, 650000 - 30000);
	/* In the same drain as a change of the element, nobody knows how that ends. */
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 3600);
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_drain(bench);
	assert_true(told.known == 1 || told.left == 0);
	bench_free(bench);
}

/* An answer that another group would learn from is not known, whoever asked. */
static void test_assist_groups(void **state)
{
	struct bench *bench = bench_usual();
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	fake_policy_add(&bench->fake, 1, "www.example.com", "tcp/443");
	snoop_set_assist(bench->snoop, &assist);
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kiosks";
	fake_policy_set_groups(1);
	for (unsigned int i = 0; i < 2; i++) {
		bench_answer_a(bench, "www.example.com", "198.51.101.7", 600);
		bench_drain(bench);
	}
	assert_int_equal(told.known, 1);
	assert_true(told.left <= 0);
	bench_free(bench);
}

static void test_assist_derived(void **state)
{
	struct bench *bench = bench_usual();
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	snoop_set_assist(bench->snoop, &assist);
	for (unsigned int i = 0; i < 2; i++) {
		bench_answer_cname(bench, "www.example.com", "edge.cdn.test", 30);
		bench_drain(bench);
	}
	assert_int_equal(told.derived, 2);
	assert_true(told.settled_last);
	assert_string_equal(told.name, "edge.cdn.test");
	assert_int_equal(told.life, 30000 + LIMIT_DERIVED_EXTRA_MS);
	assert_int_equal(told.known, 0); /* it prolongs the derived name each time */
	bench_advance(bench, 10000);
	snoop_tell_derived(bench->snoop, bench->now);
	assert_int_equal(told.derived, 3);
	assert_int_equal(told.life, 20000 + LIMIT_DERIVED_EXTRA_MS);
	bench_free(bench);
}

/* Before elements go early, and when an own address may have been given up. */
static void test_assist_forget(void **state)
{
	struct bench *bench = bench_new(2);
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	snoop_set_assist(bench->snoop, &assist);
	bench_answer_a(bench, "a.example.com", "198.51.101.1", 600);
	bench_drain(bench);
	bench_answer_a(bench, "b.example.com", "198.51.101.2", 600);
	bench_drain(bench);
	assert_int_equal(told.forgotten, 0);
	bench_answer_a(bench, "c.example.com", "198.51.101.3", 600);
	bench_drain(bench);
	assert_int_equal(counters.elements_evicted, 1);
	assert_int_equal(told.forgotten, 1);
	assert_int_equal(snoop_set_own_addresses(bench->snoop, NULL, 0), 0);
	assert_int_equal(told.forgotten, 2);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assist_known),
		cmocka_unit_test(test_assist_groups),
		cmocka_unit_test(test_assist_derived),
		cmocka_unit_test(test_assist_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
