/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/nfattr.o */
/* LIBS: libmnl */
/* nflog.c with a kernel of the test's own: what it is told, and what becomes of what it says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>

static ssize_t fake_sendto(const struct mnl_socket *socket, const void *data, size_t length);
static ssize_t fake_recv(int fd, void *buffer, size_t size, int flags);
static int fake_recvmmsg(int fd, struct mmsghdr *headers, unsigned int count, int flags, struct timespec *timeout);
static int fake_setsockopt(int fd, int level, int option, const void *value, socklen_t length);

#define mnl_socket_sendto fake_sendto
#define recv fake_recv
#define recvmmsg fake_recvmmsg
#define setsockopt fake_setsockopt
#include "netfilter/nflog.c"
#undef mnl_socket_sendto
#undef recv
#undef recvmmsg
#undef setsockopt

#define DATAGRAMS 4
static struct {
	uint8_t told[512]; /* the last message to the kernel */
	int answer; /* to it */
	int receive_octets;
	uint8_t datagrams[DATAGRAMS][4096] __attribute__((aligned(8)));
	size_t lengths[DATAGRAMS];
	uint32_t senders[DATAGRAMS];
	unsigned int count;
	int error; /* of the next recvmmsg() */
	unsigned int interruptions; /* of what is sent and received next, by signals */
} kernel;

static ssize_t fake_sendto(const struct mnl_socket *socket, const void *data, size_t length)
{
	(void)socket;
	if (kernel.interruptions && kernel.interruptions--) {
		errno = EINTR;
		return -1;
	}
	assert_true(length <= sizeof(kernel.told));
	memcpy(kernel.told, data, length);
	return (ssize_t)length;
}

static ssize_t fake_recv(int fd, void *buffer, size_t size, int flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nlmsgerr *error = mnl_nlmsg_put_extra_header(header, sizeof(*error));

	(void)fd;
	(void)flags;
	if (kernel.interruptions && kernel.interruptions--) {
		errno = EINTR;
		return -1;
	}
	assert_true(size >= header->nlmsg_len);
	header->nlmsg_type = NLMSG_ERROR;
	error->error = kernel.answer;
	return (ssize_t)header->nlmsg_len;
}

static int fake_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	(void)fd;
	(void)length;
	if (level == SOL_SOCKET && option == SO_RCVBUFFORCE)
		memcpy(&kernel.receive_octets, value, sizeof(kernel.receive_octets));
	return 0;
}

static int fake_recvmmsg(int fd, struct mmsghdr *headers, unsigned int count, int flags, struct timespec *timeout)
{
	unsigned int given = kernel.count;

	(void)fd;
	(void)flags;
	(void)timeout;
	if (kernel.error) {
		errno = kernel.error;
		kernel.error = errno == ENOBUFS ? 0 : kernel.error;
		return -1;
	}
	assert_true(given <= count);
	for (unsigned int i = 0; i < given; i++) {
		struct msghdr *message = &headers[i].msg_hdr;
		size_t room = message->msg_iov->iov_len, length = kernel.lengths[i];

		message->msg_flags = length > room ? MSG_TRUNC : 0;
		headers[i].msg_len = (unsigned int)(length > room ? room : length);
		memcpy(message->msg_iov->iov_base, kernel.datagrams[i], headers[i].msg_len);
		((struct sockaddr_nl *)message->msg_name)->nl_pid = kernel.senders[i];
	}
	kernel.count = 0;
	errno = EAGAIN;
	return given ? (int)given : -1;
}

/* ---- what the kernel says ---- */

static struct nlmsghdr *add_message(uint32_t number, const char *payload)
{
	unsigned int at = kernel.count - 1;
	struct nlmsghdr *header = mnl_nlmsg_put_header(kernel.datagrams[at] + kernel.lengths[at]);
	struct nfgenmsg *message;

	header->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	*message = (struct nfgenmsg) { .version = NFNETLINK_V0 };
	mnl_attr_put_u32(header, NFULA_IFINDEX_INDEV, htonl(7));
	mnl_attr_put_u32(header, NFULA_IFINDEX_OUTDEV, htonl(9));
	mnl_attr_put_strz(header, NFULA_PREFIX, "why");
	if (payload)
		mnl_attr_put(header, NFULA_PAYLOAD, strlen(payload), payload);
	mnl_attr_put_u32(header, NFULA_SEQ, htonl(number));
	kernel.lengths[at] += MNL_ALIGN(header->nlmsg_len);
	return header;
}

static void datagram(uint32_t number, const char *payload)
{
	kernel.lengths[kernel.count] = 0;
	kernel.senders[kernel.count++] = 0;
	add_message(number, payload);
}

static char seen[256];
static uint64_t lost;

static void visit(void *context, const struct nflog_packet *packet)
{
	size_t used = strlen(seen);

	(void)context;
	assert_int_equal(packet->in_interface, 7);
	assert_int_equal(packet->out_interface, 9);
	assert_string_equal(packet->prefix, "why");
	snprintf(seen + used, sizeof(seen) - used, "%.*s ", (int)packet->length, (const char *)packet->payload);
}

static int receive(struct nflog *nflog)
{
	seen[0] = '\0';
	lost = 0;
	return nflog_receive(nflog, visit, NULL, &lost);
}

/* ---- cases ---- */

static const struct nflog_settings settings = { 5301, 1000, 3 << 20 };

static struct nflog *open_one(void)
{
	struct nflog *nflog = NULL;
	const char *error;

	memset(&kernel, 0, sizeof(kernel));
	assert_int_equal(nflog_open(&settings, &nflog, &error), 0);
	return nflog;
}

static void test_bind(void **state)
{
	struct nflog *nflog = open_one();
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)kernel.told;
	const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attributes[NFULA_CFG_MAX + 1];
	const struct nfulnl_msg_config_mode *mode;
	uint32_t value;

	(void)state;
	assert_int_equal(header->nlmsg_type, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG);
	assert_int_equal(header->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(ntohs(message->res_id), 5301);
	nfattr_parse(header, attributes, NFULA_CFG_MAX + 1);
	assert_int_equal(*(const uint8_t *)mnl_attr_get_payload(attributes[NFULA_CFG_CMD]), NFULNL_CFG_CMD_BIND);
	mode = mnl_attr_get_payload(attributes[NFULA_CFG_MODE]);
	assert_int_equal(mode->copy_mode, NFULNL_COPY_PACKET);
	assert_int_equal(ntohl(mode->copy_range), 1000);
	assert_true(nfattr_u32(attributes[NFULA_CFG_QTHRESH], &value) && value == 1);
	assert_true(nfattr_u32(attributes[NFULA_CFG_TIMEOUT], &value) && value == 0);
	assert_true(nfattr_u32(attributes[NFULA_CFG_NLBUFSIZ], &value) && value <= 512);
	assert_int_equal(ntohs(mnl_attr_get_u16(attributes[NFULA_CFG_FLAGS])), NFULNL_CFG_F_SEQ);
	assert_int_equal(kernel.receive_octets, 3 << 19); /* the kernel doubles it */
	nflog_close(nflog);
}

/* A signal that comes in the middle is no refusal. */
static void test_interrupted(void **state)
{
	struct nflog *nflog = NULL;
	const char *error;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		memset(&kernel, 0, sizeof(kernel));
		kernel.interruptions = i;
		assert_int_equal(nflog_open(&settings, &nflog, &error), 0);
		assert_int_equal(kernel.interruptions, 0);
		nflog_close(nflog);
	}
}

static void test_refused(void **state)
{
	static const struct {
		int answer, result;
		const char *text;
	} rows[] = {
		{ -EINVAL, -EOPNOTSUPP, "CONFIG_NETFILTER_NETLINK_LOG" },
		{ -EPERM, -EPERM, "CAP_NET_ADMIN" },
		{ -EBUSY, -EBUSY, "gateway.queue.first" },
		{ -ENOMEM, -ENOMEM, "memory" },
		{ -EIO, -EIO, "cannot be set up" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nflog *nflog = NULL;
		const char *error = NULL;

		kernel.answer = rows[i].answer;
		assert_int_equal(nflog_open(&settings, &nflog, &error), rows[i].result);
		assert_null(nflog);
		assert_non_null(strstr(error, rows[i].text));
	}
}

static void test_receive(void **state)
{
	struct nflog *nflog = open_one();

	(void)state;
	assert_int_equal(receive(nflog), 0);
	datagram(0, "a");
	datagram(1, "b");
	add_message(2, "c"); /* two in one datagram */
	assert_int_equal(receive(nflog), 2);
	assert_string_equal(seen, "a b c ");
	assert_int_equal(lost, 0);
	datagram(6, "d");
	kernel.error = ENOBUFS; /* comes instead of messages, once */
	assert_int_equal(receive(nflog), 1);
	assert_string_equal(seen, "d ");
	assert_int_equal(lost, 3);
	kernel.error = EBADF;
	assert_int_equal(receive(nflog), -EBADF);
	nflog_close(nflog);
}

/* The first numbers may be lost, and numbers wrap around. */
static void test_numbers(void **state)
{
	struct nflog *nflog = open_one();

	(void)state;
	datagram(5, "a");
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(lost, 5);
	nflog->next = UINT32_MAX;
	datagram(UINT32_MAX, "b");
	datagram(0, "c");
	datagram(2, "d");
	assert_int_equal(receive(nflog), 3);
	assert_int_equal(lost, 1);
	nflog_close(nflog);
}

static void test_odd(void **state)
{
	struct nflog *nflog = open_one();

	(void)state;
	datagram(0, "a");
	kernel.senders[0] = 4711; /* another process */
	datagram(0, NULL); /* without a packet */
	datagram(1, "b");
	kernel.lengths[2] = 4000; /* longer than was agreed */
	datagram(2, "c");
	((struct nlmsghdr *)(void *)kernel.datagrams[3])->nlmsg_len = 4; /* no message */
	assert_int_equal(receive(nflog), 4);
	assert_string_equal(seen, "");
	assert_int_equal(lost, 2);
	datagram(2, "d");
	datagram(3, "e");
	((struct nlmsghdr *)(void *)kernel.datagrams[1])->nlmsg_type = NLMSG_ERROR;
	assert_int_equal(receive(nflog), 2);
	assert_string_equal(seen, "d ");
	assert_int_equal(lost, 0);
	nflog_close(nflog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind),    cmocka_unit_test(test_interrupted), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_receive), cmocka_unit_test(test_numbers),     cmocka_unit_test(test_odd),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
