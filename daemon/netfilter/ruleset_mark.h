/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mode = "mark": what stands in the place of egress and inbound. */
#ifndef NFQDN_NETFILTER_RULESET_MARK_H
#define NFQDN_NETFILTER_RULESET_MARK_H

#include "netfilter/ruleset_builder.h"

/* The chain mark_allowed, where what is allowed ends. */
void ruleset_mark_end(struct ruleset_builder *b);
/* The chains mark_client and mark_inbound. */
void ruleset_mark_build(struct ruleset_builder *b);
/* The base chains mark_forward and, with mark-hook = "prerouting", mark_prerouting. */
void ruleset_mark_hooks(struct ruleset_builder *b);

#endif
