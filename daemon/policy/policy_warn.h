/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is lawful and yet worth a word in --check. */
#ifndef NFQDN_POLICY_POLICY_WARN_H
#define NFQDN_POLICY_POLICY_WARN_H

#include "policy/policy_input.h"
#include "policy/policy_select.h"

/* Of the rows that an entry takes: rentable and broad names, nothing to act on, out of date; of an `inbound` entry,
 * servers that no source can reach. 0 or -ENOMEM. */
int policy_warn_rows(const struct policy_input *input, const struct config_entry *entry,
		     const struct policy_selection *selection);
/* Of the entry's own names: wildcards over a whole top-level domain. */
void policy_warn_names(const struct policy_input *input, const struct config_entry *entry);

#endif
