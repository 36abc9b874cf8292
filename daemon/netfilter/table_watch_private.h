/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the watch share; for table_watch*.c alone. What each looks at is told in table_watch.c. */
#ifndef NFQDN_NETFILTER_TABLE_WATCH_PRIVATE_H
#define NFQDN_NETFILTER_TABLE_WATCH_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/table_private.h"
#include "netfilter/table_watch.h"

#define WATCH_KEY_SIZE (RULESET_FIELDS * 16)
#define WATCH_NAME_SIZE (LIMIT_OBJECT_NAME + 32)

struct watch_chain {
	char name[WATCH_NAME_SIZE];
	uint64_t handle;
	uint32_t use, policy; /* policy: of base chains */
	size_t rules;
};

struct watch_set {
	char name[WATCH_NAME_SIZE];
	uint8_t key[WATCH_KEY_SIZE];
	size_t key_length; /* 0: nothing to look at, the set is empty */
	bool learned;
	const struct table_target *target; /* of the administrator's; NULL: in our table */
};

struct table_watch {
	struct table *table;
	uint32_t generation;
	bool known; /* what follows is that of the policy in force */
	bool missing; /* not known, since something was missing again already */
	bool pending; /* a look did not come to an end, or found something */
	uint64_t handle;
	uint32_t flags;
	struct watch_chain *chains;
	struct watch_set *sets;
	size_t chain_count, set_count;
	uint64_t rules; /* digest of their chains and handles */
	char warning[512];
};

/* Each of them: bits of table_watch_found where it looks, or -errno. */

/* ---- table_watch_chains.c ---- */

/* The names of the chains that `ruleset` has. 0 or -ENOMEM. */
int table_watch_chains_model(struct table_watch *watch, const struct ruleset *ruleset);
/* What the kernel has of them, and of their rules; -EAGAIN when others took rules away already. */
int table_watch_chains_take(struct table_watch *watch, const struct ruleset *ruleset);
int table_watch_chains_look(struct table_watch *watch);
int table_watch_rules_look(struct table_watch *watch);

/* ---- table_watch_sets.c ---- */

/* The elements to look at, of each set that `ruleset` has and of the administrator's. 0 or -ENOMEM. */
int table_watch_sets_model(struct table_watch *watch, const struct ruleset *ruleset);
/* Puts the sentinels that are missing: 1 when there were such. A static set whose first element the kernel does not find
 * is left unwatched: better that than false alarms. */
int table_watch_sets_take(struct table_watch *watch);
int table_watch_sets_look(struct table_watch *watch);

/* ---- table_watch_flowtables.c ---- */

/* Writes the warning anew. What cannot be read (no flowtables before Linux 4.16) leaves the old one. */
void table_watch_flowtables(struct table_watch *watch);

#endif
