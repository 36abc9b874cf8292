/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/problem_log.h"

#include "base/log.h"

void problem_log(const struct problems *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct problem *one = &list->items[i];

		log_write(one->severity == PROBLEM_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, "%s:%u: %s%s%s",
			  one->file, one->line, one->setting, one->setting[0] ? ": " : "", one->text);
	}
}
