/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where packets end that the policy does not allow. */
#ifndef NFQDN_NETFILTER_RULESET_DENY_H
#define NFQDN_NETFILTER_RULESET_DENY_H

#include "netfilter/ruleset_builder.h"

/* The chains deny, deny_reply, deny_source, deny_dns and deny_inbound. */
void ruleset_deny_build(struct ruleset_builder *b);
/* What connection tracking calls invalid ends in this chain. */
void ruleset_deny_invalid(struct ruleset_builder *b, struct ruleset_chain *chain);

#endif
