/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_boxes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/interval.h"
#include "policy/policy_input.h"

static int family_index(const struct value_range *range)
{
	return range->first.family == IPADDR_V6;
}

static enum ipaddr_family family_of(const struct value_range *range)
{
	return range->first.family == IPADDR_V6 ? IPADDR_V6 : IPADDR_V4;
}

void policy_boxes_start(struct policy_boxes_work *work)
{
	work->outbound = POLICY_LIST_OF(struct policy_provenance);
	work->inbound = POLICY_LIST_OF(struct policy_provenance);
	for (int v = 0; v < 2; v++) {
		for (int group = 0; group < LIMIT_GROUPS; group++)
			work->boxes[group][v] = POLICY_LIST_OF(struct policy_box);
		work->froms[v] = POLICY_LIST_OF(struct policy_from);
		work->guarded[v] = POLICY_LIST_OF(struct policy_box);
	}
}

void policy_boxes_clear(struct policy_boxes_work *work)
{
	policy_list_clear(&work->outbound);
	policy_list_clear(&work->inbound);
	for (int v = 0; v < 2; v++) {
		for (int group = 0; group < LIMIT_GROUPS; group++)
			policy_list_clear(&work->boxes[group][v]);
		policy_list_clear(&work->froms[v]);
		policy_list_clear(&work->guarded[v]);
	}
}

static struct policy_box make_box(const struct value_range *range, const struct value_ports *ports)
{
	enum ipaddr_family family = family_of(range);
	struct policy_box box = { *range, value_proto_number(ports->proto, family), ports->first, ports->last };

	if (ports->proto == VALUE_ICMP)
		box.port_first = box.port_last = value_icmp_port(family);
	return box;
}

/* One provenance for each range, and, unless `boxes` is NULL, one box for each of its ports. */
static int add_range(struct policy_list *provenances, const struct policy_provenance *one, struct policy_list *boxes)
{
	if (!policy_list_add(provenances, one))
		return -ENOMEM;
	for (size_t i = 0; boxes && i < one->port_count; i++) {
		struct policy_box box = make_box(&one->range, &one->ports[i]);

		if (!policy_list_add(&boxes[family_index(&one->range)], &box))
			return -ENOMEM;
	}
	return 0;
}

static int add_ranges(const struct config_ranges *ranges, struct policy_provenance one, struct policy_list *provenances,
		      struct policy_list *boxes)
{
	int result = 0;

	for (size_t i = 0; i < ranges->count && !result; i++) {
		one.text = ranges->texts[i];
		one.range = ranges->items[i];
		result = add_range(provenances, &one, boxes);
	}
	return result;
}

static int add_row(const struct catalog_row *row, struct policy_provenance one, struct policy_list *provenances,
		   struct policy_list *boxes)
{
	int result = 0;

	one.row = row;
	for (size_t i = 0; i < row->ips.count && !result; i++) {
		one.text = row->ips.items[i];
		one.range = row->ranges[i];
		result = add_range(provenances, &one, boxes);
	}
	return result;
}

static int add_allow(const struct policy_entry *entry, const struct policy_selection *selection,
		     struct policy_boxes_work *work)
{
	struct policy_list *boxes = work->boxes[entry->group];
	struct policy_provenance one = { .entry = entry };
	int result;

	one.port_count = policy_input_ports(entry->config->ports, entry->config->port_count, &one.ports);
	result = add_ranges(&entry->config->addresses, one, &work->outbound, boxes);
	for (size_t i = 0; i < selection->count && !result; i++) {
		const struct catalog_row *row = selection->rows[i];

		one.port_count = policy_input_ports(row->ports, row->port_count, &one.ports);
		if (row->direction == CATALOG_OUTBOUND)
			result = add_row(row, one, &work->outbound, boxes);
	}
	return result;
}

/* Everything from `sources` to one range of `to`. */
static int add_froms(const struct value_range *sources, size_t count, const struct value_range *to,
		     const struct value_ports *ports, struct policy_boxes_work *work)
{
	struct policy_box box = make_box(to, ports);
	int v = family_index(to);

	if (!policy_list_add(&work->guarded[v], &box))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct policy_from from = { sources[i], *to, box.l4proto, box.port_first, box.port_last };

		if (family_index(&sources[i]) == v && !policy_list_add(&work->froms[v], &from))
			return -ENOMEM;
	}
	return 0;
}

/* Merged first: the product with `to` and ports is taken of what is left. */
static int cross(const struct config_entry *entry, struct value_range *sources, size_t count,
		 struct policy_boxes_work *work)
{
	const struct value_ports *ports;
	size_t port_count = policy_input_ports(entry->ports, entry->port_count, &ports);
	int result = 0;

	count = interval_merge(sources, count);
	for (size_t i = 0; i < entry->to.count; i++)
		for (size_t k = 0; k < port_count && !result; k++)
			result = add_froms(sources, count, &entry->to.items[i], &ports[k], work);
	return result;
}

static int add_inbound(const struct policy_entry *entry, const struct policy_selection *selection,
		       struct policy_boxes_work *work)
{
	struct policy_provenance one = { .entry = entry };
	size_t before = work->inbound.count, count;
	struct value_range *sources;
	int result;

	one.port_count = policy_input_ports(entry->config->ports, entry->config->port_count, &one.ports);
	result = add_ranges(&entry->config->addresses, one, &work->inbound, NULL);
	if (!result)
		result = add_ranges(&entry->config->also, one, &work->inbound, NULL);
	for (size_t i = 0; i < selection->count && !result; i++)
		result = add_row(selection->rows[i], one, &work->inbound, NULL);
	count = work->inbound.count - before;
	sources = calloc(count + 1, sizeof(*sources));
	if (result || !sources) {
		free(sources);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		sources[i] = ((struct policy_provenance *)policy_list_at(&work->inbound, before + i))->range;
	result = cross(entry->config, sources, count, work);
	free(sources);
	return result;
}

int policy_boxes_add(const struct policy_entry *entry, const struct policy_selection *selection,
		     struct policy_boxes_work *work)
{
	return entry->config->inbound ? add_inbound(entry, selection, work) : add_allow(entry, selection, work);
}

static int keep_boxes(struct policy_list *list, struct arena *arena, struct policy_boxes *out)
{
	if (interval_cut_boxes(list))
		return -ENOMEM;
	out->items = policy_list_keep(list, arena);
	out->count = list->count;
	return out->items ? 0 : -ENOMEM;
}

static int keep_froms(struct policy_list *list, struct arena *arena, struct policy_froms *out)
{
	if (interval_cut_froms(list))
		return -ENOMEM;
	out->items = policy_list_keep(list, arena);
	out->count = list->count;
	return out->items ? 0 : -ENOMEM;
}

struct placed {
	struct policy_provenance provenance;
	size_t place;
};

static int compare_placed(const void *left, const void *right)
{
	const struct placed *a = left, *b = right;
	int order = interval_compare(&a->provenance.range, &b->provenance.range);

	return order ? order : (a->place > b->place) - (a->place < b->place);
}

/* Sorted by range; those of one range stay in the configuration's order. */
static int keep_provenances(const struct policy_list *list, struct arena *arena, const struct policy_provenance **out,
			    size_t *count)
{
	struct policy_provenance *kept = arena_array(arena, list->count, sizeof(*kept));
	struct placed *order = calloc(list->count + 1, sizeof(*order));

	if (!kept || !order) {
		free(order);
		return -ENOMEM;
	}
	for (size_t i = 0; i < list->count; i++)
		order[i] = (struct placed) { *(struct policy_provenance *)policy_list_at(list, i), i };
	qsort(order, list->count, sizeof(*order), compare_placed);
	for (size_t i = 0; i < list->count; i++)
		kept[i] = order[i].provenance;
	free(order);
	*out = kept;
	*count = list->count;
	return 0;
}

int policy_boxes_finish(struct policy_boxes_work *work, struct policy *policy, struct policy_group *groups)
{
	struct arena *arena = policy->arena;
	int result = keep_provenances(&work->outbound, arena, &policy->outbound, &policy->outbound_count);

	if (!result)
		result = keep_provenances(&work->inbound, arena, &policy->inbound, &policy->inbound_count);
	for (size_t i = 0; i < policy->group_count && !result; i++) {
		result = keep_boxes(&work->boxes[i][0], arena, &groups[i].cidr4);
		if (!result)
			result = keep_boxes(&work->boxes[i][1], arena, &groups[i].cidr6);
	}
	if (!result)
		result = keep_froms(&work->froms[0], arena, &policy->from4);
	if (!result)
		result = keep_froms(&work->froms[1], arena, &policy->from6);
	if (!result)
		result = keep_boxes(&work->guarded[0], arena, &policy->guarded4);
	return result ? result : keep_boxes(&work->guarded[1], arena, &policy->guarded6);
}
