/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the gateway would send a packet: by which interface an address is reached. */
#ifndef NFQDN_NETFILTER_ROUTE_H
#define NFQDN_NETFILTER_ROUTE_H

#include <net/if.h>

#include "base/ipaddr.h"

enum route_kind {
	ROUTE_NONE, /* no way there, or one that refuses (unreachable, blackhole, prohibit) */
	ROUTE_HERE, /* the gateway itself, broadcast, multicast, anycast: not forwarded to one place */
	ROUTE_OUT, /* by an interface */
};

struct route;

/* 0 or -errno. */
int route_open(struct route **out);
void route_close(struct route *route); /* NULL is allowed */
/* Asks the kernel as for a packet of the gateway's own without mark and source (policy routing by those is not seen);
 * with several ways it tells one. `interface` is filled for ROUTE_OUT. 0 or -errno. */
int route_look(struct route *route, const struct ipaddr *address, enum route_kind *kind, char interface[IF_NAMESIZE]);

#endif
