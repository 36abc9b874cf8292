/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy that a start begins with. */
#ifndef NFQDN_CONTROL_BOOT_H
#define NFQDN_CONTROL_BOOT_H

#include <stdbool.h>

#include "policy/policy.h"

struct boot {
	bool fallback; /* it is not what the configuration says */
	bool unconfirmed; /* since that was tried and not confirmed (policy/trial_mark.h) */
};

/* Reads the configuration; problems go to the log. One that was not confirmed is replaced by the last good one. With
 * `state` (the folder of --boot, else NULL) a bad one is, too, else by "DNS and nothing". NULL when there is nothing to
 * begin with. */
struct policy *boot_load(const char *config, const char *state, struct boot *out);

#endif
