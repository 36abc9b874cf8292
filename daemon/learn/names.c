/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/names.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "base/limits.h"
#include "base/lru.h"

#define CHAINS 16384 /* a power of two */

struct place {
	struct ipaddr address;
	struct names_seen seen;
};

struct names {
	struct hash_key key;
	struct lru order;
	uint32_t chains[CHAINS];
	struct lru_link links[1 + LIMIT_SEEN_NAMES];
	struct place places[1 + LIMIT_SEEN_NAMES];
};

struct names *names_new(const struct hash_key *key)
{
	struct names *names = mmap(NULL, sizeof(*names), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (names == MAP_FAILED)
		return NULL;
	names->key = *key;
	lru_init(&names->order, names->links, LIMIT_SEEN_NAMES, names->chains, CHAINS);
	return names;
}

void names_free(struct names *names)
{
	if (names)
		munmap(names, sizeof(*names));
}

size_t names_count(const struct names *names)
{
	return names->order.count;
}

static uint32_t hash_of(const struct names *names, const struct ipaddr *address)
{
	return (uint32_t)hash_bytes(&names->key, address, sizeof(*address));
}

static uint32_t find(const struct names *names, const struct ipaddr *address, uint32_t hash)
{
	uint32_t at = lru_first(&names->order, hash);

	while (at && !ipaddr_equal(&names->places[at].address, address))
		at = lru_next(&names->order, at);
	return at;
}

static uint32_t enter(struct names *names, const struct ipaddr *address, uint32_t hash)
{
	bool evicted;
	uint32_t at = lru_enter(&names->order, hash, &evicted);

	if (evicted)
		counters.names_forgotten++;
	names->places[at].address = *address;
	return at;
}

void names_see(struct names *names, const struct ipaddr *address, const struct dns_name *name, bool allowed,
	       struct monotime now)
{
	uint32_t hash = hash_of(names, address), at = find(names, address, hash);
	struct names_seen *seen;

	if (at)
		lru_use(&names->order, at);
	else
		at = enter(names, address, hash);
	seen = &names->places[at].seen;
	seen->when = now;
	seen->allowed = allowed;
	seen->name.length = name->length;
	memcpy(seen->name.octets, name->octets, name->length); /* no more: a place spans five lines of cache */
	counters.names_seen++;
}

int names_find(const struct names *names, const struct ipaddr *address, struct names_seen *out)
{
	uint32_t at = find(names, address, hash_of(names, address));

	if (!at)
		return -ENOENT;
	*out = names->places[at].seen;
	return 0;
}
