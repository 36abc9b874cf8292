/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes whose addresses carry an IPv4 address (RFC 6052 section 2.2). */
#ifndef NFQDN_POLICY_NAT64_H
#define NFQDN_POLICY_NAT64_H

#include "policy/policy.h"

/* The prefix as a range and as a length: 32, 40, 48, 56, 64 or 96. 0, or -EINVAL with `*why` set to a static text when
 * the range is no such prefix. */
int nat64_from_range(const struct value_range *range, struct policy_nat64 *out, const char **why);
/* The IPv4 address inside an address of the prefix, 4 octets. False when there is none: bits 64 to 71 are not zero. */
bool nat64_carried(const struct policy_nat64 *prefix, const struct ipaddr *address, uint8_t out[4]);
/* The ranges of `local` without the prefixes that lie inside a wider one: behind them is all of IPv4. `out` lives in
 * the arena, its texts and lines are left out. 0 or -ENOMEM. */
int nat64_leave_out(struct arena *arena, const struct config_ranges *local, const struct policy_nat64 *prefixes,
		    size_t count, struct config_ranges *out);

#endif
