/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items of one size, named by index, so that growing may move them. Taking and giving back never allocates. */
#ifndef NFQDN_LEARN_POOL_H
#define NFQDN_LEARN_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool {
	uint8_t *items;
	uint32_t size; /* octets of an item, at least 4 */
	uint32_t room; /* items that memory holds, the one with index 0 included */
	uint32_t top; /* indices from here on were never taken: their memory is untouched */
	uint32_t given_back; /* head of the list through the first four octets of each */
	uint32_t taken;
};

void pool_init(struct pool *pool, size_t size);
void pool_free(struct pool *pool);
/* Makes room for `spare` items besides those taken, growing by a half at least, never beyond `most` items in all. 1
 * when it grew, 0 when there was nothing to do, or -ENOMEM (nothing changed). */
int pool_reserve(struct pool *pool, size_t spare, size_t most);
/* Items that can be taken now. */
size_t pool_spare(const struct pool *pool);
/* A zeroed item; its index is never 0. 0 when there is none left. */
uint32_t pool_take(struct pool *pool);
void pool_give(struct pool *pool, uint32_t index);

static inline void *pool_at(const struct pool *pool, uint32_t index)
{
	return pool->items + (size_t)index * pool->size;
}

#endif
