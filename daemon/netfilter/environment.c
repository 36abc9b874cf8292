/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/environment.h"

#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"

struct answer {
	int error;
	int32_t forwarding;
};

static enum nlsock_next take_netconf(void *context, const struct nlmsghdr *reply)
{
	const struct nlattr *attributes[NETCONFA_MAX + 1];
	struct answer *answer = context;
	const uint8_t *octets;
	size_t length;

	answer->error = -EPROTO;
	if (reply->nlmsg_type == NLMSG_ERROR)
		answer->error = nfattr_error(reply);
	if (reply->nlmsg_type != RTM_NEWNETCONF || mnl_nlmsg_get_payload_len(reply) < sizeof(struct netconfmsg))
		return NLSOCK_LAST;
	nfattr_parse_after(reply, NLMSG_ALIGN(sizeof(struct netconfmsg)), attributes, NETCONFA_MAX + 1);
	if (nfattr_bytes(attributes[NETCONFA_FORWARDING], &octets, &length) && length == sizeof(answer->forwarding)) {
		memcpy(&answer->forwarding, octets, length); /* of this machine: its own order */
		answer->error = 0;
	}
	return NLSOCK_LAST;
}

int environment_forwards(enum ipaddr_family family, bool *out)
{
	char buffer[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct netconfmsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	struct answer answer = { .error = -EPROTO };
	struct nlsock *socket;
	uint32_t sequence;
	int error = nlsock_open_route(&socket);

	if (error < 0)
		return error;
	sequence = nlsock_sequence(socket);
	request->nlmsg_type = RTM_GETNETCONF;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = sequence;
	message->ncm_family = family == IPADDR_V6 ? AF_INET6 : AF_INET;
	mnl_attr_put_u32(request, NETCONFA_IFINDEX, (uint32_t)NETCONFA_IFINDEX_ALL);
	error = nlsock_transact(socket, request, request->nlmsg_len, sequence, sequence, take_netconf, &answer);
	nlsock_close(socket);
	if (error == 0)
		error = answer.error;
	if (error == 0)
		*out = answer.forwarding != 0;
	return error;
}

int environment_interfaces(const struct value_interface *wanted, size_t count, bool found[])
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		found[i] = false;
		for (const struct ifaddrs *one = list; one && !found[i]; one = one->ifa_next)
			found[i] = value_interface_holds(&wanted[i], one->ifa_name);
	}
	freeifaddrs(list);
	return 0;
}
