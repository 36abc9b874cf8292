/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Denials made into entries of `allow`. */
#ifndef NFQDN_CONTROL_NFQDNCTL_SUGGEST_H
#define NFQDN_CONTROL_NFQDNCTL_SUGGEST_H

#include <jansson.h>

/* Takes the result of `denied` over and returns {entries: [{name, service?, features?, clouds?, optional?, names?, ports?,
 * count, for?}], addresses: [{name, addresses, ports, count}], others: [TEXT]}: entries of the catalog first, then names
 * with the same ports together; addresses that nobody named; what no entry helps against. A row of the catalog that opens
 * more than one company's own names is not suggested: the name itself is. NULL when memory is out. */
json_t *nfqdnctl_suggest(json_t *denials);

#endif
