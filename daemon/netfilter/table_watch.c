/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Theory of operation:
 *
 * Each change of the ruleset, of any table, raises its generation by one. Ours are counted (batch_raised()); when it
 * rose by more, or one of ours may have changed nothing, the table is looked at. Each question but the dump of the
 * rules is answered at one moment, and so is true even while others write all the time:
 *
 *	table	handle and flags: deleted and made anew, or made dormant
 *	chains	handle, policy, and number of users, which are its rules and the jumps to it
 *	sets	one element: the sentinel of a learned set, the first one of a static set
 *	rules	their handles in their order. Nothing else tells of a rule that was replaced
 *
 * Handles are never used twice in a table's life. */
#include "netfilter/table_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "netfilter/nfattr.h"
#include "netfilter/table_query.h"
#include "netfilter/table_watch_private.h"

struct table_watch *table_watch_new(struct table *table)
{
	struct table_watch *watch = calloc(1, sizeof(*watch));

	if (watch)
		watch->table = table;
	return watch;
}

static void watch_forget(struct table_watch *watch)
{
	free(watch->chains);
	free(watch->sets);
	watch->chains = NULL;
	watch->sets = NULL;
	watch->chain_count = watch->set_count = 0;
	watch->known = false;
}

void table_watch_free(struct table_watch *watch)
{
	if (!watch)
		return;
	watch_forget(watch);
	free(watch);
}

/* ---- questions ---- */

static int watch_visit_generation(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_GEN_MAX + 1];

	nfattr_parse(message, attributes, NFTA_GEN_MAX + 1);
	return nfattr_u32(attributes[NFTA_GEN_ID], context) ? 0 : -EPROTO;
}

static int watch_ask_generation(struct table_watch *watch, uint32_t *out)
{
	struct table_query query;

	table_query_begin(&query, watch->table->queries, NFT_MSG_GETGEN, false);
	return table_query_run(&query, watch_visit_generation, out);
}

struct watch_table {
	uint64_t handle;
	uint32_t flags;
};

static int watch_visit_table(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_TABLE_MAX + 1];
	struct watch_table *out = context;

	nfattr_parse(message, attributes, NFTA_TABLE_MAX + 1);
	nfattr_u64(attributes[NFTA_TABLE_HANDLE], &out->handle);
	nfattr_u32(attributes[NFTA_TABLE_FLAGS], &out->flags);
	return 0;
}

static int watch_ask_table(struct table_watch *watch, struct watch_table *out)
{
	struct table_query query;

	*out = (struct watch_table) { 0 };
	table_query_begin(&query, watch->table->queries, NFT_MSG_GETTABLE, false);
	mnl_attr_put_strz(query.message, NFTA_TABLE_NAME, watch->table->name);
	return table_query_run(&query, watch_visit_table, out);
}

/* ---- what there is ---- */

static int watch_take(struct table_watch *watch)
{
	const struct ruleset *ruleset = watch->table->held;
	int error = ruleset ? table_watch_chains_model(watch, ruleset) : -ENOENT;
	struct watch_table table = { 0 };

	if (error == 0)
		error = table_watch_sets_model(watch, ruleset);
	if (error == 0)
		error = watch_ask_table(watch, &table);
	if (error < 0)
		return error;
	watch->handle = table.handle;
	watch->flags = table.flags;
	error = table_watch_chains_take(watch, ruleset);
	return error < 0 ? error : table_watch_sets_take(watch);
}

int table_watch_begin(struct table_watch *watch)
{
	uint32_t ours, generation = 0;
	int error;

	watch_forget(watch);
	watch->pending = true;
	/* First: what others change from here on moves it once more. */
	(void)batch_raised(watch->table->batch, &ours);
	error = watch_ask_generation(watch, &generation);
	if (error == 0)
		error = watch_take(watch);
	watch->missing = error == -ENOENT || error == -EAGAIN;
	table_watch_flowtables(watch);
	if (error < 0)
		return error;
	watch->generation = generation;
	watch->table->suspect = false;
	watch->pending = false;
	watch->known = true;
	return error;
}

/* ---- the look ---- */

static int watch_look_table(struct table_watch *watch)
{
	struct watch_table table;
	int error = watch_ask_table(watch, &table);

	if (error < 0)
		return error == -ENOENT ? TABLE_WATCH_RULES | TABLE_WATCH_LEARNED : error;
	if (table.handle != watch->handle || ((table.flags ^ watch->flags) & ~(uint32_t)NFT_TABLE_F_OWNER))
		return TABLE_WATCH_REPLACED | TABLE_WATCH_RULES | TABLE_WATCH_LEARNED;
	/* Our socket died and another one is in its place: table_apply() takes the table again. */
	return table.flags != watch->flags ? TABLE_WATCH_RULES : 0;
}

/* Found, or -errno when nothing was found but not all could be seen. */
static int watch_compare(struct table_watch *watch)
{
	int (*const looks[])(struct table_watch *) = { watch_look_table, table_watch_chains_look,
						       table_watch_sets_look };
	int found = 0, error = 0;

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		int one = looks[i](watch);

		if (one < 0)
			error = one;
		else
			found |= one;
	}
	if (!found && !error)
		return table_watch_rules_look(watch);
	return found ? found : error;
}

int table_watch_look(struct table_watch *watch)
{
	uint32_t generation = 0, ours;
	bool pending = watch->pending || watch->table->suspect;
	int found = watch_ask_generation(watch, &generation);

	if (found < 0)
		return found;
	pending |= !batch_raised(watch->table->batch, &ours) || generation - watch->generation != ours;
	watch->generation = generation;
	watch->table->suspect = false;
	if (!pending)
		return 0;
	table_watch_flowtables(watch);
	if (watch->known)
		found = watch_compare(watch);
	else
		found = watch->missing ? TABLE_WATCH_RULES | TABLE_WATCH_LEARNED : TABLE_WATCH_LEARNED;
	watch->pending = found != 0;
	if (found > 0 && (found & TABLE_WATCH_RULES))
		watch->table->trusted = false;
	return found;
}

bool table_watch_urgent(const struct table_watch *watch)
{
	return watch->table->suspect;
}

const char *table_watch_warning(const struct table_watch *watch)
{
	return watch->warning;
}
