/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server, a table, and what the table made of the server's segments. What goes wrong ends the test case. */
#ifndef NFQDN_TESTS_STREAM_WORLD_H
#define NFQDN_TESTS_STREAM_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "dns/stream.h"

#define WORLD_SYN_ACK (PACKET_SYN | PACKET_ACK)
#define WORLD_CHUNK 512 /* of memory, which is given in whole ones */

struct server {
	struct packet_tcp flow; /* its tuple */
	uint32_t first; /* sequence number of octets[0] */
	size_t length;
	uint8_t octets[600000];
};

/* Messages since the last world_forget_got(), one behind the other. */
struct got {
	unsigned int count;
	size_t lengths[70000];
	uint8_t octets[600000];
	size_t used;
};

struct world {
	struct stream_table *table;
	void *block; /* the table's memory */
	struct server server, other;
	struct got got;
	unsigned int packet; /* of the drain, the next one */
	struct monotime now;
};

extern struct world world;
extern const struct hash_key world_key;

/* 16 flows and 1 MiB for them, and nothing got. */
int world_setup(void **state);
int world_teardown(void **state);
#define WORLD_TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

/* An empty table instead, and all counters 0. */
void world_start(size_t flows, size_t octets);

/* ---- a server ---- */

/* One that has said nothing, and nobody knows its flow yet. */
void world_server(struct server *s, uint32_t first, uint16_t client_port);
/* ... whose SYN-ACK was seen. */
void world_begin(struct server *s, uint32_t first, uint16_t client_port);
/* A message of `length` octets that no other one equals. */
void world_says(struct server *s, size_t length);

/* ---- its segments: each returns how many messages became readable ---- */

/* Exactly these octets in memory of their own, so that a sanitizer sees a read beyond them. */
unsigned int world_feed(const struct server *s, uint32_t sequence, uint8_t flags, const void *octets, size_t length);
unsigned int world_feed_syn_ack(const struct server *s);
/* The octets [from, to) of the stream. */
unsigned int world_feed_part(const struct server *s, size_t from, size_t to);
/* ... in a drain of its own, which passes. */
unsigned int world_pass_part(const struct server *s, size_t from, size_t to);
/* The end of a drain: stream_settle(). */
uint64_t world_settle(uint64_t dropped);

/* ---- what was got ---- */

void world_forget_got(void);
/* The messages got since the last time are `count` of those in the stream from `at` on. Returns where the next begins. */
size_t world_assert_got(const struct server *s, size_t at, unsigned int count);

#endif
