/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's elements by deadline: a binary heap of their indices. */
#ifndef NFQDN_LEARN_STORE_HEAP_H
#define NFQDN_LEARN_STORE_HEAP_H

#include <stdint.h>

struct store;

/* There is always room: the heap grows with the pool of elements. */
void store_heap_insert(struct store *store, uint32_t index);
void store_heap_remove(struct store *store, uint32_t index);
/* The element with the earliest deadline, or 0. */
uint32_t store_heap_first(const struct store *store);
/* Of the elements near the top, the earliest one that the running drain has not needed, or 0. */
uint32_t store_heap_first_unseen(const struct store *store);

#endif
