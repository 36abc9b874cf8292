/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `why`: may a connection be opened to an address, and what says so? */
#ifndef NFQDN_CONTROL_WHY_H
#define NFQDN_CONTROL_WHY_H

#include <jansson.h>
#include <stdbool.h>

#include "control/context.h"

struct control_why_question {
	struct ipaddr address;
	bool has_port, has_client;
	struct value_ports port; /* one port, or VALUE_ICMP */
	struct ipaddr client; /* who opens the connection; without it, any client's right counts */
};

/* {address, proto, port, from, mode, verdict, by: [{entry, group, via, prefix or name, row, ports, expires_in}],
 * reason}. Without a port `by` tells each port known. The question may also turn round an inbound connection: `address`
 * is then a source that `inbound` admits, or, with a client, the destination it guards. NULL when memory is out. */
json_t *control_why(const struct control_context *context, struct monotime now,
		    const struct control_why_question *question, bool *allowed);

#endif
