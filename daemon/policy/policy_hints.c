/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_hints.h"

#include <errno.h>
#include <stdlib.h>

struct policy_hints {
	const struct pattern_set *patterns; /* values: indexes of `rows` */
	const struct catalog_row **rows; /* one for each pattern */
	size_t count;
};

static bool useful(const struct catalog_row *row)
{
	return row->state == CATALOG_PUBLISHED && row->direction == CATALOG_OUTBOUND;
}

static size_t count_names(const struct catalog *catalog)
{
	size_t count = 0;

	for (size_t i = 0; i < catalog->service_count; i++)
		for (size_t k = 0; k < catalog->services[i].row_count; k++)
			if (useful(&catalog->services[i].rows[k]))
				count += catalog->services[i].rows[k].urls.count;
	return count < LIMIT_PATTERNS ? count : LIMIT_PATTERNS;
}

static void add_row(struct policy_hints *hints, struct pattern *patterns, size_t room, const struct catalog_row *row)
{
	for (size_t i = 0; useful(row) && i < row->urls.count && hints->count < room; i++) {
		patterns[hints->count] = (struct pattern) { row->urls.items[i], (uint32_t)hints->count };
		hints->rows[hints->count++] = row;
	}
}

static int compile(struct policy *policy, struct policy_hints *hints, struct pattern *patterns, size_t room)
{
	const struct catalog *catalog = policy->catalog;

	for (size_t i = 0; i < catalog->service_count; i++)
		for (size_t k = 0; k < catalog->services[i].row_count; k++)
			add_row(hints, patterns, room, &catalog->services[i].rows[k]);
	hints->patterns = pattern_set_build(policy->arena, &policy->hash_key, patterns, hints->count);
	return hints->patterns ? 0 : -ENOMEM;
}

int policy_hints_build(struct policy *policy)
{
	size_t room = policy->catalog ? count_names(policy->catalog) : 0;
	struct policy_hints *hints = arena_alloc(policy->arena, sizeof(*hints));
	struct pattern *patterns = calloc(room + 1, sizeof(*patterns));
	int result = -ENOMEM;

	if (hints && patterns) {
		*hints = (struct policy_hints) { .rows = arena_array(policy->arena, room,
								     sizeof(const struct catalog_row *)) };
		if (hints->rows)
			result = policy->catalog ? compile(policy, hints, patterns, room) : 0;
	}
	free(patterns);
	if (result == 0)
		policy->hints = hints;
	return result;
}

static size_t add_hint(const struct catalog_row *row, const struct catalog_row *out[POLICY_HINTS], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (out[i] == row)
			return count;
	if (count == POLICY_HINTS)
		return count;
	out[count] = row;
	return count + 1;
}

size_t policy_hints_name(const struct policy *policy, const struct dns_name *name,
			 const struct catalog_row *out[POLICY_HINTS])
{
	const struct policy_hints *hints = policy->hints;
	uint32_t values[LIMIT_NAME_MATCHES];
	size_t found = 0, count;
	int over;

	if (!hints || !hints->patterns)
		return 0;
	count = pattern_set_match(hints->patterns, name, values, LIMIT_NAME_MATCHES, &over);
	for (size_t i = 0; i < count; i++)
		found = add_hint(hints->rows[values[i]], out, found);
	return found;
}

static bool holds(const struct catalog_row *row, const struct ipaddr *address)
{
	for (size_t i = 0; i < row->ips.count; i++)
		if (ipaddr_compare(&row->ranges[i].first, address) <= 0 &&
		    ipaddr_compare(address, &row->ranges[i].last) <= 0)
			return true;
	return false;
}

size_t policy_hints_address(const struct policy *policy, const struct ipaddr *address, bool inbound,
			    const struct catalog_row *out[POLICY_HINTS])
{
	enum catalog_direction wanted = inbound ? CATALOG_INBOUND : CATALOG_OUTBOUND;
	const struct catalog *catalog = policy->catalog;
	size_t found = 0;

	for (size_t i = 0; catalog && i < catalog->service_count; i++)
		for (size_t k = 0; k < catalog->services[i].row_count && found < POLICY_HINTS; k++) {
			const struct catalog_row *row = &catalog->services[i].rows[k];

			if (row->state == CATALOG_PUBLISHED && row->direction == wanted && holds(row, address))
				found = add_hint(row, out, found);
		}
	return found;
}
