/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `policy`: what the entries of the configuration came to. */
#ifndef NFQDN_CONTROL_OVERVIEW_H
#define NFQDN_CONTROL_OVERVIEW_H

#include <jansson.h>

#include "policy/policy.h"

/* {generation, mode, groups: [{name, clients}], entries: [{entry, direction, group, service, names, prefixes, ports,
 * to, lifetime, rows: [{row, list, version, title, as_of, names, prefixes, ports, rentable, broad}], warnings}]}. Names and prefixes
 * of an entry are its own; those of the catalog stand under their row. NULL when memory is out. */
json_t *control_overview(const struct policy *policy);

#endif
