/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One IPv4 or IPv6 address, in network order. */
#ifndef NFQDN_BASE_IPADDR_H
#define NFQDN_BASE_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ipaddr_family { IPADDR_V4 = 4, IPADDR_V6 = 6 };

/* IPv4 uses bytes[0..3]; the other twelve are zero, so that two equal addresses are equal as bytes. */
struct ipaddr {
	uint8_t family; /* enum ipaddr_family */
	uint8_t bytes[16];
};

#define IPADDR_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */

/* Octets of an address of this family: 4 or 16. */
size_t ipaddr_length(enum ipaddr_family family);
/* Makes an address of 4 or 16 octets in network order. */
struct ipaddr ipaddr_from_bytes(enum ipaddr_family family, const void *octets);
/* Reads the usual text form ("192.0.2.1", "2001:db8::1", no zone, no port, no white space). 0 or -EINVAL. */
int ipaddr_from_text(const char *text, struct ipaddr *out);
/* Writes the canonical text (RFC 5952) and returns `out`. */
const char *ipaddr_to_text(const struct ipaddr *address, char out[IPADDR_TEXT_SIZE]);
bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);
/* Orders by family, then by value: negative, 0 or positive. */
int ipaddr_compare(const struct ipaddr *a, const struct ipaddr *b);
/* Adds or takes one, and says false when the family's last (first) address would be passed. */
bool ipaddr_next(struct ipaddr *address);
bool ipaddr_previous(struct ipaddr *address);
/* First and last address of the prefix of `length` bits (0..32 or 0..128) that holds `address`. */
void ipaddr_prefix_bounds(const struct ipaddr *address, unsigned int length, struct ipaddr *first, struct ipaddr *last);

#endif
