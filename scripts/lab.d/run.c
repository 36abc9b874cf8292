/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "jobs.h"
#include "plan.h"
#include "sources.h"
#include "timers.h"
#include "told.h"

#define EVENTS 256
#define DUE_AT_ONCE 64

struct run {
	struct timers timers;
	struct plan plan;
	struct jobs jobs;
	struct told told;
};

static volatile sig_atomic_t stopped;

static void client_due(struct run *run, struct timer *timer, int64_t now)
{
	int64_t late = now - timer->at;
	uint32_t name, client = plan_due(&run->plan, timer, &name);

	if (late > run->told.late_most)
		run->told.late_most = late;
	jobs_begin(&run->jobs, client, name, now);
}

/* Some of what is due: answers to it are read before there is more, for on a machine that had no time for us there is much. */
static void some_due(struct run *run, int64_t now)
{
	struct timer *timer;

	for (int i = 0; i < DUE_AT_ONCE && (timer = timers_first(&run->timers)) && timer->at <= now; i++)
		switch (timer->kind) {
		case TIMER_CLIENT:
			client_due(run, timer, now);
			break;
		case TIMER_JOB:
			jobs_due(&run->jobs, timer, now);
			break;
		}
}

/* All that came is read before anybody loses patience: what came in time is no silence, however late we are. */
static void turn(struct run *run, int64_t until)
{
	const struct timer *timer = timers_first(&run->timers);
	struct epoll_event events[EVENTS];
	int64_t now = timers_now(), next = timer && timer->at < until ? timer->at : until;
	int wait = next > now ? (int)((next - now + 999) / 1000) : 0, count;

	do {
		count = epoll_wait(run->jobs.epoll, events, EVENTS, wait);
		now = timers_now();
		for (int i = 0; i < count; i++)
			jobs_event(&run->jobs, events[i].data.u32, now);
		wait = 0;
	} while (count == EVENTS);
	some_due(run, now);
}

static void run_to_end(struct run *run)
{
	const int64_t began = run->told.began, planned = run->plan.end;
	int64_t told = began + TIMERS_SECOND, end;

	while (!stopped && (timers_now() < planned || run->plan.waiting)) {
		turn(run, told < planned ? told : planned);
		if (timers_now() >= told) {
			told_counts(&run->told, timers_now(), false);
			told = timers_now() + TIMERS_SECOND - (timers_now() - began) % TIMERS_SECOND;
		}
	}
	plan_stop(&run->plan);
	/* What has begun ends. */
	end = timers_now() + JOBS_PATIENCE;
	while (stopped < 2 && jobs_busy(&run->jobs) && timers_now() < end)
		turn(run, timers_now() + TIMERS_SECOND / 20);
}

static int run_init(struct run *run, const struct options *options, const struct mix *mix)
{
	run->told.began = timers_now();
	if (jobs_init(&run->jobs, options, mix, &run->timers, &run->told))
		return -ENOMEM;
	if (timers_init(&run->timers, options->clients + run->jobs.count))
		goto no_timers;
	if (plan_init(&run->plan, options, mix, &run->timers, run->told.began))
		goto no_plan;
	return 0;
no_plan:
	timers_free(&run->timers);
no_timers:
	jobs_free(&run->jobs);
	return -ENOMEM;
}

static void on_signal(int number)
{
	(void)number;
	stopped = stopped + 1;
}

int run_clients(const struct options *options, const struct mix *mix)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct run run = { 0 };

	if (!options->has_resolver || !options->sources.has_four) {
		fprintf(stderr, "lab-clients: run wants --resolver and --from\n");
		return 2;
	}
	if (!sources_usable(&options->sources, options->clients))
		return 1;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (run_init(&run, options, mix))
		return -ENOMEM;
	run_to_end(&run);
	told_counts(&run.told, timers_now(), true);
	plan_free(&run.plan);
	timers_free(&run.timers);
	jobs_free(&run.jobs);
	return 0;
}
