/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_json.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"

/* Walks the text in step with what jansson has made of it, which has no lines: both in the order of the text. */
struct walk {
	struct config_reader *reader;
	const char *at, *end;
	unsigned int line;
	unsigned int depth;
	bool bad;
};

bool config_json_is(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length && isspace((unsigned char)text[at]))
		at++;
	return at < length && text[at] == '{';
}

/* To the next octet that is none of these. */
static void skip(struct walk *walk, const char *octets)
{
	while (walk->at < walk->end && strchr(octets, *walk->at)) {
		walk->line += *walk->at == '\n';
		walk->at++;
	}
}

/* Over a text; jansson has seen that it ends, on its line. */
static void skip_text(struct walk *walk)
{
	for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++)
		walk->at += *walk->at == '\\';
	if (walk->at < walk->end)
		walk->at++;
}

#define BETWEEN " \t\r\n,:{}[]"

/* Over a plain value, or into a group or list; its line. */
static unsigned int take_value(struct walk *walk, const json_t *value)
{
	bool opens = json_is_object(value) || json_is_array(value);
	unsigned int line;

	skip(walk, opens ? " \t\r\n,:]}" : BETWEEN);
	line = walk->line;
	if (opens)
		walk->at += walk->at < walk->end;
	else if (json_is_string(value))
		skip_text(walk);
	else
		while (walk->at < walk->end && !strchr(BETWEEN, *walk->at))
			walk->at++;
	return line;
}

static int type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return CONFIG_TYPE_GROUP;
	case JSON_ARRAY:
		return CONFIG_TYPE_LIST;
	case JSON_STRING:
		return CONFIG_TYPE_STRING;
	case JSON_INTEGER:
		return CONFIG_TYPE_INT64;
	case JSON_REAL:
		return CONFIG_TYPE_FLOAT;
	case JSON_TRUE:
	case JSON_FALSE:
		return CONFIG_TYPE_BOOL;
	case JSON_NULL:
		break;
	}
	return CONFIG_TYPE_NONE;
}

static void set(config_setting_t *setting, const json_t *value)
{
	if (json_is_string(value))
		config_setting_set_string(setting, json_string_value(value));
	else if (json_is_integer(value))
		config_setting_set_int64(setting, json_integer_value(value));
	else if (json_is_real(value))
		config_setting_set_float(setting, json_real_value(value));
	else if (json_is_boolean(value))
		config_setting_set_bool(setting, json_is_true(value));
}

static void tell(struct walk *walk, unsigned int line, const char *what)
{
	config_reader_error(walk->reader, line, "%s", what);
	walk->bad = true;
}

static void add(struct walk *walk, config_setting_t *parent, const char *name, const json_t *value);

/* NOLINTNEXTLINE(misc-no-recursion) no deeper than LIMIT_CONFIG_DEPTH */
static void add_members(struct walk *walk, config_setting_t *group, const json_t *object)
{
	const char *key;
	json_t *value;

	/* clang-format off */
	json_object_foreach((json_t *)object, key, value) {
		size_t back = config_reader_enter(walk->reader, key);

		if (walk->bad)
			break;
		skip(walk, BETWEEN);
		skip_text(walk);
		add(walk, group, key, value);
		config_reader_leave(walk->reader, back);
	}
	/* clang-format on */
}

/* NOLINTNEXTLINE(misc-no-recursion) no deeper than LIMIT_CONFIG_DEPTH */
static void add(struct walk *walk, config_setting_t *parent, const char *name, const json_t *value)
{
	unsigned int line = take_value(walk, value);
	config_setting_t *setting;

	if (json_is_null(value)) /* as if it were not there */
		return;
	setting = walk->depth < LIMIT_CONFIG_DEPTH ? config_setting_add(parent, name, type_of(value)) : NULL;
	if (!setting) {
		tell(walk, line,
		     walk->depth == LIMIT_CONFIG_DEPTH
			     ? "groups and lists stand too deep in one another"
			     : "a name begins with a letter and has letters, digits, '-' and '_'");
		return;
	}
	config_setting_set_hook(setting, (void *)(uintptr_t)line);
	set(setting, value);
	walk->depth++;
	if (json_is_object(value))
		add_members(walk, setting, value);
	for (size_t i = 0; i < json_array_size(value) && !walk->bad; i++) {
		size_t back = config_reader_enter_item(walk->reader, (unsigned int)i);

		add(walk, setting, NULL, json_array_get(value, i));
		config_reader_leave(walk->reader, back);
	}
	walk->depth--;
}

int config_json_read(struct config_reader *reader, const char *text, size_t length, config_t *file)
{
	struct walk walk = { .reader = reader, .at = text, .end = text + length, .line = 1 };
	json_error_t error;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(root)) {
		config_reader_error(reader, error.line > 0 ? (unsigned int)error.line : 0, "not JSON: %s", error.text);
		json_decref(root);
		return -EINVAL;
	}
	add_members(&walk, config_root_setting(file), root);
	json_decref(root);
	return walk.bad ? -EINVAL : 0;
}
