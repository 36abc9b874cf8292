/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: shares
 *
 * An element that a wildcard brought belongs to the client that asked and to the pattern that allows it. While there is
 * room nobody is held back: a forwarder asks for everybody. When the store is full, who holds more than a share gives
 * up its own element that ends first; only who holds less takes from others, from those over theirs first.
 *
 * Clients and patterns have lanes, told by a keyed hash. Should all the lanes be taken, two use one together. An
 * element that a second client asked for too belongs to no client any more: neither can push it out. What an exact
 * name brought has no lane at all, and never goes for what a wildcard brings: the administrator wrote down each of
 * these names.
 *
 * The elements of a lane form a skew heap by their deadline (Sleator, Tarjan 1986), through the elements themselves. A heap
 * is wanted by a full store alone, and a place in it costs a look at a dozen elements all over memory: so an element is only
 * listed until the store begins to be full. */
#ifndef NFQDN_LEARN_STORE_SHARE_H
#define NFQDN_LEARN_STORE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "learn/store.h"

/* The element stands in its lanes' heaps from now on, or no more. store_heap.c calls these. */
void store_share_insert(struct store *store, uint32_t index);
void store_share_remove(struct store *store, uint32_t index);
/* A new element counts for whom the wishes are (store_for_client, store_for_pattern); one that goes no more. */
void store_share_enter(struct store *store, uint32_t index);
void store_share_leave(struct store *store, uint32_t index);
/* A known element is wanted by whom the wishes are for. */
void store_share_want(struct store *store, uint32_t index);
/* Which element must go, that the running drain does not need, so that a wish finds room; 0: none may. */
uint32_t store_share_victim(struct store *store, struct monotime now);

#endif
