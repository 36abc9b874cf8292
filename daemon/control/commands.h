/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request line made into its answer. */
#ifndef NFQDN_CONTROL_COMMANDS_H
#define NFQDN_CONTROL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "control/context.h"
#include "control/listing.h"
#include "control/wait.h"

/* What became of a request. Exactly one of three: `text` alone is the whole answer line with its '\n'; with `listing`,
 * `text` is the line's beginning and control_commands_piece() gives the rest; with a `wait`, `text` is NULL and
 * control_commands_waited() gives the answer when the time has come. */
struct control_reply {
	char *text; /* to be freed by the caller */
	struct control_listing *listing;
	struct control_wait wait;
	bool malformed; /* not one JSON object: after the answer the connection ends */
};

/* Runs one request (a line without its '\n') of a client that may change what is in force (`writes`) or not. 0, or -ENOMEM with `out` untouched. */
int control_commands_run(const struct control_context *context, struct monotime now, bool writes, const char *line,
			 size_t length, struct control_reply *out);
/* The next piece of an answer, the end of the line included when `*more` is false. To be freed; NULL when memory is
 * out. */
char *control_commands_piece(struct control_listing *listing, const struct control_context *context,
			     struct monotime now, bool *more);
/* The answer to `wait`. To be freed; NULL when memory is out. */
char *control_commands_waited(const struct control_wait *wait, bool met);
/* An answer line {"api": 1, "ok": false, "exit": STATUS, "error": TEXT}. To be freed; NULL when memory is out. */
char *control_commands_error(int status, const char *text);

#endif
