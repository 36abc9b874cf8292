/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of table_apply() share; for table_apply*.c alone. What each step does is told in table_apply.c. Functions
 * that may fail give 0, or -errno with the reason in table->error. */
#ifndef NFQDN_NETFILTER_TABLE_APPLY_H
#define NFQDN_NETFILTER_TABLE_APPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/limits.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/table.h"
#include "netfilter/table_private.h"
#include "netfilter/table_state.h"

struct table_apply {
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

/* Keeps the text in table->error; returns `error`. */
int table_apply_failed(struct table *table, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The kernel's answer was lost: whether it took the transaction has to be seen. */
bool table_apply_unknown(int error);

/* ---- table_apply_look.c ---- */

int table_apply_check_groups(struct table_apply *a);
/* Is there a table of ours, and what does it hold? Sets `made` and `state`. */
int table_apply_look(struct table_apply *a);
/* Before anything is changed: when another socket has the table, nothing can be. */
int table_apply_take(struct table_apply *a);
/* A chain that others replaced by one without a hook cannot be mended. */
int table_apply_check_chains(struct table_apply *a);

/* ---- table_apply_fill.c ---- */

/* Of a side, _a or _b. */
bool table_apply_is_static(const struct table_object *there);
int table_apply_prepare(struct table_apply *a);
int table_apply_fill(struct table_apply *a);
/* What was made aside is taken away again; when that fails, too, the next call does it. */
void table_apply_undo(struct table_apply *a);

/* ---- table_apply_move.c ---- */

/* Sets `moving`. */
void table_apply_plan_move(struct table_apply *a);
/* Other sets than before, of other keys, or by other names: they hold what was learned before a rule looks there. */
int table_apply_move(struct table_apply *a);
void table_apply_move_back(struct table_apply *a);
/* Tells the table where what is learned goes from now on. */
void table_apply_learned_sets(struct table_apply *a);

/* ---- table_apply_exchange.c ---- */

int table_apply_exchange(struct table_apply *a);
/* Appends the chain's rules to chain `into`, all but those that the kernel cannot have. */
void table_apply_rules(struct table_apply *a, const struct ruleset_chain *chain, const char *into);

/* ---- table_apply_hook.c ---- */

/* Where rules of base chains stand before there are any. */
extern const struct ruleset_chain table_apply_unhooked;
/* A base chain that the table lacks. */
bool table_apply_missing_hook(const struct table_apply *a, const struct ruleset_chain *chain);
bool table_apply_missing_hooks(const struct table_apply *a);
/* Where a table is in force, a base chain that it lacks comes empty, before anything is exchanged: so that a policy that
 * needs one more is put in force at one moment, too. */
int table_apply_empty_hooks(struct table_apply *a);
int table_apply_hook(struct table_apply *a);

#endif
