/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/events.h"

#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "base/limits.h"

struct events {
	uint64_t begin, next; /* numbers */
	struct monotime now;
	struct events_record ring[LIMIT_EVENTS];
};

#define WORD(symbol, word, help) word,
static const char *const words[] = { EVENTS(WORD) };
#undef WORD

const char *events_word(enum events_kind kind)
{
	return words[kind];
}

struct events *events_new(uint64_t first)
{
	struct events *events = mmap(NULL, sizeof(*events), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (events == MAP_FAILED)
		return NULL;
	events->begin = events->next = first;
	return events;
}

void events_free(struct events *events)
{
	if (events)
		munmap(events, sizeof(*events));
}

void events_at(struct events *events, struct monotime now)
{
	if (events)
		events->now = now;
}

/* ---- recording ---- */

/* The octets of the last name in this place are left behind the new one's: nobody reads them. */
static struct events_record *record(struct events *events, enum events_kind kind, const struct dns_name *name)
{
	struct events_record *place = &events->ring[events->next % LIMIT_EVENTS];

	if (events->next - events->begin >= LIMIT_EVENTS)
		counters.events_forgotten++;
	place->sequence = events->next++;
	place->time = events->now;
	place->kind = kind;
	place->named = name != NULL;
	if (name) {
		place->name.length = name->length;
		memcpy(place->name.octets, name->octets, name->length);
	}
	counters.events++;
	return place;
}

void events_element(struct events *events, enum events_kind kind, const struct element_key *key, int64_t deadline,
		    const struct dns_name *name)
{
	struct events_record *place;

	if (!events)
		return;
	place = record(events, kind, name);
	place->element = *key;
	place->life_ms = deadline - events->now.msec;
}

void events_denied(struct events *events, const struct denials_key *key, const struct dns_name *name)
{
	if (events)
		record(events, EVENTS_denied, name)->denial = *key;
}

void events_policy(struct events *events, enum events_kind kind, uint64_t generation)
{
	if (events)
		record(events, kind, NULL)->generation = generation;
}

void events_regroup(struct events *events, const uint8_t map[256])
{
	for (size_t i = 0; events && i < LIMIT_EVENTS; i++)
		events->ring[i].element.group = map[events->ring[i].element.group];
}

/* ---- looking ---- */

uint64_t events_begin(const struct events *events)
{
	return events->begin;
}

uint64_t events_oldest(const struct events *events)
{
	return events->next - events->begin > LIMIT_EVENTS ? events->next - LIMIT_EVENTS : events->begin;
}

uint64_t events_next(const struct events *events)
{
	return events->next;
}

const struct events_record *events_find(const struct events *events, uint64_t sequence)
{
	if (sequence < events_oldest(events) || sequence >= events->next)
		return NULL;
	return &events->ring[sequence % LIMIT_EVENTS];
}
