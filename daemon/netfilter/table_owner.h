/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose our table is. A table with OWNER belongs to the netlink socket that made or took it: others can read it, but
 * neither change nor delete it, and their `flush ruleset` spares it. With PERSIST it stands when that socket is closed,
 * however the process ended, without an owner until somebody takes it. Flags of a table that was made without PERSIST
 * cannot be changed to these (tests/kernel-facts/owned.c). */
#ifndef NFQDN_NETFILTER_TABLE_OWNER_H
#define NFQDN_NETFILTER_TABLE_OWNER_H

#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stdint.h>

struct table;

#define TABLE_OWNER_PERSIST 4u /* NFT_TABLE_F_PERSIST, Linux 6.9; not in Debian 12's headers */
/* OWNER alone (Linux 5.12) would take the table away with a daemon that crashes. */
#define TABLE_OWNER_FLAGS (NFT_TABLE_F_OWNER | TABLE_OWNER_PERSIST)

/* Waits until no other socket has the table, two seconds at most: the kernel may let go of an ended daemon's lock before
 * it has closed its sockets. */
void table_owner_wait(struct table *table);
/* Flags for a table that is about to be made; `wanted`: own-table is not "off". */
uint32_t table_owner_flags(struct table *table, bool wanted);
/* Is it ours alone, and has been since table_owner_take() or its making? */
bool table_owner_kept(struct table *table);
/* Takes the table that is there, when that is possible and wanted; no packet notices. 0, also when it stays without an
 * owner; -EPERM: another socket has it, nothing can be changed; -errno. */
int table_owner_take(struct table *table, bool wanted);

#endif
