/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
/* The input is a program: flows begin, segments come in any order and cut, repeated with other content, dropped; time
 * goes by; the table is small. Each flow has a server that says a known stream and a client that keeps what passed.
 *
 * Always: what is handed out is a message of that server's, whole, and all of it was fed; dropping is never forgotten.
 * As long as no limit was reached: exactly what a model hands out, that keeps everything and looks from the beginning. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLOWS 4
#define OCTETS 140000
#define STEPS 400

#define CHECK(condition) ((condition) ? (void)0 : abort())

/* Who brought an octet: nobody, packet N, a packet of an earlier drain. */
#define NOBODY 0
#define PACKET(n) ((uint8_t)((n) + 1))
#define LONG_AGO 255

struct model {
	bool alive, fin;
	uint32_t first;
	size_t length;
	size_t read, safe; /* ends of messages handed out; and by segments that passed */
	size_t filled; /* all before it was brought */
	uint8_t octets[OCTETS], owner[OCTETS];
};

struct sent {
	unsigned int flow;
	size_t from, to;
};

static struct {
	const uint8_t *data;
	size_t size;
	struct stream_table *table;
	struct monotime now;
	struct model models[FLOWS];
	struct sent sent[LIMIT_DRAIN_PACKETS];
	unsigned int packets;
	uint64_t reported;
	size_t at; /* while a segment is fed: where the next message begins, at least */
} run;

static unsigned int take8(void)
{
	if (run.size == 0)
		return 0;
	run.size--;
	return *run.data++;
}

static unsigned int take16(void)
{
	unsigned int high = take8();

	return high << 8 | take8();
}

static bool limit_reached(void)
{
	return counters.tcp_flows_lost + counters.tcp_flows_evicted + counters.tcp_flows_expired +
		       counters.tcp_messages_skipped + counters.tcp_messages_let_go + counters.tcp_segments_outside >
	       0;
}

/* ---- the model ---- */

static size_t message_end(const struct model *m, size_t at)
{
	return at + 2 + (size_t)(m->octets[at] << 8 | m->octets[at + 1]);
}

static void refill(struct model *m, size_t from)
{
	const uint8_t *missing = memchr(m->owner + from, NOBODY, m->length - from);

	m->filled = missing ? (size_t)(missing - m->owner) : m->length;
}

/* Moves `*at` over the messages that are there. */
static unsigned int read_on(const struct model *m, size_t *at)
{
	unsigned int count = 0;

	while (m->filled >= *at + 2 && message_end(m, *at) <= m->filled) {
		*at = message_end(m, *at);
		count++;
	}
	return count;
}

/* The message that was handed out is one of the stream's, not before `run.at`, and every octet of it was fed. */
static void on_message(void *context, const uint8_t *message, size_t length)
{
	struct model *m = context;
	size_t at = run.at;

	while (at < m->length) {
		size_t end = message_end(m, at);

		if (end - at - 2 == length && memcmp(m->octets + at + 2, message, length) == 0 &&
		    !memchr(m->owner + at, NOBODY, end - at)) {
			run.at = end;
			return;
		}
		CHECK(limit_reached());
		at = end;
	}
	abort();
}

/* ---- steps ---- */

static struct packet_tcp segment_of(unsigned int flow)
{
	return (struct packet_tcp) {
		.source = { .family = IPADDR_V4, .bytes = { 10, 2, 0, 2 } },
		.destination = { .family = IPADDR_V4, .bytes = { 10, 1, 0, 9 } },
		.source_port = 53,
		.destination_port = (uint16_t)flow,
		.flags = PACKET_ACK,
	};
}

/* A dropped packet leaves nothing, another all it had. */
static void own(unsigned int packet, bool dropped)
{
	const struct sent *sent = &run.sent[packet];
	uint8_t *owner = run.models[sent->flow].owner;

	for (size_t i = sent->from; i < sent->to; i++)
		if (!dropped)
			owner[i] = LONG_AGO;
		else if (owner[i] == PACKET(packet))
			owner[i] = NOBODY;
}

/* The messages that segments which passed made readable stay read. */
static void keep(struct model *m)
{
	refill(m, m->safe);
	read_on(m, &m->safe);
	m->read = m->safe;
	if (m->fin && m->filled == m->length)
		m->alive = false;
}

/* The packets that must go with the dropped ones. */
static uint64_t dropped_with(uint64_t dropped)
{
	for (unsigned int p = 0; p < run.packets; p++) {
		const struct sent *sent = &run.sent[p];
		const struct model *m = &run.models[sent->flow];

		for (size_t i = sent->from > m->safe ? sent->from : m->safe; i < sent->to; i++)
			if (m->owner[i] != NOBODY && m->owner[i] != LONG_AGO && dropped >> (m->owner[i] - 1) & 1)
				dropped |= UINT64_C(1) << p;
	}
	return dropped;
}

/* Of the segments that made messages readable, those in the mask are dropped. */
static void settle(uint64_t mask)
{
	uint64_t dropped = run.reported & mask, answer = stream_settle(run.table, dropped);

	CHECK((answer & dropped) == dropped);
	CHECK(run.packets == 64 || answer >> run.packets == 0);
	CHECK(limit_reached() || answer == dropped_with(dropped));
	for (unsigned int drops = 2; drops-- > 0;) /* the dropped ones first */
		for (unsigned int p = 0; p < run.packets; p++)
			if ((answer >> p & 1) == drops)
				own(p, drops);
	for (unsigned int f = 0; f < FLOWS; f++)
		keep(&run.models[f]);
	run.packets = 0;
	run.reported = 0;
}

/* `from` and `to`: what of the stream it carries; `at`: where its first message begins, at least. */
static unsigned int feed(unsigned int flow, const struct packet_tcp *segment, size_t from, size_t to, size_t at)
{
	unsigned int count;

	run.sent[run.packets] = (struct sent) { flow, from, to };
	run.at = limit_reached() ? 0 : at;
	count = stream_feed(run.table, segment, run.packets, run.now, on_message, &run.models[flow]);
	run.reported |= (uint64_t)(count > 0) << run.packets;
	if (++run.packets == LIMIT_DRAIN_PACKETS)
		settle(0);
	return count;
}

/* What messages are made of. */
static const uint8_t *words(void)
{
	static uint8_t octets[70000];

	for (size_t i = 0; octets[1] == 0 && i < sizeof(octets); i++)
		octets[sizeof(octets) - 1 - i] = (uint8_t)(1 + i * 7 + (i >> 8));
	return octets;
}

/* Messages whose sizes the input chooses. */
static void speak(struct model *m)
{
	unsigned int shape = take8(), messages = take8(), seed = shape;
	size_t longest = shape % 4 == 0 ? 65536 : shape % 4 == 1 ? 700 : 40;

	m->length = 0;
	for (unsigned int i = 0; i <= messages; i++) {
		size_t length = (size_t)rand_r(&seed) % longest;

		if (m->length + 2 + length > OCTETS)
			break;
		m->octets[m->length++] = (uint8_t)(length >> 8);
		m->octets[m->length++] = (uint8_t)length;
		memcpy(m->octets + m->length, words() + i * 13, length);
		m->length += length;
	}
}

static void step_begin(unsigned int flow)
{
	struct model *m = &run.models[flow];
	struct packet_tcp segment = segment_of(flow);
	uint32_t first = take16() << 16;

	settle(0);
	first |= take16();
	m->first = first == m->first ? first + 1 : first; /* else it is the same flow still */
	m->alive = true;
	m->fin = false;
	m->read = m->safe = m->filled = 0;
	speak(m);
	memset(m->owner, NOBODY, m->length);
	segment.sequence = m->first - 1;
	segment.flags |= PACKET_SYN;
	CHECK(feed(flow, &segment, 0, 0, 0) == 0);
}

/* A segment near what is missing. Octets that the table has may come again with another content. */
static void step_segment(unsigned int flow)
{
	struct model *m = &run.models[flow];
	struct packet_tcp segment = segment_of(flow);
	int64_t near = (int64_t)m->filled + (int16_t)take16() / (take8() % 2 ? 1 : 100);
	size_t length = take16(), from, to, at = m->read;
	unsigned int kind = take8(), expected;
	uint8_t *copy;

	from = near < 0 ? 0 : near > (int64_t)m->length ? m->length : (size_t)near;
	to = from + (kind % 4 ? length % 1500 : length);
	to = to < m->length ? to : m->length;
	copy = malloc(to - from + 1);
	CHECK(copy);
	for (size_t i = from; i < to; i++) {
		bool other = kind & 8 && m->owner[i] != NOBODY && !limit_reached();

		copy[i - from] = m->octets[i] ^ (other ? 0x55 : 0);
		if (m->owner[i] == NOBODY)
			m->owner[i] = PACKET(run.packets);
	}
	if (to == m->length && kind & 16) {
		segment.flags |= PACKET_FIN;
		m->fin = true;
	}
	segment.sequence = m->first + (uint32_t)from;
	segment.payload = copy;
	segment.length = to - from;
	refill(m, m->safe);
	expected = m->alive ? read_on(m, &m->read) : 0;
	if (feed(flow, &segment, from, to, at) != expected)
		CHECK(limit_reached());
	free(copy);
}

/* What the receiver does not take: far away in the sequence space. */
static void step_stray(unsigned int flow)
{
	static const uint8_t octets[300] = { 0 };
	struct packet_tcp segment = segment_of(flow);
	uint32_t distance = 300000 + (take16() << 15);
	uint64_t outside = counters.tcp_segments_outside;

	segment.sequence = run.models[flow].first + (take8() % 2 ? distance : 0u - distance);
	segment.payload = octets;
	segment.length = take8();
	segment.flags |= (uint8_t)(take8() & (PACKET_RST | PACKET_FIN));
	feed(flow, &segment, 0, 0, run.models[flow].read);
	counters.tcp_segments_outside = outside;
}

static void step(void)
{
	unsigned int operation = take8(), flow = operation / 16 % FLOWS;

	switch (operation % 16) {
	case 0:
		step_begin(flow);
		break;
	case 1:
	case 2:
		settle((uint64_t)take16() | (uint64_t)take16() << 16);
		break;
	case 3:
		run.now.msec += take16() * (operation & 64 ? 20 : 1);
		break;
	case 4:
		step_stray(flow);
		break;
	default:
		step_segment(flow);
	}
}

/* All memory comes back. */
static void finish(void)
{
	settle(0);
	run.now.msec += LIMIT_STREAM_IDLE_MS;
	for (unsigned int i = 0; i < 2 * FLOWS; i++) {
		struct packet_tcp segment = segment_of(1000);

		stream_feed(run.table, &segment, 0, run.now, on_message, NULL);
	}
	CHECK(stream_flows(run.table) == 0);
	CHECK(stream_octets(run.table) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t memory[] = { 1, 600, 1500, 5000, 20000, 70000, 150000, 300000 };
	static const struct hash_key key = { 1, 2 };
	size_t flows, octets;
	void *block;

	run.data = data;
	run.size = size;
	flows = 1 + take8() % (FLOWS + 1);
	octets = memory[take8() % 8];
	block = malloc(stream_table_size(flows, octets));
	CHECK(block);
	memset(block, 0xa5, stream_table_size(flows, octets));
	memset(&counters, 0, sizeof(counters));
	run.table = stream_table_new(block, flows, octets, STREAM_SERVER, &key);
	run.now = (struct monotime) { 0 };
	run.packets = 0;
	run.reported = 0;
	for (unsigned int f = 0; f < FLOWS; f++) {
		struct model *m = &run.models[f];

		m->alive = m->fin = false;
		m->first = 0;
		m->length = m->read = m->safe = m->filled = 0;
	}
	for (unsigned int i = 0; i < STEPS && run.size > 0; i++)
		step();
	finish();
	free(block);
	return 0;
}
