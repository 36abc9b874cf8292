/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A query's copy is in our socket before the query itself has gone on, and so before its answer is in the queue: who
 * reads all copies after a drain was received has the queries of all its answers. What is there at that moment is at
 * most a full socket, so reading ends although copies come all the time. */
#include "learn/verify.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "dns/packet.h"
#include "dns/question.h"
#include "dns/stream.h"
#include "netfilter/nflog.h"
#include "netfilter/ruleset.h"

#define DNS_PORT 53
/* A copy takes at least this much of the buffer (832 on 6.18). */
#define COPY_OCTETS 768

struct verify {
	struct hash_key key;
	struct nflog *nflog;
	struct queries *queries;
	struct stream_table *streams; /* what clients send over TCP */
	struct monotime now; /* of the running read */
};

static size_t streams_size(void)
{
	return stream_table_size(LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS);
}

static struct stream_table *streams_new(const struct hash_key *key)
{
	void *block = mmap(NULL, streams_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return block == MAP_FAILED
		       ? NULL
		       : stream_table_new(block, LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS, STREAM_CLIENT, key);
}

struct verify *verify_new(const struct hash_key *key)
{
	struct verify *verify = calloc(1, sizeof(*verify));

	if (verify)
		verify->key = *key;
	return verify;
}

static void forget_all(struct verify *verify)
{
	nflog_close(verify->nflog);
	queries_free(verify->queries);
	if (verify->streams)
		munmap(verify->streams, streams_size());
	verify->nflog = NULL;
	verify->queries = NULL;
	verify->streams = NULL;
}

void verify_free(struct verify *verify)
{
	if (verify)
		forget_all(verify);
	free(verify);
}

int verify_fd(const struct verify *verify)
{
	return verify->nflog ? nflog_fd(verify->nflog) : -1;
}

struct queries *verify_queries(const struct verify *verify)
{
	return verify->queries;
}

int verify_prepare(struct verify *verify, const struct config *config, const char **error)
{
	struct nflog_settings settings = {
		.group = ruleset_query_group(config),
		.copy_octets = LIMIT_PACKET_BYTES, /* TCP; rules say less for UDP */
		.receive_octets = LIMIT_QUERY_COPIES * COPY_OCTETS,
	};
	int rc;

	if (config->verify != CONFIG_QUERY || verify->nflog)
		return 0;
	rc = nflog_open(&settings, &verify->nflog, error);
	if (rc < 0)
		return rc;
	if (!verify->queries)
		verify->queries = queries_new(&verify->key);
	if (!verify->streams)
		verify->streams = streams_new(&verify->key);
	if (verify->queries && verify->streams)
		return 0;
	forget_all(verify);
	*error = "no memory for the queries that verify = \"query\" remembers";
	return -ENOMEM;
}

void verify_settle(struct verify *verify, const struct config *config, const struct config *before, struct monotime now)
{
	if (config->verify != CONFIG_QUERY)
		forget_all(verify);
	else if (before && before->verify != CONFIG_QUERY)
		queries_begin(verify->queries, now);
}

/* ---- copies ---- */

struct copy {
	struct verify *verify;
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
	queries_see(copy->verify->queries, &copy->flow, &asked, copy->verify->now);
}

/* Queries are never dropped by us: what a segment brought is settled at once. */
static void take_segment(struct copy *copy, const struct packet_tcp *tcp)
{
	stream_feed(copy->verify->streams, tcp, 0, copy->verify->now, take_query, copy);
	stream_settle(copy->verify->streams, 0);
}

static void take_copy(void *context, const struct nflog_packet *packet)
{
	struct copy copy = { .verify = context };
	struct packet_udp udp;
	struct packet_tcp tcp;

	counters.queries++;
	if (packet_read_udp_start(packet->payload, packet->length, &udp) == 0 && udp.destination_port == DNS_PORT) {
		copy.flow =
			(struct queries_flow) { udp.source, udp.destination, udp.source_port, DNS_PORT, IPPROTO_UDP };
		take_query(&copy, udp.payload, udp.length);
	} else if (packet_read_tcp(packet->payload, packet->length, &tcp) == 0 && tcp.destination_port == DNS_PORT) {
		copy.flow =
			(struct queries_flow) { tcp.source, tcp.destination, tcp.source_port, DNS_PORT, IPPROTO_TCP };
		take_segment(&copy, &tcp);
	} else {
		counters.queries_unread++;
	}
}

int verify_read(struct verify *verify, struct monotime now)
{
	int count = LIMIT_DRAIN_PACKETS;

	if (!verify->nflog)
		return 0;
	verify->now = now;
	for (int turn = 0; turn < LIMIT_QUERY_COPIES / LIMIT_DRAIN_PACKETS && count == LIMIT_DRAIN_PACKETS; turn++)
		count = nflog_receive(verify->nflog, take_copy, verify, &counters.queries_lost);
	if (count >= 0)
		return 0;
	nflog_close(verify->nflog);
	verify->nflog = NULL;
	return count;
}
