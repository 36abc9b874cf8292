/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/aside.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/offline.h"

/* The caller reads it again when the thread has been joined. */
struct loading {
	const char *path;
	struct problems *problems;
	struct policy *policy;
	int done; /* eventfd */
};

static void *load(void *argument)
{
	struct loading *loading = argument;
	const uint64_t one = 1;

	loading->policy = offline_load(loading->path, loading->problems);
	while (write(loading->done, &one, sizeof(one)) != (ssize_t)sizeof(one))
		;
	return NULL;
}

static void serve_meanwhile(const struct loading *loading, const struct aside_work *work)
{
	struct pollfd fds[2] = { { .fd = loading->done, .events = POLLIN } };

	while (!(fds[0].revents & POLLIN)) {
		fds[1] = (struct pollfd) { .fd = work->fd(work->context), .events = POLLIN };
		if (poll(fds, 2, 1000) > 0 && fds[1].revents)
			work->serve(work->context);
	}
}

struct policy *aside_load(const char *config_path, struct problems *problems, const struct aside_work *work)
{
	struct loading loading = { config_path, problems, NULL, eventfd(0, EFD_CLOEXEC) };
	pthread_t thread;

	if (loading.done < 0 || pthread_create(&thread, NULL, load, &loading)) {
		if (loading.done >= 0)
			close(loading.done);
		return offline_load(config_path, problems);
	}
	serve_meanwhile(&loading, work);
	pthread_join(thread, NULL);
	close(loading.done);
	return loading.policy;
}
