/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stays learned between drains: what has ended goes, what a new policy forbids goes, and what the kernel holds at
 * the start is taken over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "learn/lifetime.h"
#include "learn/snoop_parts.h"

#define TICK_MS 1000

/* ---- what has ended ---- */

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t snoop_tick(struct snoop *snoop, struct monotime now)
{
	struct monotime deadline;
	size_t failed;

	store_reserve(snoop->store); /* a failure is counted where an answer suffers from it */
	if (!snoop->ticked || !monotime_before(now, snoop->next_tick)) {
		store_plan_expired(snoop->store, now);
		failed = snoop_commit(snoop);
		/* More are due than a transaction holds: the rest follows as soon as packets have been looked after. */
		snoop->next_tick = monotime_add(now, TICK_MS);
		if (!failed && store_next_deadline(snoop->store, &deadline) && !monotime_before(now, deadline))
			snoop->next_tick = now;
		snoop->ticked = true;
	}
	if (!store_next_deadline(snoop->store, &deadline))
		return -1;
	return max64(0, max64(monotime_until(now, snoop->next_tick), monotime_until(now, deadline)));
}

/* ---- a new policy ---- */

static uint8_t group_of_name(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->group_count; i++)
		if (strcmp(policy->groups[i].name, name) == 0)
			return (uint8_t)i;
	return STORE_NO_GROUP;
}

static bool regroup_derived(void *context, struct derived_record *record)
{
	const uint8_t *map = context;
	policy_group_mask groups = 0;

	for (unsigned int i = 0; i < LIMIT_GROUPS; i++)
		if (record->groups >> i & 1 && map[i] != STORE_NO_GROUP)
			groups |= (policy_group_mask)1 << map[i];
	record->groups = groups;
	return groups != 0;
}

void snoop_on_removal(struct snoop *snoop, snoop_removal *removal, void *context)
{
	snoop->removal = removal;
	snoop->removal_context = context;
}

struct leaving {
	struct snoop *snoop; /* with the policy that goes */
	const uint8_t *map;
};

/* Its set goes with its group, unless groups share it. */
static bool tell_leaving(void *context, const struct store_view *view)
{
	const struct leaving *leaving = context;
	const struct snoop *snoop = leaving->snoop;

	if (leaving->map[view->key.group] == STORE_NO_GROUP)
		snoop->removal(snoop->removal_context, snoop->policy->groups[view->key.group].name, view);
	return true;
}

static void delete_leaving(void *context, const struct store_view *view)
{
	const struct leaving *leaving = context;
	struct element_key key = view->key;

	if (leaving->map[key.group] != STORE_NO_GROUP)
		return;
	if (store_plan_delete(leaving->snoop->store, &key) == -ENOSPC) {
		(void)snoop_commit(leaving->snoop);
		store_plan_delete(leaving->snoop->store, &key);
	}
}

static void leave_shared(struct leaving *leaving)
{
	uint32_t at = 0;

	while (store_visit_some(leaving->snoop->store, &at, LIMIT_PRUNE_SLICE, delete_leaving, leaving))
		(void)snoop_commit(leaving->snoop);
	(void)snoop_commit(leaving->snoop);
}

void snoop_set_policy(struct snoop *snoop, const struct policy *policy)
{
	uint8_t map[256];

	memset(map, STORE_NO_GROUP, sizeof(map));
	for (size_t i = 0; snoop->policy && i < snoop->policy->group_count; i++)
		map[i] = group_of_name(policy, snoop->policy->groups[i].name);
	if (snoop->policy && snoop->removal)
		store_visit(snoop->store, tell_leaving, &(struct leaving) { snoop, map });
	if (snoop->policy && snoop->shared)
		leave_shared(&(struct leaving) { snoop, map });
	if (snoop->policy) {
		store_regroup(snoop->store, map);
		derived_prune(snoop->derived, regroup_derived, map);
	}
	snoop->policy = policy;
}

static bool rule_has(const struct policy_rule *rule, const struct element_key *key)
{
	enum ipaddr_family family = key->address.family;

	if (rule->entry->group != key->group)
		return false;
	for (size_t i = 0; i < rule->port_count; i++) {
		const struct value_ports *port = &rule->ports[i];
		uint16_t number = port->proto == VALUE_ICMP ? value_icmp_port(family) : port->first;

		if (value_proto_number(port->proto, family) == key->l4proto && number == key->port)
			return true;
	}
	return false;
}

/* A private or own address may stand in the kernel only as long as an entry of the policy takes it. */
static bool rule_takes(const struct snoop *snoop, const struct policy_rule *rule, const struct element_key *key)
{
	if (!rule_has(rule, key) || snoop_is_own(snoop, &key->address) || snoop_is_without(snoop, &key->address))
		return false;
	return rule->entry->config->private_answers || !policy_address_reserved(snoop->policy, &key->address);
}

int64_t snoop_longest_life(struct snoop *snoop, const struct dns_name *name, const struct element_key *key)
{
	size_t matches = policy_match_name(snoop->policy, name, snoop->rules);
	int64_t longest = 0;

	for (size_t i = 0; i < matches; i++)
		if (rule_takes(snoop, snoop->rules[i], key))
			longest = max64(longest, (int64_t)snoop->rules[i]->entry->lifetime.max * 1000);
	return longest;
}

static bool element_allowed(struct snoop *snoop, const struct store_view *view)
{
	for (size_t i = 0; i < view->name_count; i++)
		if (snoop_longest_life(snoop, &view->names[i].name, &view->key))
			return true;
	for (size_t i = 0; view->name_count == 0 && i < snoop->policy->rule_count; i++)
		if (rule_takes(snoop, &snoop->policy->rules[i], &view->key))
			return true;
	return false;
}

struct pruning {
	struct snoop *snoop;
	size_t failed;
};

static void prune_element(void *context, const struct store_view *view)
{
	struct pruning *pruning = context;
	struct snoop *snoop = pruning->snoop;
	struct element_key key = view->key;

	if (element_allowed(snoop, view))
		return;
	if (snoop->removal)
		snoop->removal(snoop->removal_context, snoop->policy->groups[key.group].name, view);
	if (store_plan_delete(snoop->store, &key) == -ENOSPC) {
		pruning->failed += snoop_commit(snoop);
		store_plan_delete(snoop->store, &key);
	}
}

/* True, and narrows the groups, when the origin still is allowed in some. */
static bool keep_derived(void *context, struct derived_record *record)
{
	struct snoop *snoop = context;
	size_t matches = policy_match_name(snoop->policy, &record->origin, snoop->rules);
	policy_group_mask groups = 0;

	for (size_t i = 0; i < matches; i++)
		groups |= (policy_group_mask)1 << snoop->rules[i]->entry->group;
	record->groups &= groups;
	return record->groups != 0;
}

int snoop_prune(struct snoop *snoop, struct monotime now, void (*pause)(void *context), void *context)
{
	struct pruning pruning = { .snoop = snoop };
	uint32_t at = 0;
	bool more = true;

	snoop->now = now;
	derived_prune(snoop->derived, keep_derived, snoop);
	while (more) {
		more = store_visit_some(snoop->store, &at, LIMIT_PRUNE_SLICE, prune_element, &pruning);
		pruning.failed += snoop_commit(snoop);
		if (more && pause)
			pause(context);
	}
	return pruning.failed ? -EAGAIN : 0;
}

/* ---- the start ---- */

struct adoption {
	struct snoop *snoop;
	struct monotime now;
	struct element_change *strays; /* elements that the store did not take: nobody would delete them */
	size_t stray_count, stray_room;
	int error; /* of the store; the first */
};

/* A stray that memory cannot hold stays until the kernel's own timeout. */
static void note_stray(struct adoption *adoption, const struct element_key *key)
{
	if (adoption->stray_count == adoption->stray_room) {
		size_t room = adoption->stray_room ? 2 * adoption->stray_room : LIMIT_BATCH_ELEMENTS;
		struct element_change *strays = reallocarray(adoption->strays, room, sizeof(*strays));

		if (!strays)
			return;
		adoption->strays = strays;
		adoption->stray_room = room;
	}
	adoption->strays[adoption->stray_count++] =
		(struct element_change) { .key = *key, .operation = ELEMENT_DELETE };
}

static void delete_strays(struct adoption *adoption)
{
	for (size_t at = 0; at < adoption->stray_count; at += LIMIT_BATCH_ELEMENTS) {
		size_t left = adoption->stray_count - at,
		       count = left < LIMIT_BATCH_ELEMENTS ? left : LIMIT_BATCH_ELEMENTS;

		counters.elements_evicted +=
			count - element_commit(adoption->snoop->table, adoption->strays + at, count);
	}
	free(adoption->strays);
}

/* Of a set that holds addresses alone: for the groups and ports that the policy gives to its name. A name that is not known,
 * since it was cut, is any. */
static int adopt_address(struct snoop *snoop, const struct element_key *found, const struct dns_name *name,
			 struct monotime deadline)
{
	size_t matches = name ? policy_match_name(snoop->policy, name, snoop->rules) : snoop->policy->rule_count > 0;
	int result = -ENOENT;

	if (!name && matches)
		snoop->rules[0] = &snoop->policy->rules[0];
	for (size_t i = 0; i < matches; i++)
		for (size_t j = 0; j < snoop->rules[i]->port_count; j++) {
			const struct value_ports *port = &snoop->rules[i]->ports[j];
			enum ipaddr_family family = found->address.family;
			struct element_key key = {
				.address = found->address,
				.group = snoop->rules[i]->entry->group,
				.l4proto = value_proto_number(port->proto, family),
				.port = port->proto == VALUE_ICMP ? value_icmp_port(family) : port->first,
			};
			int rc = store_adopt(snoop->store, &key, name, deadline);

			if (rc == 0 || rc == -EEXIST)
				result = 0;
			else if (result < 0)
				result = rc;
		}
	return result;
}

static void adopt_element(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	struct adoption *adoption = context;
	size_t length = strlen(comment);
	bool cut = length > 0 && comment[length - 1] == '~';
	struct dns_name name;
	bool named = !cut && dns_name_from_text(comment, &name) == 0;
	int64_t left = expires_ms > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)expires_ms;
	struct monotime deadline = monotime_add(adoption->now, left - LIFETIME_BACKSTOP_MS);
	int rc;

	if (!key->l4proto)
		rc = adopt_address(adoption->snoop, key, named ? &name : NULL, deadline);
	else
		rc = store_adopt(adoption->snoop->store, key, named ? &name : NULL, deadline);
	if (rc == 0 || rc == -EEXIST)
		return;
	note_stray(adoption, key);
	if (!adoption->error && rc != -ENOENT)
		adoption->error = rc;
}

int snoop_adopt(struct snoop *snoop, struct monotime now)
{
	struct adoption adoption = { .snoop = snoop, .now = now };
	int rc = element_dump(snoop->table, adopt_element, &adoption);

	delete_strays(&adoption);
	return rc < 0 ? rc : adoption.error;
}
