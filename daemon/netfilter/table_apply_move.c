/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learned sets: which they are, and what they hold when they become others. */
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "netfilter/table_apply.h"

static void apply_targets(const struct table_apply *a, struct table_target out[LIMIT_GROUPS][2])
{
	memset(out, 0, sizeof(struct table_target[LIMIT_GROUPS][2]));
	for (size_t i = 0; i < a->policy->group_count; i++)
		memcpy(out[i], a->targets.names, sizeof(out[i]));
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next) {
		struct table_target *target;

		if (!set->learned)
			continue;
		target = &out[set->group][table_family_index(set->family)];
		*target = (struct table_target) { .nfproto = NFPROTO_INET };
		snprintf(target->table, sizeof(target->table), "%s", a->table->name);
		snprintf(target->set, sizeof(target->set), "%s", set->name);
	}
}

void table_apply_learned_sets(struct table_apply *a)
{
	a->table->group_count = a->policy->group_count;
	apply_targets(a, a->table->learned);
	memcpy(a->table->ranges, a->targets.ranges, sizeof(a->table->ranges));
}

/* Where groups of the policy in force go. */
static void apply_map(const struct table_apply *a, uint8_t map[256])
{
	const struct policy *old = a->table->held->policy;

	memset(map, 0xff, 256);
	for (size_t i = 0; i < old->group_count; i++)
		for (size_t j = 0; j < a->policy->group_count; j++)
			if (strcmp(old->groups[i].name, a->policy->groups[j].name) == 0)
				map[i] = (uint8_t)j;
}

int table_apply_move(struct table_apply *a)
{
	struct table *table = a->table;
	uint8_t map[256];
	int error;

	if (!a->moving || !table->move)
		return 0;
	memcpy(a->before, table->learned, sizeof(a->before));
	a->groups_before = table->group_count;
	apply_map(a, map);
	table_apply_learned_sets(a);
	error = table->move(table->move_context, map);
	return error < 0 ? table_apply_failed(table, error, "what was learned could not be put into other sets: %s",
					      strerror(-error))
			 : 0;
}

void table_apply_move_back(struct table_apply *a)
{
	if (!a->groups_before)
		return;
	memcpy(a->table->learned, a->before, sizeof(a->before));
	a->table->group_count = a->groups_before;
}

void table_apply_plan_move(struct table_apply *a)
{
	struct table_target next[LIMIT_GROUPS][2];

	if (!a->table->held)
		return;
	apply_targets(a, next);
	for (int v = 0; v < 2; v++)
		a->moving |= (next[0][v].bare || a->table->learned[0][v].bare) &&
			     !table_target_same(&next[0][v], &a->table->learned[0][v]);
}
