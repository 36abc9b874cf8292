/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "policy/interval.h"
#include "policy/nat64.h"
#include "policy/policy_boxes.h"
#include "policy/policy_group.h"
#include "policy/policy_hints.h"
#include "policy/policy_input.h"
#include "policy/policy_rules.h"
#include "policy/policy_select.h"
#include "policy/policy_warn.h"

static int read_catalog(struct policy_input *input)
{
	const struct config_texts *folders = &input->config->catalog;
	const char **paths = arena_array(input->arena, folders->count, sizeof(*paths));

	if (!paths)
		return -ENOMEM;
	for (size_t i = 0; i < folders->count; i++)
		paths[i] = folders->items[i].text;
	input->catalog = catalog_load(input->arena, paths, folders->count, input->problems);
	return 0;
}

static uint32_t inherited(uint32_t own, uint32_t general)
{
	return own == CONFIG_INHERIT ? general : own;
}

static struct policy_entry *make_entries(const struct policy_input *input)
{
	const struct config *config = input->config;
	struct policy_entry *entries = arena_array(input->arena, config->entry_count, sizeof(*entries));

	for (size_t i = 0; entries && i < config->entry_count; i++) {
		const struct config_lifetime *own = &config->entries[i].lifetime;

		entries[i].config = &config->entries[i];
		entries[i].lifetime = (struct config_lifetime) { inherited(own->grace, config->lifetime.grace),
								 inherited(own->min, config->lifetime.min),
								 inherited(own->max, config->lifetime.max) };
	}
	return entries;
}

static int add_entry(const struct policy_input *input, const struct policy_entry *entry, struct policy_list *rules,
		     struct policy_boxes_work *boxes)
{
	struct policy_selection selection;
	int result = policy_select_rows(input, entry->config, &selection);

	policy_warn_names(input, entry->config);
	if (!result)
		result = policy_warn_rows(input, entry->config, &selection);
	if (!result && !entry->config->inbound)
		result = policy_rules_add(input, entry, &selection, rules);
	return result ? result : policy_boxes_add(entry, &selection, boxes);
}

static int compile_patterns(struct policy *policy, const struct policy_input *input)
{
	struct pattern *patterns;
	int result = hash_key_random(&policy->hash_key);

	if (result)
		return result;
	if (policy->rule_count > LIMIT_PATTERNS) {
		problem_add(input->problems, PROBLEM_ERROR, input->config->file, 0, "",
			    "%zu name patterns are selected, at most %d are possible", policy->rule_count,
			    LIMIT_PATTERNS);
		return 0;
	}
	patterns = calloc(policy->rule_count + 1, sizeof(*patterns));
	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < policy->rule_count; i++)
		patterns[i] = (struct pattern) { policy->rules[i].pattern, (uint32_t)i };
	policy->patterns = pattern_set_build(policy->arena, &policy->hash_key, patterns, policy->rule_count);
	free(patterns);
	return policy->patterns ? 0 : -ENOMEM;
}

static int fill_nat64(struct policy *policy, const struct config *config)
{
	struct policy_nat64 *items = arena_array(policy->arena, config->nat64.count, sizeof(*items));
	const char *why;
	int result = items ? 0 : -ENOMEM;

	for (unsigned int i = 0; !result && i < config->nat64.count; i++)
		result = nat64_from_range(&config->nat64.items[i], &items[i], &why);
	policy->nat64 = items;
	policy->nat64_count = result ? 0 : config->nat64.count;
	return result;
}

static int fill_lists(struct policy *policy, const struct config *config)
{
	struct config_ranges local;
	int result = fill_nat64(policy, config);

	if (!result)
		result = nat64_leave_out(policy->arena, &config->local, policy->nat64, policy->nat64_count, &local);
	if (!result)
		result = policy_group_ranges(policy->arena, &local, &policy->local);
	if (!result)
		result = policy_group_ranges(policy->arena, &config->clients, &policy->clients);
	return result ? result : policy_group_ranges(policy->arena, &config->resolvers, &policy->resolvers);
}

/* Everything that grows is collected first and put into the arena at its final size. */
static int fill_entries(struct policy *policy, const struct policy_input *input, struct policy_group *groups)
{
	struct policy_list rules = POLICY_LIST_OF(struct policy_rule);
	struct policy_boxes_work *boxes = malloc(sizeof(*boxes));
	int result = 0;

	if (!boxes)
		return -ENOMEM;
	policy_boxes_start(boxes);
	for (size_t i = 0; i < policy->entry_count && !result; i++)
		result = add_entry(input, &policy->entries[i], &rules, boxes);
	if (!result) {
		policy->rules = policy_list_keep(&rules, policy->arena);
		policy->rule_count = policy->rules ? rules.count : 0;
		result = policy->rules ? compile_patterns(policy, input) : -ENOMEM;
	}
	if (!result)
		result = policy_hints_build(policy);
	if (!result)
		result = policy_boxes_finish(boxes, policy, groups);
	policy_list_clear(&rules);
	policy_boxes_clear(boxes);
	free(boxes);
	return result;
}

static int fill(struct policy *policy, struct policy_input *input)
{
	struct policy_group *groups = arena_array(policy->arena, LIMIT_GROUPS, sizeof(*groups));
	struct policy_entry *entries = make_entries(input);
	int result = groups && entries ? read_catalog(input) : -ENOMEM;

	if (!result)
		result = fill_lists(policy, input->config);
	if (!result)
		result = policy_group_make(input, entries, groups, &policy->group_count);
	if (result)
		return result;
	policy->config = input->config;
	policy->catalog = input->catalog;
	policy->entries = entries;
	policy->entry_count = input->config->entry_count;
	policy->groups = groups;
	return fill_entries(policy, input, groups);
}

struct policy *policy_build(struct config *config, const char *today, struct problems *problems)
{
	struct policy_input input = { .arena = config->arena, .config = config, .today = today, .problems = problems };
	struct policy *policy = arena_alloc(config->arena, sizeof(*policy));
	size_t errors = problems->errors;
	int result = -ENOMEM;

	if (policy) {
		policy->arena = config->arena;
		result = fill(policy, &input);
	}
	if (result)
		problem_add(problems, PROBLEM_ERROR, config->file, 0, "", "the policy cannot be built: %s",
			    strerror(-result));
	if (problems->errors == errors)
		return policy;
	config_free(config);
	return NULL;
}

void policy_free(struct policy *policy)
{
	if (policy)
		config_free((struct config *)policy->config); /* whose arena holds the policy too */
}

static bool list_contains(const struct policy_ranges *list, const struct ipaddr *address)
{
	return interval_find(list->items, list->count, address) != NULL;
}

bool policy_ranges46_contain(const struct policy_ranges46 *ranges, const struct ipaddr *address)
{
	return list_contains(address->family == IPADDR_V6 ? &ranges->v6 : &ranges->v4, address);
}

static bool range_holds(const struct value_range *range, const struct ipaddr *address)
{
	return ipaddr_compare(&range->first, address) <= 0 && ipaddr_compare(address, &range->last) <= 0;
}

/* Of boxes that do not overlap those that cover one protocol and port have disjoint addresses: the last one that begins
 * at the address or before is the only one that can hold it. */
bool policy_boxes_contain(const struct policy_boxes *boxes, const struct ipaddr *address, uint8_t l4proto,
			  uint16_t port)
{
	for (size_t i = boxes->count; i > 0; i--) {
		const struct policy_box *box = &boxes->items[i - 1];

		if (box->l4proto == l4proto && box->port_first <= port && port <= box->port_last &&
		    ipaddr_compare(&box->address.first, address) <= 0)
			return range_holds(&box->address, address);
	}
	return false;
}

bool policy_froms_contain(const struct policy_froms *froms, const struct ipaddr *source,
			  const struct ipaddr *destination, uint8_t l4proto, uint16_t port)
{
	for (size_t i = froms->count; i > 0; i--) {
		const struct policy_from *from = &froms->items[i - 1];

		if (from->l4proto == l4proto && from->port_first <= port && port <= from->port_last &&
		    ipaddr_compare(&from->source.first, source) <= 0 && range_holds(&from->destination, destination))
			return range_holds(&from->source, source);
	}
	return false;
}

policy_group_mask policy_groups_of_client(const struct policy *policy, const struct ipaddr *client)
{
	policy_group_mask mask = 1;

	for (size_t i = 1; i < policy->group_count; i++)
		if (policy_ranges46_contain(&policy->groups[i].clients, client))
			mask |= (policy_group_mask)1 << i;
	return mask;
}

policy_group_mask policy_groups_of_asker(const struct policy *policy, const struct ipaddr *asker)
{
	policy_group_mask mask = policy_groups_of_client(policy, asker);

	if (mask != 1)
		return mask;
	return (policy_group_mask)((UINT64_C(1) << policy->group_count) - 1);
}

size_t policy_match_name(const struct policy *policy, const struct dns_name *name,
			 const struct policy_rule *out[LIMIT_NAME_MATCHES])
{
	uint32_t values[LIMIT_NAME_MATCHES];
	int over = 0;
	size_t count = pattern_set_match(policy->patterns, name, values, LIMIT_NAME_MATCHES, &over);

	for (size_t i = 0; i < count; i++)
		out[i] = &policy->rules[values[i]];
	if (over && count == LIMIT_NAME_MATCHES)
		counters.name_matches_over_limit++;
	else if (over)
		counters.pattern_visits_over_limit++;
	return count;
}

size_t policy_find_address(const struct policy_provenance *list, size_t count, const struct ipaddr *address,
			   const struct policy_provenance **out, size_t size)
{
	size_t found = 0;

	for (size_t i = 0; i < count && ipaddr_compare(&list[i].range.first, address) <= 0; i++) {
		if (list[i].range.first.family != address->family || ipaddr_compare(&list[i].range.last, address) < 0)
			continue;
		if (found < size)
			out[found] = &list[i];
		found++;
	}
	return found;
}
