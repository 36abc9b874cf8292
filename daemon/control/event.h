/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as `watch` tells them. */
#ifndef NFQDN_CONTROL_EVENT_H
#define NFQDN_CONTROL_EVENT_H

#include <jansson.h>

#include "control/context.h"
#include "learn/events.h"

/* Which events. */
struct control_event_filter {
	uint64_t after; /* those with a greater number */
	bool now; /* or none of those that there are */
	uint32_t kinds; /* bits of enum events_kind */
};

/* Reads "after" and "kinds" of a request. 0, or -EINVAL with what would be right (static). */
int control_event_read(const json_t *request, struct control_event_filter *out, const char **why);
/* What each object of `watch` and `record` begins with. */
json_t *control_event_head(uint64_t sequence, const char *kind);
/* The object of protocol.h. `*looked`: it took as long as a piece may take. NULL when memory is out. */
json_t *control_event_json(const struct control_context *context, struct monotime now,
			   const struct events_record *record, bool *looked);
/* The object that stands for events that are gone, up to and without `sequence`; `count` 0: of an earlier run, nobody
 * knows how many. */
json_t *control_event_lost(uint64_t sequence, uint64_t count);

#endif
