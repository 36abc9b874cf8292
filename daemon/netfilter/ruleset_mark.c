/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_mark.h"

#include "netfilter/ruleset_client.h"
#include "netfilter/ruleset_guarded.h"

/* The end of what is allowed. In prerouting and in forward alike, the bits of others stay. */
void ruleset_mark_end(struct ruleset_builder *b)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, "mark_allowed", RULESET_UNHOOKED, 0);

	RULE(b, chain, COUNTER("marked"), SET_MARK, SET_CT_MARK, ACCEPT);
}

/* Packets of clients. Before the way is chosen only the first packet of a flow is judged: a flow that changes its uplink
 * dies. Its replies go the way to the client, which rules for the mark may not know. */
static void build_mark_client(struct ruleset_builder *b)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, "mark_client", RULESET_UNHOOKED, 0);

	RULE(b, chain, CLEAR_MARK);
	if (b->config->mark_hook == CONFIG_MARK_FORWARD) {
		RULE(b, chain, GOTO("client"));
		return;
	}
	RULE(b, chain, CT_DIRECTION(RULESET_REPLY), ACCEPT);
	RULE(b, chain, CT_MARKED, SET_MARK, ACCEPT);
	RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	RULE(b, chain, GOTO("client"));
}

static void build_mark_inbound(struct ruleset_builder *b)
{
	ruleset_guarded_lead(b, ruleset_builder_chain(b, "mark_inbound", RULESET_UNHOOKED, 0));
}

void ruleset_mark_build(struct ruleset_builder *b)
{
	build_mark_client(b);
	build_mark_inbound(b);
}

static void build_mark_forward(struct ruleset_builder *b)
{
	struct ruleset_chain *chain =
		ruleset_builder_chain(b, "mark_forward", RULESET_FORWARD, b->config->priority.mark_forward);

	RULE(b, chain, CT_MARKED, SET_MARK, ACCEPT);
	/* What is established was judged when it began. */
	RULE(b, chain, CT_STATE(RULESET_NEW), JUMP("mark_inbound"));
	if (b->config->mark_hook == CONFIG_MARK_FORWARD)
		ruleset_client_enter(b, chain, "mark_client");
}

static void build_mark_prerouting(struct ruleset_builder *b)
{
	struct ruleset_chain *chain =
		ruleset_builder_chain(b, "mark_prerouting", RULESET_PREROUTING, b->config->priority.mark_prerouting);

	/* Here a VRF's port shows itself by iifname; the kernel has no sdifname before forward. */
	if (b->every_interface)
		RULE(b, chain, GOTO("mark_client"));
	else
		RULE(b, chain, IIFNAME(b->interfaces), GOTO("mark_client"));
}

void ruleset_mark_hooks(struct ruleset_builder *b)
{
	build_mark_forward(b);
	if (b->config->mark_hook == CONFIG_MARK_PREROUTING)
		build_mark_prerouting(b);
}
