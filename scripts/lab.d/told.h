/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a run of simulated clients, as lines of JSON on standard output. */
#ifndef NFQDN_LAB_TOLD_H
#define NFQDN_LAB_TOLD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "tally.h"

/* How connections ended: open with their first segment or a later one; refused at once, without an answer, or otherwise not. */
struct told_ends {
	uint64_t first, later, refused, silent, failed;
};

struct told {
	int64_t began, late_most; /* microseconds, as in timers.h; late_most: that an action came after its plan */
	uint64_t actions, skipped, remembered, asked, again, answered, without, unanswered, refused;
	struct told_ends ends[2]; /* of other names, and of allowed ones */
	struct tally answer, connect;
	uint32_t sockets, sockets_most; /* now, and at once */
	unsigned int surprises;
};

/* What should not be: the first of them are told one by one. `to` is NULL while the client has no address for the name. */
void told_surprise(struct told *told, const char *what, const char *name, const struct in6_addr *from,
		   const struct in6_addr *to);
/* All counts until a time; the last of them have the tallies, too. */
void told_counts(const struct told *told, int64_t now, bool last);

#endif
