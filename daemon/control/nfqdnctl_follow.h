/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `denied --follow`: asks again and again for what came since. */
#ifndef NFQDN_CONTROL_NFQDNCTL_FOLLOW_H
#define NFQDN_CONTROL_NFQDNCTL_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>

/* Prints each denial as it comes, one line each (`json`: one object a line), until the daemon goes, refuses, or nobody
 * reads. -errno as nfqdnctl_client_ask(); 0 with the refusal in `*answer`. */
int nfqdnctl_follow(const char *path, json_t *request, unsigned int timeout, bool json, json_t **answer);

#endif
