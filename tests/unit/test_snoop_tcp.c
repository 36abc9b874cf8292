/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/snoop/bench.o tests/unit/snoop/speech.o */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
/* Answers in the segments of DNS over TCP. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/snoop/bench.h"
#include "tests/unit/snoop/speech.h"

static void test_tcp_answer(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	speech_say(&speech, bench);
	speech_segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	speech_segment(bench, &speech, PACKET_ACK, 20, speech.length);
	assert_int_equal(bench_drain(bench), 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), -ENOENT);
	speech_segment(bench, &speech, PACKET_ACK, 0, 20);
	assert_int_equal(bench_drain(bench), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(counters.answers, 1);
	assert_int_equal(counters.answers_taught, 1);
	assert_int_equal(counters.packets_unread, 0);
	bench_free(bench);
}

static void test_tcp_messages_in_one_segment(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };

	(void)state;
	bench_answer_a(bench, "one.example.com", "198.51.101.1", 60);
	speech_say(&speech, bench);
	bench_answer_a(bench, "one.example.org", "198.51.101.2", 60); /* not allowed */
	speech_say(&speech, bench);
	bench_answer_a(bench, "two.example.com", "198.51.101.3", 60);
	speech_say(&speech, bench);
	speech_segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	speech_segment(bench, &speech, PACKET_ACK | PACKET_FIN, 0, speech.length);
	assert_int_equal(bench_drain(bench), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.2"), -ENOENT);
	assert_true(bench_open_443(bench, "198.51.101.3") > 0);
	assert_int_equal(counters.tcp_messages, 3);
	bench_free(bench);
}

/* Only the segment that completes the answer is dropped, with its second copy; what is sent again is judged again. */
static void test_tcp_dropped(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };
	size_t end;

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	speech_say(&speech, bench);
	end = speech.length;
	bench_answer_a(bench, "www.example.org", "198.51.101.2", 60);
	speech_say(&speech, bench);
	speech_segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	speech_segment(bench, &speech, PACKET_ACK, 0, 20);
	speech_segment(bench, &speech, PACKET_ACK, 20, end);
	speech_segment(bench, &speech, PACKET_ACK, 20, end);
	speech_segment(bench, &speech, PACKET_ACK, end, speech.length);
	assert_string_equal(snoop_refusal(bench->snoop), strerror(0));
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENFILE);
	assert_int_equal(bench_drain(bench), 1 << 2 | 1 << 3);
	assert_string_equal(snoop_refusal(bench->snoop), "the set is full");
	assert_int_equal(counters.answers_dropped, 1);
	assert_int_equal(counters.tcp_segments_dropped, 1);
	assert_int_equal(counters.answers_taught, 0);
	speech_segment(bench, &speech, PACKET_ACK, 20, end - 1);
	assert_int_equal(bench_drain(bench), 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), -ENOENT);
	speech_segment(bench, &speech, PACKET_ACK, end - 1, end);
	assert_int_equal(bench_drain(bench), 0);
	assert_true(bench_open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(counters.answers_taught, 1);
	bench_free(bench);
}

static void test_tcp_seen_in_the_middle(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };

	(void)state;
	bench_answer_a(bench, "www.example.com", "198.51.101.1", 60);
	speech_say(&speech, bench);
	speech_segment(bench, &speech, PACKET_ACK, 0, speech.length);
	speech_segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	bench->answers[1].octets[21] = 54; /* another port */
	assert_int_equal(bench_drain(bench), 0);
	assert_int_equal(bench_open_443(bench, "198.51.101.1"), -ENOENT);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
	assert_int_equal(counters.packets_unread, 1);
	assert_int_equal(counters.answers, 0);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_answer),
		cmocka_unit_test(test_tcp_messages_in_one_segment),
		cmocka_unit_test(test_tcp_dropped),
		cmocka_unit_test(test_tcp_seen_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
