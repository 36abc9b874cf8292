/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings that a running daemon cannot change (OPTION_FIXED). */
#ifndef NFQDN_POLICY_CONFIG_FIXED_H
#define NFQDN_POLICY_CONFIG_FIXED_H

#include "policy/config.h"
#include "policy/problem.h"

/* Adds an error for each of them that differs between the configuration in force and the one that would follow it. */
void config_fixed_check(const struct config *old, const struct config *next, struct problems *problems);

#endif
