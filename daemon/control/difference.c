/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/difference.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"

/* As large as an entry's name and a row's key can be. */
#define KEY_SIZE 512

json_t *control_difference_texts(const json_t *list, const json_t *other)
{
	json_t *set = json_object(), *out = json_array();

	for (size_t i = 0; i < json_array_size(other); i++)
		if (json_is_string(json_array_get(other, i)))
			control_json_set(&set, json_string_value(json_array_get(other, i)), json_true());
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);

		if (json_is_string(item) && !json_object_get(set, json_string_value(item)))
			control_json_add(&out, json_incref(item));
	}
	json_decref(set);
	return out;
}

/* ---- an overview as "DIRECTION ENTRY ROW" -> entry or row ---- */

static void add_key(json_t **out, const json_t *entry, const char *row, json_t *object)
{
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "%.16s %.200s %.200s", json_string_value(json_object_get(entry, "direction")),
		 json_string_value(json_object_get(entry, "entry")), row);
	control_json_set(out, key, json_incref(object));
}

static json_t *by_key(const json_t *overview)
{
	const json_t *entries = json_object_get(overview, "entries");
	json_t *out = json_object();

	for (size_t i = 0; i < json_array_size(entries); i++) {
		json_t *entry = json_array_get(entries, i);
		const json_t *rows = json_object_get(entry, "rows");

		add_key(&out, entry, "", entry);
		for (size_t k = 0; k < json_array_size(rows); k++) {
			json_t *row = json_array_get(rows, k);

			add_key(&out, entry, json_string_value(json_object_get(row, "row")), row);
		}
	}
	return out;
}

/* ---- one of them ---- */

/* Ports of an entry are those of its rows too: of it they are told only where they are its own. */
static json_t *changed_settings(const json_t *before, const json_t *after)
{
	static const char *const keys[] = { "ports",   "to",       "group",    "clouds", "regions", "tenant",
					    "private", "lifetime", "rentable", "broad",  NULL };
	json_t *out = json_array();

	for (size_t i = 0; before && after && keys[i]; i++) {
		const json_t *one = json_object_get(before, keys[i]), *other = json_object_get(after, keys[i]);

		if (i == 0 && json_array_size(json_object_get(after, "rows")))
			continue;
		if ((one || other) && !json_equal(one, other))
			control_json_add(&out, json_string(keys[i]));
	}
	return out;
}

static void set_texts(json_t **change, const char *key, const char *list, const json_t *of, const json_t *without)
{
	control_json_set(change, key,
			 control_difference_texts(json_object_get(of, list), json_object_get(without, list)));
}

static int is_empty(const json_t *change)
{
	static const char *const lists[] = { "names_gained",  "names_lost", "prefixes_gained",
					     "prefixes_lost", "settings",   NULL };

	for (size_t i = 0; lists[i]; i++)
		if (json_array_size(json_object_get(change, lists[i])))
			return 0;
	return 1;
}

/* Either may be NULL: it is new, or gone. */
static void add_change(json_t **out, const char *key, const json_t *before, const json_t *after)
{
	const char *entry = strchr(key, ' ') + 1, *row = strchr(entry, ' ') + 1;
	json_t *change = json_object();

	control_json_set(&change, "entry", json_stringn(entry, (size_t)(row - entry) - 1));
	control_json_set(&change, "row", *row ? json_string(row) : json_null());
	control_json_set(&change, "state", json_string(!before ? "new" : after ? "changed" : "gone"));
	set_texts(&change, "names_gained", "names", after, before);
	set_texts(&change, "names_lost", "names", before, after);
	set_texts(&change, "prefixes_gained", "prefixes", after, before);
	set_texts(&change, "prefixes_lost", "prefixes", before, after);
	control_json_set(&change, "settings", changed_settings(before, after));
	if (before && after && is_empty(change))
		json_decref(change);
	else
		control_json_add(out, change);
}

json_t *control_difference(const json_t *before, const json_t *after)
{
	json_t *old = by_key(before), *new = by_key(after), *out = json_array(), *object;
	const char *key;

	json_object_foreach(new, key, object) add_change(&out, key, json_object_get(old, key), object);
	json_object_foreach(old, key, object)
	{
		if (!json_object_get(new, key))
			add_change(&out, key, object, NULL);
	}
	json_decref(old);
	json_decref(new);
	return out;
}
