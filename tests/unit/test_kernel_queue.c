/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/queue.o base/counters.o */
/* LIBS: libmnl libnetfilter_queue libnftnl */
/* queue.c against the running kernel, in a network namespace of its own: what is sent from port 53 waits in queue 40,
 * from port 54 in queue 41. The rules are made here, with the kernel's own queue expression or, where it has none, the
 * xtables target, so that nothing of table.c is needed. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <net/if.h>
#include <netinet/in.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>

#include "base/counters.h"
#include "base/limits.h"
#include "netfilter/queue.h"

#define FIRST 40
#define CLIENT_PORT 40000

struct world {
	struct mnl_socket *nft;
	int client;
	int servers[2]; /* ports 53 and 54 */
	const char *skip;
};

/* ---- the ruleset ---- */

static void add_expression(struct nftnl_rule *rule, struct nftnl_expr *expression)
{
	nftnl_rule_add_expr(rule, expression);
}

static void match_source_port(struct nftnl_rule *rule, uint16_t port)
{
	struct nftnl_expr *meta = nftnl_expr_alloc("meta"), *payload, *compare;
	uint8_t udp = IPPROTO_UDP;
	uint16_t wanted = htons(port);

	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
	add_expression(rule, meta);
	compare = nftnl_expr_alloc("cmp");
	nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &udp, sizeof(udp));
	add_expression(rule, compare);
	payload = nftnl_expr_alloc("payload");
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, 0);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, 2);
	add_expression(rule, payload);
	compare = nftnl_expr_alloc("cmp");
	nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &wanted, sizeof(wanted));
	add_expression(rule, compare);
}

static void send_to_queue_native(struct nftnl_rule *rule, uint16_t number)
{
	struct nftnl_expr *queue = nftnl_expr_alloc("queue");

	nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_NUM, number);
	nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_TOTAL, 1);
	nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS);
	add_expression(rule, queue);
}

/* Where nft_compat and xt_NFQUEUE are modules, the inet family loads only the first: it must be there. */
static void send_to_queue_xtables(struct nftnl_rule *rule, uint16_t number)
{
	struct nftnl_expr *target = nftnl_expr_alloc("target");
	struct xt_NFQ_info_v3 *info = calloc(1, sizeof(*info) + 8); /* libnftnl takes it over */

	info->queuenum = number;
	info->queues_total = 1;
	info->flags = NFQ_FLAG_BYPASS;
	nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
	nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, sizeof(*info));
	add_expression(rule, target);
}

static void put_table_and_chain(struct mnl_nlmsg_batch *batch, uint32_t *seq)
{
	struct nftnl_table *table = nftnl_table_alloc();
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *header;

	nftnl_table_set_str(table, NFTNL_TABLE_NAME, "test");
	header = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), NFT_MSG_NEWTABLE, NFPROTO_INET, NLM_F_CREATE,
				       (*seq)++);
	nftnl_table_nlmsg_build_payload(header, table);
	mnl_nlmsg_batch_next(batch);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, "test");
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, "out");
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_LOCAL_OUT);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, 0);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	header = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE,
				       (*seq)++);
	nftnl_chain_nlmsg_build_payload(header, chain);
	mnl_nlmsg_batch_next(batch);
	nftnl_table_free(table);
	nftnl_chain_free(chain);
}

typedef void send_to_queue(struct nftnl_rule *rule, uint16_t number);

static void put_rule(struct mnl_nlmsg_batch *batch, uint32_t *seq, uint16_t port, uint16_t number, send_to_queue *send,
		     int flags)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nlmsghdr *header;

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, "test");
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, "out");
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	match_source_port(rule, port);
	send(rule, number);
	header = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), NFT_MSG_NEWRULE, NFPROTO_INET,
				       (uint16_t)(NLM_F_CREATE | NLM_F_APPEND | flags), (*seq)++);
	nftnl_rule_nlmsg_build_payload(header, rule);
	mnl_nlmsg_batch_next(batch);
	nftnl_rule_free(rule);
}

/* 0 or -errno, of the first answer that is an error. */
static int commit_batch(struct mnl_socket *nft, struct mnl_nlmsg_batch *batch)
{
	char answer[4096];
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)answer;
	int rc;

	if (mnl_socket_sendto(nft, mnl_nlmsg_batch_head(batch), mnl_nlmsg_batch_size(batch)) < 0)
		return -errno;
	if (recv(mnl_socket_get_fd(nft), answer, sizeof(answer), 0) < 0)
		return -errno;
	rc = *(const int *)mnl_nlmsg_get_payload(header);
	while (recv(mnl_socket_get_fd(nft), answer, sizeof(answer), MSG_DONTWAIT) >= 0)
		; /* each message that failed has an answer */
	return rc;
}

static int make_rules(struct mnl_socket *nft, send_to_queue *send)
{
	static char buffer[65536];
	struct mnl_nlmsg_batch *batch = mnl_nlmsg_batch_start(buffer, sizeof(buffer) / 2);
	uint32_t seq = 1;
	int rc;

	nftnl_batch_begin(mnl_nlmsg_batch_current(batch), seq++);
	mnl_nlmsg_batch_next(batch);
	put_table_and_chain(batch, &seq);
	put_rule(batch, &seq, 53, FIRST, send, 0);
	put_rule(batch, &seq, 54, FIRST + 1, send, NLM_F_ACK);
	nftnl_batch_end(mnl_nlmsg_batch_current(batch), seq++);
	mnl_nlmsg_batch_next(batch);
	rc = commit_batch(nft, batch);
	mnl_nlmsg_batch_stop(batch);
	return rc;
}

/* ---- the namespace ---- */

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static int bound_socket(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 64 << 20;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int set_up(void **state)
{
	static struct world world;
	int rc;

	*state = &world;
	if (unshare(CLONE_NEWNET) < 0) {
		world.skip = "a network namespace needs root";
		return 0;
	}
	loopback_up();
	world.client = bound_socket(CLIENT_PORT);
	world.servers[0] = bound_socket(53);
	world.servers[1] = bound_socket(54);
	world.nft = mnl_socket_open(NETLINK_NETFILTER);
	assert_non_null(world.nft);
	assert_int_equal(mnl_socket_bind(world.nft, 0, MNL_SOCKET_AUTOPID), 0);
	rc = make_rules(world.nft, send_to_queue_native);
	if (rc < 0)
		rc = make_rules(world.nft, send_to_queue_xtables);
	if (rc < 0) {
		print_message("# rules: %s\n", strerror(-rc));
		world.skip = "this kernel has neither nft_queue nor nft_compat with NFQUEUE";
	}
	return 0;
}

static struct world *enter(void **state)
{
	struct world *world = *state;
	char octet[64];

	if (world->skip) {
		print_message("# skipped: %s\n", world->skip);
		skip();
	}
	while (recv(world->client, octet, sizeof(octet), MSG_DONTWAIT) >= 0)
		;
	memset(&counters, 0, sizeof(counters));
	return world;
}

static struct queue *open_queues(uint16_t count, bool fail_open)
{
	struct queue *queue = NULL;
	const char *error = "";
	int rc = queue_open(FIRST, count, fail_open, &queue, &error);

	if (rc < 0)
		print_message("# queue_open: %s: %s\n", strerror(-rc), error);
	assert_int_equal(rc, 0);
	return queue;
}

/* Sends one datagram of `length` octets that begins with `number` from port 53 + `server`. */
static void send_sized(struct world *world, int server, uint32_t number, size_t length)
{
	static uint8_t data[65000];
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(CLIENT_PORT),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	memcpy(data, &number, sizeof(number));
	sendto(world->servers[server], data, length, 0, (struct sockaddr *)&to, sizeof(to));
}

static void send_one(struct world *world, int server, uint32_t number)
{
	send_sized(world, server, number, 40);
}

/* What arrives at the client within `wait_ms`; -1: nothing. */
static int64_t arrives(struct world *world, int wait_ms)
{
	struct pollfd poll_client = { .fd = world->client, .events = POLLIN };
	uint32_t number[16384];

	if (poll(&poll_client, 1, wait_ms) <= 0)
		return -1;
	assert_true(recv(world->client, number, sizeof(number), 0) >= (ssize_t)sizeof(number[0]));
	return number[0];
}

/* Waits for that many, and a little for more. The numbers that arrived, as bits, where they are below 64. */
static uint64_t await_arrivals(struct world *world, uint64_t expected)
{
	uint64_t count = 0, numbers = 0;
	int64_t number;

	while ((number = arrives(world, count < expected ? 5000 : 5)) >= 0) {
		count++;
		if (number < 64)
			numbers |= UINT64_C(1) << number;
	}
	assert_int_equal(count, expected);
	return numbers;
}

/* ---- the cases ---- */

static void test_held_until_accepted(void **state)
{
	struct world *world = enter(state);
	struct queue *queue = open_queues(2, true);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	assert_int_equal(queue_receive(queue, packets), 0);
	send_one(world, 0, 7);
	assert_int_equal(arrives(world, 50), -1);
	assert_int_equal(queue_receive(queue, packets), 1);
	assert_int_equal(packets[0].queue, FIRST);
	assert_int_equal(packets[0].length, 20 + 8 + 40);
	assert_int_equal(packets[0].payload[0], 0x45);
	assert_memory_equal(packets[0].payload + 28, "\7\0\0\0", 4);
	queue_verdicts(queue, packets, 1, 0);
	assert_int_equal(arrives(world, 5000), 7);
	assert_int_equal(queue_receive(queue, packets), 0);
	assert_int_equal(counters.packets_queued, 1);
	assert_int_equal(counters.verdict_errors + counters.queue_errors + counters.queue_overruns, 0);
	queue_close(queue);
}

static void test_dropped(void **state)
{
	struct world *world = enter(state);
	struct queue *queue = open_queues(2, true);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	uint64_t waiting = 99, dropped = 99;

	send_one(world, 0, 7);
	assert_int_equal(queue_receive(queue, packets), 1);
	assert_int_equal(queue_depth(queue, &waiting, &dropped), 0);
	assert_int_equal(waiting, 1);
	assert_int_equal(dropped, 0);
	queue_verdicts(queue, packets, 1, 1);
	assert_int_equal(arrives(world, 50), -1);
	assert_int_equal(queue_depth(queue, &waiting, &dropped), 0);
	assert_int_equal(waiting, 0);
	assert_int_equal(counters.verdict_errors, 0);
	queue_close(queue);
}

/* Two queues in one drain, every pattern of drops among six packets: exactly the others arrive, and a packet that was
 * sent later waits. */
static void test_mixed_verdicts(void **state)
{
	struct world *world = enter(state);
	struct queue *queue = open_queues(2, true);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	for (uint64_t drop = 0; drop < 64; drop++) {
		uint64_t dropped_numbers = 0;

		for (uint32_t i = 0; i < 6; i++)
			send_one(world, i % 3 == 1, i);
		assert_int_equal(queue_receive(queue, packets), 6);
		send_one(world, 0, 50);
		send_one(world, 1, 51);
		for (size_t i = 0; i < 6; i++)
			if (drop >> i & 1)
				dropped_numbers |= UINT64_C(1) << packets[i].payload[28];
		queue_verdicts(queue, packets, 6, drop);
		assert_int_equal(await_arrivals(world, 6 - (unsigned int)__builtin_popcountll(drop)),
				 63 & ~dropped_numbers);
		assert_int_equal(queue_receive(queue, packets), 2);
		queue_verdicts(queue, packets, 2, 0);
		await_arrivals(world, 2);
	}
	assert_int_equal(queue_receive(queue, packets), 0);
	assert_int_equal(counters.verdict_errors, 0);
	queue_close(queue);
}

static void test_second_binder(void **state)
{
	struct world *world = enter(state);
	struct queue *queue = open_queues(1, true), *other = NULL;
	const char *error = NULL;

	assert_int_equal(queue_open(FIRST, 2, true, &other, &error), -EBUSY);
	assert_non_null(strstr(error, "another program"));
	assert_null(other);
	/* The first goes on. */
	send_one(world, 0, 3);
	assert_int_equal(arrives(world, 20), -1);
	/* Another number is free, and its owner hears nothing of the first one's packets. */
	assert_int_equal(queue_open(FIRST + 1, 1, true, &other, &error), 0);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	assert_int_equal(queue_receive(other, packets), 0);
	assert_int_equal(queue_receive(queue, packets), 1);
	queue_verdicts(queue, packets, 1, 0);
	assert_int_equal(arrives(world, 5000), 3);
	queue_close(other);
	queue_close(queue);
}

static void test_bypass(void **state)
{
	struct world *world = enter(state);
	struct queue *queue;

	send_one(world, 0, 1);
	assert_int_equal(arrives(world, 5000), 1);
	queue = open_queues(2, true);
	send_one(world, 0, 2);
	assert_int_equal(arrives(world, 20), -1);
	queue_close(queue);
	/* What was held is gone, what comes now passes. */
	send_one(world, 0, 3);
	assert_int_equal(arrives(world, 5000), 3);
	assert_int_equal(arrives(world, 20), -1);
}

/* Sends far more than fits and reads nothing meanwhile. The rest passes unjudged (or is dropped, without fail-open),
 * what is held can be received and gets its verdicts, and the ids tell exactly what is missing. */
static void overrun(struct world *world, bool fail_open, size_t length, unsigned int total)
{
	struct queue *queue = open_queues(1, fail_open);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	unsigned int received;
	uint64_t waiting, dropped;
	int count;

	for (uint32_t i = 0; i < total; i++)
		send_sized(world, 0, i, length);
	assert_int_equal(queue_depth(queue, &waiting, &dropped), 0);
	assert_in_range(waiting, 1000, LIMIT_QUEUE_PACKETS);
	assert_int_equal(dropped, fail_open ? 0 : total - waiting);
	await_arrivals(world, fail_open ? total - waiting : 0);
	/* One drain's verdicts let go what it received, and nothing that still waits in the buffer. */
	count = queue_receive(queue, packets);
	assert_int_equal(count, LIMIT_DRAIN_PACKETS);
	queue_verdicts(queue, packets, (size_t)count, 1);
	await_arrivals(world, LIMIT_DRAIN_PACKETS - 1);
	received = LIMIT_DRAIN_PACKETS;
	/* Behind the gap: held, too. */
	send_sized(world, 0, total, length);
	total++;
	waiting++;
	while ((count = queue_receive(queue, packets)) > 0) {
		received += (unsigned int)count;
		queue_verdicts(queue, packets, (size_t)count, 0);
	}
	assert_int_equal(count, 0);
	assert_int_equal(received, waiting);
	await_arrivals(world, waiting - LIMIT_DRAIN_PACKETS);
	print_message("# %zu octets: %llu held, %llu had no room in the socket's buffer\n", length,
		      (unsigned long long)waiting, (unsigned long long)counters.queue_overruns);
	assert_int_equal(counters.queue_overruns, total - waiting);
	assert_int_equal(counters.verdict_errors + counters.queue_errors, 0);
	queue_close(queue);
}

static void test_overrun_passes(void **state)
{
	overrun(enter(state), true, 100, LIMIT_QUEUE_PACKETS + 2000);
}

static void test_overrun_of_large_packets(void **state)
{
	overrun(enter(state), true, 1400, LIMIT_QUEUE_PACKETS + 2000);
}

static void test_overrun_drops(void **state)
{
	overrun(enter(state), false, 300, LIMIT_QUEUE_PACKETS + 2000);
}

/* A packet of the largest size comes whole. */
static void test_largest_packet(void **state)
{
	struct world *world = enter(state);
	struct queue *queue = open_queues(1, true);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	send_sized(world, 0, 5, 65000);
	assert_int_equal(queue_receive(queue, packets), 1);
	assert_int_equal(packets[0].length, 65028);
	queue_verdicts(queue, packets, 1, 0);
	assert_int_equal(arrives(world, 5000), 5);
	queue_close(queue);
}

/* A verdict on a packet that is not there any more is counted, and ends nothing. */
static void test_verdict_too_late(void **state)
{
	struct world *world = enter(state);
	struct queue *queue = open_queues(1, true);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	send_one(world, 0, 5);
	assert_int_equal(queue_receive(queue, packets), 1);
	queue_verdicts(queue, packets, 1, 0);
	queue_verdicts(queue, packets, 1, 0);
	queue_verdicts(queue, packets, 1, 1);
	assert_int_equal(queue_receive(queue, packets), 0);
	assert_int_equal(counters.verdict_errors, 2);
	assert_int_equal(arrives(world, 5000), 5);
	queue_close(queue);
}

/* What is held stays held, what comes later passes, and the end drops nothing: also where a full queue is to drop. */
static void test_let_pass(void **state)
{
	struct world *world = enter(state);
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	for (int fail_open = 0; fail_open < 2; fail_open++) {
		struct queue *queue = open_queues(2, fail_open);

		send_one(world, 0, 1);
		send_one(world, 1, 2);
		queue_let_pass(queue);
		send_one(world, 0, 3);
		send_one(world, 1, 4);
		assert_int_equal(await_arrivals(world, 2), 1 << 3 | 1 << 4);
		assert_int_equal(queue_receive(queue, packets), 2);
		queue_verdicts(queue, packets, 2, 1);
		assert_int_equal(await_arrivals(world, 1), 1 << 2);
		assert_int_equal(queue_receive(queue, packets), 0);
		send_one(world, 0, 5);
		queue_close(queue);
		send_one(world, 1, 6);
		assert_int_equal(await_arrivals(world, 2), 1 << 5 | 1 << 6);
		/* The next one holds again. */
		queue = open_queues(2, fail_open);
		send_one(world, 0, 7);
		assert_int_equal(queue_receive(queue, packets), 1);
		queue_close(queue);
	}
	assert_int_equal(counters.verdict_errors + counters.queue_errors + counters.queue_overruns, 0);
}

static void test_closing_nothing(void **state)
{
	(void)state;
	queue_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_until_accepted),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_mixed_verdicts),
		cmocka_unit_test(test_second_binder),
		cmocka_unit_test(test_bypass),
		cmocka_unit_test(test_overrun_passes),
		cmocka_unit_test(test_overrun_of_large_packets),
		cmocka_unit_test(test_overrun_drops),
		cmocka_unit_test(test_largest_packet),
		cmocka_unit_test(test_verdict_too_late),
		cmocka_unit_test(test_let_pass),
		cmocka_unit_test(test_closing_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
