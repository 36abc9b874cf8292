/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tokens of a configuration's text: texts, words and punctuation, with comments and blanks left out. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "policy/config_scan_private.h"

static bool comment_begins(const struct config_scanner *scan)
{
	return *scan->at == '#' || (*scan->at == '/' && (scan->at[1] == '/' || scan->at[1] == '*'));
}

static void skip_line(struct config_scanner *scan)
{
	while (scan->at < scan->end && *scan->at != '\n')
		scan->at++;
}

static void skip_block_comment(struct config_scanner *scan)
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
	config_scan_pop_path(scan, 0); /* it belongs to no setting */
	config_scan_stop(scan, line, "the comment that begins here with /* has no end: */ is missing");
}

/* Where a setting may begin, the path is still that of the one before. */
static void skip_include(struct config_scanner *scan)
{
	char first = scan->path[0];

	scan->path[0] = '\0';
	if (strncmp(scan->at, "@include", 8) == 0)
		config_scan_note(scan, scan->line,
				 "@include is refused: the configuration is one file, so that each line that is "
				 "named is a line of it");
	else
		config_scan_stop(scan, scan->line, "unexpected '@': a text stands in double quotes");
	scan->path[0] = first;
	skip_line(scan);
}

static void skip_blank(struct config_scanner *scan)
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

static void read_text(struct config_scanner *scan)
{
	struct config_token *token = &scan->token;

	token->kind = CONFIG_TOKEN_TEXT;
	token->start = ++scan->at;
	for (; scan->at < scan->end && *scan->at != '"'; scan->at++) {
		token->length = (size_t)(scan->at - token->start);
		if (*scan->at == '\n')
			break;
		if (*scan->at != '\\')
			continue;
		if (escape_length(scan->at + 1) == 0) {
			config_scan_stop(scan, token->line, "unknown escape after \"%s\"; a backslash is written \\\\",
					 config_scan_quote(*token).text);
			return;
		}
		scan->at += escape_length(scan->at + 1);
	}
	token->length = (size_t)(scan->at - token->start);
	if (scan->at == scan->end || *scan->at != '"')
		config_scan_stop(scan, token->line, "the text \"%s has no closing quote on its line",
				 config_scan_quote(*token).text);
	else
		scan->at++;
}

static void read_word(struct config_scanner *scan, enum config_expect expect)
{
	const char *ends = expect == CONFIG_EXPECT_NAME ? " \t\r\f\n;,{}[]()\"=:" : " \t\r\f\n;,{}[]()\"";

	scan->token.kind = CONFIG_TOKEN_WORD;
	scan->token.start = scan->at;
	while (scan->at < scan->end && strchr(ends, *scan->at) == NULL && !comment_begins(scan))
		scan->at++;
	scan->token.length = (size_t)(scan->at - scan->token.start);
}

void config_scan_next(struct config_scanner *scan, enum config_expect expect)
{
	skip_blank(scan);
	scan->token = (struct config_token) { .kind = CONFIG_TOKEN_END, .start = scan->at, .line = scan->line };
	if (scan->at == scan->end || scan->stopped)
		return;
	if (*scan->at == '"') {
		read_text(scan);
	} else if (strchr(";,{}[]()=:", *scan->at) != NULL) {
		scan->token.kind = CONFIG_TOKEN_PUNCTUATION;
		scan->token.length = 1;
		scan->at++;
	} else {
		read_word(scan, expect);
	}
}

bool config_scan_is(const struct config_scanner *scan, char punctuation)
{
	return scan->token.kind == CONFIG_TOKEN_PUNCTUATION && *scan->token.start == punctuation;
}

bool config_scan_is_one_of(const struct config_scanner *scan, const char *punctuation)
{
	return scan->token.kind == CONFIG_TOKEN_PUNCTUATION && strchr(punctuation, *scan->token.start) != NULL;
}

bool config_scan_equals(const struct config_token *token, const char *word)
{
	return token->length == strlen(word) && strncasecmp(token->start, word, token->length) == 0;
}

bool config_scan_begins_value(const struct config_scanner *scan)
{
	return scan->token.kind == CONFIG_TOKEN_TEXT || scan->token.kind == CONFIG_TOKEN_WORD ||
	       config_scan_is_one_of(scan, "{[(");
}
