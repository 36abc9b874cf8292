/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/table_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define LOCK_PREFIX "nfqdn/"

/* ---- the file ---- */

/* 0 when `fd` is locked and still the file of that name; -EAGAIN when it was removed meanwhile. */
static int file_lock(int folder, const char *name, int fd)
{
	struct stat held, there;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (fstat(fd, &held) < 0)
		return -errno;
	if (fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || there.st_ino != held.st_ino)
		return -EAGAIN;
	return 0;
}

static int file_take(int folder, const char *name, int *out)
{
	int fd, error;

	do {
		fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		error = file_lock(folder, name, fd);
		if (error < 0)
			close(fd);
	} while (error == -EAGAIN);
	if (error == 0)
		*out = fd;
	return error;
}

/* Files of daemons that are gone: nfqdnd itself cannot remove its own, since it is another user by then. */
static void file_sweep(int folder)
{
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		fd = openat(folder, entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0 && file_lock(folder, entry->d_name, fd) == 0)
			unlinkat(folder, entry->d_name, 0);
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
	else if (copy >= 0)
		close(copy);
}

/* A folder that others may write to is none of ours. */
static int file_folder(void)
{
	struct stat found;
	int fd, error = 0;

	if (mkdir(TABLE_LOCK_FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(TABLE_LOCK_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &found) < 0)
		error = -errno;
	else if (found.st_uid != 0 || (found.st_mode & 022) != 0)
		error = -EACCES;
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

static int file_hold(const char *table, int *out)
{
	char name[NAME_MAX + 1];
	struct stat space;
	int folder, error;

	if (geteuid() != 0 || stat("/proc/self/ns/net", &space) < 0)
		return -EACCES;
	folder = file_folder();
	if (folder < 0)
		return folder;
	snprintf(name, sizeof(name), "%llu-%s", (unsigned long long)space.st_ino, table);
	/* One at a time: who sweeps locks, for a moment, a file that another has made and not locked yet. */
	if (flock(folder, LOCK_EX) < 0) {
		error = -errno;
	} else {
		file_sweep(folder);
		error = file_take(folder, name, out);
	}
	close(folder);
	return error;
}

/* ---- the name ---- */

/* Of the same user namespace, with CAP_NET_ADMIN in effect. */
static bool may_change_tables(pid_t pid)
{
	unsigned long long effective = 0;
	struct stat theirs, ours;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (stat(path, &theirs) < 0 || stat("/proc/self/ns/user", &ours) < 0 || theirs.st_ino != ours.st_ino)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "CapEff:", 7) == 0)
			effective = strtoull(line + 7, NULL, 16);
	if (file)
		fclose(file);
	return (effective & 1ULL << CAP_NET_ADMIN) != 0;
}

/* Does an nfqdnd listen there? One whose line of callers a stranger has filled is known by its file. */
static bool name_is_ours(const struct sockaddr_un *address, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(struct ucred);
	struct ucred peer = { 0 };
	bool ours = false;

	if (fd < 0)
		return true;
	if (connect(fd, (const struct sockaddr *)address, length) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		ours = peer.uid == 0 || peer.uid == geteuid() || may_change_tables(peer.pid);
	close(fd);
	return ours;
}

static int name_hold(const char *table, int *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(table);
	int fd, error = 0;

	if (length > sizeof(address.sun_path) - sizeof(LOCK_PREFIX))
		return -ENAMETOOLONG;
	memcpy(address.sun_path + 1, LOCK_PREFIX, strlen(LOCK_PREFIX));
	memcpy(address.sun_path + sizeof(LOCK_PREFIX), table, length);
	length += offsetof(struct sockaddr_un, sun_path) + sizeof(LOCK_PREFIX);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, (socklen_t)length) < 0 || listen(fd, 16) < 0) /* for SO_PEERCRED */
		error = -errno;
	if (error == -EADDRINUSE && name_is_ours(&address, (socklen_t)length))
		error = -EBUSY;
	if (error == 0)
		*out = fd;
	else
		close(fd);
	return error;
}

int table_lock_take(const char *table, struct table_lock *out)
{
	struct table_lock lock = TABLE_LOCK_NONE;
	int error = file_hold(table, &lock.file);

	/* Where there is no file to lock (not root, no /run) the name alone must do. */
	if (error != -EBUSY)
		error = name_hold(table, &lock.name);
	if (error == -EADDRINUSE && lock.file >= 0) {
		log_warning("a program that may not change nf_tables holds the abstract socket \"" LOCK_PREFIX
			    "%s\"; the lock is " TABLE_LOCK_FOLDER " alone",
			    table);
		error = 0;
	}
	if (error == 0)
		*out = lock;
	else
		table_lock_leave(&lock);
	return error;
}

void table_lock_leave(struct table_lock *lock)
{
	if (lock->name >= 0)
		close(lock->name);
	if (lock->file >= 0)
		close(lock->file);
	*lock = TABLE_LOCK_NONE;
}
