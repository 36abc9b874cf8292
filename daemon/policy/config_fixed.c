/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_fixed.h"

#include <stdio.h>
#include <string.h>

#include "policy/option.h"

static bool same_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
}

/* Values of the types that rows with OPTION_FIXED have; of another type none is. */
static bool same(const struct option *option, const struct config *old, const struct config *next)
{
	const char *a = (const char *)old + option->offset, *b = (const char *)next + option->offset;

	switch (option->type) {
	case OPTION_INTEGER:
	case OPTION_PRIORITY:
	case OPTION_MASK:
		return memcmp(a, b, sizeof(uint32_t)) == 0;
	case OPTION_INTEGER16:
		return memcmp(a, b, sizeof(uint16_t)) == 0;
	case OPTION_BOOL:
	case OPTION_WORD_BOOL:
		return memcmp(a, b, sizeof(bool)) == 0;
	case OPTION_TABLE:
	case OPTION_PATH:
	case OPTION_USER:
		return same_text(a, b);
	case OPTION_WORD:
	case OPTION_TEXT:
	case OPTION_TEXTS:
	case OPTION_PATHS:
	case OPTION_PATTERNS:
	case OPTION_RANGES:
	case OPTION_RESOLVERS:
	case OPTION_INTERFACES:
	case OPTION_PORTS:
	case OPTION_GROUP:
		break;
	}
	return false;
}

void config_fixed_check(const struct config *old, const struct config *next, struct problems *problems)
{
	char setting[128];

	for (const struct option *option = option_table; option->name != NULL; option++) {
		if ((option->flags & OPTION_FIXED) == 0 || same(option, old, next))
			continue;
		snprintf(setting, sizeof(setting), "%s.%s", option_group_path(option->group), option->name);
		problem_add(problems, PROBLEM_ERROR, next->file, 0, setting,
			    "cannot change while nfqdnd runs: restart it");
	}
}
