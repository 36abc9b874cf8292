/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/removed.h"

#include <stdlib.h>
#include <string.h>

#include "base/counters.h"

struct removed {
	struct monotime began; /* lives are told as of this moment */
	char *text; /* lines */
	size_t used, room;
};

struct removed *removed_new(struct monotime now)
{
	struct removed *removed = calloc(1, sizeof(*removed));

	if (removed)
		removed->began = now;
	return removed;
}

void removed_free(struct removed *removed)
{
	if (removed)
		free(removed->text);
	free(removed);
}

static bool make_room(struct removed *removed)
{
	size_t room = removed->room ? 2 * removed->room : (size_t)4 * LIMIT_STATE_LINE;
	char *text;

	if (removed->room - removed->used >= LIMIT_STATE_LINE)
		return true;
	text = realloc(removed->text, room);
	if (!text)
		return false;
	removed->text = text;
	removed->room = room;
	return true;
}

void removed_add(void *context, const char *group, const struct store_view *view)
{
	struct removed *removed = context;
	struct state_writer writer = { 0 };
	int64_t life = (monotime_until(removed->began, view->deadline) + 999) / 1000;

	if (view->name_count == 0 || life <= 0)
		return;
	if (!make_room(removed)) {
		counters.removed_forgotten++;
		return;
	}
	removed->used += state_text_record(&writer, group, view, life > UINT32_MAX ? UINT32_MAX : (uint32_t)life,
					   removed->text + removed->used);
}

void removed_restore(const struct removed *removed, struct restore *restore)
{
	struct state_record record;
	const char *at = removed->text, *end = at ? at + removed->used : at;

	restore->wall = monotime_until(removed->began, restore->now); /* with a stamp of 0: no wall clock */
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop)
			break;
		if (state_text_parse(at, (size_t)(stop - at), &record) == 0)
			restore_record(restore, 0, &record);
		at = stop + 1;
	}
}
