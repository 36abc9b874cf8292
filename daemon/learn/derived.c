/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/derived.h"

#include <stdlib.h>
#include <string.h>

#include "base/counters.h"

#define CHAINS 2048 /* a power of two */
#define SHARES 1024 /* a power of two: patterns told apart */
#define NONE UINT16_MAX

_Static_assert(LIMIT_DERIVED_NAMES < NONE, "places are 16 bit");

/* What is searched at the limit lies close together, apart from the names. */
struct place {
	int64_t deadline;
	uint16_t chain, share;
	uint16_t next; /* in the chain; in the list of free places */
	bool used;
};

struct derived {
	struct hash_key key;
	size_t count;
	uint16_t free; /* places given back */
	uint16_t top; /* places from here on were never used */
	uint16_t chains[CHAINS];
	uint16_t held[SHARES]; /* places of each share */
	struct place places[LIMIT_DERIVED_NAMES];
	struct derived_record records[LIMIT_DERIVED_NAMES];
};

struct derived *derived_new(const struct hash_key *key)
{
	struct derived *derived = calloc(1, sizeof(*derived));

	if (!derived)
		return NULL;
	derived->key = *key;
	derived->free = NONE;
	memset(derived->chains, 0xff, sizeof(derived->chains));
	return derived;
}

void derived_free(struct derived *derived)
{
	free(derived);
}

size_t derived_count(const struct derived *derived)
{
	return derived->count;
}

int64_t derived_life(uint32_t ttl)
{
	return (int64_t)(ttl < LIMIT_DERIVED_TTL ? ttl : LIMIT_DERIVED_TTL) * 1000 + LIMIT_DERIVED_EXTRA_MS;
}

static uint16_t chain_of(const struct derived *derived, const struct dns_name *name)
{
	return hash_bytes(&derived->key, name->octets, name->length) & (CHAINS - 1);
}

static uint16_t share_of(const struct derived *derived, const char *pattern)
{
	return hash_bytes(&derived->key, pattern, strlen(pattern)) & (SHARES - 1);
}

static void forget(struct derived *derived, uint16_t index)
{
	struct place *place = &derived->places[index];
	uint16_t *at = &derived->chains[place->chain];

	while (*at != index)
		at = &derived->places[*at].next;
	*at = place->next;
	place->next = derived->free;
	place->used = false;
	derived->free = index;
	derived->held[place->share]--;
	derived->count--;
}

/* The share that must give: the one that holds most, in doubt the one that asks. */
static uint16_t heaviest(const struct derived *derived, uint16_t share)
{
	for (uint16_t i = 0; i < SHARES; i++)
		if (derived->held[i] > derived->held[share])
			share = i;
	return share;
}

/* Of a full table. What has ended goes before all others. */
static uint16_t victim(const struct derived *derived, uint16_t share, struct monotime now)
{
	uint16_t giving = heaviest(derived, share), first = 0, found = NONE;

	for (uint16_t i = 0; i < LIMIT_DERIVED_NAMES; i++) {
		const struct place *place = &derived->places[i];

		if (place->deadline < derived->places[first].deadline)
			first = i;
		if (place->share == giving && (found == NONE || place->deadline < derived->places[found].deadline))
			found = i;
	}
	return derived->places[first].deadline <= now.msec ? first : found;
}

static uint16_t take_place(struct derived *derived, uint16_t share, struct monotime now)
{
	uint16_t index;

	if (derived->free == NONE && derived->top == LIMIT_DERIVED_NAMES) {
		index = victim(derived, share, now);
		counters.derived_evicted += derived->places[index].deadline > now.msec;
		forget(derived, index);
	}
	if (derived->free == NONE)
		return derived->top++;
	index = derived->free;
	derived->free = derived->places[index].next;
	return index;
}

/* The place with this name and origin, or NONE. A name with as many origins as it may have loses the one that ends
 * first. */
static uint16_t find_place(struct derived *derived, uint16_t chain, const struct derived_record *record,
			   struct monotime now)
{
	uint16_t first = NONE;
	unsigned int origins = 0;

	for (uint16_t i = derived->chains[chain]; i != NONE; i = derived->places[i].next) {
		if (!dns_name_equal(&derived->records[i].name, &record->name))
			continue;
		if (dns_name_equal(&derived->records[i].origin, &record->origin))
			return i;
		if (first == NONE || derived->places[i].deadline < derived->places[first].deadline)
			first = i;
		origins++;
	}
	if (origins >= LIMIT_DERIVED_ORIGINS) {
		counters.derived_evicted += derived->places[first].deadline > now.msec;
		forget(derived, first);
	}
	return NONE;
}

/* What had ended counts for nothing: it may have been of other groups. */
static void prolong(struct derived *derived, uint16_t index, const struct derived_record *record, struct monotime now)
{
	struct derived_record *known = &derived->records[index];

	if (known->deadline.msec <= now.msec) {
		*known = *record;
	} else {
		known->groups |= record->groups;
		if (record->depth < known->depth)
			known->depth = record->depth;
		if (record->deadline.msec > known->deadline.msec)
			known->deadline = record->deadline;
	}
	derived->places[index].deadline = known->deadline.msec;
}

void derived_add(struct derived *derived, const struct derived_record *record, const char *pattern, struct monotime now)
{
	uint16_t chain = chain_of(derived, &record->name), share = share_of(derived, pattern);
	uint16_t index = find_place(derived, chain, record, now);

	if (index != NONE) {
		prolong(derived, index, record, now);
		return;
	}
	index = take_place(derived, share, now);
	derived->records[index] = *record;
	derived->places[index] = (struct place) { .deadline = record->deadline.msec,
						  .chain = chain,
						  .share = share,
						  .next = derived->chains[chain],
						  .used = true };
	derived->chains[chain] = index;
	derived->held[share]++;
	derived->count++;
	counters.derived_names++;
}

size_t derived_find(const struct derived *derived, const struct dns_name *name, struct monotime now,
		    struct derived_record out[LIMIT_DERIVED_ORIGINS])
{
	size_t count = 0;

	for (uint16_t i = derived->chains[chain_of(derived, name)]; i != NONE; i = derived->places[i].next)
		if (derived->places[i].deadline > now.msec && dns_name_equal(&derived->records[i].name, name))
			out[count++] = derived->records[i];
	return count;
}

void derived_prune(struct derived *derived, bool (*keep)(void *context, struct derived_record *record), void *context)
{
	for (uint16_t i = 0; i < derived->top; i++)
		if (derived->places[i].used && !keep(context, &derived->records[i]))
			forget(derived, i);
}
