/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel numbers the copies of a group from 0 on (NFULNL_CFG_F_SEQ), also one that the socket has no room for: a
 * gap in the numbers is exactly what was lost (nfnetlink_log.c, 6.1 to 7.3). */
#include "netfilter/nflog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include "base/limits.h"
#include "netfilter/nfattr.h"

/* Headers and attributes of a message beside the packet: some 150 octets, a prefix of 128, a MAC header. */
#define ATTRIBUTES_OCTETS 1024
#define CONFIG_OCTETS 256
/* The kernel sets this much aside for a message, or what the packet needs if that is more (default a page, which would
 * count against our buffer for each small packet). */
#define MESSAGE_OCTETS 256
#define PROC_FILE "/proc/net/netfilter/nfnetlink_log"

struct nflog {
	struct mnl_socket *socket;
	uint32_t next; /* number of the next copy */
	size_t slot_octets;
	uint8_t *slots; /* LIMIT_DRAIN_PACKETS, mapped: pages that no message reached cost nothing */
	struct mmsghdr headers[LIMIT_DRAIN_PACKETS];
	struct iovec vectors[LIMIT_DRAIN_PACKETS];
	struct sockaddr_nl senders[LIMIT_DRAIN_PACKETS];
};

int nflog_fd(const struct nflog *nflog)
{
	return mnl_socket_get_fd(nflog->socket);
}

/* ---- opening ---- */

static int open_socket(struct nflog *nflog, uint32_t receive_octets)
{
	int octets = (int)(receive_octets / 2), on = 1; /* the kernel doubles it */

	nflog->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!nflog->socket || mnl_socket_bind(nflog->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* In a user namespace nobody may force it: net.core.rmem_max is the most there. */
	if (setsockopt(nflog_fd(nflog), SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets)) < 0 &&
	    (errno != EPERM || setsockopt(nflog_fd(nflog), SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets)) < 0))
		return -errno;
	/* Without this, one overrun makes the kernel refuse every further message until we have read the buffer
	 * empty. */
	setsockopt(nflog_fd(nflog), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	return 0;
}

static int map_slots(struct nflog *nflog, uint32_t copy_octets)
{
	void *map;

	nflog->slot_octets = (copy_octets + ATTRIBUTES_OCTETS + 7) & ~(size_t)7;
	map = mmap(NULL, LIMIT_DRAIN_PACKETS * nflog->slot_octets, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	nflog->slots = map;
	for (size_t i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		nflog->vectors[i] = (struct iovec) { nflog->slots + i * nflog->slot_octets, nflog->slot_octets };
		nflog->headers[i].msg_hdr = (struct msghdr) { .msg_iov = &nflog->vectors[i], .msg_iovlen = 1 };
	}
	return 0;
}

static int send_bind(const struct nflog *nflog, const struct nflog_settings *settings)
{
	char buffer[CONFIG_OCTETS] __attribute__((aligned(8)));
	const struct nfulnl_msg_config_cmd command = { .command = NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(settings->copy_octets),
						     .copy_mode = NFULNL_COPY_PACKET };
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *message;
	ssize_t sent;

	header->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header->nlmsg_seq = 1;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	*message = (struct nfgenmsg) { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	message->res_id = htons(settings->group);
	mnl_attr_put(header, NFULA_CFG_CMD, sizeof(command), &command);
	mnl_attr_put(header, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(header, NFULA_CFG_NLBUFSIZ, htonl(MESSAGE_OCTETS));
	mnl_attr_put_u32(header, NFULA_CFG_TIMEOUT, 0);
	mnl_attr_put_u32(header, NFULA_CFG_QTHRESH, htonl(1));
	mnl_attr_put_u16(header, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	do
		sent = mnl_socket_sendto(nflog->socket, header, header->nlmsg_len);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* The kernel has answered when sendto() returns; copies may already stand in front of the answer: their numbers are
 * missed later, and they count as lost. */
static int read_bind_answer(const struct nflog *nflog)
{
	char buffer[CONFIG_OCTETS] __attribute__((aligned(8)));
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
	ssize_t length;

	while ((length = recv(nflog_fd(nflog), buffer, sizeof(buffer), 0)) >= 0 || errno == EINTR)
		if (length >= 0 && mnl_nlmsg_ok(header, (int)length) && header->nlmsg_type == NLMSG_ERROR)
			return nfattr_error(header);
	return -errno;
}

/* Does PROC_FILE list the group? Its rows begin with the group's number. Where only root may read it, we have the
 * capability, or would not have come this far. */
static bool is_taken(uint16_t group)
{
	FILE *file = fopen(PROC_FILE, "re");
	bool taken = !file && errno == EACCES;
	char line[256];

	while (file && !taken && fgets(line, sizeof(line), file)) {
		char *end;

		taken = strtoul(line, &end, 10) == group && end != line;
	}
	if (file)
		fclose(file);
	return taken;
}

static const char *why_not(const struct nflog_settings *settings, int *error)
{
	/* A group of another program answers EPERM, as a missing capability does: only the list tells them apart. */
	if (*error == -EPERM && is_taken(settings->group))
		*error = -EBUSY;
	switch (-*error) {
	case EBUSY:
		return "another program is bound to our NFLOG group (" PROC_FILE
		       " lists them): it follows from gateway.queue.first, set another number there";
	case EPERM:
		return "NFLOG needs CAP_NET_ADMIN";
	case EINVAL:
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		*error = -EOPNOTSUPP;
		return "the kernel has no NFLOG (CONFIG_NETFILTER_NETLINK_LOG, module nfnetlink_log)";
	case ENOMEM:
		return "no memory for copies of packets";
	default:
		return "the NFLOG socket cannot be set up";
	}
}

static int set_up(struct nflog *nflog, const struct nflog_settings *settings)
{
	int rc = map_slots(nflog, settings->copy_octets);

	if (rc == 0)
		rc = open_socket(nflog, settings->receive_octets);
	if (rc == 0)
		rc = send_bind(nflog, settings);
	return rc == 0 ? read_bind_answer(nflog) : rc;
}

int nflog_open(const struct nflog_settings *settings, struct nflog **out, const char **error)
{
	struct nflog *nflog = calloc(1, sizeof(*nflog));
	int rc = nflog ? set_up(nflog, settings) : -ENOMEM;

	if (rc < 0) {
		*error = why_not(settings, &rc);
		nflog_close(nflog);
		return rc;
	}
	*out = nflog;
	return 0;
}

void nflog_close(struct nflog *nflog)
{
	if (!nflog)
		return;
	if (nflog->socket)
		mnl_socket_close(nflog->socket);
	if (nflog->slots)
		munmap(nflog->slots, LIMIT_DRAIN_PACKETS * nflog->slot_octets);
	free(nflog);
}

/* ---- receiving ---- */

struct reading {
	struct nflog *nflog;
	nflog_visit *visit;
	void *context;
	uint64_t *lost;
};

static void count_gap(const struct reading *reading, uint32_t number)
{
	*reading->lost += number - reading->nflog->next;
	reading->nflog->next = number + 1;
}

static void read_packet(const struct reading *reading, const struct nlmsghdr *header)
{
	const struct nlattr *attributes[NFULA_MAX + 1];
	struct nflog_packet packet = { .prefix = "" };
	uint32_t number;

	nfattr_parse(header, attributes, NFULA_MAX + 1);
	if (nfattr_u32(attributes[NFULA_SEQ], &number))
		count_gap(reading, number);
	(void)nfattr_u32(attributes[NFULA_IFINDEX_INDEV], &packet.in_interface);
	(void)nfattr_u32(attributes[NFULA_IFINDEX_OUTDEV], &packet.out_interface);
	(void)nfattr_string(attributes[NFULA_PREFIX], &packet.prefix);
	if (nfattr_bytes(attributes[NFULA_PAYLOAD], &packet.payload, &packet.length))
		reading->visit(reading->context, &packet);
	else
		++*reading->lost;
}

/* One datagram; a threshold that a rule sets higher brings several messages in one. */
static void read_datagram(const struct reading *reading, size_t i)
{
	const struct nflog *nflog = reading->nflog;
	const struct nlmsghdr *header = nflog->vectors[i].iov_base;
	int left = (int)nflog->headers[i].msg_len;

	if (nflog->senders[i].nl_pid != 0)
		return; /* not the kernel's */
	if (nflog->headers[i].msg_hdr.msg_flags & MSG_TRUNC) {
		++*reading->lost; /* and its number is never seen */
		reading->nflog->next++;
		return;
	}
	for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
		if (header->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
			read_packet(reading, header);
}

int nflog_receive(struct nflog *nflog, nflog_visit *visit, void *context, uint64_t *lost)
{
	struct reading reading = { nflog, visit, context, lost };
	int count;

	for (size_t i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		nflog->headers[i].msg_hdr.msg_name = &nflog->senders[i];
		nflog->headers[i].msg_hdr.msg_namelen = sizeof(nflog->senders[i]);
	}
	do
		count = recvmmsg(nflog_fd(nflog), nflog->headers, LIMIT_DRAIN_PACKETS, MSG_DONTWAIT, NULL);
	while (count < 0 && (errno == ENOBUFS || errno == EINTR));
	if (count < 0)
		return errno == EAGAIN ? 0 : -errno;
	for (size_t i = 0; i < (size_t)count; i++)
		read_datagram(&reading, i);
	return count;
}
