/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table made that of a policy. What decides is exchanged at one moment:
 *
 *   take      a table that an earlier daemon left becomes ours alone (table_owner.h).
 *   plan      which static sets stay as they are, which only gain elements, and which are made anew (table_change.h).
 *   prepare   the table, when it is not there; those static sets that are made anew, of the side that no rule names (_a or
 *             _b). What a reload that died left of them is deleted first.
 *   fill      their elements, in as many transactions as it takes: no packet looks there yet.
 *   exchange  one transaction: every chain's rules go, the new ones come and name the new sides; static sets gain elements
 *             in place; the sets that no rule names any more go, and what belonged to groups that went. Learned sets
 *             stay with their elements.
 *   hook      once in a table's life: base chains. Their rules have stood in a chain without a hook by then, so that
 *             this batch is not refused: that would drop every packet held in the namespace (KERNEL 0b). A base chain
 *             that a later policy needs besides comes empty, before the exchange. One that an earlier daemon hooked at
 *             another priority is deleted and made anew, with its rules, in one transaction: the price is what is held.
 *
 * Whatever fails before the exchange leaves the rules in force as they were. */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/counters.h"
#include "netfilter/probe.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table.h"
#include "netfilter/table_change.h"
#include "netfilter/table_owner.h"
#include "netfilter/table_private.h"
#include "netfilter/table_state.h"

/* Octets of one transaction while a side is filled: others wait for the lock meanwhile, and so do answers. Some 100
 * ranges, each of which costs 60 us (KERNEL 2.2) and more where the set is large. */
#define FILL_SIZE ((size_t)16 * 1024)

/* Where rules of base chains stand before there are any. */
static const struct ruleset_chain apply_unhooked = { .name = "unhooked" };

struct apply {
	struct table *table;
	const struct policy *policy;
	struct arena *arena;
	struct table_state state;
	struct ruleset *ruleset; /* to come */
	bool made; /* the table, by us, just now */
	bool own; /* if the kernel can */
	struct table_targets targets; /* mode = "sets" */
	bool moving; /* what was learned goes to other sets */
	struct table_target before[LIMIT_GROUPS][2]; /* then */
	size_t groups_before;
};

static int apply_failed(struct table *table, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int apply_failed(struct table *table, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(table->error, sizeof(table->error), format, arguments);
	va_end(arguments);
	return error;
}

static bool apply_unknown(int error)
{
	return error == -ETIMEDOUT || error == -ENOBUFS;
}

/* ---- what there is ---- */

static int apply_check_groups(struct apply *a)
{
	if (a->policy->group_count > LIMIT_GROUPS)
		return apply_failed(a->table, -E2BIG, "more than %d groups of clients", LIMIT_GROUPS);
	for (size_t i = 0; i < a->policy->group_count; i++)
		if (strlen(a->policy->groups[i].name) > LIMIT_OBJECT_NAME)
			return apply_failed(a->table, -ENAMETOOLONG, "the name of group %s is too long",
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

static int apply_look(struct apply *a)
{
	int exists = table_exists(a->table), error;

	if (exists == -EEXIST)
		return apply_failed(a->table, exists,
				    "there is a table inet %s that is not ours (its comment is not \"%s\"); give "
				    "another name in gateway.table",
				    a->table->name, RULESET_LAYOUT);
	if (exists < 0)
		return apply_failed(a->table, exists, "table inet %s cannot be read: %s", a->table->name,
				    strerror(-exists));
	a->made = !exists;
	if (!exists)
		return 0;
	error = table_state_read(a->table, a->arena, &a->state);
	if (error < 0)
		return apply_failed(a->table, error, "table inet %s cannot be read: %s", a->table->name,
				    strerror(-error));
	if (apply_both_named(&a->state))
		return apply_failed(a->table, -EBUSY,
				    "rules of table inet %s name both copies of a set: somebody else changed them; "
				    "remove it with --flush",
				    a->table->name);
	return 0;
}

/* Before anything is changed: when another socket has the table, nothing can be. */
static int apply_take(struct apply *a)
{
	int error = a->made ? 0 : table_owner_take(a->table, a->own);

	if (error == -EPERM)
		return apply_failed(
			a->table, error,
			"table inet %s belongs to another program that is running, which alone can change it",
			a->table->name);
	if (error < 0)
		return apply_failed(a->table, error, "table inet %s cannot be taken over: %s", a->table->name,
				    strerror(-error));
	return 0;
}

/* A chain that others replaced by one without a hook cannot be mended. */
static int apply_check_chains(struct apply *a)
{
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next) {
		const struct table_object *there = table_state_find(a->state.chains, chain->name);

		if (there && there->hooked != (chain->hook != RULESET_UNHOOKED))
			return apply_failed(a->table, -EEXIST,
					    "chain %s of table inet %s is not as it was made: somebody else changed "
					    "it; remove it with --flush",
					    chain->name, a->table->name);
	}
	return 0;
}

static bool apply_missing_hook(const struct apply *a, const struct ruleset_chain *chain)
{
	return chain->hook != RULESET_UNHOOKED && !table_state_find(a->state.chains, chain->name);
}

/* Only at a start: a running daemon's priorities do not change. */
static bool apply_moved_hook(const struct apply *a, const struct ruleset_chain *chain)
{
	const struct table_object *there = table_state_find(a->state.chains, chain->name);

	return chain->hook != RULESET_UNHOOKED && there && there->priority != chain->priority;
}

static bool apply_moved_hooks(const struct apply *a)
{
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (apply_moved_hook(a, chain))
			return true;
	return false;
}

static bool apply_missing_hooks(const struct apply *a)
{
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (apply_missing_hook(a, chain))
			return true;
	return false;
}

static bool apply_any_hook(const struct apply *a)
{
	for (const struct table_object *there = a->state.chains; there; there = there->next)
		if (there->hooked)
			return true;
	return false;
}

/* Where a table is in force, a base chain that it lacks comes empty, before anything is exchanged: so that a policy that
 * needs one more is put in force at one moment, too. */
static int apply_empty_hooks(struct apply *a)
{
	struct batch *batch = a->table->batch;
	int error;

	if (!apply_any_hook(a) || !apply_missing_hooks(a))
		return 0;
	batch_begin(batch);
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (apply_missing_hook(a, chain))
			ruleset_netlink_chain(batch, a->table->name, chain);
	error = batch_commit(batch, NULL);
	if (error == 0)
		error = table_state_read(a->table, a->arena, &a->state);
	return error < 0 ? apply_failed(a->table, error, "the kernel refused a base chain: %s", strerror(-error)) : 0;
}

/* ---- prepare and fill ---- */

static bool apply_is_static(const struct table_object *there)
{
	enum ruleset_side side;

	return ruleset_side_of(there->name, &side);
}

static bool apply_made_anew(const struct ruleset_set *set)
{
	return !set->learned && set->way == RULESET_FILLED;
}

static int apply_prepare(struct apply *a)
{
	struct batch *batch = a->table->batch;
	int error;

	batch_begin(batch);
	if (a->made)
		ruleset_netlink_table(batch, a->table->name, table_owner_flags(a->table, a->own));
	for (const struct table_object *there = a->state.sets; there; there = there->next)
		if (apply_is_static(there) && !there->named)
			ruleset_netlink_delete_set(batch, a->table->name, there->name);
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (apply_made_anew(set) || (a->moving && set->learned))
			ruleset_netlink_set(batch, a->table->name, set);
	error = batch_commit(batch, NULL);
	return error < 0 ? apply_failed(a->table, error, "the kernel refused the table's sets: %s", strerror(-error))
			 : 0;
}

static int apply_fill_set(struct apply *a, const struct ruleset_set *set)
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
		return apply_failed(a->table, error, "the kernel refused elements of set %s: %s", set->name,
				    strerror(-error));
	return 0;
}

static int apply_fill(struct apply *a)
{
	int error = 0;

	for (const struct ruleset_set *set = a->ruleset->sets; set && error == 0; set = set->next)
		if (apply_made_anew(set))
			error = apply_fill_set(a, set);
	return error;
}

/* ---- exchange ---- */

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

static bool apply_obsolete_chain(const struct apply *a, const struct table_object *there)
{
	if (there->hooked)
		return false;
	if (strcmp(there->name, apply_unhooked.name) == 0)
		return !apply_missing_hooks(a);
	if (!apply_chain_of_ours(there->name))
		return false;
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		if (strcmp(chain->name, there->name) == 0)
			return false;
	return true;
}

/* A static set that no rule named is gone already. */
static bool apply_obsolete_set(const struct apply *a, const struct table_object *there)
{
	if (!ruleset_learned_name(there->name) && !(apply_is_static(there) && there->named))
		return false;
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (strcmp(set->name, there->name) == 0)
			return false;
	return true;
}

/* Everything that rules name must be there before them. */
static void apply_make_objects(struct apply *a, bool missing_hooks)
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
		ruleset_netlink_chain(batch, table, &apply_unhooked);
}

static void apply_rules(struct apply *a, const struct ruleset_chain *chain, const char *into)
{
	for (const struct ruleset_rule *rule = chain->rules; rule; rule = rule->next)
		if (table_uses_rule(a->table, rule))
			ruleset_netlink_rule(a->table->batch, a->table->name, into, rule, &a->table->capabilities);
}

static void apply_replace_rules(struct apply *a)
{
	for (const struct table_object *there = a->state.chains; there; there = there->next)
		ruleset_netlink_flush_chain(a->table->batch, a->table->name, there->name);
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next)
		apply_rules(a, chain, apply_missing_hook(a, chain) ? apply_unhooked.name : chain->name);
}

static void apply_delete_obsolete(struct apply *a)
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
static int apply_settled(struct apply *a, int error)
{
	struct table_state now;

	if (!apply_unknown(error) || table_state_read(a->table, a->arena, &now) < 0)
		return error;
	return now.last_rule > a->state.last_rule ? 0 : error;
}

static void apply_grow(struct apply *a)
{
	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (set->way == RULESET_GROWN)
			ruleset_netlink_gain(a->table->batch, a->table->name, set->gained);
}

/* The administrator's sets of ranges are ours to fill: what they held goes, and the policy's come, at one moment. */
static void apply_ranges(struct apply *a)
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

static int apply_exchange(struct apply *a)
{
	const char *lacking;
	int error;

	batch_begin(a->table->batch);
	apply_make_objects(a, apply_missing_hooks(a));
	apply_grow(a);
	apply_ranges(a);
	apply_replace_rules(a);
	apply_delete_obsolete(a);
	error = apply_settled(a, batch_commit(a->table->batch, NULL));
	if (error == 0)
		return 0;
	lacking =
		apply_unknown(error) ? NULL : probe_lacking(a->table->batch, a->policy->config->verify == CONFIG_QUERY);
	if (lacking)
		return apply_failed(a->table, -EOPNOTSUPP, "%s", lacking);
	return apply_failed(a->table, error, "the kernel refused the rules: %s", strerror(-error));
}

/* ---- hook ---- */

/* When the kernel's answer was lost: are the base chains there now? */
static int apply_hooked(struct apply *a, int error)
{
	struct table_state now;

	if (!apply_unknown(error) || table_state_read(a->table, a->arena, &now) < 0)
		return error;
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next) {
		const struct table_object *there = table_state_find(now.chains, chain->name);

		if (!there || (there->hooked && there->priority != chain->priority))
			return error;
	}
	return 0;
}

static void apply_delete_chain(struct apply *a, const char *name)
{
	ruleset_netlink_flush_chain(a->table->batch, a->table->name, name);
	ruleset_netlink_delete_chain(a->table->batch, a->table->name, name);
}

static int apply_hook(struct apply *a)
{
	struct batch *batch = a->table->batch;
	int error;

	if (!apply_missing_hooks(a) && !apply_moved_hooks(a))
		return 0;
	batch_begin(batch);
	if (apply_missing_hooks(a))
		apply_delete_chain(a, apply_unhooked.name);
	for (const struct ruleset_chain *chain = a->ruleset->chains; chain; chain = chain->next) {
		if (!apply_missing_hook(a, chain) && !apply_moved_hook(a, chain))
			continue;
		if (apply_moved_hook(a, chain))
			apply_delete_chain(a, chain->name);
		ruleset_netlink_chain(batch, a->table->name, chain);
		apply_rules(a, chain, chain->name);
	}
	error = apply_hooked(a, batch_commit(batch, NULL));
	return error < 0 ? apply_failed(a->table, error, "the kernel refused the base chains: %s", strerror(-error))
			 : 0;
}

/* ---- all of it ---- */

/* What was made aside is taken away again; when that fails, too, the next call does it. */
static void apply_undo(struct apply *a)
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

static void apply_targets(const struct apply *a, struct table_target out[LIMIT_GROUPS][2])
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

static void apply_learned_sets(struct apply *a)
{
	a->table->group_count = a->policy->group_count;
	apply_targets(a, a->table->learned);
	memcpy(a->table->ranges, a->targets.ranges, sizeof(a->table->ranges));
}

/* Where groups of the policy in force go. */
static void apply_map(const struct apply *a, uint8_t map[256])
{
	const struct policy *old = a->table->held->policy;

	memset(map, 0xff, 256);
	for (size_t i = 0; i < old->group_count; i++)
		for (size_t j = 0; j < a->policy->group_count; j++)
			if (strcmp(old->groups[i].name, a->policy->groups[j].name) == 0)
				map[i] = (uint8_t)j;
}

/* Other sets than before, of other keys, or by other names: they hold what was learned before a rule looks there. */
static int apply_move(struct apply *a)
{
	struct table *table = a->table;
	uint8_t map[256];
	int error;

	if (!a->moving || !table->move)
		return 0;
	memcpy(a->before, table->learned, sizeof(a->before));
	a->groups_before = table->group_count;
	apply_map(a, map);
	apply_learned_sets(a);
	error = table->move(table->move_context, map);
	return error < 0 ? apply_failed(table, error, "what was learned could not be put into other sets: %s",
					strerror(-error))
			 : 0;
}

static void apply_move_back(struct apply *a)
{
	if (!a->groups_before)
		return;
	memcpy(a->table->learned, a->before, sizeof(a->before));
	a->table->group_count = a->groups_before;
}

static void apply_plan_move(struct apply *a)
{
	struct table_target next[LIMIT_GROUPS][2];

	if (!a->table->held)
		return;
	apply_targets(a, next);
	for (int v = 0; v < 2; v++)
		a->moving |= (next[0][v].bare || a->table->learned[0][v].bare) &&
			     !table_target_same(&next[0][v], &a->table->learned[0][v]);
}

static void apply_count(const struct apply *a)
{
	uint64_t *const ways[] = { [RULESET_FILLED] = &counters.sets_filled,
				   [RULESET_UNTOUCHED] = &counters.sets_untouched,
				   [RULESET_GROWN] = &counters.sets_grown };

	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (!set->learned)
			++*ways[set->way];
}

/* The rules in force are those of `a->ruleset` now. */
static void apply_hold(struct apply *a)
{
	apply_count(a);
	arena_free(a->table->held_arena);
	a->table->held_arena = a->arena;
	a->table->held = a->ruleset;
	a->table->trusted = a->table->owner == TABLE_OWNER_US;
	a->arena = NULL;
}

static void apply_plan(void *context, struct ruleset *ruleset)
{
	const struct apply *a = context;

	ruleset->assist = a->table->capabilities.assist;
	table_change_plan(a->table, &a->state, ruleset);
}

static void apply_assist(struct table *table)
{
	int programs[ASSIST_QUESTIONS];

	memcpy(programs, table->capabilities.assist_programs, sizeof(programs));
	(void)table_assist(table, true, programs[0] < 0 ? NULL : programs);
}

static int apply_ready(struct apply *a)
{
	int error = apply_check_groups(a);

	if (error == 0 && policy_mode(a->policy) == CONFIG_SETS)
		error = table_target_find(a->table, a->policy, &a->targets);
	if (error == 0)
		error = apply_look(a);
	if (error < 0)
		return error;
	/* When others took the rules away, the kernel module could go, too. A table without it is better than none. */
	if (a->table->capabilities.assist)
		apply_assist(a->table);
	a->table->trusted = a->table->trusted && !a->made && table_owner_kept(a->table);
	a->ruleset = ruleset_plan(a->arena, a->policy, apply_plan, a);
	if (!a->ruleset)
		return apply_failed(a->table, -ENOMEM, "memory is out");
	apply_plan_move(a);
	error = apply_check_chains(a);
	if (error == 0)
		error = apply_take(a);
	if (error == 0)
		error = apply_empty_hooks(a);
	return error;
}

static int apply_policy(struct apply *a)
{
	int error = apply_ready(a);

	if (error == 0)
		error = apply_prepare(a);
	if (error < 0)
		return error;
	error = apply_fill(a);
	if (error == 0)
		error = apply_move(a);
	if (error == 0)
		error = apply_exchange(a);
	if (error < 0) {
		apply_move_back(a);
		apply_undo(a);
	}
	return error;
}

static int apply_no_memory(const struct apply *a)
{
	apply_failed(a->table, -ENOMEM, "memory is out");
	return -ENOMEM;
}

/* When the kernel refuses what follows from what it was believed to have, all is made anew. */
static int apply_again(struct apply *a, int error)
{
	bool trusted = a->table->trusted;

	a->table->trusted = false;
	if (!trusted || (error != -EEXIST && error != -ENOENT))
		return error;
	arena_free(a->arena);
	a->arena = arena_new();
	return a->arena ? apply_policy(a) : apply_no_memory(a);
}

void table_on_pause(struct table *table, void (*pause)(void *context), void *context)
{
	table->pause = pause;
	table->pause_context = context;
}

static int apply_all(struct apply *a)
{
	int error = a->arena ? apply_policy(a) : apply_no_memory(a);

	if (error < 0)
		error = apply_again(a, error);
	if (error < 0)
		return error;
	apply_learned_sets(a);
	a->table->trusted = false;
	error = apply_hook(a);
	if (error == 0)
		apply_hold(a);
	return error;
}

int table_apply(struct table *table, const struct policy *policy, const char **error)
{
	struct apply apply = {
		.table = table, .policy = policy, .arena = arena_new(), .own = !policy->config->unowned
	};
	int result;

	table->error_line = 0;
	result = apply_all(&apply);

	arena_free(apply.arena);
	if (result < 0)
		*error = table->error;
	return result;
}
