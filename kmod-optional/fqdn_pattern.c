// SPDX-License-Identifier: GPL-2.0-or-later
/* A trie over labels from the root downwards. Each step, a label or the part of one before its first or behind its last
 * `*`, is one entry of one hash table whose tag is a keyed hash of 64 bit: octets are not kept, for two that collided
 * would only show nfqdnd an answer more. Between two stars nothing is compared, for the same reason.
 */
#include "fqdn_pattern.h"

#define FQDN_ENDS 1u /* a name may end here */
#define FQDN_BELOW 2u /* any name below */

enum fqdn_step { FQDN_STEP_LABEL, FQDN_STEP_PREFIX, FQDN_STEP_SUFFIX };

u32 fqdn_pattern_slots(u32 nodes)
{
	u32 slots = 16;

	while (slots < 2 * nodes)
		slots *= 2;
	return slots;
}

u32 fqdn_pattern_nodes(const char *text, size_t length)
{
	u32 nodes = 1;
	size_t i;

	for (i = 0; i < length; i++)
		nodes += text[i] == '.' || text[i] == '*';
	return nodes;
}

void fqdn_pattern_init(struct fqdn_patterns *patterns, const struct fqdn_key *key, struct fqdn_node *nodes,
		       struct fqdn_slot *slots, u32 node_limit)
{
	patterns->key = *key;
	patterns->nodes = nodes;
	patterns->slots = slots;
	patterns->node_limit = node_limit;
	patterns->node_count = 1;
	patterns->slot_mask = fqdn_pattern_slots(node_limit) - 1;
}

/* What is mixed in behind the keyed hash cannot be made to collide from outside. */
static u64 fqdn_tag(const struct fqdn_patterns *patterns, u32 parent, enum fqdn_step step, const void *octets,
		    size_t length)
{
	u64 tag = fqdn_hash(&patterns->key, octets, length);

	tag ^= ((u64)parent << 2 | step) * 0x9e3779b97f4a7c15ULL;
	tag *= 0xd6e8feb86659fd93ULL;
	tag ^= tag >> 32;
	return tag ? tag : 1;
}

/* The slot of a step, or the free one where it belongs: there always is one, since at most half are used. */
static struct fqdn_slot *fqdn_slot(const struct fqdn_patterns *patterns, u64 tag)
{
	u32 i = (u32)tag;

	for (;; i++) {
		struct fqdn_slot *slot = &patterns->slots[i & patterns->slot_mask];

		if (slot->tag == 0 || slot->tag == tag)
			return slot;
	}
}

/* ---- building ---- */

static int fqdn_add_step(struct fqdn_patterns *patterns, u32 *node, enum fqdn_step step, const u8 *octets,
			 size_t length)
{
	u64 tag = fqdn_tag(patterns, *node, step, octets, length);
	struct fqdn_slot *slot = fqdn_slot(patterns, tag);

	if (slot->tag == 0) {
		if (patterns->node_count == patterns->node_limit)
			return -ENOSPC;
		slot->tag = tag;
		slot->node = patterns->node_count++;
	}
	if (step != FQDN_STEP_LABEL)
		patterns->nodes[*node].lengths |= 1ULL << length;
	*node = slot->node;
	return 0;
}

static bool fqdn_is_host_octet(u8 octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' || octet == '_' ||
	       octet == '*' || octet == '.';
}

/* Adds one label of a pattern below `*node`. */
static int fqdn_add_label(struct fqdn_patterns *patterns, u32 *node, const u8 *label, size_t length)
{
	size_t prefix = 0, suffix = 0, literal = 0, i;
	int error;

	for (i = 0; i < length; i++)
		literal += label[i] != '*';
	if (length == 0 || literal > FQDN_LABEL_MAX)
		return -EINVAL;
	if (literal == length)
		return fqdn_add_step(patterns, node, FQDN_STEP_LABEL, label, length);
	while (label[prefix] != '*')
		prefix++;
	while (label[length - 1 - suffix] != '*')
		suffix++;
	error = fqdn_add_step(patterns, node, FQDN_STEP_PREFIX, label, prefix);
	return error ? error : fqdn_add_step(patterns, node, FQDN_STEP_SUFFIX, label + length - suffix, suffix);
}

/* Copies the text in lower case, without the final dot. Its length, or -EINVAL. */
static int fqdn_read_pattern(const char *text, size_t length, u8 *out)
{
	unsigned int stars = 0;
	size_t i;

	if (length > 0 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > FQDN_PATTERN_MAX)
		return -EINVAL;
	for (i = 0; i < length; i++) {
		u8 octet = (u8)text[i];

		if (octet >= 'A' && octet <= 'Z')
			octet |= 0x20;
		if (!fqdn_is_host_octet(octet))
			return -EINVAL;
		stars += octet == '*';
		out[i] = octet;
	}
	return stars > FQDN_STARS_MAX + 1 ? -EINVAL : (int)length; /* one more in front: `*.` */
}

int fqdn_pattern_add(struct fqdn_patterns *patterns, const char *text, size_t length)
{
	u8 octets[FQDN_PATTERN_MAX];
	int end = fqdn_read_pattern(text, length, octets);
	u32 node = 0;

	if (end < 0)
		return end;
	while (end >= 0) {
		int start = end, error;

		while (start > 0 && octets[start - 1] != '.')
			start--;
		if (start == 0 && end == 1 && octets[0] == '*') {
			if (node == 0)
				return -EINVAL; /* it would be every name */
			patterns->nodes[node].flags |= FQDN_BELOW;
			return 0;
		}
		error = fqdn_add_label(patterns, &node, octets + start, (size_t)(end - start));
		if (error)
			return error;
		end = start - 1;
	}
	patterns->nodes[node].flags |= FQDN_ENDS;
	return 0;
}

/* ---- looking up ---- */

/* A node reached, and how many labels of the name lie before it. */
struct fqdn_place {
	u32 node;
	u32 left;
};

#define FQDN_PLACES 64

struct fqdn_lookup {
	const struct fqdn_patterns *patterns;
	unsigned int probes, count;
	bool over; /* of probes or places: who knows */
	struct fqdn_place places[FQDN_PLACES];
};

static u32 fqdn_probe(struct fqdn_lookup *lookup, u32 node, enum fqdn_step step, const u8 *octets, size_t length)
{
	u64 tag;

	if (lookup->probes == FQDN_PROBES_MAX) {
		lookup->over = true;
		return 0;
	}
	lookup->probes++;
	tag = fqdn_tag(lookup->patterns, node, step, octets, length);
	return fqdn_slot(lookup->patterns, tag)->node; /* of a free slot 0: the root is nobody's child */
}

static void fqdn_reach(struct fqdn_lookup *lookup, u32 node, u32 left)
{
	if (node == 0)
		return;
	if (lookup->count == FQDN_PLACES) {
		lookup->over = true;
		return;
	}
	lookup->places[lookup->count].node = node;
	lookup->places[lookup->count++].left = left;
}

/* Behind the label's first `from` octets: the suffixes that fit. */
static void fqdn_follow_suffixes(struct fqdn_lookup *lookup, u32 node, const u8 *label, size_t from, u32 left)
{
	u64 lengths = lookup->patterns->nodes[node].lengths;
	size_t room = label[0] - from, length;

	for (length = 0; length <= room && lengths >> length && !lookup->over; length++) {
		if (lengths >> length & 1)
			fqdn_reach(lookup,
				   fqdn_probe(lookup, node, FQDN_STEP_SUFFIX, label + 1 + label[0] - length, length),
				   left);
	}
}

static void fqdn_follow(struct fqdn_lookup *lookup, u32 node, const u8 *label, u32 left)
{
	u64 lengths = lookup->patterns->nodes[node].lengths;
	size_t length;

	fqdn_reach(lookup, fqdn_probe(lookup, node, FQDN_STEP_LABEL, label + 1, label[0]), left);
	for (length = 0; length <= label[0] && lengths >> length && !lookup->over; length++) {
		u32 below = 0;

		if (lengths >> length & 1)
			below = fqdn_probe(lookup, node, FQDN_STEP_PREFIX, label + 1, length);
		if (below)
			fqdn_follow_suffixes(lookup, below, label, length, left);
	}
}

bool fqdn_pattern_match(const struct fqdn_patterns *patterns, const struct fqdn_name *name)
{
	struct fqdn_lookup lookup;
	u8 offsets[FQDN_LABELS_MAX];
	unsigned int labels = 0, at;

	lookup.patterns = patterns;
	lookup.probes = 0;
	lookup.over = false;
	lookup.count = 1;
	for (at = 0; at < name->length && name->octets[at] > 0 && labels < FQDN_LABELS_MAX; at += 1 + name->octets[at])
		offsets[labels++] = (u8)at;
	lookup.places[0].node = 0;
	lookup.places[0].left = labels;
	while (lookup.count > 0 && !lookup.over) {
		struct fqdn_place place = lookup.places[--lookup.count];
		u32 flags = patterns->nodes[place.node].flags;

		if (place.left == 0 && flags & FQDN_ENDS)
			return true;
		if (place.left == 0)
			continue;
		if (flags & FQDN_BELOW)
			return true;
		fqdn_follow(&lookup, place.node, name->octets + offsets[place.left - 1], place.left - 1);
	}
	return lookup.over;
}
