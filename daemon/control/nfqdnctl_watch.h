/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `watch`: its words and its lines. */
#ifndef NFQDN_CONTROL_NFQDNCTL_WATCH_H
#define NFQDN_CONTROL_NFQDNCTL_WATCH_H

#include "control/nfqdnctl.h"
#include "control/nfqdnctl_follow.h"

/* How to follow it. */
void nfqdnctl_watch_follow(const struct nfqdnctl_options *options, struct nfqdnctl_follow *out);
/* An event as one line. */
void nfqdnctl_print_event(const json_t *event, FILE *out);

#endif
