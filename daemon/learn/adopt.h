/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking over what the sets of an earlier run hold, until it has succeeded: an element that the store does not know is
 * open, whatever the policy says, until the kernel's own timeout. */
#ifndef NFQDN_LEARN_ADOPT_H
#define NFQDN_LEARN_ADOPT_H

#include <stdbool.h>

#include "base/log.h"
#include "learn/snoop.h"

struct adopt {
	struct snoop *snoop;
	bool wanted; /* not taken over yet */
	struct monotime again; /* when it is tried next */
	struct log_limit told;
};

/* Tries when it is wanted and due. Returns the milliseconds until the next try, or -1: nothing is left to take over (and
 * snoop_prune() must follow). */
int64_t adopt_tick(struct adopt *adopt, struct monotime now);

#endif
