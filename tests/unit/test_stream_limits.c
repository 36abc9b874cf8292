/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/stream/world.o */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
/* The limits: of the window, of flows, of silence and of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/stream.h"
#include "tests/unit/stream/world.h"

static void the_window(void **state)
{
	size_t window = LIMIT_STREAM_WINDOW;

	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 65535);
	world_says(&world.server, 65535);
	world_says(&world.server, 65535);
	world_pass_part(&world.server, window, window + 100);
	assert_int_equal(counters.tcp_segments_outside, 1);
	assert_int_equal(stream_octets(world.table), 0);
	world_feed(&world.server, 9 + (uint32_t)window, PACKET_ACK | PACKET_FIN, NULL, 0);
	world_settle(0);
	world_pass_part(&world.server, window - 10, window + 100);
	assert_int_equal(counters.tcp_segments_outside, 3);
	assert_int_equal(stream_octets(world.table), WORLD_CHUNK);
	for (size_t at = 0; at < window - 10; at += 1000)
		world_pass_part(&world.server, at, at + 1000 < window - 10 ? at + 1000 : window - 10);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(counters.tcp_segments_outside, 3);
	/* It goes with the messages: now all but the last two octets are inside. */
	assert_int_equal(world_pass_part(&world.server, window, world.server.length), 1);
	assert_int_equal(counters.tcp_segments_outside, 4);
	assert_int_equal(world_pass_part(&world.server, world.server.length - 3, world.server.length), 1);
	assert_int_equal(counters.tcp_segments_outside, 4);
	world_assert_got(&world.server, 65537, 2);
	assert_int_equal(stream_flows(world.table), 1);
}

static void the_number_of_flows(void **state)
{
	(void)state;
	world_start(LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS);
	for (unsigned int i = 0; i < LIMIT_STREAM_FLOWS; i++) {
		world.now.msec++;
		world_begin(&world.server, 9, (uint16_t)i);
	}
	assert_int_equal(stream_flows(world.table), LIMIT_STREAM_FLOWS);
	assert_int_equal(counters.tcp_flows_evicted, 0);
	world.now.msec++;
	world_server(&world.server, 9, 0); /* the oldest is used: now the second is the oldest */
	world_says(&world.server, 20);
	assert_int_equal(world_pass_part(&world.server, 0, 10), 0);
	world_begin(&world.other, 9, 50000);
	assert_int_equal(stream_flows(world.table), LIMIT_STREAM_FLOWS);
	assert_int_equal(counters.tcp_flows_evicted, 1);
	assert_int_equal(world_pass_part(&world.server, 10, 22), 1);
	world_assert_got(&world.server, 0, 1);
	world.other = world.server;
	world.other.flow.destination_port = 1;
	assert_int_equal(world_pass_part(&world.other, 0, 22), 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
}

/* Of those with an unfinished message and those without, the one that is silent longer goes. */
static void the_oldest_flow_goes(void **state)
{
	(void)state;
	for (unsigned int holding = 0; holding < 2; holding++) {
		world_start(2, 65536);
		world_begin(&world.server, 9, 40000);
		world_says(&world.server, 20);
		world.now.msec += 10 * !holding;
		world_pass_part(&world.server, 0, 5);
		world.now.msec += 10 * holding;
		world_begin(&world.other, 9, 40001);
		world_says(&world.other, 20);
		world.now.msec += 10;
		if (!holding) {
			world_pass_part(&world.server, 5, 6);
			world.now.msec += 10;
		}
		world_begin(&(struct server) { 0 }, 9, 40002);
		assert_int_equal(counters.tcp_flows_evicted, 1);
		assert_int_equal(world_pass_part(&world.server, 6 - holding, 22), !holding);
		assert_int_equal(world_pass_part(&world.other, 0, 22), holding);
		world_forget_got();
	}
}

static void silence(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 20);
	world_pass_part(&world.server, 0, 10);
	world_begin(&world.other, 9, 40001);
	world.now.msec += LIMIT_STREAM_IDLE_MS - 1;
	world_begin(&(struct server) { 0 }, 9, 40002);
	assert_int_equal(stream_flows(world.table), 3);
	world.now.msec++;
	world_begin(&(struct server) { 0 }, 9, 40003);
	assert_int_equal(stream_flows(world.table), 2);
	assert_int_equal(stream_octets(world.table), 0);
	assert_int_equal(counters.tcp_flows_expired, 2);
}

/* Unfinished messages of 64 KiB until the memory is used. Each new one takes that of the oldest. */
static void fill_memory(unsigned int flows, size_t octets)
{
	world_start(flows + 8, octets);
	for (unsigned int i = 0; i < flows; i++) {
		world.now.msec++;
		world_begin(&world.server, 9, (uint16_t)i);
		world_says(&world.server, 65535);
		world_pass_part(&world.server, 0, 65536);
	}
}

static void the_memory(void **state)
{
	unsigned int flows = LIMIT_STREAM_OCTETS / 65536;

	(void)state;
	fill_memory(flows, LIMIT_STREAM_OCTETS);
	assert_int_equal(stream_octets(world.table), LIMIT_STREAM_OCTETS);
	assert_int_equal(counters.tcp_messages_skipped, 0);
	world.now.msec++;
	world_begin(&world.other, 9, 50000);
	world_says(&world.other, 100);
	assert_int_equal(world_pass_part(&world.other, 0, 102), 1);
	world_assert_got(&world.other, 0, 1);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(stream_flows(world.table), flows + 1);
	/* The oldest gave up its message, but knows where the next one begins. */
	world.server.flow.destination_port = 0;
	assert_int_equal(world_pass_part(&world.server, 65536, 65537), 0);
	world_says(&world.server, 100);
	assert_int_equal(world_pass_part(&world.server, 65537, world.server.length), 1);
	world_assert_got(&world.server, 65537, 1);
	world.server.flow.destination_port = 1; /* the second still has its own */
	assert_int_equal(world_pass_part(&world.server, 65536, 65537), 1);
	world_forget_got();
	assert_int_equal(counters.tcp_flows_lost, 0);
}

/* Not even the length of the oldest one's message is known: it cannot be read any more. */
static void the_memory_and_a_place_unknown(void **state)
{
	(void)state;
	world_start(4, WORLD_CHUNK);
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 100);
	world_pass_part(&world.server, 1, 50);
	world.now.msec++;
	world_begin(&world.other, 9, 40001);
	world_says(&world.other, 100);
	assert_int_equal(world_pass_part(&world.other, 0, 102), 1);
	world_assert_got(&world.other, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 1);
	assert_int_equal(stream_flows(world.table), 1);
	assert_int_equal(world_pass_part(&world.server, 0, 102), 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
}

/* A message's end was skipped to, but what frees no memory does not help: the flow goes. */
static void the_memory_and_nothing_to_skip(void **state)
{
	(void)state;
	world_start(4, WORLD_CHUNK);
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 10);
	world_says(&world.server, 10);
	world_pass_part(&world.server, 0, 5);
	world_pass_part(&world.server, 20, 24); /* in the same chunk, behind the end of the first */
	world.now.msec++;
	world_begin(&world.other, 9, 40001);
	world_says(&world.other, 100);
	assert_int_equal(world_pass_part(&world.other, 0, 102), 1);
	world_assert_got(&world.other, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 1);
	assert_int_equal(stream_flows(world.table), 1);
}

/* All the memory for one flow is not enough: what is beyond passes. */
static void the_memory_of_one_flow(void **state)
{
	(void)state;
	world_start(4, 2 * WORLD_CHUNK);
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 2000);
	assert_int_equal(world_pass_part(&world.server, 0, 2002), 0);
	assert_int_equal(counters.tcp_segments_outside, 1);
	assert_int_equal(stream_octets(world.table), 2 * WORLD_CHUNK);
	/* Late, the message is given up, and the next one is read. */
	world.now.msec++;
	world_says(&world.server, 100);
	assert_int_equal(world_pass_part(&world.server, 2002, 2104), 0);
	world.now.msec += LIMIT_STREAM_GAP_MS;
	world_says(&world.server, 100);
	assert_int_equal(world_pass_part(&world.server, 2104, 2206), 0);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	world_forget_got();
}

/* Messages of one drain wait for their verdicts: when that takes more memory than there is, the oldest do not wait. */
static void the_memory_for_verdicts(void **state)
{
	(void)state;
	world_start(4, 4 * WORLD_CHUNK);
	world_begin(&world.server, 9, 40000);
	for (size_t i = 0; i < 8; i++) {
		world_says(&world.server, WORLD_CHUNK - 2);
		assert_int_equal(world_feed_part(&world.server, i * WORLD_CHUNK, (i + 1) * WORLD_CHUNK), 1);
	}
	world_assert_got(&world.server, 0, 8);
	assert_int_equal(counters.tcp_messages_let_go, 1);
	/* The first four were let go together: their repetition is not judged again, that of the others is. */
	assert_int_equal(world_settle(1 << 1 | 1 << 6), 1 << 1 | 1 << 6);
	assert_int_equal(world_pass_part(&world.server, WORLD_CHUNK, 2 * WORLD_CHUNK), 0);
	assert_int_equal(world_pass_part(&world.server, 6 * WORLD_CHUNK, 7 * WORLD_CHUNK), 2);
	world_assert_got(&world.server, 6 * WORLD_CHUNK, 2);
	assert_int_equal(stream_octets(world.table), 0);
}

/* To let go what frees nothing would help nobody. */
static void the_memory_for_verdicts_that_frees_nothing(void **state)
{
	(void)state;
	world_start(4, WORLD_CHUNK);
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 100);
	world_says(&world.server, 1000);
	assert_int_equal(world_feed_part(&world.server, 0, 102), 1);
	assert_int_equal(world_feed_part(&world.server, 102, 700), 0);
	assert_int_equal(counters.tcp_segments_outside, 1);
	assert_int_equal(counters.tcp_messages_let_go, 0);
	assert_int_equal(world_settle(1), 1);
	assert_int_equal(world_pass_part(&world.server, 0, 102), 1);
	world_forget_got();
}

/* A flow whose messages are all read has nothing to give. */
static void the_memory_of_those_that_have_some(void **state)
{
	(void)state;
	world_start(4, WORLD_CHUNK);
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 100);
	world_pass_part(&world.server, 0, 50);
	assert_int_equal(world_pass_part(&world.server, 50, 102), 1);
	world_assert_got(&world.server, 0, 1);
	world.now.msec++;
	for (uint16_t port = 40001; port < 40003; port++) {
		world_begin(&world.other, 9, port);
		world_says(&world.other, 100);
		assert_int_equal(world_pass_part(&world.other, 0, 50), 0);
	}
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(counters.tcp_flows_lost, 0);
	world_says(&world.server, 100);
	assert_int_equal(world_pass_part(&world.server, 102, 204), 1);
	world_assert_got(&world.server, 102, 1);
}

/* Another flow needs the memory of messages that wait for their verdict. */
static void the_memory_for_verdicts_of_another(void **state)
{
	(void)state;
	world_start(4, 2 * WORLD_CHUNK);
	world_begin(&world.server, 9, 40000);
	world_begin(&world.other, 9, 40001);
	world_says(&world.server, 2 * WORLD_CHUNK - 2);
	world_says(&world.other, 100);
	assert_int_equal(world_feed_part(&world.server, 0, 2 * WORLD_CHUNK), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(world_feed_part(&world.other, 0, 102), 1);
	world_assert_got(&world.other, 0, 1);
	assert_int_equal(counters.tcp_messages_let_go, 1);
	assert_int_equal(world_settle(3), 3);
	assert_int_equal(world_feed_part(&world.server, 0, 2 * WORLD_CHUNK), 0);
	assert_int_equal(world_feed_part(&world.other, 0, 102), 1);
	world_assert_got(&world.other, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 0);
}

/* Segments of a flow whose place another one took before they were settled are passed. */
static void segments_of_a_flow_whose_place_was_taken(void **state)
{
	(void)state;
	world_server(&world.server, 1000, 40000);
	world_says(&world.server, 100);
	world_feed_syn_ack(&world.server);
	assert_int_equal(
		world_feed(&world.server, world.server.first, PACKET_ACK, world.server.octets, world.server.length), 1);
	world_feed(&world.server, 777776, WORLD_SYN_ACK, NULL, 0);
	assert_int_equal(stream_settle(world.table, 0), 0);
	assert_int_equal(stream_flows(world.table), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_window),
		WORLD_TEST(the_number_of_flows),
		WORLD_TEST(the_oldest_flow_goes),
		WORLD_TEST(silence),
		WORLD_TEST(the_memory),
		WORLD_TEST(the_memory_and_a_place_unknown),
		WORLD_TEST(the_memory_and_nothing_to_skip),
		WORLD_TEST(the_memory_of_one_flow),
		WORLD_TEST(the_memory_for_verdicts),
		WORLD_TEST(the_memory_for_verdicts_that_frees_nothing),
		WORLD_TEST(the_memory_for_verdicts_of_another),
		WORLD_TEST(the_memory_of_those_that_have_some),
		WORLD_TEST(segments_of_a_flow_whose_place_was_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
