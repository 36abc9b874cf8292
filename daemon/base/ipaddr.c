/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ipaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

size_t ipaddr_length(enum ipaddr_family family)
{
	return family == IPADDR_V4 ? 4 : 16;
}

static int socket_family(uint8_t family)
{
	return family == IPADDR_V4 ? AF_INET : AF_INET6;
}

struct ipaddr ipaddr_from_bytes(enum ipaddr_family family, const void *octets)
{
	struct ipaddr address = { .family = (uint8_t)family };

	memcpy(address.bytes, octets, ipaddr_length(family));
	return address;
}

int ipaddr_from_text(const char *text, struct ipaddr *out)
{
	struct ipaddr address = { .family = strchr(text, ':') ? IPADDR_V6 : IPADDR_V4 };

	if (inet_pton(socket_family(address.family), text, address.bytes) != 1)
		return -EINVAL;
	*out = address;
	return 0;
}

const char *ipaddr_to_text(const struct ipaddr *address, char out[IPADDR_TEXT_SIZE])
{
	if (!inet_ntop(socket_family(address->family), address->bytes, out, IPADDR_TEXT_SIZE))
		out[0] = '\0';
	return out;
}

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return ipaddr_compare(a, b) == 0;
}

int ipaddr_compare(const struct ipaddr *a, const struct ipaddr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ipaddr_length(a->family));
}

bool ipaddr_next(struct ipaddr *address)
{
	struct ipaddr next = *address;

	for (size_t i = ipaddr_length(address->family); i-- > 0;)
		if (++next.bytes[i] != 0) {
			*address = next;
			return true;
		}
	return false;
}

bool ipaddr_previous(struct ipaddr *address)
{
	struct ipaddr previous = *address;

	for (size_t i = ipaddr_length(address->family); i-- > 0;)
		if (previous.bytes[i]-- != 0) {
			*address = previous;
			return true;
		}
	return false;
}

void ipaddr_prefix_bounds(const struct ipaddr *address, unsigned int length, struct ipaddr *first, struct ipaddr *last)
{
	struct ipaddr low = *address, high = *address;

	for (unsigned int i = 0; i < ipaddr_length(address->family); i++) {
		unsigned int kept = length > 8 * i ? length - 8 * i : 0; /* bits of this octet inside the prefix */
		uint8_t mask = kept >= 8 ? 0xff : (uint8_t)(0xff00u >> kept);

		low.bytes[i] &= mask;
		high.bytes[i] |= (uint8_t)~mask;
	}
	*first = low;
	*last = high;
}
