/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a vendor's list becomes which catalog file: the ready-made selections, and those of a command line. */
#ifndef NFQDN_CONTROL_FEED_TARGET_H
#define NFQDN_CONTROL_FEED_TARGET_H

#include <jansson.h>

#include "control/feed.h"

enum feed_kind { FEED_M365, FEED_TAGS };

/* What the command line says; texts that are NULL were not given. Lists are words with commas between. */
struct feed_wish {
	enum feed_kind kind;
	const char *select, *tags, *regions, *direction, *ports, *name, *instance;
};

/* One catalog file to be made. Texts are the caller's or static; `words`, `regions` are owned. */
struct feed_target {
	char name[64]; /* of the file, without ".json" */
	const char *service, *title, *feature;
	json_t *words, *regions;
	bool by_region;
	const char *direction, *instance;
	char tcp_ports[FEED_PORTS_SIZE], udp_ports[FEED_PORTS_SIZE];
};

#define FEED_TARGETS 16 /* of one command line: more than there are ready-made selections */

/* Makes targets of the wish. Returns how many, or -EINVAL with `*why` (static) that says what would be right. Those that
 * were made are the caller's to clear. */
int feed_target_list(const struct feed_wish *wish, struct feed_target out[FEED_TARGETS], const char **why);
void feed_target_clear(struct feed_target *targets, int count);
/* The names of the ready-made selections of a kind, one after the other; NULL after the last. */
const char *feed_target_ready(enum feed_kind kind, size_t index);
/* Reads the list for one target: a catalog file (to be freed), NULL when something was wrong with it. */
json_t *feed_target_read(const struct feed_target *target, enum feed_kind kind, struct feed *feed, const json_t *root,
			 json_t *figures);

#endif
