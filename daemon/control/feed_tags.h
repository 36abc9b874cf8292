/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Azure's weekly file of service tags: which prefixes belong to which service, in all and by region. */
#ifndef NFQDN_CONTROL_FEED_TAGS_H
#define NFQDN_CONTROL_FEED_TAGS_H

#include <jansson.h>
#include <stdbool.h>

#include "control/feed.h"

struct feed_tags_wanted {
	const json_t *tags; /* names without regard to case; "*" alone: every tag of the file */
	/* Regions as Azure or the catalog's connectors name them; an empty list: the tags as they stand. */
	const json_t *regions;
	const char *feature; /* of the rows, or NULL: made of the tag's name */
	/* One row for each region of the catalog, and one, "Elsewhere", for what lies in none of them. Else one row for each
	 * tag. */
	bool by_region;
	const char *direction; /* "outbound", "inbound" */
	const char *tcp_ports, *udp_ports; /* "" for inbound */
};

/* Reads the file, adds the rows, and puts what it holds into `figures`: cloud, version, tags, prefixes, ipv4, ipv6, and
 * `selected`: for each tag that was taken {ipv4, ipv6}. Sets the feed's version when the file says one. What is wrong
 * goes to the feed's problems: an error when it is no such file, or has no tag of a name that is wanted. */
void feed_tags_read(struct feed *feed, const json_t *root, const struct feed_tags_wanted *wanted, json_t *figures);

/* Azure's names of the regions ("northeurope") that the catalog's region of the connectors is; ends with NULL. NULL when
 * the catalog has no such region. Found from the connectors' addresses of 2020: tests/data/ holds it against the
 * lists. */
const char *const *feed_tags_regions(const char *region);

#endif
