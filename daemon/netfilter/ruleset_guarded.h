/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leads to the destinations that `inbound` guards: the chain guarded, and the base chain inbound. */
#ifndef NFQDN_NETFILTER_RULESET_GUARDED_H
#define NFQDN_NETFILTER_RULESET_GUARDED_H

#include "netfilter/ruleset_builder.h"

/* The chain guarded. */
void ruleset_guarded_build(struct ruleset_builder *b);
/* What leads to guarded destinations goes from this chain to the chain guarded. */
void ruleset_guarded_lead(struct ruleset_builder *b, struct ruleset_chain *chain);
/* Accepts in this chain the replies to what inbound let in: the receiver is the source of then. */
void ruleset_guarded_replies(struct ruleset_builder *b, struct ruleset_chain *chain);
/* The base chain inbound. */
void ruleset_guarded_hook(struct ruleset_builder *b);

#endif
