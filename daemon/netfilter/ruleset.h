/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table as nfqdnd means it: sets, chains and rules of a policy, as plain data. Printed as nft text
 * (ruleset_text.c) and built with libnftnl (ruleset_netlink.c) from the same rows, so that what people read is what
 * the kernel has. */
#ifndef NFQDN_NETFILTER_RULESET_H
#define NFQDN_NETFILTER_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "policy/policy.h"

#define RULESET_LAYOUT "nfqdn layout 1" /* the table's comment: a table without it is not ours */

/* Which of the two copies of a static set the rules name: one that changes is filled aside and put in place by one
 * transaction. */
enum ruleset_side { RULESET_A, RULESET_B };

/* The table's named counters, for `status` and metrics; ends with a row whose name is NULL. They keep their values at
 * reload. */
struct ruleset_counter {
	const char *name, *help;
};
extern const struct ruleset_counter ruleset_counters[];

struct ruleset; /* see ruleset_model.h */

/* The ruleset of a policy, with all static sets of one side. Everything lives in `arena`, or in the policy; NULL when
 * memory is out. */
struct ruleset *ruleset_build(struct arena *arena, const struct policy *policy, enum ruleset_side side);
/* The same with the sides that `plan` chooses: it is called when the sets are there (of side A) and no rule is. */
struct ruleset *ruleset_plan(struct arena *arena, const struct policy *policy,
			     void (*plan)(void *context, struct ruleset *ruleset), void *context);
/* The NFLOG group to which copies of queries go (verify = "query"): it follows from the first queue's number, so that
 * those of two instances differ as their queues do. */
uint16_t ruleset_query_group(const struct config *config);

/* Why the rules deny a packet. */
enum ruleset_reason {
	RULESET_REASON_POLICY, /* nothing allows its destination */
	RULESET_REASON_REPLY, /* of a client, to a connection from outside that inbound does not allow */
	RULESET_REASON_SOURCE, /* the sender is outside gateway.clients */
	RULESET_REASON_DNS, /* to a resolver that is not trusted */
	RULESET_REASON_INBOUND, /* to a guarded destination, from a source that is not allowed */
	RULESET_REASONS
};
/* The NFLOG group to which copies of answers go that the kernel passes by itself (kernel-assist, report-names = "all"). */
uint16_t ruleset_names_group(const struct config *config);
/* The NFLOG group to which copies of what is denied go. Two instances share no group as long as their queue.first are
 * not 16384, or 32768, apart. */
uint16_t ruleset_report_group(const struct config *config);
/* What the copies are told by: [mode is audit][reason]. */
extern const char *const ruleset_report_prefixes[2][RULESET_REASONS];
/* Reads such a prefix back; false when it is none. */
bool ruleset_report_read(const char *prefix, enum ruleset_reason *reason, bool *audit);

/* Prints it as a file for `nft -f`, spelled as `nft -s list table` prints it. */
void ruleset_print(const struct ruleset *ruleset, FILE *out);

#endif
