/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/stream/world.o */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
/* Where a flow begins and where it ends: SYN, FIN, reset, a port used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "dns/stream.h"
#include "tests/unit/stream/world.h"

/* The inside of a TXT record is not a message, wherever a client had it cut. */
static void a_flow_seen_in_the_middle_is_not_read(void **state)
{
	(void)state;
	world_server(&world.server, 9, 40000);
	world_says(&world.server, 60);
	assert_int_equal(world_pass_part(&world.server, 0, 62), 0);
	for (uint8_t flags = 0; flags < 32; flags++) {
		if ((flags & (WORLD_SYN_ACK | PACKET_RST)) == WORLD_SYN_ACK)
			continue;
		world_feed(&world.server, 8, flags, NULL, 0);
		assert_int_equal(stream_flows(world.table), 0);
	}
	assert_int_equal(world_pass_part(&world.server, 0, 62), 0);
	assert_int_equal(world.got.count, 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 2);
}

static void fin_ends_a_flow(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 60);
	assert_int_equal(world_feed(&world.server, 9, PACKET_ACK | PACKET_FIN, world.server.octets, 62), 1);
	world_settle(0);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(stream_flows(world.table), 0);
	world_begin(&world.server, 9, 40000); /* an unfinished message ends with it */
	world_says(&world.server, 60);
	world_pass_part(&world.server, 0, 40);
	world_feed(&world.server, 9 + 40, PACKET_ACK | PACKET_FIN, NULL, 0);
	world_settle(0);
	assert_int_equal(stream_flows(world.table), 0);
	assert_int_equal(stream_octets(world.table), 0);
}

static void fin_that_comes_early_waits(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_feed(&world.server, 9 + 70, PACKET_ACK | PACKET_FIN, world.server.octets + 70, 30);
	world_settle(0);
	assert_int_equal(stream_flows(world.table), 1);
	assert_int_equal(world_pass_part(&world.server, 0, 40), 0);
	assert_int_equal(world_pass_part(&world.server, 40, 70), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(stream_flows(world.table), 0);
}

/* A FIN behind what was read is no end, and the first one counts. */
static void other_fins_are_ignored(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_says(&world.server, 98);
	assert_int_equal(world_pass_part(&world.server, 0, 110), 1);
	world_feed(&world.server, 9 + 109, PACKET_ACK | PACKET_FIN, NULL, 0);
	world_settle(0);
	assert_int_equal(stream_flows(world.table), 1);
	world_feed(&world.server, 9 + 200, PACKET_ACK | PACKET_FIN, NULL, 0);
	world_feed(&world.server, 9 + 210, PACKET_ACK | PACKET_FIN, NULL, 0);
	world_settle(0);
	assert_int_equal(stream_flows(world.table), 1);
	assert_int_equal(world_pass_part(&world.server, 110, 200), 1);
	world_assert_got(&world.server, 0, 2);
	assert_int_equal(stream_flows(world.table), 0);
}

static void a_reset_counts_in_its_place_only(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 0, 50);
	world_pass_part(&world.server, 60, 70);
	world_feed(&world.server, 9, PACKET_RST, NULL, 0);
	world_feed(&world.server, 9 + 49, PACKET_RST, NULL, 0);
	world_feed(&world.server, 9 + 51, PACKET_RST, NULL, 0);
	world_feed(&world.server, 9 + 70, PACKET_RST | PACKET_ACK, NULL, 0);
	world_settle(0);
	assert_int_equal(stream_flows(world.table), 1);
	world_feed(&world.server, 9 + 50, PACKET_RST, NULL, 0);
	world_settle(0);
	assert_int_equal(stream_flows(world.table), 0);
	assert_int_equal(stream_octets(world.table), 0);
}

static void a_port_used_again_begins_anew(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 0, 50);
	world_begin(&world.server, 777777, 40000);
	world_says(&world.server, 98);
	assert_int_equal(stream_flows(world.table), 1);
	assert_int_equal(stream_octets(world.table), 0);
	assert_int_equal(world_pass_part(&world.server, 0, 100), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(counters.tcp_flows, 2);
}

static void the_same_syn_ack_again_changes_nothing(void **state)
{
	(void)state;
	world_begin(&world.server, 9, 40000);
	world_feed_syn_ack(&world.server);
	world_says(&world.server, 98);
	world_pass_part(&world.server, 0, 50);
	world_feed_syn_ack(&world.server);
	world_feed(&world.server, 777777, WORLD_SYN_ACK | PACKET_RST, NULL, 0); /* what is reset does not begin */
	world_settle(0);
	assert_int_equal(world_pass_part(&world.server, 50, 100), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(counters.tcp_flows, 1);
}

/* What clients send begins with their SYN; a SYN-ACK from there begins nothing. */
static void the_clients_side(void **state)
{
	(void)state;
	world_start(16, 1u << 20);
	world.table = stream_table_new(world.block, 16, 1u << 20, STREAM_CLIENT, &world_key);
	world_server(&world.server, 1000, 40000);
	world_says(&world.server, 40);
	world_says(&world.server, 50);
	assert_int_equal(world_feed_syn_ack(&world.server), 0);
	assert_int_equal(world_pass_part(&world.server, 0, 42), 0);
	assert_int_equal(stream_flows(world.table), 0);
	assert_int_equal(world_feed(&world.server, world.server.first - 1, PACKET_SYN, NULL, 0), 0);
	assert_int_equal(world_pass_part(&world.server, 60, world.server.length), 0);
	assert_int_equal(world_pass_part(&world.server, 0, 60), 2);
	world_assert_got(&world.server, 0, 2);
	/* A SYN with data (RFC 7413), of a new connection from the same port */
	world_server(&world.server, 77000, 40000);
	world_says(&world.server, 30);
	assert_int_equal(world_feed(&world.server, world.server.first - 1, PACKET_SYN, world.server.octets, 32), 1);
	world_assert_got(&world.server, 0, 1);
	assert_int_equal(world_settle(0), 0);
	assert_int_equal(stream_flows(world.table), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_clients_side),
		WORLD_TEST(a_flow_seen_in_the_middle_is_not_read),
		WORLD_TEST(fin_ends_a_flow),
		WORLD_TEST(fin_that_comes_early_waits),
		WORLD_TEST(other_fins_are_ignored),
		WORLD_TEST(a_reset_counts_in_its_place_only),
		WORLD_TEST(a_port_used_again_begins_anew),
		WORLD_TEST(the_same_syn_ack_again_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
