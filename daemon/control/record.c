/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/record.h"

#include <stdlib.h>

#include "control/event.h"
#include "control/json.h"

/* Two hexadecimal digits an octet. */
static json_t *octets_json(const uint8_t *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * length + 1);
	json_t *value = NULL;

	for (size_t i = 0; text && i < length; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	if (text)
		value = json_stringn_nocheck(text, 2 * length);
	free(text);
	return value;
}

static void add_answer(json_t **object, const struct recorder_record *record)
{
	char name[DNS_NAME_TEXT_SIZE];

	control_json_set(object, "verdict", json_string(snoop_fate_word(record->fate)));
	control_json_set(object, "name",
			 record->named ? json_string(dns_name_to_text(&record->name, name)) : json_null());
	control_json_set(object, "type", record->named ? json_integer(record->type) : json_null());
	control_json_set(object, "entry", record->entry[0] ? control_json_text(record->entry) : json_null());
}

json_t *control_record_json(const struct control_context *context, struct monotime now,
			    const struct recorder_record *record)
{
	json_t *object = control_event_head(record->sequence, record->query ? "query" : "answer");

	control_json_set(&object, "time",
			 json_real((double)(context->wall() - monotime_until(record->time, now)) / 1000));
	if (!record->query)
		add_answer(&object, record);
	control_json_set(&object, "length", json_integer(record->original));
	control_json_set(&object, "packet", octets_json(record->data, record->length));
	return object;
}

json_t *control_record_lost(uint64_t sequence, uint64_t count)
{
	json_t *object = control_event_head(sequence, "lost");

	control_json_set(&object, "count", control_json_count(count));
	return object;
}
