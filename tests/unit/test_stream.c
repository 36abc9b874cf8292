/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/stream.h"

#define SYN_ACK (PACKET_SYN | PACKET_ACK)
#define CHUNK 512 /* of memory, which is given in whole ones */

/* ---- a server, a table, and what the table made of the server's segments ---- */

struct server {
	struct packet_tcp flow; /* its tuple */
	uint32_t first; /* sequence number of octets[0] */
	size_t length;
	uint8_t octets[600000];
};

/* Messages since the last take(), one behind the other. */
struct got {
	unsigned int count;
	size_t lengths[70000];
	uint8_t octets[600000];
	size_t used;
};

static const struct hash_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };
static struct stream_table *table;
static void *block;
static struct server server, other;
static struct got got;
static unsigned int packet;
static struct monotime now;

static void start_table(size_t flows, size_t octets)
{
	free(block);
	block = malloc(stream_table_size(flows, octets));
	assert_non_null(block);
	memset(block, 0xa5, stream_table_size(flows, octets));
	table = stream_table_new(block, flows, octets, STREAM_SERVER, &key);
	memset(&counters, 0, sizeof(counters));
	packet = 0;
	now = (struct monotime) { 5000 };
}

static int setup(void **state)
{
	(void)state;
	start_table(16, 1u << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(block);
	block = NULL;
	return 0;
}

static void server_new(struct server *s, uint32_t first, uint16_t client_port)
{
	s->flow = (struct packet_tcp) {
		.source = { .family = IPADDR_V4, .bytes = { 10, 2, 0, 2 } },
		.destination = { .family = IPADDR_V4, .bytes = { 10, 1, 0, 9 } },
		.source_port = 53,
		.destination_port = client_port,
	};
	s->first = first;
	s->length = 0;
}

/* A message of `length` octets that no other one equals. */
static void server_says(struct server *s, size_t length)
{
	static uint32_t number;

	assert_true(s->length + 2 + length <= sizeof(s->octets));
	s->octets[s->length++] = (uint8_t)(length >> 8);
	s->octets[s->length++] = (uint8_t)length;
	number++;
	for (size_t i = 0; i < length; i++)
		s->octets[s->length++] = (uint8_t)(i < 4 ? number >> 8 * i : i * 31 + number);
}

static void on_message(void *context, const uint8_t *message, size_t length)
{
	struct got *into = context;

	assert_true(into->used + length <= sizeof(into->octets));
	into->lengths[into->count++] = length;
	memcpy(into->octets + into->used, message, length);
	into->used += length;
}

/* Exactly these octets in memory of their own, so that a sanitizer sees a read beyond them. */
static unsigned int feed(const struct server *s, uint32_t sequence, uint8_t flags, const void *octets, size_t length)
{
	struct packet_tcp segment = s->flow;
	uint8_t *copy = malloc(length ? length : 1);
	unsigned int count = got.count, told;

	assert_non_null(copy);
	if (length)
		memcpy(copy, octets, length);
	segment.sequence = sequence;
	segment.flags = flags;
	segment.payload = copy;
	segment.length = length;
	told = stream_feed(table, &segment, packet++, now, on_message, &got);
	assert_int_equal(told, got.count - count);
	free(copy);
	return told;
}

static unsigned int feed_syn_ack(const struct server *s)
{
	return feed(s, s->first - 1, SYN_ACK, NULL, 0);
}

/* The octets [from, to) of the stream. */
static unsigned int feed_part(const struct server *s, size_t from, size_t to)
{
	return feed(s, s->first + (uint32_t)from, PACKET_ACK, s->octets + from, to - from);
}

static uint64_t settle(uint64_t dropped)
{
	packet = 0;
	return stream_settle(table, dropped);
}

static unsigned int pass_part(const struct server *s, size_t from, size_t to)
{
	unsigned int count = feed_part(s, from, to);

	assert_int_equal(settle(0), 0);
	return count;
}

static void begin(struct server *s, uint32_t first, uint16_t client_port)
{
	server_new(s, first, client_port);
	assert_int_equal(feed_syn_ack(s), 0);
	assert_int_equal(settle(0), 0);
}

static void forget_got(void)
{
	got.count = 0;
	got.used = 0;
}

/* The messages got since the last time are `count` of those in the stream from `at` on. Returns where the next begins. */
static size_t assert_got(const struct server *s, size_t at, unsigned int count)
{
	size_t used = 0;

	assert_int_equal(got.count, count);
	for (unsigned int i = 0; i < count; i++) {
		size_t length = (size_t)(s->octets[at] << 8 | s->octets[at + 1]);

		assert_int_equal(got.lengths[i], length);
		assert_memory_equal(got.octets + used, s->octets + at + 2, length);
		used += length;
		at += 2 + length;
	}
	forget_got();
	return at;
}

/* ---- segments of every kind ---- */

static void one_message_in_one_segment(void **state)
{
	(void)state;
	begin(&server, 1000, 40000);
	server_says(&server, 200);
	assert_int_equal(pass_part(&server, 0, 202), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(stream_flows(table), 1);
	assert_int_equal(stream_octets(table), 0);
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
			begin(&server, 77, 40000);
			server_says(&server, 1200);
			assert_int_equal(order ? pass_part(&server, cut, 1202) : pass_part(&server, 0, cut), 0);
			assert_int_equal(order ? pass_part(&server, 0, cut) : pass_part(&server, cut, 1202), 1);
			assert_got(&server, 0, 1);
			assert_int_equal(stream_octets(table), 0);
			assert_int_equal(feed(&server, server.first + 1202, PACKET_RST, NULL, 0), 0);
			settle(0);
			assert_int_equal(stream_flows(table), 0);
		}
}

static void in_one_drain(void **state)
{
	(void)state;
	begin(&server, 77, 40000);
	for (unsigned int i = 0; i < 30; i++) {
		size_t at = server.length;

		server_says(&server, 300);
		assert_int_equal(feed_part(&server, at + 100, at + 302), 0);
		assert_int_equal(feed_part(&server, at, at + 100), 1);
	}
	assert_int_equal(settle(0), 0);
	assert_got(&server, 0, 30);
	assert_int_equal(stream_octets(table), 0);
}

/* What is read makes room in the window at once, before it is settled. */
static void long_messages_in_one_drain(void **state)
{
	(void)state;
	begin(&server, 77, 40000);
	for (unsigned int i = 0; i < 6; i++) {
		size_t at = server.length;

		server_says(&server, 60000);
		assert_int_equal(feed_part(&server, at + 100, at + 60002), 0);
		assert_int_equal(feed_part(&server, at, at + 100), 1);
	}
	assert_int_equal(counters.tcp_segments_outside, 0);
	assert_int_equal(settle(1 << 3), 1 << 3);
	assert_got(&server, 0, 6);
	assert_int_equal(pass_part(&server, 60002, 60102), 5);
	assert_got(&server, 60002, 5);
	assert_int_equal(stream_octets(table), 0);
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
		begin(&server, 0xfffffe00, (uint16_t)(40000 + k));
		server_says(&server, 700);
		server_says(&server, 298);
		for (size_t i = 0; i < 1002; i++) {
			size_t at = orders[k](i, 1002);

			pass_part(&server, at, at + 1);
			assert_true(got.count == 0 || i >= 701);
		}
		assert_got(&server, 0, 2);
	}
	assert_int_equal(stream_octets(table), 0);
}

static void many_messages_in_one_segment(void **state)
{
	(void)state;
	begin(&server, 1, 40000);
	for (size_t i = 0; i < 300; i++)
		server_says(&server, i % 5 ? i : 0);
	assert_int_equal(pass_part(&server, 0, server.length), 300);
	assert_got(&server, 0, 300);
}

static void a_segment_that_ends_one_and_begins_another(void **state)
{
	(void)state;
	begin(&server, 1, 40000);
	for (size_t i = 0; i < 3; i++)
		server_says(&server, 98);
	assert_int_equal(pass_part(&server, 0, 50), 0);
	assert_int_equal(pass_part(&server, 50, 150), 1);
	assert_int_equal(pass_part(&server, 150, 201), 1);
	assert_int_equal(pass_part(&server, 201, 300), 1);
	assert_got(&server, 0, 3);
}

static void the_longest_message(void **state)
{
	(void)state;
	begin(&server, 1, 40000);
	server_says(&server, 65535);
	server_says(&server, 65535);
	for (size_t at = 0; at < server.length; at += 1460)
		pass_part(&server, at, at + 1460 < server.length ? at + 1460 : server.length);
	assert_got(&server, 0, 2);
	assert_int_equal(counters.tcp_segments_outside, 0);
	assert_int_equal(stream_octets(table), 0);
}

static void the_longest_message_backwards(void **state)
{
	(void)state;
	begin(&server, 1, 40000);
	server_says(&server, 65535);
	server_says(&server, 65533);
	for (size_t at = server.length; at > 0; at -= at < 1000 ? at : 1000)
		pass_part(&server, at < 1000 ? 0 : at - 1000, at);
	assert_got(&server, 0, 2);
	assert_int_equal(counters.tcp_segments_outside, 0);
}

/* One octet a segment, each way. No single segment may cost much. */
static void the_longest_message_octet_by_octet(void **state)
{
	struct timespec from, to;

	(void)state;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (unsigned int way = 0; way < 3; way++) {
		begin(&server, 0xffff8000, (uint16_t)(40000 + way));
		server_says(&server, 65534);
		for (size_t i = 0; i < 65536; i++) {
			size_t at = way == 0 ? i : way == 1 ? 65535 - i : odd_ones_first(i, 65536);

			assert_int_equal(pass_part(&server, at, at + 1), i == 65535);
		}
		assert_got(&server, 0, 1);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	assert_true(to.tv_sec - from.tv_sec < 20);
}

static void sequence_numbers_wrap_around(void **state)
{
	(void)state;
	for (uint32_t first = 0xffffff38; first != 60; first++) {
		begin(&server, first, 40000);
		server_says(&server, 100);
		server_says(&server, 20);
		assert_int_equal(pass_part(&server, 70, server.length), 0);
		assert_int_equal(pass_part(&server, 30, 90), 0);
		assert_int_equal(pass_part(&server, 0, 35), 2);
		assert_got(&server, 0, 2);
	}
}

/* More than 4 GiB in one flow: sequence numbers come again. Of each message but the last only the length is sent. */
static void a_flow_longer_than_the_sequence_space(void **state)
{
	uint64_t skipped = 0;

	(void)state;
	begin(&server, 123456, 40000);
	feed(&server, server.first, PACKET_ACK, "\xff\xff", 2);
	for (; skipped * 65537 < UINT64_C(0x100000000) + 10 * 65537; skipped++) {
		server.first += 65537;
		feed(&server, server.first, PACKET_ACK, "\xff", 1);
		now.msec += LIMIT_STREAM_GAP_MS;
		feed(&server, server.first + 1, PACKET_ACK, "\xff", 1);
		assert_int_equal(settle(0), 0);
	}
	assert_int_equal(counters.tcp_messages_skipped, skipped);
	server_says(&server, 65535);
	server_says(&server, 100);
	assert_int_equal(pass_part(&server, 0, server.length), 2);
	assert_got(&server, 0, 2);
}

static void data_with_the_syn_ack(void **state)
{
	(void)state;
	server_new(&server, 500, 40000);
	server_says(&server, 80);
	assert_int_equal(feed(&server, server.first - 1, SYN_ACK, server.octets, 50), 0);
	assert_int_equal(settle(0), 0);
	assert_int_equal(pass_part(&server, 50, 82), 1);
	assert_got(&server, 0, 1);
}

static void flows_do_not_mix(void **state)
{
	struct server *flows[8];

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		flows[i] = malloc(sizeof(*flows[i]));
		assert_non_null(flows[i]);
		server_new(flows[i], 1000, 40000);
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
		feed_syn_ack(flows[i]);
		server_says(flows[i], 100 + i);
	}
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(feed_part(flows[i], 0, 60), 0);
	assert_int_equal(stream_flows(table), 8);
	settle(0);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(pass_part(flows[i], 60, flows[i]->length), 1);
		assert_got(flows[i], 0, 1);
		free(flows[i]);
	}
}

/* ---- what comes again ---- */

static void repetitions_change_nothing(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	server_says(&server, 98);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pass_part(&server, 20, 120), 0);
	assert_int_equal(pass_part(&server, 0, 20), 1);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pass_part(&server, 0, 120), 0);
	assert_int_equal(pass_part(&server, 0, 200), 1);
	assert_int_equal(pass_part(&server, 0, 200), 0);
	assert_got(&server, 0, 2);
	assert_int_equal(counters.tcp_segments_conflicting, 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 0);
}

/* FIELD.md: retransmitted with other content. */
static void the_first_copy_counts(void **state)
{
	uint8_t forged[300];

	(void)state;
	memset(forged, 0xee, sizeof(forged));
	begin(&server, 9, 40000);
	server_says(&server, 198);
	pass_part(&server, 100, 150);
	feed(&server, server.first + 50, PACKET_ACK, forged, 120); /* [100, 150) is known, the rest is the first copy */
	settle(0);
	assert_int_equal(counters.tcp_segments_conflicting, 1);
	memset(server.octets + 50, 0xee, 50);
	memset(server.octets + 150, 0xee, 20);
	assert_int_equal(feed(&server, server.first + 60, PACKET_ACK, forged, 100), 0);
	settle(0);
	assert_int_equal(counters.tcp_segments_conflicting, 2);
	assert_int_equal(pass_part(&server, 0, 200), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(counters.tcp_segments_conflicting, 2);
}

/* RFC 9293 3.8.4: an octet of garbage before the next one. */
static void keep_alives_do_no_harm(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	feed(&server, server.first - 1, PACKET_ACK, "\xee", 1);
	server_says(&server, 60);
	assert_int_equal(pass_part(&server, 0, 62), 1);
	feed(&server, server.first + 61, PACKET_ACK, "\xee", 1);
	feed(&server, server.first + 61, PACKET_ACK, NULL, 0);
	settle(0);
	server_says(&server, 60);
	assert_int_equal(pass_part(&server, 62, 124), 1);
	assert_got(&server, 0, 2);
}

/* ---- beginning and end ---- */

/* The inside of a TXT record is not a message, wherever a client had it cut. */
static void a_flow_seen_in_the_middle_is_not_read(void **state)
{
	(void)state;
	server_new(&server, 9, 40000);
	server_says(&server, 60);
	assert_int_equal(pass_part(&server, 0, 62), 0);
	for (uint8_t flags = 0; flags < 32; flags++) {
		if ((flags & (SYN_ACK | PACKET_RST)) == SYN_ACK)
			continue;
		feed(&server, 8, flags, NULL, 0);
		assert_int_equal(stream_flows(table), 0);
	}
	assert_int_equal(pass_part(&server, 0, 62), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 2);
}

static void fin_ends_a_flow(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 60);
	assert_int_equal(feed(&server, 9, PACKET_ACK | PACKET_FIN, server.octets, 62), 1);
	settle(0);
	assert_got(&server, 0, 1);
	assert_int_equal(stream_flows(table), 0);
	begin(&server, 9, 40000); /* an unfinished message ends with it */
	server_says(&server, 60);
	pass_part(&server, 0, 40);
	feed(&server, 9 + 40, PACKET_ACK | PACKET_FIN, NULL, 0);
	settle(0);
	assert_int_equal(stream_flows(table), 0);
	assert_int_equal(stream_octets(table), 0);
}

static void fin_that_comes_early_waits(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	feed(&server, 9 + 70, PACKET_ACK | PACKET_FIN, server.octets + 70, 30);
	settle(0);
	assert_int_equal(stream_flows(table), 1);
	assert_int_equal(pass_part(&server, 0, 40), 0);
	assert_int_equal(pass_part(&server, 40, 70), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(stream_flows(table), 0);
}

/* A FIN behind what was read is no end, and the first one counts. */
static void other_fins_are_ignored(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	server_says(&server, 98);
	assert_int_equal(pass_part(&server, 0, 110), 1);
	feed(&server, 9 + 109, PACKET_ACK | PACKET_FIN, NULL, 0);
	settle(0);
	assert_int_equal(stream_flows(table), 1);
	feed(&server, 9 + 200, PACKET_ACK | PACKET_FIN, NULL, 0);
	feed(&server, 9 + 210, PACKET_ACK | PACKET_FIN, NULL, 0);
	settle(0);
	assert_int_equal(stream_flows(table), 1);
	assert_int_equal(pass_part(&server, 110, 200), 1);
	assert_got(&server, 0, 2);
	assert_int_equal(stream_flows(table), 0);
}

static void a_reset_counts_in_its_place_only(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	pass_part(&server, 0, 50);
	pass_part(&server, 60, 70);
	feed(&server, 9, PACKET_RST, NULL, 0);
	feed(&server, 9 + 49, PACKET_RST, NULL, 0);
	feed(&server, 9 + 51, PACKET_RST, NULL, 0);
	feed(&server, 9 + 70, PACKET_RST | PACKET_ACK, NULL, 0);
	settle(0);
	assert_int_equal(stream_flows(table), 1);
	feed(&server, 9 + 50, PACKET_RST, NULL, 0);
	settle(0);
	assert_int_equal(stream_flows(table), 0);
	assert_int_equal(stream_octets(table), 0);
}

static void a_port_used_again_begins_anew(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	pass_part(&server, 0, 50);
	begin(&server, 777777, 40000);
	server_says(&server, 98);
	assert_int_equal(stream_flows(table), 1);
	assert_int_equal(stream_octets(table), 0);
	assert_int_equal(pass_part(&server, 0, 100), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(counters.tcp_flows, 2);
}

static void the_same_syn_ack_again_changes_nothing(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	feed_syn_ack(&server);
	server_says(&server, 98);
	pass_part(&server, 0, 50);
	feed_syn_ack(&server);
	feed(&server, 777777, SYN_ACK | PACKET_RST, NULL, 0); /* what is reset does not begin */
	settle(0);
	assert_int_equal(pass_part(&server, 50, 100), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(counters.tcp_flows, 1);
}

/* ---- dropped segments ---- */

static void a_dropped_segment_is_judged_again(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(feed_part(&server, 0, 100), 1);
		assert_int_equal(settle(1), 1);
		assert_got(&server, 0, 1);
	}
	assert_int_equal(pass_part(&server, 0, 100), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(pass_part(&server, 0, 100), 0);
	assert_int_equal(stream_octets(table), 0);
}

static void only_what_it_brought_is_taken_back(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	pass_part(&server, 0, 30);
	pass_part(&server, 60, 80);
	assert_int_equal(feed_part(&server, 20, 100), 1);
	assert_int_equal(settle(1), 1);
	assert_got(&server, 0, 1);
	/* The client has the rest: the server sends what is left only, and cut differently. */
	assert_int_equal(pass_part(&server, 80, 100), 0);
	assert_int_equal(pass_part(&server, 30, 45), 0);
	assert_int_equal(pass_part(&server, 45, 60), 1);
	assert_got(&server, 0, 1);
}

/* The client must not get by the second copy what was taken from it with the first. */
static void a_second_copy_is_dropped_with_the_first(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	server_says(&server, 98);
	assert_int_equal(feed_part(&server, 0, 50), 0);
	assert_int_equal(feed_part(&server, 50, 100), 1);
	assert_int_equal(feed_part(&server, 50, 100), 0); /* the same again */
	assert_int_equal(feed_part(&server, 0, 50), 0); /* again what passes */
	assert_int_equal(feed_part(&server, 99, 120), 0); /* its last octet, and more */
	assert_int_equal(feed_part(&server, 110, 130), 0); /* again what the one before brought */
	assert_int_equal(feed_part(&server, 130, 140), 0);
	assert_int_equal(settle(1 << 1), 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5);
	assert_got(&server, 0, 1);
	assert_int_equal(pass_part(&server, 50, 99), 0);
	assert_int_equal(pass_part(&server, 99, 120), 1);
	assert_int_equal(pass_part(&server, 120, 130), 0);
	assert_int_equal(pass_part(&server, 140, 200), 1);
	assert_got(&server, 0, 2);
}

static void what_follows_a_dropped_segment_is_read_again(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	for (unsigned int i = 0; i < 4; i++)
		server_says(&server, 98);
	assert_int_equal(feed_part(&server, 0, 100), 1);
	assert_int_equal(feed_part(&server, 100, 230), 1);
	assert_int_equal(feed_part(&server, 230, 400), 2);
	assert_int_equal(settle(1 << 1), 1 << 1);
	assert_got(&server, 0, 4);
	/* The first stays read; what came with the dropped one is missing, so that the later ones are not yet readable. */
	assert_int_equal(pass_part(&server, 0, 100), 0);
	assert_int_equal(pass_part(&server, 100, 230), 3);
	assert_got(&server, 100, 3);
	assert_int_equal(stream_octets(table), 0);
}

static void a_dropped_segment_with_the_fin(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	assert_int_equal(feed(&server, 9, PACKET_ACK | PACKET_FIN, server.octets, 100), 1);
	assert_int_equal(settle(1), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(stream_flows(table), 1);
	assert_int_equal(feed(&server, 9, PACKET_ACK | PACKET_FIN, server.octets, 100), 1);
	assert_int_equal(settle(0), 0);
	assert_got(&server, 0, 1);
	assert_int_equal(stream_flows(table), 0);
}

/* A reset must not let a second copy through. */
static void a_dropped_segment_and_a_reset(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	assert_int_equal(feed_part(&server, 0, 100), 1);
	assert_int_equal(feed_part(&server, 0, 100), 0);
	feed(&server, 9 + 100, PACKET_RST, NULL, 0);
	assert_int_equal(settle(1), 3);
	forget_got();
	assert_int_equal(stream_flows(table), 0);
}

/* Nobody told the fate of more segments than a drain has: they count as passed. */
static void more_segments_than_a_drain_has(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	for (size_t i = 0; i < 3 * LIMIT_DRAIN_PACKETS; i++) {
		server_says(&server, 8);
		packet = 0;
		assert_int_equal(feed_part(&server, i * 10, i * 10 + 10), 1);
	}
	settle(0);
	assert_got(&server, 0, 3 * LIMIT_DRAIN_PACKETS);
	assert_int_equal(stream_octets(table), 0);
}

/* ---- limits ---- */

static void the_window(void **state)
{
	size_t window = LIMIT_STREAM_WINDOW;

	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 65535);
	server_says(&server, 65535);
	server_says(&server, 65535);
	pass_part(&server, window, window + 100);
	assert_int_equal(counters.tcp_segments_outside, 1);
	assert_int_equal(stream_octets(table), 0);
	feed(&server, 9 + (uint32_t)window, PACKET_ACK | PACKET_FIN, NULL, 0);
	settle(0);
	pass_part(&server, window - 10, window + 100);
	assert_int_equal(counters.tcp_segments_outside, 3);
	assert_int_equal(stream_octets(table), CHUNK);
	for (size_t at = 0; at < window - 10; at += 1000)
		pass_part(&server, at, at + 1000 < window - 10 ? at + 1000 : window - 10);
	assert_got(&server, 0, 1);
	assert_int_equal(counters.tcp_segments_outside, 3);
	/* It goes with the messages: now all but the last two octets are inside. */
	assert_int_equal(pass_part(&server, window, server.length), 1);
	assert_int_equal(counters.tcp_segments_outside, 4);
	assert_int_equal(pass_part(&server, server.length - 3, server.length), 1);
	assert_int_equal(counters.tcp_segments_outside, 4);
	assert_got(&server, 65537, 2);
	assert_int_equal(stream_flows(table), 1);
}

static void the_number_of_flows(void **state)
{
	(void)state;
	start_table(LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS);
	for (unsigned int i = 0; i < LIMIT_STREAM_FLOWS; i++) {
		now.msec++;
		begin(&server, 9, (uint16_t)i);
	}
	assert_int_equal(stream_flows(table), LIMIT_STREAM_FLOWS);
	assert_int_equal(counters.tcp_flows_evicted, 0);
	now.msec++;
	server_new(&server, 9, 0); /* the oldest is used: now the second is the oldest */
	server_says(&server, 20);
	assert_int_equal(pass_part(&server, 0, 10), 0);
	begin(&other, 9, 50000);
	assert_int_equal(stream_flows(table), LIMIT_STREAM_FLOWS);
	assert_int_equal(counters.tcp_flows_evicted, 1);
	assert_int_equal(pass_part(&server, 10, 22), 1);
	assert_got(&server, 0, 1);
	other = server;
	other.flow.destination_port = 1;
	assert_int_equal(pass_part(&other, 0, 22), 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
}

/* Of those with an unfinished message and those without, the one that is silent longer goes. */
static void the_oldest_flow_goes(void **state)
{
	(void)state;
	for (unsigned int holding = 0; holding < 2; holding++) {
		start_table(2, 65536);
		begin(&server, 9, 40000);
		server_says(&server, 20);
		now.msec += 10 * !holding;
		pass_part(&server, 0, 5);
		now.msec += 10 * holding;
		begin(&other, 9, 40001);
		server_says(&other, 20);
		now.msec += 10;
		if (!holding) {
			pass_part(&server, 5, 6);
			now.msec += 10;
		}
		begin(&(struct server) { 0 }, 9, 40002);
		assert_int_equal(counters.tcp_flows_evicted, 1);
		assert_int_equal(pass_part(&server, 6 - holding, 22), !holding);
		assert_int_equal(pass_part(&other, 0, 22), holding);
		forget_got();
	}
}

static void silence(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 20);
	pass_part(&server, 0, 10);
	begin(&other, 9, 40001);
	now.msec += LIMIT_STREAM_IDLE_MS - 1;
	begin(&(struct server) { 0 }, 9, 40002);
	assert_int_equal(stream_flows(table), 3);
	now.msec++;
	begin(&(struct server) { 0 }, 9, 40003);
	assert_int_equal(stream_flows(table), 2);
	assert_int_equal(stream_octets(table), 0);
	assert_int_equal(counters.tcp_flows_expired, 2);
}

/* Unfinished messages of 64 KiB until the memory is used. Each new one takes that of the oldest. */
static void fill_memory(unsigned int flows, size_t octets)
{
	start_table(flows + 8, octets);
	for (unsigned int i = 0; i < flows; i++) {
		now.msec++;
		begin(&server, 9, (uint16_t)i);
		server_says(&server, 65535);
		pass_part(&server, 0, 65536);
	}
}

static void the_memory(void **state)
{
	unsigned int flows = LIMIT_STREAM_OCTETS / 65536;

	(void)state;
	fill_memory(flows, LIMIT_STREAM_OCTETS);
	assert_int_equal(stream_octets(table), LIMIT_STREAM_OCTETS);
	assert_int_equal(counters.tcp_messages_skipped, 0);
	now.msec++;
	begin(&other, 9, 50000);
	server_says(&other, 100);
	assert_int_equal(pass_part(&other, 0, 102), 1);
	assert_got(&other, 0, 1);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(stream_flows(table), flows + 1);
	/* The oldest gave up its message, but knows where the next one begins. */
	server.flow.destination_port = 0;
	assert_int_equal(pass_part(&server, 65536, 65537), 0);
	server_says(&server, 100);
	assert_int_equal(pass_part(&server, 65537, server.length), 1);
	assert_got(&server, 65537, 1);
	server.flow.destination_port = 1; /* the second still has its own */
	assert_int_equal(pass_part(&server, 65536, 65537), 1);
	forget_got();
	assert_int_equal(counters.tcp_flows_lost, 0);
}

/* Not even the length of the oldest one's message is known: it cannot be read any more. */
static void the_memory_and_a_place_unknown(void **state)
{
	(void)state;
	start_table(4, CHUNK);
	begin(&server, 9, 40000);
	server_says(&server, 100);
	pass_part(&server, 1, 50);
	now.msec++;
	begin(&other, 9, 40001);
	server_says(&other, 100);
	assert_int_equal(pass_part(&other, 0, 102), 1);
	assert_got(&other, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 1);
	assert_int_equal(stream_flows(table), 1);
	assert_int_equal(pass_part(&server, 0, 102), 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
}

/* A message's end was skipped to, but what frees no memory does not help: the flow goes. */
static void the_memory_and_nothing_to_skip(void **state)
{
	(void)state;
	start_table(4, CHUNK);
	begin(&server, 9, 40000);
	server_says(&server, 10);
	server_says(&server, 10);
	pass_part(&server, 0, 5);
	pass_part(&server, 20, 24); /* in the same chunk, behind the end of the first */
	now.msec++;
	begin(&other, 9, 40001);
	server_says(&other, 100);
	assert_int_equal(pass_part(&other, 0, 102), 1);
	assert_got(&other, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 1);
	assert_int_equal(stream_flows(table), 1);
}

/* All the memory for one flow is not enough: what is beyond passes. */
static void the_memory_of_one_flow(void **state)
{
	(void)state;
	start_table(4, 2 * CHUNK);
	begin(&server, 9, 40000);
	server_says(&server, 2000);
	assert_int_equal(pass_part(&server, 0, 2002), 0);
	assert_int_equal(counters.tcp_segments_outside, 1);
	assert_int_equal(stream_octets(table), 2 * CHUNK);
	/* Late, the message is given up, and the next one is read. */
	now.msec++;
	server_says(&server, 100);
	assert_int_equal(pass_part(&server, 2002, 2104), 0);
	now.msec += LIMIT_STREAM_GAP_MS;
	server_says(&server, 100);
	assert_int_equal(pass_part(&server, 2104, 2206), 0);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	forget_got();
}

/* Messages of one drain wait for their verdicts: when that takes more memory than there is, the oldest do not wait. */
static void the_memory_for_verdicts(void **state)
{
	(void)state;
	start_table(4, 4 * CHUNK);
	begin(&server, 9, 40000);
	for (size_t i = 0; i < 8; i++) {
		server_says(&server, CHUNK - 2);
		assert_int_equal(feed_part(&server, i * CHUNK, (i + 1) * CHUNK), 1);
	}
	assert_got(&server, 0, 8);
	assert_int_equal(counters.tcp_messages_let_go, 1);
	/* The first four were let go together: their repetition is not judged again, that of the others is. */
	assert_int_equal(settle(1 << 1 | 1 << 6), 1 << 1 | 1 << 6);
	assert_int_equal(pass_part(&server, CHUNK, 2 * CHUNK), 0);
	assert_int_equal(pass_part(&server, 6 * CHUNK, 7 * CHUNK), 2);
	assert_got(&server, 6 * CHUNK, 2);
	assert_int_equal(stream_octets(table), 0);
}

/* To let go what frees nothing would help nobody. */
static void the_memory_for_verdicts_that_frees_nothing(void **state)
{
	(void)state;
	start_table(4, CHUNK);
	begin(&server, 9, 40000);
	server_says(&server, 100);
	server_says(&server, 1000);
	assert_int_equal(feed_part(&server, 0, 102), 1);
	assert_int_equal(feed_part(&server, 102, 700), 0);
	assert_int_equal(counters.tcp_segments_outside, 1);
	assert_int_equal(counters.tcp_messages_let_go, 0);
	assert_int_equal(settle(1), 1);
	assert_int_equal(pass_part(&server, 0, 102), 1);
	forget_got();
}

/* A flow whose messages are all read has nothing to give. */
static void the_memory_of_those_that_have_some(void **state)
{
	(void)state;
	start_table(4, CHUNK);
	begin(&server, 9, 40000);
	server_says(&server, 100);
	pass_part(&server, 0, 50);
	assert_int_equal(pass_part(&server, 50, 102), 1);
	assert_got(&server, 0, 1);
	now.msec++;
	for (uint16_t port = 40001; port < 40003; port++) {
		begin(&other, 9, port);
		server_says(&other, 100);
		assert_int_equal(pass_part(&other, 0, 50), 0);
	}
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(counters.tcp_flows_lost, 0);
	server_says(&server, 100);
	assert_int_equal(pass_part(&server, 102, 204), 1);
	assert_got(&server, 102, 1);
}

/* Another flow needs the memory of messages that wait for their verdict. */
static void the_memory_for_verdicts_of_another(void **state)
{
	(void)state;
	start_table(4, 2 * CHUNK);
	begin(&server, 9, 40000);
	begin(&other, 9, 40001);
	server_says(&server, 2 * CHUNK - 2);
	server_says(&other, 100);
	assert_int_equal(feed_part(&server, 0, 2 * CHUNK), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(feed_part(&other, 0, 102), 1);
	assert_got(&other, 0, 1);
	assert_int_equal(counters.tcp_messages_let_go, 1);
	assert_int_equal(settle(3), 3);
	assert_int_equal(feed_part(&server, 0, 2 * CHUNK), 0);
	assert_int_equal(feed_part(&other, 0, 102), 1);
	assert_got(&other, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 0);
}

/* ---- gaps ---- */

/* A segment passed unseen; the stream goes on. After a while its message is given up, and the next one is read. */
static void a_gap_that_stays(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 298);
	server_says(&server, 98);
	server_says(&server, 98);
	pass_part(&server, 0, 100);
	pass_part(&server, 200, 300); /* [100, 200) is missing */
	now.msec += LIMIT_STREAM_GAP_MS - 1;
	assert_int_equal(pass_part(&server, 300, 400), 0);
	now.msec++;
	assert_int_equal(pass_part(&server, 400, 420), 1);
	assert_got(&server, 300, 1);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(pass_part(&server, 420, 500), 1);
	assert_got(&server, 400, 1);
	assert_int_equal(pass_part(&server, 100, 200), 0);
	assert_int_equal(stream_octets(table), 0);
}

/* The same in one drain with messages that wait for their verdict. */
static void a_gap_that_stays_and_verdicts(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	server_says(&server, 98);
	server_says(&server, 98);
	pass_part(&server, 250, 260);
	now.msec += LIMIT_STREAM_GAP_MS;
	assert_int_equal(feed_part(&server, 0, 150), 1); /* it moves */
	assert_got(&server, 0, 1);
	now.msec += LIMIT_STREAM_GAP_MS;
	assert_int_equal(feed_part(&server, 260, 300), 0);
	assert_int_equal(counters.tcp_messages_skipped, 1);
	assert_int_equal(counters.tcp_messages_let_go, 1);
	assert_int_equal(settle(1), 1);
	assert_int_equal(pass_part(&server, 0, 150), 0);
	assert_int_equal(pass_part(&server, 200, 250), 1);
	assert_got(&server, 200, 1);
}

static void a_gap_where_a_length_was(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	server_says(&server, 98);
	server_says(&server, 98);
	assert_int_equal(pass_part(&server, 0, 101), 1);
	pass_part(&server, 200, 300);
	now.msec += LIMIT_STREAM_GAP_MS;
	assert_int_equal(feed(&server, 9 + 300, PACKET_ACK, NULL, 0), 0);
	settle(0);
	assert_got(&server, 0, 1);
	assert_int_equal(counters.tcp_flows_lost, 1);
	assert_int_equal(stream_flows(table), 0);
	assert_int_equal(stream_octets(table), 0);
	assert_int_equal(pass_part(&server, 101, 200), 0);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
}

/* Slow, but it goes on: nothing is given up. */
static void a_gap_that_moves(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	pass_part(&server, 80, 100);
	for (size_t at = 0; at < 79; at++) {
		now.msec += LIMIT_STREAM_GAP_MS - 1;
		assert_int_equal(pass_part(&server, at, at + 1), 0);
	}
	now.msec += 10 * LIMIT_STREAM_GAP_MS; /* the missing one itself is never too late */
	assert_int_equal(pass_part(&server, 79, 80), 1);
	assert_got(&server, 0, 1);
}

/* Quiet is no gap. */
static void no_gap(void **state)
{
	(void)state;
	begin(&server, 9, 40000);
	server_says(&server, 98);
	pass_part(&server, 0, 50);
	now.msec += LIMIT_STREAM_GAP_MS + 1;
	feed(&server, 9 + 50, PACKET_ACK, NULL, 0);
	settle(0);
	now.msec += LIMIT_STREAM_GAP_MS + 1;
	pass_part(&server, 40, 50);
	assert_int_equal(pass_part(&server, 50, 100), 1);
	assert_got(&server, 0, 1);
}

/* ---- chance against a model ---- */

#define MODEL_OCTETS 4000
#define NOBODY (-1)
#define LONG_AGO 1000

/* Each octet with who brought it, kept for ever. What is readable is found anew each time from the beginning. */
struct model {
	int owner[MODEL_OCTETS];
	size_t read; /* the messages before it were handed out */
	size_t safe; /* the same, by segments that were not dropped: never read again */
	struct {
		size_t from, to;
	} segments[LIMIT_DRAIN_PACKETS];
	unsigned int count;
	uint64_t reported; /* packets that made a message readable */
};

static unsigned int random_below(unsigned int *seed, unsigned int limit)
{
	return (unsigned int)rand_r(seed) % limit;
}

/* The end of the message at `at` if all of it is there, else 0. */
static size_t model_message(const struct model *m, size_t at)
{
	size_t end = at + 2;

	if (end > server.length || m->owner[at] == NOBODY || m->owner[at + 1] == NOBODY)
		return 0;
	end += (size_t)(server.octets[at] << 8 | server.octets[at + 1]);
	for (size_t i = at; i < end; i++)
		if (m->owner[i] == NOBODY)
			return 0;
	return end;
}

static unsigned int model_read(const struct model *m, size_t *at)
{
	unsigned int count = 0;

	for (size_t end = model_message(m, *at); end; end = model_message(m, *at)) {
		*at = end;
		count++;
	}
	return count;
}

/* One random segment near what is missing, sometimes again what was there, and then with another content. */
static void random_segment(struct model *m, unsigned int *seed)
{
	size_t from, to;
	bool known = true;
	unsigned int count;
	uint8_t octets[MODEL_OCTETS];

	for (from = 0; from < server.length && m->owner[from] != NOBODY; from++)
		;
	from = from > 40 ? from - random_below(seed, 40) : from;
	from += random_below(seed, 3) ? 0 : random_below(seed, 200);
	from = from < server.length ? from : server.length - 1;
	to = from + random_below(seed, random_below(seed, 2) ? 30 : 400);
	to = to < server.length ? to : server.length;
	memcpy(octets, server.octets, server.length);
	for (size_t i = from; i < to; i++)
		known &= m->owner[i] != NOBODY;
	for (size_t i = from; i < to; i++) {
		octets[i] ^= known ? 0x55 : 0;
		if (m->owner[i] == NOBODY)
			m->owner[i] = (int)m->count;
	}
	m->segments[m->count].from = from;
	m->segments[m->count].to = to;
	count = model_read(m, &m->read);
	m->reported |= (uint64_t)(count > 0) << m->count;
	m->count++;
	assert_int_equal(feed(&server, server.first + (uint32_t)from, PACKET_ACK, octets + from, to - from), count);
}

/* What must go: the dropped ones and those that hold octets of dropped ones; who brought what stays as it was. */
static uint64_t model_drop(const struct model *m, uint64_t dropped)
{
	for (unsigned int p = 0; p < m->count; p++)
		for (size_t i = m->segments[p].from; i < m->segments[p].to; i++)
			if (i >= m->safe && m->owner[i] != LONG_AGO && dropped >> m->owner[i] & 1)
				dropped |= UINT64_C(1) << p;
	return dropped;
}

static void random_drain(struct model *m, unsigned int *seed)
{
	uint64_t dropped = 0;

	m->count = 0;
	m->reported = 0;
	m->read = m->safe;
	for (unsigned int n = random_below(seed, 12); n > 0; n--)
		random_segment(m, seed);
	for (unsigned int p = 0; p < m->count; p++)
		if (m->reported >> p & 1 && random_below(seed, 3) == 0)
			dropped |= UINT64_C(1) << p;
	assert_int_equal(settle(dropped), model_drop(m, dropped));
	dropped = model_drop(m, dropped);
	for (size_t i = 0; i < server.length; i++)
		if (m->owner[i] != NOBODY && m->owner[i] != LONG_AGO)
			m->owner[i] = dropped >> m->owner[i] & 1 ? NOBODY : LONG_AGO;
	assert_got(&server, m->safe, got.count);
	model_read(m, &m->safe);
}

static void chance_against_a_model(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	static struct model m;

	(void)state;
	print_message("# seed %u\n", seed);
	for (unsigned int round = 0; round < 1500; round++) {
		begin(&server, (uint32_t)rand_r(&seed) * 3, (uint16_t)(40000 + round % 3));
		while (server.length < MODEL_OCTETS - 700)
			server_says(&server, random_below(&seed, random_below(&seed, 4) ? 60 : 600));
		m.safe = 0;
		for (size_t i = 0; i < MODEL_OCTETS; i++)
			m.owner[i] = NOBODY;
		while (m.safe < server.length)
			random_drain(&m, &seed);
		assert_int_equal(stream_octets(table), 0);
	}
	assert_int_equal(counters.tcp_flows_lost + counters.tcp_messages_skipped + counters.tcp_messages_let_go, 0);
}

/* Segments of a flow whose place another one took before they were settled are passed. */
static void segments_of_a_flow_whose_place_was_taken(void **state)
{
	(void)state;
	server_new(&server, 1000, 40000);
	server_says(&server, 100);
	feed_syn_ack(&server);
	assert_int_equal(feed(&server, server.first, PACKET_ACK, server.octets, server.length), 1);
	feed(&server, 777776, SYN_ACK, NULL, 0);
	assert_int_equal(stream_settle(table, 0), 0);
	assert_int_equal(stream_flows(table), 1);
}

/* What clients send begins with their SYN; a SYN-ACK from there begins nothing. */
static void the_clients_side(void **state)
{
	(void)state;
	start_table(16, 1u << 20);
	table = stream_table_new(block, 16, 1u << 20, STREAM_CLIENT, &key);
	server_new(&server, 1000, 40000);
	server_says(&server, 40);
	server_says(&server, 50);
	assert_int_equal(feed_syn_ack(&server), 0);
	assert_int_equal(pass_part(&server, 0, 42), 0);
	assert_int_equal(stream_flows(table), 0);
	assert_int_equal(feed(&server, server.first - 1, PACKET_SYN, NULL, 0), 0);
	assert_int_equal(pass_part(&server, 60, server.length), 0);
	assert_int_equal(pass_part(&server, 0, 60), 2);
	assert_got(&server, 0, 2);
	/* A SYN with data (RFC 7413), of a new connection from the same port */
	server_new(&server, 77000, 40000);
	server_says(&server, 30);
	assert_int_equal(feed(&server, server.first - 1, PACKET_SYN, server.octets, 32), 1);
	assert_got(&server, 0, 1);
	assert_int_equal(settle(0), 0);
	assert_int_equal(stream_flows(table), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_clients_side),
		CASE(one_message_in_one_segment),
		CASE(every_pair_of_segments_in_both_orders),
		CASE(in_one_drain),
		CASE(long_messages_in_one_drain),
		CASE(single_octets_in_any_order),
		CASE(many_messages_in_one_segment),
		CASE(a_segment_that_ends_one_and_begins_another),
		CASE(the_longest_message),
		CASE(the_longest_message_backwards),
		CASE(the_longest_message_octet_by_octet),
		CASE(sequence_numbers_wrap_around),
		CASE(a_flow_longer_than_the_sequence_space),
		CASE(data_with_the_syn_ack),
		CASE(flows_do_not_mix),
		CASE(repetitions_change_nothing),
		CASE(the_first_copy_counts),
		CASE(keep_alives_do_no_harm),
		CASE(a_flow_seen_in_the_middle_is_not_read),
		CASE(fin_ends_a_flow),
		CASE(fin_that_comes_early_waits),
		CASE(other_fins_are_ignored),
		CASE(a_reset_counts_in_its_place_only),
		CASE(a_port_used_again_begins_anew),
		CASE(the_same_syn_ack_again_changes_nothing),
		CASE(a_dropped_segment_is_judged_again),
		CASE(only_what_it_brought_is_taken_back),
		CASE(a_second_copy_is_dropped_with_the_first),
		CASE(what_follows_a_dropped_segment_is_read_again),
		CASE(a_dropped_segment_with_the_fin),
		CASE(a_dropped_segment_and_a_reset),
		CASE(more_segments_than_a_drain_has),
		CASE(the_window),
		CASE(the_number_of_flows),
		CASE(the_oldest_flow_goes),
		CASE(silence),
		CASE(the_memory),
		CASE(the_memory_and_a_place_unknown),
		CASE(the_memory_and_nothing_to_skip),
		CASE(the_memory_of_one_flow),
		CASE(the_memory_for_verdicts),
		CASE(the_memory_for_verdicts_that_frees_nothing),
		CASE(the_memory_for_verdicts_of_another),
		CASE(the_memory_of_those_that_have_some),
		CASE(a_gap_that_stays),
		CASE(a_gap_that_stays_and_verdicts),
		CASE(a_gap_where_a_length_was),
		CASE(a_gap_that_moves),
		CASE(no_gap),
		CASE(chance_against_a_model),
		CASE(segments_of_a_flow_whose_place_was_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
