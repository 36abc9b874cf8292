/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar: settings, groups and lists, and that no setting stands twice. */
#include "policy/config_scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config_scan_private.h"

/* Groups and lists inside each other: three are needed, and libconfig recurses. */
#define DEPTH_MAX 8
/* Settings of one group: entries are limited to fewer, and libconfig compares each new name with all before it. */
#define GROUP_MAX 4096

/* One setting's name, to find those that stand twice. */
struct config_name {
	unsigned int group;
	size_t outer; /* place of the setting whose group it stands in, NOWHERE at the top */
	struct config_token name;
};
#define NOWHERE SIZE_MAX

/* Groups and lists */

static void read_value(struct config_scanner *scan, enum config_expect next);
static void read_settings(struct config_scanner *scan);

static bool enter(struct config_scanner *scan)
{
	if (++scan->depth <= DEPTH_MAX)
		return true;
	config_scan_stop(scan, scan->token.line, "groups and lists are nested too deeply here");
	return false;
}

static void leave(struct config_scanner *scan, char closing, unsigned int line, enum config_expect next)
{
	scan->depth--;
	if (scan->stopped)
		return;
	if (scan->token.kind == CONFIG_TOKEN_END)
		config_scan_stop(scan, line, "what begins here with '%c' has no end: '%c' is missing",
				 closing == '}'   ? '{'
				 : closing == ']' ? '['
						  : '(',
				 closing);
	else if (!config_scan_is(scan, closing))
		config_scan_stop(scan, scan->token.line,
				 "a ',' or '%c' is missing before \"%s\" (the list begins on line %u)", closing,
				 config_scan_quote(scan->token).text, line);
	else
		config_scan_next(scan, next);
}

static void read_group(struct config_scanner *scan, enum config_expect next)
{
	unsigned int line = scan->token.line, group = scan->group;
	size_t outer = scan->outer;

	if (!enter(scan))
		return;
	scan->group = ++scan->groups;
	scan->outer = scan->seen_count - 1; /* the name last read is this group's */
	config_scan_next(scan, CONFIG_EXPECT_NAME);
	read_settings(scan);
	scan->group = group;
	scan->outer = outer;
	leave(scan, '}', line, next);
}

/* libconfig demands one type between [ and ], and no groups or lists. */
static void read_array_item(struct config_scanner *scan, enum config_plain *type, bool first)
{
	unsigned int line = scan->token.line;
	enum config_plain found;

	if (config_scan_is_one_of(scan, "{[(")) {
		config_scan_stop(scan, line, "'%c' inside [ ]: only plain values stand there", *scan->token.start);
		return;
	}
	found = config_scan_plain(scan, CONFIG_EXPECT_VALUE);
	if (!first && !scan->stopped && found != *type)
		config_scan_stop(scan, line,
				 "all values of a list are of one type: the first one here is %s, this one is %s",
				 config_scan_plain_name(*type), config_scan_plain_name(found));
	*type = found;
}

static void read_list(struct config_scanner *scan, char closing, enum config_expect next)
{
	unsigned int line = scan->token.line;
	enum config_plain type = CONFIG_PLAIN_SLIP;
	bool first = true;

	if (!enter(scan))
		return;
	config_scan_next(scan, CONFIG_EXPECT_VALUE);
	while (!scan->stopped && config_scan_begins_value(scan)) {
		if (closing == ']')
			read_array_item(scan, &type, first);
		else
			read_value(scan, CONFIG_EXPECT_VALUE);
		first = false;
		if (!config_scan_is(scan, ','))
			break;
		config_scan_next(scan, CONFIG_EXPECT_VALUE);
		if (config_scan_is(scan, closing))
			config_scan_stop(scan, scan->token.line,
					 "a ',' stands before '%c': the last item of a list has none", closing);
		else if (!config_scan_begins_value(scan) && scan->token.kind != CONFIG_TOKEN_END)
			config_scan_stop(scan, scan->token.line, "an item is missing between ',' and '%s'",
					 config_scan_quote(scan->token).text);
	}
	leave(scan, closing, line, next);
}

static void read_value(struct config_scanner *scan, enum config_expect next)
{
	if (config_scan_is(scan, '{'))
		read_group(scan, next);
	else if (config_scan_is(scan, '['))
		read_list(scan, ']', next);
	else if (config_scan_is(scan, '('))
		read_list(scan, ')', next);
	else
		config_scan_plain(scan, next);
}

/* Settings */

static bool is_name(const struct config_token *token)
{
	if (token->length == 0 || !(isalpha((unsigned char)token->start[0]) || token->start[0] == '*'))
		return false;
	for (size_t i = 0; i < token->length; i++)
		if (!isalnum((unsigned char)token->start[i]) && strchr("-_*", token->start[i]) == NULL)
			return false;
	return true;
}

static void refuse_name(struct config_scanner *scan)
{
	struct config_quote found = config_scan_quote(scan->token);
	unsigned int line = scan->token.line;

	if (scan->token.kind == CONFIG_TOKEN_TEXT)
		config_scan_stop(
			scan, line,
			"\"%s\" stands where the name of a setting is expected: a list is written [ \"a\", \"b\" ], "
			"and a name has no quotes",
			found.text);
	else if (scan->token.kind == CONFIG_TOKEN_PUNCTUATION && strchr(";,", *found.text) != NULL)
		config_scan_stop(scan, line, "one '%s' too many: a setting or its end is expected here", found.text);
	else if (scan->token.kind == CONFIG_TOKEN_PUNCTUATION)
		config_scan_stop(scan, line, "unexpected '%s': the name of a setting is expected here", found.text);
	else if (isdigit((unsigned char)*found.text))
		config_scan_stop(scan, line,
				 "the name %s begins with a digit: a name begins with a letter, for example x%s",
				 found.text, found.text);
	else
		config_scan_stop(scan, line,
				 "%s is no name: a name has letters, digits, '-' and '_', and begins with a letter",
				 found.text);
}

static void keep_name(struct config_scanner *scan)
{
	struct config_name seen = { .group = scan->group, .outer = scan->outer, .name = scan->token };

	if (scan->seen_count == scan->seen_capacity) {
		size_t capacity = scan->seen_capacity == 0 ? 64 : 2 * scan->seen_capacity;
		struct config_name *list = reallocarray(scan->seen, capacity, sizeof(*list));

		if (list == NULL) {
			scan->no_memory = scan->stopped = true;
			return;
		}
		scan->seen = list;
		scan->seen_capacity = capacity;
	}
	scan->seen[scan->seen_count++] = seen;
}

/* From the token after the name to the one after the value. */
static void read_assignment(struct config_scanner *scan, struct config_token name)
{
	if (config_scan_is_one_of(scan, "{[(") || scan->token.kind == CONFIG_TOKEN_TEXT) {
		config_scan_stop(scan, scan->token.line, "'=' is missing after the name: write %s = %s",
				 config_scan_quote(name).text, config_scan_is(scan, '{') ? "{ ... };" : "...;");
		return;
	}
	if (!config_scan_is_one_of(scan, "=:")) {
		config_scan_stop(scan, name.line, "%s stands here alone: write %s = ...; (a text in double quotes)",
				 config_scan_quote(name).text, config_scan_quote(name).text);
		return;
	}
	config_scan_next(scan, CONFIG_EXPECT_VALUE);
	if (config_scan_begins_value(scan))
		read_value(scan, CONFIG_EXPECT_NAME);
	else
		config_scan_stop(scan, name.line, "the value is missing after %s", config_scan_quote(name).text);
}

static void read_setting(struct config_scanner *scan)
{
	struct config_token name = scan->token;
	size_t length = scan->path_length;

	if (name.kind != CONFIG_TOKEN_WORD || !is_name(&name)) {
		refuse_name(scan);
		return;
	}
	if (config_scan_equals(&name, "true") || config_scan_equals(&name, "false")) {
		config_scan_stop(scan, name.line, "%s is a value, not a name", config_scan_quote(name).text);
		return;
	}
	keep_name(scan);
	config_scan_push_path(scan);
	config_scan_next(scan, CONFIG_EXPECT_NAME);
	read_assignment(scan, name);
	if (!scan->stopped && config_scan_is_one_of(scan, ";,"))
		config_scan_next(scan, CONFIG_EXPECT_NAME);
	config_scan_pop_path(scan, length);
}

static void read_settings(struct config_scanner *scan)
{
	unsigned int count = 0;

	while (!scan->stopped && scan->token.kind != CONFIG_TOKEN_END && !config_scan_is(scan, '}')) {
		if (++count > GROUP_MAX)
			config_scan_stop(scan, scan->token.line, "more than %d settings in one group", GROUP_MAX);
		else
			read_setting(scan);
	}
}

/* Duplicates */

static int compare_names(const struct config_name *a, const struct config_name *b)
{
	size_t shorter = a->name.length < b->name.length ? a->name.length : b->name.length;
	int order;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	order = memcmp(a->name.start, b->name.start, shorter);
	if (order != 0)
		return order;
	return a->name.length < b->name.length ? -1 : a->name.length > b->name.length;
}

static int compare_seen(const void *left, const void *right)
{
	const struct config_name *const *a = left, *const *b = right;
	int order = compare_names(*a, *b);

	return order != 0 ? order : *a < *b ? -1 : *a > *b;
}

static void set_path(struct config_scanner *scan, const struct config_name *seen)
{
	if (seen->outer != NOWHERE)
		set_path(scan, &scan->seen[seen->outer]);
	scan->token = seen->name;
	config_scan_push_path(scan);
}

static void tell_twice(struct config_scanner *scan, const struct config_name *first, const struct config_name *second)
{
	set_path(scan, second);
	config_scan_note(scan, second->name.line, "this stands twice: the first one is on line %u", first->name.line);
	config_scan_pop_path(scan, 0);
}

static void find_duplicates(struct config_scanner *scan)
{
	const struct config_name **sorted = calloc(scan->seen_count + 1, sizeof(const struct config_name *));

	if (sorted == NULL) {
		scan->no_memory = true;
		return;
	}
	for (size_t i = 0; i < scan->seen_count; i++)
		sorted[i] = &scan->seen[i];
	qsort(sorted, scan->seen_count, sizeof(const struct config_name *), compare_seen);
	for (size_t i = 1; i < scan->seen_count; i++)
		if (compare_names(sorted[i - 1], sorted[i]) == 0)
			tell_twice(scan, sorted[i - 1], sorted[i]);
	free(sorted);
}

/* The whole */

static bool check_octets(struct config_scanner *scan)
{
	if (scan->end - scan->at >= 3 && memcmp(scan->at, "\xef\xbb\xbf", 3) == 0) {
		config_scan_stop(scan, 1, "the file begins with a byte order mark: save it as plain UTF-8");
		return false;
	}
	for (const char *at = scan->at; at < scan->end; at++) {
		scan->line += *at == '\n';
		if (*at == '\0') {
			config_scan_stop(scan, scan->line,
					 "a NUL octet: this is no text file (or it is UTF-16; save it as UTF-8)");
			return false;
		}
	}
	scan->line = 1;
	return true;
}

static void read_file(struct config_scanner *scan)
{
	config_scan_next(scan, CONFIG_EXPECT_NAME);
	read_settings(scan);
	if (!scan->stopped && config_scan_is(scan, '}'))
		config_scan_stop(scan, scan->token.line, "one '}' too many: no group is open here");
	find_duplicates(scan);
}

int config_scan_text(const char *text, size_t length, const char *file, struct problems *problems,
		     struct config_scan *out)
{
	struct config_scanner scan = {
		.at = text,
		.end = text + length,
		.line = 1,
		.file = file,
		.problems = problems,
		.out = out,
		.outer = NOWHERE,
	};

	*out = (struct config_scan) { 0 };
	if (check_octets(&scan))
		read_file(&scan);
	free(scan.seen);
	if (scan.no_memory)
		return -ENOMEM;
	return scan.bad ? -EINVAL : 0;
}

void config_scan_release(struct config_scan *scan)
{
	free(scan->lines);
	*scan = (struct config_scan) { 0 };
}
