/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong (or doubtful) in a configuration, a catalog file or a list, collected so that one run tells all of
 * it. */
#ifndef NFQDN_POLICY_PROBLEM_H
#define NFQDN_POLICY_PROBLEM_H

#include <stddef.h>
#include <stdio.h>

enum problem_severity { PROBLEM_ERROR, PROBLEM_WARNING };

struct problem {
	enum problem_severity severity;
	unsigned int line; /* 0 when the file has no lines to name */
	char *file; /* never NULL; "" when none */
	char *setting; /* "gateway.mode", "allow.intune.features[2]"; "" when none */
	char *text; /* what was found and what would be right, one sentence or two, escaped */
};

struct problems {
	struct problem *items; /* in the order found */
	size_t count;
	size_t errors; /* how many of them are PROBLEM_ERROR */
};

/* Adds one. Copies every text. A problem that memory cannot hold still counts in `errors`. */
void problem_add(struct problems *list, enum problem_severity severity, const char *file, unsigned int line,
		 const char *setting, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Frees the items and empties the list. */
void problem_clear(struct problems *list);
/* Orders by file and line, keeping the order of those on one line. */
void problem_sort(struct problems *list);
/* "FILE:LINE: error: SETTING: TEXT", one a line; parts that are absent are left out. */
void problem_print(const struct problems *list, FILE *out);
/* {"api": 1, "ok": bool, "errors": N, "warnings": N, "problems": [{severity, file, line, setting, text}]} and a
 * newline. */
int problem_print_json(const struct problems *list, FILE *out);
/* The member of `names` (ends with NULL) nearest to `word` (edit distance at most a third of its length, at least 1),
 * or NULL. */
const char *problem_nearest(const char *word, const char *const *names);

#endif
