/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/table_change.h"

#include <string.h>

#include "base/limits.h"
#include "netfilter/table_private.h"

struct change {
	const struct table *table;
	const struct table_state *state;
	struct ruleset *ruleset;
	enum ruleset_side usual; /* in force, of a set that the rules name */
	size_t room; /* elements that may be added in place */
};

static enum ruleset_side change_usual_side(const struct table_state *state)
{
	enum ruleset_side side = RULESET_B;

	for (const struct table_object *set = state->sets; set; set = set->next)
		if (set->named && ruleset_side_of(set->name, &side))
			break;
	return side;
}

/* As the rules in force name it. */
static const struct table_object *change_live(const struct change *change, const char *name)
{
	for (const struct table_object *set = change->state->sets; set; set = set->next)
		if (set->named && ruleset_same_set(set->name, name))
			return set;
	return NULL;
}

/* As the last table_apply() left it, if it can still be so. */
static const struct ruleset_set *change_held(const struct change *change, const struct table_object *live,
					     const struct ruleset_set *wanted)
{
	if (!change->table->trusted || !change->table->held)
		return NULL;
	for (const struct ruleset_set *set = change->table->held->sets; set; set = set->next)
		if (!set->learned && set->key == wanted->key && strcmp(set->name, live->name) == 0)
			return set;
	return NULL;
}

/* The places of those elements of `wanted` that `held` lacks, at most `size`. Both are in order; -1 when `held` has one
 * that `wanted` lacks, or there are more. */
static int change_gained(const struct ruleset_set *held, const struct ruleset_set *wanted, size_t places[], size_t size)
{
	size_t count = 0, k = 0;

	for (size_t i = 0; i < wanted->count; i++) {
		struct ruleset_field one[RULESET_FIELDS], other[RULESET_FIELDS];

		ruleset_element(wanted, i, one);
		if (k < held->count)
			ruleset_element(held, k, other);
		if (k < held->count && ruleset_element_compare(wanted->key, one, other) == 0)
			k++;
		else if (count == size)
			return -1;
		else
			places[count++] = i;
	}
	return k == held->count ? (int)count : -1;
}

static const struct ruleset_set *change_pick(struct ruleset *ruleset, const struct ruleset_set *set,
					     const size_t places[], size_t count)
{
	struct ruleset_set gained = *set, *out;

	gained.count = count;
	gained.items = ruleset_pick(ruleset, set, places, count);
	out = arena_memdup(ruleset->arena, &gained, sizeof(gained));
	ruleset->failed |= !out;
	return out;
}

static void change_plan_set(struct change *change, struct ruleset_set *set)
{
	const struct table_object *live = change_live(change, set->name);
	const struct ruleset_set *held = live ? change_held(change, live, set) : NULL;
	enum ruleset_side side = change->usual;
	size_t places[LIMIT_GROWN_ELEMENTS];
	int gained = held ? change_gained(held, set, places, change->room) : -1;

	if (live)
		ruleset_side_of(live->name, &side);
	set->way = gained < 0 ? RULESET_FILLED : gained == 0 ? RULESET_UNTOUCHED : RULESET_GROWN;
	if (set->way == RULESET_FILLED)
		side = side == RULESET_A ? RULESET_B : RULESET_A;
	ruleset_set_side(change->ruleset, set, side);
	if (set->way != RULESET_GROWN || change->ruleset->failed)
		return;
	set->gained = change_pick(change->ruleset, set, places, (size_t)gained);
	change->room -= (size_t)gained;
}

void table_change_plan(const struct table *table, const struct table_state *state, struct ruleset *ruleset)
{
	struct change change = { table, state, ruleset, change_usual_side(state), LIMIT_GROWN_ELEMENTS };

	for (struct ruleset_set *set = ruleset->sets; set; set = set->next)
		if (!set->learned)
			change_plan_set(&change, set);
}
