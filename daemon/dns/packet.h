/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DNS message inside an IP packet. */
#ifndef NFQDN_DNS_PACKET_H
#define NFQDN_DNS_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"

struct packet_udp {
	struct ipaddr source, destination;
	uint16_t source_port, destination_port; /* host order */
	const uint8_t *payload; /* inside the packet */
	size_t length;
};

/* Reads an IPv4 or IPv6 packet that carries UDP; IPv6 extension headers are walked (RFC 8200 4.1), at most PACKET_EXTENSIONS of them. Lengths come from the
 * headers, never beyond `length`; octets behind the end that they tell are not looked at, as the receiver does not either.
 * 0; -EINVAL: not well formed; -EPROTONOSUPPORT: not UDP; -EMSGSIZE: a fragment or cut short. `out` is untouched on failure. */
int packet_read_udp(const uint8_t *packet, size_t length, struct packet_udp *out);

/* Extension headers of one packet. Linux sends at most four; each is 8 octets at least, so a packet could hold thousands. */
#define PACKET_EXTENSIONS 8

#endif
