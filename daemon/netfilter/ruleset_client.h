/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients send: the chains client, group and group_NAME, and the base chain egress. */
#ifndef NFQDN_NETFILTER_RULESET_CLIENT_H
#define NFQDN_NETFILTER_RULESET_CLIENT_H

#include "netfilter/ruleset_builder.h"

/* The chains without a hook. */
void ruleset_client_build(struct ruleset_builder *b);
/* What enters by a client interface goes from this chain to chain `name`. */
void ruleset_client_enter(struct ruleset_builder *b, struct ruleset_chain *chain, const char *name);
/* The base chain egress. */
void ruleset_client_hook(struct ruleset_builder *b);

#endif
