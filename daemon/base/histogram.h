/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of how often a value was how large. One row a histogram; metrics and their help texts come from the table. */
#ifndef NFQDN_BASE_HISTOGRAM_H
#define NFQDN_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 12

#define HISTOGRAM_TIMES 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000

/* name, name of the metric, help, values in one of the metric's unit, upper bounds (0: no more of them) */
/* clang-format off */
#define HISTOGRAMS(H) \
	H(hold, "hold_seconds", \
	  "Time from a drain's beginning to the verdicts of its packets, once for each packet.", 1000000, HISTOGRAM_TIMES) \
	H(transaction, "transaction_seconds", \
	  "The same, once for each drain that changed the table: judging, its transactions, and verdicts.", 1000000, HISTOGRAM_TIMES) \
	H(drain, "drain_packets", "Packets taken from the queue at once.", 1, 1, 2, 4, 8, 16, 32, 64) \
	H(batch, "transaction_elements", "Elements added, refreshed or deleted by one transaction.", 1, \
	  1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
/* clang-format on */

#define HISTOGRAM_NAME(name, metric, help, unit, ...) HISTOGRAM_##name,
enum histogram_name { HISTOGRAMS(HISTOGRAM_NAME) HISTOGRAM_COUNT };
#undef HISTOGRAM_NAME

struct histogram_row {
	const char *metric, *help;
	uint32_t unit;
	uint32_t bounds[HISTOGRAM_BOUNDS + 1]; /* ends with 0 */
};
extern const struct histogram_row histogram_rows[HISTOGRAM_COUNT];

struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS +
			1]; /* of values up to each bound and above the one before; then of larger ones */
	uint64_t sum; /* of all values */
};
extern struct histogram histograms[HISTOGRAM_COUNT];

/* The value was seen so many times. */
void histogram_see(enum histogram_name name, uint64_t value, uint64_t times);

#endif
