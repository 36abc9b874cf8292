/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_fixed.h"

#include <stdio.h>

#include "policy/option.h"

void config_fixed_check(const struct config *old, const struct config *next, struct problems *problems)
{
	char setting[128];

	for (const struct option *option = option_table; option->name != NULL; option++) {
		if ((option->flags & OPTION_FIXED) == 0 || option_same(option, old, next))
			continue;
		snprintf(setting, sizeof(setting), "%s.%s", option_group_path(option->group), option->name);
		problem_add(problems, PROBLEM_ERROR, next->file, 0, setting,
			    "cannot change while nfqdnd runs: restart it");
	}
}
