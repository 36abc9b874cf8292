/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `status`: what is in force and how it goes. */
#ifndef NFQDN_CONTROL_STATUS_H
#define NFQDN_CONTROL_STATUS_H

#include <jansson.h>

#include "control/context.h"

/* {version, ready, mode, enforce_in (seconds, while enforce-after runs), table, generation, uptime, config, confirm_in
 * (seconds until a reload goes back), unconfirmed (why the policy is not that of `config`: "time", "undo", "restart"), queue,
 * learned, policy, reports, tcp: {flows, flow_limit, memory, memory_limit} (of unfinished messages, octets), counters}; NULL
 * when memory is out.
 * The kernel's named counters stand among the others as kernel_NAME_packets and kernel_NAME_bytes. */
json_t *control_status(const struct control_context *context, struct monotime now);

#endif
