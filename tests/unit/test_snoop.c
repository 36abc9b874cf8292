/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/snoop/bench.o */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
/* What an answer in a datagram teaches, and what teaches nothing. Streams, drains, derived names and reloads have programs
 * beside. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "learn/lifetime.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/snoop/bench.h"

/* ---- answers ---- */

static void test_teaches(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 600);
	bench_answer_a(bench, "v6.example.com", "2001:500::7", 60);
	assert_int_equal(bench_drain(bench), 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.7"), 660000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(bench_open_443(bench, "2001:500::7"), 300000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	assert_int_equal(counters.answers, 2);
	assert_int_equal(counters.answers_taught, 2);
	assert_int_equal(counters.elements_added, 2);
	bench_free(bench);
}

static void test_known_answer_costs_nothing(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_drain(bench);
	bench_advance(bench, 100000);
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	assert_int_equal(counters.answers_known, 1);
	/* A fresher TTL than what is left: at once. */
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 3600);
	bench_drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 2);
	assert_int_equal(bench_open_443(bench, "198.51.101.7"), 3660000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(counters.elements_refreshed, 1);
	bench_free(bench);
}

/* The question's name decides, the chain's smallest TTL counts, and records off the chain teach nothing. */
static void test_chain(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_answer *one = bench_answer(bench, "www.example.com");
	struct element_key key = bench_key("198.51.101.9", 0, "tcp/443");
	const char *comment;

	(void)state;
	fake_answer_record(one, "cdn.example.net", DNS_TYPE_A, 86202, "198.51.101.9");
	fake_answer_record(one, "www.example.com", DNS_TYPE_CNAME, 400, "cdn.example.net");
	fake_answer_record(one, "evil.example.com", DNS_TYPE_A, 60, "198.51.101.66");
	bench_drain(bench);
	assert_int_equal(fake_table_find(bench->kernel, &key, &comment), 460000 + LIFETIME_BACKSTOP_MS);
	assert_string_equal(comment, "www.example.com");
	assert_int_equal(bench_open_443(bench, "198.51.101.66"), -ENOENT);
	/* A name of the chain that is allowed does not allow the question. */
	one = bench_answer(bench, "www.example.org");
	fake_answer_record(one, "www.example.org", DNS_TYPE_CNAME, 400, "www.example.com");
	fake_answer_record(one, "www.example.com", DNS_TYPE_A, 400, "198.51.101.10");
	bench_drain(bench);
	assert_int_equal(bench_open_443(bench, "198.51.101.10"), -ENOENT);
	assert_int_equal(counters.answers_without_policy, 1);
	bench_free(bench);
}

static void test_ttls(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench_answer_a(bench, "zero.example.com", "198.51.101.1", 0);
	bench_answer_a(bench, "huge.example.com", "198.51.101.2", 604800);
	bench_answer_a(bench, "top-bit.example.com", "198.51.101.3", 0x80000000); /* 0, RFC 2181 8 */
	bench_drain(bench);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), 300000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), 86400000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(bench_open_443(bench, "198.51.101.3"), 300000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(counters.life_below_ttl, 1);
	bench_free(bench);
}

static void test_ports(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	fake_policy_port(&bench->fake, 0, "udp/3478");
	fake_policy_port(&bench->fake, 0, "icmp");
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_answer_a(bench, "www.example.com", "2001:500::7", 60);
	bench_drain(bench);
	assert_int_equal(store_count(bench->store), 6);
	assert_true(bench_open_for(bench, "198.51.101.7", 0, "udp/3478") > 0);
	assert_true(bench_open_for(bench, "198.51.101.7", 0, "icmp") > 0);
	assert_true(bench_open_for(bench, "2001:500::7", 0, "icmp") > 0);
	assert_int_equal(bench_key("198.51.101.7", 0, "icmp").l4proto, IPPROTO_ICMP);
	assert_int_equal(bench_key("198.51.101.7", 0, "icmp").port, 2048);
	assert_int_equal(bench_key("2001:500::7", 0, "icmp").l4proto, IPPROTO_ICMPV6);
	assert_int_equal(bench_key("2001:500::7", 0, "icmp").port, 32768);
	bench_free(bench);
}

/* Pain 12: one name in two entries fills both; the longer life wins where they meet. */
static void test_two_entries(void **state)
{
	struct bench *bench = bench_usual();
	size_t other = fake_policy_add(&bench->fake, 0, "www.example.com", "tcp/443");

	(void)state;
	fake_policy_port(&bench->fake, other, "tcp/8443");
	bench->fake.entries[other].lifetime = (struct config_lifetime) { .grace = 0, .min = 900, .max = 86400 };
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_drain(bench);
	assert_int_equal(fake_table_changes(bench->kernel), 2);
	assert_int_equal(bench_open_443(bench, "198.51.101.7"), 900000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(bench_open_for(bench, "198.51.101.7", 0, "tcp/8443"), 900000 + LIFETIME_BACKSTOP_MS);
	/* Asked again: both entries are content. */
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	bench_free(bench);
}

static void test_groups(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kiosks";
	fake_policy_add(&bench->fake, 1, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 1, "only.example.net", "tcp/443");
	fake_policy_set_groups(1);
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_answer_a(bench, "only.example.net", "198.51.101.8", 60);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.7") > 0);
	assert_int_equal(bench_open_for(bench, "198.51.101.7", 1, "tcp/443"), -ENOENT);
	assert_int_equal(bench_open_for(bench, "198.51.101.8", 1, "tcp/443"), -ENOENT);
	assert_int_equal(counters.answers_without_group, 1);
	fake_policy_set_groups(3);
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_answer_a(bench, "only.example.net", "198.51.101.8", 60);
	bench_drain(bench);
	assert_true(bench_open_for(bench, "198.51.101.7", 1, "tcp/443") > 0);
	assert_true(bench_open_for(bench, "198.51.101.8", 1, "tcp/443") > 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.8"), -ENOENT);
	bench_free(bench);
}

static void test_reserved_and_own(void **state)
{
	struct bench *bench = bench_usual();
	struct ipaddr own[2];

	(void)state;
	ipaddr_from_text("198.51.101.200", &own[0]);
	ipaddr_from_text("10.9.9.9", &own[1]);
	assert_int_equal(snoop_set_own_addresses(bench->snoop, own, 2), 0);
	fake_policy_add(&bench->fake, 0, "*.corp.example.com", "tcp/443");
	bench->fake.configs[1].private_answers = true;
	bench_answer_a(bench, "www.example.com", "10.1.2.3", 60);
	bench_answer_a(bench, "www.corp.example.com", "10.1.2.4", 60);
	bench_answer_a(bench, "www.example.com", "198.51.101.200", 60);
	bench_answer_a(bench, "www.corp.example.com", "10.9.9.9", 60);
	bench_answer_a(bench, "www.example.com", "198.51.101.7", 60);
	bench_drain(bench);
	assert_int_equal(bench_open_443(bench, "10.1.2.3"), -ENOENT);
	assert_true(bench_open_443(bench, "10.1.2.4") > 0); /* one of its two entries takes it */
	assert_int_equal(bench_open_443(bench, "198.51.101.200"), -ENOENT);
	assert_int_equal(bench_open_443(bench, "10.9.9.9"), -ENOENT);
	assert_true(bench_open_443(bench, "198.51.101.7") > 0);
	assert_int_equal(counters.refused_reserved, 2);
	assert_int_equal(counters.refused_own, 2);
	assert_int_equal(counters.answers_known, 3); /* allowed, and nothing to do */
	assert_int_equal(snoop_set_own_addresses(bench->snoop, NULL, 0), 0);
	bench_answer_a(bench, "www.example.com", "198.51.101.200", 60);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.200") > 0);
	bench_free(bench);
}

/* ---- what is no answer ---- */

static void test_what_cannot_teach(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_answer *one;

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	fake_answer_flags(&bench->answers[0], 0x0100); /* a query */
	bench_answer_a(bench, "www.example.com", "198.51.101.2", 60);
	fake_answer_flags(&bench->answers[1], 0x8183); /* NXDOMAIN */
	bench_answer_a(bench, "www.example.com", "198.51.101.3", 60);
	fake_answer_flags(&bench->answers[2], 0xa980); /* OPCODE 5 */
	bench_answer_a(bench, "www.example.com", "198.51.101.4", 60);
	one = &bench->answers[3];
	one->octets[one->message + 7] = 2; /* a record that is not there */
	bench_answer_a(bench, "www.example.com", "198.51.101.5", 60);
	bench->answers[4].octets[21] = 54; /* source port */
	bench_answer_a(bench, "www.example.com", "198.51.101.6", 60);
	bench->answers[5].octets[9] = IPPROTO_TCP;
	bench_answer_a(bench, "www.example.com", "198.51.101.8", 60);
	bench->answers[6].length -= 1;
	assert_int_equal(bench_drain(bench), 0);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	assert_int_equal(fake_table_commits(bench->kernel), 0);
	assert_int_equal(counters.answers_not_understood, 2);
	assert_int_equal(counters.answers_malformed, 1);
	assert_int_equal(counters.packets_unread, 3);
	assert_int_equal(counters.answers, 1);
	bench_free(bench);
}

/* A payload that could not be received at all, see queue.h. */
static void test_no_payload(void **state)
{
	struct bench *bench = bench_usual();
	struct queue_packet packet = { .id = 1 };

	(void)state;
	assert_int_equal(snoop_drain(bench->snoop, &packet, 1, bench->now), 0);
	assert_int_equal(counters.packets_unread, 1);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_teaches),
		cmocka_unit_test(test_known_answer_costs_nothing),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_ttls),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_two_entries),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_reserved_and_own),
		cmocka_unit_test(test_what_cannot_teach),
		cmocka_unit_test(test_no_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
