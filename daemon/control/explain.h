/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `explain`: is a name allowed, and by what? */
#ifndef NFQDN_CONTROL_EXPLAIN_H
#define NFQDN_CONTROL_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/monotime.h"
#include "control/context.h"

/* {name, verdict, by: [{entry, group, pattern, row, ports}], hint}; NULL when memory is out. What allows a derived name
 * (learn/derived.h) has two members more: `derived_from`, its origin, which the pattern matches, and `expires_in`. */
json_t *control_explain(const struct control_context *context, struct monotime now, const struct dns_name *name,
			bool *allowed);

#endif
