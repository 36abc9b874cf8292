/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: derived names
 *
 * An allowed answer may end without an address: a CNAME whose target the resolver did not look up, an HTTPS record that
 * names another host. The client asks for that name next, and no entry knows it. So the name is remembered, exactly as
 * it stood in the answer, for as long as the client may: while it lives, an answer to it teaches by the rules of the
 * question that led there, its origin. Rules are found by the origin's name whenever they are needed: nothing here
 * outlives the policy.
 *
 * Who can make the resolver answer for an allowed name can put any address there at once; a derived name gives no more.
 * The table is bounded all the same. Each origin's pattern has a share: when the table is full, the pattern that holds
 * most gives up the name that ends first. A pattern is told by a keyed hash: two of the same hash hold one share. */
#ifndef NFQDN_LEARN_DERIVED_H
#define NFQDN_LEARN_DERIVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/monotime.h"
#include "dns/name.h"
#include "policy/policy.h"

struct derived;

struct derived_record {
	struct dns_name name;
	struct dns_name origin; /* the question that the policy allowed */
	policy_group_mask groups; /* whose rules of the origin count; not 0 */
	uint8_t depth; /* 1 .. LIMIT_DERIVED_DEPTH: answers on the way from the origin */
	struct monotime deadline;
};

/* All memory is taken here. NULL when there is none. */
struct derived *derived_new(const struct hash_key *key);
void derived_free(struct derived *derived);
/* Names and origins that are remembered, those included whose life is over but whose place nobody wanted. */
size_t derived_count(const struct derived *derived);
/* The life, in milliseconds, of a name that was answered with this TTL. */
int64_t derived_life(uint32_t ttl);
/* Remembers `record`, or prolongs and widens the one with the same name and origin: the later deadline, all groups, the
 * smaller depth. `pattern`: what allows the origin, as written. Never fails: at a limit another one goes (counted). */
void derived_add(struct derived *derived, const struct derived_record *record, const char *pattern,
		 struct monotime now);
/* The records of a name that are alive at `now`, at most LIMIT_DERIVED_ORIGINS, copied to `out`. Returns their number.
 */
size_t derived_find(const struct derived *derived, const struct dns_name *name, struct monotime now,
		    struct derived_record out[LIMIT_DERIVED_ORIGINS]);
/* After a reload: calls `keep` for each, which may change `groups` (and nothing else); those for which it returns false
 * are forgotten. */
void derived_prune(struct derived *derived, bool (*keep)(void *context, struct derived_record *record), void *context);

#endif
