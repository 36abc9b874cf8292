/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/table_state.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "netfilter/nfattr.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/table_private.h"
#include "netfilter/table_query.h"

#define STATE_ATTEMPTS 10

struct state_reader {
	struct table *table;
	struct table_state *state;
};

static int state_add(struct table_state *state, struct table_object **list, const char *name, bool hooked)
{
	struct table_object *object = arena_alloc(state->arena, sizeof(*object));

	if (!object)
		return -ENOMEM;
	object->name = arena_strdup(state->arena, name);
	object->hooked = hooked;
	object->next = *list;
	*list = object;
	return object->name ? 0 : -ENOMEM;
}

/* Kernels differ in whether they leave out the other tables' objects: it is checked here. */
static bool state_ours(const struct state_reader *reader, const struct nlattr *table)
{
	const char *name;

	return nfattr_string(table, &name) && strcmp(name, reader->table->name) == 0;
}

static int state_visit_chain(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct state_reader *reader = context;
	uint32_t priority;
	const char *name;
	int error;

	nfattr_parse(message, attributes, NFTA_CHAIN_MAX + 1);
	if (!state_ours(reader, attributes[NFTA_CHAIN_TABLE]) || !nfattr_string(attributes[NFTA_CHAIN_NAME], &name))
		return 0;
	error = state_add(reader->state, &reader->state->chains, name, attributes[NFTA_CHAIN_HOOK] != NULL);
	if (error == 0 && attributes[NFTA_CHAIN_HOOK]) {
		nfattr_parse_nest(attributes[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX + 1);
		if (nfattr_u32(hook[NFTA_HOOK_PRIORITY], &priority))
			reader->state->chains->priority = (int32_t)priority;
	}
	return error;
}

static int state_visit_set(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_SET_MAX + 1];
	struct state_reader *reader = context;
	const char *name;

	nfattr_parse(message, attributes, NFTA_SET_MAX + 1);
	if (!state_ours(reader, attributes[NFTA_SET_TABLE]) || !nfattr_string(attributes[NFTA_SET_NAME], &name))
		return 0;
	return state_add(reader->state, &reader->state->sets, name, false);
}

static void state_note_expression(struct table_state *state, const struct nlattr *element)
{
	const struct nlattr *expression[NFTA_EXPR_MAX + 1], *lookup[NFTA_LOOKUP_MAX + 1];
	const char *name;

	nfattr_parse_nest(element, expression, NFTA_EXPR_MAX + 1);
	if (!nfattr_string(expression[NFTA_EXPR_NAME], &name) || strcmp(name, "lookup") != 0)
		return;
	nfattr_parse_nest(expression[NFTA_EXPR_DATA], lookup, NFTA_LOOKUP_MAX + 1);
	if (!nfattr_string(lookup[NFTA_LOOKUP_SET], &name))
		return;
	for (struct table_object *set = state->sets; set; set = set->next)
		set->named |= strcmp(set->name, name) == 0;
}

static int state_visit_rule(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_RULE_MAX + 1], *list, *one;
	struct state_reader *reader = context;
	uint64_t handle = 0;

	nfattr_parse(message, attributes, NFTA_RULE_MAX + 1);
	if (!state_ours(reader, attributes[NFTA_RULE_TABLE]))
		return 0;
	if (nfattr_u64(attributes[NFTA_RULE_HANDLE], &handle) && handle > reader->state->last_rule)
		reader->state->last_rule = handle;
	list = attributes[NFTA_RULE_EXPRESSIONS];
	for (one = nfattr_first_in(list); one; one = nfattr_next_in(list, one))
		state_note_expression(reader->state, one);
	return 0;
}

static int state_dump(struct state_reader *reader, uint16_t type, uint16_t table_attribute,
		      int (*visit)(void *context, const struct nlmsghdr *message))
{
	struct table_query query;
	int error;

	table_query_begin(&query, reader->table->queries, type, true);
	mnl_attr_put_strz(query.message, table_attribute, reader->table->name);
	error = table_query_run(&query, visit, reader);
	return error == -ENOENT ? 0 : error;
}

static int state_read(struct state_reader *reader)
{
	int error = state_dump(reader, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, state_visit_chain);

	if (error == 0)
		error = state_dump(reader, NFT_MSG_GETSET, NFTA_SET_TABLE, state_visit_set);
	if (error == 0)
		error = state_dump(reader, NFT_MSG_GETRULE, NFTA_RULE_TABLE, state_visit_rule);
	return error;
}

int table_state_read(struct table *table, struct arena *arena, struct table_state *out)
{
	struct table_state state;
	struct state_reader reader = { table, &state };
	int error = -EINTR;

	for (int attempt = 0; attempt < STATE_ATTEMPTS && error == -EINTR; attempt++) {
		state = (struct table_state) { .arena = arena };
		error = state_read(&reader);
	}
	if (error == 0)
		*out = state;
	return error;
}

const struct table_object *table_state_find(const struct table_object *list, const char *name)
{
	while (list && strcmp(list->name, name) != 0)
		list = list->next;
	return list;
}
