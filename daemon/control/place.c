/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

#define LOCK_MS 2000
#define LOCK_TURN_MS 10

static int make_address(const char *path, struct sockaddr_un *out)
{
	if (strlen(path) >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	*out = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(out->sun_path, path, strlen(path));
	return 0;
}

/* ---- turns ---- */

static int make_folder(const char *path, char folder[PLACE_PATH_SIZE])
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (length > 0)
		snprintf(folder, PLACE_PATH_SIZE, "%.*s", (int)length, path);
	else
		snprintf(folder, PLACE_PATH_SIZE, "%s", slash ? "/" : ".");
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* Whoever may read a folder may lock it: a daemon does so for a moment, and no other shall keep us from starting. */
static int wait_lock(int fd)
{
	for (int waited = 0; waited < LOCK_MS; waited += LOCK_TURN_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		(void)poll(NULL, 0, LOCK_TURN_MS);
	}
	return 0;
}

/* Two daemons that start at the same moment must not both find the socket dead: the folder's lock makes them take
 * turns. */
static int lock_folder(const char *path, int *out)
{
	char folder[PLACE_PATH_SIZE];
	int error = make_folder(path, folder);
	int fd;

	if (error < 0)
		return error;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = wait_lock(fd);
	if (error < 0) {
		close(fd);
		return error;
	}
	*out = fd;
	return 0;
}

/* ---- what stands there ---- */

/* 0 when nobody listens there; -EBUSY when somebody does. */
static int probe(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		error = -EBUSY; /* EAGAIN: alive, with many clients in line */
	else if (errno != ECONNREFUSED && errno != ENOENT)
		error = -errno;
	close(fd);
	return error;
}

/* 0 when there is nothing, 1 a dead socket; -EBUSY, -EEXIST. */
static int look_at_place(const struct sockaddr_un *address)
{
	struct stat found;
	int error;

	if (lstat(address->sun_path, &found) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(found.st_mode))
		return -EEXIST;
	error = probe(address);
	return error < 0 ? error : 1;
}

static int clear_place(const struct sockaddr_un *address)
{
	int found = look_at_place(address);

	if (found <= 0)
		return found;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int place_probe(const char *path)
{
	struct sockaddr_un address;
	int found = make_address(path, &address);

	if (found == 0)
		found = look_at_place(&address);
	return found < 0 ? found : 0;
}

/* ---- coming and going ---- */

static int bind_place(int listener, const struct sockaddr_un *address, bool everybody, struct place *out)
{
	struct place place = { 0 };
	struct stat made;
	/* 0660 from the first moment; a file has one group: where two may come, peer.h tells them apart */
	mode_t before = umask(everybody ? 0111 : 0117);
	int result = bind(listener, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(before);
	if (result < 0)
		return result;
	if (lstat(address->sun_path, &made) < 0)
		return -errno;
	memcpy(place.path, address->sun_path, sizeof(place.path));
	place.device = made.st_dev;
	place.inode = made.st_ino;
	if (listen(listener, LIMIT_CONTROL_CLIENTS) < 0) {
		result = -errno;
		place_leave(&place);
		return result;
	}
	*out = place;
	return 0;
}

int place_take(const char *path, int listener, bool everybody, struct place *out)
{
	struct sockaddr_un address;
	int folder = -1, error = make_address(path, &address);

	if (error == 0)
		error = lock_folder(address.sun_path, &folder);
	if (error < 0)
		return error;
	error = clear_place(&address);
	if (error == 0)
		error = bind_place(listener, &address, everybody, out);
	close(folder); /* and its lock */
	return error;
}

void place_leave(const struct place *place)
{
	struct stat found;

	if (place->path[0] && lstat(place->path, &found) == 0 && found.st_dev == place->device &&
	    found.st_ino == place->inode)
		unlink(place->path);
}
