/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/feed.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "dns/pattern.h"
#include "policy/policy.h"
#include "policy/value.h"

/* ---- what is wrong ---- */

/* The value as JSON, so that no octet of it does harm, and short. */
static void print_value(const json_t *value, char *out, size_t size)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);

	snprintf(out, size, "%.*s: ", 100, text ? text : "?");
	free(text);
}

void feed_fault(struct feed *feed, const char *where, const char *field, const json_t *value, const char *why)
{
	char setting[160], shown[128] = "";

	if (feed->skipped++ >= LIMIT_FEED_FAULTS)
		return;
	if (value)
		print_value(value, shown, sizeof(shown));
	snprintf(setting, sizeof(setting), "%.90s%s%.60s", where, *where && *field ? "." : "", field);
	problem_add(feed->problems, feed->strict ? PROBLEM_ERROR : PROBLEM_WARNING, feed->file, 0, setting, "%s%s",
		    shown, why);
}

void feed_refuse(struct feed *feed, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problem_add(feed->problems, PROBLEM_ERROR, feed->file, 0, "", "%s", text);
}

void feed_finish(struct feed *feed)
{
	if (feed->skipped > LIMIT_FEED_FAULTS)
		problem_add(feed->problems, feed->strict ? PROBLEM_ERROR : PROBLEM_WARNING, feed->file, 0, "",
			    "%zu more bad entries in this file", feed->skipped - LIMIT_FEED_FAULTS);
}

/* ---- texts ---- */

const char *feed_word(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (; *text && used + 1 < size && used < LIMIT_CATALOG_WORD; text++) {
		if (isalnum((unsigned char)*text))
			out[used++] = (char)tolower((unsigned char)*text);
		else if (used && out[used - 1] != '-')
			out[used++] = '-';
	}
	while (used && out[used - 1] == '-')
		used--;
	if (!used)
		out[used++] = 'x';
	out[used] = '\0';
	return out;
}

static void add_to_set(json_t *set, const char *text)
{
	json_object_set_new(set, text, json_true());
}

/* NULL, null and "" are nothing; what is no list is told. */
static bool is_list(struct feed *feed, const char *where, const char *field, const json_t *list)
{
	if (json_is_array(list))
		return true;
	if (list && !json_is_null(list) && !(json_is_string(list) && json_string_length(list) == 0))
		feed_fault(feed, where, field, list, "a list of texts is expected");
	return false;
}

/* "*.com" and the like: one label, and nothing but '*' before it. */
static bool opens_top_level(const char *name)
{
	const char *label = name + strspn(name, "*.");

	return label != name && !strchr(label, '.');
}

static void add_name(struct feed *feed, const char *where, const char *field, const json_t *item, json_t *out)
{
	const char *text = json_string_value(item), *why = "a name is expected, such as *.example.com";
	char name[256];
	size_t length = text ? strlen(text) : 0;

	if (!text || length >= sizeof(name)) {
		feed_fault(feed, where, field, item, why);
		return;
	}
	for (size_t i = 0; i <= length; i++)
		name[i] = (char)tolower((unsigned char)text[i]);
	if (pattern_check(name, &why))
		feed_fault(feed, where, field, item, why);
	else if (opens_top_level(name))
		feed_fault(feed, where, field, item, "it opens a whole top-level domain");
	else
		add_to_set(out, name);
}

void feed_add_names(struct feed *feed, const char *where, const json_t *list, json_t *out)
{
	char field[32];

	if (!is_list(feed, where, "urls", list))
		return;
	for (size_t i = 0; i < json_array_size(list); i++) {
		snprintf(field, sizeof(field), "urls[%zu]", i);
		add_name(feed, where, field, json_array_get(list, i), out);
	}
}

/* ---- prefixes ---- */

static bool too_wide(const struct value_range *range)
{
	size_t octets = range->first.family == IPADDR_V6 ? 2 : 1;

	return memcmp(range->first.bytes, range->last.bytes, octets) != 0;
}

static const char *check_prefix(const char *text, struct value_range *range)
{
	enum value_mended mended = VALUE_AS_WRITTEN;
	const char *why = NULL;

	if (!text || !*text)
		return "a prefix is expected, such as 192.0.2.0/24";
	if (value_range_from_text(text, range, &mended, &why))
		return why;
	if (mended == VALUE_HOST_BITS)
		return "bits are set beyond the prefix";
	if (too_wide(range))
		return "is wider than any service is (IPv4: /8, IPv6: /16)";
	if (policy_address_reserved(NULL, &range->first) || policy_address_reserved(NULL, &range->last))
		return "lies in reserved space, where no service is";
	return NULL;
}

static void add_prefix(struct feed *feed, const char *where, const char *field, const json_t *item, json_t *out)
{
	const char *text = json_string_value(item), *why;
	char written[VALUE_RANGE_TEXT_SIZE];
	struct value_range range;

	why = check_prefix(text, &range);
	if (why)
		feed_fault(feed, where, field, item, why);
	else
		add_to_set(out, value_range_to_text(&range, written));
}

void feed_add_prefixes(struct feed *feed, const char *where, const char *field, const json_t *list, json_t *out)
{
	char place[64];

	if (!is_list(feed, where, field, list))
		return;
	for (size_t i = 0; i < json_array_size(list); i++) {
		snprintf(place, sizeof(place), "%.40s[%zu]", field, i);
		add_prefix(feed, where, place, json_array_get(list, i), out);
	}
}

/* ---- ports ---- */

/* One piece without the blanks around it; false when it is none. */
static bool add_ports(const char *piece, size_t length, char *out)
{
	struct value_ports ports;
	char text[32], written[VALUE_PORTS_TEXT_SIZE];
	const char *why;
	size_t used = strlen(out);

	while (length && isspace((unsigned char)*piece)) {
		piece++;
		length--;
	}
	while (length && isspace((unsigned char)piece[length - 1]))
		length--;
	if (length == 0 || length > 16)
		return false;
	snprintf(text, sizeof(text), "tcp/%.*s", (int)length, piece);
	if (value_ports_from_text(text, &ports, &why) || used + VALUE_PORTS_TEXT_SIZE >= FEED_PORTS_SIZE)
		return false;
	snprintf(out + used, FEED_PORTS_SIZE - used, "%s%s", used ? "," : "",
		 value_ports_to_text(&ports, written) + strlen("tcp/"));
	return true;
}

void feed_read_ports(struct feed *feed, const char *where, const char *field, const json_t *value,
		     char out[FEED_PORTS_SIZE])
{
	const char *text = json_string_value(value);
	char number[32];
	bool good = true;

	out[0] = '\0';
	if (!value || json_is_null(value) || (text && !text[strspn(text, " \t")]))
		return;
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		text = number;
	}
	if (!text)
		good = false;
	for (; text; text = text[strcspn(text, ",")] ? text + strcspn(text, ",") + 1 : NULL)
		good = add_ports(text, strcspn(text, ","), out) && good;
	if (!good)
		feed_fault(feed, where, field, value, "a list of ports is expected, such as \"80,443,50000-59999\"");
}

/* ---- rows ---- */

/* Texts of others, perhaps cut: without control characters, blanks at their ends and half a letter of UTF-8. */
static void set_text(json_t *object, const char *key, const char *text)
{
	char *copy = text ? strdup(text + strspn(text, " \t\r\n")) : NULL;
	size_t length = copy ? strlen(copy) : 0;
	json_t *value = NULL;

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
			copy[i] = ' ';
	while (length && copy[length - 1] == ' ')
		copy[--length] = '\0';
	while (length && !(value = json_string(copy)))
		copy[--length] = '\0';
	free(copy);
	if (value)
		json_object_set_new(object, key, value);
}

static json_t *texts_json(const char *const *texts)
{
	json_t *array = json_array();

	for (; *texts; texts++)
		json_array_append_new(array, json_string(*texts));
	return array;
}

static void set_list(json_t *object, const char *key, const json_t *set)
{
	json_t *array;
	const char *text;
	json_t *ignored;

	if (!set || json_object_size(set) == 0)
		return;
	array = json_array();
	json_object_foreach((json_t *)set, text, ignored) json_array_append_new(array, json_string(text));
	json_object_set_new(object, key, array);
}

static json_t *source_json(const struct feed *feed, const struct feed_row *row)
{
	json_t *source = json_object();

	set_text(source, "document", row->document);
	set_text(source, "section", row->section);
	set_text(source, "version", feed->version);
	return source;
}

/* An id that no row has, and the row's key. */
static void free_id(const struct feed *feed, const struct feed_row *row, const char *flag,
		    char id[LIMIT_CATALOG_WORD + 1], char key[LIMIT_CATALOG_KEY])
{
	unsigned int again = 1;

	do {
		int used =
			snprintf(id, LIMIT_CATALOG_WORD + 1, "%.44s%s%s", row->id, flag ? "-" : "", flag ? flag : "");

		if (again > 1)
			snprintf(id + used, LIMIT_CATALOG_WORD + 1 - (size_t)used, "-%u", again);
		snprintf(key, LIMIT_CATALOG_KEY, "%.63s/%s", row->feature, id);
	} while (json_object_get(feed->rows, key) && ++again < 10000);
}

/* `flag`: "rentable", "broad" or NULL. */
static void append_row(struct feed *feed, const struct feed_row *row, const char *flag, const json_t *names)
{
	json_t *object = json_object();
	char id[LIMIT_CATALOG_WORD + 1], key[LIMIT_CATALOG_KEY];

	free_id(feed, row, flag, id, key);
	set_text(object, "feature", row->feature);
	set_text(object, "id", id);
	set_text(object, "title", row->title);
	set_list(object, "urls", names);
	if (!flag)
		set_list(object, "ips", row->prefixes);
	set_text(object, "tcpPorts", row->tcp_ports);
	set_text(object, "udpPorts", row->udp_ports);
	set_text(object, "category", row->category);
	json_object_set_new(object, "required", json_boolean(row->required));
	json_object_set_new(object, "cloud", texts_json(row->clouds));
	set_text(object, "direction", row->direction);
	if (row->region && *row->region)
		json_object_set_new(object, "regions", json_pack("[s]", row->region));
	set_text(object, "state", "published");
	set_text(object, "asOf", feed->as_of);
	if (flag)
		json_object_set_new(object, flag, json_true());
	set_text(object, "notes",
		 flag && !(row->notes && *row->notes) ? "As the built-in catalog says of these names." : row->notes);
	json_object_set_new(object, "source", source_json(feed, row));
	json_object_set_new(feed->rows, key, object);
}

/* "*.core.windows.net" holds "*.blob.core.windows.net". */
static bool covers(const char *name, const char *other)
{
	size_t length = strlen(name), tail = strlen(other);

	return strncmp(name, "*.", 2) == 0 && tail >= length && strcmp(name + 1, other + tail - length + 1) == 0;
}

/* The name's own flag, else that of what lies within it. */
static const char *flag_of(const struct feed *feed, const char *name)
{
	const char *flagged, *own = json_string_value(json_object_get(feed->flags, name));
	json_t *flag;

	if (own)
		return own;
	json_object_foreach((json_t *)feed->flags, flagged, flag)
	{
		if (covers(name, flagged))
			return json_string_value(flag);
	}
	return "";
}

static json_t *names_of_flag(const struct feed *feed, const json_t *names, const char *flag)
{
	json_t *set = json_object(), *ignored;
	const char *name;

	json_object_foreach((json_t *)names, name, ignored)
	{
		if (strcmp(flag_of(feed, name), flag) == 0)
			add_to_set(set, name);
	}
	return set;
}

void feed_add_row(struct feed *feed, const struct feed_row *row)
{
	static const char *const flags[] = { "", "rentable", "broad" };

	for (size_t i = 0; i < 3; i++) {
		json_t *names = names_of_flag(feed, row->names, flags[i]);

		if (json_object_size(names) || (i == 0 && json_object_size(row->prefixes)))
			append_row(feed, row, i ? flags[i] : NULL, names);
		json_decref(names);
	}
}
