/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset as messages of a transaction. What memory or room is short for is told by batch_commit(). */
#ifndef NFQDN_NETFILTER_RULESET_NETLINK_H
#define NFQDN_NETFILTER_RULESET_NETLINK_H

#include "netfilter/batch.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/table.h"

/* `flags` of nf_tables, such as NFT_TABLE_F_OWNER; the comment says RULESET_LAYOUT. */
void ruleset_netlink_table(struct batch *batch, const char *table, uint32_t flags);
void ruleset_netlink_counter(struct batch *batch, const char *table, const char *counter);
/* The set without its elements. */
void ruleset_netlink_set(struct batch *batch, const char *table, const struct ruleset_set *set);
/* Adds elements of a static set from `first` on until one message is full; returns the index of the next one. */
size_t ruleset_netlink_elements(struct batch *batch, const char *table, const struct ruleset_set *set, size_t first);
/* Adds all elements of `gained` to the set of that name. Refused (-EEXIST) when one is there: then the set is not what
 * it was believed to be. */
void ruleset_netlink_gain(struct batch *batch, const char *table, const struct ruleset_set *gained);
void ruleset_netlink_chain(struct batch *batch, const char *table, const struct ruleset_chain *chain);
/* Appends the rule to the chain of that name, which need not be the one that it belongs to. */
void ruleset_netlink_rule(struct batch *batch, const char *table, const char *chain, const struct ruleset_rule *model,
			  const struct table_capabilities *capabilities);

void ruleset_netlink_delete_table(struct batch *batch, const char *table);
void ruleset_netlink_delete_set(struct batch *batch, const char *table, const char *set);
/* Deletes the elements of a set; it may have none. */
void ruleset_netlink_flush_set(struct batch *batch, const char *table, const char *set);
/* Deletes the rules of a chain. */
void ruleset_netlink_flush_chain(struct batch *batch, const char *table, const char *chain);
void ruleset_netlink_delete_chain(struct batch *batch, const char *table, const char *chain);

#endif
