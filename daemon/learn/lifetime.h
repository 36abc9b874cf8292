/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a learned address lives: pure arithmetic. All in seconds and milliseconds as named. */
#ifndef NFQDN_LEARN_LIFETIME_H
#define NFQDN_LEARN_LIFETIME_H

#include <stdint.h>

#include "policy/config.h"

/* The kernel's own timeout is this much longer than our life: it only matters when the daemon is dead. */
#define LIFETIME_BACKSTOP_MS 30000

/* clamp(ttl + grace, min, max), in milliseconds. */
int64_t lifetime_of_ttl(const struct config_lifetime *lifetime, uint32_t ttl);
/* An element with less than this left, in milliseconds, is refreshed by an answer with this TTL: ttl + grace / 2.
 * Between a TTL and a `max` that is nearer than the grace, it is the middle of the two. A TTL of `max` or more is cut
 * short anyway, and asks for seven eighths of `max` only. Always at most lifetime_of_ttl(). A client must not outlive its
 * element, and a refresh for every answer would be a transaction for nothing. */
int64_t lifetime_refresh_below(const struct config_lifetime *lifetime, uint32_t ttl);

#endif
