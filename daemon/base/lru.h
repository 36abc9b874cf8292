/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of a bounded table's places: chains by hash to find one, and a ring in the order of their last use, so that
 * a full table gives its least recently used place to a new entry. What the places hold is the caller's, in an array of
 * its own with the same numbers. Nothing here allocates or fails. */
#ifndef NFQDN_BASE_LRU_H
#define NFQDN_BASE_LRU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LRU_NONE 0 /* places are numbered from 1 on */

struct lru_link {
	uint32_t chain; /* the next place in the chain; LRU_NONE: its end */
	uint32_t newer, older; /* in the ring */
	uint32_t hash;
};

struct lru {
	struct lru_link *links; /* [0] is the ring's head */
	uint32_t *chains; /* first places */
	uint32_t mask; /* chains - 1 */
	uint32_t capacity, count; /* places; those in use are 1 .. count */
};

/* `links`: 1 + capacity of them, `chains`: a power of two of them; both zeroed, and the caller's, who keeps them as long
 * as the table. */
void lru_init(struct lru *lru, struct lru_link *links, uint32_t capacity, uint32_t *chains, uint32_t chain_count);
/* The places whose entry came with this hash, one after the other, until LRU_NONE: the caller compares the keys. */
uint32_t lru_first(const struct lru *lru, uint32_t hash);
uint32_t lru_next(const struct lru *lru, uint32_t place);
/* A place for a new entry, the newest now. `*evicted`: another had it, and is not found any more. */
uint32_t lru_enter(struct lru *lru, uint32_t hash, bool *evicted);
/* Makes the place the newest. */
void lru_use(struct lru *lru, uint32_t place);
/* From the newest to the oldest, until LRU_NONE. */
uint32_t lru_newest(const struct lru *lru);
uint32_t lru_older(const struct lru *lru, uint32_t place);

#endif
