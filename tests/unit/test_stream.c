/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/stream/world.o */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
/* Messages read from segments of every kind, in any order, and what comes again. Ends, drops, limits, gaps and a model have
 * programs beside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/stream.h"
#include "tests/unit/stream/world.h"

/* ---- segments of every kind ---- */

static void one_message_in_one_segment(void **state)
{
	(void)state;
	world_begin(&world.server, 1000, 40000);
	world_says(&world.server, 200);
	assert_int_equal(world_pass_part(&world.server, 0, 202), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(stream_flows(world.table), 1);
	assert_int_equal(stream_octets(world.table), 0);
	assert_int_equal(counters.tcp_messages, 1);
	assert_int_equal(counters.tcp_segments, 2);
	assert_int_equal(counters.tcp_flows, 1);
}

/* The second one completes it, whichever it is. */
static void every_pair_of_segments_in_both_orders(void **state)
{
	(void)state;
	for (unsigned int order = 0; order < 2; order++)
		for (size_t cut = 1; cut < 1202; cut++) {
			world_begin(&world.server, 77, 40000);
			world_says(&world.server, 1200);
			assert_int_equal(order ? world_pass_part(&world.server, cut, 1202)
					       : world_pass_part(&world.server, 0, cut),
					 0);
			assert_int_equal(order ? world_pass_part(&world.server, 0, cut)
					       : world_pass_part(&world.server, cut, 1202),
					 1);
			world_assert_got(&world.server, 0, 1);
			assert_int_equal(stream_octets(world.table), 0);
			assert_int_equal(world_feed(&world.server, world.server.first + 1202, PACKET_RST, NULL, 0), 0);
			world_settle(0);
			assert_int_equal(stream_flows(world.table), 0);
		}
}

static void in_one_drain(void **state)
{
	(void)state;
	world_begin(&world.server, 77, 40000);
	for (unsigned int i = 0; i < 30; i++) {
		size_t at = world.server.length;

		world_says(&world.server, 300);
		assert_int_equal(world_feed_part(&world.server, at + 100, at + 302), 0);
		assert_int_equal(world_feed_part(&world.server, at, at + 100), 1);
	}
	assert_int_equal(world_settle(0), 0);
	world_assert_got(&world.server, 0, 30);
	assert_int_equal(stream_octets(world.table), 0);
}

/* What is read makes room in the window at once, before it is settled. */
static void long_messages_in_one_drain(void **state)
{
	(void)state;
	world_begin(&world.server, 77, 40000);
	for (unsigned int i = 0; i < 6; i++) {
		size_t at = world.server.length;

		world_says(&world.server, 60000);
		assert_int_equal(world_feed_part(&world.server, at + 100, at + 60002), 0);
		assert_int_equal(world_feed_part(&world.server, at, at + 100), 1);
	}
	assert_int_equal(counters.tcp_segments_outside, 0);
	assert_int_equal(world_settle(1 << 3), 1 << 3);
	world_assert_got(&world.server, 0, 6);
	assert_int_equal(world_pass_part(&world.server, 60002, 60102), 5);
	world_assert_got(&world.server, 60002, 5);
	assert_int_equal(stream_octets(world.table), 0);
}

static size_t ascending(size_t i, size_t count)
{
	(void)count;
	return i;
}

static size_t descending(size_t i, size_t count)
{
	return count - 1 - i;
}

static size_t odd_ones_first(size_t i, size_t count)
{
	return i < count / 2 ? 2 * i + 1 : 2 * (i - count / 2);
}

static size_t outside_in(size_t i, size_t count)
{
	return i % 2 ? count - 1 - i / 2 : i / 2;
}

static void single_octets_in_any_order(void **state)
{
	size_t (*const orders[])(size_t, size_t) = { ascending, descending, odd_ones_first, outside_in };

	(void)state;
	for (size_t k = 0; k < sizeof(orders) / sizeof(orders[0]); k++) {
		world_begin(&world.server, 0xfffffe00, (uint16_t)(40000 + k));
		world_says(&world.server, 700);
		world_says(&world.server, 298);
		for (size_t i = 0; i < 1002; i++) {
			size_t at = orders[k](i, 1002);

			world_pass_part(&world.server, at, at + 1);
			assert_true(world.got.count == 0 || i >= 701);
		}
		world_assert_got(&world.server, 0, 2);
	}
	assert_int_equal(stream_octets(world.table), 0);
}

static void many_messages_in_one_segment(void **state)
{
	(void)state;
	world_begin(&world.server, 1, 40000);
	for (size_t i = 0; i < 300; i++)
		world_says(&world.server, i % 5 ? i : 0);
	assert_int_equal(world_pass_part(&world.server, 0, world.server.length), 300);
	world_assert_got(&world.server, 0, 300);
}

static void a_segment_that_ends_one_and_begins_another(void **state)
{
	(void)state;
	world_begin(&world.server, 1, 40000);
	for (size_t i = 0; i < 3; i++)
		world_says(&world.server, 98);
	assert_int_equal(world_pass_part(&world.server, 0, 50), 0);
	assert_int_equal(world_pass_part(&world.server, 50, 150), 1);
	assert_int_equal(world_pass_part(&world.server, 150, 201), 1);
	assert_int_equal(world_pass_part(&world.server, 201, 300), 1);
	world_assert_got(&world.server, 0, 3);
}

static void the_longest_message(void **state)
{
	(void)state;
	world_begin(&world.server, 1, 40000);
	world_says(&world.server, 65535);
	world_says(&world.server, 65535);
	for (size_t at = 0; at < world.server.length; at += 1460)
		world_pass_part(&world.server, at, at + 1460 < world.server.length ? at + 1460 : world.server.length);
	world_assert_got(&world.server, 0, 2);
	assert_int_equal(counters.tcp_segments_outside, 0);
	assert_int_equal(stream_octets(world.table), 0);
}

static void the_longest_message_backwards(void **state)
{
	(void)state;
	world_begin(&world.server, 1, 40000);
	world_says(&world.server, 65535);
	world_says(&world.server, 65533);
	for (size_t at = world.server.length; at > 0; at -= at < 1000 ? at : 1000)
		world_pass_part(&world.server, at < 1000 ? 0 : at - 1000, at);
	world_assert_got(&world.server, 0, 2);
	assert_int_equal(counters.tcp_segments_outside, 0);
}

/* One octet a segment, each way. No single segment may cost much. */
static void the_longest_message_octet_by_octet(void **state)
{
	struct timespec from, to;

	(void)state;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (unsigned int way = 0; way < 3; way++) {
		world_begin(&world.server, 0xffff8000, (uint16_t)(40000 + way));
		world_says(&world.server, 65534);
		for (size_t i = 0; i < 65536; i++) {
			size_t at = way == 0 ? i : way == 1 ? 65535 - i : odd_ones_first(i, 65536);

			assert_int_equal(world_pass_part(&world.server, at, at + 1), i == 65535);
		}
		world_assert_got(&world.server, 0, 1);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	assert_true(to.tv_sec - from.tv_sec < 20);
}

static void sequence_numbers_wrap_around(void **state)
{
	(void)state;
	for (uint32_t first = 0xffffff38; first != 60; first++) {
		world_begin(&world.server, first, 40000);
		world_says(&world.server, 100);
		world_says(&world.server, 20);
		assert_int_equal(world_pass_part(&world.server, 70, world.server.length), 0);
		assert_int_equal(world_pass_part(&world.server, 30, 90), 0);
		assert_int_equal(world_pass_part(&world.server, 0, 35), 2);
		world_assert_got(&world.server, 0, 2);
	}
}

/* More than 4 GiB in one flow: sequence numbers come again. Of each message but the last only the length is sent. */
static void a_flow_longer_than_the_sequence_space(void **state)
{
	uint64_t skipped = 0;

	(void)state;
	world_begin(&world.server, 123456, 40000);
	world_feed(&world.server, world.server.first, PACKET_ACK, "\xff\xff", 2);
	for (; skipped * 65537 < UINT64_C(0x100000000) + 10 * 65537; skipped++) {
		world.server.first += 65537;
		world_feed(&world.server, world.server.first, PACKET_ACK, "\xff", 1);
		world.now.msec += LIMIT_STREAM_GAP_MS;
		world_feed(&world.server, world.server.first + 1, PACKET_ACK, "\xff", 1);
		assert_int_equal(world_settle(0), 0);
	}
	assert_int_equal(counters.tcp_messages_skipped, skipped);
	world_says(&world.server, 65535);
	world_says(&world.server, 100);
	assert_int_equal(world_pass_part(&world.server, 0, world.server.length), 2);
	world_assert_got(&world.server, 0, 2);
}

static void data_with_the_syn_ack(void **state)
{
	(void)state;
	world_server(&world.server, 500, 40000);
	world_says(&world.server, 80);
	assert_int_equal(world_feed(&world.server, world.server.first - 1, WORLD_SYN_ACK, world.server.octets, 50), 0);
	assert_int_equal(world_settle(0), 0);
	assert_int_equal(world_pass_part(&world.server, 50, 82), 1);
	world_assert_got(&world.server, 0, 1);
}

static void flows_do_not_mix(void **state)
{
	struct server *flows[8];

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		flows[i] = malloc(sizeof(*flows[i]));
		assert_non_null(flows[i]);
		world_server(flows[i], 1000, 40000);
	}
	flows[1]->flow.destination_port++;
	flows[2]->flow.source_port++;
	flows[3]->flow.source.bytes[3]++;
	flows[4]->flow.destination.bytes[0]++;
	flows[5]->flow.destination.family = IPADDR_V6;
	flows[6]->flow.source.family = IPADDR_V6;
	flows[7]->flow.source = flows[0]->flow.destination;
	flows[7]->flow.destination = flows[0]->flow.source;
	for (unsigned int i = 0; i < 8; i++) {
		world_feed_syn_ack(flows[i]);
		world_says(flows[i], 100 + i);
	}
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(world_feed_part(flows[i], 0, 60), 0);
	assert_int_equal(stream_flows(world.table), 8);
	world_settle(0);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(world_pass_part(flows[i], 60, flows[i]->length), 1);
		world_assert_got(flows[i], 0, 1);
		free(flows[i]);
	}
}

/* ---- what comes again ---- */

static void repetitions_change_nothing(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(world_pass_part(&world.server, 20, 120), 0);
	assert_int_equal(world_pass_part(&world.server, 0, 20), 1);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(world_pass_part(&world.server, 0, 120), 0);
	assert_int_equal(world_pass_part(&world.server, 0, 200), 1);
	assert_int_equal(world_pass_part(&world.server, 0, 200), 0);
	world_assert_got(&world.server, 0, 2);
	assert_int_equal(counters.tcp_segments_conflicting, 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 0);
}

/* FIELD.md: retransmitted with other content. */
static void the_first_copy_counts(void **state)
{
	uint8_t forged[300];

	(void)state;
	memset(forged, 0xee, sizeof(forged));
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 198);
	world_pass_part(&world.server, 100, 150);
	world_feed(&world.server, world.server.first + 50, PACKET_ACK, forged,
		   120); /* [100, 150) is known, the rest is the first copy */
	world_settle(0);
	assert_int_equal(counters.tcp_segments_conflicting, 1);
	memset(world.server.octets + 50, 0xee, 50);
	memset(world.server.octets + 150, 0xee, 20);
	assert_int_equal(world_feed(&world.server, world.server.first + 60, PACKET_ACK, forged, 100), 0);
	world_settle(0);
	assert_int_equal(counters.tcp_segments_conflicting, 2);
	assert_int_equal(world_pass_part(&world.server, 0, 200), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(counters.tcp_segments_conflicting, 2);
}

/* RFC 9293 3.8.4: an octet of garbage before the next one. */
static void keep_alives_do_no_harm(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_feed(&world.server, world.server.first - 1, PACKET_ACK, "\xee", 1);
	world_says(&world.server, 60);
	assert_int_equal(world_pass_part(&world.server, 0, 62), 1);
	world_feed(&world.server, world.server.first + 61, PACKET_ACK, "\xee", 1);
	world_feed(&world.server, world.server.first + 61, PACKET_ACK, NULL, 0);
	world_settle(0);
	world_says(&world.server, 60);
	assert_int_equal(world_pass_part(&world.server, 62, 124), 1);
	world_assert_got(&world.server, 0, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(one_message_in_one_segment),
		WORLD_TEST(every_pair_of_segments_in_both_orders),
		WORLD_TEST(in_one_drain),
		WORLD_TEST(long_messages_in_one_drain),
		WORLD_TEST(single_octets_in_any_order),
		WORLD_TEST(many_messages_in_one_segment),
		WORLD_TEST(a_segment_that_ends_one_and_begins_another),
		WORLD_TEST(the_longest_message),
		WORLD_TEST(the_longest_message_backwards),
		WORLD_TEST(the_longest_message_octet_by_octet),
		WORLD_TEST(sequence_numbers_wrap_around),
		WORLD_TEST(a_flow_longer_than_the_sequence_space),
		WORLD_TEST(data_with_the_syn_ack),
		WORLD_TEST(flows_do_not_mix),
		WORLD_TEST(repetitions_change_nothing),
		WORLD_TEST(the_first_copy_counts),
		WORLD_TEST(keep_alives_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
