/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monotonic time. Wrapped in a struct so that it is never mixed with wall clock or with a duration. */
#ifndef NFQDN_BASE_MONOTIME_H
#define NFQDN_BASE_MONOTIME_H

#include <stdbool.h>
#include <stdint.h>

struct monotime {
	int64_t msec; /* milliseconds of CLOCK_BOOTTIME: suspended time counts, as it does for DNS TTLs */
};

/* Reads the clock. Called once a wake-up, by main.c alone; the time is passed down from there. */
struct monotime monotime_now(void);
/* Milliseconds since 1970 by the wall clock, which may jump: for the stamp of the state file alone. */
int64_t monotime_wall(void);
/* Microseconds of CLOCK_MONOTONIC, for measuring how long something took. */
int64_t monotime_usec(void);

static inline struct monotime monotime_add(struct monotime t, int64_t msec)
{
	return (struct monotime) { t.msec + msec };
}
/* Milliseconds from `from` to `to`; negative when `to` is earlier. */
static inline int64_t monotime_until(struct monotime from, struct monotime to)
{
	return to.msec - from.msec;
}
static inline bool monotime_before(struct monotime a, struct monotime b)
{
	return a.msec < b.msec;
}

#endif
