/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other tables beside ours, as far as forwarded packets meet them: an accept in our chain ends our chain alone, and a
 * packet that a flowtable has taken meets no chain at all. Rules are read, not run: what a set, a map or a condition
 * makes of a packet is not known, so that `accepts` and `drops` mean that a rule for it is there. */
#ifndef NFQDN_NETFILTER_OTHERS_H
#define NFQDN_NETFILTER_OTHERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTHERS_NAME_SIZE 128

/* A base chain of the hook forward. */
struct others_chain {
	char name[3 * OTHERS_NAME_SIZE]; /* "inet filter forward", escaped */
	int32_t priority;
	bool policy_drops;
	/* a rule of it, or of a chain that it calls, does so for some packets */
	bool accepts, drops;
};

struct others_flowtable {
	char name[2 * OTHERS_NAME_SIZE]; /* "TABLE NAME", escaped */
	bool used; /* by a rule */
	bool takes_dns; /* a rule that puts flows there does not leave out port 53 in both directions */
};

struct others {
	struct others_chain *chains;
	size_t chain_count;
	struct others_flowtable *flowtables;
	size_t flowtable_count;
};

/* Reads them by a socket of its own and leaves out the table `own` (inet). Touches nothing else of the daemon. 0, or
 * -errno with `out` untouched; -EINTR: others changed the ruleset all the time. */
int others_read(const char *own, struct others *out);
void others_free(struct others *others);

#endif
