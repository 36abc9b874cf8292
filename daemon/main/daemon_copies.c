/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of answers that pass in the kernel (kernel-assist with report-names = "all"). To be woken by each would cost most
 * of what the kernel saves, so after a read their socket is left alone for LIMIT_NAMES_MS; but all are read before a denial
 * is told, and before somebody asks. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/limits.h"
#include "base/log.h"
#include "learn/copies.h"
#include "main/daemon.h"
#include "netfilter/table.h"

static int watch(struct daemon *daemon, int operation)
{
	int fd = copies_fd(daemon->copies);
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = fd };

	daemon->copies_waiting = false;
	return fd >= 0 && epoll_ctl(daemon->epoll, operation, fd, &event) < 0 ? -errno : 0;
}

static bool wanted(const struct daemon *daemon)
{
	const struct table_capabilities *capabilities = table_capabilities(daemon->table);

	return capabilities->assist && capabilities->report && daemon->policy->config->report_names == CONFIG_NAMES_ALL;
}

void daemon_copies_settle(struct daemon *daemon)
{
	const char *why = NULL;
	int error = 0;

	if (!wanted(daemon)) {
		copies_close(daemon->copies);
		return;
	}
	if (copies_fd(daemon->copies) >= 0)
		return;
	error = copies_open(daemon->copies, daemon->policy->config, &why);
	if (error == 0)
		error = watch(daemon, EPOLL_CTL_ADD);
	if (error == 0)
		return;
	copies_close(daemon->copies);
	log_warning("`nfqdnctl denied` lacks the names that no entry has: %s", why ? why : strerror(-error));
}

/* LIMIT_NAMES_TURNS of a drain's: what waits for the queue waits for no more. */
void daemon_copies_read(struct daemon *daemon)
{
	int more = copies_fd(daemon->copies) >= 0;

	daemon->context.unrecorded = table_capabilities(daemon->table)->assist && !more;
	for (int turn = 0; turn < LIMIT_NAMES_TURNS && more > 0; turn++)
		more = copies_read(daemon->copies, daemon->now);
	if (more < 0)
		daemon_copies_settle(daemon);
}

void daemon_copies_serve(struct daemon *daemon)
{
	int more = copies_read(daemon->copies, daemon->now);

	daemon->copies_waiting = true;
	daemon->copies_next = more > 0 ? daemon->now : monotime_add(daemon->now, LIMIT_NAMES_MS);
	if (more < 0)
		daemon_copies_settle(daemon);
}

int64_t daemon_copies_when_due(struct daemon *daemon)
{
	if (!daemon->copies_waiting || copies_fd(daemon->copies) < 0)
		return -1;
	if (monotime_before(daemon->now, daemon->copies_next))
		return monotime_until(daemon->now, daemon->copies_next);
	(void)watch(daemon, EPOLL_CTL_MOD);
	return -1;
}
