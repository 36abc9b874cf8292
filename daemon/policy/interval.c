/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DOC: cutting
 *
 * Boxes of one protocol are cut along their ports: every port where some box begins or ends is an edge, and between two
 * edges (a slab) the addresses of all boxes that cover it are merged. A range of addresses that stays the same over
 * neighbouring slabs becomes one box again. Ports are few and addresses are many, so this gives far fewer boxes than
 * cutting along addresses: 10.0.0.0/8 on one port and a thousand hosts inside it on another are 1001 boxes.
 * The three-dimensional ones are first cut along their destinations in the same way.
 */
#include "policy/interval.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int interval_compare(const struct value_range *a, const struct value_range *b)
{
	int order = ipaddr_compare(&a->first, &b->first);

	return order ? order : ipaddr_compare(&a->last, &b->last);
}

static int compare_ranges(const void *a, const void *b)
{
	return interval_compare(a, b);
}

/* `a` does not begin after `b`. */
static bool joins(const struct value_range *a, const struct value_range *b)
{
	struct ipaddr next = a->last;

	if (a->last.family != b->first.family)
		return false;
	return ipaddr_compare(&b->first, &a->last) <= 0 || (ipaddr_next(&next) && ipaddr_equal(&next, &b->first));
}

size_t interval_merge(struct value_range *ranges, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || !joins(&ranges[kept - 1], &ranges[i]))
			ranges[kept++] = ranges[i];
		else if (ipaddr_compare(&ranges[i].last, &ranges[kept - 1].last) > 0)
			ranges[kept - 1].last = ranges[i].last;
	}
	return kept;
}

const struct value_range *interval_find(const struct value_range *ranges, size_t count, const struct ipaddr *address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ipaddr_compare(&ranges[middle].last, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && ipaddr_compare(&ranges[low].first, address) <= 0 ? &ranges[low] : NULL;
}

/* Boxes with equal protocol and ports: `ranges` merged. */
struct band {
	uint8_t l4proto;
	uint16_t first, last;
	struct value_range *ranges;
	size_t count;
};

struct cutter {
	struct value_range *ranges; /* all bands' */
	struct policy_list bands;
	struct value_range *slab; /* room for the addresses of one slab */
	struct policy_list open, next; /* boxes that the slab below ended with; those of this slab */
	struct policy_list *out;
};

static int compare_by_band(const void *left, const void *right)
{
	const struct policy_box *a = left, *b = right;

	if (a->l4proto != b->l4proto)
		return a->l4proto - b->l4proto;
	if (a->port_first != b->port_first)
		return a->port_first - b->port_first;
	return a->port_last - b->port_last;
}

static int compare_boxes(const void *left, const void *right)
{
	const struct policy_box *a = left, *b = right;
	int order = interval_compare(&a->address, &b->address);

	return order ? order : compare_by_band(a, b);
}

static int compare_edges(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static int make_bands(struct cutter *cutter, const struct policy_box *boxes, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		struct band band = { boxes[i].l4proto, boxes[i].port_first, boxes[i].port_last, cutter->ranges + i, 0 };

		for (end = i; end < count && compare_by_band(&boxes[end], &boxes[i]) == 0; end++)
			cutter->ranges[end] = boxes[end].address;
		band.count = interval_merge(band.ranges, end - i);
		if (!policy_list_add(&cutter->bands, &band))
			return -ENOMEM;
	}
	return 0;
}

/* The merged addresses of all bands that cover ports `first` to `last`, into cutter->slab. */
static size_t gather(struct cutter *cutter, const struct band *bands, size_t count, uint32_t first, uint32_t last)
{
	size_t ranges = 0, covering = 0;

	for (size_t i = 0; i < count; i++) {
		if (bands[i].first > first || bands[i].last < last)
			continue;
		memcpy(cutter->slab + ranges, bands[i].ranges, bands[i].count * sizeof(*cutter->slab));
		ranges += bands[i].count;
		covering++;
	}
	return covering > 1 ? interval_merge(cutter->slab, ranges) : ranges;
}

/* Puts a slab of `count` ranges on top of the open boxes: those that go on grow, the others are finished. */
static int stack_slab(struct cutter *cutter, uint8_t l4proto, size_t count, uint16_t first, uint16_t last)
{
	const struct policy_box *open = cutter->open.items;
	size_t at = 0;
	struct policy_list swap;

	cutter->next.count = 0;
	for (size_t i = 0; i < count; i++) {
		struct policy_box box = { cutter->slab[i], l4proto, first, last };

		for (; at < cutter->open.count && ipaddr_compare(&open[at].address.first, &box.address.first) < 0; at++)
			if (!policy_list_add(cutter->out, &open[at]))
				return -ENOMEM;
		if (at < cutter->open.count && open[at].port_last + 1 == first &&
		    interval_compare(&open[at].address, &box.address) == 0)
			box.port_first = open[at++].port_first;
		if (!policy_list_add(&cutter->next, &box))
			return -ENOMEM;
	}
	for (; at < cutter->open.count; at++)
		if (!policy_list_add(cutter->out, &open[at]))
			return -ENOMEM;
	swap = cutter->open;
	cutter->open = cutter->next;
	cutter->next = swap;
	return 0;
}

/* Every port where a band begins, or the one after it ends, sorted, each once. */
static uint32_t *find_edges(const struct band *bands, size_t count, size_t *edge_count)
{
	uint32_t *edges = calloc(2 * count, sizeof(*edges));
	size_t kept = 0;

	if (!edges)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		edges[2 * i] = bands[i].first;
		edges[2 * i + 1] = bands[i].last + 1u;
	}
	qsort(edges, 2 * count, sizeof(*edges), compare_edges);
	for (size_t i = 0; i < 2 * count; i++)
		if (kept == 0 || edges[kept - 1] != edges[i])
			edges[kept++] = edges[i];
	*edge_count = kept;
	return edges;
}

static int cut_protocol(struct cutter *cutter, const struct band *bands, size_t count)
{
	size_t edge_count = 0;
	uint32_t *edges = find_edges(bands, count, &edge_count);
	int result = edges ? 0 : -ENOMEM;

	for (size_t i = 0; i + 1 < edge_count && !result; i++) {
		uint32_t first = edges[i], last = edges[i + 1] - 1;

		result = stack_slab(cutter, bands->l4proto, gather(cutter, bands, count, first, last), (uint16_t)first,
				    (uint16_t)last);
	}
	free(edges);
	return result ? result : stack_slab(cutter, bands->l4proto, 0, 0, 0);
}

static int cut_bands(struct cutter *cutter)
{
	const struct band *bands = cutter->bands.items;
	int result = 0;

	for (size_t i = 0, end; i < cutter->bands.count && !result; i = end) {
		for (end = i; end < cutter->bands.count && bands[end].l4proto == bands[i].l4proto; end++)
			;
		result = cut_protocol(cutter, bands + i, end - i);
	}
	return result;
}

int interval_cut_boxes(struct policy_list *boxes)
{
	size_t count = boxes->count;
	struct cutter cutter = { .bands = POLICY_LIST_OF(struct band),
				 .open = POLICY_LIST_OF(struct policy_box),
				 .next = POLICY_LIST_OF(struct policy_box),
				 .out = boxes };
	int result = -ENOMEM;

	if (count == 0)
		return 0;
	cutter.ranges = calloc(count, sizeof(*cutter.ranges));
	cutter.slab = calloc(count, sizeof(*cutter.slab));
	if (!cutter.ranges || !cutter.slab)
		goto cleanup;
	qsort(boxes->items, count, boxes->size, compare_by_band);
	result = make_bands(&cutter, boxes->items, count);
	if (result)
		goto cleanup;
	boxes->count = 0;
	result = cut_bands(&cutter);
	if (!result && boxes->count)
		qsort(boxes->items, boxes->count, boxes->size, compare_boxes);
cleanup:
	policy_list_clear(&cutter.bands);
	policy_list_clear(&cutter.open);
	policy_list_clear(&cutter.next);
	free(cutter.ranges);
	free(cutter.slab);
	return result;
}

static int compare_addresses(const void *a, const void *b)
{
	return ipaddr_compare(a, b);
}

static struct policy_box box_of_from(const struct policy_from *from)
{
	return (struct policy_box) { from->source, from->l4proto, from->port_first, from->port_last };
}

static int compare_from_boxes(const struct policy_from *a, const struct policy_from *b)
{
	struct policy_box box_a = box_of_from(a), box_b = box_of_from(b);

	return compare_boxes(&box_a, &box_b);
}

static int compare_froms(const void *left, const void *right)
{
	const struct policy_from *a = left, *b = right;
	int order = interval_compare(&a->source, &b->source);

	if (!order)
		order = interval_compare(&a->destination, &b->destination);
	return order ? order : compare_from_boxes(a, b);
}

/* Every address where a destination begins, or the one after it ends. */
static int find_address_edges(const struct policy_list *froms, struct policy_list *edges)
{
	const struct policy_from *items = froms->items;
	struct ipaddr *edge;
	size_t kept = 0;

	for (size_t i = 0; i < froms->count; i++) {
		struct ipaddr after = items[i].destination.last;

		if (!policy_list_add(edges, &items[i].destination.first))
			return -ENOMEM;
		if (ipaddr_next(&after) && !policy_list_add(edges, &after))
			return -ENOMEM;
	}
	qsort(edges->items, edges->count, edges->size, compare_addresses);
	edge = edges->items;
	for (size_t i = 0; i < edges->count; i++)
		if (kept == 0 || !ipaddr_equal(&edge[kept - 1], &edge[i]))
			edge[kept++] = edge[i];
	edges->count = kept;
	return 0;
}

/* Where slab `index` ends: before the next edge, or at the family's last address. */
static struct value_range slab_of(const struct policy_list *edges, size_t index)
{
	struct value_range slab;

	slab.first = *(struct ipaddr *)policy_list_at(edges, index);
	if (index + 1 < edges->count) {
		slab.last = *(struct ipaddr *)policy_list_at(edges, index + 1);
		ipaddr_previous(&slab.last);
	} else {
		ipaddr_prefix_bounds(&slab.first, 0, &(struct ipaddr) { 0 }, &slab.last);
	}
	return slab;
}

static int gather_boxes(const struct policy_list *froms, const struct value_range *slab, struct policy_list *boxes)
{
	const struct policy_from *from = froms->items;

	boxes->count = 0;
	for (size_t i = 0; i < froms->count; i++) {
		struct policy_box box = box_of_from(&from[i]);

		if (ipaddr_compare(&from[i].destination.first, &slab->first) > 0 ||
		    ipaddr_compare(&from[i].destination.last, &slab->last) < 0)
			continue;
		if (!policy_list_add(boxes, &box))
			return -ENOMEM;
	}
	return interval_cut_boxes(boxes);
}

/* As stack_slab(), one dimension up. */
static int stack_boxes(struct policy_list *open, const struct policy_list *boxes, const struct value_range *slab,
		       struct policy_list *out)
{
	struct policy_list next = POLICY_LIST_OF(struct policy_from);
	const struct policy_from *below = open->items;
	const struct policy_box *box = boxes->items;
	size_t at = 0;
	int order;

	for (size_t i = 0; i < boxes->count; i++) {
		struct policy_from from = { box[i].address, *slab, box[i].l4proto, box[i].port_first,
					    box[i].port_last };

		for (order = -1; at < open->count && (order = compare_from_boxes(&below[at], &from)) < 0; at++)
			if (!policy_list_add(out, &below[at]))
				goto failed;
		if (order == 0) /* slabs touch: every edge between two of them is one of either */
			from.destination.first = below[at++].destination.first;
		if (!policy_list_add(&next, &from))
			goto failed;
	}
	for (; at < open->count; at++)
		if (!policy_list_add(out, &below[at]))
			goto failed;
	policy_list_clear(open);
	*open = next;
	return 0;
failed:
	policy_list_clear(&next);
	return -ENOMEM;
}

static int cut_slabs(const struct policy_list *froms, const struct policy_list *edges, struct policy_list *out)
{
	struct policy_list boxes = POLICY_LIST_OF(struct policy_box), open = POLICY_LIST_OF(struct policy_from);
	int result = 0;

	for (size_t i = 0; i < edges->count && !result; i++) {
		struct value_range slab = slab_of(edges, i);

		result = gather_boxes(froms, &slab, &boxes);
		if (!result)
			result = stack_boxes(&open, &boxes, &slab, out);
	}
	boxes.count = 0;
	if (!result)
		result = stack_boxes(&open, &boxes, NULL, out);
	policy_list_clear(&boxes);
	policy_list_clear(&open);
	return result;
}

int interval_cut_froms(struct policy_list *froms)
{
	struct policy_list edges = POLICY_LIST_OF(struct ipaddr), out = POLICY_LIST_OF(struct policy_from);
	int result;

	if (froms->count == 0)
		return 0;
	result = find_address_edges(froms, &edges);
	if (!result)
		result = cut_slabs(froms, &edges, &out);
	policy_list_clear(&edges);
	if (result) {
		policy_list_clear(&out);
		return result;
	}
	if (out.count)
		qsort(out.items, out.count, out.size, compare_froms);
	policy_list_clear(froms);
	*froms = out;
	return 0;
}
