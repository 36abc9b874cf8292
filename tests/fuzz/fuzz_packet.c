/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/packet.o base/ipaddr.o */
/* Any octets as an IP packet. What is read lies inside the packet; what is refused leaves the output alone; octets
 * behind the packet's own end change nothing, and a packet that lacks its last octet is never read whole. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static bool is_error(int error)
{
	return error == -EINVAL || error == -EPROTONOSUPPORT || error == -EMSGSIZE;
}

static bool all_same(const void *object, size_t size)
{
	const uint8_t *octets = object;

	for (size_t i = 0; i < size; i++)
		if (octets[i] != 0x5a)
			return false;
	return true;
}

/* Of a whole packet the start is the same; of any other it lies inside. */
static void check_start(const uint8_t *data, size_t size, const struct packet_udp *whole)
{
	struct packet_udp start;

	memset(&start, 0x5a, sizeof(start));
	if (packet_read_udp_start(data, size, &start) != 0) {
		must(!whole && all_same(&start, sizeof(start)));
		return;
	}
	must(start.payload >= data && start.payload + start.length <= data + size);
	must(!whole || (whole->payload == start.payload && whole->length == start.length));
}

static void check_udp(const uint8_t *data, size_t size, const struct packet_udp *udp)
{
	struct packet_udp again;
	const uint8_t *end = udp->payload + udp->length;
	size_t shortest;

	must(udp->payload >= data && end <= data + size);
	must(udp->source.family == udp->destination.family);
	must(udp->source.family == data[0] >> 4);
	/* What is behind the datagram is nobody's business, unless the headers claim it: UDP's own end is the earliest
	 * possible. */
	for (shortest = (size_t)(end - data); shortest < size; shortest++)
		if (packet_read_udp(data, shortest, &again) == 0)
			break;
	must(packet_read_udp(data, shortest, &again) == 0);
	must(again.payload == udp->payload && again.length == udp->length);
	must(again.source_port == udp->source_port && again.destination_port == udp->destination_port);
	must(packet_read_udp(data, (size_t)(end - data) - 1, &again) < 0);
}

/* What reads one protocol and what reads the head of all agree. */
static void check_head(const uint8_t *data, size_t size, const struct packet_udp *udp, const struct packet_tcp *tcp)
{
	struct packet_head head;
	int result;

	memset(&head, 0x5a, sizeof(head));
	result = packet_read_head(data, size, &head);
	must(result == 0 || (is_error(result) && all_same(&head, sizeof(head))));
	if (udp)
		must(result == 0 && ipaddr_equal(&head.source, &udp->source) && head.source_port == udp->source_port &&
		     ipaddr_equal(&head.destination, &udp->destination) &&
		     head.destination_port == udp->destination_port);
	if (tcp)
		must(result == 0 && ipaddr_equal(&head.source, &tcp->source) && head.source_port == tcp->source_port &&
		     ipaddr_equal(&head.destination, &tcp->destination) &&
		     head.destination_port == tcp->destination_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_udp udp;
	struct packet_tcp tcp;
	int is_udp, is_tcp;

	if (size > 4096)
		return 0;
	memset(&udp, 0x5a, sizeof(udp));
	memset(&tcp, 0x5a, sizeof(tcp));
	is_udp = packet_read_udp(data, size, &udp);
	is_tcp = packet_read_tcp(data, size, &tcp);
	must(is_udp == 0 || (is_error(is_udp) && all_same(&udp, sizeof(udp))));
	must(is_tcp == 0 || (is_error(is_tcp) && all_same(&tcp, sizeof(tcp))));
	must(is_udp < 0 || is_tcp < 0);
	check_head(data, size, is_udp == 0 ? &udp : NULL, is_tcp == 0 ? &tcp : NULL);
	check_start(data, size, is_udp == 0 ? &udp : NULL);
	if (is_udp == 0)
		check_udp(data, size, &udp);
	if (is_tcp == 0)
		must(tcp.payload >= data && tcp.payload + tcp.length <= data + size);
	return 0;
}
