/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `denied --follow` and `watch`: ask again and again for what came since. Who reads slowly asks rarely; the daemon keeps
 * nothing for anybody. */
#ifndef NFQDN_CONTROL_NFQDNCTL_FOLLOW_H
#define NFQDN_CONTROL_NFQDNCTL_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/nfqdnctl_print.h"

struct nfqdnctl_follow {
	const char *path; /* of the socket */
	unsigned int patience; /* seconds for each answer */
	bool json; /* one object a line */
	nfqdnctl_print_function *print; /* of one item as a line */
	uint64_t count; /* ends after so many, of which "lost" is none; UINT64_MAX: never */
	int64_t seconds; /* and after this time; -1: never */
};

/* Prints each item of the results as it comes, until the daemon goes, refuses, nobody reads, or the end is there. -errno
 * as nfqdnctl_client_ask(); 0 with the refusal in `*answer`; 0 with the count reached or 1 with the time over, and NULL
 * there. */
int nfqdnctl_follow(const struct nfqdnctl_follow *follow, json_t *request, json_t **answer);

#endif
