/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "learn/lifetime.h"
#include "learn/store_heap.h"
#include "learn/store_name.h"
#include "learn/store_parts.h"
#include "learn/store_plan.h"
#include "learn/store_share.h"

/* What a drain may take without an allocation. It brings one name a packet, or a derived name and its origin; known
 * elements may gain a name, too. */
#define SPARE_LINKS ((size_t)2 * LIMIT_DRAIN_ELEMENTS)
#define SPARE_TEXTS ((size_t)2 * LIMIT_DRAIN_PACKETS)
#define SPARE_CELLS (SPARE_TEXTS * ((DNS_NAME_MAX - STORE_HEAD + STORE_CELL - 1) / STORE_CELL))

/* ---- making, growing, freeing ---- */

struct store *store_new(const struct hash_key *key, size_t limit)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->key = *key;
	store->limit = limit;
	store->scratch = calloc(LIMIT_ELEMENT_NAMES, sizeof(*store->scratch));
	pool_init(&store->elements, sizeof(struct store_element));
	pool_init(&store->links, sizeof(struct store_link));
	pool_init(&store->texts, sizeof(struct store_text));
	pool_init(&store->cells, sizeof(struct store_cell));
	store->past = past_new(key);
	if (store->scratch && store->past && store_reserve(store) == 0)
		return store;
	store_free(store);
	return NULL;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	pool_free(&store->elements);
	pool_free(&store->links);
	pool_free(&store->texts);
	pool_free(&store->cells);
	free(store->element_chains.heads);
	free(store->text_chains.heads);
	free(store->heaps[false]);
	free(store->heaps[true]);
	free(store->scratch);
	past_free(store->past);
	free(store);
}

void store_set_events(struct store *store, struct events *events)
{
	store->events = events;
}

size_t store_count(const struct store *store)
{
	return store->elements.taken - store->plan.dying;
}

size_t store_names(const struct store *store)
{
	return store->texts.taken;
}

static size_t pool_memory(const struct pool *pool)
{
	return (size_t)pool->room * pool->size;
}

size_t store_memory(const struct store *store)
{
	return sizeof(*store) + pool_memory(&store->elements) + pool_memory(&store->links) +
	       pool_memory(&store->texts) + pool_memory(&store->cells) + LIMIT_ELEMENT_NAMES * sizeof(*store->scratch) +
	       sizeof(uint32_t) * (2 * (size_t)store->elements.room + store->element_chains.mask + 1 +
				   store->text_chains.mask + 1);
}

int store_chains_grow(struct store_chains *chains, uint32_t room)
{
	size_t count = chains->heads ? (size_t)chains->mask + 1 : 1;
	uint32_t *heads;

	if (chains->heads && 2 * count >= room)
		return 0;
	while (2 * count < room)
		count *= 2;
	heads = calloc(count, sizeof(*heads));
	if (!heads)
		return -ENOMEM;
	free(chains->heads);
	chains->heads = heads;
	chains->mask = (uint32_t)(count - 1);
	return 1;
}

static uint32_t *chain_of(const struct store *store, uint32_t hash)
{
	return &store->element_chains.heads[hash & store->element_chains.mask];
}

static void chain_all_elements(struct store *store)
{
	memset(store->element_chains.heads, 0, sizeof(uint32_t) * ((size_t)store->element_chains.mask + 1));
	for (uint32_t i = 1; i < store->elements.top; i++) {
		struct store_element *element = store_element_at(store, i);

		if (element->state == STORE_FREE)
			continue;
		element->next = *chain_of(store, element->hash);
		*chain_of(store, element->hash) = i;
	}
}

/* The heap is made larger first: room in the pool that the heap has not would be fatal, the other way round it is idle.
 */
static int reserve_elements(struct store *store)
{
	size_t most = store->limit + LIMIT_BATCH_ELEMENTS;
	struct pool grown = store->elements;
	int rc = pool_reserve(&grown, LIMIT_DRAIN_ELEMENTS, most);

	if (rc < 0)
		return rc;
	store->elements.items = grown.items;
	for (int i = 0; i < 2 && grown.room > store->elements.room; i++) {
		uint32_t *heap = reallocarray(store->heaps[i], (size_t)grown.room + 1, sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		store->heaps[i] = heap;
	}
	rc = store_chains_grow(&store->element_chains, grown.room);
	if (rc < 0)
		return rc;
	store->elements = grown;
	if (rc > 0)
		chain_all_elements(store);
	return 0;
}

int store_reserve(struct store *store)
{
	int rc = reserve_elements(store);

	store->drain++;
	if (rc == 0)
		rc = store_name_reserve(store, SPARE_LINKS, SPARE_TEXTS, SPARE_CELLS);
	return rc;
}

/* ---- elements ---- */

static uint32_t hash_of(const struct store *store, const struct element_key *key)
{
	uint8_t octets[21];

	memcpy(octets, key->address.bytes, 16);
	octets[16] = key->address.family;
	if (store->by_address)
		return (uint32_t)hash_bytes(&store->key, octets, 17);
	octets[17] = key->group;
	octets[18] = key->l4proto;
	memcpy(octets + 19, &key->port, 2);
	return (uint32_t)hash_bytes(&store->key, octets, sizeof(octets));
}

static bool key_equal(const struct element_key *a, const struct element_key *b)
{
	return a->port == b->port && a->group == b->group && a->l4proto == b->l4proto &&
	       a->address.family == b->address.family && memcmp(a->address.bytes, b->address.bytes, 16) == 0;
}

uint32_t store_lookup(const struct store *store, const struct element_key *key, uint32_t *hash)
{
	*hash = hash_of(store, key);
	for (uint32_t i = *chain_of(store, *hash); i; i = store_element_at(store, i)->next)
		if (store_element_at(store, i)->hash == *hash && key_equal(&store_element_at(store, i)->key, key))
			return i;
	return 0;
}

static void chain_by_address(struct store *store)
{
	store->by_address = true;
	for (uint32_t i = 1; i < store->elements.top; i++) {
		struct store_element *element = store_element_at(store, i);

		if (element->state != STORE_FREE)
			element->hash = hash_of(store, &element->key);
	}
	chain_all_elements(store);
}

void store_visit_address(struct store *store, const struct ipaddr *address, struct monotime now,
			 table_visit_sibling *visit, void *context)
{
	uint32_t hash;

	if (!store->by_address)
		chain_by_address(store);
	hash = hash_of(store, &(struct element_key) { .address = *address });
	for (uint32_t i = *chain_of(store, hash); i; i = store_element_at(store, i)->next) {
		const struct store_element *element = store_element_at(store, i);

		if (element->hash == hash && ipaddr_equal(&element->key.address, address))
			visit(context, &element->key, element->deadline - now.msec + LIFETIME_BACKSTOP_MS);
	}
}

uint32_t store_enter(struct store *store, const struct element_key *key, uint32_t hash, int64_t deadline)
{
	uint32_t index = pool_take(&store->elements);
	struct store_element *element = store_element_at(store, index);

	element->key = *key;
	element->hash = hash;
	element->deadline = deadline;
	element->state = STORE_KNOWN;
	element->ttl = STORE_TTL_UNKNOWN;
	element->seen = store->drain;
	element->next = *chain_of(store, hash);
	*chain_of(store, hash) = index;
	store_share_enter(store, index);
	return index;
}

void store_remove(struct store *store, uint32_t index)
{
	struct store_element *element = store_element_at(store, index);
	uint32_t *at = chain_of(store, element->hash);

	while (*at != index)
		at = &store_element_at(store, *at)->next;
	*at = element->next;
	store_name_detach(store, index);
	store_share_leave(store, index);
	element->state = STORE_FREE;
	pool_give(&store->elements, index);
}

int store_adopt(struct store *store, const struct element_key *key, const struct dns_name *name,
		struct monotime deadline)
{
	uint32_t hash, index = store_lookup(store, key, &hash);

	if (index)
		return -EEXIST;
	if (store_count(store) >= store->limit)
		return -EDQUOT;
	if (store_reserve(store) < 0 && pool_spare(&store->elements) == 0)
		return -ENOMEM;
	index = store_enter(store, key, hash, deadline.msec);
	if (name)
		store_name_note(store, index, name, 0, deadline.msec, deadline);
	store_heap_insert(store, index);
	counters.elements_adopted++;
	return 0;
}

void store_regroup(struct store *store, const uint8_t map[256])
{
	for (uint32_t i = 1; i < store->elements.top; i++) {
		struct store_element *element = store_element_at(store, i);

		if (element->state == STORE_FREE || map[element->key.group] == element->key.group)
			continue;
		if (map[element->key.group] == STORE_NO_GROUP) {
			store_heap_remove(store, i);
			store_record(store, i, EVENTS_dropped, 0);
			store_bury(store, i);
			counters.elements_dropped++;
			continue;
		}
		/* Its chain is that of the old hash until all are chained anew: only then may the hash change. */
		element->key.group = map[element->key.group];
	}
	for (uint32_t i = 1; i < store->elements.top; i++)
		if (store_element_at(store, i)->state != STORE_FREE)
			store_element_at(store, i)->hash = hash_of(store, &store_element_at(store, i)->key);
	chain_all_elements(store);
	events_regroup(store->events, map);
}

bool store_next_deadline(const struct store *store, struct monotime *out)
{
	uint32_t first = store_heap_first(store);

	if (first)
		out->msec = store_element_at(store, first)->deadline;
	return first != 0;
}

/* ---- the plan, as element_commit() takes it ---- */

struct element_change *store_changes(struct store *store, size_t *count)
{
	*count = store->plan.count;
	return store->plan.changes;
}

uint64_t store_settle(struct store *store)
{
	return store_plan_settle(store);
}

/* ---- looking ---- */

static void view_of(const struct store *store, uint32_t index, struct store_view *out)
{
	const struct store_element *element = store_element_at(store, index);

	out->key = element->key;
	out->deadline.msec = element->deadline == STORE_DUE ? 0 : element->deadline;
	out->ttl = element->ttl == STORE_TTL_UNKNOWN ? 0 : element->ttl;
	out->changing = element->planned;
	out->name_count = store_name_list(store, index);
	out->names = store->scratch;
}

void store_visit(const struct store *store, bool (*visit)(void *context, const struct store_view *view), void *context)
{
	for (uint32_t i = 1; i < store->elements.top; i++) {
		struct store_view view;

		if (store_element_at(store, i)->state == STORE_FREE)
			continue;
		view_of(store, i, &view);
		if (!visit(context, &view))
			return;
	}
}

void store_visit_keys(const struct store *store, void (*visit)(void *context, const struct element_key *key),
		      void *context)
{
	for (uint32_t i = 1; i < store->elements.top; i++)
		if (store_element_at(store, i)->state != STORE_FREE)
			visit(context, &store_element_at(store, i)->key);
}

bool store_visit_some(const struct store *store, uint32_t *at, size_t count,
		      void (*visit)(void *context, const struct store_view *view), void *context)
{
	uint32_t i = *at ? *at : 1;

	/* Free places count too: their number is bounded, but not small. */
	for (; i < store->elements.top && count; i++, count--) {
		struct store_view view;

		if (store_element_at(store, i)->state == STORE_FREE)
			continue;
		view_of(store, i, &view);
		visit(context, &view);
	}
	*at = i;
	return i < store->elements.top;
}

int store_find(const struct store *store, const struct element_key *key, struct store_view *out)
{
	uint32_t hash, index = store_lookup(store, key, &hash);

	if (!index)
		return -ENOENT;
	view_of(store, index, out);
	return 0;
}

void store_record(struct store *store, uint32_t index, enum events_kind kind, uint32_t name)
{
	const struct store_element *element = store_element_at(store, index);
	struct dns_name read;

	if (store->events)
		events_element(store->events, kind, &element->key, element->deadline,
			       store_name_read(store, index, name, &read) ? &read : NULL);
}

void store_bury(struct store *store, uint32_t index)
{
	struct store_view view;

	view_of(store, index, &view);
	for (size_t i = 0; i < view.name_count; i++)
		past_add(store->past, &view.key, &view.names[i].name);
	store_remove(store, index);
}

void store_remember_past(struct store *store, const struct element_key *key, const struct store_name *name)
{
	past_add(store->past, key, &name->name);
}

int store_find_past(const struct store *store, const struct element_key *key, struct store_view *out)
{
	size_t count = past_find(store->past, key, store->scratch);

	if (count == 0)
		return -ENOENT;
	*out = (struct store_view) { .key = *key, .name_count = count, .names = store->scratch };
	return 0;
}

bool store_visit_past_some(const struct store *store, uint32_t *at, size_t count,
			   void (*visit)(void *context, const struct store_view *view), void *context)
{
	size_t places = past_places(store->past);

	for (; *at < places && count > 0; ++*at, count--) {
		struct store_view view = { .names = store->scratch };

		view.name_count = past_at(store->past, *at, &view.key, store->scratch);
		if (view.name_count)
			visit(context, &view);
	}
	return *at < places;
}

void store_visit_name(const struct store *store, const struct dns_name *name,
		      bool (*visit)(void *context, const struct store_view *view), void *context)
{
	uint32_t found = store_name_look(store, name);

	for (uint32_t i = found ? store_name_first(store, found) : 0; i; i = store_name_next(store, i)) {
		struct store_view view;

		view_of(store, store_name_element(store, i), &view);
		if (!visit(context, &view))
			return;
	}
}
