/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains and rules of a policy. nft/README.md tells the same line by line.
 *
 *   hook     priority     chains
 *   forward  filter - 10  snoop_forward -> snoop_path -> snoop_queue: DNS answers are held and read
 *                                          snoop_path -> snoop_unrelated -> snoop_copy: with kernel-assist, copied
 *   output   filter - 10  snoop_output -> snoop_queue, snoop_copy
 *   input    filter - 10  snoop_input: with verify = "query", queries to the gateway itself are copied
 *   forward  filter       egress -> client -> group, group_NAME -> deny: what enters by a client interface
 *   forward  filter + 1   inbound -> guarded -> deny_inbound: what leads to a guarded destination
 *
 * With mode = "mark" two others stand in the place of egress and inbound, and nothing is denied:
 *
 *   prerouting dstnat + 10  mark_prerouting -> mark_client -> client -> group -> mark_allowed: with mark-hook = "prerouting"
 *   forward    mangle       mark_forward -> mark_client -> client -> group -> mark_allowed, and guarded
 *
 * Priorities are those of gateway.priority; these are the defaults.
 * An accept ends one base chain only; the next one of the hook still decides. */
#include "netfilter/ruleset_builder.h"
#include "netfilter/ruleset_client.h"
#include "netfilter/ruleset_deny.h"
#include "netfilter/ruleset_guarded.h"
#include "netfilter/ruleset_mark.h"
#include "netfilter/ruleset_snoop.h"

static bool names_no_interface(const struct config *config)
{
	for (unsigned int i = 0; i < config->interface_count; i++)
		if (config->interfaces[i].wildcard && !config->interfaces[i].name[0])
			return true;
	/* enforce must not mean open */
	return !config->interface_count && config->mode == CONFIG_ENFORCE;
}

/* The chains without a hook. */
static void build_decision(struct ruleset_builder *b)
{
	ruleset_deny_build(b);
	if (ruleset_builder_marks(b))
		ruleset_mark_end(b);
	ruleset_client_build(b);
	ruleset_guarded_build(b);
	if (ruleset_builder_marks(b))
		ruleset_mark_build(b);
}

static void build_decision_hooks(struct ruleset_builder *b)
{
	switch (policy_mode(b->ruleset->policy)) {
	case CONFIG_ENFORCE:
	case CONFIG_AUDIT:
		ruleset_client_hook(b);
		ruleset_guarded_hook(b);
		break;
	case CONFIG_MARK:
		ruleset_mark_hooks(b);
		break;
	case CONFIG_SETS:
		break;
	}
}

void ruleset_rules_build(struct ruleset *ruleset)
{
	const struct config *config = ruleset->policy->config;
	struct ruleset_builder b = {
		.ruleset = ruleset,
		.config = config,
		.every_interface = names_no_interface(config),
		.interfaces = ruleset_static_set(ruleset, "interfaces", ""),
		.resolvers = { ruleset_static_set(ruleset, "resolvers4", ""),
			       ruleset_static_set(ruleset, "resolvers6", "") },
		.local = { ruleset_static_set(ruleset, "local4", ""), ruleset_static_set(ruleset, "local6", "") },
		.clients = { ruleset_static_set(ruleset, "clients4", ""), ruleset_static_set(ruleset, "clients6", "") },
	};

	/* A chain comes after those that it leads to, base chains last: so the kernel has everything but them before
	 * they go in. */
	if (policy_mode(ruleset->policy) != CONFIG_SETS)
		build_decision(&b);
	ruleset_snoop_build(&b);
	build_decision_hooks(&b);
}
