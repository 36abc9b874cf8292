/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/ruleset/fixture.o tests/unit/ruleset/kernel.o netfilter/queue.o */
/* LINK: netfilter/ruleset.o netfilter/ruleset_builder.o netfilter/ruleset_client.o netfilter/ruleset_deny.o netfilter/ruleset_guarded.o netfilter/ruleset_mark.o netfilter/ruleset_rules.o netfilter/ruleset_snoop.o netfilter/ruleset_text.o netfilter/ruleset_expr.o netfilter/ruleset_netlink.o netfilter/table.o netfilter/table_lock.o netfilter/table_apply.o netfilter/table_apply_exchange.o netfilter/table_apply_fill.o netfilter/table_apply_hook.o netfilter/table_apply_look.o netfilter/table_apply_move.o netfilter/table_target.o netfilter/table_change.o netfilter/table_owner.o netfilter/table_state.o netfilter/table_query.o netfilter/probe.o netfilter/batch.o netfilter/nlsock.o netfilter/nfattr.o netfilter/element.o netfilter/element_shared.o netfilter/element_dump.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/closed.o policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig libmnl libnftnl libnetfilter_queue */
/* Packets held in the queue while the table is opened, built, exchanged, filled: each of them reaches its receiver
 * once it has its verdict (KERNEL 0b tells what would drop them). A resolver on the gateway answers a client on the
 * other end of a veth pair. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "netfilter/element.h"
#include "netfilter/queue.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_private.h"
#include "tests/unit/ruleset/fixture.h"
#include "tests/unit/ruleset/kernel.h"

#define ANSWERS 5
#define CONF                                                                                                           \
	"gateway: { interfaces = [ \"lan\" ]; resolvers = [ \"10.9.0.1\" ]; %s };\n"                                   \
	"allow: { a: { names = [ \"a.example\" ]; addresses = [ \"%s\" ]; %s }; };\n"

struct world {
	pid_t child; /* lives in the client's namespace */
	int client, resolver;
	struct table *table;
	struct queue *queue;
	struct policy *policies[3], *others[2]; /* of an instance with another queue */
};

static struct policy *policy_with(const char *gateway, const char *addresses, const char *entry)
{
	char text[1024];

	snprintf(text, sizeof(text), CONF, gateway, addresses, entry);
	return fixture_policy_text(text);
}

static int socket_at(const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &at.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void topology(struct world *world)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	world->child = fork();
	if (world->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(kernel_status("ip link add lan type veth peer name eth0 netns %d", (int)world->child), 0);
	assert_int_equal(kernel_status("ip addr add 10.9.0.1/24 dev lan && ip link set lan up"), 0);
	assert_int_equal(
		kernel_status("nsenter -t %d -n sh -c 'ip addr add 10.9.0.2/24 dev eth0 && ip link set eth0 up'",
			      (int)world->child),
		0);
	{
		char path[64];
		int there;

		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)world->child);
		there = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(setns(there, CLONE_NEWNET), 0);
		world->client = socket_at("10.9.0.2", 40000);
		assert_int_equal(setns(home, CLONE_NEWNET), 0);
		close(there);
	}
	close(home);
	world->resolver = socket_at("10.9.0.1", 53);
}

static int setup(void **state)
{
	static struct world world;
	const char *error;

	kernel_need();
	kernel_flush();
	topology(&world);
	world.policies[0] = policy_with("", "198.51.100.0/24", "");
	world.policies[1] = policy_with("denied = \"drop\";", "203.0.113.0/24", "");
	world.policies[2] =
		policy_with("clients = [ \"10.9.0.0/24\" ];", "203.0.113.0/24", "clients = [ \"10.9.0.2\" ];");
	world.others[0] = policy_with("queue: { first = 7; };", "203.0.113.0/24", "");
	world.others[1] = policy_with("queue: { first = 7; };", "192.0.2.0/24", "clients = [ \"10.9.0.2\" ];");
	world.table = kernel_open("nfqdn");
	kernel_apply(world.table, world.policies[0]);
	assert_int_equal(queue_open(0, 1, true, &world.queue, &error), 0);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	queue_close(world->queue);
	table_close(world->table);
	for (size_t i = 0; i < 3; i++)
		policy_free(world->policies[i]);
	policy_free(world->others[0]);
	policy_free(world->others[1]);
	close(world->client);
	close(world->resolver);
	kill(world->child, SIGKILL);
	waitpid(world->child, NULL, 0);
	kernel_status("ip link del lan");
	return 0;
}

static bool readable(int fd, int milliseconds)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, milliseconds) == 1;
}

/* Queries and answers; the answers are then in the queue. */
static void hold(struct world *world, struct queue_packet packets[LIMIT_DRAIN_PACKETS])
{
	struct sockaddr_in resolver = { .sin_family = AF_INET, .sin_port = htons(53) }, from;
	/* a response to a query with one answer; nobody reads further */
	const uint8_t answer[12] = { 0, 1, 0x80, 0, 0, 1, 0, 1 };
	uint8_t query[12] = { 0, 1, 0x01, 0, 0, 1 };
	int held = 0;

	inet_pton(AF_INET, "10.9.0.1", &resolver.sin_addr);
	for (int i = 0; i < ANSWERS; i++) {
		socklen_t length = sizeof(from);

		assert_int_equal(
			sendto(world->client, query, sizeof(query), 0, (struct sockaddr *)&resolver, sizeof(resolver)),
			12);
		assert_true(readable(world->resolver, 2000));
		assert_int_equal(recvfrom(world->resolver, query, sizeof(query), 0, (struct sockaddr *)&from, &length),
				 12);
		assert_int_equal(sendto(world->resolver, answer, sizeof(answer), 0, (struct sockaddr *)&from, length),
				 12);
	}
	while (held < ANSWERS && readable(queue_fd(world->queue), 2000))
		held += queue_receive(world->queue, packets + held);
	assert_int_equal(held, ANSWERS);
	assert_false(readable(world->client, 20));
}

/* Answers that reach the client. A base chain that came in between moves ours by one place among the hook's chains,
 * and what was held is queued a second time: the daemon judges it once more. */
static int delivered(struct world *world, const struct queue_packet packets[LIMIT_DRAIN_PACKETS])
{
	struct queue_packet again[LIMIT_DRAIN_PACKETS];
	uint8_t data[64];
	int count = 0;

	queue_verdicts(world->queue, packets, ANSWERS, 0);
	for (int i = 0; count < ANSWERS && i < 100; i++) {
		if (readable(queue_fd(world->queue), 0))
			queue_verdicts(world->queue, again, (size_t)queue_receive(world->queue, again), 0);
		if (readable(world->client, 5) && recv(world->client, data, sizeof(data), 0) > 0)
			count++;
	}
	return count;
}

static void opening(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct table *second;

	hold(*state, packets);
	second = kernel_open("second");
	assert_int_equal(delivered(*state, packets), ANSWERS);
	table_close(second);
}

/* Where no rule uses connection tracking, one that is tried and taken back would take conntrack's hooks away, and
 * held packets with them. */
static void opening_without_conntrack(void **state)
{
	const struct ruleset_statement queue = { .kind = RULESET_QUEUE };
	const struct ruleset_rule rule = { .statements = &queue, .count = 1 };
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct world *world = *state;
	struct table *second;

	assert_int_equal(table_remove(world->table), 0);
	assert_int_equal(
		kernel_load("table inet plain {\n chain q {\n }\n chain out {\n type filter hook output priority 0\n"
			    " udp sport 53 jump q\n }\n}\n"),
		0);
	batch_begin(world->table->batch);
	ruleset_netlink_rule(world->table->batch, "plain", "q", &rule, &world->table->capabilities);
	assert_int_equal(batch_commit(world->table->batch, NULL), 0);
	hold(world, packets);
	second = kernel_open("second");
	assert_int_equal(delivered(world, packets), ANSWERS);
	table_close(second);
	/* The test sees it when conntrack's hooks go. */
	hold(world, packets);
	assert_int_equal(
		kernel_load("table inet tracks {\n chain c {\n ct state new\n }\n}\ndelete table inet tracks\n"), 0);
	assert_int_equal(delivered(world, packets), 0);
}

static void first_start_of_another(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct world *world = *state;
	struct table *second = kernel_open("second");

	hold(world, packets);
	kernel_apply(second, world->others[0]);
	assert_int_equal(delivered(world, packets), ANSWERS);
	table_close(second);
	/* and its reload */
	hold(world, packets);
	second = kernel_open("second");
	kernel_apply(second, world->others[1]);
	assert_int_equal(delivered(world, packets), ANSWERS);
	table_close(second);
	assert_int_equal(kernel_status("nft delete table inet second"), 0);
}

static void reloads(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct world *world = *state;

	for (int i = 0; i < 6; i++) {
		hold(world, packets);
		kernel_apply(world->table, world->policies[(i + 1) % 3]);
		assert_int_equal(delivered(world, packets), ANSWERS);
	}
}

static void refused_reload(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct world *world = *state;
	struct policy broken = *world->policies[0];
	struct policy_group group = broken.groups[0];
	struct policy_box boxes[2] = { group.cidr4.items[0], group.cidr4.items[0] };
	const char *error;

	boxes[1].address.first = boxes[1].address.last; /* inside of the first one */
	group.cidr4 = (struct policy_boxes) { boxes, 2 };
	broken.groups = &group;
	broken.group_count = 1;
	hold(world, packets);
	assert_int_equal(table_apply(world->table, &broken, &error), -EEXIST);
	assert_int_equal(delivered(world, packets), ANSWERS);
}

static void elements(void **state)
{
	struct element_change change = {
		.key = { .address = { IPADDR_V4, { 192, 0, 2, 1 } }, .l4proto = IPPROTO_TCP, .port = 443 },
		.operation = ELEMENT_ADD
	};
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct world *world = *state;

	hold(world, packets);
	change.timeout_ms = 60000;
	assert_int_equal(element_commit(world->table, &change, 1), 0);
	change.timeout_ms = UINT64_C(1) << 60; /* refused */
	assert_int_equal(element_commit(world->table, &change, 1), 1);
	assert_int_equal(delivered(world, packets), ANSWERS);
}

/* That packets can be lost this way at all: the test sees it when they are. */
static void removal_drops(void **state)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	struct world *world = *state;

	hold(world, packets);
	assert_int_equal(table_remove(world->table), 0);
	assert_int_equal(delivered(world, packets), 0);
	kernel_apply(world->table, world->policies[0]);
	hold(world, packets);
	assert_int_equal(delivered(world, packets), ANSWERS);
}

#define HELD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HELD(opening),
		HELD(opening_without_conntrack),
		HELD(first_start_of_another),
		HELD(reloads),
		HELD(refused_reload),
		HELD(elements),
		HELD(removal_drops),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, kernel_enter, NULL);
}
