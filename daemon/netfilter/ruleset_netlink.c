/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "netfilter/ruleset_expr.h"

/* Octets of elements in one message: a nest's length has 16 bits, and an element takes 200 at most. */
#define ELEMENTS_SIZE 60000

/* ---- tables, counters, chains ---- */

void ruleset_netlink_table(struct batch *batch, const char *name, uint32_t flags)
{
	/* as nft writes a comment: type 0, length, text with its NUL */
	struct {
		uint8_t type, length;
		char text[sizeof(RULESET_LAYOUT)];
	} userdata = { NFTNL_UDATA_TABLE_COMMENT, sizeof(RULESET_LAYOUT), RULESET_LAYOUT };
	struct nftnl_table *table = nftnl_table_alloc();
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	if (table && message) {
		nftnl_table_set_str(table, NFTNL_TABLE_NAME, name);
		nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, flags);
		nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, &userdata, sizeof(userdata));
		nftnl_table_nlmsg_build_payload(message, table);
		batch_close(batch);
	}
	if (table)
		nftnl_table_free(table);
	else
		batch_fail(batch, -ENOMEM);
}

void ruleset_netlink_counter(struct batch *batch, const char *table, const char *counter)
{
	struct nftnl_obj *object = nftnl_obj_alloc();
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWOBJ, NLM_F_CREATE);

	if (object && message) {
		nftnl_obj_set_str(object, NFTNL_OBJ_TABLE, table);
		nftnl_obj_set_str(object, NFTNL_OBJ_NAME, counter);
		nftnl_obj_set_u32(object, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
		nftnl_obj_set_u64(object, NFTNL_OBJ_CTR_PKTS, 0);
		nftnl_obj_set_u64(object, NFTNL_OBJ_CTR_BYTES, 0);
		nftnl_obj_nlmsg_build_payload(message, object);
		batch_close(batch);
	}
	if (object)
		nftnl_obj_free(object);
	else
		batch_fail(batch, -ENOMEM);
}

static struct nftnl_chain *netlink_chain(struct batch *batch, const char *table, const char *name)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain) {
		batch_fail(batch, -ENOMEM);
		return NULL;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	return chain;
}

void ruleset_netlink_chain(struct batch *batch, const char *table, const struct ruleset_chain *model)
{
	static const uint32_t hooks[] = { [RULESET_PREROUTING] = NF_INET_PRE_ROUTING,
					  [RULESET_FORWARD] = NF_INET_FORWARD,
					  [RULESET_INPUT] = NF_INET_LOCAL_IN,
					  [RULESET_OUTPUT] = NF_INET_LOCAL_OUT };
	struct nftnl_chain *chain = netlink_chain(batch, table, model->name);
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	if (chain && message) {
		if (model->hook != RULESET_UNHOOKED) {
			nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
			nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hooks[model->hook]);
			nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, model->priority);
			nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
		}
		nftnl_chain_nlmsg_build_payload(message, chain);
		batch_close(batch);
	}
	if (chain)
		nftnl_chain_free(chain);
}

/* ---- deletions ---- */

static void netlink_named(struct batch *batch, uint16_t type, uint16_t table_attribute, const char *table,
			  uint16_t name_attribute, const char *name)
{
	struct nlmsghdr *message = batch_open(batch, type, 0);

	if (!message)
		return;
	mnl_attr_put_strz(message, table_attribute, table);
	if (name)
		mnl_attr_put_strz(message, name_attribute, name);
	batch_close(batch);
}

void ruleset_netlink_delete_table(struct batch *batch, const char *table)
{
	netlink_named(batch, NFT_MSG_DELTABLE, NFTA_TABLE_NAME, table, 0, NULL);
}

void ruleset_netlink_delete_set(struct batch *batch, const char *table, const char *set)
{
	netlink_named(batch, NFT_MSG_DELSET, NFTA_SET_TABLE, table, NFTA_SET_NAME, set);
}

void ruleset_netlink_flush_set(struct batch *batch, const char *table, const char *set)
{
	netlink_named(batch, NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_TABLE, table, NFTA_SET_ELEM_LIST_SET, set);
}

void ruleset_netlink_flush_chain(struct batch *batch, const char *table, const char *chain)
{
	netlink_named(batch, NFT_MSG_DELRULE, NFTA_RULE_TABLE, table, NFTA_RULE_CHAIN, chain);
}

void ruleset_netlink_delete_chain(struct batch *batch, const char *table, const char *chain)
{
	netlink_named(batch, NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE, table, NFTA_CHAIN_NAME, chain);
}

/* ---- sets ---- */

/* A concatenation's datatype: those of its fields, six bits each. */
static uint32_t netlink_datatype(const struct ruleset_key_type *type)
{
	uint32_t datatype = 0;

	for (size_t i = 0; i < type->count; i++)
		datatype = datatype << 6 | ruleset_field_types[type->fields[i]].datatype;
	return datatype;
}

/* Each field of a concatenation begins at a multiple of four octets. */
static uint32_t netlink_key_length(const struct ruleset_key_type *type)
{
	uint32_t length = 0;

	for (size_t i = 0; i < type->count; i++)
		length += (ruleset_field_types[type->fields[i]].length + 3u) & ~3u;
	return length;
}

/* nft needs the byte order of a single key to list ranges: 1 the host's (names), 2 network order. */
static void netlink_set_userdata(struct nftnl_set *set, const struct ruleset_key_type *type)
{
	uint32_t order = type->fields[0] == RULESET_FIELD_IFNAME ? 1 : 2;
	uint8_t userdata[2 + sizeof(order)] = { NFTNL_UDATA_SET_KEYBYTEORDER, sizeof(order) };

	memcpy(userdata + 2, &order, sizeof(order));
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, userdata, sizeof(userdata));
}

static void netlink_set_fill(struct nftnl_set *set, const struct ruleset_set *model)
{
	const struct ruleset_key_type *type = &ruleset_key_types[model->key];
	bool concatenation = type->count > 1;
	uint32_t flags = model->learned  ? NFT_SET_TIMEOUT
			 : concatenation ? NFT_SET_INTERVAL | NFT_SET_CONCAT
					 : NFT_SET_INTERVAL;
	uint8_t lengths[RULESET_FIELDS];

	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, flags);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, netlink_datatype(type));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, netlink_key_length(type));
	if (model->learned)
		nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, model->size);
	if (!concatenation)
		netlink_set_userdata(set, type);
	if (!concatenation || model->learned)
		return;
	for (size_t i = 0; i < type->count; i++)
		lengths[i] = ruleset_field_types[type->fields[i]].length;
	nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, lengths, (uint32_t)type->count);
}

void ruleset_netlink_set(struct batch *batch, const char *table, const struct ruleset_set *model)
{
	struct nftnl_set *set = nftnl_set_alloc();
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWSET, NLM_F_CREATE);

	if (set && message) {
		nftnl_set_set_str(set, NFTNL_SET_TABLE, table);
		nftnl_set_set_str(set, NFTNL_SET_NAME, model->name);
		/* A number within the batch, demanded and not used: rules name their sets. */
		nftnl_set_set_u32(set, NFTNL_SET_ID, (uint32_t)batch_count(batch) + 1);
		netlink_set_fill(set, model);
		nftnl_set_nlmsg_build_payload(message, set);
		batch_close(batch);
	}
	if (set)
		nftnl_set_free(set);
	else
		batch_fail(batch, -ENOMEM);
}

static void netlink_key(struct nlmsghdr *message, uint16_t type, const uint8_t *key, size_t length)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	mnl_attr_put(message, NFTA_DATA_VALUE, length, key);
	mnl_attr_nest_end(message, nest);
}

static void netlink_element(struct nlmsghdr *message, uint32_t flags, const uint8_t *key, const uint8_t *key_end,
			    size_t length)
{
	struct nlattr *nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);

	if (flags)
		mnl_attr_put_u32(message, NFTA_SET_ELEM_FLAGS, htonl(flags));
	netlink_key(message, NFTA_SET_ELEM_KEY, key, length);
	if (key_end)
		netlink_key(message, NFTA_SET_ELEM_KEY_END, key_end, length);
	mnl_attr_nest_end(message, nest);
}

/* The next value in the order of octets; false past the last one. */
static bool netlink_increment(uint8_t *value, size_t length)
{
	while (length--)
		if (++value[length])
			return true;
	return false;
}

/* A range of a single key is two elements: its first value, and the first one after it, which is left out at the end of
 * the space. */
static void netlink_range(struct nlmsghdr *message, struct ruleset_field *field, size_t length)
{
	netlink_element(message, 0, field->first, NULL, length);
	if (netlink_increment(field->last, length))
		netlink_element(message, NFT_SET_ELEM_INTERVAL_END, field->last, NULL, length);
}

/* A box of a concatenation is one element with two keys. */
static void netlink_box(struct nlmsghdr *message, const struct ruleset_key_type *type,
			const struct ruleset_field *fields)
{
	uint8_t first[RULESET_FIELDS * 16] = { 0 }, last[RULESET_FIELDS * 16] = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < type->count; i++) {
		size_t length = ruleset_field_types[type->fields[i]].length;

		memcpy(first + at, fields[i].first, length);
		memcpy(last + at, fields[i].last, length);
		at += (length + 3) & ~(size_t)3;
	}
	netlink_element(message, 0, first, last, at);
}

static size_t netlink_elements(struct batch *batch, uint16_t flags, const char *table, const struct ruleset_set *set,
			       size_t first)
{
	const struct ruleset_key_type *type = &ruleset_key_types[set->key];
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWSETELEM, flags);
	struct nlattr *list;
	size_t i;

	if (!message)
		return set->count;
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set->name);
	list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (i = first; i < set->count && message->nlmsg_len < ELEMENTS_SIZE; i++) {
		struct ruleset_field fields[RULESET_FIELDS];

		ruleset_element(set, i, fields);
		if (type->count == 1)
			netlink_range(message, &fields[0], ruleset_field_types[type->fields[0]].length);
		else
			netlink_box(message, type, fields);
	}
	mnl_attr_nest_end(message, list);
	batch_close(batch);
	return i;
}

size_t ruleset_netlink_elements(struct batch *batch, const char *table, const struct ruleset_set *set, size_t first)
{
	return netlink_elements(batch, NLM_F_CREATE, table, set, first);
}

void ruleset_netlink_gain(struct batch *batch, const char *table, const struct ruleset_set *gained)
{
	for (size_t i = 0; i < gained->count;)
		i = netlink_elements(batch, NLM_F_CREATE | NLM_F_EXCL, table, gained, i);
}

/* ---- rules ---- */

void ruleset_netlink_rule(struct batch *batch, const char *table, const char *chain, const struct ruleset_rule *model,
			  const struct table_capabilities *capabilities)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	int result = rule ? 0 : -ENOMEM;

	if (rule && message) {
		nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
		nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
		result = ruleset_expr_add(rule, model, capabilities);
		nftnl_rule_nlmsg_build_payload(message, rule);
		batch_close(batch);
	}
	if (result)
		batch_fail(batch, result);
	if (rule)
		nftnl_rule_free(rule);
}
