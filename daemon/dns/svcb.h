/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDATA of SVCB and HTTPS records (RFC 9460). */
#ifndef NFQDN_DNS_SVCB_H
#define NFQDN_DNS_SVCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/wire.h"

struct svcb {
	uint16_t priority; /* 0 is AliasMode, any other ServiceMode */
	struct wire_name target; /* the root (length 1): the owner, or in AliasMode "no such service" (RFC 9460 2.5) */
	struct wire hints4, hints6; /* the addresses one after another; nothing left when there are none */
};

/* Reads the RDATA of `length` octets at `position`. False, and `out` untouched, when the record is malformed by RFC
 * 9460 2.2. */
bool svcb_read(const struct wire *message, size_t position, size_t length, struct svcb *out);

#endif
