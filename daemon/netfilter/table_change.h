/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new policy changes of the static sets in the kernel: a set whose elements stay is not touched, one that only
 * gains some may gain them in place, and every other one is filled aside.
 *
 * Nothing is taken out of a set in place: a deletion from an interval concatenation costs 10 to 30 ms for each element
 * while answers wait, whereas 1,000 elements are filled aside in 6 ms, in transactions of some 100 (Linux 6.18). */
#ifndef NFQDN_NETFILTER_TABLE_CHANGE_H
#define NFQDN_NETFILTER_TABLE_CHANGE_H

#include "netfilter/ruleset_model.h"
#include "netfilter/table_state.h"

struct table;

/* Chooses way and side of each static set of a ruleset that has no rules yet. What the kernel has is believed to be what
 * the last table_apply() put there only while the table is trusted (table_private.h). */
void table_change_plan(const struct table *table, const struct table_state *state, struct ruleset *ruleset);

#endif
