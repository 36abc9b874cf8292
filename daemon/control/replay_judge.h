/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a connection that a client opens, by the policy and by what the sets hold at that moment: the questions
 * of the rules (netfilter/ruleset_rules.c), in their order. */
#ifndef NFQDN_CONTROL_REPLAY_JUDGE_H
#define NFQDN_CONTROL_REPLAY_JUDGE_H

#include "control/context.h"
#include "control/denied.h"
#include "netfilter/conntrack.h"

struct replay_verdict {
	bool allowed;
	/* allowed */
	const char *via; /* "local", "dns", "cidr", "name" or "inbound"; protocol.h */
	const struct policy_entry *entry; /* NULL: none, or it cannot be told */
	const char *prefix; /* cidr: as written; NULL */
	/* both */
	bool named;
	struct dns_name name; /* that brought the address, or that it was last called */
	/* denied */
	struct denials_record record;
	struct control_denied denied;
};

/* `context` has policy, store, derived, names and table, which are the sets of element_replay.h. `inbound`: the opener is no client, and
 * the destination is one that `inbound` decides about. */
void replay_judge(const struct control_context *context, struct monotime now, const struct conntrack_flow *flow,
		  bool inbound, struct replay_verdict *out);
/* Does `inbound` decide about the destination? */
bool replay_judge_guards(const struct policy *policy, const struct conntrack_flow *flow);

#endif
