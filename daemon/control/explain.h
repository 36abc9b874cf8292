/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `explain`: is a name allowed, and by what? */
#ifndef NFQDN_CONTROL_EXPLAIN_H
#define NFQDN_CONTROL_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>

#include "policy/policy.h"

/* {name, verdict, by: [{entry, group, pattern, row, ports}], hint}; NULL when memory is out. */
json_t *control_explain(const struct policy *policy, const struct dns_name *name, bool *allowed);

#endif
