/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/histogram.h"

struct histogram histograms[HISTOGRAM_COUNT];

#define HISTOGRAM_ROW(name, metric, help, unit, ...) { metric, help, unit, { __VA_ARGS__ } },
const struct histogram_row histogram_rows[HISTOGRAM_COUNT] = { HISTOGRAMS(HISTOGRAM_ROW) };

void histogram_see(enum histogram_name name, uint64_t value, uint64_t times)
{
	const uint32_t *bounds = histogram_rows[name].bounds;
	struct histogram *histogram = &histograms[name];
	unsigned int at = 0;

	while (bounds[at] && value > bounds[at])
		at++;
	histogram->counts[at] += times;
	histogram->sum += value * times;
}
