/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "tests/unit/stream/world.h"

const struct hash_key world_key = { 0x0123456789abcdef, 0xfedcba9876543210 };
struct world world;

void world_start(size_t flows, size_t octets)
{
	free(world.block);
	world.block = malloc(stream_table_size(flows, octets));
	assert_non_null(world.block);
	memset(world.block, 0xa5, stream_table_size(flows, octets));
	world.table = stream_table_new(world.block, flows, octets, STREAM_SERVER, &world_key);
	memset(&counters, 0, sizeof(counters));
	world.packet = 0;
	world.now = (struct monotime) { 5000 };
}

int world_setup(void **state)
{
	(void)state;
	world_forget_got(); /* a case that failed left some */
	world_start(16, 1u << 20);
	return 0;
}

int world_teardown(void **state)
{
	(void)state;
	free(world.block);
	world.block = NULL;
	return 0;
}

void world_server(struct server *s, uint32_t first, uint16_t client_port)
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

void world_says(struct server *s, size_t length)
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

unsigned int world_feed(const struct server *s, uint32_t sequence, uint8_t flags, const void *octets, size_t length)
{
	struct packet_tcp segment = s->flow;
	uint8_t *copy = malloc(length ? length : 1);
	unsigned int count = world.got.count, told;

	assert_non_null(copy);
	if (length)
		memcpy(copy, octets, length);
	segment.sequence = sequence;
	segment.flags = flags;
	segment.payload = copy;
	segment.length = length;
	told = stream_feed(world.table, &segment, world.packet++, world.now, on_message, &world.got);
	assert_int_equal(told, world.got.count - count);
	free(copy);
	return told;
}

unsigned int world_feed_syn_ack(const struct server *s)
{
	return world_feed(s, s->first - 1, WORLD_SYN_ACK, NULL, 0);
}

unsigned int world_feed_part(const struct server *s, size_t from, size_t to)
{
	return world_feed(s, s->first + (uint32_t)from, PACKET_ACK, s->octets + from, to - from);
}

uint64_t world_settle(uint64_t dropped)
{
	world.packet = 0;
	return stream_settle(world.table, dropped);
}

unsigned int world_pass_part(const struct server *s, size_t from, size_t to)
{
	unsigned int count = world_feed_part(s, from, to);

	assert_int_equal(world_settle(0), 0);
	return count;
}

void world_begin(struct server *s, uint32_t first, uint16_t client_port)
{
	world_server(s, first, client_port);
	assert_int_equal(world_feed_syn_ack(s), 0);
	assert_int_equal(world_settle(0), 0);
}

void world_forget_got(void)
{
	world.got.count = 0;
	world.got.used = 0;
}

size_t world_assert_got(const struct server *s, size_t at, unsigned int count)
{
	size_t used = 0;

	assert_int_equal(world.got.count, count);
	for (unsigned int i = 0; i < count; i++) {
		size_t length = (size_t)(s->octets[at] << 8 | s->octets[at + 1]);

		assert_int_equal(world.got.lengths[i], length);
		assert_memory_equal(world.got.octets + used, s->octets + at + 2, length);
		used += length;
		at += 2 + length;
	}
	world_forget_got();
	return at;
}
