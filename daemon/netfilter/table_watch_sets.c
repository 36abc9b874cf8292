/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets, by one element each: the sentinel of a learned set, the first one of a static set. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/table_query.h"
#include "netfilter/table_watch_private.h"

#define WATCH_SENTINEL_PROTO 255 /* IANA: reserved. No packet has it, and none goes to the address 0 */

/* ---- the question ---- */

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

/* 0, or -ENOENT: the element, the set or the table is missing. */
static int watch_ask_set(struct table_watch *watch, const struct watch_set *set)
{
	struct table_query query;
	struct nlattr *nests[2];

	table_query_begin(&query, watch->table->queries, NFT_MSG_GETSETELEM, false);
	if (set->target)
		table_query_family(&query, set->target->nfproto);
	watch_put_key(query.message, watch, set, nests);
	watch_end_key(query.message, nests);
	return table_query_run(&query, NULL, NULL);
}

/* ---- the elements, from the policy's ruleset ---- */

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

int table_watch_sets_model(struct table_watch *watch, const struct ruleset *ruleset)
{
	size_t sets = 0;

	for (const struct ruleset_set *set = ruleset->sets; set; set = set->next)
		sets++;
	watch->sets = calloc(sets + 5, sizeof(*watch->sets));
	if (!watch->sets)
		return -ENOMEM;
	for (const struct ruleset_set *set = ruleset->sets; set; set = set->next)
		watch_take_set(&watch->sets[watch->set_count++], set);
	watch_take_targets(watch, ruleset);
	return 0;
}

/* ---- what there is, and the look ---- */

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

int table_watch_sets_take(struct table_watch *watch)
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

int table_watch_sets_look(struct table_watch *watch)
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
