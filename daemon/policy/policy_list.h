/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list that grows while a policy is built, and its final place in the arena. */
#ifndef NFQDN_POLICY_POLICY_LIST_H
#define NFQDN_POLICY_POLICY_LIST_H

#include <stddef.h>

#include "base/arena.h"

struct policy_list {
	void *items;
	size_t count, room;
	size_t size; /* of one item */
};

#define POLICY_LIST_OF(type) ((struct policy_list) { .size = sizeof(type) })

/* Appends a copy of `item` (or a zeroed item when NULL). The new item, or NULL when memory is out (the list
 * stays as it was). */
void *policy_list_add(struct policy_list *list, const void *item);
/* Item `index` of those that are there. */
void *policy_list_at(const struct policy_list *list, size_t index);
/* A copy of the items in the arena, or NULL when memory is out. The list stays. */
void *policy_list_keep(const struct policy_list *list, struct arena *arena);
/* Frees the items and empties the list. */
void policy_list_clear(struct policy_list *list);

#endif
