/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine does with packets at all, asked by routing netlink: a sandboxed daemon sees no /proc/sys. */
#ifndef NFQDN_NETFILTER_ENVIRONMENT_H
#define NFQDN_NETFILTER_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ipaddr.h"
#include "policy/value.h"

/* Does it forward this family (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding)? 0 with `*out`, or -errno;
 * -EOPNOTSUPP: the kernel has no such family. */
int environment_forwards(enum ipaddr_family family, bool *out);
/* For each of `count` interfaces (names, or beginnings of names): is one there? 0, or -errno with `found` untouched. */
int environment_interfaces(const struct value_interface *wanted, size_t count, bool found[]);

#endif
