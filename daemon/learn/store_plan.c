/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a drain wants to change. Theory of operation:
 *
 * A wish is entered at once, so that later answers of the same drain find it: the element has its new deadline, is out
 * of the heap (so neither evicted nor expired), and `change` tells which change of the plan it waits for.
 * store_plan_settle() puts it back with what came of it. The states on the way:
 *
 *   not there   --wish-->        STORE_ADD      --ok--> known            --failed--> not there, or doubtful when the
 *                                                                                 result is unknown: deleted next
 *   known       --wish-->        STORE_REFRESH  --ok--> known, new life  --failed--> known, old life
 *   ended, doubtful, unwanted, or about to be deleted
 *               --wish-->        STORE_RENEW    --ok--> known            --failed--> what it was
 *   known       --its end-->     STORE_EXPIRE   --ok--> not there        --failed--> what it was, tried again
 *   known       --room needed--> STORE_EVICT    --ok--> not there        --failed--> what it was
 *   known       --new policy-->  STORE_DROP     --ok--> not there        --failed--> unwanted, tried again */
#include "learn/store_plan.h"

#include <errno.h>
#include <string.h>

#include "base/counters.h"
#include "learn/lifetime.h"
#include "learn/store_heap.h"
#include "learn/store_name.h"
#include "learn/store_parts.h"
#include "learn/store_share.h"

#define TIMEOUT_MAX ((int64_t)1 << 40) /* element.h */
#define RESTORE_SLACK_MS 1000 /* what a file tells is in whole seconds */

struct wish {
	const struct element_key *key;
	const struct dns_name *name;
	struct monotime now;
	int64_t deadline; /* wanted */
	int64_t enough; /* a deadline from here on is left as it is */
	uint32_t ttl;
	uint64_t packet; /* its bit */
};

/* ---- the list of changes ---- */

static size_t plan_room(const struct store *store)
{
	return LIMIT_BATCH_ELEMENTS - store->plan.count;
}

static enum element_operation operation_of(enum store_reason reason)
{
	switch (reason) {
	case STORE_ADD:
	case STORE_RENEW:
		return ELEMENT_ADD;
	case STORE_REFRESH:
		return ELEMENT_REFRESH;
	case STORE_EXPIRE:
	case STORE_EVICT:
	case STORE_DROP:
		return ELEMENT_DELETE;
	}
	return ELEMENT_DELETE;
}

/* Takes the element out of the heap and puts a change of it into the plan, which must have room. */
static struct store_change *append(struct store *store, uint32_t index, enum store_reason reason)
{
	struct store_element *element = store_element_at(store, index);
	struct store_change *undo = &store->plan.undo[store->plan.count];

	store->plan.changes[store->plan.count] =
		(struct element_change) { .key = element->key, .operation = operation_of(reason) };
	*undo = (struct store_change) { .element = index, .reason = reason, .old_deadline = element->deadline };
	if (store_heaped(element))
		store_heap_remove(store, index);
	element->place = (uint32_t)++store->plan.count;
	element->planned = true;
	return undo;
}

static void plan_deletion(struct store *store, uint32_t index, enum store_reason reason)
{
	append(store, index, reason);
	store->plan.dying++;
}

static struct element_change *change_of(struct store *store, const struct store_element *element)
{
	return &store->plan.changes[store_planned(element) - 1];
}

static struct store_change *undo_of(struct store *store, const struct store_element *element)
{
	return &store->plan.undo[store_planned(element) - 1];
}

/* ---- wishes ---- */

/* The larger life wins. The wish's name is noted already. */
static void extend(struct store *store, struct store_element *element, const struct wish *wish)
{
	int64_t timeout;

	undo_of(store, element)->name = store_name_find(store, wish->name);
	if (element->deadline < wish->deadline)
		element->deadline = wish->deadline;
	timeout = element->deadline - wish->now.msec + LIFETIME_BACKSTOP_MS;
	change_of(store, element)->timeout_ms = (uint64_t)(timeout < 1             ? 1
							   : timeout > TIMEOUT_MAX ? TIMEOUT_MAX
										   : timeout);
}

/* A comment is wanted for the change of an element that `name` (an index) adds: the same text as the last one, mostly.
 */
static bool comment_fits(const struct store *store, uint32_t name)
{
	return (name && store->plan.comment_name == name) || store->plan.comment_count < LIMIT_DRAIN_PACKETS;
}

static const char *comment_for(struct store *store, uint32_t index, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];
	char *out;

	if (!index || store->plan.comment_name != index) {
		if (store->plan.comment_count == LIMIT_DRAIN_PACKETS)
			return NULL; /* an element without a comment is better than none */
		out = store->plan.comments[store->plan.comment_count++];
		dns_name_to_text(name, text);
		text[LIMIT_ELEMENT_COMMENT + 1] = '\0';
		memcpy(out, text, LIMIT_ELEMENT_COMMENT + 2);
		store->plan.comment_name = index;
	}
	return store->plan.comments[store->plan.comment_count - 1];
}

static void take_note(struct store *store, uint32_t index, const struct wish *wish)
{
	struct store_element *element = store_element_at(store, index);

	element->seen = store->drain;
	store_share_want(store, index);
	if (wish->ttl < element->ttl)
		element->ttl = wish->ttl;
	store_name_note(store, index, wish->name, wish->ttl, wish->deadline, wish->now);
}

/* Plans deletions until one more element may live. 0, -ENOSPC when the plan has no room for that and one change more,
 * -EDQUOT when all are needed. */
static int make_room(struct store *store, struct monotime now)
{
	while (store_count(store) >= store->limit) {
		uint32_t index = store_share_victim(store, now);

		if (!index) {
			counters.elements_over_limit++;
			return -EDQUOT;
		}
		if (plan_room(store) < 2)
			return -ENOSPC;
		plan_deletion(store, index,
			      store_element_at(store, index)->deadline <= now.msec ? STORE_EXPIRE : STORE_EVICT);
	}
	return plan_room(store) ? 0 : -ENOSPC;
}

static int plan_new(struct store *store, const struct wish *wish, uint32_t hash)
{
	uint32_t name = store_name_find(store, wish->name), index;
	struct store_element *element;
	int rc;

	if (name && store_name_count(store, name) >= LIMIT_NAME_ELEMENTS) {
		counters.name_elements_over_limit++;
		return -EDQUOT;
	}
	if (!comment_fits(store, name))
		return -ENOSPC;
	rc = make_room(store, wish->now);
	if (rc < 0)
		return rc;
	if (pool_spare(&store->elements) == 0 || !store_name_fits(store, wish->name, name)) {
		counters.elements_without_memory++;
		return -ENOMEM;
	}
	index = store_enter(store, wish->key, hash, wish->deadline);
	element = store_element_at(store, index);
	element->ttl = wish->ttl;
	name = store_name_attach(store, index, wish->name, wish->ttl, wish->deadline);
	append(store, index, STORE_ADD)->packets = wish->packet;
	extend(store, element, wish);
	change_of(store, element)->comment = comment_for(store, name, wish->name);
	return 1;
}

/* What had ended, or was to be deleted, is wanted again: added, since nobody knows what the kernel still has of it. */
static int plan_again(struct store *store, uint32_t index, const struct wish *wish)
{
	struct store_element *element = store_element_at(store, index);
	struct store_change *undo;
	int rc;

	if (!comment_fits(store, store_name_find(store, wish->name)))
		return -ENOSPC;
	if (element->planned) { /* a planned deletion: it did not count */
		rc = make_room(store, wish->now);
		if (rc < 0 && !(rc == -ENOSPC && store_count(store) < store->limit))
			return rc;
		store->plan.dying--;
		undo = undo_of(store, element);
		undo->reason = STORE_RENEW;
		change_of(store, element)->operation = ELEMENT_ADD;
	} else {
		if (plan_room(store) == 0)
			return -ENOSPC;
		undo = append(store, index, STORE_RENEW);
	}
	undo->packets = wish->packet;
	take_note(store, index, wish);
	extend(store, element, wish);
	change_of(store, element)->comment = comment_for(store, store_name_find(store, wish->name), wish->name);
	return 1;
}

/* The element waits for a change already. */
static int plan_more(struct store *store, uint32_t index, const struct wish *wish)
{
	struct store_element *element = store_element_at(store, index);
	struct store_change *undo = undo_of(store, element);

	switch (undo->reason) {
	case STORE_EXPIRE:
	case STORE_EVICT:
	case STORE_DROP:
		return plan_again(store, index, wish);
	case STORE_REFRESH: /* what the kernel has may be enough for this one: then nothing depends on the refresh */
		if (undo->old_deadline < wish->enough)
			break;
		take_note(store, index, wish);
		return 0;
	case STORE_ADD:
	case STORE_RENEW:
		break;
	}
	undo->packets |= wish->packet;
	take_note(store, index, wish);
	extend(store, element, wish);
	return 1;
}

static int plan_known(struct store *store, uint32_t index, const struct wish *wish)
{
	struct store_element *element = store_element_at(store, index);

	if (element->deadline <= wish->now.msec) /* so are those that are doubtful or unwanted: STORE_DUE */
		return plan_again(store, index, wish);
	if (element->deadline < wish->enough && element->deadline < wish->deadline) {
		if (plan_room(store) == 0)
			return -ENOSPC;
		append(store, index, STORE_REFRESH)->packets = wish->packet;
		take_note(store, index, wish);
		extend(store, element, wish);
		return 1;
	}
	take_note(store, index, wish);
	return 0;
}

int store_plan(struct store *store, const struct element_key *key, const struct dns_name *name, uint32_t ttl,
	       struct monotime now, int64_t life_ms, int64_t refresh_below, unsigned int packet)
{
	struct wish wish = { .key = key,
			     .name = name,
			     .now = now,
			     .deadline = now.msec + life_ms,
			     .enough = now.msec + refresh_below,
			     .ttl = ttl,
			     .packet = UINT64_C(1) << packet };
	uint32_t hash, index = store_lookup(store, key, &hash);

	if (!index)
		return plan_new(store, &wish, hash);
	if (store_element_at(store, index)->planned)
		return plan_more(store, index, &wish);
	return plan_known(store, index, &wish);
}

void store_note_derived(struct store *store, const struct element_key *key, const struct dns_name *name, uint32_t ttl,
			struct monotime now, int64_t life_ms)
{
	uint32_t hash, index = store_lookup(store, key, &hash);

	if (index)
		store_name_note_derived(store, index, name, ttl, now.msec + life_ms, now);
}

/* The TTL is that of the whole element, not of its last name. */
static void restore_ttl(struct store *store, const struct element_key *key, uint32_t before, uint32_t ttl)
{
	uint32_t hash, index = store_lookup(store, key, &hash);

	store_element_at(store, index)->ttl = ttl && ttl < before ? ttl : before;
}

int store_restore(struct store *store, const struct element_key *key, const struct store_name *name, uint32_t ttl,
		  struct monotime now, int64_t life_ms, bool extend)
{
	uint32_t hash, index = store_lookup(store, key, &hash);
	uint32_t before = index ? store_element_at(store, index)->ttl : STORE_TTL_UNKNOWN;
	const struct wish wish = { .name = &name->name, .now = now, .deadline = now.msec + life_ms, .ttl = name->ttl };
	int rc = 0;

	store_for_client(store, NULL);
	if (!index && store_count(store) >= store->limit) {
		counters.elements_over_limit++;
		return -EDQUOT;
	}
	store_reserve(store); /* a failure is counted by what needs the memory */
	if (!index || extend)
		rc = store_plan(store, key, &name->name, name->ttl, now, life_ms, life_ms - RESTORE_SLACK_MS, 0);
	else
		take_note(store, index, &wish);
	if (rc >= 0)
		restore_ttl(store, key, before, ttl);
	return rc;
}

size_t store_plan_expired(struct store *store, struct monotime now)
{
	size_t planned = 0;
	uint32_t index;

	while (plan_room(store) && (index = store_heap_first(store)) != 0) {
		const struct store_element *element = store_element_at(store, index);

		if (element->deadline > now.msec)
			break;
		plan_deletion(store, index, element->state == STORE_UNWANTED ? STORE_DROP : STORE_EXPIRE);
		planned++;
	}
	return planned;
}

int store_plan_delete(struct store *store, const struct element_key *key)
{
	uint32_t hash, index = store_lookup(store, key, &hash);

	if (!index)
		return -ENOENT;
	if (store_element_at(store, index)->planned &&
	    operation_of(undo_of(store, store_element_at(store, index))->reason) == ELEMENT_DELETE)
		return 0;
	if (store_element_at(store, index)->planned || plan_room(store) == 0)
		return -ENOSPC;
	plan_deletion(store, index, STORE_DROP);
	return 0;
}

bool store_plan_cuts(const struct store *store)
{
	for (size_t i = 0; i < store->plan.count; i++)
		if (store->plan.undo[i].reason == STORE_EVICT || store->plan.undo[i].reason == STORE_DROP)
			return true;
	return false;
}

/* ---- what came of it ---- */

static enum events_kind event_of(enum store_reason reason)
{
	switch (reason) {
	case STORE_ADD:
	case STORE_RENEW:
		break;
	case STORE_REFRESH:
		return EVENTS_refreshed;
	case STORE_EXPIRE:
		return EVENTS_expired;
	case STORE_EVICT:
		return EVENTS_evicted;
	case STORE_DROP:
		return EVENTS_dropped;
	}
	return EVENTS_learned;
}

static void count_done(enum store_reason reason)
{
	switch (reason) {
	case STORE_ADD:
		counters.elements_added++;
		break;
	case STORE_RENEW:
	case STORE_REFRESH:
		counters.elements_refreshed++;
		break;
	case STORE_EXPIRE:
		counters.elements_expired++;
		break;
	case STORE_EVICT:
		counters.elements_evicted++;
		break;
	case STORE_DROP:
		counters.elements_dropped++;
		break;
	}
}

static void settle_done(struct store *store, const struct store_change *undo)
{
	count_done(undo->reason);
	store_record(store, undo->element, event_of(undo->reason), undo->name);
	if (operation_of(undo->reason) == ELEMENT_DELETE) {
		store_bury(store, undo->element);
		return;
	}
	store_element_at(store, undo->element)->state = STORE_KNOWN;
	store_heap_insert(store, undo->element);
}

static bool result_unknown(int error)
{
	return error == -ETIMEDOUT || error == -ENOBUFS;
}

static void settle_failed(struct store *store, const struct store_change *undo, int error)
{
	struct store_element *element = store_element_at(store, undo->element);

	counters.elements_refused++;
	store_record(store, undo->element, EVENTS_refused, undo->name);
	element->deadline = undo->old_deadline;
	if (undo->reason == STORE_ADD) {
		if (!result_unknown(error)) {
			store_remove(store, undo->element);
			return;
		}
		counters.elements_added++;
		element->state = STORE_DOUBTFUL;
		element->deadline = STORE_DUE;
	} else if (undo->reason == STORE_DROP) {
		element->state = STORE_UNWANTED;
		element->deadline = STORE_DUE;
	}
	store_heap_insert(store, undo->element);
}

uint64_t store_plan_settle(struct store *store)
{
	uint64_t failed = 0;

	store->plan.dying = 0;
	for (size_t i = 0; i < store->plan.count; i++) {
		const struct store_change *undo = &store->plan.undo[i];
		int error = store->plan.changes[i].error;

		store_element_at(store, undo->element)->place = 0;
		store_element_at(store, undo->element)->planned = false;
		if (error) {
			failed |= undo->packets;
			settle_failed(store, undo, error);
		} else {
			settle_done(store, undo);
		}
	}
	store->plan.count = 0;
	store->plan.comment_count = 0;
	store->plan.comment_name = 0;
	return failed;
}
