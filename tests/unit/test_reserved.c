/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/reserved.o base/ipaddr.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

static struct ipaddr address(const char *text)
{
	struct ipaddr out;

	if (ipaddr_from_text(text, &out))
		fail_msg("%s is no address", text);
	return out;
}

static void expect(const struct ipaddr *one, bool reserved)
{
	char text[IPADDR_TEXT_SIZE];

	if (policy_address_reserved(one) != reserved)
		fail_msg("%s is %sreserved", ipaddr_to_text(one, text), reserved ? "not " : "");
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
				expect(&carried, policy_address_reserved(&ends[e]));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundaries),
		cmocka_unit_test(carried_addresses),
		cmocka_unit_test(lawful_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
