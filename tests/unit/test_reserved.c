/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/reserved.o policy/nat64.o policy/value.o base/arena.o base/ipaddr.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/nat64.h"

static struct ipaddr address(const char *text)
{
	struct ipaddr out;

	if (ipaddr_from_text(text, &out))
		fail_msg("%s is no address", text);
	return out;
}

static const struct policy plain = { 0 };

static void expect_of(const struct policy *policy, const struct ipaddr *one, bool reserved)
{
	char text[IPADDR_TEXT_SIZE];

	if (policy_address_reserved(policy, one) != reserved)
		fail_msg("%s is %sreserved", ipaddr_to_text(one, text), reserved ? "not " : "");
}

static void expect(const struct ipaddr *one, bool reserved)
{
	expect_of(&plain, one, reserved);
}

/* The design's list, told apart from the one in the code: prefix and whether its neighbours are reserved too. */
static const struct {
	const char *address;
	unsigned int length;
	bool before, after;
} list[] = {
	{ "0.0.0.0", 8, false, false },      { "10.0.0.0", 8, false, false },      { "100.64.0.0", 10, false, false },
	{ "127.0.0.0", 8, false, false },    { "169.254.0.0", 16, false, false },  { "172.16.0.0", 12, false, false },
	{ "192.0.0.0", 24, false, false },   { "192.0.2.0", 24, false, false },    { "192.168.0.0", 16, false, false },
	{ "198.18.0.0", 15, false, false },  { "198.51.100.0", 24, false, false }, { "203.0.113.0", 24, false, false },
	{ "224.0.0.0", 4, false, true },     { "240.0.0.0", 4, true, false },      { "::", 96, false, false },
	{ "64:ff9b:1::", 48, false, false }, { "100::", 64, false, false },        { "2001:db8::", 32, false, false },
	{ "fc00::", 7, false, false },       { "fe80::", 10, false, true },        { "fec0::", 10, true, true },
	{ "ff00::", 8, true, false },
};

static void boundaries(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct ipaddr base = address(list[i].address), first, last;

		ipaddr_prefix_bounds(&base, list[i].length, &first, &last);
		assert_true(ipaddr_equal(&base, &first));
		expect(&first, true);
		expect(&last, true);
		if (ipaddr_previous(&first))
			expect(&first, list[i].before);
		if (ipaddr_next(&last))
			expect(&last, list[i].after);
	}
}

/* The same list once more for each way to carry an IPv4 address inside an IPv6 one. */
static void carried_addresses(void **unused)
{
	static const struct {
		uint8_t prefix[16];
		size_t offset;
	} carriers[] = {
		{ { 0x00, 0x64, 0xff, 0x9b }, 12 },
		{ { [10] = 0xff, [11] = 0xff }, 12 },
		{ { 0x20, 0x02 }, 2 },
	};

	(void)unused;
	for (size_t c = 0; c < 3; c++)
		for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
			struct ipaddr base = address(list[i].address), ends[4];

			if (base.family != IPADDR_V4)
				continue;
			ipaddr_prefix_bounds(&base, list[i].length, &ends[1], &ends[2]);
			ends[0] = ends[1];
			ends[3] = ends[2];
			ipaddr_previous(&ends[0]);
			ipaddr_next(&ends[3]);
			for (int e = 0; e < 4; e++) {
				struct ipaddr carried = ipaddr_from_bytes(IPADDR_V6, carriers[c].prefix);

				memcpy(carried.bytes + carriers[c].offset, ends[e].bytes, 4);
				expect(&carried, policy_address_reserved(&plain, &ends[e]));
			}
		}
}

static void lawful_ones(void **unused)
{
	static const char *const lawful[] = {
		"1.1.1.1",         "20.190.159.2",    "192.0.1.255",          "192.88.99.1",
		"223.255.255.255", "2603:1030:7::5",  "2001:4860:4860::8888", "64:ff9b::808:808",
		"::ffff:8.8.8.8",  "2002:808:808::1", "64:ff9b:0:0:0:1::",    "2001:db7:ffff::"
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(lawful) / sizeof(lawful[0]); i++) {
		struct ipaddr one = address(lawful[i]);

		expect(&one, false);
	}
}

/* ---- NAT64 ---- */

static struct value_range range(const char *text)
{
	struct value_range out;
	enum value_mended mended;
	const char *why;

	if (value_range_from_text(text, &out, &mended, &why))
		fail_msg("%s is no range", text);
	return out;
}

static struct policy_nat64 prefix(const char *text)
{
	struct value_range written = range(text);
	struct policy_nat64 out;
	const char *why;

	if (nat64_from_range(&written, &out, &why))
		fail_msg("%s: %s", text, why);
	return out;
}

/* RFC 6052 section 2.4, tables 2 and 3: 192.0.2.33; and 20.1.2.3, 10.1.2.3 and 169.254.1.1 in the same way. */
static const struct {
	const char *prefix, *example, *lawful, *private, *link_local;
} translations[] = {
	{ "2001:db8::/32", "2001:db8:c000:221::", "2001:db8:1401:203::", "2001:db8:a01:203::", "2001:db8:a9fe:101::" },
	{ "2001:db8:100::/40",
	  "2001:db8:1c0:2:21::", "2001:db8:114:102:3::", "2001:db8:10a:102:3::", "2001:db8:1a9:fe01:1::" },
	{ "2001:db8:122::/48", "2001:db8:122:c000:2:2100::", "2001:db8:122:1401:2:300::", "2001:db8:122:a01:2:300::",
	  "2001:db8:122:a9fe:1:100::" },
	{ "2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::", "2001:db8:122:314:1:203::", "2001:db8:122:30a:1:203::",
	  "2001:db8:122:3a9:fe:101::" },
	{ "2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::", "2001:db8:122:344:14:102:300::",
	  "2001:db8:122:344:a:102:300::", "2001:db8:122:344:a9:fe01:100::" },
	{ "2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33", "2001:db8:122:344::20.1.2.3",
	  "2001:db8:122:344::10.1.2.3", "2001:db8:122:344::169.254.1.1" },
	{ "64:ff9b::/96", "64:ff9b::192.0.2.33", "64:ff9b::20.1.2.3", "64:ff9b::10.1.2.3", "64:ff9b::169.254.1.1" },
};

static void expect_carried(const struct policy_nat64 *nat64, const char *text, const char *carried)
{
	struct ipaddr one = address(text), four = address(carried);
	uint8_t out[4];

	if (!nat64_carried(nat64, &one, out) || memcmp(out, four.bytes, 4) != 0)
		fail_msg("%s carries %u.%u.%u.%u, not %s", text, out[0], out[1], out[2], out[3], carried);
}

static void translated(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
		struct policy_nat64 nat64 = prefix(translations[i].prefix);
		struct policy policy = { .nat64 = &nat64, .nat64_count = 1 };
		struct ipaddr example = address(translations[i].example), lawful = address(translations[i].lawful),
			      private = address(translations[i].private), last = nat64.range.last;

		expect_carried(&nat64, translations[i].example, "192.0.2.33");
		expect_carried(&nat64, translations[i].lawful, "20.1.2.3");
		expect_carried(&nat64, translations[i].private, "10.1.2.3");
		expect_carried(&nat64, translations[i].link_local, "169.254.1.1");
		expect_of(&policy, &example, true);
		expect_of(&policy, &lawful, false);
		expect_of(&policy, &private, true);
		if (i < 6) /* where nobody translates these are of the documentation */
			expect(&lawful, true);
		expect_of(&policy, &last, true); /* 255.255.255.255 */
		ipaddr_next(&last);
		expect_of(&policy, &last, policy_address_reserved(&plain, &last));
	}
}

/* Bits 64 to 71 are zero: what has others is not of the prefix's form, so nobody knows what it carries. */
static void u_octet(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
		struct policy_nat64 nat64 = prefix(translations[i].prefix);
		struct policy policy = { .nat64 = &nat64, .nat64_count = 1 };
		struct ipaddr one = address(translations[i].lawful);
		uint8_t out[4];

		if (nat64.length == 96)
			continue;
		one.bytes[8] = 1;
		assert_false(nat64_carried(&nat64, &one, out));
		expect_of(&policy, &one, true);
	}
}

static void no_prefixes(void **unused)
{
	static const char *const wrong[] = {
		"2001:db8::/33",          "2001:db8::/31", "2001:db8::/128", "2001:db8::/95",
		"2001:db8::/97",          "192.0.2.0/24",  "2001:db8::1",    "2001:db8::-2001:db8::9",
		"2001:db8::100:0:0:0/96", "0.0.0.0/0",     "::/0",           "2001:db8::/72"
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct value_range written = range(wrong[i]);
		struct policy_nat64 out = { .length = 77 };
		const char *why = NULL;

		assert_int_equal(nat64_from_range(&written, &out, &why), -EINVAL);
		assert_non_null(why);
		assert_int_equal(out.length, 77);
	}
}

/* What is left of `local` when prefixes are taken out. */
static void expect_left(const char *const *local, size_t count, const char *first, const char *second,
			const char *expected)
{
	struct policy_nat64 prefixes[] = { prefix(first), prefix(second) };
	struct value_range items[4];
	struct config_ranges ranges = { .items = items, .count = (unsigned int)count }, out;
	struct arena *arena = arena_new();
	char text[VALUE_RANGE_TEXT_SIZE], all[1024] = "";

	for (size_t i = 0; i < count; i++)
		items[i] = range(local[i]);
	assert_int_equal(nat64_leave_out(arena, &ranges, prefixes, 2, &out), 0);
	for (unsigned int i = 0; i < out.count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s", value_range_to_text(&out.items[i], text));
	assert_string_equal(all, expected);
	arena_free(arena);
}

static void left_out_of_local(void **unused)
{
	static const char *const local[] = { "10.0.0.0/8", "fc00::/7", "fd00:64::a00:0/104", "2001:db8:64::/96" };

	(void)unused;
	/* a wider range is divided; what lies inside a prefix, or is the prefix, was meant */
	expect_left(local, 4, "fd00:64::/96", "2001:db8:64::/96",
		    " 10.0.0.0/8 fc00::-fd00:63:ffff:ffff:ffff:ffff:ffff:ffff fd00:64::a00:0/104 2001:db8:64::/96"
		    " fd00:64::1:0:0-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	/* at the ends */
	expect_left(local + 1, 1, "fc00::/32", "fdff:ffff::/32", " fc00:1::-fdff:fffe:ffff:ffff:ffff:ffff:ffff:ffff");
	expect_left(local, 1, "fc00::/32", "fd00::/96", " 10.0.0.0/8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundaries),        cmocka_unit_test(carried_addresses), cmocka_unit_test(lawful_ones),
		cmocka_unit_test(translated),        cmocka_unit_test(u_octet),           cmocka_unit_test(no_prefixes),
		cmocka_unit_test(left_out_of_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
