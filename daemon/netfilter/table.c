/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/table.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"
#include "netfilter/probe.h"
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_owner.h"
#include "netfilter/table_private.h"
#include "netfilter/table_query.h"

static const char *table_open_text(int error)
{
	switch (error) {
	case -EBUSY:
		return "another nfqdnd in this network namespace works on this table";
	case -EADDRINUSE:
		return "a program that may not change nf_tables holds the abstract socket of this table's lock: find "
		       "it with `ss -xlp`, or start nfqdnd as root";
	case -ENAMETOOLONG:
		return "the table's name is too long";
	case -EPROTONOSUPPORT:
		return "the kernel lacks nfnetlink (CONFIG_NETFILTER_NETLINK)";
	case -EPERM:
		return "changing nf_tables is not permitted: CAP_NET_ADMIN is needed";
	case -ENOMEM:
		return "memory is out";
	}
	return strerror(-error); /* static for every number that the kernel knows */
}

/* -ENOMEM unless all of it is there. */
static int table_sockets(struct table *table)
{
	int error = nlsock_open(&table->socket);

	if (error == 0)
		error = nlsock_open(&table->queries);
	if (error < 0)
		return error;
	table->batch = batch_new(table->socket);
	return table->batch ? 0 : -ENOMEM;
}

int table_open(const char *name, struct table **out, const char **error)
{
	struct table *table = calloc(1, sizeof(*table));
	int result = -ENOMEM;

	*error = NULL;
	if (table) {
		table->lock = TABLE_LOCK_NONE;
		table->name = strdup(name);
	}
	if (table && table->name)
		result = table_lock_take(name, &table->lock);
	if (result == 0)
		result = table_sockets(table);
	if (result == 0)
		table_owner_wait(table);
	if (result == 0)
		result = probe_kernel(table->batch, table->queries, &table->capabilities, error);
	if (result == 0) {
		*out = table;
		return 0;
	}
	if (!*error)
		*error = table_open_text(result);
	table_close(table);
	return result;
}

void table_close(struct table *table)
{
	if (!table)
		return;
	batch_free(table->batch);
	nlsock_close(table->queries);
	nlsock_close(table->socket);
	table_lock_leave(&table->lock);
	arena_free(table->held_arena);
	free(table->name);
	free(table);
}

const struct table_capabilities *table_capabilities(const struct table *table)
{
	return &table->capabilities;
}

int table_assist(struct table *table, enum table_assisting how, const int programs[ASSIST_QUESTIONS])
{
	int error = how == TABLE_ASSISTED ? probe_assist(table->batch, table->queries, table->name, programs) : 0;

	table->capabilities.assist = how != TABLE_UNASSISTED && error == 0;
	table->assist_untried = how == TABLE_ASSISTED_UNTRIED;
	if (table->assist_untried && programs)
		probe_assist_load(table->queries);
	for (size_t i = 0; i < ASSIST_QUESTIONS; i++)
		table->capabilities.assist_programs[i] = programs ? programs[i] : -1;
	return error;
}

enum table_owner table_owner(const struct table *table)
{
	return table->owner;
}

const char *table_queue_backend_name(enum table_queue_backend backend)
{
	switch (backend) {
	case TABLE_QUEUE_NATIVE:
		return "native";
	case TABLE_QUEUE_XTABLES:
		return "xtables";
	}
	return "unknown";
}

/* ---- is it ours? ---- */

static int table_visit_comment(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_TABLE_MAX + 1];
	const uint8_t *userdata;
	const char *comment;
	bool *ours = context;
	size_t length;

	nfattr_parse(message, attributes, NFTA_TABLE_MAX + 1);
	*ours = nfattr_bytes(attributes[NFTA_TABLE_USERDATA], &userdata, &length) &&
		nfattr_comment(userdata, length, &comment) && strcmp(comment, RULESET_LAYOUT) == 0;
	return 0;
}

int table_exists(struct table *table)
{
	struct table_query query;
	bool ours = false;
	int error;

	table_query_begin(&query, table->queries, NFT_MSG_GETTABLE, false);
	mnl_attr_put_strz(query.message, NFTA_TABLE_NAME, table->name);
	error = table_query_run(&query, table_visit_comment, &ours);
	if (error == -ENOENT)
		return 0;
	if (error < 0)
		return error;
	return ours ? 1 : -EEXIST;
}

int table_remove(struct table *table)
{
	int exists = table_exists(table), error;

	if (exists <= 0)
		return exists;
	batch_begin(table->batch);
	ruleset_netlink_delete_table(table->batch, table->name);
	error = batch_commit(table->batch, NULL);
	/* When the kernel's answer was lost: is it gone? */
	if ((error == -ETIMEDOUT || error == -ENOBUFS) && table_exists(table) == 0)
		return 0;
	return error;
}

/* ---- counters ---- */

struct counter_visit {
	void (*visit)(void *context, const char *name, uint64_t packets, uint64_t bytes);
	void *context;
};

static int table_visit_counter(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_OBJ_MAX + 1], *values[NFTA_COUNTER_MAX + 1];
	const struct counter_visit *counter = context;
	uint64_t packets, bytes;
	const char *name;

	nfattr_parse(message, attributes, NFTA_OBJ_MAX + 1);
	nfattr_parse_nest(attributes[NFTA_OBJ_DATA], values, NFTA_COUNTER_MAX + 1);
	if (nfattr_string(attributes[NFTA_OBJ_NAME], &name) && nfattr_u64(values[NFTA_COUNTER_PACKETS], &packets) &&
	    nfattr_u64(values[NFTA_COUNTER_BYTES], &bytes))
		counter->visit(counter->context, name, packets, bytes);
	return 0;
}

int table_counters(struct table *table,
		   void (*visit)(void *context, const char *name, uint64_t packets, uint64_t bytes), void *context)
{
	struct counter_visit counter = { visit, context };

	for (const struct ruleset_counter *row = ruleset_counters; row->name; row++) {
		struct table_query query;
		int error;

		/* One by one: what a dump shows twice or not at all when the ruleset moves meanwhile is no matter
		 * here. */
		table_query_begin(&query, table->queries, NFT_MSG_GETOBJ, false);
		mnl_attr_put_strz(query.message, NFTA_OBJ_TABLE, table->name);
		mnl_attr_put_strz(query.message, NFTA_OBJ_NAME, row->name);
		mnl_attr_put_u32(query.message, NFTA_OBJ_TYPE, htobe32(NFT_OBJECT_COUNTER));
		error = table_query_run(&query, table_visit_counter, &counter);
		if (error < 0)
			return error;
	}
	return 0;
}

unsigned int table_error_line(const struct table *table)
{
	return table->error_line;
}

void table_on_sets(struct table *table, table_siblings *siblings, void *siblings_context,
		   int (*move)(void *context, const uint8_t map[256]), void *move_context)
{
	table->siblings = siblings;
	table->siblings_context = siblings_context;
	table->move = move;
	table->move_context = move_context;
}

bool table_learns(const struct table *table, enum ipaddr_family family)
{
	const struct table_target *target = &table->learned[0][table_family_index(family)];

	return !target->bare || target->set[0];
}
