/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows of the catalog would allow what the policy does not: for reports. */
#ifndef NFQDN_POLICY_POLICY_HINTS_H
#define NFQDN_POLICY_POLICY_HINTS_H

#include "policy/policy.h"

/* Rows told at most. */
#define POLICY_HINTS 4

/* Compiles the names of every published row that clients may be allowed; policy->catalog and policy->hash_key are there. Of
 * more than LIMIT_PATTERNS those behind are left out. 0 or -ENOMEM. */
int policy_hints_build(struct policy *policy);
/* Rows with a pattern that matches `name`, in the catalog's order. Returns how many are in `out`. */
size_t policy_hints_name(const struct policy *policy, const struct dns_name *name,
			 const struct catalog_row *out[POLICY_HINTS]);
/* Rows with a range that holds `address`; `inbound`: of those whose addresses call us. Looks at every range of the
 * catalog: half a millisecond where Azure's lists were imported. */
size_t policy_hints_address(const struct policy *policy, const struct ipaddr *address, bool inbound,
			    const struct catalog_row *out[POLICY_HINTS]);

#endif
