/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "../kmod-optional/nf_fqdn.h"
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
	static const uint32_t hooks[] = { [RULESET_FORWARD] = NF_INET_FORWARD,
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

size_t ruleset_netlink_elements(struct batch *batch, const char *table, const struct ruleset_set *set, size_t first)
{
	const struct ruleset_key_type *type = &ruleset_key_types[set->key];
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
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

/* ---- statements ---- */

/* A rule while it is written. nft leaves out of its listing what an expression implies; the implied matches are written
 * here, once a rule. */
struct netlink_rule {
	struct nftnl_rule *rule;
	enum table_queue_backend backend;
	uint8_t nfproto, l4proto; /* already matched; 0 not yet */
	bool failed;
};

static struct nftnl_expr *expr_add(struct netlink_rule *r, const char *name)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	if (!expr) {
		r->failed = true;
		return NULL;
	}
	nftnl_rule_add_expr(r->rule, expr);
	return expr;
}

/* The four octets of register `slot`, 0 .. 15. */
static uint32_t register_of(unsigned int slot)
{
	return NFT_REG32_00 + slot;
}

static void expr_compare(struct netlink_rule *r, uint32_t operation, const void *data, uint32_t length)
{
	struct nftnl_expr *expr = expr_add(r, "cmp");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, register_of(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, operation);
	if (nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, data, length) < 0)
		r->failed = true;
}

static void expr_meta(struct netlink_rule *r, uint32_t key, unsigned int slot)
{
	struct nftnl_expr *expr = expr_add(r, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, register_of(slot));
}

static void expr_payload(struct netlink_rule *r, uint32_t base, uint32_t offset, uint32_t length, unsigned int slot)
{
	struct nftnl_expr *expr = expr_add(r, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, register_of(slot));
}

#define NO_DIRECTION (-1)
static void expr_ct(struct netlink_rule *r, uint32_t key, int direction, unsigned int slot)
{
	struct nftnl_expr *expr = expr_add(r, "ct");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, key);
	if (direction != NO_DIRECTION)
		nftnl_expr_set_u8(expr, NFTNL_EXPR_CT_DIR, (uint8_t)direction);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, register_of(slot));
}

static void expr_mask(struct netlink_rule *r, const void *mask, uint32_t length)
{
	struct nftnl_expr *expr = expr_add(r, "bitwise");
	const uint8_t zero[4] = { 0 };

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, register_of(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, register_of(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, length);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, mask, length);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, zero, length);
}

static void expr_lookup(struct netlink_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "lookup");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, register_of(0));
	if (nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, s->name) < 0)
		r->failed = true;
	if (s->negated)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

static void match_nfproto(struct netlink_rule *r, enum ipaddr_family family)
{
	uint8_t nfproto = family == IPADDR_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (r->nfproto == nfproto)
		return;
	r->nfproto = nfproto;
	expr_meta(r, NFT_META_NFPROTO, 0);
	expr_compare(r, NFT_CMP_EQ, &nfproto, sizeof(nfproto));
}

static void match_l4proto(struct netlink_rule *r, uint8_t l4proto)
{
	if (r->l4proto == l4proto)
		return;
	r->l4proto = l4proto;
	expr_meta(r, NFT_META_L4PROTO, 0);
	expr_compare(r, NFT_CMP_EQ, &l4proto, sizeof(l4proto));
}

static void netlink_iifname(struct netlink_rule *r, const struct ruleset_statement *s)
{
	expr_meta(r, NFT_META_IIFNAME, 0);
	expr_lookup(r, s);
}

static void netlink_sdifname(struct netlink_rule *r, const struct ruleset_statement *s)
{
	expr_meta(r, NFT_META_SDIFNAME, 0);
	expr_lookup(r, s);
}

static void netlink_sdif(struct netlink_rule *r, const struct ruleset_statement *s)
{
	const uint32_t none = 0;

	(void)s;
	expr_meta(r, NFT_META_SDIF, 0);
	expr_compare(r, NFT_CMP_NEQ, &none, sizeof(none));
}

static void netlink_oifname(struct netlink_rule *r, const struct ruleset_statement *s)
{
	expr_meta(r, NFT_META_OIFNAME, 0);
	expr_lookup(r, s);
}

/* A packet without a socket has no such key: the rule does not match. */
static void netlink_socket(struct netlink_rule *r, const struct ruleset_statement *s)
{
	const uint32_t nobody = UINT32_MAX;

	(void)s;
	expr_meta(r, NFT_META_SKUID, 0);
	expr_compare(r, NFT_CMP_NEQ, &nobody, sizeof(nobody));
}

static void netlink_not_lo(struct netlink_rule *r, const struct ruleset_statement *s)
{
	char name[IFNAMSIZ] = "lo";

	expr_meta(r, s->kind == RULESET_IIFNAME_NOT_LO ? NFT_META_IIFNAME : NFT_META_OIFNAME, 0);
	expr_compare(r, NFT_CMP_NEQ, name, sizeof(name));
}

static void netlink_l4proto(struct netlink_rule *r, const struct ruleset_statement *s)
{
	match_l4proto(r, s->l4proto);
}

static int netlink_direction(enum ruleset_direction direction)
{
	return direction == RULESET_ORIGINAL ? IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
}

static void netlink_ct_direction(struct netlink_rule *r, const struct ruleset_statement *s)
{
	uint8_t direction = (uint8_t)netlink_direction(s->direction);

	expr_ct(r, NFT_CT_DIRECTION, NO_DIRECTION, 0);
	expr_compare(r, NFT_CMP_EQ, &direction, sizeof(direction));
}

static void netlink_ct_state(struct netlink_rule *r, const struct ruleset_statement *s)
{
	static const uint32_t states[] = { [RULESET_INVALID] = NF_CT_STATE_INVALID_BIT,
					   [RULESET_NEW] = NF_CT_STATE_BIT(IP_CT_NEW),
					   [RULESET_ESTABLISHED] = NF_CT_STATE_BIT(IP_CT_ESTABLISHED),
					   [RULESET_RELATED] = NF_CT_STATE_BIT(IP_CT_RELATED) };
	const uint32_t zero = 0;

	expr_ct(r, NFT_CT_STATE, NO_DIRECTION, 0);
	expr_mask(r, &states[s->state], sizeof(states[0]));
	expr_compare(r, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static void netlink_ct_port(struct netlink_rule *r, const struct ruleset_statement *s)
{
	uint16_t port = htons(s->number);

	expr_ct(r, NFT_CT_PROTO_DST, IP_CT_DIR_ORIGINAL, 0);
	expr_compare(r, NFT_CMP_EQ, &port, sizeof(port));
}

static void netlink_ct_address(struct netlink_rule *r, const struct ruleset_statement *s)
{
	expr_ct(r, s->family == IPADDR_V4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, netlink_direction(s->direction), 0);
	expr_lookup(r, s);
}

static void netlink_raw_masked(struct netlink_rule *r, const struct ruleset_statement *s)
{
	uint16_t mask = htons(s->mask), value = htons(s->value);

	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, s->offset / 8, sizeof(value), 0);
	expr_mask(r, &mask, sizeof(mask));
	expr_compare(r, NFT_CMP_EQ, &value, sizeof(value));
}

static void netlink_raw_not(struct netlink_rule *r, const struct ruleset_statement *s)
{
	uint16_t value = htons(s->value);

	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, s->offset / 8, sizeof(value), 0);
	expr_compare(r, NFT_CMP_NEQ, &value, sizeof(value));
}

static void netlink_fib(struct netlink_rule *r, const struct ruleset_statement *s)
{
	bool receiver = s->fib == RULESET_FIB_RECEIVER_THERE;
	uint32_t flags = NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT |
			 (receiver ? NFTA_FIB_F_DADDR : NFTA_FIB_F_SADDR | NFTA_FIB_F_MARK);
	struct nftnl_expr *expr = expr_add(r, "fib");
	uint32_t present = receiver;

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_FLAGS, flags);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_DREG, register_of(0));
	expr_compare(r, NFT_CMP_EQ, &present, sizeof(present));
}

/* Loads an address of the network header; returns the registers that it takes. */
static unsigned int load_address(struct netlink_rule *r, enum ipaddr_family family, bool destination, unsigned int slot)
{
	uint32_t length = (uint32_t)ipaddr_length(family);
	/* saddr stands at 12 (RFC 791) and 8 (RFC 8200), daddr right after it */
	uint32_t offset = (family == IPADDR_V4 ? 12 : 8) + (destination ? length : 0);

	expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offset, length, slot);
	return length / 4;
}

/* Loads one part of a key; returns the registers that it takes. */
static unsigned int load_part(struct netlink_rule *r, const struct ruleset_statement *s, enum ruleset_part part,
			      unsigned int slot)
{
	switch (part) {
	case RULESET_PART_NONE:
		return 0;
	case RULESET_PART_SADDR:
		return load_address(r, s->family, false, slot);
	case RULESET_PART_DADDR:
		return load_address(r, s->family, true, slot);
	case RULESET_PART_L4PROTO:
		expr_meta(r, NFT_META_L4PROTO, slot);
		return 1;
	case RULESET_PART_SPORT:
		expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, slot);
		return 1;
	case RULESET_PART_DPORT:
		expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, slot);
		return 1;
	}
	return 0;
}

/* RULESET_ADDRESS and RULESET_TUPLE. */
static void netlink_lookup(struct netlink_rule *r, const struct ruleset_statement *s)
{
	unsigned int slot = 0;

	match_nfproto(r, s->family);
	if (s->l4proto)
		match_l4proto(r, s->l4proto);
	for (size_t i = 0; i < RULESET_FIELDS; i++)
		slot += load_part(r, s, s->parts[i], slot);
	expr_lookup(r, s);
}

static void netlink_dport(struct netlink_rule *r, const struct ruleset_statement *s)
{
	uint16_t port = htons(s->number);

	match_l4proto(r, s->l4proto);
	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(port), 0);
	expr_compare(r, NFT_CMP_EQ, &port, sizeof(port));
}

static void netlink_icmp_echo(struct netlink_rule *r, const struct ruleset_statement *s)
{
	bool v4 = s->family == IPADDR_V4, request = s->direction == RULESET_ORIGINAL;
	uint8_t type4 = request ? ICMP_ECHO : ICMP_ECHOREPLY, type6 = request ? ICMPV6_ECHO_REQUEST : ICMPV6_ECHO_REPLY;

	match_nfproto(r, s->family);
	match_l4proto(r, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(type4), 0);
	expr_compare(r, NFT_CMP_EQ, v4 ? &type4 : &type6, sizeof(type4));
}

static void netlink_counter(struct netlink_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "objref");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	if (nftnl_expr_set_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME, s->name) < 0)
		r->failed = true;
}

static void netlink_verdict(struct netlink_rule *r, const struct ruleset_statement *s)
{
	static const int verdicts[] = { [RULESET_ACCEPT] = NF_ACCEPT,
					[RULESET_DROP] = NF_DROP,
					[RULESET_RETURN] = NFT_RETURN,
					[RULESET_JUMP] = NFT_JUMP,
					[RULESET_GOTO] = NFT_GOTO };
	struct nftnl_expr *expr = expr_add(r, "immediate");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdicts[s->verdict]);
	if (s->name && nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, s->name) < 0)
		r->failed = true;
}

static void netlink_reject(struct netlink_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "reject");
	bool reset = s->reject == RULESET_TCP_RESET;

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, reset ? 0 : NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
}

static void netlink_queue_native(struct netlink_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "queue");

	if (!expr)
		return;
	nftnl_expr_set_u16(expr, NFTNL_EXPR_QUEUE_NUM, s->number);
	nftnl_expr_set_u16(expr, NFTNL_EXPR_QUEUE_TOTAL, (uint16_t)(s->last - s->number + 1));
	nftnl_expr_set_u16(expr, NFTNL_EXPR_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS);
}

/* Revision 3 is in every kernel since 3.15 (KERNEL 3.1). */
static void netlink_queue_xtables(struct netlink_rule *r, const struct ruleset_statement *s)
{
	struct xt_NFQ_info_v3 *info = calloc(1, sizeof(*info));
	struct nftnl_expr *expr = info ? expr_add(r, "target") : NULL;

	if (!expr) {
		free(info);
		r->failed = true;
		return;
	}
	info->queuenum = s->number;
	info->queues_total = (uint16_t)(s->last - s->number + 1);
	info->flags = NFQ_FLAG_BYPASS;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_TG_REV, 3);
	if (nftnl_expr_set_str(expr, NFTNL_EXPR_TG_NAME, "NFQUEUE") < 0)
		r->failed = true;
	/* libnftnl keeps the pointer and frees it, unless it refuses the attribute. */
	if (nftnl_expr_set(expr, NFTNL_EXPR_TG_INFO, info, sizeof(*info)) < 0) {
		free(info);
		r->failed = true;
	}
} /* NOLINT(clang-analyzer-unix.Malloc) */

static void netlink_queue(struct netlink_rule *r, const struct ruleset_statement *s)
{
	switch (r->backend) {
	case TABLE_QUEUE_NATIVE:
		netlink_queue_native(r, s);
		break;
	case TABLE_QUEUE_XTABLES:
		netlink_queue_xtables(r, s);
		break;
	}
}

/* Threshold 1: each copy at once (KERNEL 0b). */
static void netlink_log(struct netlink_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "log");

	if (!expr)
		return;
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, s->number);
	if (s->value)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LOG_SNAPLEN, s->value);
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_QTHRESHOLD, 1);
}

/* The module's own match, for which nf_tables has no expression but that of xtables. */
static void netlink_assist(struct netlink_rule *r, const struct ruleset_statement *s)
{
	struct xt_fqdn_info *info = calloc(1, sizeof(*info));
	struct nftnl_expr *expr = info ? expr_add(r, "match") : NULL;

	if (!expr || strlen(s->name) >= sizeof(info->instance)) {
		free(info);
		r->failed = true;
		return;
	}
	memcpy(info->instance, s->name, strlen(s->name));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_MT_REV, 0);
	if (nftnl_expr_set_str(expr, NFTNL_EXPR_MT_NAME, "fqdn") < 0)
		r->failed = true;
	if (nftnl_expr_set(expr, NFTNL_EXPR_MT_INFO, info, sizeof(*info)) < 0) {
		free(info);
		r->failed = true;
	}
} /* NOLINT(clang-analyzer-unix.Malloc) */

static void (*const netlink_kinds[RULESET_KINDS])(struct netlink_rule *r, const struct ruleset_statement *s) = {
	[RULESET_IIFNAME] = netlink_iifname,
	[RULESET_SDIFNAME] = netlink_sdifname,
	[RULESET_SDIF] = netlink_sdif,
	[RULESET_OIFNAME_NOT_LO] = netlink_not_lo,
	[RULESET_OIFNAME] = netlink_oifname,
	[RULESET_SOCKET] = netlink_socket,
	[RULESET_L4PROTO] = netlink_l4proto,
	[RULESET_CT_DIRECTION] = netlink_ct_direction,
	[RULESET_CT_STATE] = netlink_ct_state,
	[RULESET_CT_PORT] = netlink_ct_port,
	[RULESET_CT_ADDRESS] = netlink_ct_address,
	[RULESET_RAW_MASKED] = netlink_raw_masked,
	[RULESET_RAW_NOT] = netlink_raw_not,
	[RULESET_FIB] = netlink_fib,
	[RULESET_ADDRESS] = netlink_lookup,
	[RULESET_DPORT] = netlink_dport,
	[RULESET_ICMP_ECHO] = netlink_icmp_echo,
	[RULESET_TUPLE] = netlink_lookup,
	[RULESET_COUNTER] = netlink_counter,
	[RULESET_VERDICT] = netlink_verdict,
	[RULESET_REJECT] = netlink_reject,
	[RULESET_QUEUE] = netlink_queue,
	[RULESET_LOG] = netlink_log,
	[RULESET_IIFNAME_NOT_LO] = netlink_not_lo,
	[RULESET_ASSIST] = netlink_assist,
};

void ruleset_netlink_rule(struct batch *batch, const char *table, const char *chain, const struct ruleset_rule *rule,
			  enum table_queue_backend backend)
{
	struct netlink_rule r = { .rule = nftnl_rule_alloc(), .backend = backend };
	struct nlmsghdr *message = batch_open(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

	if (r.rule && message) {
		nftnl_rule_set_str(r.rule, NFTNL_RULE_TABLE, table);
		nftnl_rule_set_str(r.rule, NFTNL_RULE_CHAIN, chain);
		for (size_t i = 0; i < rule->count; i++)
			netlink_kinds[rule->statements[i].kind](&r, &rule->statements[i]);
		nftnl_rule_nlmsg_build_payload(message, r.rule);
		batch_close(batch);
	}
	if (!r.rule || r.failed)
		batch_fail(batch, -ENOMEM);
	if (r.rule)
		nftnl_rule_free(r.rule);
}
