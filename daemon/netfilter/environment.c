/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/environment.h"

#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/if_packet.h>
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

/* Asks rtnetlink once, by a socket of its own. `request` needs its number yet. */
static int ask(struct nlmsghdr *request, enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply),
	       void *context)
{
	struct nlsock *socket;
	uint32_t sequence;
	int error = nlsock_open_route(&socket);

	if (error < 0)
		return error;
	sequence = nlsock_sequence(socket);
	request->nlmsg_seq = sequence;
	error = nlsock_transact(socket, request, request->nlmsg_len, sequence, sequence, visit, context);
	nlsock_close(socket);
	return error;
}

int environment_forwards(enum ipaddr_family family, bool *out)
{
	char buffer[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct netconfmsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	struct answer answer = { .error = -EPROTO };
	int error;

	request->nlmsg_type = RTM_GETNETCONF;
	request->nlmsg_flags = NLM_F_REQUEST;
	message->ncm_family = family == IPADDR_V6 ? AF_INET6 : AF_INET;
	mnl_attr_put_u32(request, NETCONFA_IFINDEX, (uint32_t)NETCONFA_IFINDEX_ALL);
	error = ask(request, take_netconf, &answer);
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

/* ---- ports ---- */

struct search {
	const struct value_interface *wanted;
	size_t count;
	const struct ifaddrs *list;
	struct environment_port found;
	int error;
};

static bool is_wanted(const struct search *search, const char *name)
{
	for (size_t i = 0; i < search->count; i++)
		if (value_interface_holds(&search->wanted[i], name))
			return true;
	return false;
}

/* Every interface has an entry of this family, whatever addresses it has. */
static const char *name_of(const struct ifaddrs *list, uint32_t index)
{
	for (const struct ifaddrs *one = list; one; one = one->ifa_next)
		if (one->ifa_addr && one->ifa_addr->sa_family == AF_PACKET &&
		    (uint32_t)((const struct sockaddr_ll *)(const void *)one->ifa_addr)->sll_ifindex == index)
			return one->ifa_name;
	return NULL;
}

/* The kinds of interfaces that take their ports' packets as their own. */
static const char *taking_kind(const struct nlattr *info)
{
	static const char *const kinds[] = { "bridge", "bond", "team" };
	const struct nlattr *attributes[IFLA_INFO_MAX + 1];
	const char *kind;

	if (!nfattr_parse_nest(info, attributes, IFLA_INFO_MAX + 1) ||
	    !nfattr_string(attributes[IFLA_INFO_SLAVE_KIND], &kind))
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return kinds[i];
	return NULL;
}

static void take_link(struct search *search, const struct nlmsghdr *reply)
{
	const struct nlattr *attributes[IFLA_MAX + 1];
	const char *name, *kind, *upper;
	const uint8_t *octets;
	size_t length;
	uint32_t index;

	nfattr_parse_after(reply, NLMSG_ALIGN(sizeof(struct ifinfomsg)), attributes, IFLA_MAX + 1);
	kind = taking_kind(attributes[IFLA_LINKINFO]);
	if (!kind || !nfattr_string(attributes[IFLA_IFNAME], &name) || !is_wanted(search, name) ||
	    !nfattr_bytes(attributes[IFLA_MASTER], &octets, &length) || length != sizeof(index))
		return;
	memcpy(&index, octets, length); /* of this machine: its own order */
	upper = name_of(search->list, index);
	if (!upper || is_wanted(search, upper))
		return;
	strncpy(search->found.name, name, sizeof(search->found.name) - 1);
	strncpy(search->found.upper, upper, sizeof(search->found.upper) - 1);
	strncpy(search->found.kind, kind, sizeof(search->found.kind) - 1);
	search->error = 0;
}

static enum nlsock_next take_links(void *context, const struct nlmsghdr *reply)
{
	struct search *search = context;

	if (reply->nlmsg_type == NLMSG_ERROR)
		search->error = nfattr_error(reply);
	if (reply->nlmsg_type == NLMSG_ERROR || reply->nlmsg_type == NLMSG_DONE)
		return NLSOCK_LAST;
	if (reply->nlmsg_type == RTM_NEWLINK && search->error == -ENOENT &&
	    mnl_nlmsg_get_payload_len(reply) >= sizeof(struct ifinfomsg))
		take_link(search, reply);
	return NLSOCK_MORE;
}

static int look_for_port(struct search *search)
{
	char buffer[64];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	int error;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	error = ask(request, take_links, search);
	return error < 0 ? error : search->error;
}

int environment_port(const struct value_interface *wanted, size_t count, struct environment_port *out)
{
	struct search search = { .wanted = wanted, .count = count, .error = -ENOENT };
	struct ifaddrs *list;
	int error;

	if (getifaddrs(&list) < 0)
		return -errno;
	search.list = list;
	error = look_for_port(&search);
	freeifaddrs(list);
	if (error == 0)
		*out = search.found;
	return error;
}
