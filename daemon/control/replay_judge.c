/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/replay_judge.h"

#include <netinet/in.h>
#include <string.h>

#include "control/describe.h"
#include "control/element_replay.h"

#define DNS_PORT 53
#define PROVENANCES 64 /* looked through at most: to tell an entry, not to decide */

static bool is_v4(const struct conntrack_flow *flow)
{
	return flow->destination.family == IPADDR_V4;
}

static bool is_dns(const struct conntrack_flow *flow)
{
	return (flow->l4proto == IPPROTO_TCP || flow->l4proto == IPPROTO_UDP) && flow->port == DNS_PORT;
}

bool replay_judge_guards(const struct policy *policy, const struct conntrack_flow *flow)
{
	return policy_boxes_contain(is_v4(flow) ? &policy->guarded4 : &policy->guarded6, &flow->destination,
				    flow->l4proto, flow->port);
}

static bool is_outside(const struct policy *policy, const struct ipaddr *client)
{
	return policy->clients.v4.count + policy->clients.v6.count > 0 &&
	       !policy_ranges46_contain(&policy->clients, client);
}

static void allow(struct replay_verdict *out, const char *via)
{
	out->allowed = true;
	out->via = via;
}

/* ---- what allows it ---- */

/* The entry whose range it is; `inbound` has another list, of sources. */
static void tell_range(const struct policy *policy, const struct conntrack_flow *flow, bool inbound, uint8_t group,
		       struct replay_verdict *out)
{
	const struct policy_provenance *found[PROVENANCES];
	size_t count =
		inbound ? policy_find_address(policy->inbound, policy->inbound_count, &flow->source, found, PROVENANCES)
			: policy_find_address(policy->outbound, policy->outbound_count, &flow->destination, found,
					      PROVENANCES);

	for (size_t i = 0; i < count && i < PROVENANCES; i++) {
		if ((!inbound && found[i]->entry->group != group) ||
		    !control_describe_ports_hold(found[i]->ports, found[i]->port_count, flow->destination.family,
						 flow->l4proto, flow->port))
			continue;
		out->entry = found[i]->entry;
		out->prefix = found[i]->text;
		return;
	}
}

/* The first name that brought the element, and the entry that allows it. */
static void tell_name(const struct control_context *context, const struct element_key *key, struct replay_verdict *out)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	struct store_view view;

	if (store_find(context->store, key, &view) < 0 || view.name_count == 0)
		return;
	out->named = true;
	out->name = view.names[0].name;
	for (size_t n = 0; n < view.name_count; n++) {
		size_t count = policy_match_name(context->policy, &view.names[n].name, rules);

		for (size_t i = 0; i < count; i++)
			if (control_describe_rule_brings(rules[i], key)) {
				out->entry = rules[i]->entry;
				return;
			}
	}
}

static bool group_allows(const struct control_context *context, uint8_t index, const struct conntrack_flow *flow,
			 struct replay_verdict *out)
{
	const struct policy_group *group = &context->policy->groups[index];
	const struct element_key key = {
		.address = flow->destination, .group = index, .l4proto = flow->l4proto, .port = flow->port
	};

	if (element_replay_holds(context->table, &key)) {
		allow(out, "name");
		tell_name(context, &key, out);
		return true;
	}
	if (!policy_boxes_contain(is_v4(flow) ? &group->cidr4 : &group->cidr6, &flow->destination, flow->l4proto,
				  flow->port))
		return false;
	allow(out, "cidr");
	tell_range(context->policy, flow, false, index, out);
	return true;
}

static bool groups_allow(const struct control_context *context, const struct conntrack_flow *flow,
			 struct replay_verdict *out)
{
	policy_group_mask groups = policy_groups_of_client(context->policy, &flow->source);

	for (unsigned int i = 0; i < context->policy->group_count; i++)
		if (groups >> i & 1 && group_allows(context, (uint8_t)i, flow, out))
			return true;
	return false;
}

/* ---- what denies it ---- */

static void deny(const struct control_context *context, struct monotime now, const struct conntrack_flow *flow,
		 enum ruleset_reason reason, struct replay_verdict *out)
{
	const struct ipaddr *called = reason == RULESET_REASON_INBOUND ? &flow->source : &flow->destination;
	struct names_seen seen;

	out->record = (struct denials_record) { .key = { .client = flow->source,
							 .destination = flow->destination,
							 .port = flow->port,
							 .l4proto = flow->l4proto,
							 .reason = (uint8_t)reason },
						.count = 1,
						.first = now,
						.last = now };
	if (names_find(context->names, called, &seen) == 0) {
		out->named = out->record.named = true;
		out->name = out->record.name = seen.name;
	}
	control_denied_judge(context, now, &out->record, &out->denied);
}

void replay_judge(const struct control_context *context, struct monotime now, const struct conntrack_flow *flow,
		  bool inbound, struct replay_verdict *out)
{
	const struct policy *policy = context->policy;

	memset(out, 0, sizeof(*out));
	if (inbound && policy_froms_contain(is_v4(flow) ? &policy->from4 : &policy->from6, &flow->source,
					    &flow->destination, flow->l4proto, flow->port)) {
		allow(out, "inbound");
		tell_range(policy, flow, true, 0, out);
	} else if (inbound) {
		deny(context, now, flow, RULESET_REASON_INBOUND, out);
	} else if (is_outside(policy, &flow->source)) {
		deny(context, now, flow, RULESET_REASON_SOURCE, out);
	} else if (policy_ranges46_contain(&policy->local, &flow->destination)) {
		allow(out, "local");
	} else if (is_dns(flow) && policy_ranges46_contain(&policy->resolvers, &flow->destination)) {
		allow(out, "dns");
	} else if (!groups_allow(context, flow, out)) {
		deny(context, now, flow, is_dns(flow) ? RULESET_REASON_DNS : RULESET_REASON_POLICY, out);
	}
}
