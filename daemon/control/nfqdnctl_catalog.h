/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `nfqdnctl catalog`: what the catalog knows, read from its files, without a daemon. */
#ifndef NFQDN_CONTROL_NFQDNCTL_CATALOG_H
#define NFQDN_CONTROL_NFQDNCTL_CATALOG_H

#include "control/nfqdnctl.h"

/* Runs `catalog WORDS...` (ends with NULL). Returns the exit status; for NFQDNCTL_USAGE `*why` (static) says what would
 * be right. */
int nfqdnctl_catalog_run(char **words, const struct nfqdnctl_options *options, const char **why);

#endif
