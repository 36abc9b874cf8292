/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our table in the kernel: found or made, filled, exchanged at reload, removed. */
#ifndef NFQDN_NETFILTER_TABLE_H
#define NFQDN_NETFILTER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netfilter/assist.h"
#include "policy/policy.h"

struct table;
struct element_key;

/* How packets come to us, found by trying (KERNEL 3.1). */
enum table_queue_backend { TABLE_QUEUE_NATIVE, TABLE_QUEUE_XTABLES };

struct table_capabilities {
	enum table_queue_backend queue;
	bool update; /* an add of an element that exists sets its timeout (Linux 6.12) */
	bool destroy; /* NFT_MSG_DESTROYSETELEM (Linux 6.3) */
	bool report; /* what is denied can be copied to us (limit, log) */
	bool assist; /* the kernel is asked before the queue: table_assist() */
	int assist_programs[ASSIST_QUESTIONS]; /* by these programs; -1: by the module */
	bool own; /* tables with an owner that outlive it (Linux 6.9) */
};

/* Does the table belong to us, so that others can neither change nor flush it? If not, why. */
enum table_owner {
	TABLE_OWNER_OFF, /* the configuration says no */
	TABLE_OWNER_LACKING, /* the kernel has no such tables */
	TABLE_OWNER_FOUND, /* it was found made without an owner, and is left so */
	TABLE_OWNER_US,
};

/* Opens the netlink sockets, takes the lock of the table's name (table_lock.h) and probes
 * the kernel in a table of its own without base chains. `*error` receives a text for people (static or kept in the
 * table's own memory until the next call of this function) naming what is missing, such as the kernel option. 0;
 * -EBUSY: another nfqdnd holds the lock; -EPERM; -EOPNOTSUPP: the kernel lacks something; -errno. */
int table_open(const char *name, struct table **out, const char **error);
void table_close(struct table *table); /* leaves the kernel's table as it is */
const struct table_capabilities *table_capabilities(const struct table *table);
/* Whether the rules ask the kernel before the queue. */
enum table_assisting {
	TABLE_UNASSISTED,
	TABLE_ASSISTED, /* tried first */
	/* The first rules show it; when they are refused and such a rule is why, they are made without, and table_capabilities()
	 * tells so. Trying first costs a start some 12 ms of 55 (6.18: nft_compat waits until what was tried is gone). */
	TABLE_ASSISTED_UNTRIED,
};

/* From the next table_apply() on. `programs`: eBPF programs that stay open so long, or with NULL the module, whose instance
 * must be there (assist.h). 0; -errno when nf_tables does not take such a rule, and then none is made. */
int table_assist(struct table *table, enum table_assisting how, const int programs[ASSIST_QUESTIONS]);
enum table_owner table_owner(const struct table *table); /* as the last table_apply() left it */
const char *table_queue_backend_name(enum table_queue_backend backend); /* "native" | "xtables" */

/* Is a table of our name there? 1 with our layout, 0 none, -EEXIST one that is not ours (or another layout), or
 * -errno. */
int table_exists(struct table *table);

/* Makes the kernel's table that of `policy`: created when absent; else rules and static sets are exchanged in one
 * transaction, learned sets that stay keep their elements, sets of groups that went are removed. Base chains are made
 * once and never deleted. The table becomes ours alone where own-table and the kernel allow it. Static sets are filled in several transactions aside before. The policy must outlive the
 * next successful call. On failure nothing that decides has changed. 0 or -errno, `*error` as in table_open(). */
int table_apply(struct table *table, const struct policy *policy, const char **error);

/* `pause` is called between the transactions that fill sets aside, NULL: nothing is: answers that wait for the table
 * need not wait for all of it. It may commit elements, and nothing else of the table. */
void table_on_pause(struct table *table, void (*pause)(void *context), void *context);

/* The line of gateway.sets that the last table_apply() refused; 0: its error is of no line. */
unsigned int table_error_line(const struct table *table);

/* Calls `visit` for each element that is learned at an address, with what is left of its life in the kernel. */
typedef void table_visit_sibling(void *context, const struct element_key *key, int64_t left_ms);
typedef void table_siblings(void *context, const struct ipaddr *address, table_visit_sibling *visit, void *visitor);

/* Where the kernel's sets hold addresses alone (mode = "sets"), element_commit() asks `siblings` what shares a place. `move`
 * is called in table_apply() when the learned sets are about to be others: it commits all that is learned, to the new
 * ones, with group g as map[g] (0xff: it went away). 0 or -errno. */
void table_on_sets(struct table *table, table_siblings *siblings, void *siblings_context,
		   int (*move)(void *context, const uint8_t map[256]), void *move_context);
/* False where mode = "sets" has no set for the family's addresses: nothing is learned then. */
bool table_learns(const struct table *table, enum ipaddr_family family);

/* Deletes the whole table. 0, also when there was none; -EEXIST when it is not ours. */
int table_remove(struct table *table);

/* Values of the table's named counters: calls `visit` for each. 0 or -errno. */
int table_counters(struct table *table,
		   void (*visit)(void *context, const char *name, uint64_t packets, uint64_t bytes), void *context);

#endif
