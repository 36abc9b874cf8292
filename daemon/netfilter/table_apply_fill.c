/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static sets that are made anew, of the side that no rule names. */
#include <string.h>

#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_apply.h"
#include "netfilter/table_owner.h"

/* Octets of one transaction while a side is filled: others wait for the lock meanwhile, and so do answers. Some 100
 * ranges, each of which costs 60 us (KERNEL 2.2) and more where the set is large. */
#define FILL_SIZE ((size_t)16 * 1024)

bool table_apply_is_static(const struct table_object *there)
{
	enum ruleset_side side;

	return ruleset_side_of(there->name, &side);
}

static bool apply_made_anew(const struct ruleset_set *set)
{
	return !set->learned && set->way == RULESET_FILLED;
}

int table_apply_prepare(struct table_apply *a)
{
	struct batch *batch = a->table->batch;
	int error;

	batch_begin(batch);
	if (a->made)
		ruleset_netlink_table(batch, a->table->name, table_owner_flags(a->table, a->own));
	for (const struct table_object *there = a->state.sets; there; there = there->next)
		if (table_apply_is_static(there) && !there->named)
			ruleset_netlink_delete_set(batch, a->table->name, there->name);
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (apply_made_anew(set) || (a->moving && set->learned))
			ruleset_netlink_set(batch, a->table->name, set);
	error = batch_commit(batch, NULL);
	return error < 0 ? table_apply_failed(a->table, error, "the kernel refused the table's sets: %s",
					      strerror(-error))
			 : 0;
}

static int apply_fill_set(struct table_apply *a, const struct ruleset_set *set)
{
	struct batch *batch = a->table->batch;
	int error = 0;

	for (size_t i = 0; i < set->count && error == 0;) {
		batch_begin(batch);
		while (i < set->count && batch_size(batch) < FILL_SIZE)
			i = ruleset_netlink_elements(batch, a->table->name, set, i);
		error = batch_commit(batch, NULL);
		if (a->table->pause)
			a->table->pause(a->table->pause_context);
	}
	if (error < 0)
		return table_apply_failed(a->table, error, "the kernel refused elements of set %s: %s", set->name,
					  strerror(-error));
	return 0;
}

int table_apply_fill(struct table_apply *a)
{
	int error = 0;

	for (const struct ruleset_set *set = a->ruleset->sets; set && error == 0; set = set->next)
		if (apply_made_anew(set))
			error = apply_fill_set(a, set);
	return error;
}

void table_apply_undo(struct table_apply *a)
{
	struct batch *batch = a->table->batch;

	batch_begin(batch);
	if (a->made)
		ruleset_netlink_delete_table(batch, a->table->name);
	else
		for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
			if (apply_made_anew(set))
				ruleset_netlink_delete_set(batch, a->table->name, set->name);
	(void)batch_commit(batch, NULL);
}
