/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes to the learned sets (name4, name6, name4_GROUP ...): many elements, one transaction. */
#ifndef NFQDN_NETFILTER_ELEMENT_H
#define NFQDN_NETFILTER_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"

/* What stands in a learned set: address . l4proto . port of one group. */
struct element_key {
	struct ipaddr address;
	uint8_t group; /* index of policy->groups */
	uint8_t l4proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 */
	uint16_t port; /* host order; value_icmp_port() for echo requests */
};

enum element_operation {
	ELEMENT_ADD, /* new to us; what the kernel may still have of it is replaced */
	ELEMENT_REFRESH, /* known; its timeout is set anew, its comment stays */
	ELEMENT_DELETE, /* gone afterwards, whether it was there or not */
};

struct element_change {
	struct element_key key;
	enum element_operation operation;
	uint64_t timeout_ms; /* from now, ADD and REFRESH; 1 .. 2^40 */
	/* ADD: at most LIMIT_ELEMENT_COMMENT characters are used, a longer one is cut with '~'; may be NULL */
	const char *comment;
	int error; /* out: 0 when committed, else -errno */
};

struct table;

/* Commits `count` changes (at most LIMIT_BATCH_ELEMENTS) in one transaction, deletes first. When the kernel refuses
 * one element, that one's `error` is set and the rest is tried once more without it; when its answer is lost, all is
 * sent once more, which tells. When that fails too, each `error` is set (-ETIMEDOUT, -ENOBUFS: still unknown). Returns
 * the number of changes with an error. Does not allocate, log or read the clock; blocks until the kernel's answer is
 * there, which it is when sendto() returns (KERNEL 2.1). */
size_t element_commit(struct table *table, struct element_change *changes, size_t count);

/* Calls `visit` for each element of the learned sets (one of a set of addresses alone has l4proto and port 0, and group
 * 0); `expires_ms` is what the kernel has left, `comment` "" when none. Elements that others put there in a form that is not ours are passed over. The dump of a set is repeated when
 * the ruleset moved meanwhile; what ten of them saw together is taken for whole. 0 or -errno. */
int element_dump(struct table *table,
		 void (*visit)(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment),
		 void *context);

#endif
