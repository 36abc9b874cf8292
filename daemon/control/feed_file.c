/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/feed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/limits.h"
#include "policy/catalog_read.h"

#define PATH_SIZE 4096

/* ---- reading ---- */

/* The whole file; NULL with errno. */
static char *slurp(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	char *text = malloc(LIMIT_FEED_FILE + 1);
	struct stat info;
	ssize_t got = 1;

	*length = 0;
	if (fd < 0 || !text || fstat(fd, &info))
		error = errno;
	else if (!S_ISREG(info.st_mode))
		error = EINVAL;
	while (!error && got > 0 && *length <= LIMIT_FEED_FILE) {
		got = read(fd, text + *length, LIMIT_FEED_FILE + 1 - *length);
		if (got < 0)
			error = errno;
		*length += got > 0 ? (size_t)got : 0;
	}
	if (!error && *length > LIMIT_FEED_FILE)
		error = EFBIG;
	if (fd >= 0)
		close(fd);
	if (error) {
		free(text);
		text = NULL;
		errno = error;
	}
	return text;
}

static void tell_unreadable(const char *path, int error, struct problems *problems)
{
	problem_add(problems, PROBLEM_ERROR, path, 0, "", "cannot be read: %s",
		    error == EINVAL  ? "it is not a regular file"
		    : error == EFBIG ? "it is larger than 16 MiB"
				     : strerror(error));
}

json_t *feed_file_read(const char *path, struct problems *problems)
{
	json_error_t error;
	json_t *root;
	size_t length, mark;
	char *text = slurp(path, &length);

	if (!text) {
		tell_unreadable(path, errno, problems);
		return NULL;
	}
	mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	root = json_loadb(text + mark, length - mark, 0, &error);
	if (!root && length == mark)
		problem_add(problems, PROBLEM_ERROR, path, 0, "", "is empty");
	else if (!root)
		problem_add(problems, PROBLEM_ERROR, path, error.line > 0 ? (unsigned int)error.line : 0, "",
			    json_error_code(&error) == json_error_premature_end_of_input ? "is cut off: %s"
											 : "not JSON: %s",
			    error.text);
	free(text);
	return root;
}

static void path_of(const char *folder, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/%s.json", folder, name);
}

json_t *feed_file_last(const char *folder, const char *name, struct problems *problems)
{
	struct problems unreadable = { 0 };
	char path[PATH_SIZE];
	json_t *root;

	path_of(folder, name, path);
	if (access(path, F_OK))
		return NULL;
	root = feed_file_read(path, &unreadable);
	if (!root || !json_is_array(json_object_get(root, "rows"))) {
		problem_add(problems, PROBLEM_WARNING, path, 0, "", "is no catalog file: nothing to compare with");
		json_decref(root);
		root = NULL;
	}
	problem_clear(&unreadable);
	return root;
}

void feed_file_date(const char *path, char out[16])
{
	struct stat info;
	struct tm date = { 0 };
	time_t when = stat(path, &info) == 0 ? info.st_mtime : time(NULL);

	gmtime_r(&when, &date);
	strftime(out, 16, "%Y-%m-%d", &date);
}

/* ---- writing ---- */

static int dump(const char *path, const json_t *catalog)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), error = 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	if (json_dumpf(catalog, file, JSON_INDENT(2)) < 0 || fputc('\n', file) == EOF || fflush(file) || fsync(fd))
		error = errno ? -errno : -ENOMEM;
	if (fclose(file) && !error)
		error = -errno;
	return error;
}

/* What nfqdnd would refuse must not come into its folder. */
static int try_reading(const char *path, struct problems *problems)
{
	struct arena *arena = arena_new();
	struct catalog_read read = catalog_read_begin(arena, problems);
	size_t errors = problems->errors;
	int result = arena ? catalog_read_file(&read, path, 0) : -ENOMEM;

	catalog_read_end(&read);
	arena_free(arena);
	return result ? result : problems->errors == errors ? 0 : -EBADMSG;
}

/* So that the new name outlives a power cut. */
static void sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

int feed_file_write(const char *folder, const char *name, const json_t *catalog, struct problems *problems)
{
	char path[PATH_SIZE], aside[PATH_SIZE];
	int error = 0;

	path_of(folder, name, path);
	/* a name that begins with a dot is no catalog file */
	snprintf(aside, sizeof(aside), "%.2000s/.%.100s.new", folder, name);
	if (mkdir(folder, 0755) && errno != EEXIST)
		error = -errno;
	if (!error)
		error = dump(aside, catalog);
	if (!error)
		error = try_reading(aside, problems);
	if (!error && rename(aside, path))
		error = -errno;
	if (error) {
		unlink(aside);
		if (error != -EBADMSG)
			problem_add(problems, PROBLEM_ERROR, path, 0, "", "cannot be written: %s", strerror(-error));
		return error;
	}
	sync_folder(folder);
	return 0;
}
