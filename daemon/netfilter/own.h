/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's own addresses, and word when they change. */
#ifndef NFQDN_NETFILTER_OWN_H
#define NFQDN_NETFILTER_OWN_H

#include <stddef.h>

#include "base/ipaddr.h"
#include "policy/config.h"

/* A route netlink socket that becomes readable when an address comes or goes; non-blocking. The file descriptor, or
 * -errno. */
int own_open(void);
/* Reads the news away. Returns 1 when there was any (also when the kernel lost some), 0 when not. */
int own_changed(int fd);
/* Every address of every interface, at most `size`; the number there is, or -errno. */
int own_addresses(struct ipaddr *out, size_t size);
/* The same with interface and prefix length, for config_check_links(). A link-local address comes with the whole length: its
 * network is no one interface's. At most `size`; the number there is, or -errno. */
int own_links(struct config_link *out, size_t size);

#endif
