/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What addresses were last called: for each address in an answer that came by, whether the policy allows it or not, the
 * question that led to it. For reports alone; nothing is decided by it. Bounded: the address that was named longest ago
 * is forgotten for a new one. */
#ifndef NFQDN_LEARN_NAMES_H
#define NFQDN_LEARN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "base/ipaddr.h"
#include "base/monotime.h"
#include "dns/name.h"

struct names;

struct names_seen {
	struct monotime when;
	bool allowed; /* by the policy of then, for the asker of then */
	struct dns_name name;
};

/* NULL when memory is out. */
struct names *names_new(const struct hash_key *key);
void names_free(struct names *names);
/* An answer to a question for `name` held `address`. Neither allocates nor fails. */
void names_see(struct names *names, const struct ipaddr *address, const struct dns_name *name, bool allowed,
	       struct monotime now);
/* 0; -ENOENT when no name is known (any more), `out` untouched. */
int names_find(const struct names *names, const struct ipaddr *address, struct names_seen *out);
/* How many addresses are remembered, at most LIMIT_SEEN_NAMES. */
size_t names_count(const struct names *names);

#endif
