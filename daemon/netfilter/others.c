/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains first, with those that no hook calls; then all rules, one after the other: what each does is noted at its
 * chain, calls as links between chains. At the end what a chain does is handed on to those that call it. */
#include "netfilter/others.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <string.h>

#include "base/escape.h"
#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"
#include "netfilter/table_query.h"

#define OTHERS_ATTEMPTS 10
#define DNS_PORT 53
/* In older headers than the kernel's. */
#define FLOW_TABLE_NAME 1 /* NFTA_FLOW_TABLE_NAME */

struct chain {
	uint8_t family;
	char table[OTHERS_NAME_SIZE], name[OTHERS_NAME_SIZE];
	bool forwards; /* a base chain of that hook */
	int32_t priority;
	bool policy_drops, accepts, drops;
	/* protocols whose packets from port 53, or to it, come no further than the rules so far */
	uint8_t left_source, left_destination;
};

enum { TCP = 1, UDP = 2 };

struct call {
	size_t caller, callee;
};

struct flowtable {
	uint8_t family;
	char table[OTHERS_NAME_SIZE], name[OTHERS_NAME_SIZE];
	bool used, takes_dns;
};

struct reading {
	const char *own;
	struct nlsock *socket;
	struct chain *chains;
	size_t chain_count;
	struct call *calls;
	size_t call_count;
	struct flowtable *flowtables;
	size_t flowtable_count;
};

/* One more at the end of an array; NULL when memory is out. */
static void *grow(void **items, size_t *count, size_t size)
{
	void *more;

	/* powers of two: their count tells the room */
	if ((*count & (*count - 1)) == 0) {
		more = realloc(*items, (*count ? 2 * *count : 1) * size);
		if (!more)
			return NULL;
		*items = more;
	}
	more = (char *)*items + (*count)++ * size;
	memset(more, 0, size);
	return more;
}

static uint8_t family_of(const struct nlmsghdr *message)
{
	return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
}

/* Of IP, and not ours. */
static bool counts(const struct reading *reading, const struct nlmsghdr *message, const char *table)
{
	uint8_t family = family_of(message);

	if (family == NFPROTO_INET && strcmp(table, reading->own) == 0)
		return false;
	return family == NFPROTO_INET || family == NFPROTO_IPV4 || family == NFPROTO_IPV6;
}

/* ---- chains ---- */

static void take_hook(const struct nlattr *nest, struct chain *chain)
{
	const struct nlattr *hook[NFTA_HOOK_MAX + 1];
	uint32_t number, priority;

	if (!nfattr_parse_nest(nest, hook, NFTA_HOOK_MAX + 1) || !nfattr_u32(hook[NFTA_HOOK_HOOKNUM], &number) ||
	    !nfattr_u32(hook[NFTA_HOOK_PRIORITY], &priority))
		return;
	chain->forwards = number == NF_INET_FORWARD;
	chain->priority = (int32_t)priority;
}

static int visit_chain(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_CHAIN_MAX + 1];
	struct reading *reading = context;
	const char *table, *name;
	struct chain *chain;
	uint32_t policy;

	nfattr_parse(message, attributes, NFTA_CHAIN_MAX + 1);
	if (!nfattr_string(attributes[NFTA_CHAIN_TABLE], &table) ||
	    !nfattr_string(attributes[NFTA_CHAIN_NAME], &name) || !counts(reading, message, table))
		return 0;
	chain = grow((void **)&reading->chains, &reading->chain_count, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	chain->family = family_of(message);
	snprintf(chain->table, sizeof(chain->table), "%s", table);
	snprintf(chain->name, sizeof(chain->name), "%s", name);
	take_hook(attributes[NFTA_CHAIN_HOOK], chain);
	chain->policy_drops = nfattr_u32(attributes[NFTA_CHAIN_POLICY], &policy) && policy == NF_DROP;
	return 0;
}

/* Its index, or the number of chains. */
static size_t find_chain(const struct reading *reading, uint8_t family, const char *table, const char *name)
{
	size_t i = 0;

	while (i < reading->chain_count &&
	       (reading->chains[i].family != family || strcmp(reading->chains[i].name, name) != 0 ||
		strcmp(reading->chains[i].table, table) != 0))
		i++;
	return i;
}

/* ---- flowtables ---- */

static int visit_flowtable(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_FLOWTABLE_MAX + 1];
	struct reading *reading = context;
	const char *table, *name;
	struct flowtable *flowtable;

	nfattr_parse(message, attributes, NFTA_FLOWTABLE_MAX + 1);
	if (!nfattr_string(attributes[NFTA_FLOWTABLE_TABLE], &table) ||
	    !nfattr_string(attributes[NFTA_FLOWTABLE_NAME], &name) || !counts(reading, message, table))
		return 0;
	flowtable = grow((void **)&reading->flowtables, &reading->flowtable_count, sizeof(*flowtable));
	if (!flowtable)
		return -ENOMEM;
	flowtable->family = family_of(message);
	snprintf(flowtable->table, sizeof(flowtable->table), "%s", table);
	snprintf(flowtable->name, sizeof(flowtable->name), "%s", name);
	return 0;
}

/* ---- rules ---- */

/* What the expressions of one rule have said so far. */
struct rule {
	struct reading *reading;
	uint8_t family;
	const char *table;
	size_t chain;
	enum { NOTHING, PROTOCOL, SOURCE_PORT, DESTINATION_PORT, FLOW_PORT } loaded;
	bool spares_source, spares_destination; /* no packet from or to port 53 comes this far */
	uint8_t protocols; /* of TCP and UDP, those that come this far */
	int only; /* the port that must be 53, or NOTHING */
	bool narrowed, ends; /* more is asked than protocols and `only`; a verdict takes the packet away */
};

static void take_call(const struct rule *rule, const char *name)
{
	struct reading *reading = rule->reading;
	size_t callee = find_chain(reading, rule->family, rule->table, name);
	struct call *call = callee < reading->chain_count
				    ? grow((void **)&reading->calls, &reading->call_count, sizeof(*call))
				    : NULL;

	if (call)
		*call = (struct call) { rule->chain, callee };
}

static bool takes_away(uint32_t code)
{
	return code == NF_ACCEPT || code == NF_DROP || (int32_t)code == NFT_RETURN;
}

static void take_immediate(struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *immediate[NFTA_IMMEDIATE_MAX + 1], *value[NFTA_DATA_MAX + 1],
		*verdict[NFTA_VERDICT_MAX + 1];
	struct chain *chain = &rule->reading->chains[rule->chain];
	const char *name;
	uint32_t code;

	if (!nfattr_parse_nest(data, immediate, NFTA_IMMEDIATE_MAX + 1) ||
	    !nfattr_parse_nest(immediate[NFTA_IMMEDIATE_DATA], value, NFTA_DATA_MAX + 1) ||
	    !nfattr_parse_nest(value[NFTA_DATA_VERDICT], verdict, NFTA_VERDICT_MAX + 1) ||
	    !nfattr_u32(verdict[NFTA_VERDICT_CODE], &code))
		return;
	rule->ends |= takes_away(code);
	chain->accepts |= code == NF_ACCEPT;
	chain->drops |= code == NF_DROP;
	if (((int32_t)code == NFT_JUMP || (int32_t)code == NFT_GOTO) &&
	    nfattr_string(verdict[NFTA_VERDICT_CHAIN], &name))
		take_call(rule, name);
}

/* Of TCP and UDP: where the ports stand. */
static void take_payload(struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *payload[NFTA_PAYLOAD_MAX + 1];
	uint32_t base, offset, length;

	rule->loaded = NOTHING;
	if (nfattr_parse_nest(data, payload, NFTA_PAYLOAD_MAX + 1) && nfattr_u32(payload[NFTA_PAYLOAD_BASE], &base) &&
	    nfattr_u32(payload[NFTA_PAYLOAD_OFFSET], &offset) && nfattr_u32(payload[NFTA_PAYLOAD_LEN], &length) &&
	    base == NFT_PAYLOAD_TRANSPORT_HEADER && length == 2 && offset <= 2)
		rule->loaded = offset == 0 ? SOURCE_PORT : DESTINATION_PORT;
	rule->narrowed |= rule->loaded == NOTHING;
}

static void take_meta(struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *meta[NFTA_META_MAX + 1];
	uint32_t key;

	rule->loaded = NOTHING;
	if (nfattr_parse_nest(data, meta, NFTA_META_MAX + 1) && nfattr_u32(meta[NFTA_META_KEY], &key) &&
	    key == NFT_META_L4PROTO)
		rule->loaded = PROTOCOL;
	rule->narrowed |= rule->loaded == NOTHING;
}

static void take_ct(struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *ct[NFTA_CT_MAX + 1];
	const uint8_t *direction;
	size_t length;
	uint32_t key;

	rule->loaded = NOTHING;
	if (nfattr_parse_nest(data, ct, NFTA_CT_MAX + 1) && nfattr_u32(ct[NFTA_CT_KEY], &key) &&
	    key == NFT_CT_PROTO_DST && nfattr_bytes(ct[NFTA_CT_DIRECTION], &direction, &length) && length == 1 &&
	    *direction == IP_CT_DIR_ORIGINAL)
		rule->loaded = FLOW_PORT;
	rule->narrowed |= rule->loaded == NOTHING;
}

static void spare(struct rule *rule)
{
	rule->spares_source |= rule->loaded == SOURCE_PORT || rule->loaded == FLOW_PORT;
	rule->spares_destination |= rule->loaded == DESTINATION_PORT || rule->loaded == FLOW_PORT;
	rule->loaded = NOTHING;
	rule->narrowed = true;
}

static void take_protocol(struct rule *rule, uint32_t op, const uint8_t *octets, size_t length)
{
	rule->loaded = NOTHING;
	if (op == NFT_CMP_EQ && length == 1)
		rule->protocols &= octets[0] == IPPROTO_TCP ? TCP : octets[0] == IPPROTO_UDP ? UDP : 0;
	else
		rule->narrowed = true;
}

/* "== 53" */
static void ask_for_dns(struct rule *rule)
{
	rule->narrowed |= rule->only != NOTHING;
	rule->only = (int)rule->loaded;
	rule->loaded = NOTHING;
}

/* "!= 53", or "==" another one, spares DNS. (nft 1.0.6 makes one comparison, of four octets, of "!= 53" for both ports, which is true
 * of all DNS.) */
static void take_cmp(struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *cmp[NFTA_CMP_MAX + 1];
	const uint8_t *octets;
	uint32_t op;
	size_t length;

	if (rule->loaded == NOTHING || !nfattr_parse_nest(data, cmp, NFTA_CMP_MAX + 1) ||
	    !nfattr_u32(cmp[NFTA_CMP_OP], &op) || !nfattr_data(cmp[NFTA_CMP_DATA], &octets, &length))
		rule->narrowed = true;
	else if (rule->loaded == PROTOCOL)
		take_protocol(rule, op, octets, length);
	else if (length != 2 || (op != NFT_CMP_NEQ && op != NFT_CMP_EQ))
		rule->narrowed = true;
	else if ((op == NFT_CMP_NEQ) == (octets[0] == 0 && octets[1] == DNS_PORT))
		spare(rule);
	else if (op == NFT_CMP_EQ)
		ask_for_dns(rule);
	else
		rule->narrowed = true;
}

static void take_lookup(struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *lookup[NFTA_LOOKUP_MAX + 1];
	struct chain *chain = &rule->reading->chains[rule->chain];
	uint32_t target;

	if (!nfattr_parse_nest(data, lookup, NFTA_LOOKUP_MAX + 1))
		return;
	/* Which protocols or ports the set has is not read: whoever lists them has thought of them. */
	if (rule->loaded != PROTOCOL)
		spare(rule);
	rule->loaded = NOTHING;
	if (nfattr_u32(lookup[NFTA_LOOKUP_DREG], &target) && target == NFT_REG_VERDICT)
		chain->accepts = chain->drops = true; /* a map of verdicts: it may do either */
}

static void take_offload(const struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *offload[FLOW_TABLE_NAME + 1];
	const struct chain *chain = &rule->reading->chains[rule->chain];
	const char *name;

	if (!nfattr_parse_nest(data, offload, FLOW_TABLE_NAME + 1) || !nfattr_string(offload[FLOW_TABLE_NAME], &name))
		return;
	for (size_t i = 0; i < rule->reading->flowtable_count; i++) {
		struct flowtable *flowtable = &rule->reading->flowtables[i];

		if (flowtable->family != rule->family || strcmp(flowtable->table, rule->table) != 0 ||
		    strcmp(flowtable->name, name) != 0)
			continue;
		flowtable->used = true;
		flowtable->takes_dns |= (!rule->spares_source && (rule->protocols & ~chain->left_source)) ||
					(!rule->spares_destination && (rule->protocols & ~chain->left_destination));
	}
}

static void take_reject(struct rule *rule, const struct nlattr *data)
{
	(void)data;
	rule->reading->chains[rule->chain].drops = true;
}

/* iptables-nft writes most targets as verdicts; REJECT is one of xtables. */
static void take_target(struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *target[NFTA_TARGET_MAX + 1];
	const char *name;

	if (nfattr_parse_nest(data, target, NFTA_TARGET_MAX + 1) && nfattr_string(target[NFTA_TARGET_NAME], &name) &&
	    strcmp(name, "REJECT") == 0)
		take_reject(rule, data);
}

static void take_nothing(struct rule *rule, const struct nlattr *data)
{
	(void)rule;
	(void)data;
}

static void take_expression(struct rule *rule, const struct nlattr *nest)
{
	static const struct {
		const char *name;
		void (*take)(struct rule *rule, const struct nlattr *data);
	} kinds[] = {
		{ "immediate", take_immediate },
		{ "payload", take_payload },
		{ "meta", take_meta },
		{ "ct", take_ct },
		{ "cmp", take_cmp },
		{ "lookup", take_lookup },
		{ "reject", take_reject },
		{ "target", take_target },
		{ "counter", take_nothing },
		{ "log", take_nothing },
	};
	const struct nlattr *expression[NFTA_EXPR_MAX + 1];
	const char *name;
	bool known = false;

	if (!nfattr_parse_nest(nest, expression, NFTA_EXPR_MAX + 1) ||
	    !nfattr_string(expression[NFTA_EXPR_NAME], &name))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			kinds[i].take(rule, expression[NFTA_EXPR_DATA]);
			known = true;
		}
	rule->narrowed |= !known;
	if (strcmp(name, "flow_offload") == 0)
		take_offload(rule, expression[NFTA_EXPR_DATA]);
}

/* What no later rule of the chain meets. */
static void take_end(const struct rule *rule)
{
	struct chain *chain = &rule->reading->chains[rule->chain];

	if (!rule->ends || rule->narrowed)
		return;
	if (rule->only != DESTINATION_PORT)
		chain->left_source |= rule->protocols;
	if (rule->only != SOURCE_PORT)
		chain->left_destination |= rule->protocols;
}

static int visit_rule(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_RULE_MAX + 1];
	struct reading *reading = context;
	struct rule rule = { .reading = reading, .family = family_of(message), .protocols = TCP | UDP };
	const char *chain;

	nfattr_parse(message, attributes, NFTA_RULE_MAX + 1);
	if (!nfattr_string(attributes[NFTA_RULE_TABLE], &rule.table) ||
	    !nfattr_string(attributes[NFTA_RULE_CHAIN], &chain) || !counts(reading, message, rule.table))
		return 0;
	rule.chain = find_chain(reading, rule.family, rule.table, chain);
	if (rule.chain == reading->chain_count)
		return 0;
	for (const struct nlattr *one = nfattr_first_in(attributes[NFTA_RULE_EXPRESSIONS]); one;
	     one = nfattr_next_in(attributes[NFTA_RULE_EXPRESSIONS], one))
		take_expression(&rule, one);
	take_end(&rule);
	return 0;
}

/* ---- all of it ---- */

static int dump(struct reading *reading, uint16_t type, int (*visit)(void *context, const struct nlmsghdr *message))
{
	struct table_query query;

	table_query_begin(&query, reading->socket, type, true);
	table_query_family(&query, NFPROTO_UNSPEC);
	return table_query_run(&query, visit, reading);
}

static void forget(struct reading *reading)
{
	free(reading->chains);
	free(reading->calls);
	free(reading->flowtables);
	*reading = (struct reading) { .own = reading->own, .socket = reading->socket };
}

static int read_all(struct reading *reading)
{
	int error = dump(reading, NFT_MSG_GETCHAIN, visit_chain);

	if (error == 0)
		error = dump(reading, NFT_MSG_GETFLOWTABLE, visit_flowtable);
	if (error == 0)
		error = dump(reading, NFT_MSG_GETRULE, visit_rule);
	return error;
}

/* As often as something changes: chains call each other in no circle. */
static void hand_on(struct reading *reading)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < reading->call_count; i++) {
			struct chain *caller = &reading->chains[reading->calls[i].caller];
			const struct chain *callee = &reading->chains[reading->calls[i].callee];

			changed |= (callee->accepts && !caller->accepts) || (callee->drops && !caller->drops);
			caller->accepts |= callee->accepts;
			caller->drops |= callee->drops;
		}
	}
}

/* "a b" of names of others, escaped. */
static void join(char *out, size_t size, const char *a, const char *b)
{
	char first[OTHERS_NAME_SIZE], second[OTHERS_NAME_SIZE];

	escape_text(first, sizeof(first), a, strlen(a));
	escape_text(second, sizeof(second), b, strlen(b));
	snprintf(out, size, "%s %s", first, second);
}

static const char *family_name(uint8_t family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV4 ? "ip" : "ip6";
}

static int tell(const struct reading *reading, struct others *out)
{
	struct others others = { .chains = calloc(reading->chain_count + 1, sizeof(*others.chains)),
				 .flowtables = calloc(reading->flowtable_count + 1, sizeof(*others.flowtables)) };

	if (!others.chains || !others.flowtables) {
		others_free(&others);
		return -ENOMEM;
	}
	for (size_t i = 0; i < reading->chain_count; i++) {
		const struct chain *chain = &reading->chains[i];
		char name[2 * OTHERS_NAME_SIZE];
		struct others_chain *told = &others.chains[others.chain_count];

		if (!chain->forwards)
			continue;
		join(name, sizeof(name), chain->table, chain->name);
		*told = (struct others_chain) { .priority = chain->priority,
						.policy_drops = chain->policy_drops,
						.accepts = chain->accepts,
						.drops = chain->drops };
		snprintf(told->name, sizeof(told->name), "%s %s", family_name(chain->family), name);
		others.chain_count++;
	}
	for (size_t i = 0; i < reading->flowtable_count; i++) {
		const struct flowtable *flowtable = &reading->flowtables[i];
		struct others_flowtable *told = &others.flowtables[others.flowtable_count++];

		join(told->name, sizeof(told->name), flowtable->table, flowtable->name);
		told->used = flowtable->used;
		told->takes_dns = flowtable->takes_dns;
	}
	*out = others;
	return 0;
}

int others_read(const char *own, struct others *out)
{
	struct reading reading = { .own = own };
	int error = nlsock_open(&reading.socket);

	if (error < 0)
		return error;
	error = -EINTR;
	for (int attempt = 0; attempt < OTHERS_ATTEMPTS && error == -EINTR; attempt++) {
		forget(&reading);
		error = read_all(&reading);
	}
	if (error == 0) {
		hand_on(&reading);
		error = tell(&reading, out);
	}
	forget(&reading);
	nlsock_close(reading.socket);
	return error;
}

void others_free(struct others *others)
{
	free(others->chains);
	free(others->flowtables);
	*others = (struct others) { 0 };
}
