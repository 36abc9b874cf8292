/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct table, for table*.c and element*.c. */
#ifndef NFQDN_NETFILTER_TABLE_PRIVATE_H
#define NFQDN_NETFILTER_TABLE_PRIVATE_H

#include "base/ipaddr.h"
#include "base/limits.h"
#include "netfilter/batch.h"
#include "netfilter/element.h"
#include "netfilter/element_shared.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/table.h"
#include "netfilter/table_lock.h"
#include "netfilter/table_target.h"

#define TABLE_ERROR_SIZE 512

/* Where an element stands in the batch: so the one is found that the kernel refused. */
struct table_place {
	uint32_t sequence, offset;
	uint32_t change; /* index of the caller's changes */
};

struct table {
	char *name;
	struct table_lock lock;
	struct nlsock *socket; /* all transactions: the table belongs to it */
	struct nlsock *queries; /* dumps: one that was given up must not be in a transaction's way */
	struct batch *batch;
	struct table_capabilities capabilities;
	bool assist_untried; /* no rule that asks the kernel has been taken yet */
	enum table_owner owner;
	char error[TABLE_ERROR_SIZE];
	unsigned int error_line; /* of the configuration; 0: the error is of no line */
	/* the learned sets, as the last table_apply() left them; [0] IPv4, [1] IPv6 */
	size_t group_count;
	struct table_target learned[LIMIT_GROUPS][2];
	struct table_target ranges[2]; /* of the administrator's, filled with the policy's ranges */
	table_siblings *siblings; /* may be NULL */
	void *siblings_context;
	/* fills the learned sets anew, before rules that look there; may be NULL */
	int (*move)(void *context, const uint8_t map[256]);
	void *move_context;
	/* What the last table_apply() put in force; NULL before the first one. Items of its sets lie in the policy. */
	struct arena *held_arena;
	const struct ruleset *held;
	bool trusted; /* nobody can have changed that since: the table has been ours alone */
	void (*pause)(void *context); /* between transactions of table_apply(); may be NULL */
	void *pause_context;
	bool suspect; /* a transaction found something missing: table_watch.h */
	/* element_commit(): an element is written three times at most */
	struct table_place places[3 * LIMIT_BATCH_ELEMENTS];
	size_t place_count;
	struct element_shared shared; /* element_commit(), too */
};

/* Rules for what the kernel lacks are left out. */
static inline bool table_uses_rule(const struct table *table, const struct ruleset_rule *rule)
{
	return !rule->report || table->capabilities.report;
}

/* Index of `learned`. */
static inline unsigned int table_family_index(enum ipaddr_family family)
{
	return family == IPADDR_V6;
}

/* The set of `learned` where the element stands. Groups share the administrator's sets. */
static inline unsigned int table_learned_index(const struct table *table, const struct element_key *key)
{
	unsigned int v = table_family_index(key->address.family);

	return table->learned[0][v].bare ? v : 2u * key->group + v;
}

static inline const struct table_target *table_learned(const struct table *table, const struct element_key *key)
{
	unsigned int index = table_learned_index(table, key);

	return &table->learned[index / 2][index % 2];
}

#endif
