/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/past.h"

#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "base/limits.h"

#define CHAINS 16384 /* a power of two */
/* Places that get a second turn for one that is needed: bounds the time. */
#define SECOND_TURNS 16
/* Octets for names, each with its length: three to eight common ones, and the longest that is used anywhere. */
#define NAMES_SIZE 224

struct place {
	uint32_t next; /* in the chain: index plus one; 0: the end */
	struct element_key key;
	uint8_t name_count; /* 0: the place is free */
	bool wanted; /* again since its last turn */
	uint8_t used; /* of names */
	uint8_t names[NAMES_SIZE];
};

struct past {
	struct hash_key key;
	size_t count, top;
	uint32_t hand; /* the place whose turn is next */
	uint32_t chains[CHAINS];
	struct place places[LIMIT_PAST_ELEMENTS];
};

struct past *past_new(const struct hash_key *key)
{
	struct past *past = mmap(NULL, sizeof(*past), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (past == MAP_FAILED)
		return NULL;
	past->key = *key;
	return past;
}

void past_free(struct past *past)
{
	if (past)
		munmap(past, sizeof(*past));
}

size_t past_count(const struct past *past)
{
	return past->count;
}

static uint32_t *chain_of(struct past *past, const struct element_key *key)
{
	uint8_t octets[19];

	memcpy(octets, key->address.bytes, 16);
	octets[16] = key->l4proto;
	octets[17] = (uint8_t)(key->port >> 8);
	octets[18] = (uint8_t)key->port;
	return &past->chains[hash_bytes(&past->key, octets, sizeof(octets)) & (CHAINS - 1)];
}

static bool same_key(const struct element_key *a, const struct element_key *b)
{
	return a->l4proto == b->l4proto && a->port == b->port && ipaddr_equal(&a->address, &b->address);
}

static struct place *find(const struct past *past, const struct element_key *key)
{
	uint32_t at = *chain_of((struct past *)past, key);

	while (at && !same_key(&past->places[at - 1].key, key))
		at = past->places[at - 1].next;
	return at ? (struct place *)&past->places[at - 1] : NULL;
}

static void forget(struct past *past, uint32_t index)
{
	uint32_t *at = chain_of(past, &past->places[index].key);

	while (*at != index + 1)
		at = &past->places[*at - 1].next;
	*at = past->places[index].next;
	past->places[index].name_count = 0;
	past->count--;
}

/* A free place. */
static uint32_t make_room(struct past *past)
{
	for (unsigned int turns = 0;; turns++) {
		uint32_t index = past->hand;
		struct place *place = &past->places[index];

		past->hand = (index + 1) % LIMIT_PAST_ELEMENTS;
		if (index >= past->top)
			past->top = index + 1;
		if (!place->name_count)
			return index;
		if (!place->wanted || turns >= SECOND_TURNS) {
			forget(past, index);
			counters.past_forgotten++;
			return index;
		}
		place->wanted = false;
	}
}

static struct place *enter(struct past *past, const struct element_key *key)
{
	uint32_t index = make_room(past), *chain = chain_of(past, key);
	struct place *place = &past->places[index];

	*place = (struct place) { .next = *chain, .key = *key };
	place->key.group = 0;
	*chain = index + 1;
	past->count++;
	return place;
}

/* ---- names ---- */

static size_t read_names(const struct place *place, struct store_name out[])
{
	const uint8_t *at = place->names;

	for (unsigned int i = 0; i < place->name_count; i++) {
		out[i] = (struct store_name) { .name.length = at[0] };
		memcpy(out[i].name.octets, at + 1, at[0]);
		at += 1 + at[0];
	}
	return place->name_count;
}

static bool has_name(const struct place *place, const struct dns_name *name)
{
	const uint8_t *at = place->names;

	for (unsigned int i = 0; i < place->name_count; i++, at += 1 + at[0])
		if (at[0] == name->length && memcmp(at + 1, name->octets, name->length) == 0)
			return true;
	return false;
}

void past_add(struct past *past, const struct element_key *key, const struct dns_name *name)
{
	struct place *place = find(past, key);

	if (place)
		place->wanted = true;
	if (place && has_name(place, name))
		return;
	if (name->length >= NAMES_SIZE ||
	    (place && (place->used + name->length >= NAMES_SIZE || place->name_count == LIMIT_ELEMENT_NAMES))) {
		counters.past_names_over_limit++;
		return;
	}
	if (!place)
		place = enter(past, key);
	place->names[place->used] = name->length;
	memcpy(place->names + place->used + 1, name->octets, name->length);
	place->used = (uint8_t)(place->used + 1 + name->length);
	place->name_count++;
}

size_t past_find(const struct past *past, const struct element_key *key, struct store_name out[])
{
	const struct place *place = find(past, key);

	return place ? read_names(place, out) : 0;
}

size_t past_places(const struct past *past)
{
	return past->top;
}

size_t past_at(const struct past *past, size_t at, struct element_key *key, struct store_name out[])
{
	*key = past->places[at].key;
	return read_names(&past->places[at], out);
}
