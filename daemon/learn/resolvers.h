/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose answers came by: for each address that answered, how many and when the last one. For reports alone. Bounded: who
 * was silent longest makes room for a new one. */
#ifndef NFQDN_LEARN_RESOLVERS_H
#define NFQDN_LEARN_RESOLVERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "base/limits.h"
#include "base/monotime.h"

struct resolvers_seen {
	struct ipaddr address; /* as the client sees it */
	uint64_t answers;
	struct monotime last;
};

/* Zeroed at first. */
struct resolvers {
	struct resolvers_seen seen[LIMIT_SEEN_RESOLVERS];
	size_t count;
};

/* Neither allocates nor fails. */
void resolvers_see(struct resolvers *resolvers, const struct ipaddr *address, struct monotime now);

#endif
