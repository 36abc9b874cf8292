/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `nfqdnctl catalog`: what the catalog knows, read from its files, without a daemon. */
#ifndef NFQDN_CONTROL_NFQDNCTL_CATALOG_H
#define NFQDN_CONTROL_NFQDNCTL_CATALOG_H

#include "base/arena.h"
#include "control/nfqdnctl.h"
#include "policy/catalog.h"
#include "policy/problem.h"

/* Runs `catalog WORDS...` (ends with NULL). Returns the exit status; for NFQDNCTL_USAGE `*why` (static) says what would
 * be right. */
int nfqdnctl_catalog_run(char **words, const struct nfqdnctl_options *options, const char **why);

/* The catalog of --catalog, NFQDN_CATALOG or where it is installed, without imported lists. Lives in `arena`; NULL when it cannot be read, which
 * is then among the problems. */
const struct catalog *nfqdnctl_catalog_load(const struct nfqdnctl_options *options, struct arena *arena,
					    struct problems *problems);

#endif
