/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of nfqdnctl share. */
#ifndef NFQDN_CONTROL_NFQDNCTL_H
#define NFQDN_CONTROL_NFQDNCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/config.h"

enum nfqdnctl_exit { NFQDNCTL_YES = 0, NFQDNCTL_NO = 1, NFQDNCTL_USAGE = 2, NFQDNCTL_NO_DAEMON = 3 };

/* Where imported lists stand when --to does not say. */
#define NFQDNCTL_OVERLAY CONFIG_OVERLAY
#define NFQDNCTL_CATALOGS 16 /* folders that --catalog can name */

struct nfqdnctl_options {
	const char *socket;
	const char *catalogs[NFQDNCTL_CATALOGS];
	size_t catalog_count;
	bool json;
	bool has_timeout;
	uint32_t timeout; /* seconds */
	/* of `catalog import` and `catalog diff`; NULL when not given */
	const char *to, *select, *tags, *regions, *direction, *ports, *name, *instance, *list_version, *as_of;
	bool strict, force;
	bool dry_run; /* of `reload` */
	const char *confirm; /* of `reload`; NULL when not given */
	bool undo; /* of `confirm` */
	bool follow, summary; /* of `denied` */
	const char *textfile; /* of `metrics`; NULL when not given */
	const char *count, *kind; /* of `watch`, count of `record`, too; NULL when not given */
	const char *seconds, *size; /* of `record`; NULL when not given */
	const char *since; /* of `denied` and `watch`; NULL when not given */
};

#endif
