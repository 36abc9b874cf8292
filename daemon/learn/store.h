/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learned elements: which (group, address, protocol, port) is in the kernel, until when, and which names brought it. */
#ifndef NFQDN_LEARN_STORE_H
#define NFQDN_LEARN_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/monotime.h"
#include "dns/name.h"
#include "netfilter/element.h"
#include "netfilter/table.h"

struct events;
struct store;

/* A name that brought an element, as others see it. */
struct store_name {
	struct dns_name name;
	uint32_t ttl; /* seconds, of the last answer with this name; 0 when not known (adopted) */
	bool derived; /* by the last answer with this name: allowed by another name of the element, its origin */
};

/* An element as others see it; a copy, valid on its own. */
struct store_view {
	struct element_key key;
	struct monotime deadline;
	uint32_t ttl; /* the smallest TTL seen; 0 when none was (adopted) */
	bool changing; /* a change of it waits for its commit */
	size_t name_count; /* pairs of `names` */
	const struct store_name *names; /* the first that taught it first; valid until the next view of this store is
					   made, or the store changes */
};

/* Room for `limit` elements; memory grows with use. NULL when memory is out. */
struct store *store_new(const struct hash_key *key, size_t limit);
void store_free(struct store *store);
/* Where what becomes of elements is recorded from now on, or NULL. It stays the caller's. */
void store_set_events(struct store *store, struct events *events);
/* Elements, without those whose deletion is planned. */
size_t store_count(const struct store *store);
size_t store_names(const struct store *store); /* that elements have, each once */
/* Octets that the store has asked for, used or not, for `status` and the tests. */
size_t store_memory(const struct store *store);

/* ---- planning: what one answer wants, collected over a drain ----
 * store_plan() enters the wish into the store at once and remembers how to undo it. store_settle() must follow
 * element_commit() of the plan. Nothing here allocates beyond what the store grows by at start of a drain
 * (store_reserve). */

/* Makes room, outside the packet path, so that the next drain needs no memory: four full transactions of new elements.
 * What a drain wants beyond that is refused and counted. Called after each drain, once the verdicts are given. 0 or
 * -ENOMEM (then learning stops at what there is, counted). */
int store_reserve(struct store *store);

/* For whom the wishes that follow are, until told otherwise: the client that asked (NULL: nobody), then the pattern, as
 * written, that allows what it asked for (it must outlive the wishes of this client). When the store is full, those go
 * first who hold more than their share (store_share.h). Nobody's wishes have no share. */
void store_for_client(struct store *store, const struct ipaddr *client);
void store_for_pattern(struct store *store, const char *pattern);

/* `life_ms` from now is wanted for `key`, because `name` was answered with `ttl`. `refresh_below` is the remaining
 * life in ms below which it is refreshed. `packet` (0..63) is the packet of the drain that depends on it. When the
 * store is full an element that this drain does not need is planned for deletion first: what has ended, then who holds
 * more than a share (store_share.h), then the oldest-expiring one; never what an exact name brought for a wildcard. 0: known,
 * nothing to do; 1: planned; -ENOSPC when the plan is full: commit, then call again (and once more -ENOSPC when more
 * has to go first than one transaction holds); -ENOMEM (no memory reserved, counted), -EDQUOT (limit reached and
 * nothing can go, counted): not learned. */
int store_plan(struct store *store, const struct element_key *key, const struct dns_name *name, uint32_t ttl,
	       struct monotime now, int64_t life_ms, int64_t refresh_below, unsigned int packet);
/* The element, which is there, was brought by an answer to `name`, which another of its names led to. At a limit it is
 * counted and left. */
void store_note_derived(struct store *store, const struct element_key *key, const struct dns_name *name, uint32_t ttl,
			struct monotime now, int64_t life_ms);
/* Plans the deletion of elements whose life has ended at `now`, as many as the plan holds. Returns how many. */
size_t store_plan_expired(struct store *store, struct monotime now);
/* Plans the deletion of one element that the policy no longer allows. 0, also when its deletion is planned already;
 * -ENOENT, -ENOSPC. */
int store_plan_delete(struct store *store, const struct element_key *key);
/* The changes planned so far, for element_commit(). */
struct element_change *store_changes(struct store *store, size_t *count);
/* Does the plan delete elements before the end of their life? */
bool store_plan_cuts(const struct store *store);
/* Takes note of what was committed: failed adds vanish (those whose result is unknown are deleted at the next tick),
 * failed refreshes go back to their old deadline, failed deletes stay until the next tick. Returns the packets (bits)
 * that depended on a failed change. Empties the plan. */
uint64_t store_settle(struct store *store);

/* When the next element ends; false when there is none. A deletion that failed is due since long ago. */
bool store_next_deadline(const struct store *store, struct monotime *out);

/* An element found in the kernel at start. `name` may be NULL: then it has none. May allocate. 0, -EEXIST, -EDQUOT,
 * -ENOMEM. */
int store_adopt(struct store *store, const struct element_key *key, const struct dns_name *name,
		struct monotime deadline);

/* An element that a state file or another gateway knows, as a wish like that of store_plan(): added with `life_ms` when
 * it is not there and there is a place for it: nothing is evicted. When it is there the name is noted; its life stays
 * what the kernel has, unless `extend` asks for the longer one, by a second or more. `ttl` is the element's (0: not known), the name has its
 * own. May allocate. Returns as store_plan() does. */
int store_restore(struct store *store, const struct element_key *key, const struct store_name *name, uint32_t ttl,
		  struct monotime now, int64_t life_ms, bool extend);

/* After a reload: element_key.group becomes map[group]; elements whose group maps to STORE_NO_GROUP are forgotten,
 * since their set went away with the group. `map` must not send two groups to one. The plan must be empty. */
#define STORE_NO_GROUP 0xff
void store_regroup(struct store *store, const uint8_t map[256]);

/* ---- looking ---- */
/* Calls `visit` for each element, in no order; stops when it returns false. `visit` may plan, commit and settle
 * deletions. */
void store_visit(const struct store *store, bool (*visit)(void *context, const struct store_view *view), void *context);
/* The same for keys alone, which costs a tenth. */
void store_visit_keys(const struct store *store, void (*visit)(void *context, const struct element_key *key),
		      void *context);
/* As store_visit() for `count` elements at most, from place `*at` (0: the first) on; moves it. False when there are no more.
 * The store may change between two calls: an element that was there all the while is visited once. */
bool store_visit_some(const struct store *store, uint32_t *at, size_t count,
		      void (*visit)(void *context, const struct store_view *view), void *context);
/* What was learned once, and is no longer: the names of an address and port, whatever the group (learn/past.h). `out` has
 * them, the key, and nothing else of worth. 0 or -ENOENT. */
int store_find_past(const struct store *store, const struct element_key *key, struct store_view *out);
/* As store_visit_some(), for these. */
bool store_visit_past_some(const struct store *store, uint32_t *at, size_t count,
			   void (*visit)(void *context, const struct store_view *view), void *context);
/* Remembers what a state file tells of them. */
void store_remember_past(struct store *store, const struct element_key *key, const struct store_name *name);
/* One element. 0 or -ENOENT. */
int store_find(const struct store *store, const struct element_key *key, struct store_view *out);
/* For table_on_sets(): calls `visit` for each element of an address, with what is left of its life in the kernel. From the
 * first call on, elements are found by their addresses alone, which takes longer where one has many ports. */
void store_visit_address(struct store *store, const struct ipaddr *address, struct monotime now,
			 table_visit_sibling *visit, void *context);
/* Elements that a name brought: calls `visit` for each, until it returns false. `visit` must not change the store. */
void store_visit_name(const struct store *store, const struct dns_name *name,
		      bool (*visit)(void *context, const struct store_view *view), void *context);

#endif
