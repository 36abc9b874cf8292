/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/nlsock.o */
/* LIBS: libmnl */
/* The transport when its socket does what sockets rarely do: the calls are replaced here, errors and replies come from a
 * list. What is asked of it: no fault is waited for longer than once, a request that may have been done is never called
 * undone, and a socket that died is replaced. */
#include <errno.h>
#include <fcntl.h> /* names fcntl() as the others see it: fcntl64() with 64-bit files */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include "netfilter/nlsock.h"

/* ---- the socket ---- */

/* What a call of send(), recv() or poll() answers. */
struct step {
	int error;
	uint32_t sequence; /* of the reply */
	enum { REPLY, EMPTY, CUT, GARBAGE, TOO_LONG } kind;
};

static struct {
	struct step sends[8], receives[16];
	size_t sent, received, polls, opened, closed;
	int poll_errors[4], open_error; /* of later socket() calls */
	int timeout; /* of the last poll() */
	int fd; /* the one in use */
} wire;

int socket(int family, int kind, int protocol)
{
	assert_int_equal(family, AF_NETLINK);
	assert_int_equal(kind, SOCK_RAW | SOCK_CLOEXEC);
	assert_int_equal(protocol, NETLINK_NETFILTER);
	if (wire.open_error) {
		errno = wire.open_error;
		return -1;
	}
	wire.fd = 1000 + (int)wire.opened++;
	return wire.fd;
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)address;
	(void)length;
	assert_int_equal(fd, wire.fd);
	return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return bind(fd, address, length);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	(void)level;
	(void)option;
	(void)value;
	(void)length;
	assert_int_equal(fd, wire.fd);
	return 0;
}

int fcntl(int fd, int command, ...)
{
	(void)command;
	assert_int_equal(fd, wire.fd);
	return 0;
}

int close(int fd)
{
	assert_int_equal(fd, wire.fd);
	wire.closed++;
	return 0;
}

static ssize_t fails(int error)
{
	errno = error;
	return -1;
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	const struct step *step = &wire.sends[wire.sent++];

	(void)data;
	(void)flags;
	assert_true(wire.sent <= 8);
	assert_true(step->error == EBADF || fd == wire.fd);
	return step->error ? fails(step->error) : (ssize_t)length;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	assert_int_equal(count, 1);
	assert_int_equal(fds->fd, wire.fd);
	wire.timeout = timeout;
	assert_true(wire.polls < 4);
	if (wire.poll_errors[wire.polls])
		return (int)fails(wire.poll_errors[wire.polls++]);
	wire.polls++;
	return wire.received < 16 && (wire.receives[wire.received].error || wire.receives[wire.received].sequence ||
				      wire.receives[wire.received].kind);
}

/* After the list there is nothing more. */
ssize_t recv(int fd, void *buffer, size_t room, int flags)
{
	const struct step *step = &wire.receives[wire.received];
	struct nlmsghdr *header = buffer;
	struct nlmsgerr *error;

	assert_true(flags & MSG_DONTWAIT);
	assert_int_equal(fd, wire.fd);
	if (wire.received == 16 || (!step->error && !step->sequence && !step->kind))
		return fails(EAGAIN);
	wire.received++;
	if (step->error)
		return fails(step->error);
	memset(buffer, 0, 64);
	mnl_nlmsg_put_header(buffer);
	error = mnl_nlmsg_put_extra_header(header, sizeof(*error));
	error->error = -77;
	header->nlmsg_type = NLMSG_ERROR;
	header->nlmsg_seq = step->sequence;
	switch (step->kind) {
	case REPLY:
		break;
	case EMPTY:
		return 0;
	case CUT:
		return 10;
	case GARBAGE:
		memset(buffer, 0xa5, 64);
		return 64;
	case TOO_LONG:
		return (ssize_t)room + 1;
	}
	return (ssize_t)header->nlmsg_len;
}

/* ---- a request ---- */

#define FIRST 0xfffffffeu /* numbers wrap */
#define LAST 1u

struct asked {
	size_t visits;
	uint32_t sequence;
};

static enum nlsock_next visit(void *context, const struct nlmsghdr *reply)
{
	struct asked *asked = context;

	asked->visits++;
	asked->sequence = reply->nlmsg_seq;
	return reply->nlmsg_seq == LAST ? NLSOCK_LAST : NLSOCK_MORE;
}

static struct nlsock *begin(void)
{
	struct nlsock *nlsock = NULL;

	memset(&wire, 0, sizeof(wire));
	assert_int_equal(nlsock_open(&nlsock), 0);
	assert_int_equal(wire.opened, 1);
	return nlsock;
}

static int ask(struct nlsock *nlsock, uint16_t flags, struct asked *asked)
{
	struct nlmsghdr request = { .nlmsg_len = sizeof(request), .nlmsg_flags = flags, .nlmsg_seq = FIRST };

	*asked = (struct asked) { 0 };
	return nlsock_transact(nlsock, &request, sizeof(request), FIRST, LAST, visit, asked);
}

/* The next request is answered as if nothing had been. */
static void expect_well(struct nlsock *nlsock)
{
	struct asked asked;

	wire.sent = wire.received = wire.polls = 0;
	memset(wire.sends, 0, sizeof(wire.sends));
	memset(wire.poll_errors, 0, sizeof(wire.poll_errors));
	memset(wire.receives, 0, sizeof(wire.receives));
	wire.open_error = 0;
	wire.receives[0].sequence = LAST;
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), 0);
	assert_int_equal(asked.visits, 1);
	nlsock_close(nlsock);
	assert_int_equal(wire.opened, wire.closed);
}

static const int passing[] = { ENFILE, EBUSY, ENOBUFS, ENOMEM, EAGAIN, EPERM, EMSGSIZE };
static const int deadly[] = { EBADF, ENOTSOCK, ENOTCONN, ESHUTDOWN, EPIPE, ECONNREFUSED, ECONNRESET };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Not sent: said as it is, since nothing was done. The socket stays. */
static void send_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(passing); i++) {
		struct nlsock *nlsock = begin();
		struct asked asked;

		wire.sends[0].error = passing[i];
		assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -passing[i]);
		assert_int_equal(asked.visits, 0);
		assert_int_equal(wire.sent, 1);
		assert_int_equal(wire.opened, 1);
		expect_well(nlsock);
	}
}

static void interrupted(void **state)
{
	struct nlsock *nlsock = begin();
	struct asked asked;

	(void)state;
	wire.sends[0].error = wire.sends[1].error = EINTR;
	wire.receives[0].error = EINTR;
	wire.receives[1].error = EAGAIN;
	wire.poll_errors[0] = wire.poll_errors[1] = EINTR;
	wire.receives[2].error = EINTR;
	wire.receives[3].sequence = FIRST;
	wire.receives[4].error = EINTR;
	wire.receives[5].sequence = LAST;
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), 0);
	assert_int_equal(asked.visits, 2);
	assert_int_equal(wire.sent, 3);
	assert_int_equal(wire.polls, 3);
	expect_well(nlsock);
}

/* The socket is dead before anything was sent: another one takes the request, unnoticed. */
static void dead_at_sending(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(deadly); i++) {
		struct nlsock *nlsock = begin();
		struct asked asked;

		wire.sends[0].error = deadly[i];
		wire.receives[0].sequence = LAST;
		assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), 0);
		assert_int_equal(wire.opened, 2);
		assert_int_equal(wire.sent, 2);
		expect_well(nlsock);
	}
}

/* No other one is to be had now (EMFILE): an error, and the next request finds one. */
static void dead_for_a_while(void **state)
{
	struct nlsock *nlsock = begin();
	struct asked asked;

	(void)state;
	wire.sends[0].error = wire.sends[1].error = EBADF;
	wire.open_error = EMFILE;
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -EBADF);
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -EBADF);
	wire.open_error = 0;
	wire.sends[2].error = EBADF;
	wire.receives[0].sequence = LAST;
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), 0);
	assert_int_equal(wire.opened, 2);
	expect_well(nlsock);
}

/* Sent, and no result: whatever the reason, the kernel may have done it. */
static void lost(void **state)
{
	static const int errors[] = { ENFILE, EBUSY,    ENOBUFS,  ENOMEM,    EPERM,      EMSGSIZE,    EIO,
				      EBADF,  ENOTSOCK, ENOTCONN, ESHUTDOWN, ECONNRESET, ECONNREFUSED };

	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++)
		for (size_t before = 0; before < 2; before++) {
			struct nlsock *nlsock = begin();
			struct asked asked;

			if (before)
				wire.receives[0].sequence = FIRST;
			wire.receives[before].error = errors[i];
			/* Replies that come late are nobody's. */
			wire.receives[before + 1].sequence = LAST;
			assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -ENOBUFS);
			assert_int_equal(asked.visits, before);
			expect_well(nlsock);
		}
}

static void late(void **state)
{
	struct nlsock *nlsock = begin();
	struct asked asked;

	(void)state;
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -ETIMEDOUT);
	assert_int_equal(wire.polls, 1);
	/* Answers are held for so long. */
	assert_true(wire.timeout > 0 && wire.timeout <= 500);
	expect_well(nlsock);
}

/* poll() speaks of something that recv() does not find: no endless loop. */
static void false_alarm(void **state)
{
	struct nlsock *nlsock = begin();
	struct asked asked;

	(void)state;
	wire.receives[0].error = EAGAIN;
	wire.receives[1].error = EAGAIN;
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -ETIMEDOUT);
	assert_int_equal(wire.polls, 1);
	expect_well(nlsock);
}

/* Replies to others, cut ones and garbage are passed over; the right one is found behind them. */
static void noise(void **state)
{
	struct nlsock *nlsock = begin();
	struct asked asked;

	(void)state;
	wire.receives[0] = (struct step) { .sequence = FIRST - 1 };
	wire.receives[1] = (struct step) { .sequence = LAST + 1 };
	wire.receives[2] = (struct step) { .sequence = FIRST, .kind = CUT };
	wire.receives[3] = (struct step) { .sequence = FIRST, .kind = GARBAGE };
	wire.receives[4] = (struct step) { .sequence = LAST };
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), 0);
	assert_int_equal(asked.visits, 1);
	assert_int_equal(wire.received, 5);
	/* Only such: given up after one wait. */
	wire.received = wire.polls = 0;
	wire.receives[4].sequence = LAST + 2;
	assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -ETIMEDOUT);
	assert_int_equal(wire.polls, 1);
	expect_well(nlsock);
}

static void empty_or_too_long(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct nlsock *nlsock = begin();
		struct asked asked;

		wire.receives[0] = (struct step) { .sequence = LAST, .kind = kind ? EMPTY : TOO_LONG };
		assert_int_equal(ask(nlsock, NLM_F_REQUEST, &asked), -ENOBUFS);
		expect_well(nlsock);
	}
}

/* A dump that the kernel began and could not go on with makes all later ones EBUSY: its socket goes. */
static void dump_breaks(void **state)
{
	static const int errors[] = { ENOBUFS, ENOMEM, EAGAIN };

	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		struct nlsock *nlsock = begin();
		struct asked asked;

		wire.receives[0].sequence = FIRST;
		wire.receives[1].error = errors[i];
		assert_true(ask(nlsock, NLM_F_REQUEST | NLM_F_DUMP, &asked) < 0);
		assert_int_equal(wire.opened, 2);
		assert_int_equal(wire.closed, 1);
		expect_well(nlsock);
	}
}

static void cannot_open(void **state)
{
	struct nlsock *nlsock = NULL;

	(void)state;
	memset(&wire, 0, sizeof(wire));
	wire.open_error = EMFILE;
	assert_int_equal(nlsock_open(&nlsock), -EMFILE);
	assert_null(nlsock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_fails),       cmocka_unit_test(interrupted), cmocka_unit_test(dead_at_sending),
		cmocka_unit_test(dead_for_a_while), cmocka_unit_test(lost),        cmocka_unit_test(late),
		cmocka_unit_test(false_alarm),      cmocka_unit_test(noise),       cmocka_unit_test(empty_or_too_long),
		cmocka_unit_test(dump_breaks),      cmocka_unit_test(cannot_open),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
