/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/judge.h"

#include <netinet/in.h>

#define DNS_PORT 53

static bool is_v4(const struct conntrack_flow *flow)
{
	return flow->destination.family == IPADDR_V4;
}

static bool is_icmp(const struct conntrack_flow *flow)
{
	return flow->l4proto == (is_v4(flow) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* What a set can hold: ports, and of ICMP echo requests alone. */
static bool has_service(const struct conntrack_flow *flow)
{
	if (is_icmp(flow))
		return flow->port == value_icmp_port(flow->destination.family);
	return flow->l4proto == IPPROTO_TCP || flow->l4proto == IPPROTO_UDP;
}

static bool source_may(const struct policy *policy, const struct ipaddr *source)
{
	if (policy->clients.v4.count + policy->clients.v6.count == 0)
		return true;
	return policy_ranges46_contain(&policy->clients, source);
}

static bool is_dns(const struct policy *policy, const struct conntrack_flow *flow)
{
	return (flow->l4proto == IPPROTO_TCP || flow->l4proto == IPPROTO_UDP) && flow->port == DNS_PORT &&
	       policy_ranges46_contain(&policy->resolvers, &flow->destination);
}

static bool group_holds(const struct judge *judge, uint8_t index, const struct conntrack_flow *flow)
{
	const struct policy_group *group = &judge->policy->groups[index];
	const struct element_key key = {
		.address = flow->destination, .group = index, .l4proto = flow->l4proto, .port = flow->port
	};
	struct store_view view;

	return store_find(judge->store, &key, &view) == 0 ||
	       policy_boxes_contain(is_v4(flow) ? &group->cidr4 : &group->cidr6, &flow->destination, flow->l4proto,
				    flow->port);
}

/* Is one of the names allowed to one of the groups with this port? */
static bool names_allowed(const struct judge *judge, policy_group_mask groups, const struct store_view *view)
{
	struct element_key key = view->key;

	for (unsigned int i = 0; i < judge->policy->group_count; i++) {
		key.group = (uint8_t)i;
		for (size_t k = 0; groups >> i & 1 && k < view->name_count; k++)
			if (snoop_longest_life(judge->snoop, &view->names[k].name, &key))
				return true;
	}
	return false;
}

/* A flow outlives the element that let it in, and the group: what counts is whether a name that brought the address is
 * allowed to the client. */
static bool names_hold(const struct judge *judge, policy_group_mask groups, const struct conntrack_flow *flow)
{
	struct element_key key = { .address = flow->destination, .l4proto = flow->l4proto, .port = flow->port };
	struct store_view view;

	if (store_find_past(judge->store, &key, &view) == 0 && names_allowed(judge, groups, &view))
		return true;
	for (unsigned int i = 0; i < judge->policy->group_count; i++) {
		key.group = (uint8_t)i;
		if (!(groups >> i & 1) && store_find(judge->store, &key, &view) == 0 &&
		    names_allowed(judge, groups, &view))
			return true;
	}
	return false;
}

bool judge_egress(const struct judge *judge, const struct conntrack_flow *flow)
{
	const struct policy *policy = judge->policy;
	policy_group_mask groups;

	if (!source_may(policy, &flow->source))
		return false;
	if (policy_ranges46_contain(&policy->local, &flow->destination) || is_dns(policy, flow))
		return true;
	if (!has_service(flow))
		return false;
	groups = policy_groups_of_client(policy, &flow->source);
	for (unsigned int i = 0; i < policy->group_count; i++)
		if (groups >> i & 1 && group_holds(judge, (uint8_t)i, flow))
			return true;
	return names_hold(judge, groups, flow);
}

static bool admitted(const struct judge *judge, const struct conntrack_flow *flow)
{
	const struct policy *policy = judge->policy;

	return has_service(flow) && policy_froms_contain(is_v4(flow) ? &policy->from4 : &policy->from6, &flow->source,
							 &flow->destination, flow->l4proto, flow->port);
}

bool judge_inbound(const struct judge *judge, const struct conntrack_flow *flow)
{
	const struct policy *policy = judge->policy;

	if (!has_service(flow) || !policy_boxes_contain(is_v4(flow) ? &policy->guarded4 : &policy->guarded6,
							&flow->destination, flow->l4proto, flow->port))
		return true;
	return admitted(judge, flow);
}

bool judge_reply(const struct judge *judge, const struct conntrack_flow *flow)
{
	return policy_ranges46_contain(&judge->policy->local, &flow->source) || admitted(judge, flow);
}
