/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/interval.h"

/* Set names are made of it ("name4_GROUP"): room for the longest prefix and suffix inside LIMIT_OBJECT_NAME. */
#define GROUP_NAME_MAX (LIMIT_OBJECT_NAME - 16)

int policy_group_ranges(struct arena *arena, const struct config_ranges *ranges, struct policy_ranges46 *out)
{
	struct value_range *items = arena_array(arena, ranges->count, sizeof(*items));
	size_t count, v4 = 0;

	if (!items)
		return -ENOMEM;
	if (ranges->count)
		memcpy(items, ranges->items, ranges->count * sizeof(*items));
	count = interval_merge(items, ranges->count);
	while (v4 < count && items[v4].first.family == IPADDR_V4)
		v4++;
	out->v4 = (struct policy_ranges) { items, v4 };
	out->v6 = (struct policy_ranges) { items + v4, count - v4 };
	return 0;
}

static bool same_list(const struct policy_ranges *a, const struct policy_ranges *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (interval_compare(&a->items[i], &b->items[i]) != 0)
			return false;
	return true;
}

static bool same_clients(const struct policy_ranges46 *a, const struct policy_ranges46 *b)
{
	return same_list(&a->v4, &b->v4) && same_list(&a->v6, &b->v6);
}

static bool name_taken(const struct policy_group *groups, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(groups[i].name, name) == 0)
			return true;
	return false;
}

/* The entry's name as nft can spell it; a number is added where two become the same. */
static const char *make_name(struct arena *arena, const struct policy_group *groups, size_t count, const char *from)
{
	static const char spelled[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	char base[GROUP_NAME_MAX - 4], name[GROUP_NAME_MAX];

	snprintf(base, sizeof(base), "%s", from);
	for (char *at = base; *at; at++)
		if (!strchr(spelled, *at))
			*at = '_';
	snprintf(name, sizeof(name), "%s", base);
	for (unsigned int number = 2; name_taken(groups, count, name); number++)
		snprintf(name, sizeof(name), "%s_%u", base, number % 1000);
	return arena_strdup(arena, name);
}

/* The index of the entry's group, made when it is new; LIMIT_GROUPS when there is no room. -ENOMEM. */
static int find_group(const struct policy_input *input, const struct config_entry *entry, struct policy_group *groups,
		      size_t *count)
{
	struct policy_ranges46 clients;
	size_t at;

	if (entry->clients.count == 0)
		return 0;
	if (policy_group_ranges(input->arena, &entry->clients, &clients))
		return -ENOMEM;
	for (at = 1; at < *count; at++)
		if (same_clients(&groups[at].clients, &clients))
			return (int)at;
	if (at == LIMIT_GROUPS)
		return LIMIT_GROUPS;
	groups[at] =
		(struct policy_group) { .name = make_name(input->arena, groups, at, entry->name), .clients = clients };
	if (!groups[at].name)
		return -ENOMEM;
	*count = at + 1;
	return (int)at;
}

int policy_group_make(const struct policy_input *input, struct policy_entry *entries, struct policy_group *groups,
		      size_t *count)
{
	const struct config *config = input->config;

	groups[0] = (struct policy_group) { .name = "" };
	*count = 1;
	for (size_t i = 0; i < config->entry_count; i++) {
		int group = config->entries[i].inbound ? 0 : find_group(input, &config->entries[i], groups, count);

		if (group < 0)
			return group;
		if (group == LIMIT_GROUPS) {
			policy_input_tell(
				input, PROBLEM_ERROR, &config->entries[i], config->entries[i].clients.line, "clients",
				"one group of clients too many: entries may have at most %d different lists of clients",
				LIMIT_GROUPS - 1);
			return 0;
		}
		entries[i].group = (uint8_t)group;
		if (!config->entries[i].inbound)
			groups[group].used = true;
	}
	return 0;
}
