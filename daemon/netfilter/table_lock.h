/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two daemons never work on one table. The lock is an abstract socket, which belongs to the network namespace as the
 * table does and is found by daemons that share nothing else (containers). Any local user could bind that name first,
 * so root also locks a file in a folder of its own, and who holds the name is looked at: a program that may not change
 * nf_tables is no nfqdnd, and keeps nobody from starting. */
#ifndef NFQDN_NETFILTER_TABLE_LOCK_H
#define NFQDN_NETFILTER_TABLE_LOCK_H

/* Where root's locks are: "<inode of the network namespace>-<table>". Made with mode 0700. */
#define TABLE_LOCK_FOLDER "/run/nfqdn.lock"

struct table_lock {
	int name, file; /* descriptors, -1: not held */
};
#define TABLE_LOCK_NONE ((struct table_lock) { -1, -1 })

/* 0; -EBUSY: another nfqdnd has it; -EADDRINUSE: a stranger has the name and there is no file to lock instead;
 * -ENAMETOOLONG; -errno. Ends with the process, or with table_lock_leave(). */
int table_lock_take(const char *table, struct table_lock *out);
void table_lock_leave(struct table_lock *lock);

#endif
