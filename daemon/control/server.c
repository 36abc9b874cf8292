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
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/limits.h"
#include "control/commands.h"
#include "control/peer.h"
#include "control/place.h"

/* A client that neither sent nor took a byte for this long makes room when another one comes and all places are
 * taken. */
#define IDLE_MS 30000
/* How long the listener rests when descriptors have run out and none of ours is closed. */
#define DEAF_MS 1000

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
	struct place place;
	struct client *clients[LIMIT_CONTROL_CLIENTS];
};

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

static int start(struct control_server *server, const char *path)
{
	int error;

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->epoll < 0 || server->listener < 0)
		return -errno;
	error = place_take(path, server->listener, server->context->peers.writers, &server->place);
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
	place_leave(&server->place);
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
