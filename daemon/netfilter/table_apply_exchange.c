/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one transaction that puts a policy in force. */
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "netfilter/probe.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_apply.h"

/* Chains that not every policy has. */
static bool apply_chain_of_ours(const char *name)
{
	static const char *const prefixes[] = { "group", "mark",       "client",         "guarded",
						"deny",  "snoop_copy", "snoop_unrelated" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool apply_obsolete_chain(const struct table_apply *a, const struct table_object *there)
{
	if (there->hooked)
		return false;
	if (strcmp(there->name, table_apply_unhooked.name) == 0)
		return !table_apply_missing_hooks(a);
	if (!apply_chain_of_ours(there->name))
		return false;
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (strcmp(chain->name, there->name) == 0)
			return false;
	return true;
}

/* A static set that no rule named is gone already. */
static bool apply_obsolete_set(const struct table_apply *a, const struct table_object *there)
{
	if (!ruleset_learned_name(there->name) && !(table_apply_is_static(there) && there->named))
		return false;
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (strcmp(set->name, there->name) == 0)
			return false;
	return true;
}

/* Everything that rules name must be there before them. */
static void apply_make_objects(struct table_apply *a, bool missing_hooks)
{
	struct batch *batch = a->table->batch;
	const char *table = a->table->name;

	for (const struct ruleset_counter *counter = ruleset_counters; counter->name; counter++)
		ruleset_netlink_counter(batch, table, counter->name);
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (set->learned)
			ruleset_netlink_set(batch, table, set);
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (chain->hook == RULESET_UNHOOKED)
			ruleset_netlink_chain(batch, table, chain);
	if (missing_hooks)
		ruleset_netlink_chain(batch, table, &table_apply_unhooked);
}

void table_apply_rules(struct table_apply *a, const struct ruleset_chain *chain, const char *into)
{
	for (const struct ruleset_rule *rule = chain->rules; rule; rule = rule->next)
		if (table_uses_rule(a->table, rule))
			ruleset_netlink_rule(a->table->batch, a->table->name, into, rule, &a->table->capabilities);
}

static void apply_replace_rules(struct table_apply *a)
{
	for (const struct table_object *there = a->state.chains; there; there = there->next)
		ruleset_netlink_flush_chain(a->table->batch, a->table->name, there->name);
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		table_apply_rules(a, chain,
				  table_apply_missing_hook(a, chain) ? table_apply_unhooked.name : chain->name);
}

static void apply_delete_obsolete(struct table_apply *a)
{
	struct batch *batch = a->table->batch;

	for (const struct table_object *chain = a->state.chains; chain; chain = chain->next)
		if (apply_obsolete_chain(a, chain))
			ruleset_netlink_delete_chain(batch, a->table->name, chain->name);
	for (const struct table_object *set = a->state.sets; set; set = set->next)
		if (apply_obsolete_set(a, set))
			ruleset_netlink_delete_set(batch, a->table->name, set->name);
}

/* When the kernel's answer was lost: are there new rules? */
static int apply_settled(struct table_apply *a, int error)
{
	struct table_state now;

	if (!table_apply_unknown(error) || table_state_read(a->table, a->arena, &now) < 0)
		return error;
	return now.last_rule > a->state.last_rule ? 0 : error;
}

static void apply_grow(struct table_apply *a)
{
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (set->way == RULESET_GROWN)
			ruleset_netlink_gain(a->table->batch, a->table->name, set->gained);
}

/* The administrator's sets of ranges are ours to fill: what they held goes, and the policy's come, at one moment. */
static void apply_ranges(struct table_apply *a)
{
	struct batch *batch = a->table->batch;

	for (int v = 0; v < 2; v++) {
		const struct table_target *target = &a->targets.ranges[v];
		struct ruleset_set set = a->ruleset->ranges[v];

		if (!target->set[0])
			continue;
		set.name = target->set;
		batch_family(batch, target->nfproto);
		ruleset_netlink_flush_set(batch, target->table, target->set);
		for (size_t i = 0; i < set.count;)
			i = ruleset_netlink_elements(batch, target->table, &set, i);
	}
	batch_family(batch, NFPROTO_INET);
}

int table_apply_exchange(struct table_apply *a)
{
	const char *lacking;
	int error;

	batch_begin(a->table->batch);
	apply_make_objects(a, table_apply_missing_hooks(a));
	apply_grow(a);
	apply_ranges(a);
	apply_replace_rules(a);
	apply_delete_obsolete(a);
	error = apply_settled(a, batch_commit(a->table->batch, NULL));
	if (error == 0)
		return 0;
	lacking = table_apply_unknown(error)
			  ? NULL
			  : probe_lacking(a->table->batch, a->policy->config->verify == CONFIG_QUERY);
	if (lacking)
		return table_apply_failed(a->table, -EOPNOTSUPP, "%s", lacking);
	return table_apply_failed(a->table, error, "the kernel refused the rules: %s", strerror(-error));
}
