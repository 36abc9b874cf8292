/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan of simulated clients: which of them wants which name when. It follows from the seed alone. */
#ifndef NFQDN_LAB_PLAN_H
#define NFQDN_LAB_PLAN_H

#include <stdint.h>

#include "mix.h"
#include "options.h"
#include "timers.h"

struct plan {
	const struct options *options;
	const struct mix *mix;
	struct timers *timers; /* of TIMER_CLIENT */
	struct plan_client *clients;
	int64_t end; /* nothing is wanted from then on */
	uint32_t waiting; /* clients that are not through */
};

/* Sets a timer of each client, from a time of timers.h on: `timers` need room for them. What it is given must outlive it. 0, or
 * -ENOMEM. */
int plan_init(struct plan *plan, const struct options *options, const struct mix *mix, struct timers *timers,
	      int64_t began);
/* Its timers must not be used any more. */
void plan_free(struct plan *plan);

/* Whose timer it is, counted from 0, and the name that it wants now; sets the timer for what it wants next, or stops it. What
 * that is does not depend on how late it is asked. */
uint32_t plan_due(struct plan *plan, struct timer *timer, uint32_t *name);
/* Nobody wants anything any more. */
void plan_stop(struct plan *plan);

#endif
