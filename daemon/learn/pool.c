/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pool_init(struct pool *pool, size_t size)
{
	*pool = (struct pool) { .size = (uint32_t)size, .top = 1 };
}

void pool_free(struct pool *pool)
{
	free(pool->items);
	*pool = (struct pool) { 0 };
}

int pool_reserve(struct pool *pool, size_t spare, size_t most)
{
	size_t wanted = pool->taken + spare, room = (size_t)pool->room + pool->room / 2;
	void *items;

	if (wanted > most)
		wanted = most;
	if (wanted + 1 <= pool->room)
		return 0;
	if (room < wanted + 1)
		room = wanted + 1;
	if (room > most + 1)
		room = most + 1;
	if (room > UINT32_MAX)
		return -ENOMEM;
	items = reallocarray(pool->items, room, pool->size);
	if (!items)
		return -ENOMEM;
	pool->items = items;
	pool->room = (uint32_t)room;
	return 1;
}

size_t pool_spare(const struct pool *pool)
{
	return pool->room ? pool->room - 1 - pool->taken : 0;
}

uint32_t pool_take(struct pool *pool)
{
	uint32_t index = pool->given_back;

	if (index)
		memcpy(&pool->given_back, pool_at(pool, index), sizeof(index));
	else if (pool->top < pool->room)
		index = pool->top++;
	else
		return 0;
	pool->taken++;
	memset(pool_at(pool, index), 0, pool->size);
	return index;
}

void pool_give(struct pool *pool, uint32_t index)
{
	memcpy(pool_at(pool, index), &pool->given_back, sizeof(index));
	pool->given_back = index;
	pool->taken--;
}
