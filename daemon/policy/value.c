/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Longest text of one address that is looked at; a longer one is no address. */
#define ADDRESS_TEXT 64

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

/* A decimal number of `length` digits, without sign and leading zeros, at most `max`. */
static bool decimal(const char *text, size_t length, unsigned int max, unsigned int *out)
{
	unsigned int value = 0;

	if (length == 0 || length > 5 || (length > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = 10 * value + (unsigned int)(text[i] - '0');
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

static bool only(const char *text, size_t length, const char *characters)
{
	for (size_t i = 0; i < length; i++)
		if (strchr(characters, text[i]) == NULL)
			return false;
	return true;
}

static bool leading_zero(const char *text, size_t length)
{
	for (size_t i = 0; i + 1 < length; i++)
		if (text[i] == '0' && isdigit((unsigned char)text[i + 1]) && (i == 0 || text[i - 1] == '.'))
			return true;
	return false;
}

static size_t count_of(const char *text, size_t length, char wanted)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += text[i] == wanted;
	return count;
}

/* What to say of text made of digits and dots that is no IPv4 address. */
static const char *explain_ipv4(const char *text, size_t length)
{
	if (leading_zero(text, length))
		return "write the numbers of an address without leading zeros, as in 192.0.2.1";
	if (count_of(text, length, '.') != 3)
		return "an IPv4 address has four numbers, as in 192.0.2.1; a network is written 192.0.2.0/24";
	return "each number of an IPv4 address is 0 to 255, as in 192.0.2.1";
}

static const char *explain_colons(const char *text, size_t length)
{
	if (text[0] == '[')
		return "write an IPv6 address without brackets, as in 2001:db8::1";
	if (count_of(text, length, ':') == 1 && count_of(text, length, '.') == 3)
		return "write the address alone; ports stand in the setting \"ports\", as in tcp/443";
	return "not an IPv6 address; one looks like 2001:db8::1 or, as a network, 2001:db8::/48";
}

/* `text` is what ipaddr_from_text() did not take: one sentence on what would be right. */
static const char *explain_address(const char *text, size_t length)
{
	if (length == 0)
		return "an address is missing; write it as in 192.0.2.1, 192.0.2.0/24 or 192.0.2.10-192.0.2.20";
	if (memchr(text, '%', length) != NULL)
		return "write the address without an interface (the part from '%' on)";
	if (count_of(text, length, ' ') + count_of(text, length, '\t') != 0)
		return "white space inside an address; each address is a text of its own in the list";
	if (count_of(text, length, ',') != 0)
		return "one address a text: write a list as [ \"192.0.2.1\", \"192.0.2.2\" ]";
	if (count_of(text, length, '*') != 0)
		return "addresses have no '*'; write the network, as in 192.0.2.0/24";
	if (memchr(text, ':', length) != NULL)
		return explain_colons(text, length);
	if (only(text, length, "0123456789."))
		return explain_ipv4(text, length);
	return "not an address; write it as in 192.0.2.1, 192.0.2.0/24, 192.0.2.10-192.0.2.20 or 2001:db8::/48 "
	       "(host names stand in the setting \"names\")";
}

static bool ipv4_mapped(const struct ipaddr *address)
{
	static const uint8_t prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return address->family == IPADDR_V6 && memcmp(address->bytes, prefix, sizeof(prefix)) == 0;
}

static int read_address(const char *text, size_t length, struct ipaddr *out, const char **why)
{
	char copy[ADDRESS_TEXT];
	struct ipaddr address;

	if (length >= sizeof(copy))
		return refuse(why, "too long for an address");
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (ipaddr_from_text(copy, &address) != 0)
		return refuse(why, explain_address(text, length));
	if (ipv4_mapped(&address))
		return refuse(why, "an IPv4 address in IPv6 form never stands in a packet; write it as in 192.0.2.1");
	*out = address;
	return 0;
}

static int read_prefix(const char *text, const char *slash, struct value_range *out, enum value_mended *mended,
		       const char **why)
{
	struct value_range range;
	struct ipaddr address;
	unsigned int bits, max;

	if (read_address(text, (size_t)(slash - text), &address, why) != 0)
		return -EINVAL;
	max = (unsigned int)(8 * ipaddr_length(address.family));
	if (!decimal(slash + 1, strlen(slash + 1), max, &bits)) {
		if (strchr(slash, '.') != NULL)
			return refuse(why, "write the prefix length instead of a netmask: /24 for 255.255.255.0");
		return refuse(why, max == 32 ? "an IPv4 prefix length is 0 to 32, as in 192.0.2.0/24"
					     : "an IPv6 prefix length is 0 to 128, as in 2001:db8::/48");
	}
	ipaddr_prefix_bounds(&address, bits, &range.first, &range.last);
	*mended = ipaddr_equal(&address, &range.first) ? VALUE_AS_WRITTEN : VALUE_HOST_BITS;
	*out = range;
	return 0;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && only(text, strlen(text), "0123456789");
}

static int read_span(const char *text, const char *dash, struct value_range *out, const char **why)
{
	size_t length = (size_t)(dash - text);
	struct value_range range;
	const char *last = dash + 1;

	while (length > 0 && text[length - 1] == ' ')
		length--;
	while (*last == ' ')
		last++;
	if (strchr(text, '/') != NULL)
		return refuse(why, "a range goes from one address to another, as in 192.0.2.10-192.0.2.20, "
				   "without prefix lengths");
	if (read_address(text, length, &range.first, why) != 0)
		return -EINVAL;
	if (is_number(last))
		return refuse(why, "write the last address of a range in full, as in 192.0.2.10-192.0.2.20");
	if (read_address(last, strlen(last), &range.last, why) != 0)
		return -EINVAL;
	if (range.first.family != range.last.family)
		return refuse(why, "both ends of a range are of one family, IPv4 or IPv6");
	if (ipaddr_compare(&range.first, &range.last) > 0)
		return refuse(why, "the range is reversed: the lower address comes first");
	*out = range;
	return 0;
}

int value_range_from_text(const char *text, struct value_range *out, enum value_mended *mended, const char **why)
{
	const char *slash = strchr(text, '/');
	const char *dash = strchr(text, '-');
	struct ipaddr address;

	/* a '-' may also stand in a host name, which is told as such */
	if (dash != NULL && only(text, strlen(text), "0123456789abcdefABCDEF.:/- ")) {
		if (read_span(text, dash, out, why) != 0)
			return -EINVAL;
		*mended = VALUE_AS_WRITTEN;
		return 0;
	}
	if (strstr(text, "://") != NULL)
		return refuse(why, "write the address alone, without scheme and path");
	if (slash != NULL)
		return read_prefix(text, slash, out, mended, why);
	if (read_address(text, strlen(text), &address, why) != 0)
		return -EINVAL;
	*out = (struct value_range) { address, address };
	*mended = VALUE_AS_WRITTEN;
	return 0;
}

/* The length of the prefix that is exactly this range, or -1. */
static int prefix_length(const struct value_range *range)
{
	struct ipaddr first, last;
	unsigned int max = (unsigned int)(8 * ipaddr_length(range->first.family));

	for (unsigned int bits = 0; bits <= max; bits++) {
		ipaddr_prefix_bounds(&range->first, bits, &first, &last);
		if (ipaddr_equal(&first, &range->first) && ipaddr_equal(&last, &range->last))
			return (int)bits;
	}
	return -1;
}

const char *value_range_to_text(const struct value_range *range, char out[VALUE_RANGE_TEXT_SIZE])
{
	char first[IPADDR_TEXT_SIZE], last[IPADDR_TEXT_SIZE];
	int bits = prefix_length(range);

	ipaddr_to_text(&range->first, first);
	ipaddr_to_text(&range->last, last);
	if (ipaddr_equal(&range->first, &range->last))
		snprintf(out, VALUE_RANGE_TEXT_SIZE, "%s", first);
	else if (bits >= 0)
		snprintf(out, VALUE_RANGE_TEXT_SIZE, "%s/%d", first, bits);
	else
		snprintf(out, VALUE_RANGE_TEXT_SIZE, "%s-%s", first, last);
	return out;
}

/* Words that people write for ports, and what to write instead. */
struct port_slip {
	const char *text, *why;
};

static const struct port_slip port_slips[] = {
	{ "http", "write tcp/80" },
	{ "https", "write tcp/443" },
	{ "dns", "port 53 to trusted resolvers is open by itself; name other servers as udp/53 and tcp/53" },
	{ "domain", "port 53 to trusted resolvers is open by itself; name other servers as udp/53 and tcp/53" },
	{ "ntp", "write udp/123" },
	{ "quic", "write udp/443" },
	{ "http3", "write udp/443" },
	{ "ssh", "write tcp/22" },
	{ "ping", "write icmp, which is the echo request of IPv4 and IPv6" },
	{ "icmpv6", "write icmp, which is the echo request of IPv4 and IPv6" },
	{ "ipv6-icmp", "write icmp, which is the echo request of IPv4 and IPv6" },
	{ "icmp6", "write icmp, which is the echo request of IPv4 and IPv6" },
	{ "tcp", "a port is missing: write tcp/443, or tcp/1-65535 for all of them" },
	{ "udp", "a port is missing: write udp/123, or udp/1-65535 for all of them" },
	{ "any", "write tcp/1-65535 and udp/1-65535" },
	{ "all", "write tcp/1-65535 and udp/1-65535" },
	{ "*", "write tcp/1-65535 and udp/1-65535" },
};

static const char *explain_ports(const char *text)
{
	const char *slash = strchr(text, '/');

	for (size_t i = 0; i < sizeof(port_slips) / sizeof(port_slips[0]); i++)
		if (strcasecmp(text, port_slips[i].text) == 0)
			return port_slips[i].why;
	if (strchr(text, ',') != NULL)
		return "one port or range a text: write a list as [ \"tcp/80\", \"tcp/443\" ]";
	if (strpbrk(text, " \t") != NULL)
		return "no white space inside: write tcp/443 or udp/3478-3481";
	if (text[0] != '\0' && only(text, strlen(text), "0123456789-"))
		return "the protocol is missing: write tcp/443 or udp/3478-3481";
	if (slash != NULL && isdigit((unsigned char)text[0]))
		return "the protocol comes first: write tcp/443";
	if (strncasecmp(text, "icmp", 4) == 0)
		return "write icmp alone, which is the echo request of IPv4 and IPv6";
	if (strncasecmp(text, "tcp/", 4) == 0 || strncasecmp(text, "udp/", 4) == 0)
		return "the protocol is written in lower case: tcp/443 or udp/3478-3481";
	return "write tcp/443, udp/3478-3481 or icmp";
}

static int read_port_numbers(const char *text, struct value_ports *out, const char **why)
{
	const char *dash = strchr(text, '-');
	size_t length = dash == NULL ? strlen(text) : (size_t)(dash - text);
	const char *end = dash == NULL ? text : dash + 1;
	unsigned int first, last;

	if (text[0] == '*')
		return refuse(why, "for all ports write the range 1-65535, as in tcp/1-65535");
	if (strchr(text, ',') != NULL)
		return refuse(why, "one port or range a text: write a list as [ \"tcp/80\", \"tcp/443\" ]");
	if (!decimal(text, length, 65535, &first) || !decimal(end, strlen(end), 65535, &last) || first == 0)
		return refuse(why, "a port is a number from 1 to 65535, as in tcp/443 or udp/3478-3481");
	if (first > last)
		return refuse(why, "the range is reversed: the lower port comes first");
	out->first = (uint16_t)first;
	out->last = (uint16_t)last;
	return 0;
}

int value_ports_from_text(const char *text, struct value_ports *out, const char **why)
{
	struct value_ports ports = { 0 };

	if (strcmp(text, "icmp") == 0)
		ports.proto = VALUE_ICMP;
	else if (strncmp(text, "tcp/", 4) == 0)
		ports.proto = VALUE_TCP;
	else if (strncmp(text, "udp/", 4) == 0)
		ports.proto = VALUE_UDP;
	else
		return refuse(why, explain_ports(text));
	if (ports.proto != VALUE_ICMP && read_port_numbers(text + 4, &ports, why) != 0)
		return -EINVAL;
	*out = ports;
	return 0;
}

const char *value_ports_to_text(const struct value_ports *ports, char out[VALUE_PORTS_TEXT_SIZE])
{
	const char *proto = ports->proto == VALUE_TCP ? "tcp" : "udp";

	if (ports->proto == VALUE_ICMP)
		snprintf(out, VALUE_PORTS_TEXT_SIZE, "icmp");
	else if (ports->first == ports->last)
		snprintf(out, VALUE_PORTS_TEXT_SIZE, "%s/%u", proto, ports->first);
	else
		snprintf(out, VALUE_PORTS_TEXT_SIZE, "%s/%u-%u", proto, ports->first, ports->last);
	return out;
}

uint8_t value_proto_number(enum value_proto proto, enum ipaddr_family family)
{
	switch (proto) {
	case VALUE_TCP:
		return IPPROTO_TCP;
	case VALUE_UDP:
		return IPPROTO_UDP;
	case VALUE_ICMP:
		break;
	}
	return family == IPADDR_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

uint16_t value_icmp_port(enum ipaddr_family family)
{
	return (uint16_t)((family == IPADDR_V4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST) << 8);
}

const char *value_proto_name(enum value_proto proto)
{
	switch (proto) {
	case VALUE_TCP:
		return "tcp";
	case VALUE_UDP:
		return "udp";
	case VALUE_ICMP:
		break;
	}
	return "icmp";
}

/* What the kernel's dev_valid_name() takes, less what no administrator means and nft cannot spell. */
static const char *interface_slip(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isgraph((unsigned char)text[i]) || strchr("/:\"\\,", text[i]) != NULL)
			return "an interface name has no white space, '/', ':', ',', quotes or control characters";
	if (memchr(text, '*', length) != NULL)
		return "a '*' stands at the end only, as in vlan*";
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return "not an interface name; write it as in eth0 or vlan*";
	if (strcmp(text, "lo") == 0)
		return "lo carries the gateway's own traffic; name the interfaces by which clients enter";
	return NULL;
}

int value_interface_from_text(const char *text, struct value_interface *out, const char **why)
{
	struct value_interface interface = { .wildcard = false };
	size_t length = strlen(text);

	if (length == 0)
		return refuse(why, "an interface name is missing; write it as in eth0 or vlan*");
	if (strcmp(text, "*") == 0)
		return refuse(why, "name the interfaces by which clients enter; \"*\" would be the uplink, too");
	if (length >= IFNAMSIZ)
		return refuse(why, "an interface name has at most 15 characters");
	interface.wildcard = text[length - 1] == '*';
	length -= interface.wildcard;
	if (interface_slip(text, length) != NULL)
		return refuse(why, interface_slip(text, length));
	memcpy(interface.name, text, length);
	*out = interface;
	return 0;
}

bool value_interface_holds(const struct value_interface *interface, const char *name)
{
	if (!interface->wildcard)
		return strcmp(interface->name, name) == 0;
	return strncmp(interface->name, name, strlen(interface->name)) == 0;
}
