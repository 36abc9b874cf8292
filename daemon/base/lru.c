/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/lru.h"

#define HEAD LRU_NONE /* its `older` is the newest place, its `newer` the oldest */

void lru_init(struct lru *lru, struct lru_link *links, uint32_t capacity, uint32_t *chains, uint32_t chain_count)
{
	*lru = (struct lru) { .links = links, .chains = chains, .mask = chain_count - 1, .capacity = capacity };
}

static uint32_t same_hash(const struct lru *lru, uint32_t place, uint32_t hash)
{
	while (place && lru->links[place].hash != hash)
		place = lru->links[place].chain;
	return place;
}

uint32_t lru_first(const struct lru *lru, uint32_t hash)
{
	return same_hash(lru, lru->chains[hash & lru->mask], hash);
}

uint32_t lru_next(const struct lru *lru, uint32_t place)
{
	return same_hash(lru, lru->links[place].chain, lru->links[place].hash);
}

static void ring_take(struct lru *lru, uint32_t place)
{
	const struct lru_link *link = &lru->links[place];

	lru->links[link->newer].older = link->older;
	lru->links[link->older].newer = link->newer;
}

static void ring_put(struct lru *lru, uint32_t place)
{
	struct lru_link *link = &lru->links[place], *head = &lru->links[HEAD];

	link->newer = HEAD;
	link->older = head->older;
	lru->links[head->older].newer = place;
	head->older = place;
}

static void unchain(struct lru *lru, uint32_t place)
{
	uint32_t *link = &lru->chains[lru->links[place].hash & lru->mask];

	while (*link != place)
		link = &lru->links[*link].chain;
	*link = lru->links[place].chain;
}

static uint32_t evict_oldest(struct lru *lru)
{
	uint32_t oldest = lru->links[HEAD].newer;

	unchain(lru, oldest);
	ring_take(lru, oldest);
	return oldest;
}

uint32_t lru_enter(struct lru *lru, uint32_t hash, bool *evicted)
{
	uint32_t *chain = &lru->chains[hash & lru->mask], place;

	*evicted = lru->count == lru->capacity;
	place = *evicted ? evict_oldest(lru) : ++lru->count;
	lru->links[place].hash = hash;
	lru->links[place].chain = *chain;
	*chain = place;
	ring_put(lru, place);
	return place;
}

void lru_use(struct lru *lru, uint32_t place)
{
	ring_take(lru, place);
	ring_put(lru, place);
}

uint32_t lru_newest(const struct lru *lru)
{
	return lru->links[HEAD].older;
}

uint32_t lru_older(const struct lru *lru, uint32_t place)
{
	return lru->links[place].older;
}
