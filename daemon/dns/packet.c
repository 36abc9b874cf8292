/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "base/limits.h"

#ifndef IPPROTO_MH
#define IPPROTO_MH 135
#endif
#define IPPROTO_HIP 139 /* RFC 7401 5.1 */
#define IPPROTO_SHIM6 140 /* RFC 5533 5.1 */

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define TCP_HEADER 20

/* Where the transport header stands, and how far the packet goes by its own account. */
struct transport {
	struct ipaddr source, destination;
	uint8_t protocol;
	const uint8_t *data;
	size_t length;
};

/* A packet, or its first octets. */
struct octets {
	const uint8_t *data;
	size_t length;
	bool cut; /* the packet may go on */
};

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t read32(const uint8_t *p)
{
	return (uint32_t)read16(p) << 16 | read16(p + 2);
}

/* How many of the octets that a header tells are there; false when some are missing and none may. */
static bool there(const struct octets *packet, size_t at, size_t *told)
{
	if (at > packet->length || (*told > packet->length - at && !packet->cut))
		return false;
	if (*told > packet->length - at)
		*told = packet->length - at;
	return true;
}

/* RFC 791 3.1 */
static int read_ipv4(const struct octets *packet, struct transport *out)
{
	const uint8_t *p = packet->data;
	size_t header, total;

	if (packet->length < IPV4_HEADER)
		return -EMSGSIZE;
	header = (size_t)(p[0] & 0x0f) * 4;
	total = read16(p + 2);
	if (header < IPV4_HEADER || total < header)
		return -EINVAL;
	if (!there(packet, 0, &total) || total < header || (read16(p + 6) & 0x3fff) != 0) /* MF and the offset */
		return -EMSGSIZE;
	out->source = ipaddr_from_bytes(IPADDR_V4, p + 12);
	out->destination = ipaddr_from_bytes(IPADDR_V4, p + 16);
	out->protocol = p[9];
	out->data = p + header;
	out->length = total - header;
	return 0;
}

/* One extension header at the transport's place. Returns its octets, 0 when it is none of those that we walk, or
 * -errno. */
static int extension_length(const struct transport *t)
{
	switch (t->protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_DSTOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_MH:
	case IPPROTO_HIP:
	case IPPROTO_SHIM6:
		break;
	default:
		return 0;
	}
	if (t->length < 8)
		return -EINVAL;
	/* Segments left: the destination that we see is not the one that the packet ends at (RFC 8200 4.4). */
	if (t->protocol == IPPROTO_ROUTING && t->data[3] != 0)
		return -EINVAL;
	if (t->protocol == IPPROTO_FRAGMENT) /* offset or M: a fragment; neither: an atomic one (RFC 6946) */
		return (read16(t->data + 2) & 0xfff9) != 0 ? -EMSGSIZE : 8;
	if (t->protocol == IPPROTO_AH)
		return (t->data[1] + 2) * 4; /* RFC 4302 2.2 */
	return (t->data[1] + 1) * 8;
}

static int walk_extensions(struct transport *t)
{
	for (unsigned int i = 0; i <= LIMIT_PACKET_EXTENSIONS; i++) {
		int octets = extension_length(t);

		if (octets <= 0)
			return octets;
		if ((size_t)octets > t->length)
			return -EINVAL;
		t->protocol = t->data[0];
		t->data += octets;
		t->length -= (size_t)octets;
	}
	return -EINVAL;
}

/* RFC 8200 3. A jumbogram (RFC 2675), which no DNS answer is, tells 0 octets here: too few for what follows. */
static int read_ipv6(const struct octets *packet, struct transport *out)
{
	const uint8_t *p = packet->data;
	size_t payload;

	if (packet->length < IPV6_HEADER)
		return -EMSGSIZE;
	payload = read16(p + 4);
	if (!there(packet, IPV6_HEADER, &payload))
		return -EMSGSIZE;
	out->source = ipaddr_from_bytes(IPADDR_V6, p + 8);
	out->destination = ipaddr_from_bytes(IPADDR_V6, p + 24);
	out->protocol = p[6];
	out->data = p + IPV6_HEADER;
	out->length = payload;
	return walk_extensions(out);
}

static int read_ip(const struct octets *packet, struct transport *out)
{
	if (packet->length == 0)
		return -EMSGSIZE;
	if (packet->data[0] >> 4 == 4)
		return read_ipv4(packet, out);
	if (packet->data[0] >> 4 == 6)
		return read_ipv6(packet, out);
	return -EINVAL;
}

/* RFC 768 */
static int read_udp(const struct octets *packet, struct packet_udp *out)
{
	struct transport t;
	size_t udp_length;
	int rc = read_ip(packet, &t);

	if (rc < 0)
		return rc;
	if (t.protocol != IPPROTO_UDP)
		return -EPROTONOSUPPORT;
	if (t.length < UDP_HEADER)
		return -EINVAL;
	udp_length = read16(t.data + 4);
	if (udp_length < UDP_HEADER)
		return -EINVAL;
	if (udp_length > t.length && !packet->cut)
		return -EMSGSIZE;
	if (udp_length > t.length)
		udp_length = t.length;
	out->source = t.source;
	out->destination = t.destination;
	out->source_port = read16(t.data);
	out->destination_port = read16(t.data + 2);
	out->payload = t.data + UDP_HEADER;
	out->length = udp_length - UDP_HEADER;
	return 0;
}

int packet_read_udp(const uint8_t *packet, size_t length, struct packet_udp *out)
{
	return read_udp(&(struct octets) { packet, length, false }, out);
}

int packet_read_udp_start(const uint8_t *packet, size_t length, struct packet_udp *out)
{
	return read_udp(&(struct octets) { packet, length, true }, out);
}

/* RFC 9293 3.1. TCP has no length of its own: the payload goes to the end that the IP header tells. */
int packet_read_tcp(const uint8_t *packet, size_t length, struct packet_tcp *out)
{
	struct transport t;
	size_t header;
	int rc = read_ip(&(struct octets) { packet, length, false }, &t);

	if (rc < 0)
		return rc;
	if (t.protocol != IPPROTO_TCP)
		return -EPROTONOSUPPORT;
	if (t.length < TCP_HEADER)
		return -EINVAL;
	header = (size_t)(t.data[12] >> 4) * 4;
	if (header < TCP_HEADER || header > t.length)
		return -EINVAL;
	out->source = t.source;
	out->destination = t.destination;
	out->source_port = read16(t.data);
	out->destination_port = read16(t.data + 2);
	out->sequence = read32(t.data + 4);
	out->flags = t.data[13];
	out->payload = t.data + header;
	out->length = t.length - header;
	return 0;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

int packet_read_head(const uint8_t *packet, size_t length, struct packet_head *out)
{
	struct transport t;
	int rc = read_ip(&(struct octets) { packet, length, true }, &t);
	bool icmp = rc == 0 && (t.protocol == IPPROTO_ICMP || t.protocol == IPPROTO_ICMPV6);

	if (rc == 0 && (icmp || has_ports(t.protocol)) && t.length < 4)
		rc = -EMSGSIZE;
	if (rc < 0)
		return rc;
	*out = (struct packet_head) { .source = t.source, .destination = t.destination, .l4proto = t.protocol };
	if (icmp) {
		out->source_port = out->destination_port = read16(t.data);
	} else if (has_ports(t.protocol)) {
		out->source_port = read16(t.data);
		out->destination_port = read16(t.data + 2);
	}
	return 0;
}
