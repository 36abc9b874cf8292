/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run of simulated clients: what their plan says is done when it is due, and told once a second. */
#ifndef NFQDN_LAB_RUN_H
#define NFQDN_LAB_RUN_H

#include "mix.h"
#include "options.h"

/* Until its end, or a signal (SIGINT, SIGTERM); a second one does not wait for what has begun. The exit status (1 and 2: it told
 * the error on standard error), or -ENOMEM. */
int run_clients(const struct options *options, const struct mix *mix);

#endif
