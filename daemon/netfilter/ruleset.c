/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sets of a policy, and what they hold. */
#include "netfilter/ruleset.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "netfilter/ruleset_model.h"
#include "policy/interval.h"

const struct ruleset_counter ruleset_counters[] = {
	{ "denied", "packets that clients sent where the policy does not lead; the counters denied_* and dns_foreign "
		    "tell which of them had a special reason" },
	{ "denied_source", "denied, because the sender is outside gateway.clients" },
	{ "denied_reply", "denied, because they answer a connection from outside that inbound does not allow" },
	{ "dns_foreign", "denied, because they ask a resolver that is not trusted" },
	{ "denied_inbound",
	  "packets from outside to a destination that inbound guards, from a source that it does not allow" },
	{ "invalid", "packets that connection tracking cannot place; dropped" },
	{ "audited", "as denied, where nothing is denied: mode audit or mark, and enforce-after" },
	{ "audited_source", "as denied_source, where nothing is denied" },
	{ "audited_reply", "as denied_reply, where nothing is denied" },
	{ "audited_dns_foreign", "as dns_foreign, where nothing is denied" },
	{ "audited_inbound", "as denied_inbound, where nothing is denied" },
	{ "audited_invalid", "as invalid, where nothing is denied" },
	{ "marked", "packets that got the mark of allowed flows by the policy, most of them the first of a flow" },
	{ "snoop_queued", "DNS answers held until what they teach is in the sets" },
	{ "snoop_unlearned_interface",
	  "DNS answers that entered by a client interface; passed unlearned, since a client could have made them" },
	{ "snoop_unlearned_path",
	  "DNS answers that entered where their receiver lives, or by the wrong way; passed unlearned" },
	{ "snoop_uncopied",
	  "DNS answers that the kernel passed by itself (kernel-assist) and did not copy for reports, "
	  "since there were too many a second" },
	{ NULL, NULL },
};

const struct ruleset_field_type ruleset_field_types[] = {
	/* TYPE_* of nft's datatype.h; they never change, for sets in running kernels carry them */
	[RULESET_FIELD_IFNAME] = { 41, IFNAMSIZ, "ifname" }, [RULESET_FIELD_ADDRESS4] = { 7, 4, "ipv4_addr" },
	[RULESET_FIELD_ADDRESS6] = { 8, 16, "ipv6_addr" },   [RULESET_FIELD_PROTO] = { 12, 1, "inet_proto" },
	[RULESET_FIELD_PORT] = { 13, 2, "inet_service" },
};

const struct ruleset_key_type ruleset_key_types[] = {
	[RULESET_KEY_IFNAME] = { 1, { RULESET_FIELD_IFNAME } },
	[RULESET_KEY_ADDRESS4] = { 1, { RULESET_FIELD_ADDRESS4 } },
	[RULESET_KEY_ADDRESS6] = { 1, { RULESET_FIELD_ADDRESS6 } },
	[RULESET_KEY_SERVICE4] = { 2, { RULESET_FIELD_ADDRESS4, RULESET_FIELD_PORT } },
	[RULESET_KEY_SERVICE6] = { 2, { RULESET_FIELD_ADDRESS6, RULESET_FIELD_PORT } },
	[RULESET_KEY_PAIR4] = { 2, { RULESET_FIELD_ADDRESS4, RULESET_FIELD_ADDRESS4 } },
	[RULESET_KEY_PAIR6] = { 2, { RULESET_FIELD_ADDRESS6, RULESET_FIELD_ADDRESS6 } },
	[RULESET_KEY_FROM4] = { 3, { RULESET_FIELD_ADDRESS4, RULESET_FIELD_ADDRESS4, RULESET_FIELD_PORT } },
	[RULESET_KEY_FROM6] = { 3, { RULESET_FIELD_ADDRESS6, RULESET_FIELD_ADDRESS6, RULESET_FIELD_PORT } },
	[RULESET_KEY_LEARNED4] = { 3, { RULESET_FIELD_ADDRESS4, RULESET_FIELD_PROTO, RULESET_FIELD_PORT } },
	[RULESET_KEY_LEARNED6] = { 3, { RULESET_FIELD_ADDRESS6, RULESET_FIELD_PROTO, RULESET_FIELD_PORT } },
};

/* ---- elements ---- */

static void ruleset_field_range(struct ruleset_field *field, const struct value_range *range)
{
	memcpy(field->first, range->first.bytes, sizeof(range->first.bytes));
	memcpy(field->last, range->last.bytes, sizeof(range->last.bytes));
}

static void ruleset_field_ports(struct ruleset_field *field, uint16_t first, uint16_t last)
{
	field->first[0] = first >> 8;
	field->first[1] = first & 0xff;
	field->last[0] = last >> 8;
	field->last[1] = last & 0xff;
}

/* "vlan*" is every name from "vlan" to "vlan\xff\xff...", as nft writes it. */
static void ruleset_field_interface(struct ruleset_field *field, const struct value_interface *interface)
{
	size_t length = strlen(interface->name);

	memcpy(field->first, interface->name, length);
	memcpy(field->last, interface->name, length);
	if (interface->wildcard)
		memset(field->last + length, 0xff, IFNAMSIZ - length);
}

static void ruleset_element_from(const struct policy_from *from, struct ruleset_field fields[])
{
	ruleset_field_range(&fields[0], &from->source);
	ruleset_field_range(&fields[1], &from->destination);
	ruleset_field_ports(&fields[2], from->port_first, from->port_last);
}

static void ruleset_element_box(const struct policy_box *box, struct ruleset_field fields[])
{
	ruleset_field_range(&fields[0], &box->address);
	ruleset_field_ports(&fields[1], box->port_first, box->port_last);
}

void ruleset_element(const struct ruleset_set *set, size_t index, struct ruleset_field fields[RULESET_FIELDS])
{
	memset(fields, 0, RULESET_FIELDS * sizeof(fields[0]));
	switch (set->key) {
	case RULESET_KEY_IFNAME:
		ruleset_field_interface(&fields[0], (const struct value_interface *)set->items + index);
		break;
	case RULESET_KEY_ADDRESS4:
	case RULESET_KEY_ADDRESS6:
		ruleset_field_range(&fields[0], (const struct value_range *)set->items + index);
		break;
	case RULESET_KEY_SERVICE4:
	case RULESET_KEY_SERVICE6:
		ruleset_element_box((const struct policy_box *)set->items + index, fields);
		break;
	case RULESET_KEY_PAIR4: /* the port, of an echo request, is not in the key */
	case RULESET_KEY_PAIR6:
	case RULESET_KEY_FROM4:
	case RULESET_KEY_FROM6:
		ruleset_element_from((const struct policy_from *)set->items + index, fields);
		break;
	case RULESET_KEY_LEARNED4:
	case RULESET_KEY_LEARNED6:
		break;
	}
}

static size_t ruleset_item_size(enum ruleset_key key)
{
	switch (key) {
	case RULESET_KEY_IFNAME:
		return sizeof(struct value_interface);
	case RULESET_KEY_ADDRESS4:
	case RULESET_KEY_ADDRESS6:
		return sizeof(struct value_range);
	case RULESET_KEY_SERVICE4:
	case RULESET_KEY_SERVICE6:
		return sizeof(struct policy_box);
	case RULESET_KEY_PAIR4:
	case RULESET_KEY_PAIR6:
	case RULESET_KEY_FROM4:
	case RULESET_KEY_FROM6:
		return sizeof(struct policy_from);
	case RULESET_KEY_LEARNED4:
	case RULESET_KEY_LEARNED6:
		break;
	}
	return 0;
}

const void *ruleset_pick(struct ruleset *ruleset, const struct ruleset_set *set, const size_t places[], size_t count)
{
	size_t size = ruleset_item_size(set->key);
	char *items = arena_array(ruleset->arena, count, size);

	ruleset->failed |= !items;
	for (size_t i = 0; items && i < count; i++)
		memcpy(items + i * size, (const char *)set->items + places[i] * size, size);
	return items;
}

int ruleset_element_compare(enum ruleset_key key, const struct ruleset_field a[RULESET_FIELDS],
			    const struct ruleset_field b[RULESET_FIELDS])
{
	return memcmp(a, b, ruleset_key_types[key].count * sizeof(a[0]));
}

/* ---- names ---- */

static const char *ruleset_join(struct ruleset *ruleset, const char *prefix, const char *group, const char *end)
{
	size_t size = strlen(prefix) + strlen(group) + sizeof("__a");
	char *name = arena_alloc(ruleset->arena, size);

	if (name)
		snprintf(name, size, "%s%s%s%s", prefix, group[0] ? "_" : "", group, end);
	else
		ruleset->failed = true;
	return name;
}

const char *ruleset_name(struct ruleset *ruleset, const char *prefix, const char *group)
{
	return ruleset_join(ruleset, prefix, group, "");
}

bool ruleset_same_set(const char *a, const char *b)
{
	enum ruleset_side side;
	size_t length = strlen(a);

	return length == strlen(b) && ruleset_side_of(a, &side) && ruleset_side_of(b, &side) &&
	       strncmp(a, b, length - 1) == 0;
}

void ruleset_set_side(struct ruleset *ruleset, struct ruleset_set *set, enum ruleset_side side)
{
	char *name = set->name ? arena_strdup(ruleset->arena, set->name) : NULL;

	if (name)
		name[strlen(name) - 1] = side == RULESET_A ? 'a' : 'b';
	else
		ruleset->failed = true;
	set->name = name;
}

/* "cidr4_tcp" and the like. */
static const char *ruleset_service_prefix(const char *prefix, enum ipaddr_family family, enum ruleset_service service,
					  char out[static 32])
{
	static const char *const services[] = { [RULESET_TCP] = "tcp", [RULESET_UDP] = "udp", [RULESET_ECHO] = "icmp" };

	snprintf(out, 32, "%s%d_%s", prefix, (int)family, services[service]);
	return out;
}

bool ruleset_learned_name(const char *name)
{
	return strncmp(name, "name4", 5) == 0 || strncmp(name, "name6", 5) == 0;
}

bool ruleset_side_of(const char *name, enum ruleset_side *out)
{
	size_t length = strlen(name);

	if (length < 2 || ruleset_learned_name(name) || name[length - 2] != '_' ||
	    (name[length - 1] != 'a' && name[length - 1] != 'b'))
		return false;
	*out = name[length - 1] == 'a' ? RULESET_A : RULESET_B;
	return true;
}

/* ---- sets ---- */

static void ruleset_add_set(struct ruleset *ruleset, struct ruleset_set set)
{
	struct ruleset_set *copy = arena_memdup(ruleset->arena, &set, sizeof(set));

	if (!copy) {
		ruleset->failed = true;
		return;
	}
	*ruleset->sets_end = copy;
	ruleset->sets_end = &copy->next;
}

static void ruleset_add_ranges(struct ruleset *ruleset, const char *prefix4, const char *prefix6, const char *group,
			       const struct policy_ranges46 *ranges)
{
	ruleset_add_set(ruleset, (struct ruleset_set) { .name = ruleset_join(ruleset, prefix4, group, "_a"),
							.key = RULESET_KEY_ADDRESS4,
							.items = ranges->v4.items,
							.count = ranges->v4.count });
	ruleset_add_set(ruleset, (struct ruleset_set) { .name = ruleset_join(ruleset, prefix6, group, "_a"),
							.key = RULESET_KEY_ADDRESS6,
							.items = ranges->v6.items,
							.count = ranges->v6.count });
}

static void ruleset_add_static(struct ruleset *ruleset, const char *prefix, const char *group, enum ruleset_key key,
			       const void *items, size_t count)
{
	const char *name = ruleset_join(ruleset, prefix, group, "_a");

	ruleset_add_set(ruleset, (struct ruleset_set) { .name = name, .key = key, .items = items, .count = count });
}

static int ruleset_compare_interfaces(const void *a, const void *b)
{
	const struct value_interface *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : (int)right->wildcard - (int)left->wildcard;
}

/* Sorted, and without those that another one covers: an interval set refuses overlaps. In the order of names a name
 * comes right after the wildcard that covers it, or after others that it covers too. The empty wildcard, every
 * interface, is no element: its rules do without the set. */
static void ruleset_add_interfaces(struct ruleset *ruleset)
{
	const struct config *config = ruleset->policy->config;
	struct value_interface *items =
		arena_memdup(ruleset->arena, config->interfaces, config->interface_count * sizeof(*items));
	size_t count = 0;

	if (!items) {
		ruleset->failed = true;
		return;
	}
	if (config->interface_count)
		qsort(items, config->interface_count, sizeof(*items), ruleset_compare_interfaces);
	for (size_t i = 0; i < config->interface_count; i++)
		if (items[i].name[0] && (!count || !value_interface_holds(&items[count - 1], items[i].name)))
			items[count++] = items[i];
	ruleset_add_static(ruleset, "interfaces", "", RULESET_KEY_IFNAME, items, count);
}

/* ---- sets of services ---- */

static bool ruleset_of_service(uint8_t l4proto, enum ruleset_service service)
{
	switch (service) {
	case RULESET_TCP:
		return l4proto == IPPROTO_TCP;
	case RULESET_UDP:
		return l4proto == IPPROTO_UDP;
	case RULESET_ECHO:
		return l4proto == IPPROTO_ICMP || l4proto == IPPROTO_ICMPV6;
	case RULESET_SERVICES:
		break;
	}
	return false;
}

/* A service's set of this prefix and group; none when it would be empty. */
static void ruleset_add_service(struct ruleset *ruleset, const char *prefix, enum ipaddr_family family,
				enum ruleset_service service, const char *group, const struct ruleset_set *model)
{
	char name[32];

	if (model->count)
		ruleset_add_static(ruleset, ruleset_service_prefix(prefix, family, service, name), group, model->key,
				   model->items, model->count);
}

/* The boxes of one service. Where all are, they need not be copied. */
static const void *ruleset_select_boxes(struct ruleset *ruleset, const struct policy_boxes *boxes,
					enum ruleset_service service, size_t *count)
{
	struct policy_box *items;

	*count = 0;
	for (size_t i = 0; i < boxes->count; i++)
		*count += ruleset_of_service(boxes->items[i].l4proto, service);
	if (*count == 0 || *count == boxes->count)
		return boxes->items;
	items = arena_array(ruleset->arena, *count, sizeof(*items));
	ruleset->failed |= !items;
	for (size_t i = 0, k = 0; items && i < boxes->count; i++)
		if (ruleset_of_service(boxes->items[i].l4proto, service))
			items[k++] = boxes->items[i];
	return items;
}

static const void *ruleset_select_froms(struct ruleset *ruleset, const struct policy_froms *froms,
					enum ruleset_service service, size_t *count)
{
	struct policy_from *items;

	*count = 0;
	for (size_t i = 0; i < froms->count; i++)
		*count += ruleset_of_service(froms->items[i].l4proto, service);
	if (*count == 0 || *count == froms->count)
		return froms->items;
	items = arena_array(ruleset->arena, *count, sizeof(*items));
	ruleset->failed |= !items;
	for (size_t i = 0, k = 0; items && i < froms->count; i++)
		if (ruleset_of_service(froms->items[i].l4proto, service))
			items[k++] = froms->items[i];
	return items;
}

/* The addresses of echo requests: all have one port, so that their boxes are disjoint ranges in order. Adjacent ones
 * become one, as everywhere in sets of ranges. */
static void *ruleset_select_addresses(struct ruleset *ruleset, const struct policy_boxes *boxes, size_t *count)
{
	struct value_range *items;
	size_t most = 0;

	*count = 0;
	for (size_t i = 0; i < boxes->count; i++)
		most += ruleset_of_service(boxes->items[i].l4proto, RULESET_ECHO);
	if (!most)
		return NULL;
	items = arena_array(ruleset->arena, most, sizeof(*items));
	for (size_t i = 0; items && i < boxes->count; i++) {
		struct ipaddr before = boxes->items[i].address.first;

		if (!ruleset_of_service(boxes->items[i].l4proto, RULESET_ECHO))
			continue;
		if (*count && ipaddr_previous(&before) && ipaddr_equal(&before, &items[*count - 1].last))
			items[*count - 1].last = boxes->items[i].address.last;
		else
			items[(*count)++] = boxes->items[i].address;
	}
	ruleset->failed |= !items;
	return items;
}

static void ruleset_add_boxes(struct ruleset *ruleset, const char *prefix, enum ipaddr_family family, const char *group,
			      const struct policy_boxes *boxes)
{
	bool v4 = family == IPADDR_V4;
	struct ruleset_set model = { .key = v4 ? RULESET_KEY_SERVICE4 : RULESET_KEY_SERVICE6 };

	for (enum ruleset_service service = RULESET_TCP; service < RULESET_ECHO; service++) {
		model.items = ruleset_select_boxes(ruleset, boxes, service, &model.count);
		ruleset_add_service(ruleset, prefix, family, service, group, &model);
	}
	model.key = v4 ? RULESET_KEY_ADDRESS4 : RULESET_KEY_ADDRESS6;
	model.items = ruleset_select_addresses(ruleset, boxes, &model.count);
	ruleset_add_service(ruleset, prefix, family, RULESET_ECHO, group, &model);
}

static void ruleset_add_froms(struct ruleset *ruleset, enum ipaddr_family family, const struct policy_froms *froms)
{
	bool v4 = family == IPADDR_V4;

	for (enum ruleset_service service = RULESET_TCP; service < RULESET_SERVICES; service++) {
		struct ruleset_set model = { .key = v4 ? RULESET_KEY_FROM4 : RULESET_KEY_FROM6 };

		if (service == RULESET_ECHO)
			model.key = v4 ? RULESET_KEY_PAIR4 : RULESET_KEY_PAIR6;
		model.items = ruleset_select_froms(ruleset, froms, service, &model.count);
		ruleset_add_service(ruleset, "from", family, service, "", &model);
	}
}

const char *ruleset_static_set(const struct ruleset *ruleset, const char *prefix, const char *group)
{
	char name[32 + LIMIT_OBJECT_NAME + sizeof("__a")];

	snprintf(name, sizeof(name), "%s%s%s_a", prefix, group[0] ? "_" : "", group);
	for (const struct ruleset_set *set = ruleset->sets; set; set = set->next)
		if (ruleset_same_set(set->name, name))
			return set->name;
	return NULL;
}

const char *ruleset_service_set(const struct ruleset *ruleset, const char *prefix, enum ipaddr_family family,
				enum ruleset_service service, const char *group)
{
	char start[32];

	return ruleset_static_set(ruleset, ruleset_service_prefix(prefix, family, service, start), group);
}

/* ---- all sets ---- */

static void ruleset_add_learned(struct ruleset *ruleset, const char *prefix, size_t group, enum ipaddr_family family)
{
	const struct policy *policy = ruleset->policy;
	/* Expired elements count until the kernel collects them (KERNEL 1.3), and a full set refuses even add, delete,
	 * add (0b): hence a batch and an eighth more than our own limit. */
	uint32_t limit = policy->config->limit_elements + LIMIT_BATCH_ELEMENTS;
	const char *name = ruleset_name(ruleset, prefix, policy->groups[group].name);

	ruleset_add_set(ruleset, (struct ruleset_set) {
					 .name = name,
					 .key = family == IPADDR_V4 ? RULESET_KEY_LEARNED4 : RULESET_KEY_LEARNED6,
					 .learned = true,
					 .group = (uint8_t)group,
					 .family = family,
					 .size = limit + limit / 8,
				 });
}

/* mode = "sets": every range of every group, whatever the port. */
static void ruleset_unite(struct ruleset *ruleset, int v)
{
	const struct policy *policy = ruleset->policy;
	struct ruleset_set *set = &ruleset->ranges[v];
	struct value_range *items;
	size_t most = 0, count = 0;

	for (size_t i = 0; i < policy->group_count; i++)
		most += (v ? &policy->groups[i].cidr6 : &policy->groups[i].cidr4)->count;
	items = arena_array(ruleset->arena, most, sizeof(*items));
	ruleset->failed |= !items;
	for (size_t i = 0; items && i < policy->group_count; i++) {
		const struct policy_boxes *boxes = v ? &policy->groups[i].cidr6 : &policy->groups[i].cidr4;

		for (size_t j = 0; j < boxes->count; j++)
			items[count++] = boxes->items[j].address;
	}
	set->key = v ? RULESET_KEY_ADDRESS6 : RULESET_KEY_ADDRESS4;
	set->items = items;
	set->count = items ? interval_merge(items, count) : 0;
}

static void ruleset_add_seen(struct ruleset *ruleset)
{
	ruleset_add_interfaces(ruleset);
	ruleset_add_ranges(ruleset, "resolvers4", "resolvers6", "", &ruleset->policy->resolvers);
}

static void ruleset_add_sets(struct ruleset *ruleset)
{
	const struct policy *policy = ruleset->policy;

	ruleset_add_seen(ruleset);
	if (policy_mode(policy) == CONFIG_SETS) {
		ruleset_unite(ruleset, 0);
		ruleset_unite(ruleset, 1);
		return;
	}
	ruleset_add_ranges(ruleset, "local4", "local6", "", &policy->local);
	if (policy->config->clients.count)
		ruleset_add_ranges(ruleset, "clients4", "clients6", "", &policy->clients);
	for (size_t i = 1; i < policy->group_count; i++)
		ruleset_add_ranges(ruleset, "clients4", "clients6", policy->groups[i].name, &policy->groups[i].clients);
	for (size_t i = 0; i < policy->group_count; i++) {
		const struct policy_group *group = &policy->groups[i];

		ruleset_add_boxes(ruleset, "cidr", IPADDR_V4, group->name, &group->cidr4);
		ruleset_add_boxes(ruleset, "cidr", IPADDR_V6, group->name, &group->cidr6);
	}
	ruleset_add_boxes(ruleset, "guarded", IPADDR_V4, "", &policy->guarded4);
	ruleset_add_boxes(ruleset, "guarded", IPADDR_V6, "", &policy->guarded6);
	ruleset_add_froms(ruleset, IPADDR_V4, &policy->from4);
	ruleset_add_froms(ruleset, IPADDR_V6, &policy->from6);
	for (size_t i = 0; i < policy->group_count; i++) {
		ruleset_add_learned(ruleset, "name4", i, IPADDR_V4);
		ruleset_add_learned(ruleset, "name6", i, IPADDR_V6);
	}
}

uint16_t ruleset_query_group(const struct config *config)
{
	/* Far from the low numbers that log daemons take by default. */
	return (uint16_t)(config->queue_first + 5300);
}

uint16_t ruleset_names_group(const struct config *config)
{
	/* In the middle of the two others. */
	return (uint16_t)(config->queue_first + 5300 + 16384);
}

uint16_t ruleset_report_group(const struct config *config)
{
	/* Half the numbers away from those of queries. */
	return (uint16_t)(config->queue_first + 5300 + 32768);
}

const char *const ruleset_report_prefixes[2][RULESET_REASONS] = {
	{ "nfqdn denied", "nfqdn denied reply", "nfqdn denied source", "nfqdn denied dns", "nfqdn denied inbound" },
	{ "nfqdn audit", "nfqdn audit reply", "nfqdn audit source", "nfqdn audit dns", "nfqdn audit inbound" },
};

bool ruleset_report_read(const char *prefix, enum ruleset_reason *reason, bool *audit)
{
	for (unsigned int i = 0; i < 2 * RULESET_REASONS; i++)
		if (strcmp(ruleset_report_prefixes[i / RULESET_REASONS][i % RULESET_REASONS], prefix) == 0) {
			*reason = (enum ruleset_reason)(i % RULESET_REASONS);
			*audit = i >= RULESET_REASONS;
			return true;
		}
	return false;
}

struct ruleset *ruleset_plan(struct arena *arena, const struct policy *policy,
			     void (*plan)(void *context, struct ruleset *ruleset), void *context)
{
	struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));

	if (!ruleset)
		return NULL;
	ruleset->arena = arena;
	ruleset->name = policy->config->table;
	ruleset->policy = policy;
	ruleset->sets_end = &ruleset->sets;
	ruleset->chains_end = &ruleset->chains;
	ruleset_add_sets(ruleset);
	if (!ruleset->failed)
		plan(context, ruleset);
	if (!ruleset->failed)
		ruleset_rules_build(ruleset);
	return ruleset->failed ? NULL : ruleset;
}

static void ruleset_one_side(void *context, struct ruleset *ruleset)
{
	const enum ruleset_side *side = context;

	for (struct ruleset_set *set = ruleset->sets; set; set = set->next)
		if (!set->learned)
			ruleset_set_side(ruleset, set, *side);
}

struct ruleset *ruleset_build(struct arena *arena, const struct policy *policy, enum ruleset_side side)
{
	return ruleset_plan(arena, policy, ruleset_one_side, &side);
}
