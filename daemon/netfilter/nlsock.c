/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/nlsock.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The largest batch is a megabyte (base/limits.h); the kernel refuses what is longer than the send buffer
 * (EMSGSIZE). */
#define NLSOCK_SEND_BUFFER (2 << 20)
/* Each acknowledgement and error of a batch is a datagram of its own that takes a page or so of it. */
#define NLSOCK_RECEIVE_BUFFER (4 << 20)
/* A dump fills datagrams up to what recv() offers, 32 KiB at most. */
#define NLSOCK_DATAGRAM 65536

struct nlsock {
	int family; /* NETLINK_NETFILTER, NETLINK_ROUTE */
	int fd;
	uint32_t sequence;
	char buffer[NLSOCK_DATAGRAM];
};

static void nlsock_set(int fd, int level, int option, int value)
{
	/* Not vital: what a kernel does not know is done without. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static int nlsock_bind(int fd)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0)
		return -errno;
	/* Connected, the socket takes nothing from other processes. */
	if (connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	nlsock_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, NLSOCK_SEND_BUFFER);
	nlsock_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, NLSOCK_RECEIVE_BUFFER);
	nlsock_set(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	nlsock_set(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	return 0;
}

/* A descriptor, or -errno. */
static int nlsock_connect(int family)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family), error;

	if (fd < 0)
		return -errno;
	error = nlsock_bind(fd);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

static int nlsock_open_family(int family, struct nlsock **out)
{
	struct nlsock *nlsock = calloc(1, sizeof(*nlsock));

	if (!nlsock)
		return -ENOMEM;
	nlsock->sequence = 1;
	nlsock->family = family;
	nlsock->fd = nlsock_connect(family);
	if (nlsock->fd < 0) {
		int error = nlsock->fd;

		nlsock_close(nlsock);
		return error;
	}
	*out = nlsock;
	return 0;
}

int nlsock_open(struct nlsock **out)
{
	return nlsock_open_family(NETLINK_NETFILTER, out);
}

int nlsock_open_route(struct nlsock **out)
{
	return nlsock_open_family(NETLINK_ROUTE, out);
}

int nlsock_open_generic(struct nlsock **out)
{
	return nlsock_open_family(NETLINK_GENERIC, out);
}

void nlsock_close(struct nlsock *nlsock)
{
	if (!nlsock)
		return;
	if (nlsock->fd >= 0)
		close(nlsock->fd);
	free(nlsock);
}

uint32_t nlsock_sequence(struct nlsock *nlsock)
{
	return nlsock->sequence++;
}

/* Will it never work again? */
static bool nlsock_dead(int error)
{
	switch (error) {
	case -EBADF:
	case -ENOTSOCK:
	case -ENOTCONN:
	case -EDESTADDRREQ:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ESHUTDOWN:
	case -EPIPE:
		return true;
	}
	return false;
}

/* Another socket in its place; sequence numbers go on. Where none is to be had, the next request tries again. */
static int nlsock_reopen(struct nlsock *nlsock)
{
	/* What is not open any more may be somebody else's by the time that it is closed. */
	if (nlsock->fd >= 0 && fcntl(nlsock->fd, F_GETFD) >= 0)
		close(nlsock->fd);
	nlsock->fd = nlsock_connect(nlsock->family);
	return nlsock->fd < 0 ? nlsock->fd : 0;
}

static int nlsock_send_once(const struct nlsock *nlsock, const void *request, size_t length)
{
	ssize_t sent;

	do
		sent = send(nlsock->fd, request, length, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

static int nlsock_send(struct nlsock *nlsock, const void *request, size_t length)
{
	int error = nlsock_send_once(nlsock, request, length);

	if (nlsock_dead(error))
		error = nlsock_reopen(nlsock) < 0 ? error : nlsock_send_once(nlsock, request, length);
	return error;
}

/* Waits until there is something to read. 0, -ETIMEDOUT or -errno. */
static int nlsock_wait(const struct nlsock *nlsock)
{
	struct pollfd fd = { .fd = nlsock->fd, .events = POLLIN };
	int ready;

	do
		ready = poll(&fd, 1, NLSOCK_TIMEOUT_MS);
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}

/* One datagram that is there: its length, or -errno. */
static ssize_t nlsock_take(struct nlsock *nlsock)
{
	ssize_t length;

	do
		length = recv(nlsock->fd, nlsock->buffer, sizeof(nlsock->buffer), MSG_DONTWAIT | MSG_TRUNC);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	if (length == 0)
		return -ENOTCONN; /* netlink has no empty datagrams */
	return length <= (ssize_t)sizeof(nlsock->buffer) ? length : -EMSGSIZE;
}

/* Asks first and waits only when there is none: the answer to a batch is already there. */
static ssize_t nlsock_receive(struct nlsock *nlsock)
{
	bool waited = false;

	for (;;) {
		ssize_t length = nlsock_take(nlsock);
		int error;

		if (length != -EAGAIN)
			return length;
		if (waited)
			return -ETIMEDOUT;
		error = nlsock_wait(nlsock);
		if (error < 0)
			return error;
		waited = true;
	}
}

/* After an overrun replies are missing; those that did come must not be taken for those of the next request, nor fill
 * the buffer again. */
static void nlsock_drain(struct nlsock *nlsock)
{
	ssize_t length;

	do
		length = recv(nlsock->fd, nlsock->buffer, sizeof(nlsock->buffer), MSG_DONTWAIT);
	while (length > 0 || (length < 0 && (errno == EINTR || errno == ENOBUFS)));
}

/* The request is with the kernel and its result is not with us. A dump that the kernel could not go on with (memory)
 * makes every later one of that socket EBUSY: it is left behind with its socket. */
static int nlsock_lost(struct nlsock *nlsock, const struct nlmsghdr *request, int error)
{
	if (nlsock_dead(error) || (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		(void)nlsock_reopen(nlsock);
	else
		nlsock_drain(nlsock);
	return error == -ETIMEDOUT ? error : -ENOBUFS;
}

/* libmnl 1.0.4 takes a length of 2 GiB and more for a negative one, and so for a good one. */
static bool nlsock_whole(const struct nlmsghdr *reply, int left)
{
	return mnl_nlmsg_ok(reply, left) && reply->nlmsg_len <= (uint32_t)left;
}

/* Hands on what a datagram holds for first .. last. Late replies to a request that was given up have other numbers. */
static enum nlsock_next nlsock_hand_on(struct nlsock *nlsock, ssize_t received, uint32_t first, uint32_t last,
				       enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply),
				       void *context)
{
	enum nlsock_next next = NLSOCK_MORE;
	int left = (int)received;

	for (const struct nlmsghdr *reply = (const void *)nlsock->buffer; nlsock_whole(reply, left);
	     reply = mnl_nlmsg_next(reply, &left))
		if (reply->nlmsg_seq - first <= last - first && visit(context, reply) == NLSOCK_LAST)
			next = NLSOCK_LAST;
	return next;
}

int nlsock_transact(struct nlsock *nlsock, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	enum nlsock_next next = NLSOCK_MORE;
	int error = nlsock_send(nlsock, request, length);

	if (error < 0)
		return error;
	while (next == NLSOCK_MORE) {
		ssize_t received = nlsock_receive(nlsock);

		if (received < 0)
			return nlsock_lost(nlsock, request, (int)received);
		next = nlsock_hand_on(nlsock, received, first, last, visit, context);
	}
	return 0;
}

int nlsock_dump_begin(struct nlsock *nlsock, const void *request, size_t length)
{
	int error = nlsock_reopen(nlsock);

	return error < 0 ? error : nlsock_send_once(nlsock, request, length);
}

int nlsock_dump_step(struct nlsock *nlsock, uint32_t sequence,
		     enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	ssize_t received = nlsock_take(nlsock);

	if (received < 0)
		return (int)received;
	return nlsock_hand_on(nlsock, received, sequence, sequence, visit, context) == NLSOCK_MORE;
}
