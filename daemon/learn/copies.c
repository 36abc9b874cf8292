/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/copies.h"

#include <stdlib.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/message.h"
#include "dns/packet.h"
#include "netfilter/nflog.h"
#include "netfilter/ruleset.h"

/* A small answer's copy takes about this much of the buffer. */
#define COPY_OCTETS 1024

struct copies {
	struct nflog *nflog;
	struct names *names;
	struct monotime now; /* of the running read */
	struct dns_answer answer;
};

struct copies *copies_new(struct names *names)
{
	struct copies *copies = calloc(1, sizeof(*copies));

	if (copies)
		copies->names = names;
	return copies;
}

void copies_free(struct copies *copies)
{
	if (copies)
		copies_close(copies);
	free(copies);
}

int copies_open(struct copies *copies, const struct config *config, const char **error)
{
	const struct nflog_settings settings = {
		.group = ruleset_names_group(config),
		.copy_octets = LIMIT_NAMES_OCTETS,
		.receive_octets = LIMIT_NAMES_COPIES * COPY_OCTETS,
	};

	return copies->nflog ? 0 : nflog_open(&settings, &copies->nflog, error);
}

void copies_close(struct copies *copies)
{
	nflog_close(copies->nflog);
	copies->nflog = NULL;
}

int copies_fd(const struct copies *copies)
{
	return copies->nflog ? nflog_fd(copies->nflog) : -1;
}

/* The kernel has asked the policy: no entry allows the name. */
static void take_copy(void *context, const struct nflog_packet *packet)
{
	struct copies *copies = context;
	struct dns_answer *answer = &copies->answer;
	struct packet_udp udp;

	if (packet_read_udp(packet->payload, packet->length, &udp) < 0 ||
	    dns_answer_read(udp.payload, udp.length, answer) != DNS_READ_OK) {
		counters.names_copies_unread++;
		return;
	}
	counters.names_copies++;
	for (unsigned int i = 0; i < answer->address_count; i++)
		names_see(copies->names, &answer->addresses[i].address, &answer->qname, false, copies->now);
}

int copies_read(struct copies *copies, struct monotime now)
{
	int count;

	if (!copies->nflog)
		return 0;
	copies->now = now;
	count = nflog_receive(copies->nflog, take_copy, copies, &counters.names_copies_lost);
	if (count >= 0)
		return count == LIMIT_DRAIN_PACKETS;
	copies_close(copies);
	return count;
}
