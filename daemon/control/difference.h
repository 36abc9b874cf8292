/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one policy (or list of texts) has that another has not. */
#ifndef NFQDN_CONTROL_DIFFERENCE_H
#define NFQDN_CONTROL_DIFFERENCE_H

#include <jansson.h>

/* The texts of the array `list` (NULL: empty) that `other` lacks, as a new array. */
json_t *control_difference_texts(const json_t *list, const json_t *other);

/* What a policy with the overview `after` (control_overview()) would change in one with `before`: an array with one
 * object for each entry and row that differs: {entry, row (null: the entry's own), state: "new" | "gone" | "changed",
 * names_gained, names_lost, prefixes_gained, prefixes_lost, settings}; `settings` are the keys that say something else
 * (ports, to, ...). */
json_t *control_difference(const json_t *before, const json_t *after);

#endif
