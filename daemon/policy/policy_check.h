/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors of one entry that need no catalog. */
#ifndef NFQDN_POLICY_POLICY_CHECK_H
#define NFQDN_POLICY_POLICY_CHECK_H

#include "policy/policy.h"
#include "policy/policy_input.h"

/* Settings that contradict each other or lack something. */
void policy_check_entry(const struct policy_input *input, const struct policy_entry *entry);

#endif
