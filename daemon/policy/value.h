/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small languages inside settings and catalog rows: addresses, ports, interfaces. */
#ifndef NFQDN_POLICY_VALUE_H
#define NFQDN_POLICY_VALUE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ipaddr.h"

/* First and last address of a range; both of one family, first <= last. A single address has first == last. */
struct value_range {
	struct ipaddr first, last;
};

/* What value_range_from_text() had to mend. */
enum value_mended { VALUE_AS_WRITTEN, VALUE_HOST_BITS /* 192.0.2.7/24 was read as 192.0.2.0/24 */ };

/* Reads "192.0.2.1", "192.0.2.0/24", "192.0.2.10-192.0.2.20" (spaces around '-' allowed) and the same for IPv6.
 * 0, or -EINVAL with `*why` set to a static text that says what would be right. */
int value_range_from_text(const char *text, struct value_range *out, enum value_mended *mended, const char **why);
/* Shortest text: address, prefix when it is one, else FIRST-LAST. `out` holds 2 * IPADDR_TEXT_SIZE + 1. Returns
 * `out`. */
#define VALUE_RANGE_TEXT_SIZE (2 * IPADDR_TEXT_SIZE + 1)
const char *value_range_to_text(const struct value_range *range, char out[VALUE_RANGE_TEXT_SIZE]);

enum value_proto { VALUE_TCP, VALUE_UDP, VALUE_ICMP };

/* Ports of one protocol, 1..65535. For VALUE_ICMP (echo requests of both families) both are 0. */
struct value_ports {
	enum value_proto proto;
	uint16_t first, last;
};

/* Reads "tcp/443", "udp/3478-3481", "icmp". 0, or -EINVAL with `*why`. */
int value_ports_from_text(const char *text, struct value_ports *out, const char **why);
#define VALUE_PORTS_TEXT_SIZE 16
const char *value_ports_to_text(const struct value_ports *ports, char out[VALUE_PORTS_TEXT_SIZE]);

/* How a protocol stands in an nft set of this family: IPPROTO_*, and for an echo request type and code as a port
 * (what `th sport` reads there): icmp 2048, ipv6-icmp 32768. */
uint8_t value_proto_number(enum value_proto proto, enum ipaddr_family family);
uint16_t value_icmp_port(enum ipaddr_family family);
/* "tcp", "udp", "icmp" ("icmp" for both families). */
const char *value_proto_name(enum value_proto proto);

/* An interface name, or its beginning when `wildcard`. */
struct value_interface {
	char name[IFNAMSIZ]; /* NUL-terminated, without the '*' */
	bool wildcard;
};
/* Reads "eth0", "vlan*". 0, or -EINVAL with `*why` (too long, empty, '/', white space, a '*' elsewhere, "*" alone,
 * "lo"). */
int value_interface_from_text(const char *text, struct value_interface *out, const char **why);
/* Is `name` the interface, or one that begins so? */
bool value_interface_holds(const struct value_interface *interface, const char *name);

#endif
