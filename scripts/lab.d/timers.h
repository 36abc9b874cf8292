/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A heap of timers: what is due next of many things, each of which has its timer within. */
#ifndef NFQDN_LAB_TIMERS_H
#define NFQDN_LAB_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Times are microseconds of CLOCK_MONOTONIC, or of the caller's own count. */
#define TIMERS_SECOND INT64_C(1000000)

/* What a timer stands in: a struct that calls it `timer`. */
#define TIMERS_OWNER(pointer, type) ((type *)((char *)(pointer)-offsetof(type, timer)))

enum timer_kind { TIMER_CLIENT, TIMER_JOB };

/* All zero but for its kind: not set. */
struct timer {
	int64_t at;
	uint32_t place; /* in the heap, from 1; 0: not set */
	enum timer_kind kind; /* what it stands in */
};

struct timers {
	struct timer **heap;
	uint32_t count; /* of those that are set */
};

/* The time of CLOCK_MONOTONIC. */
int64_t timers_now(void);

/* Room for so many that are set at once; none is yet. 0, or -ENOMEM. */
int timers_init(struct timers *timers, uint32_t most);
/* Those that are set remain their owners'. */
void timers_free(struct timers *timers);

/* Sets it, or sets it anew. It is the caller's, and stays where it is in memory until it is stopped. */
void timers_set(struct timers *timers, struct timer *timer, int64_t at);
/* Nothing, when it is not set. */
void timers_stop(struct timers *timers, struct timer *timer);

/* The one that is due next, still set; NULL when none is set. */
struct timer *timers_first(const struct timers *timers);

#endif
