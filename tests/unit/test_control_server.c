/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: control/server.o control/place.o base/counters.o */
/* The control socket against clients of every kind. The commands are made up here, so that only the server is under
 * test. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "control/commands.h"
#include "control/place.h"
#include "control/server.h"

/* ---- made-up commands ---- */

struct control_listing {
	unsigned int left;
};

static unsigned int requests, pieces, listings;
static bool wish;

static char *repeated(size_t length)
{
	char *text = malloc(length + 2);

	assert_non_null(text);
	memset(text, 'x', length);
	strcpy(text + length, "\n");
	return text;
}

static char *printed(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	assert_true(vasprintf(&text, format, arguments) >= 0);
	va_end(arguments);
	return text;
}

static struct control_listing *new_listing(unsigned int left)
{
	struct control_listing *listing = malloc(sizeof(*listing));

	assert_non_null(listing);
	listing->left = left;
	listings++;
	return listing;
}

static enum peer_right right; /* of who comes next */

enum peer_right peer_right(int fd, const struct peer_rules *rules)
{
	(void)fd;
	(void)rules;
	return right;
}

int control_commands_run(const struct control_context *context, struct monotime now, bool writes, const char *line,
			 size_t length, struct control_reply *out)
{
	char word[64] = "";

	(void)context;
	if (length == 3 && memcmp(line, "who", 3) == 0) {
		*out = (struct control_reply) { .text = printed(writes ? "writer\n" : "reader\n") };
		return 0;
	}
	requests++;
	memcpy(word, line, length < 63 ? length : 63);
	*out = (struct control_reply) { 0 };
	if (strncmp(word, "big ", 4) == 0)
		out->text = repeated(strtoul(word + 4, NULL, 10));
	else if (strncmp(word, "list ", 5) == 0)
		*out = (struct control_reply) { .text = printed("["),
						.listing = new_listing((unsigned int)atoi(word + 5)) };
	else if (strncmp(word, "wait ", 5) == 0)
		out->wait = (struct control_wait) { .kind = CONTROL_WAIT_READY,
						    .deadline = monotime_add(now, atoi(word + 5)) };
	else if (strcmp(word, "garbage") == 0)
		*out = (struct control_reply) { .text = printed("bad\n"), .malformed = true };
	else if (strcmp(word, "nomem") == 0)
		return -ENOMEM;
	else
		out->text = printed("%zu:%s\n", length, word);
	return 0;
}

char *control_commands_piece(struct control_listing *listing, const struct control_context *context,
			     struct monotime now, bool *more)
{
	(void)context;
	(void)now;
	pieces++;
	*more = --listing->left > 0;
	return *more ? printed("%08192d", 7) : printed("]\n");
}

char *control_commands_waited(const struct control_wait *wait, bool met)
{
	(void)wait;
	return printed("%s\n", met ? "met" : "over");
}

char *control_commands_error(int status, const char *text)
{
	return printed("error %d %s\n", status, text);
}

bool control_wait_met(const struct control_wait *wait, const struct control_context *context)
{
	(void)wait;
	(void)context;
	return wish;
}

void control_listing_free(struct control_listing *listing)
{
	if (listing)
		listings--;
	free(listing);
}

/* ---- the world ---- */

struct world {
	char folder[64], path[96];
	struct control_context context;
	struct control_server *server;
	struct monotime now;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->folder, "/tmp/nfqdn-control-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/run/control.sock", world->folder);
	world->now.msec = 1000000;
	requests = pieces = listings = 0;
	right = PEER_READ;
	wish = false;
	memset(&counters, 0, sizeof(counters));
	assert_int_equal(control_server_open(world->path, &world->context, &world->server), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char text[160];

	control_server_close(world->server);
	assert_int_equal(listings, 0);
	assert_int_equal(access(world->path, F_OK), -1);
	snprintf(text, sizeof(text), "rm -rf %s", world->folder);
	assert_int_equal(system(text), 0);
	free(world);
	return 0;
}

static bool readable(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, 0) == 1;
}

/* Runs the server until it has nothing to do; a server that spins fails. Returns the steps. */
static unsigned int pump(struct world *world)
{
	unsigned int steps = 0;

	while (readable(control_server_fd(world->server))) {
		unsigned int before = requests + pieces;

		control_server_run(world->server, world->now);
		assert_true(requests + pieces <= before + 1); /* one step does one thing */
		assert_true(++steps < 200000);
	}
	return steps;
}

static int dial(struct world *world)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, world->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say_bytes(int fd, const void *data, size_t length)
{
	assert_int_equal(send(fd, data, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* What has arrived, as a static text; "EOF" alone at the end of the connection. */
static const char *heard(int fd)
{
	static char text[8192];
	ssize_t received = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (received < 0)
		return errno == EAGAIN ? "" : "EOF";
	if (received == 0)
		return "EOF";
	text[received] = '\0';
	return text;
}

static void ask(struct world *world, int fd, const char *question, const char *answer)
{
	say(fd, question);
	pump(world);
	assert_string_equal(heard(fd), answer);
}

/* Reads `length` octets while the server runs. */
static void take(struct world *world, int fd, size_t length)
{
	static char room[65536];

	while (length > 0) {
		ssize_t received = recv(fd, room, length < sizeof(room) ? length : sizeof(room), MSG_DONTWAIT);

		assert_int_not_equal(received, 0);
		if (received > 0)
			length -= (size_t)received;
		else
			assert_true(pump(world) > 0);
	}
}

/* ---- the socket's place ---- */

static void folder_and_modes(void **state)
{
	struct world *world = *state;
	char folder[96];
	struct stat found;

	snprintf(folder, sizeof(folder), "%s/run", world->folder);
	assert_int_equal(stat(folder, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0755);
	assert_int_equal(stat(world->path, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0660);
}

static void a_live_socket_is_not_taken(void **state)
{
	struct world *world = *state;
	struct control_server *second = NULL;
	int fd;

	assert_int_equal(place_probe(world->path), -EBUSY);
	assert_int_equal(control_server_open(world->path, &world->context, &second), -EBUSY);
	assert_null(second);
	pump(world);
	fd = dial(world);
	ask(world, fd, "still there\n", "11:still there\n");
	close(fd);
}

/* Alive, but too busy to accept: its backlog is full. */
static void a_busy_socket_is_not_taken(void **state)
{
	struct world *world = *state;
	struct control_server *second = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fds[64], count = 0;

	strcpy(address.sun_path, world->path);
	for (; count < 64; count++) {
		fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(fds[count], (struct sockaddr *)&address, sizeof(address)) < 0)
			break;
	}
	assert_true(count < 64);
	assert_int_equal(control_server_open(world->path, &world->context, &second), -EBUSY);
	for (int i = 0; i <= count; i++)
		close(fds[i]);
}

static void a_dead_socket_is_replaced(void **state)
{
	struct world *world = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	control_server_close(world->server);
	strcpy(address.sun_path, world->path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd); /* as a killed daemon leaves it */
	assert_int_equal(place_probe(world->path), 0);
	assert_int_equal(access(world->path, F_OK), 0);
	world->server = NULL;
	assert_int_equal(control_server_open(world->path, &world->context, &world->server), 0);
	fd = dial(world);
	ask(world, fd, "a\n", "1:a\n");
	close(fd);
}

static void a_file_is_left_alone(void **state)
{
	struct world *world = *state;
	struct control_server *second = NULL;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/run/notes", world->folder);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(place_probe(path), -EEXIST);
	assert_int_equal(control_server_open(path, &world->context, &second), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
}

static void bad_paths(void **state)
{
	struct world *world = *state;
	struct control_server *second = NULL;
	char path[256];

	memset(path, 'p', 200);
	path[200] = '\0';
	assert_int_equal(control_server_open(path, &world->context, &second), -ENAMETOOLONG);
	snprintf(path, sizeof(path), "%s/none/none/control.sock", world->folder);
	assert_int_equal(place_probe(path), 0);
	assert_int_equal(control_server_open(path, &world->context, &second), -ENOENT);
	assert_null(second);
}

static void anothers_socket_is_not_removed(void **state)
{
	struct world *world = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat found;
	int fd;

	strcpy(address.sun_path, world->path);
	assert_int_equal(unlink(world->path), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	control_server_close(world->server);
	world->server = NULL;
	assert_int_equal(stat(world->path, &found), 0);
	close(fd);
	unlink(world->path);
}

/* ---- framing ---- */

static void octet_by_octet(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	for (const char *text = "abc\nde\n"; *text; text++) {
		say_bytes(fd, text, 1);
		pump(world);
	}
	assert_string_equal(heard(fd), "3:abc\n2:de\n");
	assert_int_equal(requests, 2);
	close(fd);
}

static void many_in_one(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	ask(world, fd, "one\ntwo\n\nfo", "3:one\n3:two\n0:\n");
	ask(world, fd, "ur\n", "4:four\n");
	close(fd);
}

static void expect_answer(struct world *world, int fd, int number)
{
	char expected[32], got[32] = "";

	snprintf(expected, sizeof(expected), "13:request %05d\n", number);
	for (size_t have = 0; have < strlen(expected);) {
		ssize_t n = recv(fd, got + have, strlen(expected) - have, MSG_DONTWAIT);

		if (n > 0)
			have += (size_t)n;
		else
			assert_true(pump(world) > 0);
	}
	assert_string_equal(got, expected);
}

/* More requests than the buffer holds, written while nobody reads. */
static void a_flood_is_answered_in_order(void **state)
{
	enum { COUNT = 8000, LENGTH = 14 };
	struct world *world = *state;
	int fd = dial(world), size = 1 << 20;
	char *text = calloc(COUNT, LENGTH + 1), *end = text;

	assert_non_null(text);
	for (int i = 0; i < COUNT; i++)
		end += sprintf(end, "request %05d\n", i);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	say(fd, text);
	for (int i = 0; i < COUNT; i++)
		expect_answer(world, fd, i);
	free(text);
	close(fd);
}

static void the_longest_line(void **state)
{
	struct world *world = *state;
	int fd = dial(world), size = 1 << 20;
	char *text = repeated(LIMIT_CONTROL_REQUEST - 1);
	char expected[128];

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	snprintf(expected, sizeof(expected), "%d:%.63s\n", LIMIT_CONTROL_REQUEST - 1, text);
	ask(world, fd, text, expected);
	ask(world, fd, "next\n", "4:next\n");
	assert_int_equal(counters.control_refused, 0);
	free(text);
	close(fd);
}

static void an_over_long_line(void **state)
{
	struct world *world = *state;
	int fd = dial(world), size = 1 << 20;
	char *text = repeated(LIMIT_CONTROL_REQUEST);

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ask(world, fd, text, "error 2 the line is too long\n");
	assert_string_equal(heard(fd), "EOF");
	assert_int_equal(requests, 0);
	assert_int_equal(counters.control_refused, 1);
	free(text);
	close(fd);
}

/* Who may change something may bring a configuration. */
static void a_line_of_who_writes(void **state)
{
	struct world *world = *state;
	char *text = repeated(LIMIT_CONTROL_CHANGE - 1), expected[128];
	int fd;

	right = PEER_WRITE;
	fd = dial(world);
	for (size_t sent = 0; sent < LIMIT_CONTROL_CHANGE; sent += 65536) {
		assert_string_equal(heard(fd), "");
		say_bytes(fd, text + sent, 65536);
		pump(world);
	}
	snprintf(expected, sizeof(expected), "%d:%.63s\n", LIMIT_CONTROL_CHANGE - 1, text);
	assert_string_equal(heard(fd), expected);
	ask(world, fd, "next\n", "4:next\n");
	for (size_t sent = 0; sent < LIMIT_CONTROL_CHANGE; sent += 65536) {
		say_bytes(fd, text, 65536);
		pump(world);
	}
	assert_string_equal(heard(fd), "error 2 the line is too long\n");
	assert_string_equal(heard(fd), "EOF");
	assert_int_equal(counters.control_refused, 1);
	free(text);
	close(fd);
}

static void garbage_ends_the_connection(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	ask(world, fd, "good\ngarbage\nnever looked at\n", "4:good\nbad\n");
	assert_string_equal(heard(fd), "EOF");
	assert_int_equal(requests, 2);
	assert_int_equal(counters.control_refused, 1);
	close(fd);
}

static void nul_octets_are_data(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say_bytes(fd, "a\0b\n\0\n", 6);
	pump(world);
	assert_string_equal(heard(fd), "3:a\n1:\n");
	close(fd);
}

static void no_memory_drops_the_client(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	ask(world, fd, "nomem\n", "EOF");
	assert_int_equal(counters.control_refused, 1);
	close(fd);
}

/* ---- ends ---- */

static void half_closed(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say(fd, "one\ntwo\n");
	shutdown(fd, SHUT_WR);
	pump(world);
	assert_string_equal(heard(fd), "3:one\n3:two\n");
	assert_string_equal(heard(fd), "EOF");
	assert_int_equal(counters.control_refused, 0);
	close(fd);
}

static void half_closed_inside_a_line(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say(fd, "one\ntw");
	shutdown(fd, SHUT_WR);
	pump(world);
	assert_string_equal(heard(fd), "3:one\nerror 2 the last line does not end\n");
	assert_string_equal(heard(fd), "EOF");
	assert_int_equal(counters.control_refused, 1);
	close(fd);
}

static void gone_at_once(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 100; i++) {
		int fd = dial(world);

		if (i % 2)
			say(fd, "big 100000\n");
		if (i % 3)
			pump(world);
		close(fd);
		pump(world);
	}
	int fd = dial(world);

	ask(world, fd, "room?\n", "5:room?\n");
	close(fd);
}

/* ---- limits ---- */

static void too_many_clients(void **state)
{
	struct world *world = *state;
	int fds[LIMIT_CONTROL_CLIENTS], extra;

	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
		fds[i] = dial(world);
		pump(world);
	}
	extra = dial(world);
	ask(world, extra, "me too\n", "error 1 too many control clients at once\n");
	assert_string_equal(heard(extra), "EOF");
	close(extra);
	assert_int_equal(counters.control_refused, 1);
	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		ask(world, fds[i], "mine\n", "4:mine\n");
	close(fds[3]);
	pump(world);
	extra = dial(world);
	ask(world, extra, "now?\n", "4:now?\n");
	close(extra);
	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		if (i != 3)
			close(fds[i]);
}

static void who_looks_makes_room_for_who_writes(void **state)
{
	struct world *world = *state;
	int fds[LIMIT_CONTROL_CLIENTS], extra;

	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
		right = i == 0 ? PEER_WRITE : PEER_READ;
		fds[i] = dial(world);
		pump(world);
		world->now.msec++;
	}
	ask(world, fds[1], "awake\n", "5:awake\n");
	right = PEER_WRITE;
	extra = dial(world);
	ask(world, extra, "who\n", "writer\n");
	assert_string_equal(heard(fds[2]), "EOF"); /* the one that was silent for longest */
	ask(world, fds[0], "who\n", "writer\n");
	ask(world, fds[1], "who\n", "reader\n");
	close(extra);
	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		close(fds[i]);
}

static void who_may_not_even_look(void **state)
{
	struct world *world = *state;
	int fd;

	right = PEER_NONE;
	fd = dial(world);
	pump(world);
	assert_non_null(strstr(heard(fd), "gateway.control-group may ask"));
	assert_string_equal(heard(fd), "EOF");
	assert_int_equal(requests, 0);
	close(fd);
}

static void who_idles_makes_room(void **state)
{
	struct world *world = *state;
	int fds[LIMIT_CONTROL_CLIENTS], extra;

	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
		fds[i] = dial(world);
		pump(world);
		world->now.msec++;
	}
	ask(world, fds[0], "wait 100000\n", ""); /* waiting is not idling */
	world->now.msec += 31000;
	ask(world, fds[1], "awake\n", "5:awake\n");
	extra = dial(world);
	ask(world, extra, "me\n", "2:me\n");
	assert_string_equal(heard(fds[2]), "EOF"); /* the longest idle one */
	assert_string_equal(heard(fds[0]), "");
	assert_string_equal(heard(fds[3]), "");
	assert_int_equal(counters.control_refused, 1);
	close(extra);
	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		close(fds[i]);
}

static void a_slow_reader_is_alone(void **state)
{
	struct world *world = *state;
	int slow = dial(world), other = dial(world);

	say(slow, "big 8000000\nafter\n");
	pump(world); /* ends: it does not spin on a client that takes nothing */
	assert_int_equal(requests, 1);
	for (int i = 0; i < 100; i++)
		ask(world, other, "quick\n", "5:quick\n");
	take(world, slow, 8000001);
	pump(world);
	assert_string_equal(heard(slow), "5:after\n");
	close(slow);
	close(other);
}

static void an_answer_beyond_the_limit(void **state)
{
	struct world *world = *state;
	int fd = dial(world);
	char text[64];

	snprintf(text, sizeof(text), "big %u\n", LIMIT_CONTROL_BACKLOG);
	ask(world, fd, text, "EOF");
	assert_int_equal(counters.control_refused, 1);
	close(fd);
}

static void pieces_wait_for_the_reader(void **state)
{
	struct world *world = *state;
	int fd = dial(world);
	unsigned int made;

	say(fd, "list 10000\nlast\n");
	pump(world);
	made = pieces;
	assert_true(made < 200); /* what the socket takes, and one more */
	pump(world);
	assert_int_equal(pieces, made);
	take(world, fd, 1 + 9999 * 8192 + 2);
	pump(world);
	assert_string_equal(heard(fd), "4:last\n");
	assert_int_equal(pieces, 10000);
	assert_int_equal(listings, 0);
	close(fd);
}

static void a_listing_dies_with_its_client(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say(fd, "list 10000\n");
	pump(world);
	assert_int_equal(listings, 1);
	close(fd);
	pump(world);
	assert_int_equal(listings, 0);
}

/* ---- waiting ---- */

static void waiting_until_it_is_so(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	ask(world, fd, "wait 5000\nafter\n", "");
	assert_int_equal(control_server_notify(world->server, world->now), 5000);
	assert_int_equal(requests, 1); /* the next one has to wait, too */
	wish = true;
	assert_int_equal(control_server_notify(world->server, world->now), -1);
	assert_string_equal(heard(fd), "met\n");
	pump(world);
	assert_string_equal(heard(fd), "5:after\n");
	close(fd);
}

static void waiting_in_vain(void **state)
{
	struct world *world = *state;
	int one = dial(world), two = dial(world);

	ask(world, one, "wait 5000\n", "");
	ask(world, two, "wait 3000\n", "");
	world->now.msec += 2000;
	assert_int_equal(control_server_notify(world->server, world->now), 1000);
	world->now.msec += 1000;
	assert_int_equal(control_server_notify(world->server, world->now), 2000);
	assert_string_equal(heard(two), "over\n");
	assert_string_equal(heard(one), "");
	world->now.msec += 2000;
	assert_int_equal(control_server_notify(world->server, world->now), -1);
	assert_string_equal(heard(one), "over\n");
	ask(world, one, "on\n", "2:on\n");
	close(one);
	close(two);
}

static void waiting_half_closed(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say(fd, "wait 5000\n");
	shutdown(fd, SHUT_WR);
	pump(world); /* does not spin on the end of file */
	wish = true;
	control_server_notify(world->server, world->now);
	pump(world);
	assert_string_equal(heard(fd), "met\n");
	assert_string_equal(heard(fd), "EOF");
	close(fd);
}

static void waiting_and_gone(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	ask(world, fd, "wait 5000\n", "");
	close(fd);
	pump(world);
	assert_int_equal(control_server_notify(world->server, world->now), -1);
}

/* The client is gone when its answer comes, and nobody has told us yet. */
static void waiting_and_gone_unnoticed(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	ask(world, fd, "wait 5000\n", "");
	close(fd);
	wish = true;
	assert_int_equal(control_server_notify(world->server, world->now), -1);
	pump(world);
}

/* ---- descriptors run out ---- */

static void out_of_descriptors(void **state)
{
	struct world *world = *state;
	struct rlimit before, small;
	int fd = dial(world), top = dup(fd);

	assert_true(top >= 0);
	close(top);
	getrlimit(RLIMIT_NOFILE, &before);
	small = before;
	small.rlim_cur = (rlim_t)top;
	setrlimit(RLIMIT_NOFILE, &small);
	say(fd, "hello\n");
	pump(world); /* ends: it does not spin on a listener that it cannot serve */
	assert_string_equal(heard(fd), "");
	control_server_notify(world->server, world->now);
	assert_int_equal(pump(world), 0);
	setrlimit(RLIMIT_NOFILE, &before);
	world->now.msec += 1000;
	control_server_notify(world->server, world->now);
	pump(world);
	assert_string_equal(heard(fd), "5:hello\n");
	close(fd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(folder_and_modes),
		TEST(a_live_socket_is_not_taken),
		TEST(a_busy_socket_is_not_taken),
		TEST(a_dead_socket_is_replaced),
		TEST(a_file_is_left_alone),
		TEST(bad_paths),
		TEST(anothers_socket_is_not_removed),
		TEST(octet_by_octet),
		TEST(many_in_one),
		TEST(a_flood_is_answered_in_order),
		TEST(the_longest_line),
		TEST(an_over_long_line),
		TEST(a_line_of_who_writes),
		TEST(garbage_ends_the_connection),
		TEST(nul_octets_are_data),
		TEST(no_memory_drops_the_client),
		TEST(half_closed),
		TEST(half_closed_inside_a_line),
		TEST(gone_at_once),
		TEST(too_many_clients),
		TEST(who_looks_makes_room_for_who_writes),
		TEST(who_may_not_even_look),
		TEST(who_idles_makes_room),
		TEST(a_slow_reader_is_alone),
		TEST(an_answer_beyond_the_limit),
		TEST(pieces_wait_for_the_reader),
		TEST(a_listing_dies_with_its_client),
		TEST(waiting_until_it_is_so),
		TEST(waiting_in_vain),
		TEST(waiting_half_closed),
		TEST(waiting_and_gone),
		TEST(waiting_and_gone_unnoticed),
		TEST(out_of_descriptors),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
