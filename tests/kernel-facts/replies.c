/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/nfattr.o */
/* LIBS: libmnl */
/* What the kernel answers to a transaction (KERNEL 2.4): why batch.c counts as it does, and how element.c finds the
 * element that was refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "fact.h"
#include "netfilter/nfattr.h"

static struct mnl_socket *sock;
static _Alignas(8) char buffer[16384];
static size_t used;
static uint32_t number = 1;

static struct nlmsghdr *put(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer + used);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = number++;
	*generic = (struct nfgenmsg) { .nfgen_family = family, .res_id = htons(resource) };
	used += message->nlmsg_len;
	return message;
}

static uint32_t begin(void)
{
	used = 0;
	return put(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES)->nlmsg_seq;
}

/* A message with elements 192.0.2.FIRST and up. Returns its number; `offset`: where the element `which` stands in it.
 */
static uint32_t elements(uint16_t type, uint16_t flags, unsigned int first, unsigned int count, unsigned int which,
			 uint32_t *offset)
{
	size_t before = used;
	struct nlmsghdr *message = put(NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0);
	struct nlattr *list, *element, *key;

	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, "f");
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, "s");
	list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (unsigned int i = 0; i < count; i++) {
		if (offset && i == which)
			*offset = message->nlmsg_len;
		element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
		key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
		mnl_attr_put_u32(message, NFTA_DATA_VALUE, htonl(0xc0000200 + first + i));
		mnl_attr_nest_end(message, key);
		mnl_attr_nest_end(message, element);
	}
	mnl_attr_nest_end(message, list);
	used = before + message->nlmsg_len;
	return message->nlmsg_seq;
}

struct reply {
	uint32_t number, offset;
	int error;
};

/* Sends the batch; the replies in order. They are there when send returns. */
static size_t finish(struct reply *replies, size_t room)
{
	_Alignas(8) char in[16384];
	size_t count = 0;
	ssize_t length;

	put(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	if (mnl_socket_sendto(sock, buffer, used) < 0)
		return 0;
	while (count < room && (length = recv(mnl_socket_get_fd(sock), in, sizeof(in), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *message = (const void *)in;

		replies[count++] =
			(struct reply) { message->nlmsg_seq, nfattr_error_offset(message), nfattr_error(message) };
	}
	return count;
}

static void acknowledgements(void)
{
	struct reply replies[8];
	uint32_t first, second, third;
	size_t count;

	begin();
	first = elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, 1, 1, 0, NULL);
	second = elements(NFT_MSG_DELSETELEM, NLM_F_ACK, 2, 1, 0, NULL);
	third = elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, 3, 1, 0, NULL);
	count = finish(replies, 8);
	fact(count == 3 && replies[0].number == first && replies[1].number == second && replies[2].number == third,
	     "replies come in the messages' order and are there when send() returns");
	fact(replies[0].error == 0 && replies[1].error == -ENOENT && replies[2].error == 0 &&
		     !shows("nft list set inet f s", "192.0.2."),
	     "messages of a failed transaction are acknowledged all the same, and nothing is done");

	begin();
	elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, 1, 1, 0, NULL);
	third = elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, 3, 1, 0, NULL);
	count = finish(replies, 8);
	fact(count == 1 && replies[0].number == third && replies[0].error == 0 &&
		     shows("nft list set inet f s", "192.0.2.3"),
	     "with the flag on the last message alone, its acknowledgement is the only reply to a transaction that was "
	     "done");
}

static void offsets(void)
{
	struct reply replies[8];
	uint32_t offset = 0, message;
	size_t count;

	begin();
	message = elements(NFT_MSG_DELSETELEM, NLM_F_ACK, 1, 5, 1, &offset); /* .1 and .3 are there */
	count = finish(replies, 8);
	fact(count == 1 && replies[0].number == message && replies[0].error == -ENOENT && replies[0].offset == offset,
	     "the extended acknowledgement points at the first element that was refused");
	begin();
	message = elements(30, NLM_F_ACK, 1, 5, 0, NULL);
	count = finish(replies, 8);
	if (count == 1 && replies[0].error == 0)
		fact(!shows("nft list set inet f s", "192.0.2."), "destroy (Linux 6.3) does not mind missing elements");
	else
		fact(replies[0].error == -EINVAL || replies[0].error == -EOPNOTSUPP,
		     "this kernel has no destroy, and says so");
}

int main(void)
{
	int one = 1;

	facts_begin();
	sock = mnl_socket_open(NETLINK_NETFILTER);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return 1;
	mnl_socket_setsockopt(sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(sock, NETLINK_CAP_ACK, &one, sizeof(one));
	nft("table inet f {\n set s {\n type ipv4_addr\n }\n}\n");
	acknowledgements();
	offsets();
	mnl_socket_close(sock);
	return facts_end();
}
