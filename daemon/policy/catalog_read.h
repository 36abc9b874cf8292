/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One catalog file read strictly: JSON to rows, regions and tenant locations, each checked by itself.
 * catalog.c puts them together. */
#ifndef NFQDN_POLICY_CATALOG_READ_H
#define NFQDN_POLICY_CATALOG_READ_H

#include <stddef.h>

#include "base/arena.h"
#include "policy/catalog.h"
#include "policy/policy_list.h"
#include "policy/problem.h"

struct catalog_read_row {
	struct catalog_row row;
	size_t folder; /* index of the folder it came from */
	size_t order; /* counts up over all files */
};
struct catalog_read_service {
	const char *name, *title;
};
struct catalog_read_region {
	struct catalog_region region;
	const char *file;
};
struct catalog_read_tenant {
	struct catalog_tenant tenant;
	const char *file;
};

/* What was read so far, in the order of the files. */
struct catalog_read {
	struct arena *arena;
	struct problems *problems;
	struct policy_list rows, services, regions, tenants; /* of the structs above */
	uint64_t sum; /* of the texts of all files */
};

/* Nothing so far; both stay the caller's. */
struct catalog_read catalog_read_begin(struct arena *arena, struct problems *problems);
/* Frees the lists; what their rows point to is the arena's. */
void catalog_read_end(struct catalog_read *read);
/* Reads `path` and adds what it holds; what is wrong goes to `problems`. 0 or -ENOMEM. */
int catalog_read_file(struct catalog_read *read, const char *path, size_t folder);

#endif
