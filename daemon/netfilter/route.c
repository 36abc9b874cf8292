/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"

struct route {
	struct nlsock *nlsock;
};

struct route_answer {
	int error;
	enum route_kind kind;
	uint32_t interface;
};

int route_open(struct route **out)
{
	struct route *route = calloc(1, sizeof(*route));
	int error = route ? nlsock_open_route(&route->nlsock) : -ENOMEM;

	if (error < 0) {
		free(route);
		return error;
	}
	*out = route;
	return 0;
}

void route_close(struct route *route)
{
	if (!route)
		return;
	nlsock_close(route->nlsock);
	free(route);
}

static enum route_kind kind_of(unsigned char type)
{
	switch (type) {
	case RTN_UNICAST:
		return ROUTE_OUT;
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return ROUTE_HERE;
	default:
		return ROUTE_NONE;
	}
}

static enum nlsock_next take_route(void *context, const struct nlmsghdr *reply)
{
	struct route_answer *answer = context;
	const struct nlattr *attributes[RTA_MAX + 1];
	const struct rtmsg *message = mnl_nlmsg_get_payload(reply);
	const uint8_t *octets;
	size_t length;

	if (reply->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(reply) < sizeof(*message)) {
		answer->error = reply->nlmsg_type == NLMSG_ERROR ? nfattr_error(reply) : -EPROTO;
		return NLSOCK_LAST;
	}
	nfattr_parse_after(reply, sizeof(*message), attributes, RTA_MAX + 1);
	answer->kind = kind_of(message->rtm_type);
	if (nfattr_bytes(attributes[RTA_OIF], &octets, &length) && length == sizeof(answer->interface))
		memcpy(&answer->interface, octets, length); /* of this machine: its own order */
	return NLSOCK_LAST;
}

struct route_link {
	int error;
	char name[IF_NAMESIZE];
};

static enum nlsock_next take_link(void *context, const struct nlmsghdr *reply)
{
	struct route_link *link = context;
	const struct nlattr *attributes[IFLA_MAX + 1];
	const char *name;

	if (reply->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(reply) < sizeof(struct ifinfomsg)) {
		link->error = reply->nlmsg_type == NLMSG_ERROR ? nfattr_error(reply) : -EPROTO;
		return NLSOCK_LAST;
	}
	nfattr_parse_after(reply, sizeof(struct ifinfomsg), attributes, IFLA_MAX + 1);
	if (nfattr_string(attributes[IFLA_IFNAME], &name))
		snprintf(link->name, sizeof(link->name), "%s", name);
	return NLSOCK_LAST;
}

/* if_indextoname() asks by a socket of another family, which the sandbox does not allow. "": there is none. */
static int name_of(struct route *route, uint32_t index, char out[IF_NAMESIZE])
{
	char buffer[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	struct route_link link = { .name = "" };
	uint32_t sequence = nlsock_sequence(route->nlsock);
	int error;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = sequence;
	message->ifi_index = (int)index;
	error = nlsock_transact(route->nlsock, request, request->nlmsg_len, sequence, sequence, take_link, &link);
	if (error == 0 && link.error != -ENODEV)
		error = link.error;
	if (error == 0)
		memcpy(out, link.name, IF_NAMESIZE);
	return error;
}

/* The errors by which routing says that there is no way. */
static bool says_no_way(int error)
{
	return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EACCES || error == -EINVAL ||
	       error == -EAGAIN;
}

int route_look(struct route *route, const struct ipaddr *address, enum route_kind *kind, char interface[IF_NAMESIZE])
{
	char buffer[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	struct route_answer answer = { .kind = ROUTE_NONE };
	size_t length = ipaddr_length(address->family);
	uint32_t sequence = nlsock_sequence(route->nlsock);
	char name[IF_NAMESIZE] = "";
	int error;

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = sequence;
	message->rtm_family = address->family == IPADDR_V6 ? AF_INET6 : AF_INET;
	message->rtm_dst_len = (unsigned char)(8 * length);
	mnl_attr_put(request, RTA_DST, length, address->bytes);
	error = nlsock_transact(route->nlsock, request, request->nlmsg_len, sequence, sequence, take_route, &answer);
	if (error == 0 && !says_no_way(answer.error))
		error = answer.error;
	if (error < 0)
		return error;
	if (answer.kind == ROUTE_OUT)
		error = name_of(route, answer.interface, name);
	if (error < 0)
		return error;
	if (answer.kind == ROUTE_OUT && !name[0])
		answer.kind = ROUTE_NONE; /* it went just now */
	if (answer.kind == ROUTE_OUT)
		memcpy(interface, name, IF_NAMESIZE);
	*kind = answer.kind;
	return 0;
}
