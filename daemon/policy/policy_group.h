/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups of clients: entries with the same `clients` share one. */
#ifndef NFQDN_POLICY_POLICY_GROUP_H
#define NFQDN_POLICY_POLICY_GROUP_H

#include "policy/policy.h"
#include "policy/policy_input.h"

/* Ranges merged and parted by family, in the arena. 0 or -ENOMEM. */
int policy_group_ranges(struct arena *arena, const struct config_ranges *ranges, struct policy_ranges46 *out);
/* Makes the groups of the configuration's `allow` entries and sets `group` of each of `entries` (config->entry_count of
 * them). `groups` holds LIMIT_GROUPS; their boxes stay empty. Too many groups are an error in the problems.
 * 0 or -ENOMEM. */
int policy_group_make(const struct policy_input *input, struct policy_entry *entries, struct policy_group *groups,
		      size_t *count);

#endif
