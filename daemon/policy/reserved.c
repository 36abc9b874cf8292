/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that no public name's answer should hold: an outsider's name that points inwards must open nothing. */
#include <string.h>

#include "policy/nat64.h"

struct prefix {
	uint8_t octets[16];
	uint8_t length;
};

/* In host byte order: each answer asks for this. */
#define PREFIX4(a, b, c, length)                                                                                       \
	{                                                                                                              \
		(uint32_t)(a) << 24 | (b) << 16 | (c) << 8, UINT32_MAX << (32 - (length))                              \
	}

/* IANA special-purpose registries, and 224/4, 240/4. */
static const struct {
	uint32_t network, mask;
} reserved4[] = {
	PREFIX4(0, 0, 0, 8), /* this network, RFC 791 */
	PREFIX4(10, 0, 0, 8),      PREFIX4(100, 64, 0, 10), /* shared address space, RFC 6598 */
	PREFIX4(127, 0, 0, 8),     PREFIX4(169, 254, 0, 16),
	PREFIX4(172, 16, 0, 12),   PREFIX4(192, 0, 0, 24), /* protocol assignments, RFC 6890 */
	PREFIX4(192, 0, 2, 24), /* documentation, RFC 5737 */
	PREFIX4(192, 168, 0, 16),  PREFIX4(198, 18, 0, 15), /* benchmarks, RFC 2544 */
	PREFIX4(198, 51, 100, 24), PREFIX4(203, 0, 113, 24),
	PREFIX4(224, 0, 0, 4),     PREFIX4(240, 0, 0, 4),
};

static const struct prefix reserved6[] = {
	{ { 0 }, 96 }, /* unspecified, loopback, IPv4-compatible */
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 }, /* local NAT64, RFC 8215 */
	{ { 0x01, 0x00 }, 64 }, /* discard, RFC 6666 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0xfc }, 7 },
	{ { 0xfe, 0x80 }, 10 },
	{ { 0xfe, 0xc0 }, 10 },
	{ { 0xff }, 8 },
};

/* Prefixes whose addresses carry an IPv4 address, and at which octet. */
static const struct {
	struct prefix prefix;
	uint8_t offset;
} carriers[] = {
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12 }, /* NAT64, RFC 6052 */
	{ { { [10] = 0xff, [11] = 0xff }, 96 }, 12 }, /* IPv4-mapped */
	{ { { 0x20, 0x02 }, 16 }, 2 }, /* 6to4 */
};

static bool lies_in(const uint8_t *octets, const struct prefix *prefix)
{
	unsigned int whole = prefix->length / 8, rest = prefix->length % 8;

	if (memcmp(octets, prefix->octets, whole) != 0)
		return false;
	return rest == 0 || (octets[whole] ^ prefix->octets[whole]) >> (8 - rest) == 0;
}

static bool lies_in_any(const uint8_t *octets, const struct prefix *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (lies_in(octets, &list[i]))
			return true;
	return false;
}

static bool reserved_v4(const uint8_t *octets)
{
	uint32_t address = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];

	for (size_t i = 0; i < sizeof(reserved4) / sizeof(reserved4[0]); i++)
		if ((address & reserved4[i].mask) == reserved4[i].network)
			return true;
	return false;
}

/* The prefix of the policy that holds the address, or NULL. */
static const struct policy_nat64 *translated_by(const struct policy *policy, const struct ipaddr *address)
{
	for (size_t i = 0; policy && i < policy->nat64_count; i++)
		if (ipaddr_compare(&policy->nat64[i].range.first, address) <= 0 &&
		    ipaddr_compare(address, &policy->nat64[i].range.last) <= 0)
			return &policy->nat64[i];
	return NULL;
}

bool policy_address_reserved(const struct policy *policy, const struct ipaddr *address)
{
	const struct policy_nat64 *nat64;
	uint8_t carried[4];

	if (address->family == IPADDR_V4)
		return reserved_v4(address->bytes);
	nat64 = translated_by(policy, address);
	if (nat64)
		return !nat64_carried(nat64, address, carried) || reserved_v4(carried);
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (lies_in(address->bytes, &carriers[i].prefix))
			return reserved_v4(address->bytes + carriers[i].offset);
	return lies_in_any(address->bytes, reserved6, sizeof(reserved6) / sizeof(reserved6[0]));
}
