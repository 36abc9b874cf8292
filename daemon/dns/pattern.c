/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: Theory of operation
 * A trie over labels from the root of the DNS downwards, so that a lookup walks the name from its right end. A node
 * is a place where a name may end; below a node hang exact labels and labels with `*`. A label with `*`, "P*M*S", is
 * itself a path of parts: its literal prefix P, then its suffix S, then what must lie between in order. Every step,
 * label or part, is one entry of one hash table with the key (node, what the step is, octets); a node holds as bits
 * which lengths of parts hang below it. So one label costs a probe for each *length* that occurs at a node, never
 * for each pattern. Several nodes can be reached by one name ("a*" and "*b" for "ab"); a lookup carries them all,
 * LIMIT_PATTERN_VISITS at most. */
#include "dns/pattern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "dns/pattern_text.h"

/* Nodes that one `*` inside a label can add to the label's own. */
#define NODES_OF_STAR 2

enum step { STEP_LABEL, STEP_PREFIX, STEP_SUFFIX, STEP_MIDDLE };

struct node {
	const char *octets; /* of the step that leads here */
	uint64_t lengths; /* bit n: a part of n octets hangs below */
	uint32_t parent;
	uint32_t end; /* parts only: the node behind the whole label, or 0 */
	uint32_t exact, exact_count; /* in `values`: of the patterns that end here */
	uint32_t below, below_count; /* of those that end here with a leading "*." */
	uint8_t step; /* enum step */
	uint8_t length;
};

struct slot {
	uint32_t tag; /* the hash's upper half */
	uint32_t node; /* 0 when free: the root is nobody's child */
};

struct pattern_set {
	struct hash_key key;
	struct node *nodes; /* the first is the root */
	struct slot *slots;
	uint32_t *values;
	uint32_t node_count, slot_mask;
};

/* ---- The trie ---- */

/* A label is hashed once and looked up at several nodes: the parent and the kind of step are mixed in behind the
 * keyed hash, where nobody outside can make them collide. */
static uint64_t mix(uint64_t hash, uint32_t parent, enum step step)
{
	hash ^= ((uint64_t)parent << 2 | step) * 0x9e3779b97f4a7c15;
	hash *= 0xd6e8feb86659fd93;
	return hash ^ hash >> 32;
}

static bool is_step(const struct node *node, uint32_t parent, enum step step, struct pattern_span octets)
{
	return node->parent == parent && node->step == step && node->length == octets.length &&
	       memcmp(node->octets, octets.at, octets.length) == 0;
}

/* The slot of a step, or the free one where it belongs. */
static struct slot *find_slot(const struct pattern_set *set, uint64_t mixed, uint32_t parent, enum step step,
			      struct pattern_span octets)
{
	for (uint32_t i = (uint32_t)mixed;; i++) {
		struct slot *slot = &set->slots[i & set->slot_mask];

		if (slot->node == 0)
			return slot;
		if (slot->tag == (uint32_t)(mixed >> 32) && is_step(&set->nodes[slot->node], parent, step, octets))
			return slot;
	}
}

static uint32_t new_node(struct pattern_set *set, uint32_t parent, enum step step, struct pattern_span octets)
{
	struct node *node = &set->nodes[set->node_count];

	node->octets = octets.at;
	node->length = (uint8_t)octets.length;
	node->parent = parent;
	node->step = (uint8_t)step;
	return set->node_count++;
}

static uint32_t add_step(struct pattern_set *set, uint32_t parent, enum step step, struct pattern_span octets)
{
	uint64_t mixed = mix(hash_bytes(&set->key, octets.at, octets.length), parent, step);
	struct slot *slot = find_slot(set, mixed, parent, step, octets);

	if (slot->node == 0) {
		slot->tag = (uint32_t)(mixed >> 32);
		slot->node = new_node(set, parent, step, octets);
	}
	if (step != STEP_LABEL)
		set->nodes[parent].lengths |= UINT64_C(1) << octets.length;
	return slot->node;
}

static uint32_t add_star_label(struct pattern_set *set, uint32_t node, struct pattern_span label)
{
	const char *end = label.at + label.length, *star = pattern_find_star(label);
	struct pattern_span prefix = { label.at, (size_t)(star - label.at) }, suffix = { end, 0 };

	while (suffix.at[-1] != '*') {
		suffix.at--;
		suffix.length++;
	}
	node = add_step(set, node, STEP_PREFIX, prefix);
	node = add_step(set, node, STEP_SUFFIX, suffix);
	for (const char *at = star + 1; at < suffix.at; at = star + 1) {
		star = memchr(at, '*', (size_t)(suffix.at - at));
		node = add_step(set, node, STEP_MIDDLE, (struct pattern_span) { at, (size_t)(star - at) });
	}
	if (set->nodes[node].end == 0) {
		uint32_t behind = new_node(set, node, STEP_LABEL, label);

		set->nodes[node].end = behind;
	}
	return set->nodes[node].end;
}

/* Where a pattern's value belongs: the node, and in the lowest bit whether below it or at it. */
static uint64_t add_pattern(struct pattern_set *set, const char *text)
{
	const char *end = pattern_text_end(text);
	struct pattern_span label;
	uint64_t node = 0;

	while (pattern_last_label(text, &end, &label)) {
		if (pattern_is_below(text, label))
			return node << 1 | 1;
		if (pattern_find_star(label))
			node = add_star_label(set, (uint32_t)node, label);
		else
			node = add_step(set, (uint32_t)node, STEP_LABEL, label);
	}
	return node << 1;
}

static size_t count_nodes(const struct pattern *patterns, size_t count)
{
	size_t nodes = 1;

	for (size_t i = 0; i < count; i++) {
		nodes++;
		for (const char *at = patterns[i].text; *at; at++)
			nodes += *at == '.' ? 1 : *at == '*' ? NODES_OF_STAR : 0;
	}
	return nodes;
}

static char *lower_copy(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *at = copy; at && *at; at++)
		*at = pattern_lower(*at);
	return copy;
}

static int compare_claims(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Gives each node its values. A claim is a place of add_pattern() and a value; sorted, those of one place stand
 * together. */
static void place_values(struct pattern_set *set, uint64_t *claims, size_t count)
{
	uint32_t used = 0;

	qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 0; i < count; i++) {
		struct node *node = &set->nodes[claims[i] >> 33];
		bool below = claims[i] >> 32 & 1;
		uint32_t *first = below ? &node->below : &node->exact;
		uint32_t *values = below ? &node->below_count : &node->exact_count;

		if (i > 0 && claims[i] == claims[i - 1])
			continue;
		if (*values == 0)
			*first = used;
		++*values;
		set->values[used++] = (uint32_t)claims[i];
	}
}

static struct pattern_set *new_set(struct arena *arena, const struct hash_key *key, size_t nodes, size_t values)
{
	struct pattern_set *set = arena_alloc(arena, sizeof(*set));
	size_t slots = 16;

	while (slots < 2 * nodes)
		slots *= 2;
	if (!set || slots > UINT32_MAX)
		return NULL;
	set->key = *key;
	set->nodes = arena_array(arena, nodes, sizeof(*set->nodes));
	set->slots = arena_array(arena, slots, sizeof(*set->slots));
	set->values = arena_array(arena, values, sizeof(*set->values));
	set->node_count = 1;
	set->slot_mask = (uint32_t)(slots - 1);
	return set->nodes && set->slots && set->values ? set : NULL;
}

struct pattern_set *pattern_set_build(struct arena *arena, const struct hash_key *key, const struct pattern *patterns,
				      size_t count)
{
	struct pattern_set *set = new_set(arena, key, count_nodes(patterns, count), count);
	uint64_t *claims = arena_array(arena, count, sizeof(*claims));

	if (!set || !claims)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *text = lower_copy(arena, patterns[i].text);

		if (!text)
			return NULL;
		claims[i] = add_pattern(set, text) << 32 | patterns[i].value;
	}
	place_values(set, claims, count);
	return set;
}

/* ---- Lookup ---- */

/* A node reached inside a label, and the octets of the label that its further parts may use. */
struct partial {
	uint32_t node;
	uint8_t from, to;
};

struct lookup {
	const struct pattern_set *set;
	const char *label; /* the one being matched */
	unsigned int visits;
	bool over;
	unsigned int now_count, next_count, partial_count;
	uint32_t now[LIMIT_PATTERN_VISITS], next[LIMIT_PATTERN_VISITS];
	struct partial partials[LIMIT_PATTERN_VISITS];
};

/* The values found so far, ascending; of too many the smallest stay. */
struct found {
	uint32_t *values;
	size_t count, size;
	bool over;
};

static bool may_visit(struct lookup *lookup)
{
	if (lookup->visits == LIMIT_PATTERN_VISITS)
		lookup->over = true;
	else
		lookup->visits++;
	return !lookup->over;
}

static void reach(struct lookup *lookup, uint32_t node)
{
	if (node != 0 && may_visit(lookup))
		lookup->next[lookup->next_count++] = node;
}

/* The node below `node` whose step is label[at, at + length), or 0. */
static uint32_t find_part(const struct lookup *lookup, uint32_t node, enum step step, size_t at, size_t length)
{
	struct pattern_span octets = { lookup->label + at, length };
	uint64_t mixed = mix(hash_bytes(&lookup->set->key, octets.at, octets.length), node, step);

	return find_slot(lookup->set, mixed, node, step, octets)->node;
}

static void reach_part(struct lookup *lookup, uint32_t node, size_t from, size_t to)
{
	if (node != 0 && may_visit(lookup))
		lookup->partials[lookup->partial_count++] = (struct partial) { node, (uint8_t)from, (uint8_t)to };
}

/* Whether label[at, at + length) stands in label[from, ...) nowhere earlier. Taking the first place leaves the most
 * for the rest, so the others need no visit. */
static bool is_first(const struct lookup *lookup, size_t from, size_t at, size_t length)
{
	for (size_t i = from; i < at; i++)
		if (memcmp(lookup->label + i, lookup->label + at, length) == 0)
			return false;
	return true;
}

static void reach_middles(struct lookup *lookup, struct partial here, size_t length)
{
	for (size_t at = here.from; at + length <= here.to; at++) {
		uint32_t node = find_part(lookup, here.node, STEP_MIDDLE, at, length);

		if (node != 0 && is_first(lookup, here.from, at, length))
			reach_part(lookup, node, at + length, here.to);
	}
}

/* Goes from one place inside a label to the parts that fit below it. */
static void follow_parts(struct lookup *lookup, struct partial here)
{
	const struct node *node = &lookup->set->nodes[here.node];
	uint64_t lengths = node->lengths;

	if (node->step == STEP_SUFFIX || node->step == STEP_MIDDLE)
		reach(lookup, node->end);
	for (; lengths; lengths &= lengths - 1) {
		size_t length = (size_t)__builtin_ctzll(lengths);

		if (length > (size_t)(here.to - here.from))
			break;
		switch ((enum step)node->step) {
		case STEP_LABEL:
			reach_part(lookup, find_part(lookup, here.node, STEP_PREFIX, 0, length), length, here.to);
			break;
		case STEP_PREFIX:
			reach_part(lookup, find_part(lookup, here.node, STEP_SUFFIX, here.to - length, length),
				   here.from, here.to - length);
			break;
		case STEP_SUFFIX:
		case STEP_MIDDLE:
			reach_middles(lookup, here, length);
			break;
		}
	}
}

/* Moves every node in `now` over one label. */
static void step_label(struct lookup *lookup, const uint8_t *octets)
{
	struct pattern_span label = { (const char *)octets + 1, octets[0] };
	uint64_t hash = hash_bytes(&lookup->set->key, label.at, label.length);

	lookup->label = label.at;
	lookup->next_count = 0;
	for (unsigned int i = 0; i < lookup->now_count; i++) {
		uint32_t node = lookup->now[i];

		reach(lookup, find_slot(lookup->set, mix(hash, node, STEP_LABEL), node, STEP_LABEL, label)->node);
		follow_parts(lookup, (struct partial) { node, 0, (uint8_t)label.length });
		while (lookup->partial_count > 0)
			follow_parts(lookup, lookup->partials[--lookup->partial_count]);
	}
	memcpy(lookup->now, lookup->next, lookup->next_count * sizeof(*lookup->now));
	lookup->now_count = lookup->next_count;
}

static void find_value(struct found *found, uint32_t value)
{
	size_t at = found->count;

	while (at > 0 && found->values[at - 1] > value)
		at--;
	if (at > 0 && found->values[at - 1] == value)
		return;
	if (found->count == found->size) {
		found->over = true;
		if (at == found->size)
			return;
		found->count--;
	}
	memmove(found->values + at + 1, found->values + at, (found->count - at) * sizeof(*found->values));
	found->values[at] = value;
	found->count++;
}

static void find_values(struct found *found, const uint32_t *values, uint32_t count)
{
	if (count > found->size) { /* they ascend: no later one can be among the smallest */
		count = (uint32_t)found->size;
		found->over = true;
	}
	for (uint32_t i = 0; i < count; i++)
		find_value(found, values[i]);
}

/* Walks the name; leaves in `now` the nodes where it ends. With `found`, takes the values of "*.x" on the way. */
static void walk(struct lookup *lookup, const struct pattern_set *set, const struct dns_name *name, struct found *found)
{
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned int left = dns_name_labels(name, offsets);

	lookup->set = set;
	lookup->visits = lookup->partial_count = 0;
	lookup->over = false;
	lookup->now[0] = 0;
	lookup->now_count = 1;
	while (left-- > 0 && lookup->now_count > 0) {
		for (unsigned int i = 0; found && i < lookup->now_count; i++) {
			const struct node *node = &set->nodes[lookup->now[i]];

			find_values(found, set->values + node->below, node->below_count);
		}
		step_label(lookup, name->octets + offsets[left]);
	}
}

size_t pattern_set_match(const struct pattern_set *set, const struct dns_name *name, uint32_t *values, size_t size,
			 int *over)
{
	struct found found = { .values = values, .size = size };
	struct lookup lookup;

	walk(&lookup, set, name, &found);
	for (unsigned int i = 0; i < lookup.now_count; i++) {
		const struct node *node = &set->nodes[lookup.now[i]];

		find_values(&found, set->values + node->exact, node->exact_count);
	}
	*over = found.over || lookup.over;
	return found.count;
}

int pattern_set_is_apex(const struct pattern_set *set, const struct dns_name *name)
{
	struct lookup lookup;

	walk(&lookup, set, name, NULL);
	for (unsigned int i = 0; i < lookup.now_count; i++)
		if (set->nodes[lookup.now[i]].below_count > 0)
			return 1;
	return 0;
}
