/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answers of `learned`, `denied`, `watch` and `record`, made piece by piece: a hundred thousand elements in one go would hold up the DNS answers
 * that wait in the queue meanwhile. */
#ifndef NFQDN_CONTROL_LISTING_H
#define NFQDN_CONTROL_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "control/context.h"
#include "control/event.h"

/* Elements told in one piece: half a millisecond. */
#define CONTROL_LISTING_PIECE 16

struct control_listing;

/* Takes note of which elements are there now: of all, of one address or of one name (NULL: not asked for). 0 or
 * -ENOMEM. */
int control_listing_new(const struct control_context *context, const struct ipaddr *address,
			const struct dns_name *name, struct control_listing **out);
/* The same for every element in the form that can be imported: the lines of learn/state_text.h, one JSON string each. The
 * stamp is `wall`, milliseconds since 1970, now. */
int control_listing_export(const struct control_context *context, struct monotime now, int64_t wall,
			   struct control_listing **out);
/* Which denials. */
struct control_listing_denials {
	uint64_t after; /* those with a greater sequence number; 0: every one */
	bool has_since;
	struct monotime since; /* those denied then or later */
};
/* The same for denials, the oldest first. */
int control_listing_denied(const struct control_context *context, const struct control_listing_denials *which,
			   struct control_listing **out);
/* The same for events that happened until now, the oldest first, with a word for those that are gone. */
int control_listing_events(const struct control_context *context, const struct control_event_filter *which,
			   struct control_listing **out);
/* The same for packets that were recorded: those behind `*after`, none when it is NULL. */
int control_listing_records(const struct control_context *context, const uint64_t *after, struct control_listing **out);
void control_listing_free(struct control_listing *listing);
size_t control_listing_count(const struct control_listing *listing);
/* The greatest number of an event or a packet that the answer goes up to; 0 when it is not of them. */
uint64_t control_listing_sequence(const struct control_listing *listing);
/* The next piece of the JSON array's inside, to be freed by the caller; elements that went meanwhile are left out.
 * `*more` says whether there is another. NULL when memory is out. */
char *control_listing_next(struct control_listing *listing, const struct control_context *context, struct monotime now,
			   bool *more);

#endif
