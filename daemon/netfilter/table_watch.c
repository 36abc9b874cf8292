/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Theory of operation:
 *
 * Each change of the ruleset, of any table, raises its generation by one. Ours are counted (batch_raised()); when it
 * rose by more, or one of ours may have changed nothing, the table is looked at. Each question but the dump of the
 * rules is answered at one moment, and so is true even while others write all the time:
 *
 *	table	handle and flags: deleted and made anew, or made dormant
 *	chains	handle, policy, and number of users, which are its rules and the jumps to it
 *	sets	one element: the sentinel of a learned set, the first one of a static set
 *	rules	their handles in their order. Nothing else tells of a rule that was replaced
 *
 * Handles are never used twice in a table's life. */
#include "netfilter/table_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "netfilter/nfattr.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/table_private.h"
#include "netfilter/table_query.h"

#define WATCH_ATTEMPTS 10
#define WATCH_KEY_SIZE (RULESET_FIELDS * 16)
#define WATCH_NAME_SIZE (LIMIT_OBJECT_NAME + 32)
#define WATCH_SENTINEL_PROTO 255 /* IANA: reserved. No packet has it, and none goes to the address 0 */

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

struct table_watch *table_watch_new(struct table *table)
{
	struct table_watch *watch = calloc(1, sizeof(*watch));

	if (watch)
		watch->table = table;
	return watch;
}

static void watch_forget(struct table_watch *watch)
{
	free(watch->chains);
	free(watch->sets);
	watch->chains = NULL;
	watch->sets = NULL;
	watch->chain_count = watch->set_count = 0;
	watch->known = false;
}

void table_watch_free(struct table_watch *watch)
{
	if (!watch)
		return;
	watch_forget(watch);
	free(watch);
}

/* ---- questions ---- */

static int watch_visit_generation(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_GEN_MAX + 1];

	nfattr_parse(message, attributes, NFTA_GEN_MAX + 1);
	return nfattr_u32(attributes[NFTA_GEN_ID], context) ? 0 : -EPROTO;
}

static int watch_ask_generation(struct table_watch *watch, uint32_t *out)
{
	struct table_query query;

	table_query_begin(&query, watch->table->queries, NFT_MSG_GETGEN, false);
	return table_query_run(&query, watch_visit_generation, out);
}

struct watch_table {
	uint64_t handle;
	uint32_t flags;
};

static int watch_visit_table(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_TABLE_MAX + 1];
	struct watch_table *out = context;

	nfattr_parse(message, attributes, NFTA_TABLE_MAX + 1);
	nfattr_u64(attributes[NFTA_TABLE_HANDLE], &out->handle);
	nfattr_u32(attributes[NFTA_TABLE_FLAGS], &out->flags);
	return 0;
}

static int watch_ask_table(struct table_watch *watch, struct watch_table *out)
{
	struct table_query query;

	*out = (struct watch_table) { 0 };
	table_query_begin(&query, watch->table->queries, NFT_MSG_GETTABLE, false);
	mnl_attr_put_strz(query.message, NFTA_TABLE_NAME, watch->table->name);
	return table_query_run(&query, watch_visit_table, out);
}

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

/* The list of one element, left open for more attributes of it. */
static void watch_put_key(struct nlmsghdr *message, const struct table_watch *watch, const struct watch_set *set,
			  struct nlattr *nests[2])
{
	struct nlattr *key;

	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, set->target ? set->target->table : watch->table->name);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set->name);
	nests[0] = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	nests[1] = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
	mnl_attr_put(message, NFTA_DATA_VALUE, set->key_length, set->key);
	mnl_attr_nest_end(message, key);
}

static void watch_end_key(struct nlmsghdr *message, struct nlattr *nests[2])
{
	mnl_attr_nest_end(message, nests[1]);
	mnl_attr_nest_end(message, nests[0]);
}

static int watch_visit_nothing(void *context, const struct nlmsghdr *message)
{
	(void)context;
	(void)message;
	return 0;
}

/* 0, or -ENOENT: the element, the set or the table is missing. */
static int watch_ask_set(struct table_watch *watch, const struct watch_set *set)
{
	struct table_query query;
	struct nlattr *nests[2];
	struct nfgenmsg *generic;

	table_query_begin(&query, watch->table->queries, NFT_MSG_GETSETELEM, false);
	generic = mnl_nlmsg_get_payload(query.message);
	if (set->target)
		generic->nfgen_family = set->target->nfproto;
	watch_put_key(query.message, watch, set, nests);
	watch_end_key(query.message, nests);
	return table_query_run(&query, watch_visit_nothing, NULL);
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

/* ---- flowtables ---- */

struct watch_flowtables {
	size_t count;
	char first[256]; /* "TABLE NAME", escaped */
};

static int watch_visit_flowtable(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_FLOWTABLE_MAX + 1];
	struct watch_flowtables *flowtables = context;
	const char *table, *name;
	char text[2][100];

	nfattr_parse(message, attributes, NFTA_FLOWTABLE_MAX + 1);
	if (!nfattr_string(attributes[NFTA_FLOWTABLE_TABLE], &table) ||
	    !nfattr_string(attributes[NFTA_FLOWTABLE_NAME], &name) || flowtables->count++)
		return 0;
	escape_text(text[0], sizeof(text[0]), table, strlen(table));
	escape_text(text[1], sizeof(text[1]), name, strlen(name));
	snprintf(flowtables->first, sizeof(flowtables->first), "%s %s", text[0], text[1]);
	return 0;
}

/* What cannot be read (no flowtables before Linux 4.16) leaves the old warning. */
static void watch_flowtables(struct table_watch *watch)
{
	struct watch_flowtables flowtables = { .count = 0 };
	struct nfgenmsg *generic;
	struct table_query query;

	table_query_begin(&query, watch->table->queries, NFT_MSG_GETFLOWTABLE, true);
	generic = mnl_nlmsg_get_payload(query.message);
	generic->nfgen_family = NFPROTO_UNSPEC;
	if (table_query_run(&query, watch_visit_flowtable, &flowtables) < 0)
		return;
	if (flowtables.count == 0)
		watch->warning[0] = '\0';
	else
		snprintf(watch->warning, sizeof(watch->warning),
			 "flowtable %s%s: packets of the flows put there pass by nfqdn, DNS answers among them, which "
			 "then teach nothing. Keep port 53 out: \"th dport != 53 th sport != 53 flow add ...\" "
			 "(nft/README.md)",
			 flowtables.first, flowtables.count > 1 ? " and others" : "");
}

/* ---- what there is, from the policy's ruleset ---- */

static void watch_learned_key(struct watch_set *out, enum ipaddr_family family)
{
	size_t length = ipaddr_length(family);

	memset(out->key, 0, sizeof(out->key));
	out->key[length] = WATCH_SENTINEL_PROTO;
	out->key_length = length + 8;
}

/* The first key of a static set, each field padded to four octets. */
static void watch_static_key(struct watch_set *out, const struct ruleset_set *set)
{
	const struct ruleset_key_type *type = &ruleset_key_types[set->key];
	struct ruleset_field fields[RULESET_FIELDS];

	memset(out->key, 0, sizeof(out->key));
	out->key_length = 0;
	if (set->count == 0)
		return;
	ruleset_element(set, 0, fields);
	for (size_t i = 0; i < type->count; i++) {
		size_t length = ruleset_field_types[type->fields[i]].length;

		memcpy(out->key + out->key_length, fields[i].first, length);
		out->key_length += (length + 3) & ~(size_t)3;
	}
}

static void watch_take_set(struct watch_set *out, const struct ruleset_set *set)
{
	snprintf(out->name, sizeof(out->name), "%s", set->name);
	out->learned = set->learned;
	if (set->learned)
		watch_learned_key(out, set->family);
	else
		watch_static_key(out, set);
}

/* The administrator's sets: the sentinel is the address 0, and the first range of the others. */
static void watch_take_targets(struct table_watch *watch, const struct ruleset *ruleset)
{
	for (int v = 0; v < 2; v++) {
		const struct table_target *names = &watch->table->learned[0][v], *ranges = &watch->table->ranges[v];
		struct watch_set *out = &watch->sets[watch->set_count];

		if (names->bare && names->set[0]) {
			*out = (struct watch_set) { .learned = true, .target = names, .key_length = v ? 16 : 4 };
			snprintf(out->name, sizeof(out->name), "%s", names->set);
			watch->set_count++;
			out++;
		}
		if (!ranges->set[0])
			continue;
		*out = (struct watch_set) { .target = ranges };
		snprintf(out->name, sizeof(out->name), "%s", ranges->set);
		watch_static_key(out, &ruleset->ranges[v]);
		watch->set_count++;
	}
}

static int watch_take_model(struct table_watch *watch, const struct ruleset *ruleset)
{
	size_t chains = 0, sets = 0;

	for (const struct ruleset_chain *chain = ruleset->chains; chain; chain = chain->next)
		chains++;
	for (const struct ruleset_set *set = ruleset->sets; set; set = set->next)
		sets++;
	watch->chains = calloc(chains + 1, sizeof(*watch->chains));
	watch->sets = calloc(sets + 5, sizeof(*watch->sets));
	if (!watch->chains || !watch->sets)
		return -ENOMEM;
	for (const struct ruleset_chain *chain = ruleset->chains; chain; chain = chain->next)
		snprintf(watch->chains[watch->chain_count++].name, WATCH_NAME_SIZE, "%s", chain->name);
	for (const struct ruleset_set *set = ruleset->sets; set; set = set->next)
		watch_take_set(&watch->sets[watch->set_count++], set);
	watch_take_targets(watch, ruleset);
	return 0;
}

/* What the kernel has of the chains; -EAGAIN when others took rules away already. */
static int watch_take_chains(struct table_watch *watch, const struct ruleset *ruleset)
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

static void watch_put_sentinel(struct table_watch *watch, const struct watch_set *set)
{
	struct nlmsghdr *message;
	struct nlattr *nests[2];

	batch_family(watch->table->batch, set->target ? set->target->nfproto : NFPROTO_INET);
	message = batch_open(watch->table->batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	if (!message)
		return;
	watch_put_key(message, watch, set, nests);
	if (set->target && set->learned) /* the set may have a default */
		mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, 0);
	watch_end_key(message, nests);
	batch_close(watch->table->batch);
}

/* 1 when sentinels had to be put. A static set whose first element the kernel does not find is left unwatched: better
 * that than false alarms. */
static int watch_take_sets(struct table_watch *watch)
{
	struct batch *batch = watch->table->batch;
	bool lacking = false;
	int error;

	batch_begin(batch);
	for (size_t i = 0; i < watch->set_count; i++) {
		struct watch_set *set = &watch->sets[i];

		error = set->key_length ? watch_ask_set(watch, set) : 0;
		if (error < 0 && error != -ENOENT)
			return error;
		if (error == 0)
			continue;
		if (set->learned)
			watch_put_sentinel(watch, set);
		else
			set->key_length = 0;
		lacking |= set->learned;
	}
	error = lacking ? batch_commit(batch, NULL) : 0;
	return error < 0 ? error : lacking;
}

static int watch_take(struct table_watch *watch)
{
	const struct ruleset *ruleset = watch->table->held;
	int error = ruleset ? watch_take_model(watch, ruleset) : -ENOENT;
	struct watch_table table = { 0 };

	if (error == 0)
		error = watch_ask_table(watch, &table);
	if (error < 0)
		return error;
	watch->handle = table.handle;
	watch->flags = table.flags;
	error = watch_take_chains(watch, ruleset);
	return error < 0 ? error : watch_take_sets(watch);
}

int table_watch_begin(struct table_watch *watch)
{
	uint32_t ours, generation = 0;
	int error;

	watch_forget(watch);
	watch->pending = true;
	/* First: what others change from here on moves it once more. */
	(void)batch_raised(watch->table->batch, &ours);
	error = watch_ask_generation(watch, &generation);
	if (error == 0)
		error = watch_take(watch);
	watch->missing = error == -ENOENT || error == -EAGAIN;
	watch_flowtables(watch);
	if (error < 0)
		return error;
	watch->generation = generation;
	watch->table->suspect = false;
	watch->pending = false;
	watch->known = true;
	return error;
}

/* ---- the look ---- */

static int watch_look_table(struct table_watch *watch)
{
	struct watch_table table;
	int error = watch_ask_table(watch, &table);

	if (error < 0)
		return error == -ENOENT ? TABLE_WATCH_RULES | TABLE_WATCH_LEARNED : error;
	if (table.handle != watch->handle || ((table.flags ^ watch->flags) & ~(uint32_t)NFT_TABLE_F_OWNER))
		return TABLE_WATCH_REPLACED | TABLE_WATCH_RULES | TABLE_WATCH_LEARNED;
	/* Our socket died and another one is in its place: table_apply() takes the table again. */
	return table.flags != watch->flags ? TABLE_WATCH_RULES : 0;
}

static int watch_look_chains(struct table_watch *watch)
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

static int watch_look_sets(struct table_watch *watch)
{
	int found = 0;

	for (size_t i = 0; i < watch->set_count; i++) {
		int error = watch->sets[i].key_length ? watch_ask_set(watch, &watch->sets[i]) : 0;

		if (error < 0 && error != -ENOENT)
			return error;
		if (error < 0)
			found |= watch->sets[i].learned ? TABLE_WATCH_LEARNED : TABLE_WATCH_RULES;
	}
	return found;
}

/* Found, or -errno when nothing was found but not all could be seen. */
static int watch_compare(struct table_watch *watch)
{
	int (*const looks[])(struct table_watch *) = { watch_look_table, watch_look_chains, watch_look_sets };
	int found = 0, error = 0;
	uint64_t rules;

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		int one = looks[i](watch);

		if (one < 0)
			error = one;
		else
			found |= one;
	}
	if (!found && !error) {
		error = watch_ask_rules(watch, false, &rules);
		if (error == -ENOENT || (error == 0 && rules != watch->rules))
			found = TABLE_WATCH_RULES;
	}
	return found ? found : error;
}

int table_watch_look(struct table_watch *watch)
{
	uint32_t generation = 0, ours;
	bool pending = watch->pending || watch->table->suspect;
	int found = watch_ask_generation(watch, &generation);

	if (found < 0)
		return found;
	pending |= !batch_raised(watch->table->batch, &ours) || generation - watch->generation != ours;
	watch->generation = generation;
	watch->table->suspect = false;
	if (!pending)
		return 0;
	watch_flowtables(watch);
	if (watch->known)
		found = watch_compare(watch);
	else
		found = watch->missing ? TABLE_WATCH_RULES | TABLE_WATCH_LEARNED : TABLE_WATCH_LEARNED;
	watch->pending = found != 0;
	if (found > 0 && (found & TABLE_WATCH_RULES))
		watch->table->trusted = false;
	return found;
}

bool table_watch_urgent(const struct table_watch *watch)
{
	return watch->table->suspect;
}

const char *table_watch_warning(const struct table_watch *watch)
{
	return watch->warning;
}
