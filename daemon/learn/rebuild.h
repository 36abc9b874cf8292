/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table that others flushed, deleted or changed is made anew from the policy and the store. */
#ifndef NFQDN_LEARN_REBUILD_H
#define NFQDN_LEARN_REBUILD_H

#include <stdbool.h>

#include "base/log.h"
#include "base/monotime.h"
#include "learn/events.h"
#include "learn/store.h"
#include "netfilter/table_watch.h"
#include "policy/policy.h"

struct rebuild {
	struct table *table;
	struct table_watch *watch;
	struct store *store;
	struct monotime next; /* look */
	bool refill; /* what was learned is to be put into the kernel again */
	struct events *events; /* where it is recorded; may be NULL */
	bool lost; /* recorded, and not yet that all is there again */
	bool begun; /* a rebuild that is counted already did not come to its end */
	struct log_limit told, failed;
	bool warned; /* of flowtables */
};

/* 0 or -ENOMEM. Table and store must outlive it. */
int rebuild_open(struct rebuild *rebuild, struct table *table, struct store *store);
void rebuild_close(struct rebuild *rebuild);
/* To be called after each table_apply(): the table is now that of another policy. */
void rebuild_applied(struct rebuild *rebuild);
/* For table_on_sets(): commits all that is learned to the sets that are new; `rebuild` is the context. */
int rebuild_move(void *rebuild, const uint8_t map[256]);
/* Looks at once: before answers are judged, where others have the sets and may have loaded them anew (mode = "sets"). */
void rebuild_look(struct rebuild *rebuild, const struct policy *policy, struct monotime now);
/* To be called at each wake-up, after the verdicts, while nothing is planned in the store. Ten times a second, and at
 * once when a transaction found something missing, looks at the table and mends it. Returns the milliseconds until the
 * next look. */
int64_t rebuild_tick(struct rebuild *rebuild, const struct policy *policy, struct monotime now);

#endif
