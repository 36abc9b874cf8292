/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Link types by their numbers in files: www.tcpdump.org/linktypes.html */
#include <errno.h>
#include <stdbool.h>

#include "control/capture.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_PPPOE 0x8864
#define VLAN_TAGS 4 /* walked at most: two are usual */
#define NFLOG_PAYLOAD 9

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

struct frame {
	const uint8_t *data;
	size_t length;
};

static bool skip(struct frame *frame, size_t octets)
{
	if (octets > frame->length)
		return false;
	frame->data += octets;
	frame->length -= octets;
	return true;
}

/* Behind an Ethernet type. */
static int walk_type(struct frame *frame, uint16_t type)
{
	for (int tags = 0; tags < VLAN_TAGS && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ); tags++) {
		if (frame->length < 4)
			return -EMSGSIZE;
		type = read16(frame->data + 2);
		skip(frame, 4);
	}
	if (type == ETHERTYPE_PPPOE) { /* RFC 2516 4, then the PPP protocol: 0x0021 IPv4, 0x0057 IPv6 */
		if (frame->length < 8)
			return -EMSGSIZE;
		type = read16(frame->data + 6) == 0x0021   ? ETHERTYPE_IPV4
		       : read16(frame->data + 6) == 0x0057 ? ETHERTYPE_IPV6
							   : 0;
		skip(frame, 8);
	}
	return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 ? 0 : -EPROTONOSUPPORT;
}

/* A header of `size` octets with the Ethernet type at `at`. */
static int walk_header(struct frame *frame, size_t at, size_t size)
{
	uint16_t type;

	if (frame->length < size)
		return -EMSGSIZE;
	type = read16(frame->data + at);
	skip(frame, size);
	return walk_type(frame, type);
}

/* Attributes as netfilter sends them. Written by a machine of the other byte order they are not understood, and passed over. */
static int walk_nflog(struct frame *frame)
{
	if (!skip(frame, 4))
		return -EMSGSIZE;
	while (frame->length >= 4) {
		const uint8_t *p = frame->data;
		size_t length = (size_t)p[0] | (size_t)p[1] << 8, type = (size_t)p[2] | (size_t)p[3] << 8;

		if (length < 4 || length > frame->length)
			return -EMSGSIZE;
		if (type == NFLOG_PAYLOAD) {
			frame->length = length;
			skip(frame, 4);
			return 0;
		}
		if (!skip(frame, (length + 3) & ~(size_t)3))
			return -EMSGSIZE;
	}
	return -EPROTONOSUPPORT;
}

static int walk(struct frame *frame, uint32_t link)
{
	switch (link) {
	case 0: /* NULL, LOOP: four octets of address family, whose numbers differ between systems; IP tells its version */
	case 108:
		return skip(frame, 4) ? 0 : -EMSGSIZE;
	case 1: /* Ethernet */
		return walk_header(frame, 12, 14);
	case 12: /* RAW as some systems write it */
	case 14:
	case 101: /* RAW */
	case 228: /* IPV4 */
	case 229: /* IPV6 */
		return 0;
	case 113: /* LINUX_SLL */
		return walk_header(frame, 14, 16);
	case 239: /* NFLOG */
		return walk_nflog(frame);
	case 276: /* LINUX_SLL2 */
		return walk_header(frame, 0, 20);
	}
	return -ENOTSUP;
}

int capture_ip(const struct capture_packet *packet, const uint8_t **ip, size_t *length)
{
	struct frame frame = { packet->data, packet->length };
	int rc = walk(&frame, packet->link);

	if (rc < 0)
		return rc;
	if (frame.length == 0)
		return -EMSGSIZE;
	if (frame.data[0] >> 4 != 4 && frame.data[0] >> 4 != 6)
		return -EPROTONOSUPPORT;
	*ip = frame.data;
	*length = frame.length;
	return 0;
}
