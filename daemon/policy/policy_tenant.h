/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tenant = "North America 0501"`: from the location that the admin center shows to scale units and a region. */
#ifndef NFQDN_POLICY_POLICY_TENANT_H
#define NFQDN_POLICY_POLICY_TENANT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy_input.h"

struct policy_tenant {
	const char *const *units; /* scale units that the spelling can mean; count 0: no tenant was named */
	size_t unit_count;
	const char *region; /* of the location; NULL when not known */
};

/* Looks up the entry's tenant, if it names one. What is wrong goes to the problems. 0 or -ENOMEM. */
int policy_tenant_find(const struct policy_input *input, const struct config_entry *entry,
		       const struct catalog_service *service, struct policy_tenant *out);
/* False when the row belongs to the region of another tenant location. */
bool policy_tenant_fits(const struct policy_tenant *tenant, const struct catalog *catalog,
			const struct catalog_row *row);

#endif
