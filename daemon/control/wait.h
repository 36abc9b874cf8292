/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client of `wait` waits for. */
#ifndef NFQDN_CONTROL_WAIT_H
#define NFQDN_CONTROL_WAIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/context.h"

enum control_wait_kind { CONTROL_WAIT_NONE, CONTROL_WAIT_READY, CONTROL_WAIT_LEARNED, CONTROL_WAIT_GENERATION };

struct control_wait {
	enum control_wait_kind kind;
	struct dns_name name; /* CONTROL_WAIT_LEARNED */
	uint64_t generation; /* CONTROL_WAIT_GENERATION: this one or a later one */
	struct monotime deadline;
};

/* Longest time that can be asked for, in seconds: a day. */
#define CONTROL_WAIT_MAX 86400
#define CONTROL_WAIT_DEFAULT 30

/* Reads {"for": "ready" | "learned" | "generation", "name": NAME, "generation": N, "timeout": SECONDS}. 0, or -EINVAL
 * with `*why`. */
int control_wait_read(const json_t *request, struct monotime now, struct control_wait *out, const char **why);
bool control_wait_met(const struct control_wait *wait, const struct control_context *context);
/* {"for": ..., "met": ...} */
json_t *control_wait_result(const struct control_wait *wait, bool met);

#endif
