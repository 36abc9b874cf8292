/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words after a command made into the members of a request. */
#ifndef NFQDN_CONTROL_NFQDNCTL_REQUEST_H
#define NFQDN_CONTROL_NFQDNCTL_REQUEST_H

#include <jansson.h>

#include "control/nfqdnctl.h"

/* Each adds its members to `request`; `words` ends with NULL. 0, or -EINVAL with `*why` (static) that says what would
 * be right. */
typedef int nfqdnctl_request_function(char **words, const struct nfqdnctl_options *options, json_t *request,
				      const char **why);

nfqdnctl_request_function nfqdnctl_request_status;
nfqdnctl_request_function nfqdnctl_request_policy;
nfqdnctl_request_function nfqdnctl_request_learned;
nfqdnctl_request_function nfqdnctl_request_why;
nfqdnctl_request_function nfqdnctl_request_explain;
nfqdnctl_request_function nfqdnctl_request_denied;
nfqdnctl_request_function nfqdnctl_request_suggest;
nfqdnctl_request_function nfqdnctl_request_doctor;
nfqdnctl_request_function nfqdnctl_request_wait;
nfqdnctl_request_function nfqdnctl_request_watch;
nfqdnctl_request_function nfqdnctl_request_record; /* nfqdnctl_record.c */
nfqdnctl_request_function nfqdnctl_request_reload;
nfqdnctl_request_function nfqdnctl_request_metrics;
nfqdnctl_request_function nfqdnctl_request_confirm;

#endif
