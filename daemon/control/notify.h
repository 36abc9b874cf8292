/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the service manager how we are, by the sd_notify protocol, and who started us with --ready-fd that we are ready.
 * Nobody may want to know: then nothing is sent. What cannot be sent is lost: filtering does not depend on it. */
#ifndef NFQDN_CONTROL_NOTIFY_H
#define NFQDN_CONTROL_NOTIFY_H

#include <stdint.h>

#include "base/monotime.h"

struct notify {
	int fd; /* -1: nobody wants to know */
	int ready_fd; /* of --ready-fd, until it was used; -1: none */
	int64_t alive; /* milliseconds after which WATCHDOG=1 is due; 0: never */
	struct monotime next;
};
#define NOTIFY_NONE ((struct notify) { .fd = -1, .ready_fd = -1 })

/* Connects to the socket of $NOTIFY_SOCKET, now that sockets can still be made; $WATCHDOG_USEC and $WATCHDOG_PID say
 * whether a sign of life is wanted. `ready_fd` is taken over, -1: none. 0, also when there is no socket; -errno, and the
 * rest is as if there were none. */
int notify_open(struct notify *notify, int ready_fd);
/* "READY=1" with "STATUS=" and `status`, a line for people; the first time also a newline to ready_fd, which is closed
 * then. */
void notify_ready(struct notify *notify, const char *status);
/* "RELOADING=1" with MONOTONIC_USEC, as Type=notify-reload wants it; notify_ready() must follow. */
void notify_reloading(const struct notify *notify);
void notify_stopping(const struct notify *notify);
/* "WATCHDOG=1" when it is due. Milliseconds until the next one, or -1. */
int64_t notify_tick(struct notify *notify, struct monotime now);
void notify_close(struct notify *notify);

#endif
