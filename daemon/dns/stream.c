/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Theory of operation.
 *
 * Positions are octets since the SYN-ACK in 64 bits, so that nothing here wraps around. Three of them rule a flow, and
 * the first two are always boundaries of messages:
 *
 *	base <= next <= filled
 *
 *	base	what is before it is settled and forgotten
 *	next	the messages before it were handed out; until stream_settle() they may have to be taken back
 *	filled	the first octet that is missing
 *
 * Octets from `base` on lie in chunks, a sorted list for each flow. Beside each octet stands its tag: not there, there
 * since before the last stream_settle(), or brought by packet N. So any order, overlap or repetition is the same case,
 * nothing has to be counted in intervals, and taking back a packet is to clear its tags.
 *
 * When memory runs out, the flow that waits longest gives up its unfinished message: it skips to the end of it, if the
 * length is known, else it is forgotten. The same happens when a gap stays open although the stream goes on: the client
 * has what we missed. */
#include "dns/stream.h"

#include <string.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/stream_parts.h"

#define PREFIX_OCTETS 2 /* RFC 1035 4.2.2 */

/* Tags; packet N has TAG_PACKET(N). */
#define TAG_MISSING 0
#define TAG_PACKET(n) ((uint8_t)((n) + 1))
#define TAG_SETTLED 255
_Static_assert(LIMIT_DRAIN_PACKETS <= 64, "packets are bits of 64");
_Static_assert(LIMIT_STREAM_WINDOW >= PREFIX_OCTETS + STREAM_MESSAGE_OCTETS, "a message must fit");

/* ---- chunks ---- */

/* The last chunk whose number is at most `number`, or NULL. */
static struct stream_chunk *chunk_before(struct stream_flow *flow, int64_t number)
{
	struct stream_chunk *chunk = flow->cursor && flow->cursor->number <= number ? flow->cursor : flow->chunks;

	if (!chunk || chunk->number > number)
		return NULL;
	while (chunk->next && chunk->next->number <= number)
		chunk = chunk->next;
	flow->cursor = chunk;
	return chunk;
}

static struct stream_chunk *chunk_find(struct stream_flow *flow, int64_t number)
{
	struct stream_chunk *chunk = chunk_before(flow, number);

	return chunk && chunk->number == number ? chunk : NULL;
}

/* The part of [*at, stop) that lies in one chunk: how many octets, and `*offset` in the chunk. */
static size_t part_of(int64_t at, int64_t stop, size_t *offset)
{
	*offset = (size_t)(at % STREAM_CHUNK_OCTETS);
	return (size_t)(stop - at) < STREAM_CHUNK_OCTETS - *offset ? (size_t)(stop - at)
								   : STREAM_CHUNK_OCTETS - *offset;
}

/* The first octet from `at` on that is missing. */
static int64_t first_missing(struct stream_flow *flow, int64_t at)
{
	for (;;) {
		struct stream_chunk *chunk = chunk_find(flow, at / STREAM_CHUNK_OCTETS);
		size_t offset = (size_t)(at % STREAM_CHUNK_OCTETS);
		const uint8_t *missing;

		if (!chunk)
			return at;
		missing = memchr(chunk->tags + offset, TAG_MISSING, STREAM_CHUNK_OCTETS - offset);
		if (missing)
			return at + (missing - (chunk->tags + offset));
		at += (int64_t)(STREAM_CHUNK_OCTETS - offset);
	}
}

/* Copies octets that are all there. */
static void copy_out(struct stream_flow *flow, int64_t at, size_t count, uint8_t *out)
{
	int64_t stop = at + (int64_t)count;

	while (at < stop) {
		size_t offset, part = part_of(at, stop, &offset);
		const struct stream_chunk *chunk = chunk_find(flow, at / STREAM_CHUNK_OCTETS);

		if (!chunk)
			return;
		memcpy(out, chunk->octets + offset, part);
		out += part;
		at += (int64_t)part;
	}
}

/* Turns the tag `from` into `to` in [at, stop). */
static void retag(struct stream_flow *flow, int64_t at, int64_t stop, uint8_t from, uint8_t to)
{
	while (at < stop) {
		size_t offset, part = part_of(at, stop, &offset);
		struct stream_chunk *chunk = chunk_find(flow, at / STREAM_CHUNK_OCTETS);

		for (size_t i = offset; chunk && i < offset + part; i++)
			if (chunk->tags[i] == from)
				chunk->tags[i] = to;
		at += (int64_t)part;
	}
}

/* ---- messages ---- */

/* The octets of the message at `next`, with its prefix; -1 when not even that is there. */
static int64_t message_octets(struct stream_flow *flow)
{
	uint8_t prefix[PREFIX_OCTETS] = { 0 };

	if (flow->filled - flow->next < PREFIX_OCTETS)
		return -1;
	copy_out(flow, flow->next, PREFIX_OCTETS, prefix);
	return PREFIX_OCTETS + (prefix[0] << 8 | prefix[1]);
}

/* The same, -1 also when any of it is missing. */
static int64_t whole_message(struct stream_flow *flow)
{
	int64_t octets = message_octets(flow);

	return octets <= flow->filled - flow->next ? octets : -1;
}

static unsigned int read_messages(struct stream_table *table, struct stream_flow *flow, stream_message *message,
				  void *context)
{
	unsigned int count = 0;

	for (int64_t octets = whole_message(flow); octets > 0; octets = whole_message(flow)) {
		size_t length = (size_t)octets - PREFIX_OCTETS;

		copy_out(flow, flow->next + PREFIX_OCTETS, length, table->scratch);
		flow->next += octets;
		message(context, table->scratch, length);
		count++;
	}
	counters.tcp_messages += count;
	return count;
}

/* ---- giving up ---- */

static void flow_lose(struct stream_table *table, struct stream_flow *flow)
{
	counters.tcp_flows_lost++;
	stream_flow_remove(table, flow);
}

/* Lets go what only stream_settle() could still need, if that frees anything. */
static bool let_go(struct stream_table *table, struct stream_flow *flow)
{
	int64_t base = flow->base;

	flow->base = flow->next;
	if (stream_flow_release(table, flow)) {
		counters.tcp_messages_let_go++;
		return true;
	}
	flow->base = base;
	return false;
}

/* Goes on to behind the unfinished message. False when its length is not known. */
static bool skip_message(struct stream_table *table, struct stream_flow *flow)
{
	int64_t octets = message_octets(flow);

	if (octets < 0)
		return false;
	counters.tcp_messages_skipped++;
	counters.tcp_messages_let_go += flow->base < flow->next;
	flow->next += octets;
	flow->base = flow->next;
	flow->filled = first_missing(flow, flow->next);
	flow->gap = false;
	stream_flow_release(table, flow);
	return true;
}

/* Takes memory from a flow that holds some. */
static void give_way(struct stream_table *table, struct stream_flow *flow)
{
	size_t before = table->chunk_count;

	if (let_go(table, flow) || (skip_message(table, flow) && table->chunk_count < before))
		stream_flow_relist(table, flow);
	else
		flow_lose(table, flow);
}

static void make_room(struct stream_table *table, struct stream_flow *needy)
{
	struct stream_flow *oldest = table->lists[STREAM_HOLDING].oldest;

	if (let_go(table, needy))
		return;
	if (oldest == needy)
		oldest = oldest->newer;
	if (oldest)
		give_way(table, oldest);
}

/* ---- what a segment brings ---- */

static struct stream_chunk *chunk_take(struct stream_table *table, struct stream_flow *flow)
{
	struct stream_chunk *chunk;

	if (!table->free_chunks && table->chunks_begun == table->chunk_limit)
		make_room(table, flow);
	chunk = table->free_chunks;
	if (chunk)
		table->free_chunks = chunk->next;
	else if (table->chunks_begun < table->chunk_limit)
		chunk = &table->chunks[table->chunks_begun++];
	else
		return NULL;
	table->chunk_count++;
	memset(chunk->tags, TAG_MISSING, sizeof(chunk->tags));
	return chunk;
}

static struct stream_chunk *chunk_make(struct stream_table *table, struct stream_flow *flow, int64_t number)
{
	struct stream_chunk *chunk = chunk_find(flow, number), *before;

	if (chunk)
		return chunk;
	chunk = chunk_take(table, flow);
	if (!chunk)
		return NULL;
	before = chunk_before(flow, number);
	chunk->number = number;
	chunk->next = before ? before->next : flow->chunks;
	if (before)
		before->next = chunk;
	else
		flow->chunks = chunk;
	flow->cursor = chunk;
	return chunk;
}

/* The first copy counts. False when a later one says something else. */
static bool chunk_fill(struct stream_chunk *chunk, size_t offset, const uint8_t *octets, size_t count, uint8_t tag)
{
	bool same = true;

	for (size_t i = 0; i < count; i++) {
		if (chunk->tags[offset + i] == TAG_MISSING) {
			chunk->tags[offset + i] = tag;
			chunk->octets[offset + i] = octets[i];
		} else if (chunk->octets[offset + i] != octets[i]) {
			same = false;
		}
	}
	return same;
}

/* Puts the octets of [at, stop) in their places. Returns how far the memory went. */
static int64_t hold(struct stream_table *table, struct stream_flow *flow, int64_t at, int64_t stop,
		    const uint8_t *octets, uint8_t tag)
{
	bool same = true;

	while (at < stop) {
		size_t offset, part = part_of(at, stop, &offset);
		struct stream_chunk *chunk = chunk_make(table, flow, at / STREAM_CHUNK_OCTETS);

		if (!chunk)
			break;
		same &= chunk_fill(chunk, offset, octets, part, tag);
		octets += part;
		at += (int64_t)part;
	}
	counters.tcp_segments_conflicting += !same;
	return at;
}

static void journal(struct stream_table *table, struct stream_flow *flow, unsigned int packet, int64_t start,
		    int64_t stop)
{
	table->journal[table->journal_count++] = (struct stream_entry) {
		.flow = flow,
		.serial = flow->serial,
		.packet = packet,
		.start = start,
		.stop = stop,
	};
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Where the payload stands; the sequence number is taken for the one nearest to what is expected. */
static int64_t position_of(const struct stream_flow *flow, const struct packet_tcp *segment)
{
	uint32_t sequence = segment->sequence + ((segment->flags & PACKET_SYN) != 0);

	return flow->filled + (int32_t)(sequence - (flow->first + (uint32_t)flow->filled));
}

static void take_octets(struct stream_table *table, struct stream_flow *flow, const struct packet_tcp *segment,
			unsigned int packet)
{
	int64_t start = position_of(flow, segment), stop = start + (int64_t)segment->length;
	int64_t window = flow->next + LIMIT_STREAM_WINDOW;
	int64_t at = max64(start, flow->next), to = min64(stop, window);

	if (start >= window) {
		counters.tcp_segments_outside++;
		journal(table, flow, packet, 0, 0);
		return;
	}
	if (segment->flags & PACKET_FIN && stop >= flow->filled && flow->end == STREAM_NO_END)
		flow->end = stop;
	/* Only the reset that the receiver obeys (RFC 9293 3.10.7.4). */
	if (segment->flags & PACKET_RST && start == flow->filled)
		flow->end = 0;
	flow->highest = max64(flow->highest, stop);
	if (at < to)
		to = hold(table, flow, at, to, segment->payload + (at - start), TAG_PACKET(packet));
	counters.tcp_segments_outside += to < stop;
	flow->filled = first_missing(flow, flow->filled);
	journal(table, flow, packet, start, to);
}

/* Whether octets are missing since long ago. `before`: where `filled` stood before this segment. */
static bool gap_stays(struct stream_flow *flow, int64_t before, struct monotime now)
{
	bool gap = flow->filled < flow->highest, moved = !flow->gap || flow->filled != before;

	flow->gap = gap;
	if (moved)
		flow->gap_since = now;
	return gap && monotime_until(flow->gap_since, now) >= LIMIT_STREAM_GAP_MS;
}

unsigned int stream_feed(struct stream_table *table, const struct packet_tcp *segment, unsigned int packet,
			 struct monotime now, stream_message *message, void *context)
{
	unsigned int count;
	struct stream_flow *flow;
	int64_t before;

	counters.tcp_segments++;
	if (table->journal_count == LIMIT_DRAIN_PACKETS)
		stream_settle(table, 0);
	stream_flow_expire(table, now);
	flow = stream_flow_of(table, segment);
	if (!flow) {
		counters.tcp_segments_unsynchronised += segment->length > 0;
		return 0;
	}
	flow->seen = now;
	before = flow->filled;
	take_octets(table, flow, segment, packet);
	count = read_messages(table, flow, message, context);
	if (gap_stays(flow, before, now)) {
		if (!skip_message(table, flow)) {
			flow_lose(table, flow);
			return count;
		}
		count += read_messages(table, flow, message, context);
	}
	stream_flow_relist(table, flow);
	return count;
}

/* ---- what becomes of the segments ---- */

static bool bit(uint64_t mask, unsigned int number)
{
	return mask >> number & 1;
}

/* Takes back what a dropped packet brought. True when the packet is to be dropped: also one that repeats what was just
 * taken back from another, since only with that would the client have it. */
static bool undo(const struct stream_entry *entry, bool dropped)
{
	struct stream_flow *flow = entry->flow;
	int64_t start = max64(entry->start, flow->base);

	if (flow->serial != entry->serial)
		return dropped;
	if (!dropped && first_missing(flow, start) >= entry->stop)
		return false;
	retag(flow, start, entry->stop, TAG_PACKET(entry->packet), TAG_MISSING);
	flow->undone = true;
	return true;
}

/* Goes back to the first message that is no longer whole. */
static void rewind_flow(struct stream_flow *flow)
{
	flow->next = flow->base;
	flow->filled = first_missing(flow, flow->base);
	for (int64_t octets = whole_message(flow); octets > 0; octets = whole_message(flow))
		flow->next += octets;
	flow->undone = false;
}

static void settle(struct stream_table *table, const struct stream_entry *entry)
{
	struct stream_flow *flow = entry->flow;

	if (flow->serial != entry->serial)
		return;
	retag(flow, max64(entry->start, flow->base), entry->stop, TAG_PACKET(entry->packet), TAG_SETTLED);
	if (flow->undone)
		rewind_flow(flow);
	flow->base = flow->next;
	stream_flow_release(table, flow);
	stream_flow_relist(table, flow);
	if (flow->filled >= flow->end)
		stream_flow_remove(table, flow);
}

uint64_t stream_settle(struct stream_table *table, uint64_t dropped)
{
	for (size_t i = 0; i < table->journal_count; i++) {
		const struct stream_entry *entry = &table->journal[i];

		if (undo(entry, bit(dropped, entry->packet)))
			dropped |= UINT64_C(1) << entry->packet;
	}
	for (size_t i = 0; i < table->journal_count; i++)
		settle(table, &table->journal[i]);
	table->journal_count = 0;
	return dropped;
}
