/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Theory of operation. Each query stands in the chain of its flow's bucket and in one list: that of its client's lane
 * while it waits, that of the answered ones afterwards. Lists are in the order of the last event.
 *
 * An answered query is kept for the rest of its time: so a second answer is told from a guess, and an answer that
 * could not be committed is believed when it comes again. It is the first to go when there is no room.
 *
 * What is too old does not count wherever it is found; its place is given back by a hand that moves over the table
 * with each query seen. */
#include "learn/queries.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"

#define BUCKETS LIMIT_QUERIES /* a power of two */
#define SWEEP 4 /* places that the hand moves over with each query */
#define ANSWERED LIMIT_QUERY_LANES /* index of their list, behind the lanes */
_Static_assert((BUCKETS & (BUCKETS - 1)) == 0 && (LIMIT_QUERY_LANES & (LIMIT_QUERY_LANES - 1)) == 0, "masks");
_Static_assert(LIMIT_DRAIN_PACKETS <= 64 && LIMIT_QUERY_MISSES <= UINT8_MAX, "packets are bits, misses 8 bit");

enum state { STATE_FREE, STATE_WAITING, STATE_SPOILED, STATE_ANSWERED };

struct query {
	struct query *chain; /* of its bucket, or of the free ones */
	struct query *newer, *older; /* in its list */
	struct queries_flow flow;
	uint16_t id;
	uint64_t name; /* keyed hash: nobody outside can make two names agree */
	struct monotime seen;
	uint16_t type;
	uint16_t lane;
	uint8_t state;
	uint8_t misses;
	uint8_t packet; /* that answered it */
	bool unsettled; /* answered in the running drain */
};

struct list {
	struct query *newest, *oldest;
};

struct queries {
	struct hash_key key;
	size_t count, begun; /* places[begun] and those behind it were never used */
	size_t hand;
	struct monotime older_until;
	bool older; /* `older_until` means something */
	struct query *free;
	struct list lists[LIMIT_QUERY_LANES + 1];
	uint16_t held[LIMIT_QUERY_LANES + 1]; /* queries in each list */
	struct query *buckets[BUCKETS];
	struct query places[LIMIT_QUERIES];
};
_Static_assert(LIMIT_QUERIES <= UINT16_MAX, "counts of lists are 16 bit");

struct queries *queries_new(const struct hash_key *key)
{
	/* Pages that the kernel gives, zeroed, when they are used. */
	struct queries *queries =
		mmap(NULL, sizeof(*queries), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (queries == MAP_FAILED)
		return NULL;
	queries->key = *key;
	return queries;
}

void queries_free(struct queries *queries)
{
	if (queries)
		munmap(queries, sizeof(*queries));
}

size_t queries_count(const struct queries *queries)
{
	return queries->count;
}

void queries_begin(struct queries *queries, struct monotime now)
{
	queries->older_until = monotime_add(now, LIMIT_QUERY_MS);
	queries->older = true;
}

/* ---- lists ---- */

static size_t list_of(const struct query *query)
{
	return query->state == STATE_ANSWERED ? ANSWERED : query->lane;
}

static void list_take(struct queries *queries, struct query *query)
{
	struct list *list = &queries->lists[list_of(query)];

	if (query->newer)
		query->newer->older = query->older;
	else
		list->newest = query->older;
	if (query->older)
		query->older->newer = query->newer;
	else
		list->oldest = query->newer;
	queries->held[list_of(query)]--;
}

static void list_put(struct queries *queries, struct query *query)
{
	struct list *list = &queries->lists[list_of(query)];

	query->newer = NULL;
	query->older = list->newest;
	if (query->older)
		query->older->newer = query;
	else
		list->oldest = query;
	list->newest = query;
	queries->held[list_of(query)]++;
}

static void become(struct queries *queries, struct query *query, enum state state)
{
	list_take(queries, query);
	query->state = state;
	query->misses = 0;
	query->unsettled = false;
	list_put(queries, query);
}

/* ---- places ---- */

static struct query **bucket_of(struct queries *queries, const struct queries_flow *flow)
{
	return &queries->buckets[hash_bytes(&queries->key, flow, sizeof(*flow)) & (BUCKETS - 1)];
}

static bool is_old(const struct query *query, struct monotime now)
{
	return monotime_until(query->seen, now) >= LIMIT_QUERY_MS;
}

static void forget(struct queries *queries, struct query *query)
{
	struct query **at = bucket_of(queries, &query->flow);

	while (*at != query)
		at = &(*at)->chain;
	*at = query->chain;
	list_take(queries, query);
	query->state = STATE_FREE;
	query->chain = queries->free;
	queries->free = query;
	queries->count--;
}

static void evict(struct queries *queries, struct query *query, struct monotime now)
{
	counters.queries_evicted += query->state != STATE_ANSWERED && !is_old(query, now);
	forget(queries, query);
}

static void sweep(struct queries *queries, struct monotime now)
{
	for (unsigned int i = 0; i < SWEEP && queries->begun; i++) {
		struct query *query = &queries->places[queries->hand];

		if (query->state != STATE_FREE && is_old(query, now))
			forget(queries, query);
		queries->hand = (queries->hand + 1) % queries->begun;
	}
}

/* The one that goes when all places are taken. */
static struct query *victim(const struct queries *queries)
{
	size_t longest = 0;

	if (queries->lists[ANSWERED].oldest)
		return queries->lists[ANSWERED].oldest;
	for (size_t i = 1; i < LIMIT_QUERY_LANES; i++)
		if (queries->held[i] > queries->held[longest])
			longest = i;
	return queries->lists[longest].oldest;
}

static struct query *take_place(struct queries *queries, struct monotime now)
{
	struct query *query;

	if (!queries->free && queries->begun < LIMIT_QUERIES) {
		queries->count++;
		return &queries->places[queries->begun++];
	}
	if (!queries->free)
		evict(queries, victim(queries), now);
	query = queries->free;
	queries->free = query->chain;
	queries->count++;
	return query;
}

/* A client is an IPv4 address or an IPv6 network of 64 bits, of which each host has as many addresses as it likes. */
static uint16_t lane_of(const struct queries *queries, const struct ipaddr *client)
{
	size_t length = client->family == IPADDR_V4 ? 4 : 8;

	return hash_bytes(&queries->key, client->bytes, length) & (LIMIT_QUERY_LANES - 1);
}

/* ---- queries ---- */

static uint64_t name_of(const struct queries *queries, const struct dns_name *name)
{
	return hash_bytes(&queries->key, name->octets, name->length);
}

static bool same_flow(const struct query *query, const struct queries_flow *flow)
{
	return memcmp(&query->flow, flow, sizeof(*flow)) == 0;
}

/* `name`: name_of() the question. */
static bool same_question(const struct query *query, const struct queries_question *question, uint64_t name)
{
	return query->id == question->id && query->type == question->type && query->name == name;
}

/* Which of two queries of a flow goes first. */
static struct query *lesser(struct query *a, struct query *b)
{
	bool answered = a && a->state == STATE_ANSWERED;

	if (!a || answered != (b->state == STATE_ANSWERED))
		return answered ? a : b;
	return monotime_before(b->seen, a->seen) ? b : a;
}

/* The same query, or NULL; a flow that has its share already then gives up one. */
static struct query *find_or_make_room(struct queries *queries, const struct queries_flow *flow,
				       const struct queries_question *question, uint64_t name, struct monotime now)
{
	struct query *least = NULL;
	unsigned int count = 0;

	for (struct query *query = *bucket_of(queries, flow); query; query = query->chain) {
		if (!same_flow(query, flow))
			continue;
		if (same_question(query, question, name))
			return query;
		least = lesser(least, query);
		count++;
	}
	if (count >= LIMIT_QUERIES_FLOW)
		evict(queries, least, now);
	return NULL;
}

void queries_see(struct queries *queries, const struct queries_flow *flow, const struct queries_question *question,
		 struct monotime now)
{
	uint64_t name = name_of(queries, question->name);
	struct query *query, **bucket;

	sweep(queries, now);
	query = find_or_make_room(queries, flow, question, name, now);
	if (query) {
		query->seen = now;
		become(queries, query, STATE_WAITING);
		return;
	}
	query = take_place(queries, now);
	bucket = bucket_of(queries, flow);
	*query = (struct query) {
		.chain = *bucket,
		.flow = *flow,
		.id = question->id,
		.name = name,
		.seen = now,
		.type = question->type,
		.lane = lane_of(queries, &flow->client),
		.state = STATE_WAITING,
	};
	*bucket = query;
	list_put(queries, query);
}

/* ---- answers ---- */

static enum queries_found take_answer(struct queries *queries, struct query *query, unsigned int packet)
{
	switch ((enum state)query->state) {
	case STATE_WAITING:
		become(queries, query, STATE_ANSWERED);
		query->packet = (uint8_t)packet;
		query->unsettled = true;
		return QUERIES_ASKED;
	case STATE_ANSWERED:
		return QUERIES_REPEATED;
	case STATE_FREE:
	case STATE_SPOILED:
		break;
	}
	return QUERIES_UNASKED;
}

/* Somebody guesses, perhaps. */
static void miss(struct queries *queries, struct query *query)
{
	if (query->state != STATE_WAITING || ++query->misses < LIMIT_QUERY_MISSES)
		return;
	become(queries, query, STATE_SPOILED);
	counters.queries_spoiled++;
}

enum queries_found queries_answer(struct queries *queries, const struct queries_flow *flow,
				  const struct queries_question *question, unsigned int packet, struct monotime now)
{
	uint64_t name = name_of(queries, question->name);
	struct query *first = *bucket_of(queries, flow);
	bool known = false;

	for (struct query *query = first; query; query = query->chain) {
		if (!same_flow(query, flow) || is_old(query, now))
			continue;
		if (same_question(query, question, name))
			return take_answer(queries, query, packet);
		known = true;
	}
	for (struct query *query = first; known && query; query = query->chain)
		if (same_flow(query, flow))
			miss(queries, query);
	if (!known && queries->older && monotime_before(now, queries->older_until))
		return QUERIES_OLDER_FLOW;
	return QUERIES_UNASKED;
}

void queries_settle(struct queries *queries, uint64_t dropped)
{
	struct query *query = queries->lists[ANSWERED].newest;

	while (query && query->unsettled) {
		struct query *older = query->older;

		query->unsettled = false;
		if (dropped >> query->packet & 1)
			become(queries, query, STATE_WAITING);
		query = older;
	}
}
