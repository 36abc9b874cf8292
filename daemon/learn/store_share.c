/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/store_share.h"

#include <string.h>

#include "base/counters.h"
#include "learn/store_heap.h"
#include "learn/store_parts.h"

/* Lanes looked at for a free one, and nodes of a heap looked at for one that this drain does not need. */
#define PROBES 8
#define NODES 127
/* The store begins to be full when but one part in SPARE_PART is free: until it is full, each element that comes puts so many
 * listed ones into the heaps, which are all. */
#define SPARE_PART 8

/* ---- the heap of a lane ---- */

static struct store_node *node_at(const struct store *store, enum store_share kind, uint32_t index)
{
	return &store_element_at(store, index)->nodes[kind];
}

static bool ends_before(const struct store *store, uint32_t a, uint32_t b)
{
	return store_element_at(store, a)->deadline < store_element_at(store, b)->deadline;
}

static uint32_t right_of(const struct store *store, enum store_share kind, const struct store_node *node)
{
	const struct store_node *left = node->left ? node_at(store, kind, node->left) : NULL;

	return left && !left->up ? left->next : 0;
}

static uint32_t parent_of(const struct store *store, enum store_share kind, const struct store_node *node)
{
	return node->up ? node->next : node_at(store, kind, node->next)->next;
}

static void set_parent(struct store *store, enum store_share kind, uint32_t index, uint32_t parent)
{
	struct store_node *node = node_at(store, kind, index);

	node->next = parent & INT32_MAX;
	node->up = true;
}

/* The children of `index`; either may be 0. */
static void set_children(struct store *store, enum store_share kind, uint32_t index, uint32_t left, uint32_t right)
{
	struct store_node *node = node_at(store, kind, index);

	node->left = left ? left : right;
	if (node->left)
		set_parent(store, kind, node->left, index);
	if (!left || !right)
		return;
	set_parent(store, kind, right, index);
	node_at(store, kind, left)->next = right & INT32_MAX;
	node_at(store, kind, left)->up = false;
}

/* Joins two heaps, whatever the parents of their roots; that of the new root is to be set. On the way down each node's right child goes to the left; then,
 * from below, what was joined becomes it. */
static uint32_t merge(struct store *store, enum store_share kind, uint32_t a, uint32_t b)
{
	uint32_t above = 0, joined;

	while (a && b) {
		uint32_t first = ends_before(store, b, a) ? b : a, other = first == a ? b : a;
		struct store_node *node = node_at(store, kind, first);

		a = right_of(store, kind, node);
		b = other;
		set_parent(store, kind, first, above); /* for the way back */
		above = first;
	}
	joined = a ? a : b;
	while (above) {
		struct store_node *node = node_at(store, kind, above);
		uint32_t next = node->next, right = node->left;

		node->left = joined;
		*node_at(store, kind, joined) = (struct store_node) { .left = node_at(store, kind, joined)->left,
								      .next = (right ? right : above) & INT32_MAX,
								      .up = !right };
		if (right)
			set_parent(store, kind, right, above);
		joined = above;
		above = next;
	}
	return joined;
}

static uint16_t lane_number(const struct store_element *element, enum store_share kind)
{
	return kind == STORE_CLIENT ? element->client_lane : element->pattern_lane;
}

static struct store_lane *lane_of(struct store *store, enum store_share kind, uint32_t index)
{
	return &store->lanes[kind][lane_number(store_element_at(store, index), kind)];
}

/* ---- the list of a lane ---- */

static void list(struct store *store, enum store_share kind, struct store_lane *lane, uint32_t index)
{
	*node_at(store, kind, index) = (struct store_node) { .listed = true, .next = lane->listed & INT32_MAX };
	if (lane->listed)
		node_at(store, kind, lane->listed)->left = index & INT32_MAX;
	lane->listed = index;
	store->listed[kind]++;
}

static void unlist(struct store *store, enum store_share kind, struct store_lane *lane, uint32_t index)
{
	const struct store_node *node = node_at(store, kind, index);

	if (node->left)
		node_at(store, kind, node->left)->next = node->next;
	else
		lane->listed = node->next;
	if (node->next)
		node_at(store, kind, node->next)->left = node->left;
	store->listed[kind]--;
}

static void settle(struct store *store, enum store_share kind, struct store_lane *lane)
{
	uint32_t index = lane->listed;

	unlist(store, kind, lane, index);
	*node_at(store, kind, index) = (struct store_node) { 0 };
	lane->root = merge(store, kind, lane->root, index);
	set_parent(store, kind, lane->root, 0);
}

/* So that a full store finds heaps. */
static void settle_some(struct store *store, enum store_share kind)
{
	for (unsigned int i = 0; i < SPARE_PART && store->listed[kind]; i++) {
		while (!store->lanes[kind][store->settling[kind]].listed)
			store->settling[kind] = (store->settling[kind] + 1) % LIMIT_SHARE_LANES;
		settle(store, kind, &store->lanes[kind][store->settling[kind]]);
	}
}

void store_share_insert(struct store *store, uint32_t index)
{
	bool filling = store_count(store) >= store->limit - store->limit / SPARE_PART;

	for (enum store_share kind = 0; kind < STORE_SHARES; kind++) {
		struct store_lane *lane = lane_of(store, kind, index);

		if (lane != &store->lanes[kind][0])
			list(store, kind, lane, index);
		if (filling)
			settle_some(store, kind);
	}
}

static void take_out(struct store *store, enum store_share kind, uint32_t index)
{
	const struct store_node *node = node_at(store, kind, index), *parent;
	uint32_t above = parent_of(store, kind, node), left = 0, right = 0, rest;

	if (above) {
		parent = node_at(store, kind, above);
		left = parent->left;
		right = right_of(store, kind, parent);
	}
	rest = merge(store, kind, node->left, right_of(store, kind, node));
	if (above)
		set_children(store, kind, above, left == index ? rest : left, right == index ? rest : right);
	else
		lane_of(store, kind, index)->root = rest;
	if (!above && rest)
		set_parent(store, kind, rest, 0);
}

void store_share_remove(struct store *store, uint32_t index)
{
	for (enum store_share kind = 0; kind < STORE_SHARES; kind++) {
		if (!lane_number(store_element_at(store, index), kind))
			continue;
		if (node_at(store, kind, index)->listed)
			unlist(store, kind, lane_of(store, kind, index), index);
		else
			take_out(store, kind, index);
	}
}

/* ---- who holds what ---- */

/* The lane of a tag: its own, else one that nobody uses, else the first one's. */
static uint16_t claim(struct store *store, enum store_share kind, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	uint16_t empty = 0, lane;

	for (unsigned int i = 0; i < PROBES; i++) {
		lane = (uint16_t)(1 + (hash + i) % (LIMIT_SHARE_LANES - 1));
		if (store->lanes[kind][lane].count && store->lanes[kind][lane].tag == tag)
			return lane;
		if (!store->lanes[kind][lane].count && !empty)
			empty = lane;
	}
	if (!empty)
		return (uint16_t)(1 + hash % (LIMIT_SHARE_LANES - 1));
	store->lanes[kind][empty].tag = tag;
	return empty;
}

static uint64_t client_tag(struct store *store, const struct ipaddr *client)
{
	uint8_t octets[17] = { client->family };

	if (ipaddr_equal(&store->client, client))
		return store->client_tag;
	memcpy(octets + 1, client->bytes, 16);
	store->client = *client;
	store->client_tag = hash_bytes(&store->key, octets, sizeof(octets));
	return store->client_tag;
}

void store_for_client(struct store *store, const struct ipaddr *client)
{
	store->wanted_by[STORE_CLIENT] = store->wanted_by[STORE_PATTERN] = 0;
	store->exact = false;
	store->pattern = NULL;
	if (!client)
		return;
	store->wanted_by[STORE_CLIENT] = claim(store, STORE_CLIENT, client_tag(store, client));
}

void store_for_pattern(struct store *store, const char *pattern)
{
	if (store->pattern == pattern)
		return;
	store->pattern = pattern;
	store->exact = !strchr(pattern, '*');
	if (!store->exact)
		store->wanted_by[STORE_PATTERN] =
			claim(store, STORE_PATTERN, hash_bytes(&store->key, pattern, strlen(pattern)));
}

/* Which lanes count it. */
static void count_in(struct store *store, uint32_t index, uint16_t client, uint16_t pattern)
{
	struct store_element *element = store_element_at(store, index);

	element->client_lane = client % LIMIT_SHARE_LANES;
	element->pattern_lane = pattern % LIMIT_SHARE_LANES;
	for (enum store_share kind = 0; kind < STORE_SHARES; kind++)
		lane_of(store, kind, index)->count++;
}

void store_share_enter(struct store *store, uint32_t index)
{
	store_element_at(store, index)->exact = store->exact;
	count_in(store, index, store->exact ? 0 : store->wanted_by[STORE_CLIENT],
		 store->exact ? 0 : store->wanted_by[STORE_PATTERN]);
}

void store_share_leave(struct store *store, uint32_t index)
{
	for (enum store_share kind = 0; kind < STORE_SHARES; kind++)
		lane_of(store, kind, index)->count--;
}

static void move(struct store *store, uint32_t index, bool exact, uint16_t client, uint16_t pattern)
{
	struct store_element *element = store_element_at(store, index);
	bool heaped = store_heaped(element) != 0;

	if (heaped)
		store_heap_remove(store, index);
	store_share_leave(store, index);
	element->exact = exact;
	count_in(store, index, client, pattern);
	if (heaped)
		store_heap_insert(store, index);
}

void store_share_want(struct store *store, uint32_t index)
{
	const struct store_element *element = store_element_at(store, index);
	uint16_t client = element->client_lane, pattern = element->pattern_lane;

	if (element->exact)
		return;
	if (store->exact) {
		move(store, index, true, 0, 0);
		return;
	}
	if (client && store->wanted_by[STORE_CLIENT] && client != store->wanted_by[STORE_CLIENT])
		client = 0;
	if (!pattern)
		pattern = store->wanted_by[STORE_PATTERN];
	if (client != element->client_lane || pattern != element->pattern_lane)
		move(store, index, false, client, pattern);
}

/* ---- who gives ---- */

static bool over_share(const struct store *store, enum store_share kind, uint16_t lane)
{
	size_t part = kind == STORE_CLIENT ? LIMIT_CLIENT_PART : LIMIT_PATTERN_PART;

	return lane && store->lanes[kind][lane].count > store->limit / part;
}

static uint16_t heaviest(const struct store *store, enum store_share kind)
{
	uint16_t found = 1;

	for (uint16_t i = 2; i < LIMIT_SHARE_LANES; i++)
		if (store->lanes[kind][i].count > store->lanes[kind][found].count)
			found = i;
	return found;
}

static bool better(const struct store *store, uint32_t index, uint32_t than)
{
	bool heavy = over_share(store, STORE_CLIENT, store_element_at(store, index)->client_lane);

	if (!than)
		return true;
	if (heavy != over_share(store, STORE_CLIENT, store_element_at(store, than)->client_lane))
		return heavy;
	return ends_before(store, index, than);
}

/* Of a lane over its share: what ends first, but what a client over its share holds before that; 0 when the lane holds
 * no more than its share. The top of the heap is looked at. */
static uint32_t of_lane(struct store *store, enum store_share kind, uint16_t lane)
{
	uint32_t nodes[NODES], found = 0;
	unsigned int count = 0;

	if (!over_share(store, kind, lane))
		return 0;
	while (store->lanes[kind][lane].listed)
		settle(store, kind, &store->lanes[kind][lane]);
	if (store->lanes[kind][lane].root)
		nodes[count++] = store->lanes[kind][lane].root;
	for (unsigned int i = 0; i < count; i++) {
		const struct store_node *node = node_at(store, kind, nodes[i]);
		uint32_t right = right_of(store, kind, node);

		if (store_element_at(store, nodes[i])->seen != store->drain && better(store, nodes[i], found))
			found = nodes[i];
		if (found && kind == STORE_CLIENT && i == 0)
			break; /* nothing in this heap ends before its root */
		if (node->left && count < NODES)
			nodes[count++] = node->left;
		if (right && count < NODES)
			nodes[count++] = right;
	}
	return found;
}

/* Who holds more than a share gives of its own or gets nothing; true: so it is, and `*found` may be 0. */
static bool gives_itself(struct store *store, uint32_t *found)
{
	for (enum store_share kind = 0; kind < STORE_SHARES && !store->exact; kind++)
		if (over_share(store, kind, store->wanted_by[kind])) {
			*found = of_lane(store, kind, store->wanted_by[kind]);
			return true;
		}
	return false;
}

static uint32_t of_others(struct store *store)
{
	uint32_t found = 0;

	for (enum store_share kind = 0; kind < STORE_SHARES && !found; kind++)
		found = of_lane(store, kind, heaviest(store, kind));
	return found;
}

uint32_t store_share_victim(struct store *store, struct monotime now)
{
	uint32_t found = store_heap_first(store);

	if (found && store_element_at(store, found)->deadline <= now.msec &&
	    store_element_at(store, found)->seen != store->drain)
		return found;
	if (!gives_itself(store, &found))
		found = of_others(store);
	else if (!found)
		return 0;
	if (found)
		counters.elements_over_share++;
	else
		found = store_heap_first_unseen(store, false);
	return found || !store->exact ? found : store_heap_first_unseen(store, true);
}
