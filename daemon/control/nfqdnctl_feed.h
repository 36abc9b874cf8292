/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `nfqdnctl catalog import` and `catalog diff`: vendors' lists into the folder of imported lists. */
#ifndef NFQDN_CONTROL_NFQDNCTL_FEED_H
#define NFQDN_CONTROL_NFQDNCTL_FEED_H

#include <stdbool.h>

#include "control/nfqdnctl.h"

/* Runs `catalog import KIND FILE` or `catalog diff [KIND] FILE` (words end with NULL). Returns the exit status; for
 * NFQDNCTL_USAGE `*why` (static) says what would be right. */
int nfqdnctl_feed_run(char **words, const struct nfqdnctl_options *options, const char **why);
/* Is one of their options given? */
bool nfqdnctl_feed_options(const struct nfqdnctl_options *options);

#endif
