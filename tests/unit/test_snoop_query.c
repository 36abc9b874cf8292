/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/snoop/bench.o tests/unit/snoop/speech.o */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
/* verify = "query": an answer is believed once, and when it was asked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/snoop/bench.h"
#include "tests/unit/snoop/speech.h"

static void asked(struct bench *bench, struct queries *queries, uint8_t l4proto, const char *qname)
{
	struct queries_flow flow;
	struct queries_question question = { .id = 0x1234, .type = DNS_TYPE_A };
	struct dns_name name;

	memset(&flow, 0, sizeof(flow));
	assert_int_equal(ipaddr_from_text("10.1.0.9", &flow.client), 0);
	assert_int_equal(ipaddr_from_text("10.2.0.2", &flow.resolver), 0);
	flow.client_port = 0xc350;
	flow.resolver_port = 53;
	flow.l4proto = l4proto;
	assert_int_equal(dns_name_from_text(qname, &name), 0);
	question.name = &name;
	queries_see(queries, &flow, &question, bench->now);
}

static void test_query_unasked(void **state)
{
	struct bench *bench = bench_usual();
	struct queries *queries = queries_new(&bench_hash_key);

	(void)state;
	snoop_set_queries(bench->snoop, queries);
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	assert_int_equal(bench_drain(bench), 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), -ENOENT);
	assert_int_equal(counters.answers_unasked, 1);
	asked(bench, queries, IPPROTO_TCP, "www.example.com"); /* by another protocol */
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	bench_drain(bench);
	assert_int_equal(counters.answers_unasked, 2);
	asked(bench, queries, IPPROTO_UDP, "www.example.com");
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	bench_answer_a(bench, "www.example.com", "198.51.101.2", 60); /* a second one in the same drain */
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(counters.answers_repeated, 1);
	/* An error is an answer. */
	asked(bench, queries, IPPROTO_UDP, "www.example.com");
	fake_answer_flags(bench_answer(bench, "www.example.com"), 0x8182);
	bench_answer_a(bench, "www.example.com", "198.51.101.2", 60);
	bench_drain(bench);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(counters.answers_repeated, 2);
	/* Back to flow. */
	snoop_set_queries(bench->snoop, NULL);
	bench_answer_a(bench, "www.example.com", "198.51.101.2", 60);
	bench_drain(bench);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	bench_free(bench);
	queries_free(queries);
}

/* An answer that was dropped because it could not be committed is believed when it comes again. */
static void test_query_dropped(void **state)
{
	struct bench *bench = bench_usual();
	struct queries *queries = queries_new(&bench_hash_key);
	struct speech speech = { .length = 0 };

	(void)state;
	snoop_set_queries(bench->snoop, queries);
	asked(bench, queries, IPPROTO_UDP, "www.example.com");
	asked(bench, queries, IPPROTO_TCP, "tcp.example.com");
	bench_answer_a(bench, "tcp.example.com", "198.51.101.2", 60);
	speech_say(&speech, bench);
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	speech_segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	speech_segment(bench, &speech, PACKET_ACK, 0, speech.length);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENFILE);
	assert_int_equal(bench_drain(bench), 1 << 0 | 1 << 2);
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	speech_segment(bench, &speech, PACKET_ACK, 0, speech.length);
	assert_int_equal(bench_drain(bench), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_true(bench_open_443(bench, "198.51.101.2") > 0);
	assert_int_equal(counters.answers_repeated + counters.answers_unasked, 0);
	bench_free(bench);
	queries_free(queries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query_unasked),
		cmocka_unit_test(test_query_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
