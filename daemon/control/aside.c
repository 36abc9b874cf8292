/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/aside.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/offline.h"

/* The caller reads what the job left when the thread has been joined. */
struct running {
	void (*job)(void *argument);
	void *argument;
	int done; /* eventfd */
};

static void *run(void *argument)
{
	const struct running *running = argument;
	const uint64_t one = 1;

	running->job(running->argument);
	while (write(running->done, &one, sizeof(one)) != (ssize_t)sizeof(one))
		;
	return NULL;
}

static void serve_meanwhile(const struct running *running, const struct aside_work *work)
{
	struct pollfd fds[2] = { { .fd = running->done, .events = POLLIN } };

	while (!(fds[0].revents & POLLIN)) {
		fds[1] = (struct pollfd) { .fd = work->fd(work->context), .events = POLLIN };
		if (poll(fds, 2, 1000) > 0 && fds[1].revents)
			work->serve(work->context);
	}
}

void aside_run(void (*job)(void *argument), void *argument, const struct aside_work *work)
{
	struct running running = { job, argument, eventfd(0, EFD_CLOEXEC) };
	pthread_t thread;

	if (running.done < 0 || pthread_create(&thread, NULL, run, &running)) {
		if (running.done >= 0)
			close(running.done);
		job(argument);
		return;
	}
	serve_meanwhile(&running, work);
	pthread_join(thread, NULL);
	close(running.done);
}

struct loading {
	const char *path, *given;
	struct problems *problems;
	struct policy *policy;
};

static void load(void *argument)
{
	struct loading *loading = argument;

	loading->policy = loading->given ? offline_load_given(loading->given, loading->problems)
					 : offline_load(loading->path, loading->problems);
#ifdef __GLIBC__
	/* glibc keeps what reading took, and the table is filled next: the peak would be both together */
	malloc_trim(0);
#endif
}

struct policy *aside_load(const char *config_path, const char *given, struct problems *problems,
			  const struct aside_work *work)
{
	struct loading loading = { config_path, given, problems, NULL };

	aside_run(load, &loading, work);
	return loading.policy;
}
