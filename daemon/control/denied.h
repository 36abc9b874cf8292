/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One denial, explained: why, and what would allow it. */
#ifndef NFQDN_CONTROL_DENIED_H
#define NFQDN_CONTROL_DENIED_H

#include <jansson.h>

#include "control/context.h"
#include "learn/denials.h"
#include "policy/policy_hints.h"

struct control_denied {
	const char *why; /* a word: protocol.h lists them */
	char reason[2 * DNS_NAME_TEXT_SIZE + 256]; /* for people */
	const struct catalog_row *rows[POLICY_HINTS]; /* that would allow it */
	size_t row_count;
	bool looked; /* every range of the catalog was looked at: enough for one turn */
};

/* Judged by the policy in force, which need not be the one that denied it. */
void control_denied_judge(const struct control_context *context, struct monotime now,
			  const struct denials_record *record, struct control_denied *out);
/* The object of protocol.h. NULL when memory is out. */
json_t *control_denied_json(const struct control_context *context, struct monotime now,
			    const struct denials_record *record, const struct control_denied *denied);

#endif
