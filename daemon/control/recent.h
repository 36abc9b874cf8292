/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When each counter last grew: what went wrong once, months ago, is no finding of today. */
#ifndef NFQDN_CONTROL_RECENT_H
#define NFQDN_CONTROL_RECENT_H

#include "base/counters.h"
#include "base/monotime.h"

#define RECENT_COUNTERS (sizeof(struct counters) / sizeof(uint64_t))

/* Zeroed at first. */
struct recent {
	struct monotime next;
	uint64_t values[RECENT_COUNTERS];
	struct monotime when[RECENT_COUNTERS];
};

/* To be called at each wake-up; looks once a second at most. */
void recent_look(struct recent *recent, struct monotime now);
/* The last time that it grew, or `now` when it did since the last look. `counter` is a member of `counters` that is not
 * 0. */
struct monotime recent_when(const struct recent *recent, const uint64_t *counter, struct monotime now);

#endif
