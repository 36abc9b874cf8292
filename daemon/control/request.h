/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request line of the control protocol, and its arguments read strictly. Pure: no I/O, no state. */
#ifndef NFQDN_CONTROL_REQUEST_H
#define NFQDN_CONTROL_REQUEST_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "dns/name.h"
#include "policy/value.h"

/* Reads a line without its '\n'. 0 and an object with a text "command" (json_decref() it); -EBADMSG: not one JSON
 * object, the connection is of no more use; -EINVAL: an object that is not a request. `*why` is a static text that says
 * what would be right. */
int control_request_parse(const char *line, size_t length, json_t **out, const char **why);
const char *control_request_command(const json_t *request);

/* Each reads one argument: 0; -ENOENT when it is absent (or null); -EINVAL when it is not of this kind. */
int control_request_text(const json_t *request, const char *key, const char **out);
int control_request_address(const json_t *request, const char *key, struct ipaddr *out);
int control_request_name(const json_t *request, const char *key, struct dns_name *out);
/* One port, "tcp/443", or "icmp". */
int control_request_port(const json_t *request, const char *key, struct value_ports *out);
/* A whole number from 0 to `max`. */
int control_request_number(const json_t *request, const char *key, uint64_t max, uint64_t *out);

#endif
