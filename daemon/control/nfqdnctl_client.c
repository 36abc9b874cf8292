/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/protocol.h"

/* An answer longer than this is not one of nfqdnd's: 100,000 elements with 16 long names each stay below. */
#define ANSWER_MAX ((size_t)1 << 30)

static int connect_to(const char *path, unsigned int timeout, int *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = timeout };
	int fd, error = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		error = -errno;
	if (error < 0)
		close(fd);
	else
		*out = fd;
	return error;
}

/* A daemon that turns us away may have closed already: its answer is there to read all the same. */
static int send_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
		if (sent > 0) {
			data += sent;
			length -= (size_t)sent;
		}
	}
	return 0;
}

static int send_request(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int error;

	if (!text)
		return -ENOMEM;
	error = send_all(fd, text, strlen(text));
	if (error == 0)
		error = send_all(fd, "\n", 1);
	free(text);
	return error;
}

struct line {
	char *data;
	size_t used, room;
};

static int grow(struct line *line)
{
	size_t room = line->room ? 2 * line->room : 65536;
	char *data = room <= ANSWER_MAX ? realloc(line->data, room) : NULL;

	if (!data)
		return room <= ANSWER_MAX ? -ENOMEM : -EPROTO;
	line->data = data;
	line->room = room;
	return 0;
}

static int receive_line(int fd, struct line *line)
{
	for (;;) {
		int error = line->used == line->room ? grow(line) : 0;
		ssize_t received;

		if (error < 0)
			return error;
		received = recv(fd, line->data + line->used, line->room - line->used, 0);
		if (received < 0 && errno == EINTR)
			continue;
		if (received <= 0)
			return received < 0 ? -errno : -ECONNRESET;
		line->used += (size_t)received;
		if (line->data[line->used - 1] == '\n')
			return 0;
	}
}

static int read_answer(const struct line *line, json_t **out)
{
	json_t *answer = json_loadb(line->data, line->used, 0, NULL);

	if (!json_is_object(answer) || json_integer_value(json_object_get(answer, "api")) != CONTROL_API ||
	    !json_is_boolean(json_object_get(answer, "ok"))) {
		json_decref(answer);
		return -EPROTO;
	}
	*out = answer;
	return 0;
}

int nfqdnctl_client_ask(const char *path, const json_t *request, unsigned int timeout, json_t **out)
{
	struct line line = { 0 };
	int fd = -1, error = connect_to(path, timeout, &fd);

	if (error < 0)
		return error;
	error = send_request(fd, request);
	if (error == 0)
		error = receive_line(fd, &line);
	if (error == 0)
		error = read_answer(&line, out);
	free(line.data);
	close(fd);
	return error;
}
