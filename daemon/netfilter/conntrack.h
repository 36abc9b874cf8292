/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's table of flows (ctnetlink): read in parts, and rid of those that must end. */
#ifndef NFQDN_NETFILTER_CONNTRACK_H
#define NFQDN_NETFILTER_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"

/* A flow as a packet of its first direction shows it in the forward hook: before source NAT, after destination NAT. */
struct conntrack_flow {
	struct ipaddr source, destination;
	uint8_t l4proto;
	uint16_t source_port,
		port; /* host order; 0 where the protocol has none; ICMP: type and code in `port`, as in sets */
	uint32_t mark;
	bool replied; /* a packet of the other direction was seen */
};

struct conntrack;

/* Opens the sockets and asks the kernel whether it has ctnetlink. 0; -EOPNOTSUPP: it has not (CONFIG_NF_CT_NETLINK);
 * -errno. */
int conntrack_open(struct conntrack **out);
void conntrack_close(struct conntrack *conntrack); /* NULL is allowed */

/* What became of a part's flows. */
struct conntrack_part {
	size_t seen;
	size_t deleted;
	size_t refused; /* the kernel did not delete them, such as those of a flowtable before Linux 6.x (EBUSY), or its
			   word is missing */
	size_t unread; /* in a form that is not understood: left alone */
};

/* Begins to list all flows; one that runs is given up. 0 or -errno. */
int conntrack_list_begin(struct conntrack *conntrack);
/* Reads the next part (one datagram: 32 KiB, some 150 flows), asks `doomed` about each, and deletes those for which it
 * says true: by tuple, zone and id, so that a flow that took the same tuple meanwhile is spared. Never waits for
 * anybody but the kernel. 1: there are more; 0: that was the end; -errno: given up, begin anew. `*out` tells what
 * was done in any case. A flow that appears or goes during the listing may or may not be seen. */
int conntrack_list_step(struct conntrack *conntrack, bool (*doomed)(void *context, const struct conntrack_flow *flow),
			void *context, struct conntrack_part *out);

#endif
