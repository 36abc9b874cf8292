/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/denials.h"

#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "base/limits.h"
#include "base/lru.h"

#define CHAINS 2048 /* a power of two */

struct denials {
	struct hash_key key;
	uint64_t sequence;
	struct lru order;
	uint32_t chains[CHAINS];
	struct lru_link links[1 + LIMIT_DENIALS];
	struct denials_record records[1 + LIMIT_DENIALS];
};

struct denials *denials_new(const struct hash_key *key)
{
	struct denials *denials =
		mmap(NULL, sizeof(*denials), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (denials == MAP_FAILED)
		return NULL;
	denials->key = *key;
	lru_init(&denials->order, denials->links, LIMIT_DENIALS, denials->chains, CHAINS);
	return denials;
}

void denials_free(struct denials *denials)
{
	if (denials)
		munmap(denials, sizeof(*denials));
}

size_t denials_count(const struct denials *denials)
{
	return denials->order.count;
}

uint64_t denials_sequence(const struct denials *denials)
{
	return denials->sequence;
}

static uint32_t hash_of(const struct denials *denials, const struct denials_key *key)
{
	return (uint32_t)hash_bytes(&denials->key, key, sizeof(*key));
}

static uint32_t find(const struct denials *denials, const struct denials_key *key)
{
	uint32_t at = lru_first(&denials->order, hash_of(denials, key));

	while (at && memcmp(&denials->records[at].key, key, sizeof(*key)) != 0)
		at = lru_next(&denials->order, at);
	return at;
}

static uint32_t enter(struct denials *denials, const struct denials_key *key, struct monotime now)
{
	bool evicted;
	uint32_t at = lru_enter(&denials->order, hash_of(denials, key), &evicted);

	if (evicted)
		counters.denials_forgotten++;
	denials->records[at] = (struct denials_record) { .key = *key, .first = now };
	return at;
}

void denials_add(struct denials *denials, const struct denials_key *key, const struct dns_name *name,
		 struct monotime now)
{
	uint32_t at = find(denials, key);
	struct denials_record *record;

	if (at)
		lru_use(&denials->order, at);
	else
		at = enter(denials, key, now);
	record = &denials->records[at];
	record->sequence = ++denials->sequence;
	record->count++;
	record->last = now;
	if (name) {
		record->named = true;
		record->name = *name;
	}
}

void denials_visit(const struct denials *denials, bool (*visit)(void *context, const struct denials_record *record),
		   void *context)
{
	for (uint32_t at = lru_newest(&denials->order); at; at = lru_older(&denials->order, at))
		if (!visit(context, &denials->records[at]))
			return;
}

const struct denials_record *denials_find(const struct denials *denials, const struct denials_key *key)
{
	uint32_t at = find(denials, key);

	return at ? &denials->records[at] : NULL;
}
