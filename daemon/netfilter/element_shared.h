/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of the administrator's (mode = "sets") hold addresses alone: what differs in group, protocol or port alone shares one
 * element there, which lives as long as the longest of them and goes with the last. What the administrator put there is
 * never deleted, nor made to end earlier. */
#ifndef NFQDN_NETFILTER_ELEMENT_SHARED_H
#define NFQDN_NETFILTER_ELEMENT_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

#define ELEMENT_SHARED_CHAINS 1024

struct element_change;
struct element_key;
struct nlmsghdr;
struct table;

/* What is decided about the changes of one batch, by their index. */
struct element_shared {
	uint16_t heads[ELEMENT_SHARED_CHAINS]; /* index + 1 of the first change whose address has that sum; 0: none */
	uint16_t next[LIMIT_BATCH_ELEMENTS];
	bool speaks[LIMIT_BATCH_ELEMENTS]; /* this one is written for all that share its place */
	uint64_t life_ms[LIMIT_BATCH_ELEMENTS]; /* then */
};

/* Decides, in table->shared: reads what the kernel has at each address. To be called before a batch is written, when
 * its sets hold addresses alone; at most LIMIT_BATCH_ELEMENTS changes. */
void element_shared_decide(struct table *table, const struct element_change *changes, size_t count);
/* The kernel refused the element of changes[index]: so it did for all that share its place. */
void element_shared_refuse(const struct table *table, struct element_change *changes, size_t index, int error);

#endif
