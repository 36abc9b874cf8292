/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows of the catalog an entry takes. */
#ifndef NFQDN_POLICY_POLICY_SELECT_H
#define NFQDN_POLICY_POLICY_SELECT_H

#include <stddef.h>

#include "policy/policy_input.h"

struct policy_selection {
	const struct catalog_service *service; /* NULL when the entry names none, or something was wrong */
	const struct catalog_row *const *rows; /* in the catalog's order, of every direction that fits */
	size_t count;
};

/* Looks up service, features, clouds, regions and tenant of the entry and collects the rows. What is wrong goes to the
 * problems, and `out` is then empty. 0 or -ENOMEM. */
int policy_select_rows(const struct policy_input *input, const struct config_entry *entry,
		       struct policy_selection *out);

#endif
