/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `nfqdnctl doctor`: what is, or may be, wrong, and how to mend it. */
#ifndef NFQDN_CONTROL_DOCTOR_H
#define NFQDN_CONTROL_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "control/context.h"

/* {well, checks: [NAME], findings: [{check, severity: "error" | "warning" | "note", seen, fix}], resolvers: [{address,
 * answers, last}]}; `last` is in seconds ago. `*well`: there is neither an error nor a warning. NULL when memory is
 * out. Other tables are read beside the loop (context->aside). */
json_t *control_doctor(const struct control_context *context, struct monotime now, bool *well);

#endif
