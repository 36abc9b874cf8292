/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Microsoft 365 endpoint service's answer (endpoints.office.com/endpoints/INSTANCE): an array of endpoint sets. */
#ifndef NFQDN_CONTROL_FEED_M365_H
#define NFQDN_CONTROL_FEED_M365_H

#include <jansson.h>
#include <stdbool.h>

#include "control/feed.h"

/* "worldwide", "china", "usgovdod", "usgovgcchigh", in any case; NULL when it is none of them. What is returned is as
 * the service spells it. */
const char *feed_m365_instance(const char *word);

/* Which sets are wanted: `words` (a JSON array of texts) are service areas and ids, which unite, and categories
 * ("Allow") and "required", which narrow; "all" is every set. `feature`: the feature of the rows, or NULL: the service
 * area's name. */
struct feed_m365_wanted {
	const json_t *words;
	const char *feature;
	const char *instance; /* as feed_m365_instance() returns it */
};

/* Reads the list, adds the rows, and puts what the whole list holds into `figures` (an object): sets, areas, names,
 * wildcards, prefixes, ipv4, ipv6, without_prefixes, without_names. What is wrong goes to the feed's problems: an error
 * when it is no such list, or a word of `wanted` is nothing in it. */
void feed_m365_read(struct feed *feed, const json_t *root, const struct feed_m365_wanted *wanted, json_t *figures);

#endif
