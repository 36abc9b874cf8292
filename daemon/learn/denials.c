/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records stand in the chain of their key's hash, and all of them in one ring in the order of their last time. */
#include "learn/denials.h"

#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "base/limits.h"

#define CHAINS 2048 /* a power of two */
#define HEAD 0 /* of the ring; places are numbered from 1 on */

struct place {
	uint32_t chain; /* the next one; 0: the end */
	uint32_t newer, older; /* in the ring */
	struct denials_record record;
};

struct denials {
	struct hash_key key;
	size_t count;
	uint64_t sequence;
	uint32_t chains[CHAINS];
	struct place places[1 + LIMIT_DENIALS]; /* [HEAD]: its `older` is the newest, its `newer` the oldest */
};

struct denials *denials_new(const struct hash_key *key)
{
	struct denials *denials =
		mmap(NULL, sizeof(*denials), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (denials == MAP_FAILED)
		return NULL;
	denials->key = *key;
	return denials;
}

void denials_free(struct denials *denials)
{
	if (denials)
		munmap(denials, sizeof(*denials));
}

size_t denials_count(const struct denials *denials)
{
	return denials->count;
}

uint64_t denials_sequence(const struct denials *denials)
{
	return denials->sequence;
}

static size_t chain_of(const struct denials *denials, const struct denials_key *key)
{
	return hash_bytes(&denials->key, key, sizeof(*key)) & (CHAINS - 1);
}

static uint32_t find(const struct denials *denials, const struct denials_key *key)
{
	uint32_t at = denials->chains[chain_of(denials, key)];

	while (at && memcmp(&denials->places[at].record.key, key, sizeof(*key)) != 0)
		at = denials->places[at].chain;
	return at;
}

static void ring_take(struct denials *denials, uint32_t at)
{
	const struct place *place = &denials->places[at];

	denials->places[place->newer].older = place->older;
	denials->places[place->older].newer = place->newer;
}

static void ring_put(struct denials *denials, uint32_t at)
{
	struct place *place = &denials->places[at], *head = &denials->places[HEAD];

	place->newer = HEAD;
	place->older = head->older;
	denials->places[head->older].newer = at;
	head->older = at;
}

static void unchain(struct denials *denials, uint32_t at)
{
	uint32_t *link = &denials->chains[chain_of(denials, &denials->places[at].record.key)];

	while (*link != at)
		link = &denials->places[*link].chain;
	*link = denials->places[at].chain;
}

static uint32_t take_place(struct denials *denials)
{
	uint32_t oldest;

	if (denials->count < LIMIT_DENIALS)
		return (uint32_t)++denials->count;
	oldest = denials->places[HEAD].newer;
	unchain(denials, oldest);
	ring_take(denials, oldest);
	counters.denials_forgotten++;
	return oldest;
}

static uint32_t enter(struct denials *denials, const struct denials_key *key, struct monotime now)
{
	uint32_t at = take_place(denials), *chain = &denials->chains[chain_of(denials, key)];

	denials->places[at].record = (struct denials_record) { .key = *key, .first = now };
	denials->places[at].chain = *chain;
	*chain = at;
	return at;
}

void denials_add(struct denials *denials, const struct denials_key *key, const struct dns_name *name,
		 struct monotime now)
{
	uint32_t at = find(denials, key);
	struct denials_record *record;

	if (at)
		ring_take(denials, at);
	else
		at = enter(denials, key, now);
	record = &denials->places[at].record;
	record->sequence = ++denials->sequence;
	record->count++;
	record->last = now;
	if (name) {
		record->named = true;
		record->name = *name;
	}
	ring_put(denials, at);
}

void denials_visit(const struct denials *denials, bool (*visit)(void *context, const struct denials_record *record),
		   void *context)
{
	for (uint32_t at = denials->places[HEAD].older; at; at = denials->places[at].older)
		if (!visit(context, &denials->places[at].record))
			return;
}

const struct denials_record *denials_find(const struct denials *denials, const struct denials_key *key)
{
	uint32_t at = find(denials, key);

	return at ? &denials->places[at].record : NULL;
}
