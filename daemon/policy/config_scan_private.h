/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct config_scanner, for config_scan*.c. */
#ifndef NFQDN_POLICY_CONFIG_SCAN_PRIVATE_H
#define NFQDN_POLICY_CONFIG_SCAN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/config_scan.h"
#include "policy/problem.h"

#define CONFIG_SCAN_PATH 256

enum config_token_kind {
	CONFIG_TOKEN_END,
	CONFIG_TOKEN_WORD, /* without quotes: a name, a number, true, false, or a slip */
	CONFIG_TOKEN_TEXT, /* in quotes; start and length are of what stands between them */
	CONFIG_TOKEN_PUNCTUATION, /* one of = : ; , { } [ ] ( ) */
};

/* What the token is read as. In a value, ':' and '=' belong to a word: an address or a URL without quotes is told as a whole. */
enum config_expect { CONFIG_EXPECT_NAME, CONFIG_EXPECT_VALUE };

struct config_token {
	enum config_token_kind kind;
	const char *start;
	size_t length;
	unsigned int line;
};

struct config_scanner {
	const char *at, *end;
	unsigned int line;
	const char *file;
	struct problems *problems;
	struct config_scan *out;
	struct config_token token; /* the one to be judged next */
	bool bad; /* at least one problem */
	bool stopped; /* at a syntax error */
	bool no_memory;
	unsigned int notes;
	unsigned int depth;
	unsigned int group, groups; /* the group being read, and those begun so far */
	struct config_name *seen; /* in the file's order */
	size_t seen_count, seen_capacity;
	size_t outer; /* place in `seen` of the setting whose group is being read, or SIZE_MAX */
	char path[CONFIG_SCAN_PATH]; /* of the setting being read */
	size_t path_length;
};

/* Text of the file, shortened for a message. */
struct config_quote {
	char text[48];
};

/* ---- config_scan_tell.c ---- */

struct config_quote config_scan_quote(struct config_token token);
/* A problem after which reading goes on. */
void config_scan_note(struct config_scanner *scan, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A problem that ends reading: what comes after it would be guesswork. */
void config_scan_stop(struct config_scanner *scan, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds the name that is the token to the path. */
void config_scan_push_path(struct config_scanner *scan);
/* Cuts the path to the `length` that it had. */
void config_scan_pop_path(struct config_scanner *scan, size_t length);

/* ---- config_scan_token.c ---- */

/* Reads the next token, a word as `expect` says. What is wrong in it stops the scan. */
void config_scan_next(struct config_scanner *scan, enum config_expect expect);
/* Is the token this punctuation, one of these? */
bool config_scan_is(const struct config_scanner *scan, char punctuation);
bool config_scan_is_one_of(const struct config_scanner *scan, const char *punctuation);
/* Upper and lower case are the same. */
bool config_scan_equals(const struct config_token *token, const char *word);
bool config_scan_begins_value(const struct config_scanner *scan);

/* ---- config_scan_plain.c ---- */

enum config_plain {
	CONFIG_PLAIN_TEXT,
	CONFIG_PLAIN_BOOL,
	CONFIG_PLAIN_INTEGER,
	CONFIG_PLAIN_INTEGER64,
	CONFIG_PLAIN_FLOAT,
	CONFIG_PLAIN_SLIP
};

/* Reads a plain value and keeps its line; the token after it is read as `next` says. */
enum config_plain config_scan_plain(struct config_scanner *scan, enum config_expect next);
/* "a text", for a message. */
const char *config_scan_plain_name(enum config_plain plain);

#endif
