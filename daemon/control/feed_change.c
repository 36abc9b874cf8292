/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/feed_change.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "control/difference.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* "service/feature/id" -> row, in the file's order. */
static json_t *rows_by_key(const json_t *file)
{
	json_t *out = json_object(), *rows = json_object_get(file, "rows");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);
		char key[LIMIT_CATALOG_KEY];

		snprintf(key, sizeof(key), "%.50s/%.50s/%.50s", text_of(file, "service"), text_of(row, "feature"),
			 text_of(row, "id"));
		json_object_set(out, key, row);
	}
	return out;
}

static void add_to_set(json_t *set, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			json_object_set_new(set, json_string_value(json_array_get(list, i)), json_true());
}

static json_t *changed_settings(const json_t *last, const json_t *next)
{
	static const char *const keys[] = { "tcpPorts",  "udpPorts", "category", "required", "cloud",
					    "direction", "regions",  "rentable", "broad",    NULL };
	json_t *out = json_array();

	for (size_t i = 0; last && next && keys[i]; i++) {
		const json_t *before = json_object_get(last, keys[i]), *after = json_object_get(next, keys[i]);

		if ((before || after) && !json_equal(before, after))
			json_array_append_new(out, json_string(keys[i]));
	}
	return out;
}

static bool is_empty(const json_t *change)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)change, key, value)
	{
		if (json_array_size(value))
			return false;
	}
	return true;
}

/* Either may be NULL. */
static void add_change(json_t *out, const char *key, const json_t *last, const json_t *next)
{
	json_t *change = json_object();

	json_object_set_new(change, "row", json_string(key));
	json_object_set_new(change, "state", json_string(!last ? "new" : next ? "changed" : "gone"));
	json_object_set_new(change, "names_gained",
			    control_difference_texts(json_object_get(next, "urls"), json_object_get(last, "urls")));
	json_object_set_new(change, "names_lost",
			    control_difference_texts(json_object_get(last, "urls"), json_object_get(next, "urls")));
	json_object_set_new(change, "prefixes_gained",
			    control_difference_texts(json_object_get(next, "ips"), json_object_get(last, "ips")));
	json_object_set_new(change, "prefixes_lost",
			    control_difference_texts(json_object_get(last, "ips"), json_object_get(next, "ips")));
	json_object_set_new(change, "settings", changed_settings(last, next));
	if (last && next && is_empty(change))
		json_decref(change);
	else
		json_array_append_new(out, change);
}

json_t *feed_change_rows(const json_t *last, const json_t *next)
{
	json_t *before = rows_by_key(last), *after = rows_by_key(next), *out = json_array(), *row;
	const char *key;

	json_object_foreach(after, key, row) add_change(out, key, json_object_get(before, key), row);
	json_object_foreach(before, key, row)
	{
		if (!json_object_get(after, key))
			add_change(out, key, row, NULL);
	}
	json_decref(before);
	json_decref(after);
	return out;
}

size_t feed_change_count(const json_t *rows, const char *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(rows); i++)
		count += json_array_size(json_object_get(json_array_get(rows, i), kind));
	return count;
}

const char *feed_change_version(const json_t *file)
{
	const json_t *row = json_array_get(json_object_get(file, "rows"), 0);

	return text_of(json_object_get(row, "source"), "version");
}

/* ---- the guard ---- */

/* Numbers of any length. */
static bool is_older(const char *version, const char *than)
{
	version += strspn(version, "0");
	than += strspn(than, "0");
	if (strlen(version) != strlen(than))
		return strlen(version) < strlen(than);
	return strcmp(version, than) < 0;
}

static json_t *texts_of(const json_t *file, const char *key)
{
	const json_t *rows = json_object_get(file, "rows");
	json_t *set = json_object();

	for (size_t i = 0; i < json_array_size(rows); i++)
		add_to_set(set, json_object_get(json_array_get(rows, i), key));
	return set;
}

/* False when more than half of the texts under `key` are gone. */
static bool keeps_half(const json_t *last, const json_t *next, const char *key, const char *what, char *why,
		       size_t size)
{
	json_t *before = texts_of(last, key), *after = texts_of(next, key), *ignored;
	size_t count = json_object_size(before), lost = 0;
	const char *text;

	json_object_foreach(before, text, ignored) lost += json_object_get(after, text) == NULL;
	json_decref(before);
	json_decref(after);
	if (2 * lost > count)
		snprintf(why, size, "it loses %zu of %zu %s, more than half of the last good one", lost, count, what);
	return 2 * lost <= count;
}

bool feed_change_lawful(const json_t *last, const json_t *next, char *why, size_t size)
{
	const char *before = feed_change_version(last), *after = feed_change_version(next);

	if (json_array_size(json_object_get(next, "rows")) == 0) {
		snprintf(why, size, "nothing of it is selected");
		return false;
	}
	if (!last)
		return true;
	if (*before && *after && is_older(after, before)) {
		snprintf(why, size, "its version %.40s is older than %.40s, the last good one", after, before);
		return false;
	}
	return keeps_half(last, next, "urls", "names", why, size) &&
	       keeps_half(last, next, "ips", "prefixes", why, size);
}
