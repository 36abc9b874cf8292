/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/table_target.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "netfilter/nfattr.h"
#include "netfilter/table_private.h"
#include "netfilter/table_query.h"

#define TYPE_IPV4 7 /* of nft's datatype.h */
#define TYPE_IPV6 8

struct target_seen {
	uint32_t type, flags;
};

/* "inet fw4 allowed4", which config_check.c has looked at. */
static void target_read(const char *text, struct table_target *out)
{
	char family[8] = "";

	*out = (struct table_target) { .bare = true };
	sscanf(text, "%7s %79s %79s", family, out->table, out->set);
	out->nfproto = strcmp(family, "ip") == 0    ? NFPROTO_IPV4
		       : strcmp(family, "ip6") == 0 ? NFPROTO_IPV6
						    : NFPROTO_INET;
}

static int target_visit(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_SET_MAX + 1];
	struct target_seen *seen = context;

	nfattr_parse(message, attributes, NFTA_SET_MAX + 1);
	nfattr_u32(attributes[NFTA_SET_KEY_TYPE], &seen->type);
	nfattr_u32(attributes[NFTA_SET_FLAGS], &seen->flags);
	return 0;
}

static int target_ask(struct table *table, const struct table_target *target, struct target_seen *seen)
{
	struct table_query query;

	table_query_begin(&query, table->queries, NFT_MSG_GETSET, false);
	table_query_family(&query, target->nfproto);
	mnl_attr_put_strz(query.message, NFTA_SET_TABLE, target->table);
	mnl_attr_put_strz(query.message, NFTA_SET_NAME, target->set);
	return table_query_run(&query, target_visit, seen);
}

/* Only the name tells which family a set that is not there would be for. */
static const char *target_guess(const char *text)
{
	size_t length = strlen(text);

	return length && text[length - 1] == '6' ? "ipv6_addr" : "ipv4_addr";
}

static bool target_has_table(struct table *table, const struct table_target *target)
{
	struct table_query query;

	table_query_begin(&query, table->queries, NFT_MSG_GETTABLE, false);
	table_query_family(&query, target->nfproto);
	mnl_attr_put_strz(query.message, NFTA_TABLE_NAME, target->table);
	return table_query_run(&query, NULL, NULL) == 0;
}

/* "inet fw4" of "inet fw4 allowed4". */
static int target_table_length(const char *text, const struct table_target *target)
{
	return (int)(strlen(text) - strlen(target->set) - 1);
}

static int target_missing(struct table *table, const char *text, const struct table_target *target)
{
	char make[TABLE_TARGET_NAME + 32] = "";

	if (!target_has_table(table, target))
		snprintf(make, sizeof(make), "nft add table %.*s; ", target_table_length(text, target), text);
	snprintf(table->error, sizeof(table->error),
		 "set %s is not there; what would be right: %snft add set %s '{ type %s; flags timeout; }', or with "
		 "flags "
		 "interval for ranges",
		 text, make, text, target_guess(text));
	return -ENOENT;
}

/* NULL when it can be filled. */
static const char *target_fault(const struct target_seen *seen)
{
	bool interval = seen->flags & NFT_SET_INTERVAL, timeout = seen->flags & NFT_SET_TIMEOUT;

	if (seen->flags & (NFT_SET_MAP | NFT_SET_OBJECT))
		return "it is a map";
	if (seen->type != TYPE_IPV4 && seen->type != TYPE_IPV6)
		return "its type is not an address alone";
	if (seen->flags & NFT_SET_CONSTANT)
		return "its elements are constant";
	if (interval && timeout)
		return "it has both flags interval and timeout: addresses of names need timeout, ranges need interval";
	if (!interval && !timeout)
		return "it lacks flags timeout, and what is learned would stay for ever if nfqdnd died";
	return NULL;
}

static int target_wrong(struct table *table, const char *text, const struct target_seen *seen, const char *why)
{
	bool only_interval = (seen->flags & (NFT_SET_INTERVAL | NFT_SET_TIMEOUT)) == NFT_SET_INTERVAL;

	snprintf(
		table->error, sizeof(table->error),
		"set %s cannot be filled: %s; what would be right: nft delete set %s; nft add set %s '{ type %s; flags "
		"%s; }'",
		text, why, text, text, seen->type == TYPE_IPV6 ? "ipv6_addr" : target_guess(text),
		only_interval ? "interval" : "timeout");
	return -EINVAL;
}

static int target_place(struct table *table, const char *text, struct table_targets *out)
{
	struct target_seen seen = { 0 };
	struct table_target target, *place;
	const char *fault;
	int error;

	target_read(text, &target);
	error = target_ask(table, &target, &seen);
	if (error == -ENOENT)
		return target_missing(table, text, &target);
	if (error < 0)
		return error;
	fault = target_fault(&seen);
	if (fault)
		return target_wrong(table, text, &seen, fault);
	place = seen.flags & NFT_SET_INTERVAL ? &out->ranges[seen.type == TYPE_IPV6]
					      : &out->names[seen.type == TYPE_IPV6];
	if (place->set[0]) {
		snprintf(table->error, sizeof(table->error),
			 "%s and %s are for the same: name one set of each family with flags timeout, and one with "
			 "flags "
			 "interval",
			 place->set, text);
		return -EINVAL;
	}
	*place = target;
	return 0;
}

static bool target_has_ranges(const struct policy *policy, bool six)
{
	for (size_t i = 0; i < policy->group_count; i++)
		if ((six ? &policy->groups[i].cidr6 : &policy->groups[i].cidr4)->count)
			return true;
	return false;
}

/* What the policy has and no set is for. A family whose names nobody wants is left out. */
static int target_lacking(struct table *table, const struct policy *policy, const struct table_targets *targets)
{
	const char *first = policy->config->sets.items[0].text;
	struct table_target one;

	target_read(first, &one);
	for (int v = 0; v < 2; v++) {
		if (!target_has_ranges(policy, v) || targets->ranges[v].set[0])
			continue;
		snprintf(table->error, sizeof(table->error),
			 "entries have IPv%d ranges, and no set is for them; what would be right: nft add set %.*s "
			 "ranges%d "
			 "'{ type ipv%d_addr; flags interval; }', and its name among the sets",
			 v ? 6 : 4, target_table_length(first, &one), first, v ? 6 : 4, v ? 6 : 4);
		return -ENOENT;
	}
	if (policy->rule_count == 0 || targets->names[0].set[0] || targets->names[1].set[0])
		return 0;
	snprintf(table->error, sizeof(table->error),
		 "entries have names, and no set is for their addresses; what would be right: nft add set %.*s names4 "
		 "'{ type ipv4_addr; flags timeout; }', and its name among the sets",
		 target_table_length(first, &one), first);
	return -ENOENT;
}

int table_target_find(struct table *table, const struct policy *policy, struct table_targets *out)
{
	const struct config_texts *sets = &policy->config->sets;
	struct table_targets found = { .names = { { .bare = true }, { .bare = true } } };
	unsigned int line = sets->line;
	int error = 0;

	for (unsigned int i = 0; i < sets->count && error == 0; i++) {
		line = sets->items[i].line;
		error = target_place(table, sets->items[i].text, &found);
	}
	if (error == 0) {
		line = sets->line;
		error = target_lacking(table, policy, &found);
	}
	if (error == 0)
		*out = found;
	else
		table->error_line = line;
	return error;
}

bool table_target_same(const struct table_target *a, const struct table_target *b)
{
	return a->nfproto == b->nfproto && a->bare == b->bare && strcmp(a->table, b->table) == 0 &&
	       strcmp(a->set, b->set) == 0;
}
