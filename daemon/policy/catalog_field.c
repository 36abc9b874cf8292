/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/catalog_field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/problem.h"

void catalog_field_fault(struct catalog_field_reader *reader, const char *field, const char *format, ...)
{
	char setting[sizeof(reader->where) + 64], text[512];
	va_list args;

	if (reader->faults++ >= LIMIT_CATALOG_FAULTS)
		return;
	snprintf(setting, sizeof(setting), "%s%s%s", reader->where, *reader->where && *field ? "." : "", field);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problem_add(reader->problems, PROBLEM_ERROR, reader->file, 0, setting, "%s", text);
}

void *catalog_field_kept(struct catalog_field_reader *reader, void *memory)
{
	if (!memory)
		reader->out_of_memory = true;
	return memory;
}

const char *catalog_field_keep(struct catalog_field_reader *reader, const char *text)
{
	const char *copy = catalog_field_kept(reader, arena_strdup(reader->arena, text));

	return copy ? copy : "";
}

const char *catalog_field_kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "?";
}

const char *catalog_field_text(struct catalog_field_reader *reader, const char *field, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text) {
		catalog_field_fault(reader, field, "is %s; a text is expected", catalog_field_kind(value));
		return NULL;
	}
	if (!*text) {
		catalog_field_fault(reader, field, "is empty; leave the key out where there is nothing to say");
		return NULL;
	}
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at >= 0x20 && *at != 0x7f)
			continue;
		catalog_field_fault(reader, field, "\"%.150s\" has a control character in it", text);
		return NULL;
	}
	return text;
}

int catalog_field_choice(struct catalog_field_reader *reader, const char *field, const json_t *value,
			 const char *const *words)
{
	const char *text = catalog_field_text(reader, field, value), *near;
	char lawful[256];
	int used = 0;

	if (!text)
		return -1;
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	for (int i = 0; words[i]; i++)
		used += snprintf(lawful + used, sizeof(lawful) - (size_t)used, "%s%s", i ? ", " : "", words[i]);
	near = problem_nearest(text, words);
	catalog_field_fault(reader, field, "\"%.150s\" is unknown%s%s%s (lawful: %s)", text,
			    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", lawful);
	return -1;
}

/* Small letters, digits and '-' inside: what can stand in a key and in a configuration without quoting trouble. */
static bool word_is_good(const char *text)
{
	size_t length = strlen(text);

	return length <= LIMIT_CATALOG_WORD && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
	       text[0] != '-' && text[length - 1] != '-';
}

const char *catalog_field_word(struct catalog_field_reader *reader, const char *field, const json_t *value)
{
	const char *text = catalog_field_text(reader, field, value);

	if (!text)
		return NULL;
	if (word_is_good(text))
		return catalog_field_keep(reader, text);
	catalog_field_fault(reader, field,
			    "\"%.150s\" is no key: 1 to %d small letters, digits and '-' inside are allowed", text,
			    LIMIT_CATALOG_WORD);
	return NULL;
}

static bool date_is_good(const char *text)
{
	int month, day;

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return false;
	for (int i = 0; i < 10; i++)
		if (i != 4 && i != 7 && (text[i] < '0' || text[i] > '9'))
			return false;
	month = (text[5] - '0') * 10 + text[6] - '0';
	day = (text[8] - '0') * 10 + text[9] - '0';
	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

const char *catalog_field_date(struct catalog_field_reader *reader, const char *field, const json_t *value)
{
	const char *text = catalog_field_text(reader, field, value);

	if (!text)
		return NULL;
	if (date_is_good(text))
		return catalog_field_keep(reader, text);
	catalog_field_fault(reader, field, "\"%.150s\" is no date; one like 2025-01-31 is expected", text);
	return NULL;
}

bool catalog_field_flag(struct catalog_field_reader *reader, const char *field, const json_t *value)
{
	if (!json_is_boolean(value))
		catalog_field_fault(reader, field, "is %s; true or false is expected", catalog_field_kind(value));
	return json_is_true(value);
}

void catalog_field_list(struct catalog_field_reader *reader, const char *field, const json_t *value,
			struct catalog_list *out,
			void (*check)(struct catalog_field_reader *, const char *field, const json_t *item))
{
	size_t count = json_array_size(value);
	const char **items;

	if (!json_is_array(value) || count == 0) {
		catalog_field_fault(reader, field, "is %s; a list of texts is expected",
				    count                  ? catalog_field_kind(value)
				    : json_is_array(value) ? "an empty list"
							   : catalog_field_kind(value));
		return;
	}
	items = catalog_field_kept(reader, arena_array(reader->arena, count, sizeof(*items)));
	if (!items)
		return;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(value, i);
		char name[64];
		const char *text;

		snprintf(name, sizeof(name), "%s[%zu]", field, i);
		text = catalog_field_text(reader, name, item);
		if (text && check)
			check(reader, name, item);
		items[i] = catalog_field_keep(reader, text ? text : "");
	}
	*out = (struct catalog_list) { items, count };
}

static bool is_among(const char *key, const char *const *keys)
{
	for (; *keys; keys++)
		if (strcmp(*keys, key) == 0)
			return true;
	return false;
}

void catalog_field_refuse_unknown(struct catalog_field_reader *reader, json_t *object, const char *const *keys)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const char *near;

		if (is_among(key, keys))
			continue;
		near = problem_nearest(key, keys);
		catalog_field_fault(reader, "", "the key \"%.150s\" is unknown%s%s%s", key,
				    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
}

json_t *catalog_field_member(struct catalog_field_reader *reader, const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		catalog_field_fault(reader, "", "the key \"%s\" is missing", key);
	return value;
}
