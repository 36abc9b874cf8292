/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/nfattr.o */
/* LIBS: libmnl */
/* Tables that belong to a socket (KERNEL 5): why nfqdn's table carries OWNER and PERSIST together, why all changes come
 * from one socket, how a table that a crash left is taken over, and why one that was made without the flags is not. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "fact.h"
#include "netfilter/nfattr.h"

#define OWNER 2u /* NFT_TABLE_F_OWNER, Linux 5.12 */
#define PERSIST 4u /* NFT_TABLE_F_PERSIST, Linux 6.9 */

static uint32_t number = 1;

static struct mnl_socket *opened(void)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		exit(1);
	return socket;
}

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

/* A transaction of one message that makes or updates the table, or deletes it. */
static int table(struct mnl_socket *socket, uint16_t type, const uint32_t *flags)
{
	char buffer[1024] __attribute__((aligned(8)));
	struct nlmsghdr *message = put(buffer, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	size_t used = message->nlmsg_len;
	ssize_t length;

	message = put(buffer + used, NFNL_SUBSYS_NFTABLES << 8 | type,
		      NLM_F_ACK | (type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0), NFPROTO_INET, 0);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, "f");
	if (flags)
		mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(*flags));
	used += message->nlmsg_len;
	used += put(buffer + used, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES)->nlmsg_len;
	if (mnl_socket_sendto(socket, buffer, used) < 0)
		return -errno;
	length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	return length < 0 ? -errno : nfattr_error((const void *)buffer);
}

static int make(struct mnl_socket *socket, uint32_t flags)
{
	return table(socket, NFT_MSG_NEWTABLE, &flags);
}

/* Flags and owner as anybody sees them. 0 or -errno. */
static int seen(uint32_t *flags, uint32_t *owner)
{
	const struct nlattr *attributes[NFTA_TABLE_MAX + 1];
	char buffer[4096] __attribute__((aligned(8)));
	struct mnl_socket *socket = opened();
	struct nlmsghdr *message =
		put(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_ACK, NFPROTO_INET, 0);
	ssize_t length;

	mnl_attr_put_strz(message, NFTA_TABLE_NAME, "f");
	mnl_socket_sendto(socket, message, message->nlmsg_len);
	length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	mnl_socket_close(socket);
	if (length < 0 || message->nlmsg_type == NLMSG_ERROR)
		return length < 0 ? -errno : nfattr_error(message);
	nfattr_parse(message, attributes, NFTA_TABLE_MAX + 1);
	*flags = *owner = 0;
	nfattr_u32(attributes[NFTA_TABLE_FLAGS], flags);
	nfattr_u32(attributes[NFTA_TABLE_OWNER], owner);
	return 0;
}

static void while_owned(struct mnl_socket *ours, struct mnl_socket *other)
{
	uint32_t flags = 0, owner = 0;

	fact(seen(&flags, &owner) == 0 && flags == (OWNER | PERSIST) && owner == mnl_socket_get_portid(ours),
	     "anybody sees the table, its flags and its owner's port");
	fact(table(other, NFT_MSG_DELTABLE, NULL) == -EPERM && make(other, OWNER | PERSIST) == -EPERM &&
		     !nft("add set inet f s { type ipv4_addr; }\n"),
	     "another socket, of this process or not, may neither delete, nor take, nor change it");
	fact(make(ours, PERSIST) == -EOPNOTSUPP && make(ours, 0) == -EOPNOTSUPP, "nor can its owner give it up");
	fact(make(ours, OWNER | PERSIST) == 0, "to take what is one's own is no error");
	fact(nft("flush ruleset\n") && shell("nft list table inet f"), "others' `flush ruleset` spares it");
}

static void after_the_end(struct mnl_socket *other)
{
	uint32_t flags = 0, owner = 0;

	fact(seen(&flags, &owner) == 0 && flags == PERSIST && owner == 0,
	     "it stands when its socket is closed, without an owner");
	fact(nft("add set inet f s { type ipv4_addr; }\nadd element inet f s { 192.0.2.1 }\n") &&
		     make(other, OWNER | PERSIST) == 0 && seen(&flags, &owner) == 0 && flags == (OWNER | PERSIST) &&
		     owner == mnl_socket_get_portid(other) && shows("nft list set inet f s", "192.0.2.1"),
	     "then another socket takes it as it is");
	fact(table(other, NFT_MSG_DELTABLE, NULL) == 0, "and may delete it");
	fact(make(other, PERSIST) == 0 && nft("flush ruleset\n") && !shell("nft list table inet f"),
	     "without an owner, `flush ruleset` does not spare it");
}

static void otherwise_made(struct mnl_socket *other)
{
	struct mnl_socket *ours = opened();
	uint32_t flags = 1, owner = 1;

	fact(make(ours, 0) == 0 && make(ours, OWNER | PERSIST) == -EOPNOTSUPP && make(ours, OWNER) == -EOPNOTSUPP &&
		     make(ours, PERSIST) == -EOPNOTSUPP && seen(&flags, &owner) == 0 && flags == 0,
	     "a table made without the flags never gets them");
	fact(table(other, NFT_MSG_DELTABLE, NULL) == 0, "and anybody deletes it");
	fact(make(ours, OWNER) == 0, "OWNER alone");
	mnl_socket_close(ours);
	fact(seen(&flags, &owner) == -ENOENT, "goes with its socket");
}

int main(void)
{
	struct mnl_socket *ours, *other;
	int error;

	facts_begin();
	ours = opened();
	other = opened();
	error = make(ours, OWNER | PERSIST);
	if (error == -EOPNOTSUPP || error == -EINVAL) {
		puts("1..0 # SKIP the kernel has no persistent tables (Linux 6.9)");
		return 0;
	}
	fact(error == 0, "a table that is owned and persistent");
	while_owned(ours, other);
	mnl_socket_close(ours);
	after_the_end(other);
	otherwise_made(other);
	mnl_socket_close(other);
	return facts_end();
}
