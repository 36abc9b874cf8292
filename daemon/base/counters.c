/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/counters.h"

struct counters counters;

#define COUNTERS_ROW(name, help) { #name, help, offsetof(struct counters, name) },
const struct counter_row counter_rows[] = { COUNTERS(COUNTERS_ROW) { NULL, NULL, 0 } };

uint64_t counter_value(const struct counter_row *row)
{
	return *(const uint64_t *)(const void *)((const char *)&counters + row->offset);
}
