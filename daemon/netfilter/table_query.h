/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to nf_tables: one object, or a dump. */
#ifndef NFQDN_NETFILTER_TABLE_QUERY_H
#define NFQDN_NETFILTER_TABLE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;
struct nlsock;

#define TABLE_QUERY_SIZE 1024

/* A question while it is written. */
struct table_query {
	struct nlsock *socket;
	struct nlmsghdr *message; /* the caller adds attributes */
	bool moving; /* the caller may set it: visits go on although the ruleset moved */
	char buffer[TABLE_QUERY_SIZE] __attribute__((aligned(4)));
};

/* `type` is NFT_MSG_GET*. */
void table_query_begin(struct table_query *query, struct nlsock *socket, uint16_t type, bool dump);
/* The table's family, an NFPROTO_*, where it is not inet. */
void table_query_family(struct table_query *query, uint8_t family);
/* Sends it and hands each object to `visit` (NULL: nothing is wanted of them), which returns 0, or an error that ends the visits (the rest is still
 * received). 0; -EINTR when the ruleset moved while it was dumped, so that what was visited is no whole; -ENOENT and
 * other -errno of the kernel; the visitor's error. */
int table_query_run(struct table_query *query, int (*visit)(void *context, const struct nlmsghdr *message),
		    void *context);

#endif
