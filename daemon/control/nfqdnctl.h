/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of nfqdnctl share. */
#ifndef NFQDN_CONTROL_NFQDNCTL_H
#define NFQDN_CONTROL_NFQDNCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nfqdnctl_exit { NFQDNCTL_YES = 0, NFQDNCTL_NO = 1, NFQDNCTL_USAGE = 2, NFQDNCTL_NO_DAEMON = 3 };

#define NFQDNCTL_CATALOGS 16 /* folders that --catalog can name */

struct nfqdnctl_options {
	const char *socket;
	const char *catalogs[NFQDNCTL_CATALOGS];
	size_t catalog_count;
	bool json;
	bool has_timeout;
	uint32_t timeout; /* seconds */
};

#endif
