/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains and their rules, by handles, which are never used twice in a table's life. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/nfattr.h"
#include "netfilter/table_query.h"
#include "netfilter/table_watch_private.h"

#define WATCH_ATTEMPTS 10

/* ---- questions ---- */

static int watch_visit_chain(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_CHAIN_MAX + 1];
	struct watch_chain *out = context;

	nfattr_parse(message, attributes, NFTA_CHAIN_MAX + 1);
	nfattr_u64(attributes[NFTA_CHAIN_HANDLE], &out->handle);
	nfattr_u32(attributes[NFTA_CHAIN_USE], &out->use);
	nfattr_u32(attributes[NFTA_CHAIN_POLICY], &out->policy);
	return 0;
}

/* Fills all but name and rules. */
static int watch_ask_chain(struct table_watch *watch, const char *name, struct watch_chain *out)
{
	struct table_query query;

	*out = (struct watch_chain) { .handle = 0 };
	table_query_begin(&query, watch->table->queries, NFT_MSG_GETCHAIN, false);
	mnl_attr_put_strz(query.message, NFTA_CHAIN_TABLE, watch->table->name);
	mnl_attr_put_strz(query.message, NFTA_CHAIN_NAME, name);
	return table_query_run(&query, watch_visit_chain, out);
}

struct watch_rules {
	struct table_watch *watch;
	bool count; /* into the chains, too */
	uint64_t digest;
};

/* FNV-1a */
static uint64_t watch_digest(uint64_t digest, const void *data, size_t length)
{
	for (const uint8_t *at = data; length; at++, length--)
		digest = (digest ^ *at) * UINT64_C(1099511628211);
	return digest;
}

/* Rules of chains that others made in our table decide nothing in ours: a jump to them would. */
static int watch_visit_rule(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_RULE_MAX + 1];
	struct watch_rules *rules = context;
	const char *table, *chain;
	uint64_t handle;

	nfattr_parse(message, attributes, NFTA_RULE_MAX + 1);
	if (!nfattr_string(attributes[NFTA_RULE_TABLE], &table) || strcmp(table, rules->watch->table->name) != 0 ||
	    !nfattr_string(attributes[NFTA_RULE_CHAIN], &chain) || !nfattr_u64(attributes[NFTA_RULE_HANDLE], &handle))
		return 0;
	for (size_t i = 0; i < rules->watch->chain_count; i++) {
		if (strcmp(rules->watch->chains[i].name, chain) != 0)
			continue;
		rules->digest = watch_digest(rules->digest, &i, sizeof(i));
		rules->digest = watch_digest(rules->digest, &handle, sizeof(handle));
		rules->watch->chains[i].rules += rules->count;
	}
	return 0;
}

static int watch_ask_rules(struct table_watch *watch, bool count, uint64_t *digest)
{
	struct watch_rules rules = { .watch = watch, .count = count };
	struct table_query query;
	int error = -EINTR;

	for (int attempt = 0; attempt < WATCH_ATTEMPTS && error == -EINTR; attempt++) {
		rules.digest = UINT64_C(14695981039346656037);
		for (size_t i = 0; count && i < watch->chain_count; i++)
			watch->chains[i].rules = 0;
		table_query_begin(&query, watch->table->queries, NFT_MSG_GETRULE, true);
		mnl_attr_put_strz(query.message, NFTA_RULE_TABLE, watch->table->name);
		error = table_query_run(&query, watch_visit_rule, &rules);
	}
	*digest = rules.digest;
	return error;
}

/* ---- what there is, and the look ---- */

int table_watch_chains_model(struct table_watch *watch, const struct ruleset *ruleset)
{
	size_t chains = 0;

	for (const struct ruleset_chain *chain = ruleset->chains; chain; chain = chain->next)
		chains++;
	watch->chains = calloc(chains + 1, sizeof(*watch->chains));
	if (!watch->chains)
		return -ENOMEM;
	for (const struct ruleset_chain *chain = ruleset->chains; chain; chain = chain->next)
		snprintf(watch->chains[watch->chain_count++].name, WATCH_NAME_SIZE, "%s", chain->name);
	return 0;
}

int table_watch_chains_take(struct table_watch *watch, const struct ruleset *ruleset)
{
	const struct ruleset_chain *chain = ruleset->chains;
	int error = 0;

	for (size_t i = 0; i < watch->chain_count && error == 0; i++) {
		struct watch_chain seen;

		error = watch_ask_chain(watch, watch->chains[i].name, &seen);
		watch->chains[i].handle = seen.handle;
		watch->chains[i].use = seen.use;
		watch->chains[i].policy = seen.policy;
	}
	if (error == 0)
		error = watch_ask_rules(watch, true, &watch->rules);
	for (size_t i = 0; i < watch->chain_count && error == 0; i++, chain = chain->next) {
		size_t wanted = 0;

		/* As table_apply() does: what the kernel cannot do is left out. */
		for (const struct ruleset_rule *rule = chain->rules; rule; rule = rule->next)
			wanted += table_uses_rule(watch->table, rule);
		if (watch->chains[i].rules != wanted)
			error = -EAGAIN;
	}
	return error;
}

int table_watch_chains_look(struct table_watch *watch)
{
	int found = 0;

	for (size_t i = 0; i < watch->chain_count; i++) {
		const struct watch_chain *chain = &watch->chains[i];
		struct watch_chain now;
		int error = watch_ask_chain(watch, chain->name, &now);

		if (error < 0 && error != -ENOENT)
			return error;
		if (error < 0 || now.use != chain->use)
			found |= TABLE_WATCH_RULES;
		/* Of others' making, or with another policy: table_apply() would leave that. */
		if (error == 0 && (now.handle != chain->handle || now.policy != chain->policy))
			found |= TABLE_WATCH_RULES | TABLE_WATCH_REPLACED | TABLE_WATCH_LEARNED;
	}
	return found;
}

int table_watch_rules_look(struct table_watch *watch)
{
	uint64_t rules;
	int error = watch_ask_rules(watch, false, &rules);

	return error == -ENOENT || (error == 0 && rules != watch->rules) ? TABLE_WATCH_RULES : error;
}
