/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request to the daemon and its answer. */
#ifndef NFQDN_CONTROL_NFQDNCTL_CLIENT_H
#define NFQDN_CONTROL_NFQDNCTL_CLIENT_H

#include <jansson.h>

/* Sends `request` to the daemon at `path` and waits at most `timeout` seconds for each part of the answer. 0 and the
 * answer (json_decref() it); -errno: nobody listens there (-ENOENT, -ECONNREFUSED, ...), no answer came in time
 * (-EAGAIN), it broke off (-ECONNRESET) or is not an answer (-EPROTO). */
int nfqdnctl_client_ask(const char *path, const json_t *request, unsigned int timeout, json_t **out);

#endif
