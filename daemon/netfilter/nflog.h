/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NFLOG: copies of packets that a rule `log group N` sees. Nothing is held: a copy that finds the socket full is lost,
 * and the packet goes on all the same. Each copy is a message of its own at once (threshold 1; with the kernel's
 * default it may come a second later, KERNEL 0b), so that it is in the socket before the packet has gone on. */
#ifndef NFQDN_NETFILTER_NFLOG_H
#define NFQDN_NETFILTER_NFLOG_H

#include <stddef.h>
#include <stdint.h>

struct nflog;

struct nflog_settings {
	uint16_t group; /* of the network namespace; one program can have it */
	uint32_t copy_octets; /* of each packet at most, 1 .. LIMIT_PACKET_BYTES; a rule's snaplen may say less */
	uint32_t receive_octets; /* what the kernel may keep for us; a small packet's copy takes some 800 */
};

struct nflog_packet {
	uint32_t in_interface, out_interface; /* index, 0 when none */
	const char *prefix; /* of the rule; "" when it has none */
	const uint8_t *payload; /* the IP packet's first octets; valid during the call */
	size_t length;
};

/* Binds the group by one message with command, copy mode, length and threshold. 0; -EBUSY when another program has the
 * group; -EPERM; -EOPNOTSUPP when the kernel has no NFLOG; -errno. `*error` is a static text for people. */
int nflog_open(const struct nflog_settings *settings, struct nflog **out, const char **error);
void nflog_close(struct nflog *nflog);
int nflog_fd(const struct nflog *nflog); /* for epoll */

typedef void nflog_visit(void *context, const struct nflog_packet *packet);
/* Takes what is there without waiting, at most LIMIT_DRAIN_PACKETS messages, and calls `visit` for each packet. Adds to
 * `*lost` the copies that the kernel could not hand over before one of these, or that cannot be read. Returns the
 * number of messages: fewer than LIMIT_DRAIN_PACKETS when there are no more. -errno only when the socket is unusable. */
int nflog_receive(struct nflog *nflog, nflog_visit *visit, void *context, uint64_t *lost);

#endif
