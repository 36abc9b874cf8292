/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times, counted so finely that a part of them is told to an eighth, from a microsecond to an hour. */
#ifndef NFQDN_LAB_TALLY_H
#define NFQDN_LAB_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define TALLY_FINE ((size_t)8) /* steps between a power of two and the next one */
#define TALLY_STEPS (32 * TALLY_FINE)

struct tally {
	uint64_t counts[TALLY_STEPS];
	uint64_t count, most;
};

void tally_see(struct tally *tally, uint64_t microseconds);
/* Microseconds that a part (0 < part <= 1) of them took at most, to an eighth more; 0 when there are none. */
uint64_t tally_part(const struct tally *tally, double part);

/* Microseconds that what is counted in a step took at most. */
uint64_t tally_end(size_t step);

#endif
