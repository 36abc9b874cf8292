/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/stream/world.o */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
/* Dropped segments: what they brought is taken back, and judged when it comes again. */
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

static void a_dropped_segment_is_judged_again(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(world_feed_part(&world.server, 0, 100), 1);
		assert_int_equal(world_settle(1), 1);
		world_assert_got(&world.server, 0, 1);
	}
	assert_int_equal(world_pass_part(&world.server, 0, 100), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(world_pass_part(&world.server, 0, 100), 0);
	assert_int_equal(stream_octets(world.table), 0);
}

static void only_what_it_brought_is_taken_back(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 0, 30);
	world_pass_part(&world.server, 60, 80);
	assert_int_equal(world_feed_part(&world.server, 20, 100), 1);
	assert_int_equal(world_settle(1), 1);
	world_assert_got(&world.server, 0, 1);
	/* The client has the rest: the server sends what is left only, and cut differently. */
	assert_int_equal(world_pass_part(&world.server, 80, 100), 0);
	assert_int_equal(world_pass_part(&world.server, 30, 45), 0);
	assert_int_equal(world_pass_part(&world.server, 45, 60), 1);
	world_assert_got(&world.server, 0, 1);
}

/* The client must not get by the second copy what was taken from it with the first. */
static void a_second_copy_is_dropped_with_the_first(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	assert_int_equal(world_feed_part(&world.server, 0, 50), 0);
	assert_int_equal(world_feed_part(&world.server, 50, 100), 1);
	assert_int_equal(world_feed_part(&world.server, 50, 100), 0); /* the same again */
	assert_int_equal(world_feed_part(&world.server, 0, 50), 0); /* again what passes */
	assert_int_equal(world_feed_part(&world.server, 99, 120), 0); /* its last octet, and more */
	assert_int_equal(world_feed_part(&world.server, 110, 130), 0); /* again what the one before brought */
	assert_int_equal(world_feed_part(&world.server, 130, 140), 0);
	assert_int_equal(world_settle(1 << 1), 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(world_pass_part(&world.server, 50, 99), 0);
	assert_int_equal(world_pass_part(&world.server, 99, 120), 1);
	assert_int_equal(world_pass_part(&world.server, 120, 130), 0);
	assert_int_equal(world_pass_part(&world.server, 140, 200), 1);
	world_assert_got(&world.server, 0, 2);
}

static void what_follows_a_dropped_segment_is_read_again(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	for (unsigned int i = 0; i < 4; i++)
		world_says(&world.server, 98);
	assert_int_equal(world_feed_part(&world.server, 0, 100), 1);
	assert_int_equal(world_feed_part(&world.server, 100, 230), 1);
	assert_int_equal(world_feed_part(&world.server, 230, 400), 2);
	assert_int_equal(world_settle(1 << 1), 1 << 1);
	world_assert_got(&world.server, 0, 4);
	/* The first stays read; what came with the dropped one is missing, so that the later ones are not yet readable. */
	assert_int_equal(world_pass_part(&world.server, 0, 100), 0);
	assert_int_equal(world_pass_part(&world.server, 100, 230), 3);
	world_assert_got(&world.server, 100, 3);
	assert_int_equal(stream_octets(world.table), 0);
}

static void a_dropped_segment_with_the_fin(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	assert_int_equal(world_feed(&world.server, 9, PACKET_ACK | PACKET_FIN, world.server.octets, 100), 1);
	assert_int_equal(world_settle(1), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(stream_flows(world.table), 1);
	assert_int_equal(world_feed(&world.server, 9, PACKET_ACK | PACKET_FIN, world.server.octets, 100), 1);
	assert_int_equal(world_settle(0), 0);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(stream_flows(world.table), 0);
}

/* A reset must not let a second copy through. */
static void a_dropped_segment_and_a_reset(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	assert_int_equal(world_feed_part(&world.server, 0, 100), 1);
	assert_int_equal(world_feed_part(&world.server, 0, 100), 0);
	world_feed(&world.server, 9 + 100, PACKET_RST, NULL, 0);
	assert_int_equal(world_settle(1), 3);
	world_forget_got();
	assert_int_equal(stream_flows(world.table), 0);
}

/* Nobody told the fate of more segments than a drain has: they count as passed. */
static void more_segments_than_a_drain_has(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	for (size_t i = 0; i < 3 * LIMIT_DRAIN_PACKETS; i++) {
		world_says(&world.server, 8);
		world.packet = 0;
		assert_int_equal(world_feed_part(&world.server, i * 10, i * 10 + 10), 1);
	}
	world_settle(0);
	world_assert_got(&world.server, 0, 3 * LIMIT_DRAIN_PACKETS);
	assert_int_equal(stream_octets(world.table), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_dropped_segment_is_judged_again),
		WORLD_TEST(only_what_it_brought_is_taken_back),
		WORLD_TEST(a_second_copy_is_dropped_with_the_first),
		WORLD_TEST(what_follows_a_dropped_segment_is_read_again),
		WORLD_TEST(a_dropped_segment_with_the_fin),
		WORLD_TEST(a_dropped_segment_and_a_reset),
		WORLD_TEST(more_segments_than_a_drain_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
