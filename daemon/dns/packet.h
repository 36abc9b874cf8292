/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DNS message, or the piece of a stream of them, inside an IP packet. */
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

/* Reads an IPv4 or IPv6 packet that carries UDP; IPv6 extension headers are walked (RFC 8200 4.1), at most
 * LIMIT_PACKET_EXTENSIONS of them. Lengths come from the headers, never beyond `length`; octets behind the end that
 * they tell are not looked at, as the receiver does not either. 0; -EINVAL: not well formed; -EPROTONOSUPPORT: not UDP;
 * -EMSGSIZE: a fragment or cut short. `out` is untouched on failure. */
int packet_read_udp(const uint8_t *packet, size_t length, struct packet_udp *out);
/* The same for a copy that holds the first `length` octets of a packet: the payload ends where the copy does. */
int packet_read_udp_start(const uint8_t *packet, size_t length, struct packet_udp *out);

/* TCP's flags, as in its header (RFC 9293 3.1). */
enum packet_flag { PACKET_FIN = 0x01, PACKET_SYN = 0x02, PACKET_RST = 0x04, PACKET_ACK = 0x10 };

struct packet_tcp {
	struct ipaddr source, destination;
	uint16_t source_port, destination_port; /* host order */
	uint32_t sequence; /* of the SYN if there is one, else of the first octet of the payload */
	uint8_t flags; /* PACKET_* and others */
	const uint8_t *payload; /* inside the packet */
	size_t length; /* 0 is lawful */
};

/* The same for a packet that carries TCP; -EPROTONOSUPPORT: not TCP. */
int packet_read_tcp(const uint8_t *packet, size_t length, struct packet_tcp *out);

/* Of a packet that carries anything. */
struct packet_head {
	struct ipaddr source, destination;
	uint8_t l4proto;
	/* TCP, UDP, UDP-Lite, SCTP, DCCP: host order. ICMP and ICMPv6: type and code of the packet, as one number, in both. Of
	 * others 0. */
	uint16_t source_port, destination_port;
};
/* Reads the first `length` octets of an IPv4 or IPv6 packet. 0, or -errno as above. */
int packet_read_head(const uint8_t *packet, size_t length, struct packet_head *out);

#endif
