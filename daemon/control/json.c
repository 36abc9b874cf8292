/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/json.h"

#include <string.h>

#include "base/escape.h"

json_t *control_json_text(const char *text)
{
	char escaped[1024];
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	escape_text(escaped, sizeof(escaped), text, strlen(text));
	return json_string(escaped);
}

json_t *control_json_count(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

void control_json_set(json_t **object, const char *key, json_t *value)
{
	if (!*object) {
		json_decref(value);
		return;
	}
	/* json_object_set_new() takes a NULL value as a failure */
	if (json_object_set_new(*object, key, value) != 0) {
		json_decref(*object);
		*object = NULL;
	}
}

void control_json_add(json_t **array, json_t *value)
{
	if (!*array) {
		json_decref(value);
		return;
	}
	if (json_array_append_new(*array, value) != 0) {
		json_decref(*array);
		*array = NULL;
	}
}

int control_json_holds(const json_t *array, const char *text)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *item = json_string_value(json_array_get(array, i));

		if (item && strcmp(item, text) == 0)
			return 1;
	}
	return 0;
}

void control_json_add_once(json_t **array, json_t *texts)
{
	for (size_t i = 0; i < json_array_size(texts); i++) {
		json_t *text = json_array_get(texts, i);

		if (!control_json_holds(*array, json_string_value(text)))
			control_json_add(array, json_incref(text));
	}
	json_decref(texts);
}
