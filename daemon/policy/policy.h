/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is allowed: configuration and catalog made into one immutable object. Built at start and at reload, never
 * changed. */
#ifndef NFQDN_POLICY_POLICY_H
#define NFQDN_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/limits.h"
#include "dns/name.h"
#include "dns/pattern.h"
#include "policy/catalog.h"
#include "policy/config.h"
#include "policy/problem.h"
#include "policy/value.h"

/* An element of an interval set `addr . l4proto . port` of one family: all three closed intervals. Ports are as they
 * stand in the set: value_icmp_port() for echo requests. Boxes of one list are disjoint. */
struct policy_box {
	struct value_range address;
	uint8_t l4proto;
	uint16_t port_first, port_last;
};
struct policy_boxes {
	const struct policy_box *items; /* sorted by address, l4proto, port */
	size_t count;
};

/* An element of `source . destination . l4proto . port`, likewise disjoint. */
struct policy_from {
	struct value_range source, destination;
	uint8_t l4proto;
	uint16_t port_first, port_last;
};
struct policy_froms {
	const struct policy_from *items;
	size_t count;
};

/* Disjoint, sorted, adjacent ones merged, one family. */
struct policy_ranges {
	const struct value_range *items;
	size_t count;
};
/* The same thing for both families. */
struct policy_ranges46 {
	struct policy_ranges v4, v6;
};

struct policy_entry {
	const struct config_entry *config; /* name, line, private_answers */
	uint8_t group; /* index into groups; entries of `inbound` have 0 */
	struct config_lifetime lifetime; /* seconds, inherited values filled in */
};

/* One name pattern of one entry, with its ports. A pattern_set value is an index into `rules`. */
struct policy_rule {
	const struct policy_entry *entry;
	const struct catalog_row *row; /* NULL: the entry's own `names` */
	const char *pattern;
	const struct value_ports *ports; /* each with first == last: expanded; VALUE_ICMP once */
	size_t port_count;
};

/* One address range of one entry, for `why`. */
struct policy_provenance {
	const struct policy_entry *entry;
	const struct catalog_row *row; /* NULL: the entry's own `addresses` (or `also`) */
	const char *text; /* as written in configuration or catalog */
	struct value_range range;
	const struct value_ports *ports;
	size_t port_count;
};

/* Entries with the same clients. Group 0 is the plain one, for entries without `clients`; it may have no entries. */
struct policy_group {
	/* "" for group 0, else the name of its first entry with what nft cannot spell replaced by '_', unique */
	const char *name;
	struct policy_ranges46 clients; /* empty for group 0: every client */
	struct policy_boxes cidr4, cidr6;
	bool used; /* group 0 without entries is not used */
};

/* A prefix whose addresses carry an IPv4 address. */
struct policy_nat64 {
	struct value_range range;
	uint8_t length; /* of the prefix: 32, 40, 48, 56, 64 or 96 */
};

struct policy_hints; /* policy_hints.h */

struct policy {
	struct arena *arena; /* owns everything, the configuration included */
	const struct config *config;
	const struct catalog *catalog;
	bool waiting; /* set by the caller: enforce-after runs, and what enforce would deny passes */
	uint64_t generation; /* set by the caller: 1 for the first policy of a run, then counted up */
	const struct policy_entry *entries;
	size_t entry_count;
	const struct policy_group *groups;
	size_t group_count; /* at least 1, at most LIMIT_GROUPS */
	const struct policy_rule *rules;
	size_t rule_count;
	const struct pattern_set *patterns;
	struct hash_key hash_key;
	const struct policy_hints *hints;
	const struct policy_provenance *outbound; /* sorted by range.first (IPv4 before IPv6) */
	size_t outbound_count;
	const struct policy_provenance *inbound; /* sources */
	size_t inbound_count;
	struct policy_ranges46 clients; /* `gateway.clients`; both empty: not narrowed */
	struct policy_ranges46 local, resolvers; /* `local` without what lies behind NAT64 */
	const struct policy_nat64 *nat64; /* besides 64:ff9b::/96; none overlaps another */
	size_t nat64_count; /* at most LIMIT_NAT64_PREFIXES */
	struct policy_froms from4, from6; /* who may open a connection to what */
	struct policy_boxes guarded4, guarded6; /* destinations that `inbound` decides about */
};

/* Builds the policy. Takes `config` over (frees it on failure too). Everything found wrong is added to `problems`;
 * NULL when there is an error. `today` ("YYYY-MM-DD") is what `until` and asOf are compared with (warnings on rows
 * older than a year, names past `until`). */
struct policy *policy_build(struct config *config, const char *today, struct problems *problems);
void policy_free(struct policy *policy);

/* The mode in force: audit while enforce-after runs. */
static inline enum config_mode policy_mode(const struct policy *policy)
{
	return policy->waiting && policy->config->mode == CONFIG_ENFORCE ? CONFIG_AUDIT : policy->config->mode;
}

/* Bit set of groups. */
typedef uint32_t policy_group_mask;
/* Groups that an asker's answers teach: group 0 and those whose clients hold the address; every group when only group
 * 0 (or none) holds it, since an asker outside all of them is a forwarder. */
policy_group_mask policy_groups_of_asker(const struct policy *policy, const struct ipaddr *asker);
/* Groups whose clients hold `client` (group 0 always): what may it reach? */
policy_group_mask policy_groups_of_client(const struct policy *policy, const struct ipaddr *client);

/* Rules that match a name, in the configuration's order, at most LIMIT_NAME_MATCHES (more are counted). Returns their
 * number. */
size_t policy_match_name(const struct policy *policy, const struct dns_name *name,
			 const struct policy_rule *out[LIMIT_NAME_MATCHES]);

/* True when the range list of the address's family holds it. */
bool policy_ranges46_contain(const struct policy_ranges46 *ranges, const struct ipaddr *address);

/* True when a box of the list, all of one family, holds the point. `port` as in the set. */
bool policy_boxes_contain(const struct policy_boxes *boxes, const struct ipaddr *address, uint8_t l4proto,
			  uint16_t port);
bool policy_froms_contain(const struct policy_froms *froms, const struct ipaddr *source,
			  const struct ipaddr *destination, uint8_t l4proto, uint16_t port);

/* Why an answer's address is not taken, for entries without `private = true`. The list is DESIGN's; the IPv4 inside the
 * policy's NAT64 prefixes (`policy` may be NULL), 64:ff9b::/96, ::ffff:0:0/96 and 2002::/16 is judged by the same list. */
bool policy_address_reserved(const struct policy *policy, const struct ipaddr *address);

/* Provenances whose range holds `address` and that come from the list given, in order; returns how many there are, of
 * which the first `size` are written. */
size_t policy_find_address(const struct policy_provenance *list, size_t count, const struct ipaddr *address,
			   const struct policy_provenance **out, size_t size);

#endif
