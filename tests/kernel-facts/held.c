/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: libmnl */
/* What becomes of packets held in a queue when somebody changes the ruleset (KERNEL 0b): why base chains are made
 * once and never deleted, why nothing is probed with them, and why sets and rules may be exchanged at any time. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "fact.h"

#define PACKETS 5
#define PORT 9999
#define BASE                                                                                                           \
	"table inet held {\n chain q {\n }\n chain out {\n type filter hook output priority 0\n"                       \
	" ct state invalid drop\n udp dport 9999 jump q\n }\n}\n"

static struct mnl_socket *queue;
static int receiver, sender;
static uint32_t number = 1;

static struct nlmsghdr *put(char *at, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(at);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = number++;
	*generic = (struct nfgenmsg) { .nfgen_family = family, .res_id = htons(resource) };
	return message;
}

/* The queue rule by the xtables target, which nft has no words for. */
static void queue_rule_xtables(void)
{
	char buffer[4096] __attribute__((aligned(8)));
	struct mnl_socket *sock = mnl_socket_open(NETLINK_NETFILTER);
	struct xt_NFQ_info_v3 info = { .queuenum = 7, .queues_total = 1 };
	struct nlmsghdr *message = put(buffer, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	struct nlattr *expressions, *expression, *data;
	size_t used = message->nlmsg_len;

	message = put(buffer + used, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
		      NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, NFPROTO_INET, 0);
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, "held");
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, "q");
	expressions = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
	expression = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	mnl_attr_put_strz(message, NFTA_EXPR_NAME, "target");
	data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	mnl_attr_put_strz(message, NFTA_TARGET_NAME, "NFQUEUE");
	mnl_attr_put_u32(message, NFTA_TARGET_REV, htonl(3));
	mnl_attr_put(message, NFTA_TARGET_INFO, sizeof(info), &info);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, expression);
	mnl_attr_nest_end(message, expressions);
	used += message->nlmsg_len;
	used += put(buffer + used, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES)->nlmsg_len;
	mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID);
	mnl_socket_sendto(sock, buffer, used);
	mnl_socket_close(sock);
}

static void queue_rule(void)
{
	if (!shell("nft add rule inet held q queue num 7"))
		queue_rule_xtables();
}

static void queue_bind(void)
{
	char buffer[1024] __attribute__((aligned(8)));
	struct nfqnl_msg_config_cmd command = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params params = { .copy_range = htonl(64), .copy_mode = NFQNL_COPY_PACKET };
	struct nlmsghdr *message = put(buffer, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG, 0, AF_UNSPEC, 7);

	mnl_attr_put(message, NFQA_CFG_CMD, sizeof(command), &command);
	mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof(params), &params);
	queue = mnl_socket_open(NETLINK_NETFILTER);
	mnl_socket_bind(queue, 0, MNL_SOCKET_AUTOPID);
	mnl_socket_sendto(queue, message, message->nlmsg_len);
}

static bool readable(int fd, int milliseconds)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, milliseconds) == 1;
}

/* Takes what is in the queue; the id of the last packet in `id`. */
static int collect(uint32_t *id, int wanted, int milliseconds)
{
	char buffer[65536] __attribute__((aligned(8)));
	struct nlattr *attribute;
	int count = 0;

	while (count < wanted && readable(mnl_socket_get_fd(queue), milliseconds)) {
		ssize_t length = mnl_socket_recvfrom(queue, buffer, sizeof(buffer));
		const struct nlmsghdr *message = (const void *)buffer;

		if (length < 0 || message->nlmsg_type == NLMSG_ERROR)
			continue;
		mnl_attr_for_each (attribute, message, sizeof(struct nfgenmsg))
			if (mnl_attr_get_type(attribute) == NFQA_PACKET_HDR)
				*id = ntohl(((const struct nfqnl_msg_packet_hdr *)mnl_attr_get_payload(attribute))
						    ->packet_id);
		count++;
	}
	return count;
}

static void release(uint32_t id)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT), .id = htonl(id) };
	struct nlmsghdr *message = put(buffer, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH, 0, AF_UNSPEC, 7);

	mnl_attr_put(message, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
	mnl_socket_sendto(queue, message, message->nlmsg_len);
}

/* How many of PACKETS held packets arrive when this happens meanwhile; `again`: how many were queued a second time.
 * -1: they were not held. */
static int arrive(const char *text, const char *command, int *again)
{
	char data[16];
	int count = 0;
	uint32_t id = 0;

	shell("nft flush ruleset");
	while (readable(receiver, 0))
		recv(receiver, data, sizeof(data), 0);
	nft(BASE);
	queue_rule();
	for (int i = 0; i < PACKETS; i++)
		send(sender, "held", 4, 0);
	if (collect(&id, PACKETS, 1000) != PACKETS || readable(receiver, 10))
		return -1;
	if (text)
		nft(text);
	if (command)
		shell("%s", command);
	release(id);
	*again = collect(&id, PACKETS, 100);
	if (*again)
		release(id);
	while (count < PACKETS && readable(receiver, 100) && recv(receiver, data, sizeof(data), 0) > 0)
		count++;
	return count;
}

static void sockets(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(PORT),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	receiver = socket(AF_INET, SOCK_DGRAM, 0);
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(receiver, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    connect(sender, (struct sockaddr *)&at, sizeof(at)) < 0)
		perror("# sockets");
}

static const struct {
	const char *what, *text, *command;
	int arrive, again;
} rows[] = {
	{ "held for a moment", NULL, NULL, PACKETS, 0 },
	{ "rules exchanged", "flush chain inet held out\nadd rule inet held out ct state established accept\n", NULL,
	  PACKETS, 0 },
	{ "a set made, named, deleted",
	  "table inet held {\n set s {\n type ipv4_addr\n }\n}\nadd rule inet held out ip saddr @s accept\n"
	  "flush chain inet held out\ndelete set inet held s\nadd rule inet held out ct state established accept\n",
	  NULL, PACKETS, 0 },
	{ "a regular chain made and deleted", "add chain inet held r\ndelete chain inet held r\n", NULL, PACKETS, 0 },
	{ "a refused transaction without base chains", "add chain inet held r\ndelete set inet held none\n", NULL,
	  PACKETS, 0 },
	{ "a base chain added behind, at the same hook",
	  "table inet x {\n chain c {\n type filter hook output priority 9\n }\n}\n", NULL, PACKETS, 0 },
	{ "a base chain added before, at the same hook: they are queued a second time",
	  "table inet x {\n chain c {\n type filter hook output priority -9\n }\n}\n", NULL, PACKETS, PACKETS },
	{ "a base chain of another table and hook made and deleted: dropped",
	  "table inet x {\n chain c {\n type filter hook input priority 9\n }\n}\ndelete table inet x\n", NULL, 0, 0 },
	{ "a refused transaction with a base chain: dropped",
	  "table inet x {\n chain c {\n type filter hook input priority 9\n }\n}\ndelete set inet x none\n", NULL, 0,
	  0 },
	{ "nft -c of a file with a base chain: dropped", NULL,
	  "echo 'table inet x { chain c { type filter hook input priority 9; }; }' | nft -c -f -", 0, 0 },
};

int main(void)
{
	int again = 0, count;

	facts_begin();
	sockets();
	queue_bind();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		count = arrive(rows[i].text, rows[i].command, &again);
		if (count != rows[i].arrive || again != rows[i].again)
			printf("# %d of %d arrived, %d were queued again\n", count, PACKETS, again);
		fact(count == rows[i].arrive && again == rows[i].again, "%s", rows[i].what);
	}
	/* The last rule with a ct expression takes conntrack's hooks along. */
	count = arrive("flush chain inet held out\n", NULL, &again);
	fact(count == 0, "the last rule that uses connection tracking deleted: dropped");
	mnl_socket_close(queue);
	return facts_end();
}
