/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_client.h"

#include "netfilter/ruleset_deny.h"
#include "netfilter/ruleset_guarded.h"

/* ---- groups ---- */

/* Pings. Their type and code stand in the learned set as a port, which `th sport` reads; `th dport` would read the
 * checksum, which the sender can choose: ICMP must not come to the rules for ports. */
static void build_group_icmp(struct ruleset_builder *b, struct ruleset_chain *chain, int v, const char *learned,
			     const char *group)
{
	const char *set = ruleset_builder_set(b, "cidr", v, RULESET_ECHO, group);

	RULE(b, chain, ECHO_REQUEST(v), TUPLE(v, learned, DST, PROTO, SPORT), ruleset_builder_allowed(b));
	if (set)
		RULE(b, chain, ECHO_REQUEST(v), ADDRESS(DST, v, set), ruleset_builder_allowed(b));
	RULE(b, chain, L4PROTO(ICMP(v)), RETURN);
}

/* What one group may reach. The learned set is asked first: a hash answers faster than intervals. */
static void build_group(struct ruleset_builder *b, const char *name, const char *group)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, name, RULESET_UNHOOKED, 0);
	const char *learned[] = { ruleset_name(b->ruleset, "name4", group), ruleset_name(b->ruleset, "name6", group) };
	const char *set;

	for (int v = 0; v < 2; v++)
		build_group_icmp(b, chain, v, learned[v], group);
	for (int v = 0; v < 2; v++) {
		RULE(b, chain, TUPLE(v, learned[v], DST, PROTO, PORT), ruleset_builder_allowed(b));
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = ruleset_builder_set(b, "cidr", v, s, group)))
				RULE(b, chain, TUPLE_OF(v, ruleset_builder_protos[s], set, DST, PORT),
				     ruleset_builder_allowed(b));
	}
}

static void build_groups(struct ruleset_builder *b)
{
	const struct policy *policy = b->ruleset->policy;

	for (size_t i = 0; i < policy->group_count; i++)
		build_group(b, ruleset_name(b->ruleset, "group", policy->groups[i].name), policy->groups[i].name);
}

/* ---- the client chain ---- */

/* Replies of clients: only of flows that inbound allows, or whose opener is local. */
static void build_client_replies(struct ruleset_builder *b, struct ruleset_chain *chain)
{
	for (int v = 0; v < 2; v++)
		RULE(b, chain, CT_DIRECTION(RULESET_REPLY), CT_SADDR(RULESET_ORIGINAL, v, b->local[v]), ACCEPT);
	ruleset_guarded_replies(b, chain);
	if (b->every_interface) { /* answers enter by one of them, too */
		RULE(b, chain, L4PROTO(IPPROTO_UDP), CT_DIRECTION(RULESET_REPLY), CT_PORT(DNS_PORT), ACCEPT);
		RULE(b, chain, L4PROTO(IPPROTO_TCP), CT_DIRECTION(RULESET_REPLY), CT_PORT(DNS_PORT), ACCEPT);
	}
	RULE(b, chain, CT_DIRECTION(RULESET_REPLY), COUNTED("denied_reply", "audited_reply"), GOTO("deny_reply"));
}

static void build_client_destinations(struct ruleset_builder *b, struct ruleset_chain *chain)
{
	for (int v = 0; v < 2; v++)
		RULE(b, chain, ADDRESS(DST, v, b->local[v]), ACCEPT);
	for (int v = 0; v < 2; v++) {
		RULE(b, chain, ADDRESS(DST, v, b->resolvers[v]), DPORT(IPPROTO_UDP, DNS_PORT),
		     ruleset_builder_allowed(b));
		RULE(b, chain, ADDRESS(DST, v, b->resolvers[v]), DPORT(IPPROTO_TCP, DNS_PORT),
		     ruleset_builder_allowed(b));
	}
}

static void build_client_groups(struct ruleset_builder *b, struct ruleset_chain *chain)
{
	const struct policy *policy = b->ruleset->policy;

	RULE(b, chain, JUMP("group"));
	for (size_t i = 1; i < policy->group_count; i++) {
		const char *name = policy->groups[i].name;
		const char *group = ruleset_name(b->ruleset, "group", name);

		RULE(b, chain, ADDRESS(SRC, 0, ruleset_static_set(b->ruleset, "clients4", name)), JUMP(group));
		RULE(b, chain, ADDRESS(SRC, 1, ruleset_static_set(b->ruleset, "clients6", name)), JUMP(group));
	}
}

/* A family without ranges has an empty set and is denied wholly: a second IPv6 prefix must not be a way out. */
static void build_client_sources(struct ruleset_builder *b, struct ruleset_chain *chain)
{
	for (int v = 0; v < 2 && b->config->clients.count; v++) {
		if (ruleset_builder_marks(b))
			RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ADDRESS_NOT(SRC, v, b->clients[v]), ACCEPT);
		RULE(b, chain, ADDRESS_NOT(SRC, v, b->clients[v]), COUNTED("denied_source", "audited_source"),
		     GOTO("deny_source"));
	}
}

static void build_client(struct ruleset_builder *b)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, "client", RULESET_UNHOOKED, 0);

	/* First what nearly every packet is. Not the reply direction: a flow that the outside opened must not carry the
	 * client's data out (KERNEL 0b). A flow without a mark has not been allowed so far. */
	if (!ruleset_builder_marks(b))
		RULE(b, chain, CT_DIRECTION(RULESET_ORIGINAL), CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	ruleset_deny_invalid(b, chain);
	for (int v = 0; v < 2; v++)
		RULE(b, chain, L4PROTO(ICMP(v)), CT_STATE(RULESET_RELATED), ACCEPT);
	build_client_replies(b, chain);
	build_client_sources(b, chain);
	build_client_destinations(b, chain);
	build_client_groups(b, chain);
	if (ruleset_builder_marks(b)) /* told of when it began */
		RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	RULE(b, chain, DPORT(IPPROTO_UDP, DNS_PORT), COUNTED("dns_foreign", "audited_dns_foreign"), GOTO("deny_dns"));
	RULE(b, chain, DPORT(IPPROTO_TCP, DNS_PORT), COUNTED("dns_foreign", "audited_dns_foreign"), GOTO("deny_dns"));
	RULE(b, chain, GOTO("deny"));
}

void ruleset_client_build(struct ruleset_builder *b)
{
	build_groups(b);
	build_client(b);
}

/* ---- the way there ---- */

void ruleset_client_enter(struct ruleset_builder *b, struct ruleset_chain *chain, const char *name)
{
	if (b->every_interface) {
		RULE(b, chain, GOTO(name));
		return;
	}
	RULE(b, chain, IIFNAME(b->interfaces), GOTO(name));
	RULE(b, chain, SDIF, SDIFNAME(b->interfaces), GOTO(name)); /* a set is asked only where there is a VRF */
}

void ruleset_client_hook(struct ruleset_builder *b)
{
	ruleset_client_enter(b, ruleset_builder_chain(b, "egress", RULESET_FORWARD, b->config->priority.egress),
			     "client");
}
