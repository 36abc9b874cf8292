/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name patterns, many at once. `*.x` matches every name below x at any depth, never x. A `*` inside a label stands for
 * zero or more octets of that label only. Everything else matches exactly. Case does not count; labels are compared as
 * octets, so a dot or NUL inside a label never matches a pattern's separator. The cost of a lookup depends on the name,
 * not on the number of patterns. */
#ifndef NFQDN_DNS_PATTERN_H
#define NFQDN_DNS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "dns/name.h"

/* One pattern to be compiled; `value` is the caller's (an index of its rules), several patterns may share one text. */
struct pattern {
	const char *text; /* as written by the administrator: "*.example.com", "files-*.example.net", "a.example" */
	uint32_t value;
};

struct pattern_set; /* compiled, immutable, lives in its arena */

/* 0, or -EINVAL with `*why` set to a static text that says what is wrong and what would be right (empty label, `*`
 * alone, `**`, too long, more than LIMIT_PATTERN_GLOBS stars, a placeholder like <tenant>, a scheme or path as in
 * https://x/, octets that no host name has). "*" alone is refused: it would allow everything. */
int pattern_check(const char *text, const char **why);

/* Compiles `count` patterns (each already accepted by pattern_check). NULL when memory is out. */
struct pattern_set *pattern_set_build(struct arena *arena, const struct hash_key *key, const struct pattern *patterns,
				      size_t count);

/* Writes the values of the patterns that match `name` into `values` in ascending order without duplicates and
 * returns their number, at most `size`. `*over` is set to 1 when there were more or the visit limit was reached,
 * else 0. */
size_t pattern_set_match(const struct pattern_set *set, const struct dns_name *name, uint32_t *values, size_t size,
			 int *over);

/* True when `name` is the apex x of some `*.x` in the set: a denied apex gets a hint. */
int pattern_set_is_apex(const struct pattern_set *set, const struct dns_name *name);

/* Matches one pattern alone, slowly and plainly: the oracle of the tests and of `explain`. 1 or 0. */
int pattern_matches(const char *text, const struct dns_name *name);

#endif
