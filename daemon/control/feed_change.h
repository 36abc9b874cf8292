/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two editions of one catalog file held against each other. Pure. */
#ifndef NFQDN_CONTROL_FEED_CHANGE_H
#define NFQDN_CONTROL_FEED_CHANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What `next` changes in `last` (NULL: there is none): an array with one object for each row that differs, {row, state:
 * "new" | "gone" | "changed", names_gained, names_lost, prefixes_gained, prefixes_lost, settings}, all arrays of texts;
 * `settings` are the keys of the row that say something else (ports, required, ...). To be freed by the caller. */
json_t *feed_change_rows(const json_t *last, const json_t *next);

/* How many of one kind ("names_lost") all rows have. */
size_t feed_change_count(const json_t *rows, const char *kind);

/* The version that a catalog file's rows name, "" when they name none. */
const char *feed_change_version(const json_t *file);

/* May `next` take the place of `last`? False when it is empty, older than `last`, or loses more than half of its names
 * or of its prefixes; `why` (of `size` octets) then says so. */
bool feed_change_lawful(const json_t *last, const json_t *next, char *why, size_t size);

#endif
