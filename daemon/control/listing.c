/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/denied.h"
#include "control/describe.h"
#include "control/json.h"
#include "control/record.h"
#include "learn/state_text.h"

/* Octets of packets told in one piece, or those of one packet. */
#define RECORDS_OCTETS 16384

struct export
{
	struct state_writer writer;
	struct monotime began; /* lives are told as of then */
	bool headed;
	int64_t stamp;
	char line[LIMIT_STATE_LINE];
};

struct control_listing {
	struct export *export; /* NULL: objects for people and programs */
	const struct control_listing_denials *which; /* while collecting denials */
	struct denials_key *denied; /* NULL: elements are told */
	struct events_place {
		uint64_t at, end; /* the first one not told, and the one that is not asked for any more; 0: no events */
		uint32_t kinds;
		bool restarted; /* what was asked for is of an earlier run */
	} events;
	bool records; /* `events` are the places of packets that were recorded */
	uint64_t newest; /* sequence number of denials when they were collected */
	struct element_key *keys;
	size_t count, room;
	size_t next; /* the first one not told */
	bool begun; /* one was told: the next needs a comma */
	bool failed; /* memory ran out while collecting */
	const struct ipaddr *address; /* while collecting: only this one */
};

/* ---- which elements ---- */

static bool grow(struct control_listing *listing)
{
	size_t room = listing->room ? 2 * listing->room : 64;
	struct element_key *keys = reallocarray(listing->keys, room, sizeof(*keys));

	if (!keys)
		return false;
	listing->keys = keys;
	listing->room = room;
	return true;
}

static bool collect(void *context, const struct store_view *view)
{
	struct control_listing *listing = context;

	if (listing->address && !ipaddr_equal(listing->address, &view->key.address))
		return true;
	if (listing->count == listing->room && !grow(listing)) {
		listing->failed = true;
		return false;
	}
	listing->keys[listing->count++] = view->key;
	return true;
}

int control_listing_new(const struct control_context *context, const struct ipaddr *address,
			const struct dns_name *name, struct control_listing **out)
{
	struct control_listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		return -ENOMEM;
	listing->address = address;
	if (name)
		store_visit_name(context->store, name, collect, listing);
	else
		store_visit(context->store, collect, listing);
	listing->address = NULL;
	if (listing->failed) {
		control_listing_free(listing);
		return -ENOMEM;
	}
	*out = listing;
	return 0;
}

int control_listing_export(const struct control_context *context, struct monotime now, int64_t wall,
			   struct control_listing **out)
{
	struct control_listing *listing;
	int error = control_listing_new(context, NULL, NULL, &listing);

	if (error < 0)
		return error;
	listing->export = calloc(1, sizeof(*listing->export));
	if (!listing->export) {
		control_listing_free(listing);
		return -ENOMEM;
	}
	listing->export->began = now;
	listing->export->stamp = wall / 1000;
	*out = listing;
	return 0;
}

/* ---- which denials ---- */

static bool collect_denied(void *context, const struct denials_record *record)
{
	struct control_listing *listing = context;
	const struct control_listing_denials *which = listing->which;

	if (record->sequence <= which->after || (which->has_since && monotime_before(record->last, which->since)))
		return false; /* and all that follow are older */
	listing->denied[listing->count++] = record->key;
	return true;
}

int control_listing_denied(const struct control_context *context, const struct control_listing_denials *which,
			   struct control_listing **out)
{
	struct control_listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		return -ENOMEM;
	listing->denied = calloc(denials_count(context->denials) + 1, sizeof(*listing->denied));
	if (!listing->denied) {
		control_listing_free(listing);
		return -ENOMEM;
	}
	listing->which = which;
	denials_visit(context->denials, collect_denied, listing);
	listing->which = NULL;
	listing->newest = denials_sequence(context->denials);
	*out = listing;
	return 0;
}

/* ---- which events ---- */

int control_listing_events(const struct control_context *context, const struct control_event_filter *which,
			   struct control_listing **out)
{
	const struct events *events = context->events;
	struct control_listing *listing = calloc(1, sizeof(*listing));
	uint64_t begin = events_begin(events), next = events_next(events);

	if (!listing)
		return -ENOMEM;
	listing->events = (struct events_place) { which->after + 1, next, which->kinds, false };
	if (which->now)
		listing->events.at = next;
	else if (which->after == 0)
		listing->events.at = events_oldest(events);
	else if (which->after + 1 < begin || which->after >= next) {
		listing->events.at = begin;
		listing->events.restarted = true;
	}
	*out = listing;
	return 0;
}

int control_listing_records(const struct control_context *context, const uint64_t *after, struct control_listing **out)
{
	struct control_listing *listing = calloc(1, sizeof(*listing));
	uint64_t next = recorder_next(context->recorder);

	if (!listing)
		return -ENOMEM;
	listing->records = true;
	listing->events = (struct events_place) { .at = next, .end = next };
	if (after && *after + 1 < next)
		listing->events.at = *after + 1;
	*out = listing;
	return 0;
}

void control_listing_free(struct control_listing *listing)
{
	if (!listing)
		return;
	free(listing->export);
	free(listing->denied);
	free(listing->keys);
	free(listing);
}

size_t control_listing_count(const struct control_listing *listing)
{
	return listing->count;
}

uint64_t control_listing_sequence(const struct control_listing *listing)
{
	return listing->events.end ? listing->events.end - 1 : 0;
}

/* ---- one element ---- */

static void add_entries(json_t **entries, const struct policy *policy, const struct dns_name *name,
			const struct element_key *key)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t count = policy_match_name(policy, name, rules);

	for (size_t i = 0; i < count; i++) {
		const char *entry = rules[i]->entry->config->name;

		if (control_describe_rule_brings(rules[i], key) && !control_json_holds(*entries, entry))
			control_json_add(entries, control_json_text(entry));
	}
}

static json_t *element_json(const struct control_context *context, const struct store_view *view, struct monotime now)
{
	json_t *object = json_object(), *names = json_array(), *entries = json_array(), *derived = json_array();
	char address[IPADDR_TEXT_SIZE], name[DNS_NAME_TEXT_SIZE];
	const struct element_key *key = &view->key;

	for (size_t i = 0; i < view->name_count; i++) {
		control_json_add(&names, json_string(dns_name_to_text(&view->names[i].name, name)));
		if (view->names[i].derived)
			control_json_add(&derived, json_string(name));
		add_entries(&entries, context->policy, &view->names[i].name, key);
	}
	control_json_set(&object, "family", json_string(key->address.family == IPADDR_V4 ? "ipv4" : "ipv6"));
	control_json_set(&object, "address", json_string(ipaddr_to_text(&key->address, address)));
	control_json_set(&object, "proto", json_string(control_describe_proto(key->l4proto)));
	control_json_set(&object, "port", control_describe_port(key->l4proto, key->port));
	control_json_set(&object, "group", control_json_text(control_describe_group(context->policy, key->group)));
	control_json_set(&object, "names", names);
	control_json_set(&object, "entries", entries);
	if (json_array_size(derived) > 0)
		control_json_set(&object, "derived", derived);
	else
		json_decref(derived);
	control_json_set(&object, "ttl", json_integer(view->ttl));
	control_json_set(&object, "expires_in", control_describe_left(now, view->deadline));
	return object;
}

/* ---- one line of an export ---- */

static void add_line(json_t **array, const struct export *export, size_t length)
{
	control_json_add(array, json_stringn(export->line, length - 1)); /* without its '\n' */
}

static void export_element(struct export *export, const struct control_context *context, const struct store_view *view,
			   json_t **array)
{
	int64_t life = monotime_until(export->began, view->deadline) / 1000;

	if (life < 1 || view->name_count == 0)
		return;
	add_line(array, export,
		 state_text_record(&export->writer, control_describe_group(context->policy, view->key.group), view,
				   life > UINT32_MAX ? UINT32_MAX : (uint32_t)life, export->line));
}

static json_t *export_json(struct control_listing *listing, const struct control_context *context)
{
	struct export *export = listing->export;
	json_t *array = json_array();
	struct store_view view;

	if (!export->headed)
		add_line(&array, export, state_text_head(&export->writer, export->stamp, export->line));
	export->headed = true;
	for (size_t told = 0; told < CONTROL_LISTING_PIECE && listing->next < listing->count; told++)
		if (store_find(context->store, &listing->keys[listing->next++], &view) == 0)
			export_element(export, context, &view, &array);
	if (listing->next == listing->count)
		add_line(&array, export, state_text_end(&export->writer, export->line));
	return array;
}

/* ---- a piece ---- */

static json_t *piece_json(struct control_listing *listing, const struct control_context *context, struct monotime now)
{
	json_t *array = json_array();
	struct store_view view;

	for (size_t told = 0; told < CONTROL_LISTING_PIECE && listing->next < listing->count; told++) {
		if (store_find(context->store, &listing->keys[listing->next++], &view) == 0)
			control_json_add(&array, element_json(context, &view, now));
	}
	return array;
}

/* The last one collected is the oldest. One forgotten meanwhile is left out. */
static json_t *denied_json(struct control_listing *listing, const struct control_context *context, struct monotime now)
{
	json_t *array = json_array();
	bool looked = false;

	for (size_t told = 0; told < CONTROL_LISTING_PIECE && !looked && listing->next < listing->count; told++) {
		const struct denials_key *key = &listing->denied[listing->count - ++listing->next];
		const struct denials_record *record = denials_find(context->denials, key);
		struct denials_record told_record;
		struct control_denied denied;

		if (!record)
			continue;
		told_record = *record;
		if (told_record.sequence > listing->newest) /* who asks for what comes after must get others of then */
			told_record.sequence = listing->newest;
		control_denied_judge(context, now, &told_record, &denied);
		control_json_add(&array, control_denied_json(context, now, &told_record, &denied));
		looked = denied.looked;
	}
	return array;
}

/* Those that are gone since they were asked for, or told last. */
static void add_lost(struct events_place *place, const struct events *events, json_t **array)
{
	uint64_t oldest = events_oldest(events);

	if (place->restarted)
		control_json_add(array, control_event_lost(oldest, 0));
	else if (place->at < oldest)
		control_json_add(array, control_event_lost(oldest, oldest - place->at));
	place->restarted = false;
	if (place->at < oldest)
		place->at = oldest;
}

static json_t *events_json(struct control_listing *listing, const struct control_context *context, struct monotime now)
{
	struct events_place *place = &listing->events;
	json_t *array = json_array();
	bool looked = false;

	add_lost(place, context->events, &array);
	for (size_t told = 0; told < CONTROL_LISTING_PIECE && !looked && place->at < place->end; place->at++) {
		const struct events_record *record = events_find(context->events, place->at);

		if (!record || !(place->kinds >> record->kind & 1))
			continue;
		control_json_add(&array, control_event_json(context, now, record, &looked));
		told++;
	}
	return array;
}

static json_t *records_json(struct control_listing *listing, const struct control_context *context, struct monotime now)
{
	struct events_place *place = &listing->events;
	uint64_t oldest = recorder_oldest(context->recorder);
	json_t *array = json_array();
	size_t octets = 0;

	if (place->at < oldest) {
		control_json_add(&array, control_record_lost(oldest - 1, oldest - place->at));
		place->at = oldest;
	}
	for (size_t told = 0; told < CONTROL_LISTING_PIECE && octets < RECORDS_OCTETS && place->at < place->end;
	     told++) {
		const struct recorder_record *record = recorder_find(context->recorder, place->at++);

		if (!record)
			continue;
		control_json_add(&array, control_record_json(context, now, record));
		octets += record->length;
	}
	return array;
}

static json_t *next_json(struct control_listing *listing, const struct control_context *context, struct monotime now)
{
	if (listing->export)
		return export_json(listing, context);
	if (listing->records)
		return records_json(listing, context, now);
	if (listing->events.end)
		return events_json(listing, context, now);
	return listing->denied ? denied_json(listing, context, now) : piece_json(listing, context, now);
}

/* "[a, b]" becomes "a, b", or ", a, b" when others stand before it. */
static void without_brackets(char *text, bool comma)
{
	size_t length = strlen(text);

	text[length - 1] = '\0';
	if (comma)
		text[0] = ',';
	else
		memmove(text, text + 1, length - 1);
}

char *control_listing_next(struct control_listing *listing, const struct control_context *context, struct monotime now,
			   bool *more)
{
	json_t *array = next_json(listing, context, now);
	bool empty = json_array_size(array) == 0;
	char *text = array ? json_dumps(array, JSON_COMPACT) : NULL;

	json_decref(array);
	if (!text)
		return NULL;
	without_brackets(text, listing->begun && !empty);
	listing->begun |= !empty;
	*more = listing->events.end ? listing->events.at < listing->events.end : listing->next < listing->count;
	return text;
}
