/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/resolvers.h"

#include "base/counters.h"

static struct resolvers_seen *place_of(struct resolvers *resolvers, const struct ipaddr *address)
{
	struct resolvers_seen *quietest = &resolvers->seen[0];

	for (size_t i = 0; i < resolvers->count; i++) {
		struct resolvers_seen *seen = &resolvers->seen[i];

		if (ipaddr_equal(&seen->address, address))
			return seen;
		if (monotime_before(seen->last, quietest->last))
			quietest = seen;
	}
	if (resolvers->count < LIMIT_SEEN_RESOLVERS)
		quietest = &resolvers->seen[resolvers->count++];
	else
		counters.resolvers_forgotten++;
	*quietest = (struct resolvers_seen) { .address = *address };
	return quietest;
}

void resolvers_see(struct resolvers *resolvers, const struct ipaddr *address, struct monotime now)
{
	struct resolvers_seen *seen = place_of(resolvers, address);

	seen->answers++;
	seen->last = now;
}
