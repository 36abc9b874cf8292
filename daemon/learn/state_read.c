/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/state_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/counters.h"

struct input {
	int fd;
	size_t used, next; /* octets in `buffer`; where the next line begins */
	bool ended;
	char buffer[4 * LIMIT_STATE_LINE];
};

/* 1 and the next line without its '\n'; 0 at the end; -EBADMSG or -errno. */
static int next_line(struct input *input, const char **line, size_t *length, const char **why)
{
	for (;;) {
		size_t left = input->used - input->next;
		char *begin = input->buffer + input->next;
		char *end = memchr(begin, '\n', left);
		ssize_t got;

		if (end) {
			*line = begin;
			*length = (size_t)(end - begin);
			input->next += *length + 1;
			return 1;
		}
		*why = left < LIMIT_STATE_LINE ? "it was cut short" : "a line is too long";
		if (left >= LIMIT_STATE_LINE || (input->ended && left > 0))
			return -EBADMSG;
		if (input->ended)
			return 0;
		memmove(input->buffer, begin, left);
		input->next = 0;
		input->used = left;
		got = read(input->fd, input->buffer + left, sizeof(input->buffer) - left);
		if (got < 0 && errno != EINTR)
			return -errno;
		input->used += got > 0 ? (size_t)got : 0;
		input->ended = got == 0;
	}
}

static int scan(struct input *input, struct state_record *record, state_visit *visit, void *context, const char **why)
{
	struct state_reader reader = { .stage = STATE_HEAD };
	const char *line = NULL;
	size_t length = 0;
	int rc;

	while ((rc = next_line(input, &line, &length, why)) > 0) {
		rc = state_text_line(&reader, line, length, record, why);
		if (rc < 0)
			return rc;
		if (rc > 0 && visit)
			visit(context, reader.stamp, record);
	}
	if (rc == 0 && reader.stage != STATE_ENDED) {
		*why = "it was cut short";
		rc = -EBADMSG;
	}
	return rc;
}

int state_scan(int fd, state_visit *visit, void *context, const char **why)
{
	struct input *input = malloc(sizeof(*input));
	struct state_record *record = malloc(sizeof(*record));
	int rc = -ENOMEM;

	*why = "it cannot be read";
	if (input && record) {
		input->fd = fd;
		input->used = input->next = 0;
		input->ended = false;
		rc = lseek(fd, 0, SEEK_SET) < 0 ? -errno : scan(input, record, visit, context, why);
	}
	free(input);
	free(record);
	return rc;
}

/* O_NONBLOCK: what stands there may be no file. */
static int open_file(const char *folder)
{
	int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, error;
	struct stat found;

	if (at < 0)
		return -errno;
	fd = openat(at, STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	error = fd < 0 || fstat(fd, &found) < 0 ? -errno : S_ISREG(found.st_mode) ? 0 : -EINVAL;
	close(at);
	if (error < 0 && fd >= 0)
		close(fd);
	return error < 0 ? error : fd;
}

int state_load(const char *folder, state_visit *visit, void *context, const char **why)
{
	int fd = open_file(folder), rc;

	*why = "it cannot be opened";
	if (fd < 0)
		return fd;
	rc = state_scan(fd, NULL, NULL, why);
	if (rc == 0)
		rc = state_scan(fd, visit, context, why);
	if (rc < 0)
		counters.state_refused++;
	close(fd);
	return rc;
}
