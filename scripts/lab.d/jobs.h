/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs of simulated clients: each is a question, unless its client remembers the answer, and then a connection.
 *
 * A question and a connection have a socket each, bound to the client's address, as on a device: so the kernel chooses ports as
 * it does there, and tells of each connection by itself. (One socket for all, with IP_PKTINFO, would have one port for all.) */
#ifndef NFQDN_LAB_JOBS_H
#define NFQDN_LAB_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "mix.h"
#include "options.h"
#include "timers.h"
#include "told.h"

/* The longest from a job's begin until its connection is open, or never will be; microseconds. */
#define JOBS_PATIENCE (11 * TIMERS_SECOND)

struct jobs {
	const struct options *options;
	const struct mix *mix;
	struct timers *timers; /* of TIMER_JOB */
	struct told *told; /* counts what becomes of them */
	struct jobs_device *devices; /* one for each client */
	struct job *jobs;
	uint32_t count, free; /* free: the first; count when there is none */
	int epoll; /* its events have a job's number */
};

/* As many as there may be open files, all free: `timers` need room for `count` more. What it is given must outlive it. 0, or -ENOMEM. */
int jobs_init(struct jobs *out, const struct options *options, const struct mix *mix, struct timers *timers,
	      struct told *told);
/* Sockets of those that have not ended stay open until the process ends. */
void jobs_free(struct jobs *jobs);

/* A client wants a name, both counted from 0, at a time of timers.h; without a free job it is counted as skipped. */
void jobs_begin(struct jobs *jobs, uint32_t client, uint32_t name, int64_t now);
/* The socket of the job with this number has something to tell. */
void jobs_event(struct jobs *jobs, uint32_t number, int64_t now);
/* A timer of TIMER_JOB, still set, is due. */
void jobs_due(struct jobs *jobs, struct timer *timer, int64_t now);
/* Whether one of them asks, or is not connected yet. */
bool jobs_busy(const struct jobs *jobs);

#endif
