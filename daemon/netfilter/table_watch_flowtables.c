/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flowtables of anybody: packets of an offloaded flow pass by our rules. */
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "netfilter/nfattr.h"
#include "netfilter/table_query.h"
#include "netfilter/table_watch_private.h"

struct watch_flowtables {
	size_t count;
	char first[256]; /* "TABLE NAME", escaped */
};

static int watch_visit_flowtable(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_FLOWTABLE_MAX + 1];
	struct watch_flowtables *flowtables = context;
	const char *table, *name;
	char text[2][100];

	nfattr_parse(message, attributes, NFTA_FLOWTABLE_MAX + 1);
	if (!nfattr_string(attributes[NFTA_FLOWTABLE_TABLE], &table) ||
	    !nfattr_string(attributes[NFTA_FLOWTABLE_NAME], &name) || flowtables->count++)
		return 0;
	escape_text(text[0], sizeof(text[0]), table, strlen(table));
	escape_text(text[1], sizeof(text[1]), name, strlen(name));
	snprintf(flowtables->first, sizeof(flowtables->first), "%s %s", text[0], text[1]);
	return 0;
}

void table_watch_flowtables(struct table_watch *watch)
{
	struct watch_flowtables flowtables = { .count = 0 };
	struct table_query query;

	table_query_begin(&query, watch->table->queries, NFT_MSG_GETFLOWTABLE, true);
	table_query_family(&query, NFPROTO_UNSPEC);
	if (table_query_run(&query, watch_visit_flowtable, &flowtables) < 0)
		return;
	if (flowtables.count == 0)
		watch->warning[0] = '\0';
	else
		snprintf(watch->warning, sizeof(watch->warning),
			 "flowtable %s%s: packets of the flows put there pass by nfqdn, DNS answers among them, which "
			 "then teach nothing. Keep port 53 out, by rules before that which adds flows: \"th dport 53 "
			 "return\", \"th sport 53 return\" "
			 "(nft/README.md)",
			 flowtables.first, flowtables.count > 1 ? " and others" : "");
}
