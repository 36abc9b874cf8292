/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a DNS query asks: to be compared with what an answer says. */
#ifndef NFQDN_DNS_QUESTION_H
#define NFQDN_DNS_QUESTION_H

#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"

struct question {
	uint16_t id;
	uint16_t type;
	struct dns_name name; /* lower case: resolvers that mix cases (0x20) get them back as they asked */
};

/* Reads the header and the question of a query; what follows may be cut. 0; -EINVAL: not a query (QR is 1, or OPCODE is
 * not QUERY), not exactly one question of class IN, or not well formed. `out` is untouched on failure. */
int question_read(const uint8_t *message, size_t length, struct question *out);

#endif
