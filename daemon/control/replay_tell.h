/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nfqdn-replay prints: text for people, or one JSON object a line (scripts/api-1.schema.json, `replay`). */
#ifndef NFQDN_CONTROL_REPLAY_TELL_H
#define NFQDN_CONTROL_REPLAY_TELL_H

#include <stdio.h>

#include "control/replay_judge.h"
#include "learn/snoop.h"

struct replay_tell {
	FILE *out;
	bool json;
	struct control_context *context;
};

struct replay_answer {
	int64_t usec; /* of the capture */
	struct ipaddr client, resolver;
	bool tcp;
	const struct snoop_note *note; /* NULL: its resolver is not believed */
	uint64_t first_event, end_event; /* what it changed: events of these numbers */
};

struct replay_summary {
	const char *file, *mode;
	bool complete; /* the capture was read to its end */
	bool verified; /* verify = query */
	uint64_t packets, packets_ip, packets_cut, fragments_lost, time_backwards, flows_forgotten;
	uint64_t fates[SNOOP_FATE_COUNT], untrusted; /* answers */
	uint64_t allowed, denied, repeated; /* connections; of the denied ones those tried again */
	double seconds; /* between the first packet and the last */
	size_t peak, commits, memory; /* elements, transactions, octets of the store */
	struct ipaddr strangers[4]; /* resolvers that are not believed */
	uint64_t stranger_answers[4];
	unsigned int stranger_count; /* may be more than are kept */
};

void replay_tell_answer(const struct replay_tell *tell, const struct replay_answer *answer, struct monotime now);
void replay_tell_attempt(const struct replay_tell *tell, int64_t usec, const struct conntrack_flow *flow,
			 const struct replay_verdict *verdict, struct monotime now);
/* `denials`: what was denied, for the table. */
void replay_tell_summary(const struct replay_tell *tell, const struct replay_summary *summary,
			 const struct denials *denials, struct monotime now);

#endif
