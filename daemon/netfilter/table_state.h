/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of our table stands in the kernel. */
#ifndef NFQDN_NETFILTER_TABLE_STATE_H
#define NFQDN_NETFILTER_TABLE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "netfilter/ruleset.h"

struct table;

struct table_object {
	struct table_object *next;
	const char *name;
	bool hooked; /* a base chain */
	int32_t priority; /* of a base chain */
	bool named; /* a set that some rule looks up */
};

struct table_state {
	struct arena *arena; /* of the lists */
	struct table_object *chains, *sets;
	uint64_t last_rule; /* the highest handle of a rule: each new rule's is higher */
};

/* 0 or -errno; a table that does not exist has nothing. `out` lives in `arena`. */
int table_state_read(struct table *table, struct arena *arena, struct table_state *out);
/* The object of that name, or NULL. */
const struct table_object *table_state_find(const struct table_object *list, const char *name);

#endif
