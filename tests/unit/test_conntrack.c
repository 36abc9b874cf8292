/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/conntrack.o netfilter/nfattr.o base/ipaddr.o */
/* LIBS: libmnl */
/* conntrack.c and a kernel that has a few flows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netfilter/conntrack.h"
#include "netfilter/nlsock.h"

#define FLOWS 300

struct flow {
	const char *source, *destination, *answerer; /* as the client sees them, and who answers */
	const char *receiver; /* of the answers; NULL: the source */
	uint8_t l4proto;
	uint16_t sport, dport, answering;
	uint32_t status, id;
	uint16_t zone;
};

struct nlsock {
	uint32_t sequence;
};

/* The kernel: what it has, how it answers, what it was told. */
static struct {
	int missing; /* ctnetlink is not there */
	const struct flow *flows;
	size_t count, sent;
	size_t cut_at; /* the message after this many is cut short; 0: none */
	int step_error, done_error, delete_error, open_sockets;
	size_t silent; /* deletions that are not answered */
	size_t deletions;
	struct {
		uint32_t id;
		uint16_t zone, tuple_length;
		uint8_t family;
	} deleted[2 * FLOWS];
} kernel;

static int start(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

int nlsock_open(struct nlsock **out)
{
	*out = calloc(1, sizeof(**out));
	kernel.open_sockets++;
	return 0;
}

void nlsock_close(struct nlsock *socket)
{
	kernel.open_sockets -= socket != NULL;
	free(socket);
}

uint32_t nlsock_sequence(struct nlsock *socket)
{
	return ++socket->sequence;
}

static enum nlsock_next say_error(uint32_t sequence, int error,
				  enum nlsock_next (*visit)(void *, const struct nlmsghdr *), void *context)
{
	char buffer[256];
	struct nlmsghdr *reply = mnl_nlmsg_put_header(buffer);
	struct nlmsgerr *body = mnl_nlmsg_put_extra_header(reply, sizeof(*body));

	reply->nlmsg_type = NLMSG_ERROR;
	reply->nlmsg_seq = sequence;
	body->error = error;
	return visit(context, reply);
}

static void note_deletion(const struct nlmsghdr *message)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	size_t at = kernel.deletions++;

	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	kernel.deleted[at].family = generic->nfgen_family;
	mnl_attr_for_each (attribute, message, sizeof(*generic)) {
		if (mnl_attr_get_type(attribute) == CTA_ID)
			kernel.deleted[at].id = ntohl(mnl_attr_get_u32(attribute));
		if (mnl_attr_get_type(attribute) == CTA_ZONE)
			kernel.deleted[at].zone = ntohs(mnl_attr_get_u16(attribute));
		if (mnl_attr_get_type(attribute) == CTA_TUPLE_ORIG) {
			assert_true(attribute->nla_type & NLA_F_NESTED);
			kernel.deleted[at].tuple_length = mnl_attr_get_payload_len(attribute);
		}
	}
}

int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	const struct nlmsghdr *message = request;
	int left = (int)length;

	(void)socket;
	if (message->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS)) {
		say_error(first, kernel.missing ? -EINVAL : 0, visit, context);
		return 0;
	}
	for (uint32_t sequence = first; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		assert_int_equal(message->nlmsg_type, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);
		assert_int_equal(message->nlmsg_seq, sequence++);
		note_deletion(message);
		if (last - message->nlmsg_seq < kernel.silent)
			return -ETIMEDOUT;
		if (say_error(message->nlmsg_seq, kernel.delete_error, visit, context) == NLSOCK_LAST)
			assert_int_equal(message->nlmsg_seq, last);
	}
	return 0;
}

int nlsock_dump_begin(struct nlsock *socket, const void *request, size_t length)
{
	const struct nlmsghdr *message = request;

	assert_int_equal(length, message->nlmsg_len);
	assert_true(message->nlmsg_flags & NLM_F_DUMP);
	socket->sequence = message->nlmsg_seq;
	kernel.sent = 0;
	return 0;
}

static void put_address(struct nlmsghdr *message, uint16_t v4, uint16_t v6, const char *text)
{
	uint8_t octets[16];

	if (inet_pton(AF_INET, text, octets) == 1)
		mnl_attr_put(message, v4, 4, octets);
	else if (inet_pton(AF_INET6, text, octets) == 1)
		mnl_attr_put(message, v6, 16, octets);
}

static void put_proto(struct nlmsghdr *message, const struct flow *flow, uint16_t sport, uint16_t dport)
{
	bool v6 = flow->l4proto == IPPROTO_ICMPV6;

	mnl_attr_put_u8(message, CTA_PROTO_NUM, flow->l4proto);
	if (flow->l4proto == IPPROTO_TCP || flow->l4proto == IPPROTO_UDP) {
		mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(sport));
		mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(dport));
	} else if (v6 || flow->l4proto == IPPROTO_ICMP) {
		mnl_attr_put_u16(message, v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, htons(7));
		mnl_attr_put_u8(message, v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, (uint8_t)flow->dport);
		mnl_attr_put_u8(message, v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, 0);
	}
}

static void put_tuple(struct nlmsghdr *message, uint16_t type, const struct flow *flow, bool reply)
{
	struct nlattr *tuple = mnl_attr_nest_start(message, type), *nest;

	nest = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	put_address(message, CTA_IP_V4_SRC, CTA_IP_V6_SRC, reply ? flow->answerer : flow->source);
	put_address(message, CTA_IP_V4_DST, CTA_IP_V6_DST,
		    !reply           ? flow->destination
		    : flow->receiver ? flow->receiver
				     : flow->source);
	mnl_attr_nest_end(message, nest);
	nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	put_proto(message, flow, reply ? flow->answering : flow->sport, reply ? flow->sport : flow->dport);
	mnl_attr_nest_end(message, nest);
	mnl_attr_nest_end(message, tuple);
}

static struct nlmsghdr *flow_message(char *buffer, uint32_t sequence, const struct flow *flow)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	message->nlmsg_seq = sequence;
	generic->nfgen_family = strchr(flow->source, ':') ? AF_INET6 : AF_INET;
	put_tuple(message, CTA_TUPLE_ORIG, flow, false);
	put_tuple(message, CTA_TUPLE_REPLY, flow, true);
	mnl_attr_put_u32(message, CTA_STATUS, htonl(flow->status));
	mnl_attr_put_u32(message, CTA_ID, htonl(flow->id));
	if (flow->zone)
		mnl_attr_put_u16(message, CTA_ZONE, htons(flow->zone));
	return message;
}

/* All flows at once, then the end. */
int nlsock_dump_step(struct nlsock *socket, uint32_t sequence,
		     enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	char buffer[1024];
	struct nlmsghdr *done;
	int error = kernel.done_error;

	if (kernel.step_error)
		return kernel.step_error;
	if (kernel.sent == 0) {
		for (size_t i = 0; i < kernel.count; i++) {
			struct nlmsghdr *message = flow_message(buffer, sequence, &kernel.flows[i]);

			if (kernel.cut_at && i == kernel.cut_at - 1)
				message->nlmsg_len -= 60;
			assert_int_equal(visit(context, message), NLSOCK_MORE);
		}
		kernel.sent = kernel.count + 1;
		return 1;
	}
	if (error < 0)
		return say_error(socket->sequence, error, visit, context) != NLSOCK_LAST;
	done = mnl_nlmsg_put_header(buffer);
	done->nlmsg_type = NLMSG_DONE;
	done->nlmsg_seq = sequence;
	assert_int_equal(visit(context, done), NLSOCK_LAST);
	return 0;
}

/* ---- the cases ---- */

struct seen {
	struct conntrack_flow flows[FLOWS];
	size_t count;
	bool all; /* are doomed */
	uint16_t doomed; /* port */
};

static bool look(void *context, const struct conntrack_flow *flow)
{
	struct seen *seen = context;

	seen->flows[seen->count++] = *flow;
	return seen->all || flow->port == seen->doomed;
}

static struct conntrack_part list(struct conntrack *conntrack, struct seen *seen)
{
	struct conntrack_part part, end;

	assert_int_equal(conntrack_list_begin(conntrack), 0);
	assert_int_equal(conntrack_list_step(conntrack, look, seen, &part), 1);
	assert_int_equal(conntrack_list_step(conntrack, look, seen, &end), 0);
	assert_int_equal(end.seen + end.deleted + end.refused + end.unread, 0);
	return part;
}

static struct conntrack *opened(void)
{
	struct conntrack *conntrack = NULL;

	assert_int_equal(conntrack_open(&conntrack), 0);
	return conntrack;
}

static void expect_address(const struct ipaddr *address, const char *text)
{
	char got[IPADDR_TEXT_SIZE];

	assert_string_equal(ipaddr_to_text(address, got), text);
}

static const struct flow router[] = {
	{ "10.1.0.2", "20.1.0.1", "20.1.0.1", "10.2.0.1", IPPROTO_TCP, 40000, 443, 443,
	  IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT, 11, 0 },
	{ "20.9.0.1", "10.2.0.1", "10.3.0.2", NULL, IPPROTO_TCP, 50000, 14330, 1433, IPS_DST_NAT, 12, 0 },
	{ "fd00:1::2", "2603::1", "2603::1", NULL, IPPROTO_UDP, 5000, 3478, 3478, 0, 13, 77 },
	{ "10.1.0.2", "20.1.0.2", "20.1.0.2", NULL, IPPROTO_ICMP, 0, 8, 0, 0, 14, 0 },
	{ "fd00:1::2", "2603::2", "2603::2", NULL, IPPROTO_ICMPV6, 0, 128, 0, 0, 15, 0 },
	{ "10.1.0.2", "20.1.0.3", "20.1.0.3", NULL, 47, 0, 0, 0, 0, 16, 0 },
};

static void use_router(void)
{
	kernel.flows = router;
	kernel.count = sizeof(router) / sizeof(router[0]);
}

static void as_forward_sees(void **state)
{
	struct conntrack *conntrack = opened();
	struct seen seen = { .doomed = 1 };
	struct conntrack_part part;

	(void)state;
	use_router();
	part = list(conntrack, &seen);
	assert_true(part.seen == 6 && part.deleted == 0 && part.unread == 0 && kernel.deletions == 0);
	/* Source NAT is left out, destination NAT is followed. */
	expect_address(&seen.flows[0].source, "10.1.0.2");
	expect_address(&seen.flows[0].destination, "20.1.0.1");
	assert_true(seen.flows[0].source_port == 40000 && seen.flows[0].port == 443 && seen.flows[0].replied);
	expect_address(&seen.flows[1].source, "20.9.0.1");
	expect_address(&seen.flows[1].destination, "10.3.0.2");
	assert_true(seen.flows[1].port == 1433 && !seen.flows[1].replied);
	expect_address(&seen.flows[2].destination, "2603::1");
	assert_true(seen.flows[2].l4proto == IPPROTO_UDP && seen.flows[2].port == 3478);
	assert_true(seen.flows[3].l4proto == IPPROTO_ICMP && seen.flows[3].port == 8 << 8);
	assert_true(seen.flows[4].l4proto == IPPROTO_ICMPV6 && seen.flows[4].port == 128 << 8);
	assert_true(seen.flows[5].l4proto == 47 && seen.flows[5].port == 0);
	conntrack_close(conntrack);
	assert_int_equal(kernel.open_sockets, 0);
}

static void deleted_by_id_and_zone(void **state)
{
	struct conntrack *conntrack = opened();
	struct seen seen = { .all = true };
	struct conntrack_part part;

	(void)state;
	use_router();
	part = list(conntrack, &seen);
	assert_true(part.seen == 6 && part.deleted == 6 && part.refused == 0);
	assert_int_equal(kernel.deletions, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(kernel.deleted[i].id, router[i].id);
		assert_int_equal(kernel.deleted[i].zone, router[i].zone);
		assert_int_equal(kernel.deleted[i].family, strchr(router[i].source, ':') ? AF_INET6 : AF_INET);
		assert_true(kernel.deleted[i].tuple_length > 20);
	}
	conntrack_close(conntrack);
}

/* More than one message holds, and every one of them once. */
static void many(void **state)
{
	static struct flow flows[FLOWS];
	struct conntrack *conntrack = opened();
	struct seen seen = { .doomed = 443 };
	struct conntrack_part part;
	size_t doomed = 0;

	(void)state;
	for (size_t i = 0; i < FLOWS; i++) {
		flows[i] = (struct flow) { "10.1.0.2",  "20.1.0.1",      "20.1.0.1", NULL,
					   IPPROTO_TCP, (uint16_t)i,     0,          i % 3 ? 443 : 80,
					   0,           (uint32_t)i + 1, 0 };
		doomed += i % 3 != 0;
	}
	kernel.flows = flows;
	kernel.count = FLOWS;
	part = list(conntrack, &seen);
	assert_true(part.seen == FLOWS && part.deleted == doomed && kernel.deletions == doomed);
	for (size_t i = 0, at = 0; i < FLOWS; i++)
		if (i % 3)
			assert_int_equal(kernel.deleted[at++].id, i + 1);
	conntrack_close(conntrack);
}

static void refusals(void **state)
{
	struct conntrack *conntrack = opened();
	struct seen seen = { .all = true };
	struct conntrack_part part;

	(void)state;
	use_router();
	kernel.delete_error = -ENOENT; /* it ended by itself */
	part = list(conntrack, &seen);
	assert_true(part.deleted == 0 && part.refused == 0);
	kernel.delete_error = -EBUSY; /* in a flowtable */
	seen.count = 0;
	part = list(conntrack, &seen);
	assert_true(part.deleted == 0 && part.refused == 6);
	kernel.delete_error = 0;
	kernel.silent = 2;
	seen.count = 0;
	part = list(conntrack, &seen);
	assert_true(part.deleted == 4 && part.refused == 2);
	conntrack_close(conntrack);
}

static void cut_short(void **state)
{
	struct conntrack *conntrack = opened();
	struct seen seen = { .all = true };
	struct conntrack_part part;

	(void)state;
	use_router();
	for (kernel.cut_at = 1; kernel.cut_at <= 6; kernel.cut_at++) {
		seen.count = 0;
		part = list(conntrack, &seen);
		assert_true(part.seen == 5 && part.unread == 1 && part.deleted == 5);
	}
	conntrack_close(conntrack);
}

static void given_up(void **state)
{
	struct conntrack *conntrack = opened();
	struct seen seen = { .doomed = 1 };
	struct conntrack_part part;

	(void)state;
	use_router();
	assert_int_equal(conntrack_list_begin(conntrack), 0);
	kernel.step_error = -ENOBUFS;
	assert_int_equal(conntrack_list_step(conntrack, look, &seen, &part), -ENOBUFS);
	kernel.step_error = 0;
	kernel.done_error = -EINTR;
	assert_int_equal(conntrack_list_begin(conntrack), 0);
	assert_int_equal(conntrack_list_step(conntrack, look, &seen, &part), 1);
	assert_int_equal(conntrack_list_step(conntrack, look, &seen, &part), -EINTR);
	kernel.done_error = 0;
	seen.count = 0;
	assert_int_equal(list(conntrack, &seen).seen, 6);
	conntrack_close(conntrack);
	assert_int_equal(kernel.open_sockets, 0);
}

static void kernel_without(void **state)
{
	struct conntrack *conntrack = NULL;

	(void)state;
	kernel.missing = 1;
	assert_int_equal(conntrack_open(&conntrack), -EOPNOTSUPP);
	assert_null(conntrack);
	assert_int_equal(kernel.open_sockets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_forward_sees, start),
		cmocka_unit_test_setup(deleted_by_id_and_zone, start),
		cmocka_unit_test_setup(many, start),
		cmocka_unit_test_setup(refusals, start),
		cmocka_unit_test_setup(cut_short, start),
		cmocka_unit_test_setup(given_up, start),
		cmocka_unit_test_setup(kernel_without, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
