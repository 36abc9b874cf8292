/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of flows: its memory, which flow a segment belongs to, and which flows are forgotten first. */
#include <string.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/stream_parts.h"

_Static_assert(sizeof(struct stream_tuple) == 2 * sizeof(struct ipaddr) + 4, "compared and hashed as octets");

/* ---- its memory ---- */

static size_t aligned(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

static size_t buckets_for(size_t flows)
{
	size_t count = 1;

	while (count < flows)
		count *= 2;
	return count;
}

static size_t chunks_for(size_t octets)
{
	return (octets + STREAM_CHUNK_OCTETS - 1) / STREAM_CHUNK_OCTETS;
}

size_t stream_table_size(size_t flows, size_t octets)
{
	return aligned(sizeof(struct stream_table)) + aligned(buckets_for(flows) * sizeof(struct stream_flow *)) +
	       aligned(flows * sizeof(struct stream_flow)) + aligned(chunks_for(octets) * sizeof(struct stream_chunk)) +
	       STREAM_MESSAGE_OCTETS;
}

static void *carve(uint8_t **at, size_t size)
{
	void *part = *at;

	*at += aligned(size);
	return part;
}

struct stream_table *stream_table_new(void *block, size_t flows, size_t octets, enum stream_side side,
				      const struct hash_key *key)
{
	uint8_t *at = block;
	struct stream_table *table = carve(&at, sizeof(*table));

	*table = (struct stream_table) {
		.key = *key,
		.side = side,
		.bucket_count = buckets_for(flows),
		.flow_limit = flows,
		.chunk_limit = chunks_for(octets),
	};
	table->buckets = carve(&at, table->bucket_count * sizeof(struct stream_flow *));
	table->flows = carve(&at, flows * sizeof(struct stream_flow));
	table->chunks = carve(&at, table->chunk_limit * sizeof(struct stream_chunk));
	table->scratch = at;
	memset(table->buckets, 0, table->bucket_count * sizeof(struct stream_flow *));
	return table;
}

size_t stream_flows(const struct stream_table *table)
{
	return table->flow_count;
}

size_t stream_octets(const struct stream_table *table)
{
	return table->chunk_count * STREAM_CHUNK_OCTETS;
}

static void chunk_free(struct stream_table *table, struct stream_chunk *chunk)
{
	chunk->next = table->free_chunks;
	table->free_chunks = chunk;
	table->chunk_count--;
}

bool stream_flow_release(struct stream_table *table, struct stream_flow *flow)
{
	const struct stream_chunk *first = flow->chunks;
	bool all = flow->base >= flow->highest;

	while (flow->chunks && (all || (flow->chunks->number + 1) * STREAM_CHUNK_OCTETS <= flow->base)) {
		struct stream_chunk *chunk = flow->chunks;

		flow->chunks = chunk->next;
		chunk_free(table, chunk);
	}
	if (flow->chunks == first)
		return false;
	flow->cursor = NULL;
	return true;
}

/* ---- the lists, last segment first ---- */

static void list_take(struct stream_table *table, struct stream_flow *flow)
{
	if (flow->newer)
		flow->newer->older = flow->older;
	else
		table->lists[flow->list].newest = flow->older;
	if (flow->older)
		flow->older->newer = flow->newer;
	else
		table->lists[flow->list].oldest = flow->newer;
}

static void list_put(struct stream_table *table, struct stream_flow *flow)
{
	flow->list = flow->chunks ? STREAM_HOLDING : STREAM_EMPTY;
	flow->newer = NULL;
	flow->older = table->lists[flow->list].newest;
	if (flow->older)
		flow->older->newer = flow;
	else
		table->lists[flow->list].oldest = flow;
	table->lists[flow->list].newest = flow;
}

void stream_flow_relist(struct stream_table *table, struct stream_flow *flow)
{
	list_take(table, flow);
	list_put(table, flow);
}

/* ---- flows ---- */

static struct stream_flow **bucket_of(struct stream_table *table, const struct stream_tuple *tuple)
{
	return &table->buckets[hash_bytes(&table->key, tuple, sizeof(*tuple)) & (table->bucket_count - 1)];
}

void stream_flow_remove(struct stream_table *table, struct stream_flow *flow)
{
	struct stream_flow **at = bucket_of(table, &flow->tuple);

	while (*at != flow)
		at = &(*at)->chain;
	*at = flow->chain;
	list_take(table, flow);
	flow->highest = flow->base;
	stream_flow_release(table, flow);
	flow->serial = 0;
	flow->chain = table->free_flows;
	table->free_flows = flow;
	table->flow_count--;
}

static struct stream_tuple tuple_of(const struct packet_tcp *segment)
{
	return (struct stream_tuple) {
		.sender = segment->source,
		.receiver = segment->destination,
		.sender_port = segment->source_port,
		.receiver_port = segment->destination_port,
	};
}

static struct stream_flow *flow_find(struct stream_table *table, const struct stream_tuple *tuple)
{
	struct stream_flow *flow = *bucket_of(table, tuple);

	while (flow && memcmp(&flow->tuple, tuple, sizeof(*tuple)) != 0)
		flow = flow->chain;
	return flow;
}

static void evict_oldest(struct stream_table *table)
{
	struct stream_flow *empty = table->lists[STREAM_EMPTY].oldest, *holding = table->lists[STREAM_HOLDING].oldest;
	bool choose = empty && (!holding || !monotime_before(holding->seen, empty->seen));

	counters.tcp_flows_evicted++;
	stream_flow_remove(table, choose ? empty : holding);
}

static struct stream_flow *flow_take(struct stream_table *table)
{
	struct stream_flow *flow;

	if (table->flow_count == table->flow_limit)
		evict_oldest(table);
	flow = table->free_flows;
	if (flow)
		table->free_flows = flow->chain;
	else
		flow = &table->flows[table->flows_begun++];
	table->flow_count++;
	return flow;
}

static struct stream_flow *flow_begin(struct stream_table *table, const struct stream_tuple *tuple, uint32_t first)
{
	struct stream_flow *flow = flow_take(table), **bucket = bucket_of(table, tuple);

	*flow = (struct stream_flow) {
		.chain = *bucket,
		.tuple = *tuple,
		.serial = ++table->serial,
		.first = first,
		.end = STREAM_NO_END,
	};
	*bucket = flow;
	list_put(table, flow);
	counters.tcp_flows++;
	return flow;
}

static bool begins(enum stream_side side, uint8_t flags)
{
	uint8_t first = side == STREAM_SERVER ? PACKET_SYN | PACKET_ACK : PACKET_SYN;

	return (flags & (PACKET_SYN | PACKET_ACK | PACKET_RST)) == first;
}

struct stream_flow *stream_flow_of(struct stream_table *table, const struct packet_tcp *segment)
{
	struct stream_tuple tuple = tuple_of(segment);
	struct stream_flow *flow = flow_find(table, &tuple);
	uint32_t first = segment->sequence + 1;

	if (!begins(table->side, segment->flags))
		return flow;
	if (flow && flow->first == first)
		return flow;
	if (flow)
		stream_flow_remove(table, flow);
	return flow_begin(table, &tuple, first);
}

void stream_flow_expire(struct stream_table *table, struct monotime now)
{
	for (enum stream_list list = STREAM_EMPTY; list < STREAM_LISTS; list++) {
		struct stream_flow *oldest = table->lists[list].oldest;

		if (!oldest || monotime_until(oldest->seen, now) < LIMIT_STREAM_IDLE_MS)
			continue;
		counters.tcp_flows_expired++;
		stream_flow_remove(table, oldest);
	}
}
