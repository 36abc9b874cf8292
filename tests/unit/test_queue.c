/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/queue.o base/counters.o */
/* LIBS: libmnl libnetfilter_queue */
/* What queue.c makes of messages, also of those that no kernel of today sends. The socket's calls are replaced here:
 * datagrams come from a list, what is sent is kept. test_kernel_queue.c shows that the kernel means the same. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

#include "base/counters.h"
#include "base/limits.h"
#include "netfilter/queue.h"

#define FD 1000
#define PORT 4711

/* ---- the socket ---- */

struct datagram {
	int error; /* instead of a datagram */
	uint32_t sender;
	size_t length, told; /* `told`: how much of it the socket hands over */
	uint8_t octets[512] __attribute__((aligned(8)));
};

static struct {
	struct datagram in[LIMIT_DRAIN_PACKETS + 8];
	size_t in_count, in_at;
	uint8_t out[65536] __attribute__((aligned(8)));
	size_t out_length, out_calls;
	int out_error;
	int out_errors[4]; /* of the next calls, before `out_error` */
	size_t asked_for_ack; /* answers to NLM_F_ACK in the list of datagrams */
	int ack_error;
	bool ack_lost;
	const char *proc; /* a file that stands for the list in /proc */
} wire;

struct mnl_socket {
	int unused;
};
static struct mnl_socket the_socket;

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	assert_int_equal(bus, NETLINK_NETFILTER);
	assert_int_equal(flags, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return &the_socket;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	(void)socket;
	assert_int_equal(groups, 0);
	(void)pid;
	return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *socket)
{
	(void)socket;
	return FD;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *socket)
{
	(void)socket;
	return PORT;
}

int mnl_socket_close(struct mnl_socket *socket)
{
	(void)socket;
	return 0;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	(void)level;
	(void)option;
	(void)value;
	(void)length;
	assert_int_equal(fd, FD);
	return 0;
}

static struct datagram *add_datagram(const void *octets, size_t length)
{
	struct datagram *datagram = &wire.in[wire.in_count++];

	memset(datagram, 0, sizeof(*datagram));
	memcpy(datagram->octets, octets, length);
	datagram->length = datagram->told = length;
	return datagram;
}

static void add_answer(uint32_t seq, int error)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = { .header = { .nlmsg_len = sizeof(answer), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = seq },
		     .error = { .error = error } };

	add_datagram(&answer, sizeof(answer));
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
	const struct nlmsghdr *header = data;

	(void)flags;
	assert_int_equal(fd, FD);
	assert_int_equal(to_length, sizeof(struct sockaddr_nl));
	assert_int_equal(((const struct sockaddr_nl *)(const void *)to)->nl_pid, 0);
	wire.out_calls++;
	for (size_t i = 0; i < 4; i++)
		if (wire.out_errors[i]) {
			errno = wire.out_errors[i];
			wire.out_errors[i] = 0;
			return -1;
		}
	if (wire.out_error) {
		errno = wire.out_error;
		return -1;
	}
	memcpy(wire.out + wire.out_length, data, length);
	wire.out_length += length;
	if (header->nlmsg_flags & NLM_F_ACK) {
		wire.asked_for_ack++;
		if (!wire.ack_lost)
			add_answer(header->nlmsg_seq, wire.ack_error);
	}
	return (ssize_t)length;
}

/* The list of bound queues. */
int open(const char *path, int flags, ...)
{
	assert_string_equal(path, "/proc/net/netfilter/nfnetlink_queue");
	return wire.proc ? openat(AT_FDCWD, wire.proc, flags) : -1;
}

static ssize_t take(void *buffer, size_t room, uint32_t *sender)
{
	const struct datagram *datagram = &wire.in[wire.in_at];

	if (wire.in_at == wire.in_count) {
		errno = EAGAIN;
		return -1;
	}
	if (datagram->error) {
		wire.in_at++;
		errno = datagram->error;
		return -1;
	}
	assert_true(datagram->length <= room);
	memcpy(buffer, datagram->octets, datagram->length);
	*sender = datagram->sender;
	wire.in_at++;
	return (ssize_t)datagram->told;
}

ssize_t recv(int fd, void *buffer, size_t room, int flags)
{
	uint32_t sender;

	(void)flags;
	assert_int_equal(fd, FD);
	return take(buffer, room, &sender);
}

/* As the kernel's: an error after the first datagram stays for the next call. */
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout)
{
	unsigned int taken = 0;

	assert_int_equal(fd, FD);
	assert_int_equal(flags, MSG_DONTWAIT);
	assert_null(timeout);
	while (taken < count) {
		struct msghdr *message = &messages[taken].msg_hdr;
		struct sockaddr_nl *sender = message->msg_name;
		ssize_t length;

		if (taken && (wire.in_at == wire.in_count || wire.in[wire.in_at].error))
			break;
		assert_int_equal(message->msg_namelen, sizeof(*sender));
		length = take(message->msg_iov->iov_base, message->msg_iov->iov_len, &sender->nl_pid);
		if (length < 0)
			return -1;
		messages[taken++].msg_len = (unsigned int)length;
	}
	return (int)taken;
}

/* ---- messages ---- */

static struct datagram *add_packet(uint16_t queue, uint32_t id, const char *payload)
{
	uint8_t buffer[512] __attribute__((aligned(8)));
	struct nlmsghdr *header = nfq_nlmsg_put((char *)buffer, NFQNL_MSG_PACKET, queue);
	struct nfqnl_msg_packet_hdr packet = { .packet_id = htonl(id), .hw_protocol = htons(0x0800) };

	mnl_attr_put(header, NFQA_PACKET_HDR, sizeof(packet), &packet);
	mnl_attr_put_u32(header, NFQA_IFINDEX_INDEV, htonl(3));
	mnl_attr_put_u32(header, NFQA_IFINDEX_OUTDEV, htonl(4));
	if (payload)
		mnl_attr_put(header, NFQA_PAYLOAD, strlen(payload), payload);
	return add_datagram(buffer, header->nlmsg_len);
}

static void add_error(int error)
{
	add_datagram("", 0)->error = error;
}

static struct queue *open_queue(uint16_t first, uint16_t count)
{
	struct queue *queue = NULL;
	const char *error = NULL;

	memset(&wire, 0, sizeof(wire));
	memset(&counters, 0, sizeof(counters));
	assert_int_equal(queue_open(first, count, true, &queue, &error), 0);
	assert_int_equal(queue_fd(queue), FD);
	assert_int_equal(wire.asked_for_ack, count);
	wire.out_length = wire.out_calls = wire.in_at = wire.in_count = 0;
	return queue;
}

/* What was sent, message by message. */
struct verdict {
	int type;
	uint16_t queue;
	uint32_t id, verdict;
};

static size_t sent_verdicts(struct verdict *out)
{
	size_t count = 0;

	for (size_t at = 0; at < wire.out_length;) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)(wire.out + at);
		const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
		const struct nlattr *attribute = mnl_nlmsg_get_payload_offset(header, sizeof(*message));
		const struct nfqnl_msg_verdict_hdr *verdict = mnl_attr_get_payload(attribute);

		assert_int_equal(attribute->nla_type, NFQA_VERDICT_HDR);
		assert_int_equal(header->nlmsg_flags & NLM_F_ACK, 0);
		out[count++] = (struct verdict) { header->nlmsg_type & 0xff, ntohs(message->res_id), ntohl(verdict->id),
						  ntohl(verdict->verdict) };
		at += header->nlmsg_len;
	}
	return count;
}

/* ---- binding ---- */

static void test_bind_is_one_message(void **state)
{
	struct nlattr *found[NFQA_CFG_MAX + 1] = { 0 };
	const struct nlattr *attribute;
	const struct nfqnl_msg_config_params *params;
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)wire.out;
	struct queue *queue = NULL;
	const char *error;

	(void)state;
	memset(&wire, 0, sizeof(wire));
	assert_int_equal(queue_open(7, 1, true, &queue, &error), 0);
	assert_int_equal(wire.out_calls, 1);
	assert_int_equal(header->nlmsg_len, wire.out_length);
	assert_int_equal(ntohs(((const struct nfgenmsg *)mnl_nlmsg_get_payload(header))->res_id), 7);
	mnl_attr_for_each (attribute, header, sizeof(struct nfgenmsg))
		found[mnl_attr_get_type(attribute)] = (struct nlattr *)attribute;
	assert_non_null(found[NFQA_CFG_CMD]);
	assert_int_equal(*(const uint8_t *)mnl_attr_get_payload(found[NFQA_CFG_CMD]), NFQNL_CFG_CMD_BIND);
	params = mnl_attr_get_payload(found[NFQA_CFG_PARAMS]);
	assert_int_equal(params->copy_mode, NFQNL_COPY_PACKET);
	assert_int_equal(ntohl(params->copy_range), LIMIT_PACKET_BYTES);
	assert_int_equal(ntohl(mnl_attr_get_u32(found[NFQA_CFG_QUEUE_MAXLEN])), LIMIT_QUEUE_PACKETS);
	assert_int_equal(ntohl(mnl_attr_get_u32(found[NFQA_CFG_FLAGS])), NFQA_CFG_F_FAIL_OPEN);
	assert_int_equal(ntohl(mnl_attr_get_u32(found[NFQA_CFG_MASK])), NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO);
	queue_close(queue);
}

static void test_bind_refused(void **state)
{
	static const struct {
		int error;
		const char *told;
	} rows[] = { { -EBUSY, "another program" },
		     { -EPERM, "CAP_NET_ADMIN" },
		     { -EINVAL, "CONFIG_NETFILTER_NETLINK_QUEUE" },
		     { -EIO, "cannot be set up" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct queue *queue = NULL;
		const char *error = NULL;

		memset(&wire, 0, sizeof(wire));
		wire.ack_error = rows[i].error;
		assert_int_equal(queue_open(1, 2, true, &queue, &error), rows[i].error);
		assert_non_null(strstr(error, rows[i].told));
		assert_null(queue);
		assert_int_equal(wire.asked_for_ack, 1);
	}
}

/* A packet of the first queue stands before the answer for the second: it passes. So does an answer to something else.
 */
static void test_packet_while_binding(void **state)
{
	struct verdict verdicts[8];
	struct queue *queue = NULL;
	const char *error;

	(void)state;
	memset(&wire, 0, sizeof(wire));
	memset(&counters, 0, sizeof(counters));
	add_packet(5, 1, "x");
	add_error(EINTR);
	add_answer(99, -EIO);
	assert_int_equal(queue_open(5, 1, true, &queue, &error), 0);
	assert_int_equal(wire.out_calls, 2);
	memmove(wire.out, wire.out + ((struct nlmsghdr *)(void *)wire.out)->nlmsg_len, 64);
	wire.out_length = ((struct nlmsghdr *)(void *)wire.out)->nlmsg_len;
	assert_int_equal(sent_verdicts(verdicts), 1);
	assert_int_equal(verdicts[0].id, 1);
	assert_int_equal(verdicts[0].verdict, NF_ACCEPT);
	assert_int_equal(counters.packets_unread, 1);
	queue_close(queue);
}

static void write_list(char path[], unsigned int number, unsigned int port)
{
	FILE *file = fdopen(mkstemp(path), "w");

	fprintf(file, "%5u %6u %5u 2 65535 %5u %5u %8u  1\n", number, port, 0, 0, 0, 0);
	fclose(file);
	wire.proc = path;
}

/* The answer to the bind did not come: the list of bound queues tells. */
static void test_bind_answer_lost(void **state)
{
	static const int errors[] = { 0, ENOBUFS };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		char path[] = "/tmp/nfqdn-test-queue-XXXXXX";
		bool ours = i / 2 == 0;
		struct queue *queue = NULL;
		const char *error = NULL;

		memset(&wire, 0, sizeof(wire));
		write_list(path, i / 2 == 1 ? 6 : 5, i / 2 == 2 ? PORT + 1 : PORT);
		wire.ack_lost = true;
		if (errors[i % 2])
			add_error(errors[i % 2]);
		assert_int_equal(queue_open(5, 1, true, &queue, &error), ours ? 0 : i % 2 ? -ENOBUFS : -EAGAIN);
		assert_true(ours == (error == NULL));
		queue_close(queue);
		unlink(path);
	}
}

/* Whatever the call for it says, a bind that fails leaves nothing and tells why; interrupted, it goes on. */
static void test_bind_not_sent(void **state)
{
	static const int errors[] = { ENFILE, EBUSY, ENOBUFS, ENOMEM, EAGAIN, EPERM, EBADF, ENOTCONN, ESHUTDOWN };
	struct queue *queue = NULL;
	const char *error = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (int receiving = 0; receiving < 2; receiving++) {
			memset(&wire, 0, sizeof(wire));
			error = NULL;
			if (receiving)
				add_error(errors[i]);
			else
				wire.out_error = errors[i];
			wire.ack_lost = true;
			assert_int_equal(queue_open(5, 2, true, &queue, &error), -errors[i]);
			assert_non_null(error);
			assert_null(queue);
		}
	}
	memset(&wire, 0, sizeof(wire));
	wire.out_errors[0] = wire.out_errors[1] = EINTR;
	assert_int_equal(queue_open(5, 1, true, &queue, &error), 0);
	queue_close(queue);
}

/* Garbage in front of the answer. */
static void test_bind_garbled(void **state)
{
	struct queue *queue = NULL;
	const char *error = NULL;
	uint8_t garbage[512];

	(void)state;
	memset(&wire, 0, sizeof(wire));
	memset(garbage, 0xa5, sizeof(garbage));
	for (size_t length = 0; length < 40; length++)
		add_datagram(garbage, length);
	add_packet(5, 1, "x")->told = 22;
	memset(add_packet(5, 2, "x")->octets, 0xff, 4); /* its length */
	assert_int_equal(queue_open(5, 1, true, &queue, &error), 0);
	queue_close(queue);
}

/* ---- receiving ---- */

static void test_receives(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 2);

	(void)state;
	add_packet(6, 17, "first");
	add_packet(5, 4, "second one");
	assert_int_equal(queue_receive(queue, packets), 2);
	assert_int_equal(packets[0].queue, 6);
	assert_int_equal(packets[0].id, 17);
	assert_int_equal(packets[0].in_interface, 3);
	assert_int_equal(packets[0].length, 5);
	assert_memory_equal(packets[0].payload, "first", 5);
	assert_int_equal(packets[1].queue, 5);
	assert_memory_equal(packets[1].payload, "second one", 10);
	assert_int_equal(queue_receive(queue, packets), 0);
	assert_int_equal(counters.packets_queued, 2);
	assert_int_equal(counters.queue_errors, 0);
	queue_close(queue);
}

static void test_more_than_a_drain(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 1);

	(void)state;
	for (uint32_t i = 0; i < LIMIT_DRAIN_PACKETS + 3; i++)
		add_packet(5, i + 1, "x");
	assert_int_equal(queue_receive(queue, packets), LIMIT_DRAIN_PACKETS);
	assert_int_equal(queue_receive(queue, packets), 3);
	assert_int_equal(packets[2].id, LIMIT_DRAIN_PACKETS + 3);
	queue_close(queue);
}

/* Lost messages show in the ids, for each queue by itself, also where they wrap. */
static void test_gaps(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 2);

	(void)state;
	add_packet(5, 0xfffffffd, "x");
	add_packet(6, 10, "x");
	add_packet(5, 0xfffffffe, "x");
	assert_int_equal(queue_receive(queue, packets), 3);
	assert_int_equal(counters.queue_overruns, 0);
	add_packet(5, 2, "x"); /* 0xffffffff, 0 and 1 are missing */
	add_packet(6, 11, "x");
	assert_int_equal(queue_receive(queue, packets), 2);
	assert_int_equal(counters.queue_overruns, 3);
	add_packet(6, 20, "x");
	assert_int_equal(queue_receive(queue, packets), 1);
	assert_int_equal(counters.queue_overruns, 11);
	queue_close(queue);
}

static void test_errors_of_the_socket(void **state)
{
	static const int deadly[] = { EBADF, ENOTCONN, ESHUTDOWN, ENOTSOCK, EPERM, EIO };
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 1);

	(void)state;
	add_error(ENOBUFS);
	add_error(EINTR);
	add_packet(5, 1, "x");
	add_error(ENOBUFS);
	assert_int_equal(queue_receive(queue, packets), 1);
	assert_int_equal(queue_receive(queue, packets), 0);
	add_error(ENOMEM); /* the packets stay in the kernel */
	assert_int_equal(queue_receive(queue, packets), 0);
	assert_int_equal(counters.queue_errors, 1);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		add_error(deadly[i]);
		assert_int_equal(queue_receive(queue, packets), -deadly[i]);
	}
	assert_int_equal(counters.queue_overruns, 0);
	queue_close(queue);
}

static void test_no_packet(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 2);

	(void)state;
	add_packet(5, 1, "forged")->sender = 1234;
	add_packet(4, 1, "another's queue");
	add_packet(7, 1, "another's queue");
	add_packet(5, 1, "x")->octets[4] = NFQNL_MSG_VERDICT;
	add_packet(5, 1, "x")->told = 15;
	add_packet(5, 1, "x")->told = 19;
	add_packet(5, 1, "x")->told = 0;
	add_packet(5, 1, "x")->octets[20] = 4 + 6; /* a packet header without its last octet */
	add_answer(0, -ENOENT);
	add_packet(5, 1, "good");
	assert_int_equal(queue_receive(queue, packets), 1);
	assert_memory_equal(packets[0].payload, "good", 4);
	assert_int_equal(counters.queue_errors, 8);
	assert_int_equal(counters.verdict_errors, 1);
	assert_int_equal(counters.packets_queued, 1);
	queue_close(queue);
}

/* Cut at each octet: as long as the id is there the packet gets its verdict, and its payload is whole or empty. */
static void test_cut(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 1);
	size_t whole = add_packet(5, 1, "payload")->length, header = 20 + 4 + 7;

	(void)state;
	for (size_t told = 0; told <= whole; told++) {
		struct datagram *datagram;

		wire.in_at = wire.in_count = 0;
		datagram = add_packet(5, 1, "payload");
		datagram->told = told;
		if (told < header) {
			assert_int_equal(queue_receive(queue, packets), 0);
			continue;
		}
		assert_int_equal(queue_receive(queue, packets), 1);
		assert_int_equal(packets[0].id, 1);
		assert_int_equal(packets[0].length, told >= whole - 1 ? 7 : 0); /* one octet of padding */
	}
	queue_close(queue);
}

/* Any octets: nothing is read outside of what was received. */
static void test_noise(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 1);
	unsigned int seed = 5;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		struct datagram *datagram;

		wire.in_at = wire.in_count = 0;
		datagram = add_packet(5, 1, "payload");
		for (int k = rand_r(&seed) % 4; k >= 0; k--)
			datagram->octets[(size_t)rand_r(&seed) % datagram->length] = (uint8_t)rand_r(&seed);
		if (queue_receive(queue, packets) != 1)
			continue;
		assert_int_equal(packets[0].queue, 5);
		assert_true(packets[0].length < 60);
		for (size_t at = 0; at < packets[0].length; at++)
			seed += packets[0].payload[at];
	}
	queue_close(queue);
}

/* ---- verdicts ---- */

static void assert_verdict(const struct verdict *verdict, int type, uint16_t queue, uint32_t id, uint32_t value)
{
	assert_int_equal(verdict->type, type);
	assert_int_equal(verdict->queue, queue);
	assert_int_equal(verdict->id, id);
	assert_int_equal(verdict->verdict, value);
}

static void test_verdicts(void **state)
{
	const struct queue_packet packets[6] = { { .queue = 5, .id = 10 }, { .queue = 6, .id = 90 },
						 { .queue = 5, .id = 11 }, { .queue = 5, .id = 12 },
						 { .queue = 6, .id = 91 }, { .queue = 5, .id = 13 } };
	struct queue *queue = open_queue(5, 2);
	struct verdict out[80];

	(void)state;
	queue_verdicts(queue, packets, 6, 0);
	assert_int_equal(wire.out_calls, 1);
	assert_int_equal(sent_verdicts(out), 2);
	assert_verdict(&out[0], NFQNL_MSG_VERDICT_BATCH, 6, 91, NF_ACCEPT);
	assert_verdict(&out[1], NFQNL_MSG_VERDICT_BATCH, 5, 13, NF_ACCEPT);
	/* Drops stand first; a batch ends at the last packet that is accepted; a queue without any has none. */
	wire.out_length = wire.out_calls = 0;
	queue_verdicts(queue, packets, 6, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5);
	assert_int_equal(wire.out_calls, 1);
	assert_int_equal(sent_verdicts(out), 5);
	assert_verdict(&out[0], NFQNL_MSG_VERDICT, 6, 90, NF_DROP);
	assert_verdict(&out[1], NFQNL_MSG_VERDICT, 5, 12, NF_DROP);
	assert_verdict(&out[2], NFQNL_MSG_VERDICT, 6, 91, NF_DROP);
	assert_verdict(&out[3], NFQNL_MSG_VERDICT, 5, 13, NF_DROP);
	assert_verdict(&out[4], NFQNL_MSG_VERDICT_BATCH, 5, 11, NF_ACCEPT);
	wire.out_length = wire.out_calls = 0;
	queue_verdicts(queue, packets, 0, 0);
	assert_int_equal(wire.out_calls, 0);
	queue_close(queue);
}

/* The most that one drain can send fits. */
static void test_most_verdicts(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(0, LIMIT_DRAIN_PACKETS);
	struct verdict out[2 * LIMIT_DRAIN_PACKETS];

	(void)state;
	for (uint16_t i = 0; i < LIMIT_DRAIN_PACKETS; i++)
		packets[i] = (struct queue_packet) { .queue = i, .id = i };
	queue_verdicts(queue, packets, LIMIT_DRAIN_PACKETS, 0);
	assert_int_equal(sent_verdicts(out), LIMIT_DRAIN_PACKETS);
	wire.out_length = 0;
	queue_verdicts(queue, packets, LIMIT_DRAIN_PACKETS, UINT64_MAX);
	assert_int_equal(sent_verdicts(out), LIMIT_DRAIN_PACKETS);
	wire.out_error = ENOBUFS;
	queue_verdicts(queue, packets, LIMIT_DRAIN_PACKETS, UINT64_MAX);
	assert_int_equal(counters.verdict_errors, 1);
	queue_close(queue);
}

/* The kernel has no memory for them: they are given again, and later ones behind them. */
static void test_verdicts_again(void **state)
{
	static const int errors[] = { ENOBUFS, ENOMEM, EAGAIN };
	const struct queue_packet packets[3] = { { .queue = 5, .id = 10 },
						 { .queue = 6, .id = 90 },
						 { .queue = 5, .id = 11 } };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct queue *queue = open_queue(5, 2);
		struct verdict out[80];

		assert_int_equal(queue_settle(queue), 0);
		wire.out_error = errors[i];
		queue_verdicts(queue, packets, 2, 1);
		assert_int_equal(queue_settle(queue), 1);
		assert_int_equal(queue_settle(queue), 1);
		queue_verdicts(queue, packets + 2, 1, 0);
		assert_int_equal(wire.out_length, 0);
		assert_int_equal(counters.verdict_errors, 4);
		wire.out_error = 0;
		assert_int_equal(queue_settle(queue), 0);
		assert_int_equal(sent_verdicts(out), 3);
		assert_verdict(&out[0], NFQNL_MSG_VERDICT, 5, 10, NF_DROP);
		assert_verdict(&out[1], NFQNL_MSG_VERDICT_BATCH, 6, 90, NF_ACCEPT);
		assert_verdict(&out[2], NFQNL_MSG_VERDICT_BATCH, 5, 11, NF_ACCEPT);
		wire.out_length = wire.out_calls = 0;
		assert_int_equal(queue_settle(queue), 0);
		assert_int_equal(wire.out_calls, 0);
		queue_close(queue);
	}
}

static void test_verdicts_interrupted(void **state)
{
	const struct queue_packet packet = { .queue = 5, .id = 10 };
	struct queue *queue = open_queue(5, 1);
	struct verdict out[80];

	(void)state;
	wire.out_errors[0] = wire.out_errors[1] = EINTR;
	queue_verdicts(queue, &packet, 1, 0);
	assert_int_equal(sent_verdicts(out), 1);
	assert_int_equal(queue_settle(queue), 0);
	assert_int_equal(counters.verdict_errors, 0);
	queue_close(queue);
}

/* However long it lasts, nothing is written behind the buffer, and what is left accepts all. */
static void test_verdicts_never_taken(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct queue *queue = open_queue(5, 1);
	struct verdict out[600];
	size_t count;

	(void)state;
	wire.out_error = ENOBUFS;
	for (uint32_t drain = 0; drain < 100; drain++) {
		for (uint32_t i = 0; i < LIMIT_DRAIN_PACKETS; i++)
			packets[i] = (struct queue_packet) { .queue = 5, .id = drain * LIMIT_DRAIN_PACKETS + i };
		queue_verdicts(queue, packets, LIMIT_DRAIN_PACKETS, UINT64_MAX >> 1);
	}
	wire.out_error = 0;
	assert_int_equal(queue_settle(queue), 0);
	count = sent_verdicts(out);
	assert_verdict(&out[count - 1], NFQNL_MSG_VERDICT_BATCH, 5, 100 * LIMIT_DRAIN_PACKETS - 1, NF_ACCEPT);
	queue_close(queue);
}

/* An error that no waiting mends: what is held can only be let go with the socket. */
static void test_verdicts_refused(void **state)
{
	static const int errors[] = { EPERM, EBADF, ENOTCONN, ESHUTDOWN, ENFILE, EBUSY };
	const struct queue_packet packet = { .queue = 5, .id = 10 };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct queue *queue = open_queue(5, 1);

		wire.out_error = errors[i];
		queue_verdicts(queue, &packet, 1, 0);
		assert_int_equal(queue_settle(queue), -errors[i]);
		assert_int_equal(queue_settle(queue), -errors[i]);
		assert_int_equal(counters.verdict_errors, 1);
		queue_close(queue);
	}
}

/* ---- the end ---- */

/* To each queue: first that a full one passes packets, then that it has room for none; neither is to be answered. */
static void test_let_pass(void **state)
{
	struct queue *queue = open_queue(5, 2);
	size_t at = 0;

	(void)state;
	queue_let_pass(queue);
	for (unsigned int i = 0; i < 4; i++) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)(wire.out + at);
		const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
		const struct nlattr *attribute = mnl_nlmsg_get_payload_offset(header, sizeof(*message));

		assert_int_equal(header->nlmsg_type & 0xff, NFQNL_MSG_CONFIG);
		assert_int_equal(header->nlmsg_flags & NLM_F_ACK, 0);
		assert_int_equal(ntohs(message->res_id), 5 + i / 2);
		assert_int_equal(mnl_attr_get_type(attribute), i % 2 ? NFQA_CFG_QUEUE_MAXLEN : NFQA_CFG_FLAGS);
		assert_int_equal(ntohl(mnl_attr_get_u32(attribute)), i % 2 ? 0 : NFQA_CFG_F_FAIL_OPEN);
		at += header->nlmsg_len;
	}
	assert_int_equal(at, wire.out_length);
	wire.out_error = ENOBUFS;
	queue_let_pass(queue);
	assert_int_equal(counters.queue_errors, 2);
	queue_close(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_is_one_message),
		cmocka_unit_test(test_bind_refused),
		cmocka_unit_test(test_packet_while_binding),
		cmocka_unit_test(test_bind_answer_lost),
		cmocka_unit_test(test_bind_not_sent),
		cmocka_unit_test(test_bind_garbled),
		cmocka_unit_test(test_receives),
		cmocka_unit_test(test_more_than_a_drain),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_errors_of_the_socket),
		cmocka_unit_test(test_no_packet),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_most_verdicts),
		cmocka_unit_test(test_verdicts_again),
		cmocka_unit_test(test_verdicts_interrupted),
		cmocka_unit_test(test_verdicts_never_taken),
		cmocka_unit_test(test_verdicts_refused),
		cmocka_unit_test(test_let_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
