/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names: one rule a pattern, with its ports one by one. */
#ifndef NFQDN_POLICY_POLICY_RULES_H
#define NFQDN_POLICY_POLICY_RULES_H

#include "policy/policy.h"
#include "policy/policy_input.h"
#include "policy/policy_list.h"
#include "policy/policy_select.h"

/* Adds the rules of an `allow` entry (its own names, then its rows') to a list of struct policy_rule. 0 or -ENOMEM. */
int policy_rules_add(const struct policy_input *input, const struct policy_entry *entry,
		     const struct policy_selection *selection, struct policy_list *rules);

#endif
