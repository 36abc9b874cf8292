/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/table_owner.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>

#include "netfilter/nfattr.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_private.h"
#include "netfilter/table_query.h"

#define OWNER_WAIT_MS 2000
#define OWNER_TURN_MS 10

static int owner_visit(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_TABLE_MAX + 1];

	nfattr_parse(message, attributes, NFTA_TABLE_MAX + 1);
	nfattr_u32(attributes[NFTA_TABLE_FLAGS], context);
	return 0;
}

static int owner_ask(struct table *table, uint32_t *flags)
{
	struct table_query query;

	*flags = 0;
	table_query_begin(&query, table->queries, NFT_MSG_GETTABLE, false);
	mnl_attr_put_strz(query.message, NFTA_TABLE_NAME, table->name);
	return table_query_run(&query, owner_visit, flags);
}

void table_owner_wait(struct table *table)
{
	uint32_t flags;

	for (int waited = 0; waited < OWNER_WAIT_MS; waited += OWNER_TURN_MS) {
		if (owner_ask(table, &flags) < 0 || !(flags & NFT_TABLE_F_OWNER))
			return;
		(void)poll(NULL, 0, OWNER_TURN_MS);
	}
}

uint32_t table_owner_flags(struct table *table, bool wanted)
{
	if (!wanted)
		table->owner = TABLE_OWNER_OFF;
	else
		table->owner = table->capabilities.own ? TABLE_OWNER_US : TABLE_OWNER_LACKING;
	return table->owner == TABLE_OWNER_US ? TABLE_OWNER_FLAGS : 0;
}

bool table_owner_kept(struct table *table)
{
	uint32_t flags;

	return table->owner == TABLE_OWNER_US && owner_ask(table, &flags) == 0 && (flags & NFT_TABLE_F_OWNER);
}

int table_owner_take(struct table *table, bool wanted)
{
	bool ours = table->owner == TABLE_OWNER_US;
	uint32_t flags;
	int error = owner_ask(table, &flags);

	if (error < 0)
		return error;
	if (ours && (flags & NFT_TABLE_F_OWNER))
		return 0;
	if (table_owner_flags(table, wanted) == 0)
		return 0;
	if (!(flags & TABLE_OWNER_PERSIST)) {
		table->owner = TABLE_OWNER_FOUND;
		return 0;
	}
	batch_begin(table->batch);
	ruleset_netlink_table(table->batch, table->name, TABLE_OWNER_FLAGS);
	error = batch_commit(table->batch, NULL);
	if (error < 0)
		table->owner = TABLE_OWNER_FOUND;
	return error;
}
