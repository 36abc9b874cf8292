/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS answers that are held and read, and queries that are copied. */
#ifndef NFQDN_NETFILTER_RULESET_SNOOP_H
#define NFQDN_NETFILTER_RULESET_SNOOP_H

#include "netfilter/ruleset_builder.h"

/* The chains snoop_*, base chains last. */
void ruleset_snoop_build(struct ruleset_builder *b);

#endif
