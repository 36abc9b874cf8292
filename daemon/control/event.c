/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/event.h"

#include <errno.h>
#include <string.h>

#include "control/denied.h"
#include "control/describe.h"
#include "control/json.h"
#include "control/protocol.h"
#include "control/request.h"

#define WORD(symbol, word, help) " " word
#define ALL_WORDS EVENTS(WORD)

/* ---- which ---- */

static int add_kind(const json_t *text, uint32_t *kinds)
{
	for (int i = 0; json_is_string(text) && i < EVENTS_KINDS; i++)
		if (strcmp(json_string_value(text), events_word((enum events_kind)i)) == 0) {
			*kinds |= UINT32_C(1) << i;
			return 0;
		}
	return -EINVAL;
}

int control_event_read(const json_t *request, struct control_event_filter *out, const char **why)
{
	const json_t *words = json_object_get(request, "kinds");
	struct control_event_filter filter = { .kinds = UINT32_MAX };
	int after = control_request_number(request, "after", INT64_MAX, &filter.after);

	*why = "\"after\" is the sequence number of an event";
	if (after == -EINVAL)
		return -EINVAL;
	filter.now = after == -ENOENT;
	*why = "\"kinds\" is an array of some of:" ALL_WORDS;
	if (words && !json_is_null(words)) {
		filter.kinds = 0;
		if (json_array_size(words) == 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < json_array_size(words); i++)
		if (add_kind(json_array_get(words, i), &filter.kinds) < 0)
			return -EINVAL;
	*out = filter;
	return 0;
}

/* ---- one event ---- */

json_t *control_event_head(uint64_t sequence, const char *kind)
{
	json_t *object = json_object();

	control_json_set(&object, "api", json_integer(CONTROL_API));
	control_json_set(&object, "sequence", control_json_count(sequence));
	control_json_set(&object, "kind", json_string(kind));
	return object;
}

static json_t *name_json(const struct events_record *record)
{
	char text[DNS_NAME_TEXT_SIZE];

	return record->named ? json_string(dns_name_to_text(&record->name, text)) : json_null();
}

static void add_element(json_t **object, const struct control_context *context, const struct events_record *record)
{
	const struct element_key *key = &record->element;
	char text[IPADDR_TEXT_SIZE];

	control_json_set(object, "family", json_string(key->address.family == IPADDR_V4 ? "ipv4" : "ipv6"));
	control_json_set(object, "address", json_string(ipaddr_to_text(&key->address, text)));
	control_json_set(object, "proto", json_string(control_describe_proto(key->l4proto)));
	control_json_set(object, "port", control_describe_port(key->l4proto, key->port));
	control_json_set(object, "group",
			 key->group == EVENTS_NO_GROUP
				 ? json_null()
				 : control_json_text(control_describe_group(context->policy, key->group)));
	control_json_set(object, "name", name_json(record));
	if (record->kind == EVENTS_learned || record->kind == EVENTS_refreshed)
		control_json_set(object, "life", json_integer(record->life_ms / 1000));
}

/* As `denied` tells it, but for what is about many packets. */
static void add_denial(json_t **object, const struct control_context *context, struct monotime now,
		       const struct events_record *record, bool *looked)
{
	struct denials_record denial = { .key = record->denial,
					 .sequence = record->sequence,
					 .count = 1,
					 .first = record->time,
					 .last = record->time,
					 .named = record->named };
	struct control_denied denied;
	json_t *told;

	if (record->named)
		denial.name = record->name;
	control_denied_judge(context, now, &denial, &denied);
	*looked = denied.looked;
	told = control_denied_json(context, now, &denial, &denied);
	json_object_del(told, "first");
	json_object_del(told, "last");
	json_object_del(told, "count");
	if (!*object || !told || json_object_update_missing(*object, told) < 0) {
		json_decref(*object);
		*object = NULL;
	}
	json_decref(told);
}

json_t *control_event_json(const struct control_context *context, struct monotime now,
			   const struct events_record *record, bool *looked)
{
	json_t *object = control_event_head(record->sequence, events_word(record->kind));

	control_json_set(&object, "time",
			 json_real((double)(context->wall() - monotime_until(record->time, now)) / 1000));
	switch (record->kind) {
	case EVENTS_learned:
	case EVENTS_refreshed:
	case EVENTS_expired:
	case EVENTS_evicted:
	case EVENTS_dropped:
	case EVENTS_refused:
		add_element(&object, context, record);
		break;
	case EVENTS_denied:
		add_denial(&object, context, now, record, looked);
		break;
	case EVENTS_started:
	case EVENTS_reloaded:
	case EVENTS_reload_refused:
	case EVENTS_reload_undone:
	case EVENTS_enforcing:
	case EVENTS_table_lost:
	case EVENTS_table_rebuilt:
		control_json_set(&object, "generation", control_json_count(record->generation));
		break;
	case EVENTS_KINDS:
		break;
	}
	return object;
}

json_t *control_event_lost(uint64_t sequence, uint64_t count)
{
	json_t *object = control_event_head(sequence - 1, "lost");

	control_json_set(&object, "count", count ? control_json_count(count) : json_null());
	return object;
}
