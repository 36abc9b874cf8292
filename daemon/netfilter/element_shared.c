/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/element_shared.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "netfilter/element.h"
#include "netfilter/nfattr.h"
#include "netfilter/table_private.h"
#include "netfilter/table_query.h"

/* One address of the batch. */
struct shared_place {
	struct table *table;
	const struct element_change *changes;
	size_t first; /* index of the first change with it */
	const struct element_change *put; /* the first that is no deletion */
	uint64_t life_ms; /* the longest of those that stay */
	bool stays; /* the store has one that this batch does not delete */
};

/* What another put there. */
struct shared_theirs {
	bool there;
	uint64_t left_ms; /* UINT64_MAX: for ever */
};

static unsigned int shared_sum(const struct ipaddr *address)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < ipaddr_length(address->family); i++)
		sum = sum * 31 + address->bytes[i];
	return (sum ^ sum >> 10) % ELEMENT_SHARED_CHAINS;
}

static bool shared_same(const struct element_change *a, const struct element_change *b)
{
	return ipaddr_equal(&a->key.address, &b->key.address);
}

/* The next change behind `index` with its address; SIZE_MAX after the last one. */
static size_t shared_next(const struct table *table, const struct element_change *changes, size_t index)
{
	for (size_t i = table->shared.next[index]; i; i = table->shared.next[i - 1])
		if (shared_same(&changes[i - 1], &changes[index]))
			return i - 1;
	return SIZE_MAX;
}

static size_t shared_first(const struct table *table, const struct element_change *changes, size_t index)
{
	size_t i = table->shared.heads[shared_sum(&changes[index].key.address)];

	while (!shared_same(&changes[i - 1], &changes[index]))
		i = table->shared.next[i - 1];
	return i - 1;
}

/* From the last to the first: so chains are in the changes' order. */
static void shared_chain(struct element_shared *shared, const struct element_change *changes, size_t count)
{
	memset(shared->heads, 0, sizeof(shared->heads));
	for (size_t i = count; i-- > 0;) {
		uint16_t *head = &shared->heads[shared_sum(&changes[i].key.address)];

		shared->next[i] = *head;
		*head = (uint16_t)(i + 1);
	}
}

/* ---- what the kernel has ---- */

static bool shared_ours(const struct nlattr *userdata)
{
	const uint8_t *bytes;
	const char *comment;
	size_t length;

	return nfattr_bytes(userdata, &bytes, &length) && nfattr_comment(bytes, length, &comment) &&
	       strncmp(comment, TABLE_TARGET_COMMENT, strlen(TABLE_TARGET_COMMENT)) == 0;
}

static int shared_visit(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_SET_ELEM_MAX + 1], *lists[NFTA_SET_ELEM_LIST_MAX + 1], *element;
	struct shared_theirs *theirs = context;

	nfattr_parse(message, lists, NFTA_SET_ELEM_LIST_MAX + 1);
	element = nfattr_first_in(lists[NFTA_SET_ELEM_LIST_ELEMENTS]);
	if (!element)
		return 0;
	nfattr_parse_nest(element, attributes, NFTA_SET_ELEM_MAX + 1);
	theirs->there = !shared_ours(attributes[NFTA_SET_ELEM_USERDATA]);
	if (!nfattr_u64(attributes[NFTA_SET_ELEM_EXPIRATION], &theirs->left_ms))
		theirs->left_ms = UINT64_MAX;
	return 0;
}

/* A set that is missing is told by the batch. */
static struct shared_theirs shared_theirs(struct table *table, const struct element_key *key)
{
	const struct table_target *target = table_learned(table, key);
	struct shared_theirs theirs = { .there = false };
	struct nlattr *list, *element, *value;
	struct table_query query;

	table_query_begin(&query, table->queries, NFT_MSG_GETSETELEM, false);
	table_query_family(&query, target->nfproto);
	mnl_attr_put_strz(query.message, NFTA_SET_ELEM_LIST_TABLE, target->table);
	mnl_attr_put_strz(query.message, NFTA_SET_ELEM_LIST_SET, target->set);
	list = mnl_attr_nest_start(query.message, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(query.message, NFTA_LIST_ELEM);
	value = mnl_attr_nest_start(query.message, NFTA_SET_ELEM_KEY);
	mnl_attr_put(query.message, NFTA_DATA_VALUE, ipaddr_length(key->address.family), key->address.bytes);
	mnl_attr_nest_end(query.message, value);
	mnl_attr_nest_end(query.message, element);
	mnl_attr_nest_end(query.message, list);
	if (table_query_run(&query, shared_visit, &theirs) < 0)
		theirs.there = false;
	return theirs;
}

/* ---- decisions ---- */

static bool shared_in_batch(const struct shared_place *place, const struct element_key *key)
{
	for (size_t i = place->first; i != SIZE_MAX; i = shared_next(place->table, place->changes, i)) {
		const struct element_key *other = &place->changes[i].key;

		if (other->group == key->group && other->l4proto == key->l4proto && other->port == key->port)
			return true;
	}
	return false;
}

static void shared_visit_sibling(void *context, const struct element_key *key, int64_t left_ms)
{
	struct shared_place *place = context;

	if (shared_in_batch(place, key))
		return;
	place->stays = true;
	if (left_ms > 0 && (uint64_t)left_ms > place->life_ms)
		place->life_ms = (uint64_t)left_ms;
}

static void shared_read_changes(struct shared_place *place)
{
	for (size_t i = place->first; i != SIZE_MAX; i = shared_next(place->table, place->changes, i)) {
		const struct element_change *change = &place->changes[i];

		if (change->operation == ELEMENT_DELETE)
			continue;
		if (!place->put)
			place->put = change;
		if (change->timeout_ms > place->life_ms)
			place->life_ms = change->timeout_ms;
	}
}

/* A deletion while another stays leaves the kernel's timeout: nfqdnd deletes the last one in time. */
static void shared_decide_place(struct shared_place *place)
{
	struct table *table = place->table;
	const struct element_change *speaker;
	struct shared_theirs theirs;

	shared_read_changes(place);
	speaker = place->put ? place->put : &place->changes[place->first];
	if (table->siblings)
		table->siblings(table->siblings_context, &speaker->key.address, shared_visit_sibling, place);
	if (!place->put && place->stays)
		return;
	theirs = shared_theirs(table, &speaker->key);
	if (theirs.there && (!place->put || theirs.left_ms >= place->life_ms))
		return;
	table->shared.speaks[speaker - place->changes] = true;
	table->shared.life_ms[speaker - place->changes] = place->life_ms;
}

void element_shared_decide(struct table *table, const struct element_change *changes, size_t count)
{
	shared_chain(&table->shared, changes, count);
	memset(table->shared.speaks, 0, sizeof(table->shared.speaks));
	for (size_t i = 0; i < count; i++) {
		struct shared_place place = { .table = table, .changes = changes, .first = i };
		const struct table_target *target = table_learned(table, &changes[i].key);

		if (target->bare && target->set[0] && shared_first(table, changes, i) == i)
			shared_decide_place(&place);
	}
}

void element_shared_refuse(const struct table *table, struct element_change *changes, size_t index, int error)
{
	for (size_t i = shared_first(table, changes, index); i != SIZE_MAX; i = shared_next(table, changes, i))
		changes[i].error = error;
}
