/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cursor over a DNS message. An error sticks: after the first read that does not fit, every read gives 0 and moves
 * nothing, so a parser reads straight down and asks `failed` once. All pointer arithmetic on messages is in wire.c. */
#ifndef NFQDN_DNS_WIRE_H
#define NFQDN_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"

#define WIRE_HEADER_SIZE 12 /* RFC 1035 4.1.1 */
#define WIRE_MESSAGE_MAX 65535 /* what TCP's length prefix can say, RFC 1035 4.2.2; offsets fit 16 bits */

/* A name that wire_name_read() found good: where its first label stands (pointers before it already followed), how
 * many octets it has without compression, and a fingerprint: equal names have equal ones, most others do not. The
 * fingerprint saves time only, for anyone can make two collide. Good only together with the message that it was read
 * from. */
struct wire_name {
	uint32_t print;
	uint16_t first;
	uint8_t length;
};

/* Names already read, by their first label's offset: most owners are one pointer to such a name, and need no second
 * look. */
#define WIRE_KNOWN 16
struct wire_known {
	struct wire_name names[WIRE_KNOWN];
};

struct wire {
	const uint8_t *start; /* of the message: compression pointers count from here */
	size_t position;
	size_t end; /* reading stops here */
	struct wire_known *known; /* the caller's, zeroed, for this message alone; or NULL */
	bool failed;
};

/* The fixed fields of a resource record, and where its RDATA stands in the message (RFC 1035 4.1.3). */
struct wire_record {
	struct wire_name owner;
	uint32_t ttl;
	uint16_t type, class;
	uint16_t data, length;
};

/* At the start of a message of at most WIRE_MESSAGE_MAX octets; a longer one begins failed. */
struct wire wire_message(const uint8_t *message, size_t length);
/* A cursor over `length` octets from `position` in the same message; it begins failed when `wire` ends before that. */
struct wire wire_part(const struct wire *wire, size_t position, size_t length);

size_t wire_left(const struct wire *wire);
uint16_t wire_u16(struct wire *wire);
void wire_skip(struct wire *wire, size_t count);
/* `count` octets inside the message, or NULL. */
const uint8_t *wire_octets(struct wire *wire, size_t count);

/* Checks the name at the cursor and moves behind it (RFC 1035 3.1, 4.1.4): the only place that judges compression.
 * What a pointer leads to must lie wholly before the part of the name that the pointer ends, and not in the header:
 * so no loop can be written. */
struct wire_name wire_name_read(struct wire *wire);
/* Reads a record and moves behind its RDATA, which is not looked at. */
struct wire_record wire_record_read(struct wire *wire);
/* Copies a name that was read, without compression and in lower case. */
void wire_name_copy(const struct wire *wire, struct wire_name name, struct dns_name *out);
/* Two names that were read from the same message; without regard to case (RFC 4343). */
bool wire_name_equal(const struct wire *wire, struct wire_name a, struct wire_name b);

#endif
