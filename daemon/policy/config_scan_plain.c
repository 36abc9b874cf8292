/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plain values: which kind libconfig takes a word for, whether a number fits, and what was meant by a slip. */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config_scan_private.h"

const char *config_scan_plain_name(enum config_plain scalar)
{
	switch (scalar) {
	case CONFIG_PLAIN_TEXT:
		return "a text";
	case CONFIG_PLAIN_BOOL:
		return "true or false";
	case CONFIG_PLAIN_INTEGER:
	case CONFIG_PLAIN_INTEGER64:
		return "a number";
	case CONFIG_PLAIN_FLOAT:
		return "a number with a fraction";
	case CONFIG_PLAIN_SLIP:
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
static enum config_plain classify(const struct config_token *token)
{
	const char *text = token->start, *end = text + token->length, *digits = text;
	bool hex = token->length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	size_t count;

	if (config_scan_equals(token, "true") || config_scan_equals(token, "false"))
		return CONFIG_PLAIN_BOOL;
	if (hex)
		digits += 2;
	else
		digits += *text == '-' || *text == '+';
	count = span_digits(digits, end, hex);
	if (count != 0 && digits + count == end)
		return CONFIG_PLAIN_INTEGER;
	if (count != 0 && (strncmp(digits + count, "L", (size_t)(end - digits) - count) == 0 ||
			   strncmp(digits + count, "LL", (size_t)(end - digits) - count) == 0))
		return CONFIG_PLAIN_INTEGER64;
	return is_float(text, end) ? CONFIG_PLAIN_FLOAT : CONFIG_PLAIN_SLIP;
}

/* libconfig 1.5 reads "010" as 10, keeps the low 32 bits of a number without "L", and the largest one it can of one
 * with. */
static void check_integer(struct config_scanner *scan, enum config_plain scalar)
{
	const struct config_token *token = &scan->token;
	bool hex = token->length > 1 && (token->start[1] == 'x' || token->start[1] == 'X');
	const char *digits = token->start + (*token->start == '-' || *token->start == '+');
	long long value;

	if (!hex && digits[0] == '0' && isdigit((unsigned char)digits[1])) {
		config_scan_note(scan, token->line,
				 "%s begins with a zero: write the number without it (it is not read as octal)",
				 config_scan_quote(*token).text);
		return;
	}
	errno = 0;
	value = strtoll(token->start, NULL, hex ? 16 : 10);
	if (errno == ERANGE)
		config_scan_note(scan, token->line, "%s is out of range: it does not fit in 64 bits",
				 config_scan_quote(*token).text);
	else if (scalar == CONFIG_PLAIN_INTEGER && (value < INT32_MIN || value > INT32_MAX))
		config_scan_note(scan, token->line, "%s is out of range: it does not fit in 32 bits",
				 config_scan_quote(*token).text);
}

static void refuse_word(struct config_scanner *scan)
{
	struct config_quote found = config_scan_quote(scan->token);
	char first = *scan->token.start;

	if (config_scan_equals(&scan->token, "yes") || config_scan_equals(&scan->token, "on"))
		config_scan_stop(scan, scan->token.line, "%s: write true (or, when a text is meant, \"%s\")",
				 found.text, found.text);
	else if (config_scan_equals(&scan->token, "no") || config_scan_equals(&scan->token, "off"))
		config_scan_stop(scan, scan->token.line, "%s: write false (or, when a text is meant, \"%s\")",
				 found.text, found.text);
	else if (first == '\'')
		config_scan_stop(scan, scan->token.line, "%s: a text stands in double quotes", found.text);
	else if (isdigit((unsigned char)first) && strpbrk(found.text, ".:/") == NULL)
		config_scan_stop(scan, scan->token.line,
				 "%s is not a number; durations are whole seconds, and a text stands in double quotes",
				 found.text);
	else
		config_scan_stop(scan, scan->token.line, "%s stands without quotes: write \"%s\"", found.text,
				 found.text);
}

static void keep_line(struct config_scanner *scan)
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

enum config_plain config_scan_plain(struct config_scanner *scan, enum config_expect next)
{
	enum config_plain scalar = scan->token.kind == CONFIG_TOKEN_TEXT ? CONFIG_PLAIN_TEXT : classify(&scan->token);
	struct config_token token = scan->token;

	if (scalar == CONFIG_PLAIN_SLIP) {
		refuse_word(scan);
		return scalar;
	}
	if (scalar == CONFIG_PLAIN_INTEGER || scalar == CONFIG_PLAIN_INTEGER64)
		check_integer(scan, scalar);
	keep_line(scan);
	config_scan_next(scan, next);
	if (scalar == CONFIG_PLAIN_TEXT && scan->token.kind == CONFIG_TOKEN_TEXT)
		config_scan_stop(scan, scan->token.line, "a '%c' is missing between \"%s\" and \"%s\"",
				 next == CONFIG_EXPECT_VALUE ? ',' : ';', config_scan_quote(token).text,
				 config_scan_quote(scan->token).text);
	return scalar;
}
