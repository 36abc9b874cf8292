/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The labels of a pattern's text, for pattern.c, which compiles them. Nobody else includes this. */
#ifndef NFQDN_DNS_PATTERN_TEXT_H
#define NFQDN_DNS_PATTERN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A label of a pattern's text, or a part of one. */
struct pattern_span {
	const char *at;
	size_t length;
};

char pattern_lower(char c);
/* The end of a text without the final dot that it may have. */
const char *pattern_text_end(const char *text);
/* Takes the last label off [text, *end); false when nothing is left. */
bool pattern_last_label(const char *text, const char **end, struct pattern_span *out);
/* The first `*` in it, or NULL. */
const char *pattern_find_star(struct pattern_span span);
/* `*.` in front stands for any number of labels, at least one. */
bool pattern_is_below(const char *text, struct pattern_span label);

#endif
