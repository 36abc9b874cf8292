/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/interval.o policy/policy_list.o base/arena.o base/ipaddr.o */
/* Cutting is proved against the naive union: inside and outside, at and beside every boundary, on random boxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <cmocka.h>

#include "policy/interval.h"

static uint64_t state;

static uint32_t below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % limit);
}

/* A new seed each run; NFQDN_TEST_SEED repeats one. */
static void start_random(const char *test)
{
	const char *given = getenv("NFQDN_TEST_SEED");

	if (given)
		state = strtoull(given, NULL, 0);
	else if (getrandom(&state, sizeof(state), 0) != (ssize_t)sizeof(state))
		fail();
	state |= 1;
	print_message("%s: NFQDN_TEST_SEED=%llu\n", test, (unsigned long long)state);
}

static struct ipaddr address(const char *text)
{
	struct ipaddr out;

	assert_int_equal(ipaddr_from_text(text, &out), 0);
	return out;
}

static struct value_range range(const char *first, const char *last)
{
	return (struct value_range) { address(first), address(last) };
}

/* `step` addresses after `base`; beyond the family's last address it stays there. */
static struct ipaddr after(struct ipaddr base, uint32_t step)
{
	while (step-- && ipaddr_next(&base))
		;
	return base;
}

static struct value_range random_range(const char *base, uint32_t spread)
{
	uint32_t a = below(spread), b = below(4) ? a + below(spread / 4 + 1) : a;

	return (struct value_range) { after(address(base), a), after(address(base), b) };
}

static bool in_range(const struct value_range *one, const struct ipaddr *point)
{
	return ipaddr_compare(&one->first, point) <= 0 && ipaddr_compare(point, &one->last) <= 0;
}

static bool in_any(const struct value_range *list, size_t count, const struct ipaddr *point)
{
	for (size_t i = 0; i < count; i++)
		if (in_range(&list[i], point))
			return true;
	return false;
}

static const char *const bases[] = { "10.0.0.0",
				     "255.255.255.180",
				     "0.0.0.0",
				     "2001:db8::fff0",
				     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffb0",
				     "::ffff:ffff:ffff:fff0" };

static void merge_is_the_union(void **unused)
{
	(void)unused;
	start_random("merge");
	for (int round = 0; round < 2000; round++) {
		const char *base = bases[below(6)];
		struct value_range in[12], out[12];
		size_t count = below(13), left;
		struct ipaddr point = address(base);

		for (size_t i = 0; i < count; i++)
			out[i] = in[i] = random_range(base, 64);
		left = interval_merge(out, count);
		for (size_t i = 1; i < left; i++) { /* sorted, and a gap between any two */
			struct ipaddr next = out[i - 1].last;

			assert_true(ipaddr_next(&next));
			assert_true(ipaddr_compare(&next, &out[i].first) < 0);
		}
		for (int i = 0; i < 90; i++) {
			assert_int_equal(in_any(in, count, &point), in_any(out, left, &point));
			assert_int_equal(in_any(in, count, &point), interval_find(out, left, &point) != NULL);
			if (!ipaddr_next(&point))
				break;
		}
	}
}

static void merge_keeps_families_apart(void **unused)
{
	struct value_range list[] = { range("::", "::5"), range("255.255.255.0", "255.255.255.255"),
				      range("0.0.0.0", "0.0.0.9"), range("::6", "::6") };

	(void)unused;
	assert_int_equal(interval_merge(list, 4), 3);
	assert_int_equal(list[0].first.family, IPADDR_V4);
	assert_int_equal(list[2].first.family, IPADDR_V6);
	assert_true(ipaddr_equal(&list[2].last, &(struct ipaddr) { .family = IPADDR_V6, .bytes[15] = 6 }));
}

static bool box_holds(const struct policy_box *box, const struct ipaddr *point, uint8_t proto, uint32_t port)
{
	return box->l4proto == proto && box->port_first <= port && port <= box->port_last &&
	       in_range(&box->address, point);
}

static size_t holding(const struct policy_box *boxes, size_t count, const struct ipaddr *point, uint8_t proto,
		      uint32_t port)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += box_holds(&boxes[i], point, proto, port);
	return found;
}

/* Ports beside and on every boundary of the inputs. */
static size_t port_samples(const struct policy_box *in, size_t count, uint32_t *out)
{
	size_t samples = 0;

	for (size_t i = 0; i < count; i++) {
		out[samples++] = in[i].port_first ? in[i].port_first - 1u : 0;
		out[samples++] = in[i].port_first;
		out[samples++] = in[i].port_last;
		out[samples++] = in[i].port_last + 1u;
	}
	return samples;
}

static size_t address_samples(const struct value_range *one, struct ipaddr out[4])
{
	out[0] = out[1] = one->first;
	out[2] = out[3] = one->last;
	ipaddr_previous(&out[0]);
	ipaddr_next(&out[3]);
	return 4;
}

/* Membership is constant between boundaries, so agreeing at and beside each is agreeing everywhere. */
static void check_boxes(const struct policy_box *in, size_t in_count, const struct policy_list *cut)
{
	const struct policy_box *out = cut->items;
	uint32_t ports[4 * 32];
	size_t port_count = port_samples(in, in_count, ports);

	for (size_t i = 0; i < in_count; i++) {
		struct ipaddr points[4];
		size_t point_count = address_samples(&in[i].address, points);

		for (size_t p = 0; p < point_count; p++)
			for (size_t k = 0; k < port_count; k++)
				for (uint8_t proto = 6; proto < 9; proto++)
					assert_int_equal(holding(out, cut->count, &points[p], proto, ports[k]),
							 holding(in, in_count, &points[p], proto, ports[k]) > 0);
	}
	for (size_t i = 0; i < cut->count; i++) {
		assert_true(ipaddr_compare(&out[i].address.first, &out[i].address.last) <= 0);
		assert_true(out[i].port_first <= out[i].port_last);
		if (i)
			assert_true(interval_compare(&out[i - 1].address, &out[i].address) <= 0);
	}
}

static struct policy_box random_box(const char *base)
{
	static const uint16_t edges[] = { 0, 1, 79, 80, 443, 444, 445, 65534, 65535 };
	uint16_t a = edges[below(9)], b = below(3) ? a : edges[below(9)];
	struct policy_box box = { random_range(base, 48), (uint8_t)(6 + below(2)), a < b ? a : b, a < b ? b : a };

	return box;
}

static void boxes_are_the_union(void **unused)
{
	(void)unused;
	start_random("boxes");
	for (int round = 0; round < 1500; round++) {
		struct policy_list list = POLICY_LIST_OF(struct policy_box);
		struct policy_box in[20];
		size_t count = below(21);
		const char *base = bases[below(6)];

		for (size_t i = 0; i < count; i++) {
			in[i] = random_box(base);
			assert_non_null(policy_list_add(&list, &in[i]));
		}
		assert_int_equal(interval_cut_boxes(&list), 0);
		check_boxes(in, count, &list);
		policy_list_clear(&list);
	}
}

static void add_box(struct policy_list *list, const char *first, const char *last, uint16_t port_first,
		    uint16_t port_last)
{
	struct policy_box box = { range(first, last), 6, port_first, port_last };

	assert_non_null(policy_list_add(list, &box));
}

static void expect_box(const struct policy_list *list, size_t index, const char *first, const char *last,
		       uint16_t port_first, uint16_t port_last)
{
	const struct policy_box *box = policy_list_at(list, index);
	struct value_range wanted = range(first, last);

	assert_true(index < list->count);
	assert_int_equal(interval_compare(&box->address, &wanted), 0);
	assert_int_equal(box->port_first, port_first);
	assert_int_equal(box->port_last, port_last);
}

static void boxes_are_few(void **unused)
{
	struct policy_list list = POLICY_LIST_OF(struct policy_box);

	(void)unused;
	/* halves of one prefix, given twice and in the wrong order, on neighbouring ports */
	add_box(&list, "10.0.0.128", "10.0.0.255", 443, 443);
	add_box(&list, "10.0.0.0", "10.0.0.127", 443, 443);
	add_box(&list, "10.0.0.0", "10.0.0.255", 444, 450);
	add_box(&list, "10.0.0.7", "10.0.0.7", 445, 445);
	assert_int_equal(interval_cut_boxes(&list), 0);
	assert_int_equal(list.count, 1);
	expect_box(&list, 0, "10.0.0.0", "10.0.0.255", 443, 450);
	/* the order that the kernel refuses: 10/8 on 443, then 10.1/16 on 80-443 */
	list.count = 0;
	add_box(&list, "10.0.0.0", "10.255.255.255", 443, 443);
	add_box(&list, "10.1.0.0", "10.1.255.255", 80, 443);
	assert_int_equal(interval_cut_boxes(&list), 0);
	assert_int_equal(list.count, 2);
	expect_box(&list, 0, "10.0.0.0", "10.255.255.255", 443, 443);
	expect_box(&list, 1, "10.1.0.0", "10.1.255.255", 80, 442);
	/* all ports of one host beside one port of the rest */
	list.count = 0;
	add_box(&list, "10.0.0.0", "10.0.0.255", 443, 443);
	add_box(&list, "10.0.0.1", "10.0.0.1", 0, 65535);
	assert_int_equal(interval_cut_boxes(&list), 0);
	assert_int_equal(list.count, 3);
	policy_list_clear(&list);
}

/* A whole vendor's list: 50,000 prefixes, many inside others, on two ports. */
static void boxes_are_cut_fast(void **unused)
{
	struct policy_list list = POLICY_LIST_OF(struct policy_box);
	clock_t start = clock();

	(void)unused;
	start_random("speed");
	for (int i = 0; i < 52340; i++) {
		uint8_t octets[4] = { 20, (uint8_t)below(64), (uint8_t)below(256), (uint8_t)below(256) };
		struct ipaddr one = ipaddr_from_bytes(IPADDR_V4, octets);
		struct policy_box box = { .l4proto = 6, .port_first = below(2) ? 80 : 443 };

		ipaddr_prefix_bounds(&one, 20 + below(13), &box.address.first, &box.address.last);
		box.port_last = box.port_first;
		assert_non_null(policy_list_add(&list, &box));
	}
	assert_int_equal(interval_cut_boxes(&list), 0);
	print_message("52340 boxes to %zu in %.0f ms\n", list.count, 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	policy_list_clear(&list);
}

static bool from_holds(const struct policy_from *from, const struct ipaddr *source, const struct ipaddr *destination,
		       uint8_t proto, uint32_t port)
{
	struct policy_box box = { from->source, from->l4proto, from->port_first, from->port_last };

	return box_holds(&box, source, proto, port) && in_range(&from->destination, destination);
}

static size_t froms_holding(const struct policy_from *froms, size_t count, const struct ipaddr *source,
			    const struct ipaddr *destination, uint8_t proto, uint32_t port)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += from_holds(&froms[i], source, destination, proto, port);
	return found;
}

static void check_point(const struct policy_from *in, size_t in_count, const struct policy_list *cut,
			const struct ipaddr *source, const struct ipaddr *destination)
{
	static const uint32_t ports[] = { 0, 1, 2, 79, 80, 81, 443, 444, 445, 446, 65533, 65534, 65535 };

	for (size_t k = 0; k < sizeof(ports) / sizeof(ports[0]); k++)
		for (uint8_t proto = 6; proto < 8; proto++)
			assert_int_equal(froms_holding(cut->items, cut->count, source, destination, proto, ports[k]),
					 froms_holding(in, in_count, source, destination, proto, ports[k]) > 0);
}

static void check_froms(const struct policy_from *in, size_t in_count, const struct policy_list *cut)
{
	for (size_t i = 0; i < in_count; i++)
		for (size_t k = 0; k < in_count; k++) {
			struct ipaddr sources[4], destinations[4];

			address_samples(&in[i].source, sources);
			address_samples(&in[k].destination, destinations);
			for (int s = 0; s < 4; s++)
				for (int d = 0; d < 4; d++)
					check_point(in, in_count, cut, &sources[s], &destinations[d]);
		}
}

static void froms_are_the_union(void **unused)
{
	(void)unused;
	start_random("froms");
	for (int round = 0; round < 400; round++) {
		struct policy_list list = POLICY_LIST_OF(struct policy_from);
		struct policy_from in[8];
		size_t count = below(9);
		size_t family = below(2) * 3;

		for (size_t i = 0; i < count; i++) {
			struct policy_box box = random_box(bases[family + below(2)]);

			in[i] = (struct policy_from) { box.address, random_range(bases[family + below(2)], 24),
						       box.l4proto, box.port_first, box.port_last };
			assert_non_null(policy_list_add(&list, &in[i]));
		}
		assert_int_equal(interval_cut_froms(&list), 0);
		check_froms(in, count, &list);
		policy_list_clear(&list);
	}
}

static void froms_are_few(void **unused)
{
	struct policy_list list = POLICY_LIST_OF(struct policy_from);
	struct policy_from from = { range("192.0.2.0", "192.0.2.15"), range("10.0.0.1", "10.0.0.1"), 6, 1433, 1433 };

	(void)unused;
	for (int i = 0; i < 8; i++) { /* eight servers side by side are one range */
		assert_non_null(policy_list_add(&list, &from));
		ipaddr_next(&from.destination.first);
		from.destination.last = from.destination.first;
	}
	assert_int_equal(interval_cut_froms(&list), 0);
	assert_int_equal(list.count, 1);
	policy_list_clear(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_is_the_union),  cmocka_unit_test(merge_keeps_families_apart),
		cmocka_unit_test(boxes_are_the_union), cmocka_unit_test(boxes_are_few),
		cmocka_unit_test(boxes_are_cut_fast),  cmocka_unit_test(froms_are_the_union),
		cmocka_unit_test(froms_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
