/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timers.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

int64_t timers_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * TIMERS_SECOND + now.tv_nsec / 1000;
}

int timers_init(struct timers *timers, uint32_t most)
{
	/* Places count from 1. */
	struct timer **heap = calloc((size_t)most + 1, sizeof(struct timer *));

	if (!heap)
		return -ENOMEM;
	*timers = (struct timers) { .heap = heap };
	return 0;
}

void timers_free(struct timers *timers)
{
	free(timers->heap);
}

static void put(struct timers *timers, uint32_t place, struct timer *timer)
{
	timers->heap[place] = timer;
	timer->place = place;
}

static void settle(struct timers *timers, uint32_t place, struct timer *timer)
{
	struct timer **heap = timers->heap;

	while (place > 1 && heap[place / 2]->at > timer->at) {
		put(timers, place, heap[place / 2]);
		place /= 2;
	}
	for (;;) {
		uint32_t child = place * 2;

		if (child < timers->count && heap[child + 1]->at < heap[child]->at)
			child++;
		if (child > timers->count || heap[child]->at >= timer->at)
			break;
		put(timers, place, heap[child]);
		place = child;
	}
	put(timers, place, timer);
}

void timers_set(struct timers *timers, struct timer *timer, int64_t at)
{
	timer->at = at;
	settle(timers, timer->place ? timer->place : ++timers->count, timer);
}

void timers_stop(struct timers *timers, struct timer *timer)
{
	uint32_t place = timer->place;
	struct timer *last;

	if (!place)
		return;
	last = timers->heap[timers->count--];
	timer->place = 0;
	if (last != timer)
		settle(timers, place, last);
}

struct timer *timers_first(const struct timers *timers)
{
	return timers->count ? timers->heap[1] : NULL;
}
