/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Groups and lists inside each other: three are needed, and libconfig recurses. */
#define DEPTH_MAX 8
/* Settings of one group: entries are limited to fewer, and libconfig compares each new name with all before it. */
#define GROUP_MAX 4096
/* Numbers and @include lines that are told of before giving up. */
#define NOTES_MAX 100
#define PATH_SIZE 256

enum token_kind {
	TOKEN_END,
	TOKEN_WORD, /* without quotes: a name, a number, true, false, or a slip */
	TOKEN_TEXT, /* in quotes; start and length are of what stands between them */
	TOKEN_PUNCTUATION, /* one of = : ; , { } [ ] ( ) */
};

/* In a value, ':' and '=' belong to a word: an address or a URL without quotes is told as a whole. */
enum expect { EXPECT_NAME, EXPECT_VALUE };

struct token {
	enum token_kind kind;
	const char *start;
	size_t length;
	unsigned int line;
};

/* One setting's name, to find those that stand twice. */
struct seen {
	unsigned int group;
	size_t outer; /* place of the setting whose group it stands in, NOWHERE at the top */
	struct token name;
};
#define NOWHERE SIZE_MAX

struct scan {
	const char *at, *end;
	unsigned int line;
	const char *file;
	struct problems *problems;
	struct config_scan *out;
	struct token token; /* the one to be judged next */
	bool bad; /* at least one problem */
	bool stopped; /* at a syntax error */
	bool no_memory;
	unsigned int notes;
	unsigned int depth;
	unsigned int group, groups; /* the group being read, and those begun so far */
	struct seen *seen; /* in the file's order */
	size_t seen_count, seen_capacity;
	size_t outer; /* see struct seen */
	char path[PATH_SIZE]; /* of the setting being read */
	size_t path_length;
};

/* Text of the file, shortened for a message. */
struct quote {
	char text[48];
};

static struct quote quote(struct token token)
{
	struct quote out;

	if (token.length < sizeof(out.text))
		snprintf(out.text, sizeof(out.text), "%.*s", (int)token.length, token.start);
	else
		snprintf(out.text, sizeof(out.text), "%.*s~", (int)sizeof(out.text) - 2, token.start);
	return out;
}

static void tell(struct scan *scan, unsigned int line, const char *format, va_list arguments)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, arguments);
	problem_add(scan->problems, PROBLEM_ERROR, scan->file, line, scan->path, "%s", text);
	scan->bad = true;
}

/* A problem after which reading goes on. */
static void __attribute__((format(printf, 3, 4))) note(struct scan *scan, unsigned int line, const char *format, ...)
{
	va_list arguments;

	if (scan->notes++ >= NOTES_MAX)
		return;
	va_start(arguments, format);
	tell(scan, line, format, arguments);
	va_end(arguments);
}

/* A problem that ends reading: what comes after it would be guesswork. */
static void __attribute__((format(printf, 3, 4))) stop(struct scan *scan, unsigned int line, const char *format, ...)
{
	va_list arguments;

	if (scan->stopped)
		return;
	va_start(arguments, format);
	tell(scan, line, format, arguments);
	va_end(arguments);
	scan->stopped = true;
}

static void pop_path(struct scan *scan, size_t length)
{
	scan->path[length] = '\0';
	scan->path_length = length;
}

/* Tokens */

static bool comment_begins(const struct scan *scan)
{
	return *scan->at == '#' || (*scan->at == '/' && (scan->at[1] == '/' || scan->at[1] == '*'));
}

static void skip_line(struct scan *scan)
{
	while (scan->at < scan->end && *scan->at != '\n')
		scan->at++;
}

static void skip_block_comment(struct scan *scan)
{
	unsigned int line = scan->line;

	for (scan->at += 2; scan->at < scan->end; scan->at++) {
		if (scan->at[0] == '*' && scan->at[1] == '/') {
			scan->at += 2;
			return;
		}
		if (*scan->at == '\n')
			scan->line++;
	}
	pop_path(scan, 0); /* it belongs to no setting */
	stop(scan, line, "the comment that begins here with /* has no end: */ is missing");
}

/* Where a setting may begin, the path is still that of the one before. */
static void skip_include(struct scan *scan)
{
	char first = scan->path[0];

	scan->path[0] = '\0';
	if (strncmp(scan->at, "@include", 8) == 0)
		note(scan, scan->line,
		     "@include is refused: the configuration is one file, so that each line that is "
		     "named is a line of it");
	else
		stop(scan, scan->line, "unexpected '@': a text stands in double quotes");
	scan->path[0] = first;
	skip_line(scan);
}

static void skip_blank(struct scan *scan)
{
	while (scan->at < scan->end && !scan->stopped) {
		if (comment_begins(scan)) {
			if (scan->at[1] == '*' && *scan->at == '/')
				skip_block_comment(scan);
			else
				skip_line(scan);
		} else if (*scan->at == '@') {
			skip_include(scan);
		} else if (strchr(" \t\r\f\n", *scan->at) != NULL) {
			scan->line += *scan->at++ == '\n';
		} else {
			return;
		}
	}
}

/* The octets of an escape after its backslash, or 0 when libconfig does not know it. \x00 would end the text. */
static size_t escape_length(const char *at)
{
	if (*at != '\0' && strchr("\\\"nrtf", *at) != NULL)
		return 1;
	if (*at == 'x' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2]) &&
	    (at[1] != '0' || at[2] != '0'))
		return 3;
	return 0;
}

static void read_text(struct scan *scan)
{
	struct token *token = &scan->token;

	token->kind = TOKEN_TEXT;
	token->start = ++scan->at;
	for (; scan->at < scan->end && *scan->at != '"'; scan->at++) {
		token->length = (size_t)(scan->at - token->start);
		if (*scan->at == '\n')
			break;
		if (*scan->at != '\\')
			continue;
		if (escape_length(scan->at + 1) == 0) {
			stop(scan, token->line, "unknown escape after \"%s\"; a backslash is written \\\\",
			     quote(*token).text);
			return;
		}
		scan->at += escape_length(scan->at + 1);
	}
	token->length = (size_t)(scan->at - token->start);
	if (scan->at == scan->end || *scan->at != '"')
		stop(scan, token->line, "the text \"%s has no closing quote on its line", quote(*token).text);
	else
		scan->at++;
}

static void read_word(struct scan *scan, enum expect expect)
{
	const char *ends = expect == EXPECT_NAME ? " \t\r\f\n;,{}[]()\"=:" : " \t\r\f\n;,{}[]()\"";

	scan->token.kind = TOKEN_WORD;
	scan->token.start = scan->at;
	while (scan->at < scan->end && strchr(ends, *scan->at) == NULL && !comment_begins(scan))
		scan->at++;
	scan->token.length = (size_t)(scan->at - scan->token.start);
}

static void advance(struct scan *scan, enum expect expect)
{
	skip_blank(scan);
	scan->token = (struct token) { .kind = TOKEN_END, .start = scan->at, .line = scan->line };
	if (scan->at == scan->end || scan->stopped)
		return;
	if (*scan->at == '"') {
		read_text(scan);
	} else if (strchr(";,{}[]()=:", *scan->at) != NULL) {
		scan->token.kind = TOKEN_PUNCTUATION;
		scan->token.length = 1;
		scan->at++;
	} else {
		read_word(scan, expect);
	}
}

static bool is(const struct scan *scan, char punctuation)
{
	return scan->token.kind == TOKEN_PUNCTUATION && *scan->token.start == punctuation;
}

static bool is_one_of(const struct scan *scan, const char *punctuation)
{
	return scan->token.kind == TOKEN_PUNCTUATION && strchr(punctuation, *scan->token.start) != NULL;
}

static bool token_equals(const struct token *token, const char *word)
{
	return token->length == strlen(word) && strncasecmp(token->start, word, token->length) == 0;
}

static bool begins_value(const struct scan *scan)
{
	return scan->token.kind == TOKEN_TEXT || scan->token.kind == TOKEN_WORD || is_one_of(scan, "{[(");
}

/* Plain values */

enum scalar { SCALAR_TEXT, SCALAR_BOOL, SCALAR_INTEGER, SCALAR_INTEGER64, SCALAR_FLOAT, SCALAR_SLIP };

static const char *scalar_name(enum scalar scalar)
{
	switch (scalar) {
	case SCALAR_TEXT:
		return "a text";
	case SCALAR_BOOL:
		return "true or false";
	case SCALAR_INTEGER:
	case SCALAR_INTEGER64:
		return "a number";
	case SCALAR_FLOAT:
		return "a number with a fraction";
	case SCALAR_SLIP:
		break;
	}
	return "a word";
}

static size_t span_digits(const char *text, const char *end, bool hex)
{
	const char *at = text;

	while (at < end && (hex ? isxdigit((unsigned char)*at) : isdigit((unsigned char)*at)))
		at++;
	return (size_t)(at - text);
}

static bool is_float(const char *text, const char *end)
{
	bool mantissa = false, point = false, exponent = false;

	text += *text == '-' || *text == '+';
	for (; text < end && (isdigit((unsigned char)*text) || (*text == '.' && !point)); text++) {
		mantissa |= *text != '.';
		point |= *text == '.';
	}
	if (text + 1 < end && (*text == 'e' || *text == 'E')) {
		text++;
		text += (*text == '-' || *text == '+') && text + 1 < end;
		exponent = span_digits(text, end, false) != 0;
		text += span_digits(text, end, false);
	}
	return text == end && mantissa && (point || exponent);
}

/* Kind of a word, by libconfig's own patterns. */
static enum scalar classify(const struct token *token)
{
	const char *text = token->start, *end = text + token->length, *digits = text;
	bool hex = token->length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	size_t count;

	if (token_equals(token, "true") || token_equals(token, "false"))
		return SCALAR_BOOL;
	if (hex)
		digits += 2;
	else
		digits += *text == '-' || *text == '+';
	count = span_digits(digits, end, hex);
	if (count != 0 && digits + count == end)
		return SCALAR_INTEGER;
	if (count != 0 && (strncmp(digits + count, "L", (size_t)(end - digits) - count) == 0 ||
			   strncmp(digits + count, "LL", (size_t)(end - digits) - count) == 0))
		return SCALAR_INTEGER64;
	return is_float(text, end) ? SCALAR_FLOAT : SCALAR_SLIP;
}

/* libconfig 1.5 reads "010" as 10, keeps the low 32 bits of a number without "L", and the largest one it can of one
 * with. */
static void check_integer(struct scan *scan, enum scalar scalar)
{
	const struct token *token = &scan->token;
	bool hex = token->length > 1 && (token->start[1] == 'x' || token->start[1] == 'X');
	const char *digits = token->start + (*token->start == '-' || *token->start == '+');
	long long value;

	if (!hex && digits[0] == '0' && isdigit((unsigned char)digits[1])) {
		note(scan, token->line, "%s begins with a zero: write the number without it (it is not read as octal)",
		     quote(*token).text);
		return;
	}
	errno = 0;
	value = strtoll(token->start, NULL, hex ? 16 : 10);
	if (errno == ERANGE)
		note(scan, token->line, "%s is out of range: it does not fit in 64 bits", quote(*token).text);
	else if (scalar == SCALAR_INTEGER && (value < INT32_MIN || value > INT32_MAX))
		note(scan, token->line, "%s is out of range: it does not fit in 32 bits", quote(*token).text);
}

static void refuse_word(struct scan *scan)
{
	struct quote found = quote(scan->token);
	char first = *scan->token.start;

	if (token_equals(&scan->token, "yes") || token_equals(&scan->token, "on"))
		stop(scan, scan->token.line, "%s: write true (or, when a text is meant, \"%s\")", found.text,
		     found.text);
	else if (token_equals(&scan->token, "no") || token_equals(&scan->token, "off"))
		stop(scan, scan->token.line, "%s: write false (or, when a text is meant, \"%s\")", found.text,
		     found.text);
	else if (first == '\'')
		stop(scan, scan->token.line, "%s: a text stands in double quotes", found.text);
	else if (isdigit((unsigned char)first) && strpbrk(found.text, ".:/") == NULL)
		stop(scan, scan->token.line,
		     "%s is not a number; durations are whole seconds, and a text stands in double quotes", found.text);
	else
		stop(scan, scan->token.line, "%s stands without quotes: write \"%s\"", found.text, found.text);
}

static void keep_line(struct scan *scan)
{
	struct config_scan *out = scan->out;

	if (out->count == out->capacity) {
		size_t capacity = out->capacity == 0 ? 64 : 2 * out->capacity;
		unsigned int *lines = reallocarray(out->lines, capacity, sizeof(*lines));

		if (lines == NULL) {
			scan->no_memory = scan->stopped = true;
			return;
		}
		out->lines = lines;
		out->capacity = capacity;
	}
	out->lines[out->count++] = scan->token.line;
}

/* Reads a plain value; the token after it is read as `next` says. */
static enum scalar read_scalar(struct scan *scan, enum expect next)
{
	enum scalar scalar = scan->token.kind == TOKEN_TEXT ? SCALAR_TEXT : classify(&scan->token);
	struct token token = scan->token;

	if (scalar == SCALAR_SLIP) {
		refuse_word(scan);
		return scalar;
	}
	if (scalar == SCALAR_INTEGER || scalar == SCALAR_INTEGER64)
		check_integer(scan, scalar);
	keep_line(scan);
	advance(scan, next);
	if (scalar == SCALAR_TEXT && scan->token.kind == TOKEN_TEXT)
		stop(scan, scan->token.line, "a '%c' is missing between \"%s\" and \"%s\"",
		     next == EXPECT_VALUE ? ',' : ';', quote(token).text, quote(scan->token).text);
	return scalar;
}

/* Groups and lists */

static void read_value(struct scan *scan, enum expect next);
static void read_settings(struct scan *scan);

static bool enter(struct scan *scan)
{
	if (++scan->depth <= DEPTH_MAX)
		return true;
	stop(scan, scan->token.line, "groups and lists are nested too deeply here");
	return false;
}

static void leave(struct scan *scan, char closing, unsigned int line, enum expect next)
{
	scan->depth--;
	if (scan->stopped)
		return;
	if (scan->token.kind == TOKEN_END)
		stop(scan, line, "what begins here with '%c' has no end: '%c' is missing",
		     closing == '}'   ? '{'
		     : closing == ']' ? '['
				      : '(',
		     closing);
	else if (!is(scan, closing))
		stop(scan, scan->token.line, "a ',' or '%c' is missing before \"%s\" (the list begins on line %u)",
		     closing, quote(scan->token).text, line);
	else
		advance(scan, next);
}

static void read_group(struct scan *scan, enum expect next)
{
	unsigned int line = scan->token.line, group = scan->group;
	size_t outer = scan->outer;

	if (!enter(scan))
		return;
	scan->group = ++scan->groups;
	scan->outer = scan->seen_count - 1; /* the name last read is this group's */
	advance(scan, EXPECT_NAME);
	read_settings(scan);
	scan->group = group;
	scan->outer = outer;
	leave(scan, '}', line, next);
}

/* libconfig demands one type between [ and ], and no groups or lists. */
static void read_array_item(struct scan *scan, enum scalar *type, bool first)
{
	unsigned int line = scan->token.line;
	enum scalar found;

	if (is_one_of(scan, "{[(")) {
		stop(scan, line, "'%c' inside [ ]: only plain values stand there", *scan->token.start);
		return;
	}
	found = read_scalar(scan, EXPECT_VALUE);
	if (!first && !scan->stopped && found != *type)
		stop(scan, line, "all values of a list are of one type: the first one here is %s, this one is %s",
		     scalar_name(*type), scalar_name(found));
	*type = found;
}

static void read_list(struct scan *scan, char closing, enum expect next)
{
	unsigned int line = scan->token.line;
	enum scalar type = SCALAR_SLIP;
	bool first = true;

	if (!enter(scan))
		return;
	advance(scan, EXPECT_VALUE);
	while (!scan->stopped && begins_value(scan)) {
		if (closing == ']')
			read_array_item(scan, &type, first);
		else
			read_value(scan, EXPECT_VALUE);
		first = false;
		if (!is(scan, ','))
			break;
		advance(scan, EXPECT_VALUE);
		if (is(scan, closing))
			stop(scan, scan->token.line, "a ',' stands before '%c': the last item of a list has none",
			     closing);
		else if (!begins_value(scan) && scan->token.kind != TOKEN_END)
			stop(scan, scan->token.line, "an item is missing between ',' and '%s'",
			     quote(scan->token).text);
	}
	leave(scan, closing, line, next);
}

static void read_value(struct scan *scan, enum expect next)
{
	if (is(scan, '{'))
		read_group(scan, next);
	else if (is(scan, '['))
		read_list(scan, ']', next);
	else if (is(scan, '('))
		read_list(scan, ')', next);
	else
		read_scalar(scan, next);
}

/* Settings */

static bool is_name(const struct token *token)
{
	if (token->length == 0 || !(isalpha((unsigned char)token->start[0]) || token->start[0] == '*'))
		return false;
	for (size_t i = 0; i < token->length; i++)
		if (!isalnum((unsigned char)token->start[i]) && strchr("-_*", token->start[i]) == NULL)
			return false;
	return true;
}

static void refuse_name(struct scan *scan)
{
	struct quote found = quote(scan->token);
	unsigned int line = scan->token.line;

	if (scan->token.kind == TOKEN_TEXT)
		stop(scan, line,
		     "\"%s\" stands where the name of a setting is expected: a list is written [ \"a\", \"b\" ], "
		     "and a name has no quotes",
		     found.text);
	else if (scan->token.kind == TOKEN_PUNCTUATION && strchr(";,", *found.text) != NULL)
		stop(scan, line, "one '%s' too many: a setting or its end is expected here", found.text);
	else if (scan->token.kind == TOKEN_PUNCTUATION)
		stop(scan, line, "unexpected '%s': the name of a setting is expected here", found.text);
	else if (isdigit((unsigned char)*found.text))
		stop(scan, line, "the name %s begins with a digit: a name begins with a letter, for example x%s",
		     found.text, found.text);
	else
		stop(scan, line, "%s is no name: a name has letters, digits, '-' and '_', and begins with a letter",
		     found.text);
}

static void keep_name(struct scan *scan)
{
	struct seen seen = { .group = scan->group, .outer = scan->outer, .name = scan->token };

	if (scan->seen_count == scan->seen_capacity) {
		size_t capacity = scan->seen_capacity == 0 ? 64 : 2 * scan->seen_capacity;
		struct seen *list = reallocarray(scan->seen, capacity, sizeof(*list));

		if (list == NULL) {
			scan->no_memory = scan->stopped = true;
			return;
		}
		scan->seen = list;
		scan->seen_capacity = capacity;
	}
	scan->seen[scan->seen_count++] = seen;
}

static void push_path(struct scan *scan)
{
	snprintf(scan->path + scan->path_length, sizeof(scan->path) - scan->path_length, "%s%s",
		 scan->path_length == 0 ? "" : ".", quote(scan->token).text);
	scan->path_length = strlen(scan->path);
}

/* From the token after the name to the one after the value. */
static void read_assignment(struct scan *scan, struct token name)
{
	if (is_one_of(scan, "{[(") || scan->token.kind == TOKEN_TEXT) {
		stop(scan, scan->token.line, "'=' is missing after the name: write %s = %s", quote(name).text,
		     is(scan, '{') ? "{ ... };" : "...;");
		return;
	}
	if (!is_one_of(scan, "=:")) {
		stop(scan, name.line, "%s stands here alone: write %s = ...; (a text in double quotes)",
		     quote(name).text, quote(name).text);
		return;
	}
	advance(scan, EXPECT_VALUE);
	if (begins_value(scan))
		read_value(scan, EXPECT_NAME);
	else
		stop(scan, name.line, "the value is missing after %s", quote(name).text);
}

static void read_setting(struct scan *scan)
{
	struct token name = scan->token;
	size_t length = scan->path_length;

	if (name.kind != TOKEN_WORD || !is_name(&name)) {
		refuse_name(scan);
		return;
	}
	if (token_equals(&name, "true") || token_equals(&name, "false")) {
		stop(scan, name.line, "%s is a value, not a name", quote(name).text);
		return;
	}
	keep_name(scan);
	push_path(scan);
	advance(scan, EXPECT_NAME);
	read_assignment(scan, name);
	if (!scan->stopped && is_one_of(scan, ";,"))
		advance(scan, EXPECT_NAME);
	pop_path(scan, length);
}

static void read_settings(struct scan *scan)
{
	unsigned int count = 0;

	while (!scan->stopped && scan->token.kind != TOKEN_END && !is(scan, '}')) {
		if (++count > GROUP_MAX)
			stop(scan, scan->token.line, "more than %d settings in one group", GROUP_MAX);
		else
			read_setting(scan);
	}
}

/* Duplicates */

static int compare_names(const struct seen *a, const struct seen *b)
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
	const struct seen *const *a = left, *const *b = right;
	int order = compare_names(*a, *b);

	return order != 0 ? order : *a < *b ? -1 : *a > *b;
}

static void set_path(struct scan *scan, const struct seen *seen)
{
	if (seen->outer != NOWHERE)
		set_path(scan, &scan->seen[seen->outer]);
	scan->token = seen->name;
	push_path(scan);
}

static void tell_twice(struct scan *scan, const struct seen *first, const struct seen *second)
{
	set_path(scan, second);
	note(scan, second->name.line, "this stands twice: the first one is on line %u", first->name.line);
	pop_path(scan, 0);
}

static void find_duplicates(struct scan *scan)
{
	const struct seen **sorted = calloc(scan->seen_count + 1, sizeof(const struct seen *));

	if (sorted == NULL) {
		scan->no_memory = true;
		return;
	}
	for (size_t i = 0; i < scan->seen_count; i++)
		sorted[i] = &scan->seen[i];
	qsort(sorted, scan->seen_count, sizeof(const struct seen *), compare_seen);
	for (size_t i = 1; i < scan->seen_count; i++)
		if (compare_names(sorted[i - 1], sorted[i]) == 0)
			tell_twice(scan, sorted[i - 1], sorted[i]);
	free(sorted);
}

/* The whole */

static bool check_octets(struct scan *scan)
{
	if (scan->end - scan->at >= 3 && memcmp(scan->at, "\xef\xbb\xbf", 3) == 0) {
		stop(scan, 1, "the file begins with a byte order mark: save it as plain UTF-8");
		return false;
	}
	for (const char *at = scan->at; at < scan->end; at++) {
		scan->line += *at == '\n';
		if (*at == '\0') {
			stop(scan, scan->line, "a NUL octet: this is no text file (or it is UTF-16; save it as UTF-8)");
			return false;
		}
	}
	scan->line = 1;
	return true;
}

static void read_file(struct scan *scan)
{
	advance(scan, EXPECT_NAME);
	read_settings(scan);
	if (!scan->stopped && is(scan, '}'))
		stop(scan, scan->token.line, "one '}' too many: no group is open here");
	find_duplicates(scan);
}

int config_scan_text(const char *text, size_t length, const char *file, struct problems *problems,
		     struct config_scan *out)
{
	struct scan scan = {
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
