/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/nflog.o netfilter/nfattr.o */
/* LIBS: libmnl */
/* nflog.c against the running kernel, in a network namespace of its own. Datagrams to port 5000 are copied to group 77
 * with a prefix, those to 5001 to group 77 with 40 octets at most, those to 5002 to group 78. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <net/if.h>
#include <netinet/in.h>

#include "base/limits.h"
#include "netfilter/nflog.h"

#define GROUP 77
#define RULES                                                                                                          \
	"table inet t {\n chain out {\n type filter hook output priority 0\n"                                          \
	" udp dport 5000 log prefix \"to 5000\" group 77 queue-threshold 1\n"                                          \
	" udp dport 5001 log group 77 snaplen 40 queue-threshold 1\n"                                                  \
	" udp dport 5002 log group 78\n }\n}\n"

static const char *skipped;
static int sender;

struct seen {
	unsigned int count;
	struct nflog_packet last;
	char prefix[64];
	uint8_t octets[65536];
};
static struct seen seen;
static uint64_t lost;

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static int set_up(void **state)
{
	int octets = 64 << 20;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0) {
		skipped = "a network namespace needs root";
		return 0;
	}
	loopback_up();
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(sender >= 0);
	assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof(octets)), 0);
	if (system("printf '" RULES "' | nft -f -") != 0) /* NOLINT(cert-env33-c) */
		skipped = "no nft, or this kernel has no log expression with NFLOG";
	return 0;
}

static void enter(void)
{
	if (skipped) {
		print_message("# skipped: %s\n", skipped);
		skip();
	}
	memset(&seen, 0, sizeof(seen));
	lost = 0;
}

static void send_to(uint16_t port, size_t length)
{
	static uint8_t data[65000];
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	data[0] = 'N';
	/* Nobody listens: an ICMP error may come back instead of this send. */
	if (sendto(sender, data, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		sendto(sender, data, length, 0, (struct sockaddr *)&to, sizeof(to));
}

static struct nflog *open_group(uint16_t group, uint32_t copy, uint32_t receive)
{
	struct nflog_settings settings = { group, copy, receive };
	struct nflog *nflog = NULL;
	const char *error = "";
	int rc = nflog_open(&settings, &nflog, &error);

	if (rc < 0)
		print_message("# nflog_open: %s: %s\n", strerror(-rc), error);
	assert_int_equal(rc, 0);
	return nflog;
}

static void visit(void *context, const struct nflog_packet *packet)
{
	assert_ptr_equal(context, &seen);
	seen.count++;
	seen.last = *packet;
	assert_true(packet->length <= sizeof(seen.octets));
	memcpy(seen.octets, packet->payload, packet->length);
	strncpy(seen.prefix, packet->prefix, sizeof(seen.prefix) - 1);
}

static int receive(struct nflog *nflog)
{
	return nflog_receive(nflog, visit, &seen, &lost);
}

/* A copy is there before the packet has gone on: no waiting. */
static void test_at_once(void **state)
{
	struct nflog *nflog;

	(void)state;
	enter();
	nflog = open_group(GROUP, LIMIT_PACKET_BYTES, 1 << 20);
	assert_int_equal(receive(nflog), 0);
	send_to(5000, 100);
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.last.length, 20 + 8 + 100);
	assert_int_equal(seen.octets[0], 0x45);
	assert_int_equal(seen.octets[28], 'N');
	assert_string_equal(seen.prefix, "to 5000");
	assert_int_equal(seen.last.in_interface, 0);
	assert_int_equal(seen.last.out_interface, if_nametoindex("lo"));
	assert_int_equal(receive(nflog), 0);
	assert_int_equal(lost, 0);
	nflog_close(nflog);
}

/* The shorter of the group's length and the rule's counts. */
static void test_lengths(void **state)
{
	struct nflog *nflog;

	(void)state;
	enter();
	nflog = open_group(GROUP, 60, 1 << 20);
	send_to(5000, 100);
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(seen.last.length, 60);
	send_to(5001, 100);
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(seen.last.length, 40);
	assert_string_equal(seen.prefix, "");
	send_to(5001, 4);
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(seen.last.length, 32);
	nflog_close(nflog);
	nflog = open_group(GROUP, LIMIT_PACKET_BYTES, 1 << 20);
	send_to(5000, 64000);
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(seen.last.length, 64028);
	nflog_close(nflog);
}

static void test_many(void **state)
{
	struct nflog *nflog;

	(void)state;
	enter();
	nflog = open_group(GROUP, 200, 4 << 20);
	for (int i = 0; i < LIMIT_DRAIN_PACKETS + 10; i++)
		send_to(5000, 50);
	assert_int_equal(receive(nflog), LIMIT_DRAIN_PACKETS);
	assert_int_equal(receive(nflog), 10);
	assert_int_equal(receive(nflog), 0);
	assert_int_equal(seen.count, LIMIT_DRAIN_PACKETS + 10);
	assert_int_equal(lost, 0);
	nflog_close(nflog);
}

/* What finds the buffer full is counted, exactly, as soon as a later copy comes through; and the socket goes on. */
static void test_overrun(void **state)
{
	struct nflog *nflog;
	unsigned int sent = 1000;

	(void)state;
	enter();
	nflog = open_group(GROUP, 200, 64 << 10);
	for (unsigned int i = 0; i < sent; i++)
		send_to(5000, 50);
	while (receive(nflog) > 0)
		;
	assert_true(seen.count > 0 && seen.count < sent);
	send_to(5000, 50);
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(seen.count + lost, sent + 1);
	print_message("# %u of %u copies fit into 64 KiB\n", seen.count - 1, sent);
	nflog_close(nflog);
}

/* Two groups, as for queries and denied packets; a group goes to one program, and is free when that has closed it. */
static void test_groups(void **state)
{
	struct nflog_settings settings = { GROUP, 100, 1 << 20 };
	struct nflog *first, *second, *third = NULL;
	const char *error = "";

	(void)state;
	enter();
	first = open_group(GROUP, 100, 1 << 20);
	second = open_group(GROUP + 1, 100, 1 << 20);
	send_to(5002, 10);
	assert_int_equal(receive(first), 0);
	assert_int_equal(receive(second), 1);
	assert_int_equal(nflog_open(&settings, &third, &error), -EBUSY);
	assert_null(third);
	assert_non_null(strstr(error, "gateway.queue.first"));
	send_to(5000, 10);
	assert_int_equal(receive(first), 1);
	nflog_close(first);
	first = open_group(GROUP, 100, 1 << 20);
	nflog_close(first);
	nflog_close(second);
}

static void test_wakes(void **state)
{
	struct pollfd poll_one = { .events = POLLIN };
	struct nflog *nflog;

	(void)state;
	enter();
	nflog = open_group(GROUP, 100, 1 << 20);
	poll_one.fd = nflog_fd(nflog);
	assert_int_equal(poll(&poll_one, 1, 0), 0);
	send_to(5000, 10);
	assert_int_equal(poll(&poll_one, 1, 0), 1);
	assert_int_equal(receive(nflog), 1);
	assert_int_equal(poll(&poll_one, 1, 0), 0);
	nflog_close(nflog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once), cmocka_unit_test(test_lengths), cmocka_unit_test(test_many),
		cmocka_unit_test(test_overrun), cmocka_unit_test(test_groups),  cmocka_unit_test(test_wakes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, NULL);
}
