/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy that a start begins with. */
#ifndef NFQDN_CONTROL_BOOT_H
#define NFQDN_CONTROL_BOOT_H

#include <stdbool.h>

#include "policy/policy.h"

/* Reads the configuration; problems go to the log. With `state` (the folder of --boot, else NULL) a bad one is replaced
 * by the last good one, else by "DNS and nothing", and `*fallback` says so. NULL when there is nothing to begin with. */
struct policy *boot_load(const char *config, const char *state, bool *fallback);

#endif
