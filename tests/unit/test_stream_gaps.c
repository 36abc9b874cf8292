/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/stream/world.o */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
/* Gaps: a segment passed unseen, and the stream goes on. */
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

/* A segment passed unseen; the stream goes on. After a while its message is given up, and the next one is read. */
static void a_gap_that_stays(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 298);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 0, 100);
	world_pass_part(&world.server, 200, 300); /* [100, 200) is missing */
	world.now.msec += LIMIT_STREAM_GAP_MS - 1;
	assert_int_equal(world_pass_part(&world.server, 300, 400), 0);
	world.now.msec++;
	assert_int_equal(world_pass_part(&world.server, 400, 420), 1);
	world_assert_got(&world.server, 300, 1);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(world_pass_part(&world.server, 420, 500), 1);
	world_assert_got(&world.server, 400, 1);
	assert_int_equal(world_pass_part(&world.server, 100, 200), 0);
	assert_int_equal(stream_octets(world.table), 0);
}

/* The same in one drain with messages that wait for their verdict. */
static void a_gap_that_stays_and_verdicts(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 250, 260);
	world.now.msec += LIMIT_STREAM_GAP_MS;
	assert_int_equal(world_feed_part(&world.server, 0, 150), 1); /* it moves */
	world_assert_got(&world.server, 0, 1);
	world.now.msec += LIMIT_STREAM_GAP_MS;
	assert_int_equal(world_feed_part(&world.server, 260, 300), 0);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(counters.tcp_messages_let_go, 1);
	assert_int_equal(world_settle(1), 1);
	assert_int_equal(world_pass_part(&world.server, 0, 150), 0);
	assert_int_equal(world_pass_part(&world.server, 200, 250), 1);
	world_assert_got(&world.server, 200, 1);
}

static void a_gap_where_a_length_was(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	assert_int_equal(world_pass_part(&world.server, 0, 101), 1);
	world_pass_part(&world.server, 200, 300);
	world.now.msec += LIMIT_STREAM_GAP_MS;
	assert_int_equal(world_feed(&world.server, 9 + 300, PACKET_ACK, NULL, 0), 0);
	world_settle(0);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 1);
	assert_int_equal(stream_flows(world.table), 0);
	assert_int_equal(stream_octets(world.table), 0);
	assert_int_equal(world_pass_part(&world.server, 101, 200), 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
}

/* Slow, but it goes on: nothing is given up. */
static void a_gap_that_moves(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 80, 100);
	for (size_t at = 0; at < 79; at++) {
		world.now.msec += LIMIT_STREAM_GAP_MS - 1;
		assert_int_equal(world_pass_part(&world.server, at, at + 1), 0);
	}
	world.now.msec += 10 * LIMIT_STREAM_GAP_MS; /* the missing one itself is never too late */
	assert_int_equal(world_pass_part(&world.server, 79, 80), 1);
	world_assert_got(&world.server, 0, 1);
}

/* Quiet is no gap. */
static void no_gap(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 0, 50);
	world.now.msec += LIMIT_STREAM_GAP_MS + 1;
	world_feed(&world.server, 9 + 50, PACKET_ACK, NULL, 0);
	world_settle(0);
	world.now.msec += LIMIT_STREAM_GAP_MS + 1;
	world_pass_part(&world.server, 40, 50);
	assert_int_equal(world_pass_part(&world.server, 50, 100), 1);
	world_assert_got(&world.server, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_gap_that_stays),
		WORLD_TEST(a_gap_that_stays_and_verdicts),
		WORLD_TEST(a_gap_where_a_length_was),
		WORLD_TEST(a_gap_that_moves),
		WORLD_TEST(no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
