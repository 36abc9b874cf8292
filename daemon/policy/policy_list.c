/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct policy_list *list)
{
	size_t room = list->room ? list->room * 2 : 16;
	void *items;

	if (room > SIZE_MAX / list->size)
		return -1;
	items = realloc(list->items, room * list->size);
	if (!items)
		return -1;
	list->items = items;
	list->room = room;
	return 0;
}

void *policy_list_add(struct policy_list *list, const void *item)
{
	void *place;

	if (list->count == list->room && make_room(list))
		return NULL;
	place = (char *)list->items + list->count++ * list->size;
	if (item)
		memcpy(place, item, list->size);
	else
		memset(place, 0, list->size);
	return place;
}

void *policy_list_at(const struct policy_list *list, size_t index)
{
	return (char *)list->items + index * list->size;
}

void *policy_list_keep(const struct policy_list *list, struct arena *arena)
{
	void *kept = arena_array(arena, list->count, list->size);

	if (kept && list->count)
		memcpy(kept, list->items, list->count * list->size);
	return kept;
}

void policy_list_clear(struct policy_list *list)
{
	free(list->items);
	*list = (struct policy_list) { .size = list->size };
}
