/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sets in which what was learned stands: our own table's, or with mode = "sets" those that the administrator named in
 * a table of theirs. */
#ifndef NFQDN_NETFILTER_TABLE_TARGET_H
#define NFQDN_NETFILTER_TABLE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "base/limits.h"
#include "policy/policy.h"

#define TABLE_TARGET_NAME 80
#define TABLE_TARGET_COMMENT "nfqdn: " /* what an element of ours in a set of the administrator's begins with */

struct table_target {
	uint8_t nfproto; /* NFPROTO_* of its table */
	bool bare; /* of the administrator's: the key is an address alone */
	char table[TABLE_TARGET_NAME], set[TABLE_TARGET_NAME]; /* set "": there is none, and nothing is written */
};

/* [0] IPv4, [1] IPv6 */
struct table_targets {
	struct table_target names[2], ranges[2];
};

struct table;

/* Looks up the sets that gateway.sets names. 0; -ENOENT, -EINVAL: one is missing or of another type, or one is lacking, and
 * table->error tells which line of nft would be right; -errno. */
int table_target_find(struct table *table, const struct policy *policy, struct table_targets *out);
bool table_target_same(const struct table_target *a, const struct table_target *b);

#endif
