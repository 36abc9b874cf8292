/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `record`: the answers that the daemon judges, asked for in turns, become a pcapng file: raw IP, what the daemon made of
 * each packet in its comment. The daemon opens no file. */
#ifndef NFQDN_CONTROL_NFQDNCTL_RECORD_H
#define NFQDN_CONTROL_NFQDNCTL_RECORD_H

#include <jansson.h>

#include "control/nfqdnctl.h"
#include "control/nfqdnctl_print.h"
#include "control/nfqdnctl_request.h"

/* Records until a bound of the options is reached or SIGINT, SIGTERM or SIGHUP comes; takes the file's name out of `request`. 0 and an
 * answer to print: how much was recorded, or why not; -errno: the daemon does not answer (what was recorded stands in the
 * file). */
int nfqdnctl_record(const struct nfqdnctl_options *options, const char *path, json_t *request, json_t **answer);

#endif
