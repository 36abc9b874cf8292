/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/conntrack.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"

/* A deletion has a tuple (at most 84 octets: two IPv6 addresses, three numbers, a zone), zone and id. */
#define DELETION_SIZE 256
/* Deletions sent at once. What one datagram of the dump can hold goes in two or three. */
#define DELETIONS 64
#define TYPE(message) ((uint16_t)((NFNL_SUBSYS_CTNETLINK << 8) | (message)))

struct conntrack {
	struct nlsock *lister; /* of its own, for a socket has one dump at a time */
	struct nlsock *deleter;
	uint32_t sequence; /* of the dump */
	int error; /* that the dump ended with */
	bool (*doomed)(void *context, const struct conntrack_flow *flow);
	void *context;
	struct conntrack_part part;
	/* Deletions to be sent */
	uint32_t first;
	size_t count, used;
	char deletions[DELETIONS * DELETION_SIZE];
};

static struct nlmsghdr *message_begin(char *buffer, uint8_t message, uint16_t flags, uint32_t sequence, uint8_t family)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));

	header->nlmsg_type = TYPE(message);
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = sequence;
	generic->nfgen_family = family;
	generic->version = NFNETLINK_V0;
	return header;
}

/* ---- is it there? ---- */

static enum nlsock_next take_error(void *context, const struct nlmsghdr *reply)
{
	int *error = context;

	*error = reply->nlmsg_type == NLMSG_ERROR ? nfattr_error(reply) : 0;
	return NLSOCK_LAST;
}

/* The number of flows is asked for. A subsystem that nfnetlink does not know is EINVAL there. */
static int conntrack_probe(struct nlsock *nlsock)
{
	char buffer[64];
	uint32_t sequence = nlsock_sequence(nlsock);
	struct nlmsghdr *request = message_begin(buffer, IPCTNL_MSG_CT_GET_STATS, 0, sequence, AF_UNSPEC);
	int error = 0, result;

	result = nlsock_transact(nlsock, request, request->nlmsg_len, sequence, sequence, take_error, &error);
	if (result < 0)
		return result;
	return error == -EINVAL ? -EOPNOTSUPP : error;
}

int conntrack_open(struct conntrack **out)
{
	struct conntrack *conntrack = calloc(1, sizeof(*conntrack));
	int error = conntrack ? nlsock_open(&conntrack->lister) : -ENOMEM;

	if (error == 0)
		error = nlsock_open(&conntrack->deleter);
	if (error == 0)
		error = conntrack_probe(conntrack->deleter);
	if (error < 0) {
		conntrack_close(conntrack);
		return error;
	}
	*out = conntrack;
	return 0;
}

void conntrack_close(struct conntrack *conntrack)
{
	if (!conntrack)
		return;
	nlsock_close(conntrack->lister);
	nlsock_close(conntrack->deleter);
	free(conntrack);
}

/* ---- deleting ---- */

static enum nlsock_next count_deletion(void *context, const struct nlmsghdr *reply)
{
	struct conntrack *conntrack = context;
	int error = reply->nlmsg_type == NLMSG_ERROR ? nfattr_error(reply) : -EPROTO;

	if (error == 0)
		conntrack->part.deleted++;
	else if (error != -ENOENT) /* it has ended by itself */
		conntrack->part.refused++;
	conntrack->count--;
	return conntrack->count == 0 ? NLSOCK_LAST : NLSOCK_MORE;
}

static void delete_flows(struct conntrack *conntrack)
{
	uint32_t last = conntrack->first + (uint32_t)conntrack->count - 1;

	if (conntrack->count == 0)
		return;
	nlsock_transact(conntrack->deleter, conntrack->deletions, conntrack->used, conntrack->first, last,
			count_deletion, conntrack);
	conntrack->part.refused += conntrack->count; /* those without an answer */
	conntrack->count = conntrack->used = 0;
}

/* True when it fits, or there is nothing to copy. */
static bool put_copy(struct nlmsghdr *message, const struct nlattr *attribute)
{
	const uint8_t *octets;
	size_t length;

	if (!nfattr_bytes(attribute, &octets, &length))
		return true;
	return mnl_attr_put_check(message, DELETION_SIZE, attribute->nla_type, length, octets);
}

/* Attributes go back as they came. */
static void plan_deletion(struct conntrack *conntrack, uint8_t family, const struct nlattr *const attributes[])
{
	static const uint8_t kept[] = { CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID };
	uint32_t sequence = nlsock_sequence(conntrack->deleter);
	struct nlmsghdr *message = message_begin(conntrack->deletions + conntrack->used, IPCTNL_MSG_CT_DELETE,
						 NLM_F_ACK, sequence, family);

	for (size_t i = 0; i < sizeof(kept); i++)
		if (!put_copy(message, attributes[kept[i]])) {
			conntrack->part.refused++;
			return;
		}
	if (conntrack->count == 0)
		conntrack->first = sequence;
	conntrack->count++;
	conntrack->used += NLMSG_ALIGN(message->nlmsg_len);
	if (conntrack->count == DELETIONS)
		delete_flows(conntrack);
}

/* ---- reading ---- */

static bool read_port(const struct nlattr *attribute, uint16_t *out)
{
	const uint8_t *octets;
	size_t length;

	if (!nfattr_bytes(attribute, &octets, &length) || length != 2)
		return false;
	*out = (uint16_t)(octets[0] << 8 | octets[1]);
	return true;
}

static bool read_octet(const struct nlattr *attribute, uint8_t *out)
{
	const uint8_t *octets;
	size_t length;

	if (!nfattr_bytes(attribute, &octets, &length) || length != 1)
		return false;
	*out = octets[0];
	return true;
}

static bool read_address(enum ipaddr_family family, const struct nlattr *attribute, struct ipaddr *out)
{
	const uint8_t *octets;
	size_t length;

	if (!nfattr_bytes(attribute, &octets, &length) || length != ipaddr_length(family))
		return false;
	*out = ipaddr_from_bytes(family, octets);
	return true;
}

/* The source of a tuple: address, and port where the protocol has one. */
static bool read_source(enum ipaddr_family family, const struct nlattr *tuple, struct ipaddr *address, uint16_t *port)
{
	const struct nlattr *parts[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	if (!nfattr_parse_nest(tuple, parts, CTA_TUPLE_MAX + 1) ||
	    !nfattr_parse_nest(parts[CTA_TUPLE_IP], ip, CTA_IP_MAX + 1) ||
	    !nfattr_parse_nest(parts[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX + 1))
		return false;
	*port = 0;
	read_port(proto[CTA_PROTO_SRC_PORT], port);
	return read_address(family, ip[family == IPADDR_V6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC], address);
}

/* What the first direction's tuple alone tells: protocol, and of ICMP type and code. */
static bool read_proto(const struct nlattr *tuple, struct conntrack_flow *flow)
{
	const struct nlattr *parts[CTA_TUPLE_MAX + 1], *proto[CTA_PROTO_MAX + 1];
	bool v6;
	uint8_t type = 0, code = 0;

	if (!nfattr_parse_nest(tuple, parts, CTA_TUPLE_MAX + 1) ||
	    !nfattr_parse_nest(parts[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX + 1) ||
	    !read_octet(proto[CTA_PROTO_NUM], &flow->l4proto))
		return false;
	v6 = flow->l4proto == IPPROTO_ICMPV6;
	if (!v6 && flow->l4proto != IPPROTO_ICMP)
		return true;
	if (!read_octet(proto[v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE], &type) ||
	    !read_octet(proto[v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE], &code))
		return false;
	flow->source_port = 0;
	flow->port = (uint16_t)(type << 8 | code);
	return true;
}

/* Source NAT is done behind the forward hook and destination NAT before it: the receiver there is who replies. */
static bool read_flow(uint8_t family, const struct nlattr *const attributes[], struct conntrack_flow *out)
{
	enum ipaddr_family version = family == AF_INET6 ? IPADDR_V6 : IPADDR_V4;
	struct conntrack_flow flow = { .replied = false };
	uint32_t status = 0;

	if ((family != AF_INET && family != AF_INET6) ||
	    !read_source(version, attributes[CTA_TUPLE_ORIG], &flow.source, &flow.source_port) ||
	    !read_source(version, attributes[CTA_TUPLE_REPLY], &flow.destination, &flow.port) ||
	    !read_proto(attributes[CTA_TUPLE_ORIG], &flow) || !nfattr_u32(attributes[CTA_STATUS], &status))
		return false;
	flow.replied = status & IPS_SEEN_REPLY;
	nfattr_u32(attributes[CTA_MARK], &flow.mark); /* left out where it is 0 */
	*out = flow;
	return true;
}

static uint8_t family_of(const struct nlmsghdr *message)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) >= sizeof(*generic) ? generic->nfgen_family : AF_UNSPEC;
}

static void take_flow(struct conntrack *conntrack, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[CTA_MAX + 1];
	uint8_t family = family_of(message);
	struct conntrack_flow flow;

	nfattr_parse(message, attributes, CTA_MAX + 1);
	if (!read_flow(family, attributes, &flow)) {
		conntrack->part.unread++;
		return;
	}
	conntrack->part.seen++;
	if (conntrack->doomed(conntrack->context, &flow))
		plan_deletion(conntrack, family, attributes);
}

static enum nlsock_next take_reply(void *context, const struct nlmsghdr *reply)
{
	struct conntrack *conntrack = context;

	if (reply->nlmsg_type == NLMSG_DONE || reply->nlmsg_type == NLMSG_ERROR) {
		conntrack->error = reply->nlmsg_type == NLMSG_ERROR ? nfattr_error(reply) : 0;
		return NLSOCK_LAST;
	}
	if (reply->nlmsg_type == TYPE(IPCTNL_MSG_CT_NEW))
		take_flow(conntrack, reply);
	return NLSOCK_MORE;
}

/* ---- listing ---- */

int conntrack_list_begin(struct conntrack *conntrack)
{
	char buffer[64];
	struct nlmsghdr *request;

	conntrack->sequence = nlsock_sequence(conntrack->lister);
	request = message_begin(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, conntrack->sequence, AF_UNSPEC);
	return nlsock_dump_begin(conntrack->lister, request, request->nlmsg_len);
}

int conntrack_list_step(struct conntrack *conntrack, bool (*doomed)(void *context, const struct conntrack_flow *flow),
			void *context, struct conntrack_part *out)
{
	int result;

	conntrack->part = (struct conntrack_part) { 0 };
	conntrack->doomed = doomed;
	conntrack->context = context;
	conntrack->error = 0;
	result = nlsock_dump_step(conntrack->lister, conntrack->sequence, take_reply, conntrack);
	delete_flows(conntrack);
	*out = conntrack->part;
	return result == 0 ? conntrack->error : result;
}
