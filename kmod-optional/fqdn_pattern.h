/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name patterns, many at once, as in nfqdnd's dns/pattern.h: `*.x` is every name below x at any depth, never x; a `*`
 * inside a label stands for any octets of that label. One lookup costs a few hashes a label, whatever the number of
 * patterns. What it finds is never less than what nfqdnd finds, and may be more: nfqdnd judges what it is given.
 */
#ifndef NF_FQDN_PATTERN_H
#define NF_FQDN_PATTERN_H

#include "fqdn_hash.h"
#include "fqdn_parse.h"
#include "fqdn_shim.h"

/* 100,000 patterns of five steps. Memory: 48 octets a node. */
#define FQDN_NODES_MAX (1u << 19)
/* Octets of a pattern's text: a name of 253, and its stars. */
#define FQDN_PATTERN_MAX 280
/* `*` inside labels of one pattern, as in nfqdnd. */
#define FQDN_STARS_MAX 4
/* Hashes that one lookup may take: 20 us. Beyond, the answer is left to nfqdnd. */
#define FQDN_PROBES_MAX 512

struct fqdn_node {
	u64 lengths; /* bit n: a part of a label with `*`, n octets long, hangs below */
	u32 flags; /* FQDN_ENDS, FQDN_BELOW */
};

struct fqdn_slot {
	u64 tag; /* keyed hash of (node, kind of step, octets); 0: free */
	u32 node;
};

struct fqdn_patterns {
	struct fqdn_key key;
	u32 node_limit, node_count; /* the first node is the root */
	u32 slot_mask;
	struct fqdn_node *nodes; /* node_limit of them */
	struct fqdn_slot *slots; /* slot_mask + 1 of them */
};

/* Slots for so many nodes: a power of two, at most half full. */
u32 fqdn_pattern_slots(u32 nodes);
/* Nodes that a pattern adds at most. */
u32 fqdn_pattern_nodes(const char *text, size_t length);
/* `nodes` and `slots` are the caller's, zeroed, for 1 .. FQDN_NODES_MAX nodes and fqdn_pattern_slots() of them. */
void fqdn_pattern_init(struct fqdn_patterns *patterns, const struct fqdn_key *key, struct fqdn_node *nodes,
		       struct fqdn_slot *slots, u32 node_limit);
/* Adds one pattern of `length` octets, as the administrator writes it. 0; -EINVAL when it is none; -ENOSPC. */
int fqdn_pattern_add(struct fqdn_patterns *patterns, const char *text, size_t length);
/* Whether any pattern may match the name. */
bool fqdn_pattern_match(const struct fqdn_patterns *patterns, const struct fqdn_name *name);

#endif
