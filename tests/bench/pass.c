/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What any program on NFQUEUE can reach at best: takes all packets that are there at once, looks at none, and lets them
 * all go with one verdict.
 * pass QUEUE                      prints "ready" when the queue is bound, and runs until it is ended */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKETS 64
#define PACKET_BYTES 4096
#define QUEUE_PACKETS 8192
#define RECEIVE_BYTES (QUEUE_PACKETS * 768 / 2)

struct message {
	struct nlmsghdr header;
	struct nfgenmsg family;
	uint8_t body[64];
};

static void begin(struct message *message, int type, uint16_t flags, uint16_t queue)
{
	memset(message, 0, sizeof(*message));
	message->header.nlmsg_len = NLMSG_LENGTH(sizeof(message->family));
	message->header.nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	message->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->family.version = NFNETLINK_V0;
	message->family.res_id = htons(queue);
}

static void put(struct message *message, uint16_t type, const void *data, size_t length)
{
	struct nlattr attribute = { .nla_len = (uint16_t)(NLA_HDRLEN + length), .nla_type = type };
	uint8_t *at = (uint8_t *)message + message->header.nlmsg_len;

	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + NLA_HDRLEN, data, length);
	message->header.nlmsg_len += NLA_ALIGN(attribute.nla_len);
}

static int transmit(int fd, const struct message *message)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(fd, message, message->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -1
														 : 0;
}

static int bind_queue(int fd, uint16_t queue)
{
	struct nfqnl_msg_config_cmd command = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params params = { .copy_range = htonl(PACKET_BYTES), .copy_mode = NFQNL_COPY_PACKET };
	uint32_t most = htonl(QUEUE_PACKETS), flags = htonl(NFQA_CFG_F_FAIL_OPEN);
	struct {
		struct nlmsghdr header;
		int error;
		uint8_t rest[256];
	} reply = { .error = -EIO };
	struct message message;

	begin(&message, NFQNL_MSG_CONFIG, NLM_F_ACK, queue);
	put(&message, NFQA_CFG_CMD, &command, sizeof(command));
	put(&message, NFQA_CFG_PARAMS, &params, 5);
	put(&message, NFQA_CFG_QUEUE_MAXLEN, &most, sizeof(most));
	put(&message, NFQA_CFG_FLAGS, &flags, sizeof(flags));
	put(&message, NFQA_CFG_MASK, &flags, sizeof(flags));
	if (transmit(fd, &message) < 0 || recv(fd, &reply, sizeof(reply), 0) < 0)
		return -1;
	errno = -reply.error;
	return reply.error ? -1 : 0;
}

static int open_queue(uint16_t queue)
{
	struct sockaddr_nl here = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), bytes = RECEIVE_BYTES, on = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	return bind_queue(fd, queue) < 0 ? -1 : fd;
}

/* All up to the packet in `data`, whose header is its first attribute. */
static void let_go(int fd, uint16_t queue, const uint8_t *data)
{
	struct nfqnl_msg_packet_hdr packet;
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT) };
	struct message message;

	memcpy(&packet, data + NLMSG_LENGTH(sizeof(struct nfgenmsg)) + NLA_HDRLEN, sizeof(packet));
	verdict.id = packet.packet_id;
	begin(&message, NFQNL_MSG_VERDICT_BATCH, 0, queue);
	put(&message, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
	if (transmit(fd, &message) < 0)
		perror("verdict");
}

static int run(int fd, uint16_t queue)
{
	static uint8_t slots[PACKETS][PACKET_BYTES + 256];
	static struct mmsghdr headers[PACKETS];
	static struct iovec vectors[PACKETS];

	for (size_t i = 0; i < PACKETS; i++) {
		vectors[i] = (struct iovec) { slots[i], sizeof(slots[i]) };
		headers[i].msg_hdr = (struct msghdr) { .msg_iov = &vectors[i], .msg_iovlen = 1 };
	}
	for (;;) {
		int count = recvmmsg(fd, headers, PACKETS, MSG_WAITFORONE, NULL);

		if (count > 0)
			let_go(fd, queue, slots[count - 1]);
		else if (errno != EINTR && errno != ENOBUFS)
			return 1;
	}
}

int main(int argc, char **argv)
{
	uint16_t queue;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: pass QUEUE\n");
		return 2;
	}
	queue = (uint16_t)strtoul(argv[1], NULL, 10);
	fd = open_queue(queue);
	if (fd < 0) {
		perror("queue");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	return run(fd, queue);
}
