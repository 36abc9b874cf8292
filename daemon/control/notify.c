/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path, int *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	int fd, error = 0;

	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') /* an abstract socket is spelled so in the environment */
		address.sun_path[0] = '\0';
	/* a manager that does not read must not hold answers up */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		error = -errno;
	if (error < 0)
		close(fd);
	else
		*out = fd;
	return error;
}

/* 0: none that is lawful. */
static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t number;

	if (!text || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	number = strtoull(text, &end, 10);
	return errno || *end ? 0 : number;
}

/* Twice as often as the manager wants it, as sd_watchdog_enabled(3) advises. */
static int64_t sign_of_life(void)
{
	uint64_t microseconds = number_of(getenv("WATCHDOG_USEC"));
	int64_t half = microseconds < INT64_MAX ? (int64_t)(microseconds / 2000) : 0;

	if (microseconds == 0 || (getenv("WATCHDOG_PID") && number_of(getenv("WATCHDOG_PID")) != (uint64_t)getpid()))
		return 0;
	return half > 0 ? half : 1;
}

int notify_open(struct notify *notify, int ready_fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int error;

	*notify = NOTIFY_NONE;
	notify->ready_fd = ready_fd;
	if (!path || (path[0] != '/' && path[0] != '@'))
		return 0;
	error = connect_to(path, &notify->fd);
	if (error == 0)
		notify->alive = sign_of_life();
	return error;
}

static void tell(const struct notify *notify, const char *state)
{
	if (notify->fd >= 0)
		(void)send(notify->fd, state, strlen(state), MSG_NOSIGNAL);
}

void notify_ready(struct notify *notify, const char *status)
{
	char text[512];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", status);
	tell(notify, text);
	if (notify->ready_fd < 0)
		return;
	while (write(notify->ready_fd, "\n", 1) < 0 && errno == EINTR)
		;
	close(notify->ready_fd);
	notify->ready_fd = -1;
}

void notify_reloading(const struct notify *notify)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, monotime_usec());
	tell(notify, text);
}

void notify_stopping(const struct notify *notify)
{
	tell(notify, "STOPPING=1");
}

int64_t notify_tick(struct notify *notify, struct monotime now)
{
	if (!notify->alive)
		return -1;
	if (!monotime_before(now, notify->next)) {
		tell(notify, "WATCHDOG=1");
		notify->next = monotime_add(now, notify->alive);
	}
	return monotime_until(now, notify->next);
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	if (notify->ready_fd >= 0)
		close(notify->ready_fd);
	*notify = NOTIFY_NONE;
}
