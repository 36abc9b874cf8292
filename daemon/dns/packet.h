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

/* Reads an IPv4 or IPv6 packet that carries UDP; IPv6 extension headers are walked (RFC 8200 4.1). Lengths come from the headers, never beyond `length`.
 * 0; -EINVAL: not well formed; -EPROTONOSUPPORT: not UDP; -EMSGSIZE: a fragment or cut short. `out` is untouched on failure. */
int packet_read_udp(const uint8_t *packet, size_t length, struct packet_udp *out);

#endif
