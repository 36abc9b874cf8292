/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/trial_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIAL_MARK_PATH 4096
#define TRIAL_MARK_TEXT 128
#define TRIAL_MARK_HEAD "nfqdn-unconfirmed 1 "

struct trial_mark trial_mark_of(const struct policy *tried, const struct policy *before, const struct trial_mark *last)
{
	struct trial_mark mark = { tried->config->sum, tried->catalog->sum, tried->config->sum != before->config->sum };

	if (last && last->config == mark.config) /* tried again after a restart, where `before` is a copy */
		mark.any_lists = last->any_lists;
	return mark;
}

bool trial_mark_fits(const struct trial_mark *mark, const struct policy *policy)
{
	return mark->config == policy->config->sum && (mark->any_lists || mark->lists == policy->catalog->sum);
}

static int path_of(char out[TRIAL_MARK_PATH], const char *state, const char *name)
{
	int n = snprintf(out, TRIAL_MARK_PATH, "%s/%s", state, name);

	return n < 0 || n >= TRIAL_MARK_PATH ? -ENAMETOOLONG : 0;
}

static void mark_text(const struct trial_mark *mark, char out[TRIAL_MARK_TEXT])
{
	snprintf(out, TRIAL_MARK_TEXT, TRIAL_MARK_HEAD "%016" PRIx64 " %016" PRIx64 " %d\n", mark->config, mark->lists,
		 mark->any_lists);
}

/* The text must be the one that is written of what it says. */
static int parse(const char *text, struct trial_mark *out)
{
	struct trial_mark mark = { 0 };
	char again[TRIAL_MARK_TEXT], *end;

	if (strncmp(text, TRIAL_MARK_HEAD, strlen(TRIAL_MARK_HEAD)) != 0)
		return -EBADMSG;
	mark.config = strtoull(text + strlen(TRIAL_MARK_HEAD), &end, 16);
	mark.lists = strtoull(end, &end, 16);
	mark.any_lists = strtoul(end, &end, 10) == 1;
	mark_text(&mark, again);
	if (strcmp(again, text) != 0)
		return -EBADMSG;
	*out = mark;
	return 0;
}

int trial_mark_read(const char *state, struct trial_mark *out)
{
	char path[TRIAL_MARK_PATH], text[TRIAL_MARK_TEXT] = "";
	int error = path_of(path, state, "unconfirmed");
	int fd = error < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return error < 0 ? error : -errno;
	if (read(fd, text, sizeof(text) - 1) < 0)
		error = -errno;
	close(fd);
	return error < 0 ? error : parse(text, out);
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t length = (ssize_t)strlen(text), written;
	int error = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, text, (size_t)length);
	if (written != length)
		error = written < 0 ? -errno : -ENOSPC;
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (close(fd) < 0 && error == 0)
		error = -errno;
	return error;
}

static int sync_folder(const char *state)
{
	int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		error = -errno;
	close(fd);
	return error;
}

int trial_mark_write(const char *state, const struct trial_mark *mark)
{
	char path[TRIAL_MARK_PATH], fresh[TRIAL_MARK_PATH], text[TRIAL_MARK_TEXT];
	int error = path_of(path, state, "unconfirmed");

	if (error == 0)
		error = path_of(fresh, state, "unconfirmed.new");
	if (error < 0)
		return error;
	mark_text(mark, text);
	if (mkdir(state, 0750) < 0 && errno != EEXIST)
		return -errno;
	error = write_text(fresh, text);
	if (error == 0 && rename(fresh, path) < 0)
		error = -errno;
	if (error < 0)
		unlink(fresh);
	return error < 0 ? error : sync_folder(state);
}

int trial_mark_remove(const char *state)
{
	char path[TRIAL_MARK_PATH];
	int error = path_of(path, state, "unconfirmed");

	if (error < 0)
		return error;
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return sync_folder(state);
}
