/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/recent.h"

#include <stddef.h>

#define RECENT_MS 1000

void recent_look(struct recent *recent, struct monotime now)
{
	const uint64_t *values = (const uint64_t *)(const void *)&counters;

	if (monotime_before(now, recent->next))
		return;
	recent->next = monotime_add(now, RECENT_MS);
	for (size_t i = 0; i < RECENT_COUNTERS; i++) {
		if (values[i] == recent->values[i])
			continue;
		recent->values[i] = values[i];
		recent->when[i] = now;
	}
}

struct monotime recent_when(const struct recent *recent, const uint64_t *counter, struct monotime now)
{
	size_t place = (size_t)(counter - (const uint64_t *)(const void *)&counters);

	return *counter == recent->values[place] ? recent->when[place] : now;
}
