/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/asked.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/counters.h"
#include "dns/packet.h"
#include "dns/question.h"
#include "dns/stream.h"
#include "learn/streams.h"

#define DNS_PORT 53

struct asked {
	struct queries *queries;
	struct stream_table *streams; /* what clients send over TCP */
	struct monotime now; /* of the running packet */
};

struct asked *asked_new(const struct hash_key *key)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	if (!asked)
		return NULL;
	asked->queries = queries_new(key);
	asked->streams = streams_new(STREAM_CLIENT, key);
	if (asked->queries && asked->streams)
		return asked;
	asked_free(asked);
	return NULL;
}

void asked_free(struct asked *asked)
{
	if (!asked)
		return;
	queries_free(asked->queries);
	streams_free(asked->streams);
	free(asked);
}

struct queries *asked_queries(struct asked *asked)
{
	return asked->queries;
}

struct copy {
	struct asked *asked;
	struct queries_flow flow;
};

static void take_query(void *context, const uint8_t *message, size_t length)
{
	const struct copy *copy = context;
	struct queries_question asked;
	struct question question;

	if (question_read(message, length, &question) < 0) {
		counters.queries_unread++;
		return;
	}
	asked = (struct queries_question) { question.id, question.type, &question.name };
	queries_see(copy->asked->queries, &copy->flow, &asked, copy->asked->now);
}

/* Queries are never dropped by us: what a segment brought is settled at once. */
static void take_segment(struct copy *copy, const struct packet_tcp *tcp)
{
	stream_feed(copy->asked->streams, tcp, 0, copy->asked->now, take_query, copy);
	stream_settle(copy->asked->streams, 0);
}

void asked_see(struct asked *asked, const uint8_t *packet, size_t length, struct monotime now)
{
	struct copy copy = { .asked = asked };
	struct packet_udp udp;
	struct packet_tcp tcp;

	asked->now = now;
	counters.queries++;
	if (packet_read_udp_start(packet, length, &udp) == 0 && udp.destination_port == DNS_PORT) {
		copy.flow =
			(struct queries_flow) { udp.source, udp.destination, udp.source_port, DNS_PORT, IPPROTO_UDP };
		take_query(&copy, udp.payload, udp.length);
	} else if (packet_read_tcp(packet, length, &tcp) == 0 && tcp.destination_port == DNS_PORT) {
		copy.flow =
			(struct queries_flow) { tcp.source, tcp.destination, tcp.source_port, DNS_PORT, IPPROTO_TCP };
		take_segment(&copy, &tcp);
	} else {
		counters.queries_unread++;
	}
}
