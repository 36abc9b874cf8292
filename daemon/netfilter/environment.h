/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine does with packets at all, asked by routing netlink: a sandboxed daemon sees no /proc/sys. */
#ifndef NFQDN_NETFILTER_ENVIRONMENT_H
#define NFQDN_NETFILTER_ENVIRONMENT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/ipaddr.h"
#include "policy/value.h"

/* Does it forward this family (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding)? 0 with `*out`, or -errno;
 * -EOPNOTSUPP: the kernel has no such family. */
int environment_forwards(enum ipaddr_family family, bool *out);
/* For each of `count` interfaces (names, or beginnings of names): is one there? 0, or -errno with `found` untouched. */
int environment_interfaces(const struct value_interface *wanted, size_t count, bool found[]);

/* Names, and what the upper one is: "bridge", "bond" or "team". */
struct environment_port {
	char name[IFNAMSIZ], upper[IFNAMSIZ], kind[8];
};

/* The first interface that is one of `wanted` while what enters there counts as another's, which is none of them. (A port of a
 * VRF counts as itself.) 0 with `*out`, -ENOENT: there is none, or -errno. */
int environment_port(const struct value_interface *wanted, size_t count, struct environment_port *out);

#endif
