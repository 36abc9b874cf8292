/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Denials put together: whatever client, and whichever of a name's addresses. */
#ifndef NFQDN_CONTROL_NFQDNCTL_SUMMARY_H
#define NFQDN_CONTROL_NFQDNCTL_SUMMARY_H

#include <jansson.h>

/* Takes the result of `denied` over and returns one object for each name (or address without one), port and reason:
 * {name, address, proto, port, why, reason, verdict, rows, count, clients}, the commonest first. NULL when memory is
 * out. */
json_t *nfqdnctl_summary(json_t *denials);

#endif
