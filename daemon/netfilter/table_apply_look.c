/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is, before anything is changed. */
#include <errno.h>
#include <string.h>

#include "netfilter/table_apply.h"
#include "netfilter/table_owner.h"

int table_apply_check_groups(struct table_apply *a)
{
	if (a->policy->group_count > LIMIT_GROUPS)
		return table_apply_failed(a->table, -E2BIG, "more than %d groups of clients", LIMIT_GROUPS);
	for (size_t i = 0; i < a->policy->group_count; i++)
		if (strlen(a->policy->groups[i].name) > LIMIT_OBJECT_NAME)
			return table_apply_failed(a->table, -ENAMETOOLONG, "the name of group %s is too long",
						  a->policy->groups[i].name);
	return 0;
}

/* Rules of ours name one copy of each set. */
static bool apply_both_named(const struct table_state *state)
{
	for (const struct table_object *set = state->sets; set; set = set->next)
		for (const struct table_object *other = set->next; set->named && other; other = other->next)
			if (other->named && ruleset_same_set(set->name, other->name))
				return true;
	return false;
}

int table_apply_look(struct table_apply *a)
{
	int exists = table_exists(a->table), error;

	if (exists == -EEXIST)
		return table_apply_failed(a->table, exists,
					  "there is a table inet %s that is not ours (its comment is not \"%s\"); give "
					  "another name in gateway.table",
					  a->table->name, RULESET_LAYOUT);
	if (exists < 0)
		return table_apply_failed(a->table, exists, "table inet %s cannot be read: %s", a->table->name,
					  strerror(-exists));
	a->made = !exists;
	if (!exists)
		return 0;
	error = table_state_read(a->table, a->arena, &a->state);
	if (error < 0)
		return table_apply_failed(a->table, error, "table inet %s cannot be read: %s", a->table->name,
					  strerror(-error));
	if (apply_both_named(&a->state))
		return table_apply_failed(
			a->table, -EBUSY,
			"rules of table inet %s name both copies of a set: somebody else changed them; "
			"remove it with --flush",
			a->table->name);
	return 0;
}

int table_apply_take(struct table_apply *a)
{
	int error = a->made ? 0 : table_owner_take(a->table, a->own);

	if (error == -EPERM)
		return table_apply_failed(
			a->table, error,
			"table inet %s belongs to another program that is running, which alone can change it",
			a->table->name);
	if (error < 0)
		return table_apply_failed(a->table, error, "table inet %s cannot be taken over: %s", a->table->name,
					  strerror(-error));
	return 0;
}

int table_apply_check_chains(struct table_apply *a)
{
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next) {
		const struct table_object *there = table_state_find(a->state.chains, chain->name);

		if (there && there->hooked != (chain->hook != RULESET_UNHOOKED))
			return table_apply_failed(
				a->table, -EEXIST,
				"chain %s of table inet %s is not as it was made: somebody else changed "
				"it; remove it with --flush",
				chain->name, a->table->name);
	}
	return 0;
}
