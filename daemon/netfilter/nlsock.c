/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/nlsock.h"

#include <errno.h>
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

int nlsock_open(struct nlsock **out)
{
	struct nlsock *nlsock = calloc(1, sizeof(*nlsock));
	int error;

	if (!nlsock)
		return -ENOMEM;
	nlsock->sequence = 1;
	nlsock->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	error = nlsock->fd < 0 ? -errno : nlsock_bind(nlsock->fd);
	if (error < 0) {
		nlsock_close(nlsock);
		return error;
	}
	*out = nlsock;
	return 0;
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

static int nlsock_send(const struct nlsock *nlsock, const void *request, size_t length)
{
	ssize_t sent;

	do
		sent = send(nlsock->fd, request, length, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
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

/* One datagram: its length, or -errno. Asks first and waits only when there is none: the answer to a batch is already
 * there. */
static ssize_t nlsock_receive(struct nlsock *nlsock)
{
	for (;;) {
		ssize_t length = recv(nlsock->fd, nlsock->buffer, sizeof(nlsock->buffer), MSG_DONTWAIT | MSG_TRUNC);
		int error;

		if (length >= 0)
			return length <= (ssize_t)sizeof(nlsock->buffer) ? length : -EMSGSIZE;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		error = nlsock_wait(nlsock);
		if (error < 0)
			return error;
	}
}

/* After an overrun replies are missing; those that did come must not be taken for those of the next request, nor fill
 * the buffer again. */
static void nlsock_drain(struct nlsock *nlsock)
{
	while (recv(nlsock->fd, nlsock->buffer, sizeof(nlsock->buffer), MSG_DONTWAIT) >= 0 || errno == EINTR ||
	       errno == ENOBUFS)
		;
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
		int left = (int)received;

		if (received < 0) {
			nlsock_drain(nlsock);
			return (int)received;
		}
		for (const struct nlmsghdr *reply = (const void *)nlsock->buffer; mnl_nlmsg_ok(reply, left);
		     reply = mnl_nlmsg_next(reply, &left))
			/* Late replies to a request that was given up have other numbers. */
			if (reply->nlmsg_seq - first <= last - first && visit(context, reply) == NLSOCK_LAST)
				next = NLSOCK_LAST;
	}
	return 0;
}
