/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: a client's life
 *
 * reading: its bytes are received until a line is complete. A line is one request; the next one is not looked at, nor
 *   are bytes received, before its answer is sent. So a client has at most one answer in memory, however much it asks.
 * sending: the answer is written as the client takes it. A long one (`learned`) is made in pieces, the next one only
 *   when the last one is gone.
 * waiting: `wait` was asked and is not true yet; only a hang-up is listened for. control_server_notify() ends it.
 * closing: an error was found after which the connection makes no sense; the answer that says so is sent, then it ends.
 * A half-closed client (end of file, still reading) gets the answers to what it asked before.
 */
#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/limits.h"
#include "control/commands.h"
#include "control/peer.h"

/* A client that neither sent nor took a byte for this long makes room when another one comes and all places are
 * taken. */
#define IDLE_MS 30000
/* How long the listener rests when descriptors have run out and none of ours is closed. */
#define DEAF_MS 1000
#define LOCK_MS 2000
#define LOCK_TURN_MS 10
#define PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

struct client {
	int fd;
	uint32_t events; /* as told to epoll */
	bool end_of_file, closing;
	bool writes; /* may change what is in force (peer.h) */
	struct monotime progress; /* when the last byte went either way */
	struct control_wait wait;
	struct control_listing *listing; /* the answer under way has more pieces */
	char *out; /* the unsent answer or piece, or NULL */
	size_t out_length, out_sent;
	size_t used, line; /* octets in `in`; length of the first line with its '\n', 0 when it is not complete */
	size_t size; /* of `in` */
	char *in;
};

struct control_server {
	const struct control_context *context;
	int epoll, listener;
	bool deaf; /* descriptors ran out: the listener rests until a client goes or time passes */
	struct monotime hears_again;
	char path[PATH_SIZE];
	dev_t device; /* of our socket in the file system */
	ino_t inode;
	struct client *clients[LIMIT_CONTROL_CLIENTS];
};

/* ---- the socket's place in the file system ---- */

static int make_folder(const char *path, char folder[PATH_SIZE])
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (length > 0)
		snprintf(folder, PATH_SIZE, "%.*s", (int)length, path);
	else
		snprintf(folder, PATH_SIZE, "%s", slash ? "/" : ".");
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
	char folder[PATH_SIZE];
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

static int bind_place(struct control_server *server, const struct sockaddr_un *address)
{
	struct stat made;
	/* 0660 from the first moment; a file has one group: where two may come, peer.h tells them apart */
	mode_t before = umask(server->context->peers.writers ? 0111 : 0117);
	int result = bind(server->listener, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(before);
	if (result < 0)
		return result;
	if (lstat(address->sun_path, &made) < 0)
		return -errno;
	memcpy(server->path, address->sun_path, sizeof(server->path));
	server->device = made.st_dev;
	server->inode = made.st_ino;
	return listen(server->listener, LIMIT_CONTROL_CLIENTS) < 0 ? -errno : 0;
}

static int take_place(struct control_server *server, const struct sockaddr_un *address)
{
	int folder = -1, error = lock_folder(address->sun_path, &folder);

	if (error < 0)
		return error;
	error = clear_place(address);
	if (error == 0)
		error = bind_place(server, address);
	close(folder); /* and its lock */
	return error;
}

static void leave_place(const struct control_server *server)
{
	struct stat found;

	if (server->path[0] && lstat(server->path, &found) == 0 && found.st_dev == server->device &&
	    found.st_ino == server->inode)
		unlink(server->path);
}

/* ---- what epoll watches ---- */

static int watch(struct control_server *server, int operation, int fd, uint32_t events, void *who)
{
	struct epoll_event event = { .events = events, .data.ptr = who };

	return epoll_ctl(server->epoll, operation, fd, &event) < 0 ? -errno : 0;
}

/* Descriptors have run out: without this the listener would stay readable and the loop would spin. */
static void set_deaf(struct control_server *server, bool deaf)
{
	if (server->deaf != deaf && watch(server, EPOLL_CTL_MOD, server->listener, deaf ? 0 : EPOLLIN, NULL) == 0)
		server->deaf = deaf;
}

static void rest(struct control_server *server, struct monotime now)
{
	server->hears_again = monotime_add(now, DEAF_MS);
	set_deaf(server, true);
}

static uint32_t wanted_events(const struct client *client)
{
	if (client->wait.kind != CONTROL_WAIT_NONE)
		return 0; /* a hang-up is always told */
	if (client->out || client->listing || client->line)
		return EPOLLOUT;
	return EPOLLIN;
}

static int rewatch(struct control_server *server, struct client *client)
{
	uint32_t events = wanted_events(client);

	if (events == client->events)
		return 0;
	client->events = events;
	return watch(server, EPOLL_CTL_MOD, client->fd, events, client);
}

/* ---- clients come and go ---- */

static void drop_client(struct control_server *server, struct client *client)
{
	for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		if (server->clients[i] == client)
			server->clients[i] = NULL;
	close(client->fd);
	control_listing_free(client->listing);
	free(client->out);
	free(client->in);
	free(client);
	set_deaf(server, false);
}

/* Somebody who may change what is in force is never kept out by those who look: of them the one that was silent for
 * longest goes. */
static bool makes_room(const struct client *client, bool writer, struct monotime now)
{
	if (writer && !client->writes)
		return true;
	return client->wait.kind == CONTROL_WAIT_NONE && monotime_until(client->progress, now) >= IDLE_MS;
}

static void drop_oldest_client(struct control_server *server, bool writer, struct monotime now)
{
	struct client *oldest = NULL;

	for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
		struct client *client = server->clients[i];

		if (makes_room(client, writer, now) && (!oldest || monotime_before(client->progress, oldest->progress)))
			oldest = client;
	}
	if (!oldest)
		return;
	counters.control_refused++;
	drop_client(server, oldest);
}

static struct client **free_place(struct control_server *server)
{
	for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		if (!server->clients[i])
			return &server->clients[i];
	return NULL;
}

static void turn_away(int fd, const char *why)
{
	char *line = control_commands_error(1, why);

	if (line)
		send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(line);
	close(fd);
	counters.control_refused++;
}

static int add_client(struct control_server *server, struct client **place, int fd, bool writes, struct monotime now)
{
	struct client *client = calloc(1, sizeof(*client));
	char *in = malloc(LIMIT_CONTROL_REQUEST); /* not calloc: most is never touched */
	int error = client && in ? 0 : -ENOMEM;

	if (error < 0)
		goto failed;
	client->in = in;
	client->size = LIMIT_CONTROL_REQUEST;
	client->fd = fd;
	client->writes = writes;
	client->events = EPOLLIN;
	client->progress = now;
	error = watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, client);
	if (error < 0)
		goto failed;
	*place = client;
	return 0;
failed:
	free(in);
	free(client);
	return error;
}

static void accept_client(struct control_server *server, struct monotime now)
{
	/* cppcheck-suppress nullPointer ; the peer's address is not wanted */
	int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client **place;
	enum peer_right right;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			rest(server, now);
		return;
	}
	right = peer_right(fd, &server->context->peers);
	if (right == PEER_NONE) {
		turn_away(fd,
			  "only root, nfqdnd's own user and its group, and the group of gateway.control-group may ask");
		return;
	}
	if (!free_place(server))
		drop_oldest_client(server, right == PEER_WRITE, now);
	place = free_place(server);
	if (!place || add_client(server, place, fd, right == PEER_WRITE, now) < 0)
		turn_away(fd, "too many control clients at once");
}

/* ---- sending ---- */

/* Takes `text` over; a client has one answer at a time. 0, or -ENOMEM for NULL, -EMSGSIZE over the limit. */
static int answer(struct client *client, char *text)
{
	if (!text)
		return -ENOMEM;
	client->out = text;
	client->out_sent = 0;
	client->out_length = strlen(text);
	return client->out_length > LIMIT_CONTROL_BACKLOG ? -EMSGSIZE : 0;
}

/* Sends what the client takes. 0 or -errno (the client is to be dropped). */
static int flush(struct client *client, struct monotime now)
{
	ssize_t sent;

	if (!client->out)
		return 0;
	sent = send(client->fd, client->out + client->out_sent, client->out_length - client->out_sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	client->progress = now;
	client->out_sent += (size_t)sent;
	if (client->out_sent == client->out_length) {
		free(client->out);
		client->out = NULL;
	}
	return 0;
}

/* ---- receiving ---- */

/* Looks for the end of the first line in what came since `from`. */
static void find_line(struct client *client, size_t from)
{
	const char *end = memchr(client->in + from, '\n', client->used - from);

	client->line = end ? (size_t)(end - client->in) + 1 : 0;
}

static int refuse_line(struct client *client, const char *why)
{
	counters.control_refused++;
	client->closing = true;
	client->used = client->line = 0;
	return answer(client, control_commands_error(2, why));
}

/* A configuration is longer than a question. */
static bool is_room(struct client *client)
{
	char *in;

	if (client->used < client->size)
		return true;
	in = client->writes && client->size < LIMIT_CONTROL_CHANGE ? realloc(client->in, LIMIT_CONTROL_CHANGE) : NULL;
	if (!in)
		return false;
	client->in = in;
	client->size = LIMIT_CONTROL_CHANGE;
	return true;
}

static int receive(struct client *client, struct monotime now)
{
	ssize_t received = recv(client->fd, client->in + client->used, client->size - client->used, MSG_DONTWAIT);
	size_t before = client->used;

	if (received < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (received == 0) {
		client->end_of_file = true;
		return client->used ? refuse_line(client, "the last line does not end") : 0;
	}
	client->progress = now;
	client->used += (size_t)received;
	find_line(client, before);
	if (!client->line && !is_room(client))
		return refuse_line(client, "the line is too long");
	return 0;
}

/* ---- serving ---- */

static int take_request(struct control_server *server, struct client *client, struct monotime now)
{
	struct control_reply reply;
	int error = control_commands_run(server->context, now, client->writes, client->in, client->line - 1, &reply);

	if (error < 0)
		return error;
	memmove(client->in, client->in + client->line, client->used - client->line);
	client->used -= client->line;
	find_line(client, 0);
	client->wait = reply.wait;
	client->listing = reply.listing;
	if (reply.malformed) {
		counters.control_refused++;
		client->closing = true;
		client->used = client->line = 0;
	}
	return reply.text ? answer(client, reply.text) : 0;
}

static int next_piece(struct control_server *server, struct client *client, struct monotime now)
{
	bool more = false;
	char *text = control_commands_piece(client->listing, server->context, now, &more);

	if (!more) {
		control_listing_free(client->listing);
		client->listing = NULL;
	}
	return answer(client, text);
}

/* One step: send what is there; when that is gone, make the next piece or take the next request. */
static int step(struct control_server *server, struct client *client, struct monotime now)
{
	int error = flush(client, now);

	if (error < 0 || client->out)
		return error;
	if (client->listing)
		error = next_piece(server, client, now);
	else if (client->line)
		error = take_request(server, client, now);
	return error < 0 ? error : flush(client, now);
}

static bool finished(const struct client *client)
{
	bool idle = !client->out && !client->listing && !client->line && client->wait.kind == CONTROL_WAIT_NONE;

	return idle && (client->closing || client->end_of_file);
}

static void after_step(struct control_server *server, struct client *client, int error)
{
	if (error == -EMSGSIZE || error == -ENOMEM)
		counters.control_refused++;
	if (error < 0 || finished(client) || rewatch(server, client) < 0)
		drop_client(server, client);
}

static void serve_client(struct control_server *server, struct client *client, uint32_t events, struct monotime now)
{
	int error = 0;

	if (events & (EPOLLHUP | EPOLLERR)) { /* nobody is there to read an answer */
		drop_client(server, client);
		return;
	}
	if (events & EPOLLIN)
		error = receive(client, now);
	if (error == 0)
		error = step(server, client, now);
	after_step(server, client, error);
}

void control_server_run(struct control_server *server, struct monotime now)
{
	struct epoll_event event;

	/* epoll hands out ready descriptors in turn, so that one event at a time serves all alike */
	if (epoll_wait(server->epoll, &event, 1, 0) != 1)
		return;
	if (!event.data.ptr)
		accept_client(server, now);
	else
		serve_client(server, event.data.ptr, event.events, now);
}

/* Ends the waiting if it is time. Returns the milliseconds that are left, or -1 when it ended. */
static int64_t check_wait(struct control_server *server, struct client *client, struct monotime now)
{
	struct control_wait wait = client->wait;
	bool met = control_wait_met(&wait, server->context);
	int error;

	if (!met && monotime_before(now, wait.deadline))
		return monotime_until(now, wait.deadline);
	client->wait.kind = CONTROL_WAIT_NONE;
	error = answer(client, control_commands_waited(&wait, met));
	if (error == 0)
		error = flush(client, now);
	after_step(server, client, error);
	return -1;
}

int64_t control_server_notify(struct control_server *server, struct monotime now)
{
	int64_t soonest = -1;

	if (!monotime_before(now, server->hears_again))
		set_deaf(server, false);
	for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
		struct client *client = server->clients[i];
		int64_t left;

		if (!client || client->wait.kind == CONTROL_WAIT_NONE)
			continue;
		left = check_wait(server, client, now);
		if (left >= 0 && (soonest < 0 || left < soonest))
			soonest = left;
	}
	return soonest;
}

/* ---- open and close ---- */

static int make_address(const char *path, struct sockaddr_un *out)
{
	if (strlen(path) >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	*out = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(out->sun_path, path, strlen(path));
	return 0;
}

int control_server_probe(const char *path)
{
	struct sockaddr_un address;
	int found = make_address(path, &address);

	if (found == 0)
		found = look_at_place(&address);
	return found < 0 ? found : 0;
}

static int start(struct control_server *server, const char *path)
{
	struct sockaddr_un address;
	int error = make_address(path, &address);

	if (error < 0)
		return error;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->epoll < 0 || server->listener < 0)
		return -errno;
	error = take_place(server, &address);
	return error < 0 ? error : watch(server, EPOLL_CTL_ADD, server->listener, EPOLLIN, NULL);
}

int control_server_open(const char *path, const struct control_context *context, struct control_server **out)
{
	struct control_server *server = calloc(1, sizeof(*server));
	int error;

	if (!server)
		return -ENOMEM;
	server->context = context;
	server->epoll = server->listener = -1;
	error = start(server, path);
	if (error < 0) {
		control_server_close(server);
		return error;
	}
	*out = server;
	return 0;
}

void control_server_close(struct control_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		if (server->clients[i])
			drop_client(server, server->clients[i]);
	leave_place(server);
	if (server->listener >= 0)
		close(server->listener);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

int control_server_fd(const struct control_server *server)
{
	return server->epoll;
}
