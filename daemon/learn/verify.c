/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A query's copy is in our socket before the query itself has gone on, and so before its answer is in the queue: who
 * reads all copies after a drain was received has the queries of all its answers. What is there at that moment is at
 * most a full socket, so reading ends although copies come all the time. */
#include "learn/verify.h"

#include <errno.h>
#include <stdlib.h>

#include "base/counters.h"
#include "learn/asked.h"
#include "netfilter/nflog.h"
#include "netfilter/ruleset.h"

/* A copy takes at least this much of the buffer (832 on 6.18). */
#define COPY_OCTETS 768

struct verify {
	struct hash_key key;
	struct nflog *nflog;
	struct asked *asked;
	void (*observer)(void *context, const uint8_t *packet, size_t length, struct monotime now);
	void *observer_context;
	struct monotime now; /* of the running read */
};

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
	asked_free(verify->asked);
	verify->nflog = NULL;
	verify->asked = NULL;
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
	return verify->asked ? asked_queries(verify->asked) : NULL;
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
	if (!verify->asked)
		verify->asked = asked_new(&verify->key);
	if (verify->asked)
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
		queries_begin(asked_queries(verify->asked), now);
}

void verify_set_observer(struct verify *verify,
			 void (*observer)(void *context, const uint8_t *packet, size_t length, struct monotime now),
			 void *context)
{
	verify->observer = observer;
	verify->observer_context = context;
}

static void take_copy(void *context, const struct nflog_packet *packet)
{
	struct verify *verify = context;

	if (verify->observer)
		verify->observer(verify->observer_context, packet->payload, packet->length, verify->now);
	asked_see(verify->asked, packet->payload, packet->length, verify->now);
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
