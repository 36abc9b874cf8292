/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/value.o base/ipaddr.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Ranges: text as written and as printed; a '!' at the end means that host bits were mended. */
struct lawful {
	const char *text, *printed;
};

static const struct lawful lawful_ranges[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "192.0.2.1/32", "192.0.2.1" },
	{ "192.0.2.0/24", "192.0.2.0/24" },
	{ "192.0.2.7/24", "192.0.2.0/24!" },
	{ "192.0.2.255/31", "192.0.2.254/31!" },
	{ "0.0.0.0/0", "0.0.0.0/0" },
	{ "10.1.2.3/0", "0.0.0.0/0!" },
	{ "192.0.2.10-192.0.2.20", "192.0.2.10-192.0.2.20" },
	{ "192.0.2.10 - 192.0.2.20", "192.0.2.10-192.0.2.20" },
	{ "192.0.2.10  -192.0.2.20", "192.0.2.10-192.0.2.20" },
	{ "192.0.2.0-192.0.2.255", "192.0.2.0/24" },
	{ "192.0.2.1-192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0-255.255.255.255", "0.0.0.0/0" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "2001:DB8:0:0::1", "2001:db8::1" },
	{ "::", "::" },
	{ "::/0", "::/0" },
	{ "2001:db8::/32", "2001:db8::/32" },
	{ "2001:db8::1/64", "2001:db8::/64!" },
	{ "2001:db8::1/128", "2001:db8::1" },
	{ "2001:db8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff" },
	{ "2001:db8:: - 2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64" },
	{ "fe80::1", "fe80::1" },
	{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
};

static void test_lawful_ranges(void **context)
{
	(void)context;
	for (size_t i = 0; i < COUNT(lawful_ranges); i++) {
		char text[VALUE_RANGE_TEXT_SIZE + 1], printed[VALUE_RANGE_TEXT_SIZE];
		enum value_mended mended;
		struct value_range range;
		const char *why = "untouched";

		if (value_range_from_text(lawful_ranges[i].text, &range, &mended, &why) != 0)
			fail_msg("%s: %s", lawful_ranges[i].text, why);
		assert_string_equal(why, "untouched");
		snprintf(text, sizeof(text), "%s%s", value_range_to_text(&range, printed),
			 mended == VALUE_HOST_BITS ? "!" : "");
		assert_string_equal(text, lawful_ranges[i].printed);
		assert_true(ipaddr_compare(&range.first, &range.last) <= 0);
		assert_int_equal(value_range_from_text(printed, &range, &mended, &why), 0);
		assert_int_equal(mended, VALUE_AS_WRITTEN);
	}
}

/* What is refused, and a part of the explanation. */
struct lawless {
	const char *text, *why;
};

static const struct lawless lawless_ranges[] = {
	{ "", "an address is missing" },
	{ " 192.0.2.1", "white space" },
	{ "192.0.2.1 ", "white space" },
	{ "192.0.2.1, 192.0.2.2", "white space" },
	{ "192.0.2.1,192.0.2.2", "one address a text" },
	{ "1.2.3", "four numbers" },
	{ "10.1/16", "four numbers" },
	{ "1.2.3.4.5", "four numbers" },
	{ "1.2.3.", "0 to 255" },
	{ "1.2.3.256", "0 to 255" },
	{ "010.1.2.3", "leading zeros" },
	{ "10.1.2.03", "leading zeros" },
	{ "192.0.2.0/33", "0 to 32" },
	{ "192.0.2.0/", "0 to 32" },
	{ "192.0.2.0/024", "0 to 32" },
	{ "192.0.2.0/+24", "0 to 32" },
	{ "192.0.2.0/ 24", "0 to 32" },
	{ "192.0.2.0/24/8", "0 to 32" },
	{ "192.0.2.0/4294967320", "0 to 32" },
	{ "192.0.2.0/255.255.255.0", "instead of a netmask" },
	{ "2001:db8::/129", "0 to 128" },
	{ "2001:db8::/x", "0 to 128" },
	{ "2001:db8:::1", "not an IPv6 address" },
	{ "2001:db8::1::2", "not an IPv6 address" },
	{ "12345::", "not an IPv6 address" },
	{ "[2001:db8::1]", "without brackets" },
	{ "192.0.2.1:443", "ports stand in" },
	{ "fe80::1%eth0", "without an interface" },
	{ "fe80::1%eth0/64", "without an interface" },
	{ "::ffff:192.0.2.1", "in IPv6 form" },
	{ "::ffff:0.0.0.0/96", "in IPv6 form" },
	{ "192.0.2.*", "no '*'" },
	{ "192.0.2.10-20", "in full" },
	{ "192.0.2.10-", "an address is missing" },
	{ "-192.0.2.10", "an address is missing" },
	{ "192.0.2.20-192.0.2.10", "reversed" },
	{ "2001:db8::2-2001:db8::1", "reversed" },
	{ "192.0.2.1-2001:db8::1", "of one family" },
	{ "192.0.2.0/25-192.0.2.128/25", "without prefix lengths" },
	{ "192.0.2.1-192.0.2.2-192.0.2.3", "not an address" },
	{ "www.example.com", "\"names\"" },
	{ "files-1.example.com", "\"names\"" },
	{ "https://192.0.2.1/", "without scheme" },
	{ "any", "not an address" },
	{ "0x7f000001", "not an address" },
	{ "2130706433", "four numbers" },
	{ "11111111111111111111111111111111111111111111111111111111111111111111", "too long" },
};

static void test_lawless_ranges(void **context)
{
	const struct value_range untouched = { { 77, { 1 } }, { 78, { 2 } } };

	(void)context;
	for (size_t i = 0; i < COUNT(lawless_ranges); i++) {
		struct value_range range = untouched;
		enum value_mended mended = (enum value_mended)42;
		const char *why = NULL;

		if (value_range_from_text(lawless_ranges[i].text, &range, &mended, &why) != -EINVAL)
			fail_msg("%s was taken", lawless_ranges[i].text);
		if (why == NULL || strstr(why, lawless_ranges[i].why) == NULL)
			fail_msg("%s: %s", lawless_ranges[i].text, why == NULL ? "(null)" : why);
		assert_memory_equal(&range, &untouched, sizeof(range));
		assert_int_equal(mended, 42);
	}
}

/* Every prefix of both families prints as itself. */
static void test_prefixes(void **context)
{
	(void)context;
	for (unsigned int bits = 0; bits <= 128; bits++) {
		struct ipaddr address;
		struct value_range range, again;
		char text[VALUE_RANGE_TEXT_SIZE];
		enum value_mended mended;
		const char *why;

		assert_int_equal(ipaddr_from_text(bits <= 32 ? "203.0.113.171" : "2001:db8:a5a5::5a5a", &address), 0);
		ipaddr_prefix_bounds(&address, bits, &range.first, &range.last);
		value_range_to_text(&range, text);
		assert_null(strchr(text, '-'));
		assert_int_equal(value_range_from_text(text, &again, &mended, &why), 0);
		assert_memory_equal(&range, &again, sizeof(range));
	}
}

static const struct lawful lawful_ports[] = {
	{ "tcp/443", "tcp/443" },
	{ "tcp/1", "tcp/1" },
	{ "tcp/65535", "tcp/65535" },
	{ "udp/3478-3481", "udp/3478-3481" },
	{ "udp/5-5", "udp/5" },
	{ "tcp/1-65535", "tcp/1-65535" },
	{ "tcp/10000-65535", "tcp/10000-65535" },
	{ "icmp", "icmp" },
};

static void test_lawful_ports(void **context)
{
	(void)context;
	for (size_t i = 0; i < COUNT(lawful_ports); i++) {
		struct value_ports ports;
		char text[VALUE_PORTS_TEXT_SIZE];
		const char *why = "";

		if (value_ports_from_text(lawful_ports[i].text, &ports, &why) != 0)
			fail_msg("%s: %s", lawful_ports[i].text, why);
		assert_string_equal(value_ports_to_text(&ports, text), lawful_ports[i].printed);
		assert_true(ports.proto == VALUE_ICMP ? ports.first == 0 && ports.last == 0 : ports.first >= 1);
	}
}

static const struct lawless lawless_ports[] = {
	{ "", "write tcp/443" },
	{ "443", "protocol is missing" },
	{ "80-90", "protocol is missing" },
	{ "443/tcp", "protocol comes first" },
	{ "http", "tcp/80" },
	{ "HTTPS", "tcp/443" },
	{ "quic", "udp/443" },
	{ "http3", "udp/443" },
	{ "ssh", "tcp/22" },
	{ "ntp", "udp/123" },
	{ "dns", "port 53" },
	{ "ping", "write icmp" },
	{ "icmpv6", "write icmp" },
	{ "icmp/8", "icmp alone" },
	{ "ICMP", "icmp alone" },
	{ "tcp", "a port is missing" },
	{ "any", "tcp/1-65535" },
	{ "tcp/*", "1-65535" },
	{ "tcp/", "1 to 65535" },
	{ "tcp/0", "1 to 65535" },
	{ "tcp/0-5", "1 to 65535" },
	{ "tcp/65536", "1 to 65535" },
	{ "tcp/0443", "1 to 65535" },
	{ "tcp/-5", "1 to 65535" },
	{ "tcp/5-", "1 to 65535" },
	{ "tcp/http", "1 to 65535" },
	{ "tcp/80 ", "1 to 65535" },
	{ "tcp/1-2-3", "1 to 65535" },
	{ "tcp/90-80", "reversed" },
	{ "tcp/80,443", "one port or range" },
	{ "80,443", "one port or range" },
	{ "TCP/443", "lower case" },
	{ "tcp:443", "write tcp/443" },
	{ "tcp 443", "no white space" },
	{ "sctp/5", "write tcp/443" },
};

static void test_lawless_ports(void **context)
{
	const struct value_ports untouched = { VALUE_UDP, 7, 8 };

	(void)context;
	for (size_t i = 0; i < COUNT(lawless_ports); i++) {
		struct value_ports ports = untouched;
		const char *why = NULL;

		if (value_ports_from_text(lawless_ports[i].text, &ports, &why) != -EINVAL)
			fail_msg("%s was taken", lawless_ports[i].text);
		if (why == NULL || strstr(why, lawless_ports[i].why) == NULL)
			fail_msg("%s: %s", lawless_ports[i].text, why == NULL ? "(null)" : why);
		assert_memory_equal(&ports, &untouched, sizeof(ports));
	}
}

/* As they stand in an nft set: what `th sport` reads from an echo request is type and code. */
static void test_numbers(void **context)
{
	(void)context;
	assert_int_equal(value_proto_number(VALUE_TCP, IPADDR_V4), 6);
	assert_int_equal(value_proto_number(VALUE_TCP, IPADDR_V6), 6);
	assert_int_equal(value_proto_number(VALUE_UDP, IPADDR_V6), 17);
	assert_int_equal(value_proto_number(VALUE_ICMP, IPADDR_V4), 1);
	assert_int_equal(value_proto_number(VALUE_ICMP, IPADDR_V6), 58);
	assert_int_equal(value_icmp_port(IPADDR_V4), 2048);
	assert_int_equal(value_icmp_port(IPADDR_V6), 32768);
	assert_string_equal(value_proto_name(VALUE_TCP), "tcp");
	assert_string_equal(value_proto_name(VALUE_UDP), "udp");
	assert_string_equal(value_proto_name(VALUE_ICMP), "icmp");
}

static void test_interfaces(void **context)
{
	static const struct lawless lawless[] = {
		{ "", "missing" },
		{ "*", "uplink" },
		{ "lo", "gateway's own" },
		{ "a*b", "at the end" },
		{ "a**", "at the end" },
		{ "eth 0", "no white space" },
		{ "eth/0", "'/'" },
		{ "eth0:1", "':'" },
		{ "eth0,eth1", "','" },
		{ "eth\"0", "quotes" },
		{ "eth\t0", "no white space" },
		{ ".", "not an interface" },
		{ "..", "not an interface" },
		{ "abcdefghijklmnop", "15 characters" },
		{ "abcdefghijklmno*", "15 characters" },
		{ "\xc3\xa9", "control characters" },
	};
	struct value_interface interface;
	const char *why;

	(void)context;
	assert_int_equal(value_interface_from_text("br-lan", &interface, &why), 0);
	assert_string_equal(interface.name, "br-lan");
	assert_false(interface.wildcard);
	assert_int_equal(value_interface_from_text("vlan*", &interface, &why), 0);
	assert_string_equal(interface.name, "vlan");
	assert_true(interface.wildcard);
	assert_int_equal(value_interface_from_text("abcdefghijklmno", &interface, &why), 0);
	assert_int_equal(value_interface_from_text("eth0.5@x", &interface, &why), 0);
	for (size_t i = 0; i < COUNT(lawless); i++) {
		struct value_interface untouched = interface;

		if (value_interface_from_text(lawless[i].text, &interface, &why) != -EINVAL)
			fail_msg("%s was taken", lawless[i].text);
		if (strstr(why, lawless[i].why) == NULL)
			fail_msg("%s: %s", lawless[i].text, why);
		assert_memory_equal(&interface, &untouched, sizeof(interface));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lawful_ranges), cmocka_unit_test(test_lawless_ranges),
		cmocka_unit_test(test_prefixes),      cmocka_unit_test(test_lawful_ports),
		cmocka_unit_test(test_lawless_ports), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
