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
#include "netfilter/table_apply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/counters.h"
#include "netfilter/table_change.h"
#include "netfilter/table_owner.h"

int table_apply_failed(struct table *table, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(table->error, sizeof(table->error), format, arguments);
	va_end(arguments);
	return error;
}

bool table_apply_unknown(int error)
{
	return error == -ETIMEDOUT || error == -ENOBUFS;
}

static void apply_count(const struct table_apply *a)
{
	uint64_t *const ways[] = { [RULESET_FILLED] = &counters.sets_filled,
				   [RULESET_UNTOUCHED] = &counters.sets_untouched,
				   [RULESET_GROWN] = &counters.sets_grown };

	for (const struct ruleset_set *set = a->ruleset->sets; set; set = set->next)
		if (!set->learned)
			++*ways[set->way];
}

/* The rules in force are those of `a->ruleset` now. */
static void apply_hold(struct table_apply *a)
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
	const struct table_apply *a = context;

	ruleset->assist = a->table->capabilities.assist;
	table_change_plan(a->table, &a->state, ruleset);
}

static void apply_assist(struct table *table)
{
	int programs[ASSIST_QUESTIONS];

	memcpy(programs, table->capabilities.assist_programs, sizeof(programs));
	(void)table_assist(table, TABLE_ASSISTED, programs[0] < 0 ? NULL : programs);
}

static int apply_ready(struct table_apply *a)
{
	int error = table_apply_check_groups(a);

	if (error == 0 && policy_mode(a->policy) == CONFIG_SETS)
		error = table_target_find(a->table, a->policy, &a->targets);
	if (error == 0)
		error = table_apply_look(a);
	if (error < 0)
		return error;
	/* When others took the rules away, the kernel module could go, too. A table without it is better than none. */
	if (a->table->capabilities.assist && a->table->held)
		apply_assist(a->table);
	a->table->trusted = a->table->trusted && !a->made && table_owner_kept(a->table);
	a->ruleset = ruleset_plan(a->arena, a->policy, apply_plan, a);
	if (!a->ruleset)
		return table_apply_failed(a->table, -ENOMEM, "memory is out");
	table_apply_plan_move(a);
	error = table_apply_check_chains(a);
	if (error == 0)
		error = table_apply_take(a);
	if (error == 0)
		error = table_apply_empty_hooks(a);
	return error;
}

static int apply_policy(struct table_apply *a)
{
	int error = apply_ready(a);

	if (error == 0)
		error = table_apply_prepare(a);
	if (error < 0)
		return error;
	error = table_apply_fill(a);
	if (error == 0)
		error = table_apply_move(a);
	if (error == 0)
		error = table_apply_exchange(a);
	if (error < 0) {
		table_apply_move_back(a);
		table_apply_undo(a);
	}
	return error;
}

static int apply_no_memory(const struct table_apply *a)
{
	table_apply_failed(a->table, -ENOMEM, "memory is out");
	return -ENOMEM;
}

static int apply_anew(struct table_apply *a)
{
	arena_free(a->arena);
	a->arena = arena_new();
	return a->arena ? apply_policy(a) : apply_no_memory(a);
}

/* When the kernel refuses what follows from what it was believed to have, all is made anew. */
static int apply_again(struct table_apply *a, int error)
{
	bool trusted = a->table->trusted;

	a->table->trusted = false;
	return trusted && (error == -EEXIST || error == -ENOENT) ? apply_anew(a) : error;
}

/* Was it the rules that ask the kernel? Then without them, unless what they need is there by now. */
static int apply_unassisted(struct table_apply *a, int error)
{
	if (!a->table->assist_untried || table_apply_unknown(error))
		return error;
	apply_assist(a->table);
	return apply_anew(a);
}

void table_on_pause(struct table *table, void (*pause)(void *context), void *context)
{
	table->pause = pause;
	table->pause_context = context;
}

static int apply_all(struct table_apply *a)
{
	int error = a->arena ? apply_policy(a) : apply_no_memory(a);

	if (error < 0)
		error = apply_again(a, error);
	if (error < 0)
		error = apply_unassisted(a, error);
	if (error < 0)
		return error;
	a->table->assist_untried = false;
	table_apply_learned_sets(a);
	a->table->trusted = false;
	error = table_apply_hook(a);
	if (error == 0)
		apply_hold(a);
	return error;
}

int table_apply(struct table *table, const struct policy *policy, const char **error)
{
	struct table_apply apply = {
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
