/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: names of addresses that are no longer learned
 *
 * A flow may go on when the element that let it in has ended. When a policy comes into force that cuts what is not
 * allowed (learn/revoke.h), the names that brought the flow's address must still be known, or every long connection
 * would be cut at each reload. So the store remembers here what it deletes: address, protocol, port and names. Whether a
 * name is allowed, and to whom, the policy of the day says; the group does not matter.
 *
 * A fixed number of places. When all are taken the oldest makes way, unless it was wanted again meanwhile: then it has a
 * second turn. */
#ifndef NFQDN_LEARN_PAST_H
#define NFQDN_LEARN_PAST_H

#include <stddef.h>

#include "base/hash.h"
#include "learn/store.h"

struct past;

/* Room for LIMIT_PAST_ELEMENTS. NULL when memory is out; what is not used costs nothing. */
struct past *past_new(const struct hash_key *key);
void past_free(struct past *past); /* NULL is allowed */
/* One of the names that brought an element. Names of one address and port are united; at its limit a further one is
 * counted and left. Does not allocate. */
void past_add(struct past *past, const struct element_key *key, const struct dns_name *name);
/* The names of an address and port, up to LIMIT_ELEMENT_NAMES: how many; 0 when none is known. */
size_t past_find(const struct past *past, const struct element_key *key, struct store_name out[]);
size_t past_count(const struct past *past);
/* Places that were ever used, at most LIMIT_PAST_ELEMENTS, and what is in one of them: key (group 0) and names, how many;
 * 0 when it is free. */
size_t past_places(const struct past *past);
size_t past_at(const struct past *past, size_t at, struct element_key *key, struct store_name out[]);

#endif
