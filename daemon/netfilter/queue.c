/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three things of the kernel (nfnetlink_queue.c, 6.1 to 7.3) that this relies on:
 *  - Ids of one queue are given under its lock, in the order in which messages enter our socket. A message that the
 * socket has no room for has used up its id and is not kept in the kernel's list. So a gap in the ids is exactly what
 * was lost, and "all ids up to N" never means a packet that we have not received.
 *  - Messages of one sendto() are handled in order: drops stand before the batch verdict that accepts the rest.
 *  - A queue that is full passes packets (fail-open) without counting them anywhere. The socket's buffer is therefore
 * the narrower bound, see RECEIVE_BYTES. */
#include "netfilter/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h> /* u_int8_t, which the libraries' headers use and musl has nowhere else */
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

#include "base/counters.h"
#include "base/limits.h"

/* A message: the packet and some 200 octets of attributes. A longer one is cut (MSG_TRUNC), which leaves the
 * attributes: the payload is the last. */
#define SLOT_BYTES (LIMIT_PACKET_BYTES + 1 + 4096)
/* From slot to slot, so that they do not all begin in the same lines of the processor's cache: SLOT_BYTES are whole pages. */
#define SLOT_STRIDE (SLOT_BYTES + 7 * 64)
/* A message takes at least this much of the buffer (its skb; 832 on 6.18 up to 128 octets of UDP, 1280 up to 560, 2304
 * up to 1600), and SO_RCVBUFFORCE doubles what it is given: the buffer is full before the queue is, at 2900 to 8192
 * packets. Memory is used only while we lag, 6 MiB at most. */
#define MESSAGE_BYTES 768
#define RECEIVE_BYTES (LIMIT_QUEUE_PACKETS * MESSAGE_BYTES / 2)
/* Verdict messages of one drain: each packet dropped by itself, or one batch for each queue that has packets in it. And
 * room for those of earlier drains that the kernel had no memory for. */
#define DRAIN_BYTES ((size_t)LIMIT_DRAIN_PACKETS * 64)
#define VERDICTS_BYTES (4 * DRAIN_BYTES)
#define CONFIG_BYTES 256
#define PROC_FILE "/proc/net/netfilter/nfnetlink_queue"

/* One of our queues. */
struct member {
	uint32_t last_id;
	bool seen; /* `last_id` means something */
};

struct queue {
	struct mnl_socket *socket;
	uint32_t port; /* netlink port of the socket */
	int proc; /* PROC_FILE, opened once: later the sandbox forbids it. -1 when the kernel has none */
	uint16_t first, count;
	struct member *members;
	uint8_t *slots; /* LIMIT_DRAIN_PACKETS of SLOT_BYTES, mapped: pages that no message reached cost nothing */
	struct mmsghdr headers[LIMIT_DRAIN_PACKETS];
	struct iovec vectors[LIMIT_DRAIN_PACKETS];
	struct sockaddr_nl senders[LIMIT_DRAIN_PACKETS];
	uint8_t verdicts[VERDICTS_BYTES] __attribute__((aligned(8)));
	size_t owed; /* octets of them that the kernel has not taken */
	int broken; /* -errno: it will never take them */
};

static int socket_of(const struct queue *queue)
{
	return mnl_socket_get_fd(queue->socket);
}

int queue_fd(const struct queue *queue)
{
	return socket_of(queue);
}

static uint8_t *slot(const struct queue *queue, size_t i)
{
	return queue->slots + i * SLOT_STRIDE;
}

/* ---- opening ---- */

static int open_socket(struct queue *queue)
{
	int bytes = RECEIVE_BYTES, on = 1, fd;

	queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!queue->socket || mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	fd = socket_of(queue);
	queue->port = mnl_socket_get_portid(queue->socket);
	/* In a user namespace nobody may force it: net.core.rmem_max is the most there. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 &&
	    (errno != EPERM || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0))
		return -errno;
	/* Without this, one overrun makes the kernel refuse every further message until we have read the buffer empty.
	 * What is lost shows in the ids. */
	setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	return 0;
}

static int map_slots(struct queue *queue)
{
	void *map = mmap(NULL, (size_t)LIMIT_DRAIN_PACKETS * SLOT_STRIDE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	queue->slots = map;
	for (size_t i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		queue->vectors[i] = (struct iovec) { slot(queue, i), SLOT_BYTES };
		queue->headers[i].msg_hdr = (struct msghdr) { .msg_iov = &queue->vectors[i], .msg_iovlen = 1 };
	}
	return 0;
}

static int send_all(const struct queue *queue, const void *data, size_t length)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do
		sent = sendto(socket_of(queue), data, length, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Command, copy mode, length and flags in one message: between two, packets would be dropped (KERNEL 3.3). */
static int send_bind(const struct queue *queue, uint16_t number, bool fail_open)
{
	char buffer[CONFIG_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);

	header->nlmsg_flags |= NLM_F_ACK;
	header->nlmsg_seq = number;
	nfq_nlmsg_cfg_put_cmd(header, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(header, NFQNL_COPY_PACKET, LIMIT_PACKET_BYTES);
	mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(LIMIT_QUEUE_PACKETS));
	mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(fail_open ? NFQA_CFG_F_FAIL_OPEN : 0));
	/* GSO off: the kernel hands over whole packets with their checksums, as a receiver sees them. */
	mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO));
	return send_all(queue, header, header->nlmsg_len);
}

/* A packet that came while queues were still being bound: nobody judges it. */
static void accept_unjudged(const struct queue *queue, const struct nlmsghdr *header, size_t length);

/* The kernel has answered when sendto() returns; packets of queues bound before may stand in front of the answer. */
static int read_bind_answer(const struct queue *queue, uint16_t number)
{
	uint8_t *buffer = slot(queue, 0);
	ssize_t length;

	while ((length = recv(socket_of(queue), buffer, SLOT_BYTES, 0)) >= 0 || errno == EINTR) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;

		if (length < (ssize_t)(NLMSG_HDRLEN + sizeof(int)))
			continue;
		if (header->nlmsg_type == NLMSG_ERROR && header->nlmsg_seq == number)
			return *(const int *)mnl_nlmsg_get_payload(header);
		accept_unjudged(queue, header, (size_t)length);
	}
	return -errno;
}

/* ---- /proc/net/netfilter/nfnetlink_queue ---- */

struct proc_row {
	unsigned long number, port, waiting, dropped, lost;
};

/* queue number, port, waiting, copy mode, copy range, dropped when full, dropped for want of buffer, last id */
static bool read_row(const char *line, struct proc_row *row)
{
	unsigned long columns[7];

	for (size_t i = 0; i < 7; i++) {
		char *end;

		columns[i] = strtoul(line, &end, 10);
		if (end == line)
			return false;
		line = end;
	}
	*row = (struct proc_row) { columns[0], columns[1], columns[2], columns[5], columns[6] };
	return true;
}

/* Calls `visit` for each row. */
static int read_proc(const struct queue *queue,
		     void (*visit)(const struct queue *queue, const struct proc_row *row, void *context), void *context)
{
	char line[256];
	FILE *file;
	int fd = queue->proc < 0 ? -1 : dup(queue->proc);

	if (fd < 0)
		return queue->proc < 0 ? -ENOENT : -errno;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	rewind(file); /* the place is shared with queue->proc; the file is made anew from its start */
	while (fgets(line, sizeof(line), file)) {
		struct proc_row row;

		if (read_row(line, &row))
			visit(queue, &row, context);
	}
	fclose(file);
	return 0;
}

static bool is_ours(const struct queue *queue, unsigned long number)
{
	return number >= queue->first && number - queue->first < queue->count;
}

struct found {
	unsigned long number;
	bool ours;
};

static void find_bound(const struct queue *queue, const struct proc_row *row, void *context)
{
	struct found *found = context;

	if (row->number == found->number && row->port == queue->port)
		found->ours = true;
}

/* The answer is lost where packets of a queue bound before have filled the buffer: then the list tells. */
static int bind_queue(struct queue *queue, uint16_t number, bool fail_open)
{
	struct found found = { .number = number };
	int rc = send_bind(queue, number, fail_open);

	if (rc < 0)
		return rc;
	rc = read_bind_answer(queue, number);
	if (queue->proc < 0) /* not there before the module is, which sending has loaded */
		queue->proc = open(PROC_FILE, O_RDONLY | O_CLOEXEC);
	if (rc < 0 && (rc == -EAGAIN || rc == -ENOBUFS) && read_proc(queue, find_bound, &found) == 0 && found.ours)
		rc = 0;
	return rc;
}

static void find_taken(const struct queue *queue, const struct proc_row *row, void *context)
{
	bool *taken = context;

	if (is_ours(queue, row->number) && row->port != queue->port)
		*taken = true;
}

struct depth {
	uint64_t waiting, dropped;
};

static void add_depth(const struct queue *queue, const struct proc_row *row, void *context)
{
	struct depth *depth = context;

	if (!is_ours(queue, row->number) || row->port != queue->port)
		return;
	depth->waiting += row->waiting;
	depth->dropped += row->dropped + row->lost;
}

int queue_depth(const struct queue *queue, uint64_t *waiting, uint64_t *dropped)
{
	struct depth depth = { 0, 0 };
	int rc = read_proc(queue, add_depth, &depth);

	if (rc < 0)
		return rc;
	*waiting = depth.waiting;
	*dropped = depth.dropped;
	return 0;
}

/* ---- what a failure to open means ---- */

static const char *why_not(const struct queue *queue, int *error)
{
	bool taken = false;

	/* A queue of another program answers EPERM, as a missing capability does: only the list tells them apart. */
	if (*error == -EPERM && read_proc(queue, find_taken, &taken) == 0 && taken)
		*error = -EBUSY;
	switch (-*error) {
	case EBUSY:
		return "another program is bound to one of the NFQUEUE numbers of gateway.queue (" PROC_FILE
		       " lists them): stop it, or set other numbers";
	case EPERM:
		return "NFQUEUE needs CAP_NET_ADMIN";
	case EINVAL:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return "the kernel has no NFQUEUE (CONFIG_NETFILTER_NETLINK_QUEUE, module nfnetlink_queue)";
	case ENOMEM:
		return "no memory for the packets of one drain";
	default:
		return "the NFQUEUE socket cannot be set up";
	}
}

static int set_up(struct queue *queue, bool fail_open)
{
	int rc = map_slots(queue);

	queue->members = calloc(queue->count, sizeof(*queue->members));
	if (rc == 0 && !queue->members)
		rc = -ENOMEM;
	if (rc == 0)
		rc = open_socket(queue);
	for (unsigned int i = 0; rc == 0 && i < queue->count; i++)
		rc = bind_queue(queue, (uint16_t)(queue->first + i), fail_open);
	return rc;
}

/* Takes over `proc` (-1: none is open). */
static int open_with(int proc, uint16_t first, uint16_t count, bool fail_open, struct queue **out, const char **error)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	int rc;

	if (!queue) {
		*error = "no memory";
		if (proc >= 0)
			close(proc);
		return -ENOMEM;
	}
	queue->proc = proc;
	queue->first = first;
	queue->count = count;
	rc = set_up(queue, fail_open);
	if (rc < 0) {
		*error = why_not(queue, &rc);
		queue_close(queue);
		return rc;
	}
	*out = queue;
	return 0;
}

int queue_open(uint16_t first, uint16_t count, bool fail_open, struct queue **out, const char **error)
{
	return open_with(-1, first, count, fail_open, out, error);
}

int queue_reopen(struct queue **queue, bool fail_open, const char **error)
{
	uint16_t first = (*queue)->first, count = (uint16_t)(*queue)->count;
	int proc = (*queue)->proc;

	(*queue)->proc = -1;
	queue_close(*queue);
	*queue = NULL;
	return open_with(proc, first, count, fail_open, queue, error);
}

/* A queue that is full passes packets, and one that has room for none is always full. The flag first: between the two a
 * queue that is to drop (on-overload) would. The kernel looks at both under the queue's lock, so that no packet gets in
 * behind this. */
static void fill_up(const struct queue *queue, uint16_t number)
{
	char buffer[2 * CONFIG_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *header = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);
	size_t length;

	mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN));
	length = header->nlmsg_len;
	header = nfq_nlmsg_put(buffer + length, NFQNL_MSG_CONFIG, number);
	mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(0));
	if (send_all(queue, buffer, length + header->nlmsg_len) < 0)
		counters.queue_errors++;
}

void queue_let_pass(const struct queue *queue)
{
	for (unsigned int i = 0; i < queue->count; i++)
		fill_up(queue, (uint16_t)(queue->first + i));
}

void queue_close(struct queue *queue)
{
	if (!queue)
		return;
	if (queue->socket)
		mnl_socket_close(queue->socket);
	if (queue->slots)
		munmap(queue->slots, (size_t)LIMIT_DRAIN_PACKETS * SLOT_STRIDE);
	if (queue->proc >= 0)
		close(queue->proc);
	free(queue->members);
	free(queue);
}

/* ---- receiving ---- */

static void count_gap(struct queue *queue, uint16_t number, uint32_t id)
{
	struct member *member = &queue->members[number - queue->first];

	if (member->seen)
		counters.queue_overruns += id - member->last_id - 1;
	member->last_id = id;
	member->seen = true;
}

/* The attributes that we want, found without trusting the message's length: it may have been cut. */
static void read_attribute(const struct nlattr *attribute, struct queue_packet *out, bool *has_id)
{
	const uint8_t *payload = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);

	switch (mnl_attr_get_type(attribute)) {
	case NFQA_PACKET_HDR:
		if (length < sizeof(struct nfqnl_msg_packet_hdr))
			return;
		out->id = ntohl(((const struct nfqnl_msg_packet_hdr *)(const void *)payload)->packet_id);
		*has_id = true;
		return;
	case NFQA_IFINDEX_INDEV:
		if (length == sizeof(uint32_t))
			out->in_interface = ntohl(*(const uint32_t *)(const void *)payload);
		return;
	case NFQA_PAYLOAD:
		out->payload = payload;
		out->length = length;
		return;
	}
}

/* `length` octets of the message were received. A packet whose payload is missing or cut has the length 0: nobody can
 * judge it. */
static bool read_packet(const struct nlmsghdr *header, size_t length, struct queue_packet *out)
{
	const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(*message));
	size_t end = header->nlmsg_len < length ? header->nlmsg_len : length;
	bool has_id = false;

	if (at > end)
		return false;
	*out = (struct queue_packet) { .queue = ntohs(message->res_id) };
	while (at + sizeof(struct nlattr) <= end) {
		const struct nlattr *attribute = (const struct nlattr *)(const void *)((const uint8_t *)header + at);

		if (attribute->nla_len < sizeof(*attribute) || attribute->nla_len > end - at)
			break;
		read_attribute(attribute, out, &has_id);
		at += NLA_ALIGN(attribute->nla_len);
	}
	return has_id;
}

static bool is_packet(const struct nlmsghdr *header)
{
	return header->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET);
}

/* One datagram. True when it is a packet of ours. */
static bool take_message(struct queue *queue, size_t i, struct queue_packet *out)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)slot(queue, i);
	size_t length = queue->headers[i].msg_len;

	if (queue->senders[i].nl_pid != 0 || length < NLMSG_HDRLEN) {
		counters.queue_errors++;
		return false;
	}
	if (header->nlmsg_type == NLMSG_ERROR) { /* nobody asks for an ACK: a verdict failed */
		counters.verdict_errors++;
		return false;
	}
	if (!is_packet(header) || !read_packet(header, length, out) || !is_ours(queue, out->queue)) {
		counters.queue_errors++;
		return false;
	}
	count_gap(queue, out->queue, out->id);
	counters.packets_queued++;
	return true;
}

static int receive_datagrams(struct queue *queue)
{
	int count;

	for (size_t i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		queue->headers[i].msg_hdr.msg_name = &queue->senders[i];
		queue->headers[i].msg_hdr.msg_namelen = sizeof(queue->senders[i]);
	}
	/* A pending ENOBUFS comes instead of the messages, once. */
	do
		count = recvmmsg(socket_of(queue), queue->headers, LIMIT_DRAIN_PACKETS, MSG_DONTWAIT, NULL);
	while (count < 0 && (errno == ENOBUFS || errno == EINTR));
	if (count < 0 && errno == ENOMEM) { /* the packets stay where they are */
		counters.queue_errors++;
		return 0;
	}
	if (count < 0)
		return errno == EAGAIN ? 0 : -errno;
	return count;
}

int queue_receive(struct queue *queue, struct queue_packet packets[])
{
	int datagrams = receive_datagrams(queue), count = 0;

	for (int i = 0; i < datagrams; i++)
		count += take_message(queue, (size_t)i, &packets[count]);
	if (datagrams < 0)
		return datagrams;
	return count;
}

/* ---- verdicts ---- */

static size_t put_verdict(uint8_t *buffer, int type, uint16_t queue, uint32_t id, uint32_t verdict)
{
	struct nlmsghdr *header = nfq_nlmsg_put((char *)buffer, type, queue);

	nfq_nlmsg_verdict_put(header, (int)id, (int)verdict);
	return header->nlmsg_len;
}

/* Of what stands in `verdicts`. A packet without its verdict is held for ever: what the kernel has no memory for now is
 * kept. Any other error is the socket's end, and with it of all that it holds. */
static void send_verdicts(struct queue *queue)
{
	int error = queue->owed ? send_all(queue, queue->verdicts, queue->owed) : 0;

	if (error < 0)
		counters.verdict_errors++;
	if (error == -ENOBUFS || error == -ENOMEM || error == -EAGAIN)
		return;
	queue->broken = error;
	queue->owed = 0;
}

int queue_settle(struct queue *queue)
{
	if (!queue->broken)
		send_verdicts(queue);
	if (queue->broken)
		return queue->broken;
	return queue->owed > 0;
}

static void accept_unjudged(const struct queue *queue, const struct nlmsghdr *header, size_t length)
{
	uint8_t buffer[CONFIG_BYTES] __attribute__((aligned(8)));
	struct queue_packet packet;

	if (!is_packet(header) || !read_packet(header, length, &packet))
		return;
	counters.packets_queued++;
	counters.packets_unread++;
	length = put_verdict(buffer, NFQNL_MSG_VERDICT, packet.queue, packet.id, NF_ACCEPT);
	if (send_all(queue, buffer, length) < 0)
		counters.verdict_errors++;
}

static bool is_dropped(uint64_t drop, size_t i)
{
	return drop >> i & 1;
}

/* Is packets[i] the last accepted one of its queue? */
static bool is_last(const struct queue_packet packets[], size_t count, uint64_t drop, size_t i)
{
	if (is_dropped(drop, i))
		return false;
	for (size_t later = i + 1; later < count; later++)
		if (packets[later].queue == packets[i].queue && !is_dropped(drop, later))
			return false;
	return true;
}

void queue_verdicts(struct queue *queue, const struct queue_packet packets[], size_t count, uint64_t drop)
{
	uint8_t *buffer = queue->verdicts;
	/* Where no more can be kept, the batch of a queue accepts what older ones held. */
	size_t length = queue->owed + DRAIN_BYTES > VERDICTS_BYTES ? 0 : queue->owed;

	for (size_t i = 0; i < count; i++)
		if (is_dropped(drop, i))
			length += put_verdict(buffer + length, NFQNL_MSG_VERDICT, packets[i].queue, packets[i].id,
					      NF_DROP);
	/* What is left of each queue, in one message each: everything up to the last id was received, by this drain or
	 * an earlier one. */
	for (size_t i = 0; i < count; i++)
		if (is_last(packets, count, drop, i))
			length += put_verdict(buffer + length, NFQNL_MSG_VERDICT_BATCH, packets[i].queue, packets[i].id,
					      NF_ACCEPT);
	queue->owed = length;
	send_verdicts(queue);
}
