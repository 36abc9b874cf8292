/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink socket to netfilter or to routing: requests out, replies in, nothing said about what they mean. Unit tests
 * put a kernel of their own in its place at link time. */
#ifndef NFQDN_NETFILTER_NLSOCK_H
#define NFQDN_NETFILTER_NLSOCK_H

#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;
struct nlsock;

/* How long a reply may take. The kernel answers before sendto() returns (KERNEL 2.1), so this only ends what is broken:
 * answers are held meanwhile, and resolvers ask again after one to five seconds. */
#define NLSOCK_TIMEOUT_MS 500

/* 0 or -errno; -EPROTONOSUPPORT when the kernel has no nfnetlink. */
int nlsock_open(struct nlsock **out);
/* The same to routing (NETLINK_ROUTE). */
int nlsock_open_route(struct nlsock **out);
/* The same to generic netlink. */
int nlsock_open_generic(struct nlsock **out);
void nlsock_close(struct nlsock *socket);
/* The next sequence number. */
uint32_t nlsock_sequence(struct nlsock *socket);

enum nlsock_next { NLSOCK_MORE, NLSOCK_LAST };

/* Sends one request and hands each reply whose sequence number lies in first .. last to `visit` until that returns
 * NLSOCK_LAST. 0 then; -errno of sendto(), when nothing was done; -ETIMEDOUT and -ENOBUFS when the kernel may have done
 * it or not. A socket that died is replaced by another one: before the request is sent, unnoticed; after it, the result
 * is unknown. The request begins with a netlink header. */
int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context);

/* A dump in parts, for what is long. The first sends the request, 0 or -errno; a dump that runs is given up. Each call of
 * the second hands the replies of one datagram (32 KiB at most) with this sequence number to `visit` and never waits: 1
 * when there are more, 0 when `visit` returned NLSOCK_LAST, or -errno: begin anew. The kernel fills the next datagram
 * while one is read. */
int nlsock_dump_begin(struct nlsock *socket, const void *request, size_t length);
int nlsock_dump_step(struct nlsock *socket, uint32_t sequence,
		     enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context);

#endif
