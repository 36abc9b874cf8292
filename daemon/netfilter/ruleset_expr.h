/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The statements of a rule as expressions of nf_tables, one function for each kind. */
#ifndef NFQDN_NETFILTER_RULESET_EXPR_H
#define NFQDN_NETFILTER_RULESET_EXPR_H

#include "netfilter/ruleset_model.h"
#include "netfilter/table.h"

struct nftnl_rule;

/* Adds the expressions of all statements of `model`, which the rule then owns; `capabilities` say how it queues, and what
 * it asks before. -ENOMEM:
 * some are missing, and the rule must not reach the kernel. */
int ruleset_expr_add(struct nftnl_rule *rule, const struct ruleset_rule *model,
		     const struct table_capabilities *capabilities);

#endif
