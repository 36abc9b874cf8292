/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building JSON with an error that sticks: when memory runs out the object becomes NULL and stays so, and one check at
 * the end is enough. */
#ifndef NFQDN_CONTROL_JSON_H
#define NFQDN_CONTROL_JSON_H

#include <jansson.h>
#include <stdint.h>

/* A string of any bytes: what is not UTF-8 is escaped as in base/escape.h. NULL becomes null. */
json_t *control_json_text(const char *text);
/* A counter; the few values above 2^63 - 1 are shown as that. */
json_t *control_json_count(uint64_t value);
/* Puts `value` (taken over, NULL: memory was out) into `*object`. Does nothing when `*object` is NULL. */
void control_json_set(json_t **object, const char *key, json_t *value);
/* Appends `value` likewise. */
void control_json_add(json_t **array, json_t *value);
/* Appends those of the texts of another array (taken over) that are not there yet. */
void control_json_add_once(json_t **array, json_t *texts);
/* True when an array of strings holds `text`. */
int control_json_holds(const json_t *array, const char *text);

#endif
