/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/nat64.h"

#include <errno.h>

#define U_OCTET 8 /* bits 64 to 71, which are zero */

static const uint8_t lengths[] = { 32, 40, 48, 56, 64, 96 };

int nat64_from_range(const struct value_range *range, struct policy_nat64 *out, const char **why)
{
	*why = "a NAT64 prefix is an IPv6 prefix of length 32, 40, 48, 56, 64 or 96, such as 2001:db8:64::/96";
	for (size_t i = 0; range->first.family == IPADDR_V6 && i < sizeof(lengths); i++) {
		struct ipaddr first, last;

		ipaddr_prefix_bounds(&range->first, lengths[i], &first, &last);
		if (!ipaddr_equal(&first, &range->first) || !ipaddr_equal(&last, &range->last))
			continue;
		if (lengths[i] == 96 && first.bytes[U_OCTET]) {
			*why = "bits 64 to 71 of a NAT64 prefix are zero (RFC 6052 section 2.2)";
			return -EINVAL;
		}
		*out = (struct policy_nat64) { *range, lengths[i] };
		return 0;
	}
	return -EINVAL;
}

bool nat64_carried(const struct policy_nat64 *prefix, const struct ipaddr *address, uint8_t out[4])
{
	size_t at = prefix->length / 8;

	if (address->bytes[U_OCTET])
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (at == U_OCTET)
			at++;
		out[i] = address->bytes[at++];
	}
	return true;
}

static bool is_inside(const struct value_range *inner, const struct value_range *outer)
{
	return ipaddr_compare(&outer->first, &inner->first) <= 0 && ipaddr_compare(&inner->last, &outer->last) <= 0;
}

/* Takes a prefix out of the ranges that are wider; returns how many ranges there are then. */
static size_t leave_out(struct value_range *items, size_t count, const struct value_range *prefix)
{
	size_t before = count;

	for (size_t i = 0; i < before; i++) {
		struct ipaddr below = prefix->first, above = prefix->last;
		struct value_range whole = items[i];
		bool first = ipaddr_equal(&whole.first, &below), last = ipaddr_equal(&whole.last, &above);

		if (!is_inside(prefix, &whole) || (first && last))
			continue;
		ipaddr_previous(&below);
		ipaddr_next(&above);
		items[i] = first ? (struct value_range) { above, whole.last }
				 : (struct value_range) { whole.first, below };
		if (!first && !last)
			items[count++] = (struct value_range) { above, whole.last };
	}
	return count;
}

int nat64_leave_out(struct arena *arena, const struct config_ranges *local, const struct policy_nat64 *prefixes,
		    size_t count, struct config_ranges *out)
{
	size_t size = local->count;
	/* prefixes do not overlap: each one divides a range at most once */
	struct value_range *items = arena_array(arena, size * (count + 1), sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < local->count; i++)
		items[i] = local->items[i];
	for (size_t i = 0; i < count; i++)
		size = leave_out(items, size, &prefixes[i].range);
	*out = (struct config_ranges) { .items = items, .count = (unsigned int)size };
	return 0;
}
