/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rules (netfilter/ruleset_rules.c) would say of a flow if it were opened now: the same questions in the same
 * order, asked of policy and store in place of sets. The interfaces are the caller's business. */
#ifndef NFQDN_LEARN_JUDGE_H
#define NFQDN_LEARN_JUDGE_H

#include <stdbool.h>

#include "learn/snoop.h"
#include "learn/store.h"
#include "netfilter/conntrack.h"
#include "policy/policy.h"

struct judge {
	const struct policy *policy;
	const struct store *store;
	struct snoop *snoop;
};

/* May its source, a client, open it? (Chains client and group: sources, local destinations, DNS to resolvers, address
 * ranges, learned addresses.) Of learned addresses those that have ended count, too, when a name of theirs is allowed. */
bool judge_egress(const struct judge *judge, const struct conntrack_flow *flow);
/* May it be opened as far as `inbound` has a say? (Chains inbound and guarded.) True for what is not guarded. */
bool judge_inbound(const struct judge *judge, const struct conntrack_flow *flow);
/* May its receiver, a client, answer? (Chain client, packets of the reply direction.) */
bool judge_reply(const struct judge *judge, const struct conntrack_flow *flow);

#endif
