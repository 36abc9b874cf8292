/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the store: what store.c, store_plan.c, store_name.c and store_heap.c share. Nobody else includes this.
 *
 * Items live in pools and know each other by index; index 0 is nobody. An element stands in a hash chain and, unless a
 * change of it is planned, in the heap. Between an element and each name that brought it stands a link, a member of two
 * lists: the element's and the name's. A name lives as long as it has a link. Its octets lie in its text and, when it is
 * long, in a chain of cells, so that one pool without fragmentation holds names of every length. */
#ifndef NFQDN_LEARN_STORE_PARTS_H
#define NFQDN_LEARN_STORE_PARTS_H

#include "base/limits.h"
#include "learn/events.h"
#include "learn/past.h"
#include "learn/pool.h"
#include "learn/store.h"

/* Deadlines of elements that must go as soon as a transaction takes them. Far from INT64_MIN, so that differences do
 * not wrap. */
#define STORE_DUE (INT64_MIN / 4)
#define STORE_TTL_UNKNOWN UINT32_MAX

enum store_state {
	STORE_FREE, /* not an element: the pool's */
	STORE_KNOWN, /* the kernel has it, until its deadline and LIFETIME_BACKSTOP_MS */
	STORE_DOUBTFUL, /* the kernel may have it: the result of its add is unknown. It is deleted next */
	STORE_UNWANTED, /* the kernel has it, the policy forbids it, and its deletion failed. It is tried again */
};

/* Whom an element counts for (store_share.h). */
enum store_share { STORE_CLIENT, STORE_PATTERN, STORE_SHARES };

/* Of a tree in two words, an only child being the left one; or of a list. */
struct store_node {
	uint32_t left : 31; /* in the list: the one before */
	uint32_t listed : 1;
	uint32_t next : 31; /* of a left child with a sibling: that; else the parent; in the list: the one behind */
	uint32_t up : 1; /* it is the parent */
};

struct store_lane {
	uint32_t tag; /* whose it is, while it holds any */
	uint32_t count; /* elements, also those of which a change is planned */
	uint32_t root; /* of the heap of those of which none is */
	uint32_t listed; /* the first of those that have no place in the heap yet */
};

struct store_element {
	uint32_t next; /* in the hash chain */
	uint32_t hash;
	int64_t deadline; /* monotime */
	struct element_key key;
	uint16_t seen; /* the drain that needed it last */
	uint32_t place; /* in the heap, or its change of the plan, plus one; 0: neither */
	uint32_t ttl; /* the smallest seen, or STORE_TTL_UNKNOWN */
	uint32_t links; /* the first that taught it first */
	struct store_node nodes[STORE_SHARES];
	uint32_t client_lane : 10, pattern_lane : 10; /* 0: nobody's */
	uint32_t link_count : 5;
	uint32_t state : 3; /* enum store_state */
	uint32_t exact : 1; /* an exact name brought it */
	uint32_t planned : 1; /* `place` is that of a change */
};
_Static_assert(sizeof(struct store_element) == 72,
	       "72 octets an element: LIMIT_LEARNED_ELEMENTS tells what they add up to");
_Static_assert(LIMIT_SHARE_LANES <= 1 << 10 && LIMIT_ELEMENT_NAMES < 1 << 5, "the fields have the bits");

struct store_link {
	uint32_t element, name;
	uint32_t next_of_element;
	uint32_t next_of_name, previous_of_name;
	uint32_t ttl : 31; /* RFC 2181 8 */
	uint32_t derived : 1; /* the name's last answer was allowed by another name of the element */
	uint32_t until; /* seconds of monotime: what this name's last answer asked for. The earliest makes way for
			   another name once it has passed */
};

/* Most names end within the head. */
#define STORE_HEAD 29
struct store_text {
	uint32_t next; /* in the hash chain */
	uint32_t hash;
	uint32_t links;
	uint32_t cells;
	uint16_t link_count;
	uint8_t length;
	uint8_t head[STORE_HEAD];
};

/* The rest of it. */
#define STORE_CELL 20
struct store_cell {
	uint32_t next;
	uint8_t octets[STORE_CELL];
};

struct store_chains {
	uint32_t *heads;
	uint32_t mask;
};

enum store_reason {
	STORE_ADD, /* was not there: vanishes when it fails */
	STORE_RENEW, /* had ended or was about to go: added again; on failure what it was */
	STORE_REFRESH, /* goes back to the old deadline when it fails */
	STORE_EXPIRE,
	STORE_EVICT,
	STORE_DROP,
};

/* What stands behind each struct element_change of the plan. */
struct store_change {
	uint64_t packets;
	int64_t old_deadline;
	uint32_t element;
	uint32_t name; /* that wished it last; 0: none, as for a deletion */
	enum store_reason reason;
};

struct store_plan {
	size_t count;
	size_t dying; /* planned deletions: they still take an element each, but no longer count */
	size_t comment_count;
	uint32_t comment_name; /* of the last comment */
	struct element_change changes[LIMIT_BATCH_ELEMENTS];
	struct store_change undo[LIMIT_BATCH_ELEMENTS];
	/* One character more than is used: element_commit() sees that it was cut. */
	char comments[LIMIT_DRAIN_PACKETS][LIMIT_ELEMENT_COMMENT + 2];
};

struct store {
	struct hash_key key;
	size_t limit;
	bool by_address; /* element_chains: by store_visit_address() */
	uint16_t drain; /* counted up by store_reserve(), wraps */
	struct past *past;
	struct events *events; /* may be NULL */
	struct pool elements, links, texts, cells;
	struct store_chains element_chains, text_chains;
	/* Element indices, the earliest deadline first, of wildcards and of exact names; place 0 is unused */
	uint32_t *heaps[2];
	uint32_t heap_counts[2];
	struct store_lane lanes[STORE_SHARES][LIMIT_SHARE_LANES]; /* place 0: nobody's */
	uint32_t listed[STORE_SHARES]; /* elements in the lists of the lanes */
	uint16_t settling[STORE_SHARES]; /* the lane whose list is shortened */
	/* For whom the wishes are */
	uint16_t wanted_by[STORE_SHARES];
	bool exact;
	const char *pattern; /* the last one, to be compared only */
	struct ipaddr client; /* the last one */
	uint64_t client_tag;
	struct dns_name cached_name; /* the last one, of no octets at first */
	uint32_t cached_hash, cached; /* of its text; the text, or 0 */
	struct store_name *scratch; /* names of the last view */
	struct store_plan plan;
};

static inline struct store_element *store_element_at(const struct store *store, uint32_t index)
{
	return pool_at(&store->elements, index);
}

/* Its place in the heap; 0: not there. */
static inline uint32_t store_heaped(const struct store_element *element)
{
	return element->planned ? 0 : element->place;
}

/* The change of it that is planned, plus one; 0: none. */
static inline uint32_t store_planned(const struct store_element *element)
{
	return element->planned ? element->place : 0;
}

/* store.c */
/* A chain for every second item of `room` at least, a power of two. 1: the chains are new and empty; 0: they were enough;
 * -ENOMEM. */
int store_chains_grow(struct store_chains *chains, uint32_t room);
uint32_t store_lookup(const struct store *store, const struct element_key *key, uint32_t *hash);
/* Elements and links enough must be spare. The new element has no name yet, stands in its hash chain, not in the heap.
 */
uint32_t store_enter(struct store *store, const struct element_key *key, uint32_t hash, int64_t deadline);
void store_remove(struct store *store, uint32_t index); /* with its links; must not be in the heap */
/* The same; its names are remembered. */
void store_bury(struct store *store, uint32_t index);

/* Records what has become of it; `name` as in struct store_change. */
void store_record(struct store *store, uint32_t index, enum events_kind kind, uint32_t name);

#endif
