/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tally.h"

/* Below TALLY_FINE each value is its own step; above, the three bits below the highest tell. */
static size_t step_of(uint64_t value)
{
	unsigned int high = value < TALLY_FINE ? 3 : 63u - (unsigned int)__builtin_clzll(value);
	size_t step = value < TALLY_FINE ? (size_t)value
					 : (high - 2) * TALLY_FINE + ((value >> (high - 3)) & (TALLY_FINE - 1));

	return step < TALLY_STEPS ? step : TALLY_STEPS - 1;
}

uint64_t tally_end(size_t step)
{
	size_t high = step / TALLY_FINE + 2;

	if (step < TALLY_FINE)
		return step;
	return ((uint64_t)(TALLY_FINE + step % TALLY_FINE + 1) << (high - 3)) - 1;
}

void tally_see(struct tally *tally, uint64_t microseconds)
{
	tally->counts[step_of(microseconds)]++;
	tally->count++;
	if (microseconds > tally->most)
		tally->most = microseconds;
}

uint64_t tally_part(const struct tally *tally, double part)
{
	uint64_t seen = 0;

	for (size_t step = 0; step < TALLY_STEPS; step++) {
		uint64_t end = tally_end(step);

		seen += tally->counts[step];
		if (seen && (double)seen >= part * (double)tally->count)
			return end < tally->most ? end : tally->most;
	}
	return tally->most;
}
