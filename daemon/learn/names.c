/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places stand in the chain of their address's hash, and all of them in one ring in the order in which they were last
 * named, so that the oldest is found at once. */
#include "learn/names.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "base/limits.h"

#define CHAINS 16384 /* a power of two */
#define HEAD 0 /* of the ring; places are numbered from 1 on */

struct place {
	uint32_t chain; /* the next one; 0: the end */
	uint32_t newer, older; /* in the ring */
	struct ipaddr address;
	struct names_seen seen;
};

struct names {
	struct hash_key key;
	size_t count;
	uint32_t chains[CHAINS];
	struct place places[1 + LIMIT_SEEN_NAMES]; /* [HEAD]: its `older` is the newest, its `newer` the oldest */
};

struct names *names_new(const struct hash_key *key)
{
	struct names *names = mmap(NULL, sizeof(*names), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (names == MAP_FAILED)
		return NULL;
	names->key = *key;
	return names;
}

void names_free(struct names *names)
{
	if (names)
		munmap(names, sizeof(*names));
}

size_t names_count(const struct names *names)
{
	return names->count;
}

static size_t chain_of(const struct names *names, const struct ipaddr *address)
{
	return hash_bytes(&names->key, address, sizeof(*address)) & (CHAINS - 1);
}

static uint32_t find(const struct names *names, const struct ipaddr *address)
{
	uint32_t at = names->chains[chain_of(names, address)];

	while (at && !ipaddr_equal(&names->places[at].address, address))
		at = names->places[at].chain;
	return at;
}

static void ring_take(struct names *names, uint32_t at)
{
	const struct place *place = &names->places[at];

	names->places[place->newer].older = place->older;
	names->places[place->older].newer = place->newer;
}

static void ring_put(struct names *names, uint32_t at)
{
	struct place *place = &names->places[at], *head = &names->places[HEAD];

	place->newer = HEAD;
	place->older = head->older;
	names->places[head->older].newer = at;
	head->older = at;
}

static void unchain(struct names *names, uint32_t at)
{
	uint32_t *link = &names->chains[chain_of(names, &names->places[at].address)];

	while (*link != at)
		link = &names->places[*link].chain;
	*link = names->places[at].chain;
}

static uint32_t take_place(struct names *names)
{
	uint32_t oldest;

	if (names->count < LIMIT_SEEN_NAMES)
		return (uint32_t)++names->count;
	oldest = names->places[HEAD].newer;
	unchain(names, oldest);
	ring_take(names, oldest);
	counters.names_forgotten++;
	return oldest;
}

static uint32_t enter(struct names *names, const struct ipaddr *address)
{
	uint32_t at = take_place(names), *chain = &names->chains[chain_of(names, address)];

	names->places[at].address = *address;
	names->places[at].chain = *chain;
	*chain = at;
	return at;
}

void names_see(struct names *names, const struct ipaddr *address, const struct dns_name *name, bool allowed,
	       struct monotime now)
{
	uint32_t at = find(names, address);

	if (at)
		ring_take(names, at);
	else
		at = enter(names, address);
	names->places[at].seen = (struct names_seen) { *name, now, allowed };
	ring_put(names, at);
	counters.names_seen++;
}

int names_find(const struct names *names, const struct ipaddr *address, struct names_seen *out)
{
	uint32_t at = find(names, address);

	if (!at)
		return -ENOENT;
	*out = names->places[at].seen;
	return 0;
}
