/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the streams: what stream.c, which puts messages together, and stream_flow.c, the table of flows, share. Nobody
 * else includes this. */
#ifndef NFQDN_DNS_STREAM_PARTS_H
#define NFQDN_DNS_STREAM_PARTS_H

#include <stdbool.h>

#include "base/ipaddr.h"
#include "base/limits.h"
#include "dns/stream.h"

#define STREAM_CHUNK_OCTETS 512 /* most answers fit one */
#define STREAM_MESSAGE_OCTETS 65535
#define STREAM_NO_END INT64_MAX

struct stream_chunk {
	struct stream_chunk *next; /* of its flow, in ascending order, or of the free ones */
	int64_t number; /* its first octet's position / STREAM_CHUNK_OCTETS */
	uint8_t octets[STREAM_CHUNK_OCTETS];
	uint8_t tags[STREAM_CHUNK_OCTETS];
};

struct stream_tuple {
	struct ipaddr sender, receiver;
	uint16_t sender_port, receiver_port;
};

/* Flows without chunks, and with them. */
enum stream_list { STREAM_EMPTY, STREAM_HOLDING, STREAM_LISTS };

struct stream_flow {
	struct stream_flow *chain; /* of its bucket, or of the free ones */
	struct stream_flow *newer, *older; /* in its list, by the last segment */
	enum stream_list list;
	struct stream_tuple tuple;
	uint64_t serial; /* 0: free. Tells that the place was taken by another flow */
	uint32_t first; /* sequence number of position 0 */
	int64_t base, next, filled;
	int64_t highest; /* behind the last octet seen */
	int64_t end; /* the FIN's position; 0 after a RST */
	struct stream_chunk *chunks;
	struct stream_chunk *cursor; /* where the last search ended, or NULL */
	struct monotime seen; /* last segment */
	struct monotime gap_since; /* when `filled` last moved, if `gap` */
	bool gap;
	bool undone; /* a packet was taken back in this stream_settle() */
};

/* What a packet may have to take back. */
struct stream_entry {
	struct stream_flow *flow;
	uint64_t serial; /* of the flow, at that time */
	unsigned int packet;
	int64_t start, stop; /* what it covered, of what is held */
};

struct stream_table {
	struct hash_key key;
	enum stream_side side;
	size_t bucket_count; /* a power of two */
	size_t flow_limit, flows_begun, flow_count; /* flows[flows_begun] and those behind it were never used */
	size_t chunk_limit, chunks_begun, chunk_count;
	uint64_t serial;
	struct stream_flow *free_flows;
	struct stream_chunk *free_chunks;
	struct {
		struct stream_flow *newest, *oldest;
	} lists[STREAM_LISTS];
	struct stream_entry journal[LIMIT_DRAIN_PACKETS];
	size_t journal_count;
	struct stream_flow **buckets;
	struct stream_flow *flows;
	struct stream_chunk *chunks;
	uint8_t *scratch; /* one message */
};

/* stream_flow.c */
/* The flow of a segment, or NULL. A SYN-ACK (or the client's SYN) begins one, or begins it anew when it is not the one
 * that we know again. */
struct stream_flow *stream_flow_of(struct stream_table *table, const struct packet_tcp *segment);
/* Makes it the newest of the list that it belongs to now. */
void stream_flow_relist(struct stream_table *table, struct stream_flow *flow);
/* Frees the chunks before `base`. True when there were any. */
bool stream_flow_release(struct stream_table *table, struct stream_flow *flow);
void stream_flow_remove(struct stream_table *table, struct stream_flow *flow); /* with its chunks */
/* Removes flows that fell silent; a bounded number each time. */
void stream_flow_expire(struct stream_table *table, struct monotime now);

#endif
