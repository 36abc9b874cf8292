/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base chains: those that the table lacks, and those that an earlier daemon hooked elsewhere. */
#include <string.h>

#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_apply.h"

const struct ruleset_chain table_apply_unhooked = { .name = "unhooked" };

bool table_apply_missing_hook(const struct table_apply *a, const struct ruleset_chain *chain)
{
	return chain->hook != RULESET_UNHOOKED && !table_state_find(a->state.chains, chain->name);
}

/* Only at a start: a running daemon's priorities do not change. */
static bool apply_moved_hook(const struct table_apply *a, const struct ruleset_chain *chain)
{
	const struct table_object *there = table_state_find(a->state.chains, chain->name);

	return chain->hook != RULESET_UNHOOKED && there && there->priority != chain->priority;
}

static bool apply_moved_hooks(const struct table_apply *a)
{
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (apply_moved_hook(a, chain))
			return true;
	return false;
}

bool table_apply_missing_hooks(const struct table_apply *a)
{
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (table_apply_missing_hook(a, chain))
			return true;
	return false;
}

static bool apply_any_hook(const struct table_apply *a)
{
	for (const struct table_object *there = a->state.chains; there; there = there->next)
		if (there->hooked)
			return true;
	return false;
}

int table_apply_empty_hooks(struct table_apply *a)
{
	struct batch *batch = a->table->batch;
	int error;

	if (!apply_any_hook(a) || !table_apply_missing_hooks(a))
		return 0;
	batch_begin(batch);
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (table_apply_missing_hook(a, chain))
			ruleset_netlink_chain(batch, a->table->name, chain);
	error = batch_commit(batch, NULL);
	if (error == 0)
		error = table_state_read(a->table, a->arena, &a->state);
	return error < 0 ? table_apply_failed(a->table, error, "the kernel refused a base chain: %s", strerror(-error))
			 : 0;
}

/* When the kernel's answer was lost: are the base chains there now? */
static int apply_hooked(struct table_apply *a, int error)
{
	struct table_state now;

	if (!table_apply_unknown(error) || table_state_read(a->table, a->arena, &now) < 0)
		return error;
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next) {
		const struct table_object *there = table_state_find(now.chains, chain->name);

		if (!there || (there->hooked && there->priority != chain->priority))
			return error;
	}
	return 0;
}

static void apply_delete_chain(struct table_apply *a, const char *name)
{
	ruleset_netlink_flush_chain(a->table->batch, a->table->name, name);
	ruleset_netlink_delete_chain(a->table->batch, a->table->name, name);
}

int table_apply_hook(struct table_apply *a)
{
	struct batch *batch = a->table->batch;
	int error;

	if (!table_apply_missing_hooks(a) && !apply_moved_hooks(a))
		return 0;
	batch_begin(batch);
	if (table_apply_missing_hooks(a))
		apply_delete_chain(a, table_apply_unhooked.name);
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next) {
		if (!table_apply_missing_hook(a, chain) && !apply_moved_hook(a, chain))
			continue;
		if (apply_moved_hook(a, chain))
			apply_delete_chain(a, chain->name);
		ruleset_netlink_chain(batch, a->table->name, chain);
		table_apply_rules(a, chain, chain->name);
	}
	error = apply_hooked(a, batch_commit(batch, NULL));
	return error < 0
		       ? table_apply_failed(a->table, error, "the kernel refused the base chains: %s", strerror(-error))
		       : 0;
}
