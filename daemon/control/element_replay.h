/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The learned sets of nfqdn-replay, in memory behind netfilter/element.h, under the capture's clock: in a program that has
 * them element_commit() and element_dump() ask no kernel. As there, an element goes when its timeout ends or when it is
 * deleted, and nothing is refused. */
#ifndef NFQDN_CONTROL_ELEMENT_REPLAY_H
#define NFQDN_CONTROL_ELEMENT_REPLAY_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/monotime.h"
#include "netfilter/element.h"

/* NULL when memory is out. */
struct table *element_replay_new(const struct hash_key *key);
void element_replay_free(struct table *table); /* NULL is allowed */
/* The time of what follows; never goes back. */
void element_replay_at(struct table *table, struct monotime now);
/* Does the set of the element's group hold it now? */
bool element_replay_holds(const struct table *table, const struct element_key *key);
size_t element_replay_commits(const struct table *table); /* transactions so far */

#endif
