/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's elements by deadline: binary heaps of their indices, one of what wildcards brought, one of what exact names
 * did. An element that enters or leaves does so in its shares, too (store_share.h). */
#ifndef NFQDN_LEARN_STORE_HEAP_H
#define NFQDN_LEARN_STORE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct store;

/* There is always room: the heaps grow with the pool of elements. */
void store_heap_insert(struct store *store, uint32_t index);
void store_heap_remove(struct store *store, uint32_t index);
/* The element with the earliest deadline, or 0. */
uint32_t store_heap_first(const struct store *store);
/* Of the elements near the top of one heap, the earliest one that the running drain has not needed, or 0. */
uint32_t store_heap_first_unseen(const struct store *store, bool exact);

#endif
