/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_expr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_bpf.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "../kmod-optional/nf_fqdn.h"

#define NO_DIRECTION (-1) /* of a connection tracking key that has none */

/* A rule while it is written. nft leaves out of its listing what an expression implies; the implied matches are written
 * here, once a rule. */
struct expr_rule {
	struct nftnl_rule *rule;
	enum table_queue_backend backend;
	const int *programs; /* of eBPF; -1: the module */
	uint8_t nfproto, l4proto; /* already matched; 0 not yet */
	bool failed;
};

/* ---- expressions ---- */

static struct nftnl_expr *expr_add(struct expr_rule *r, const char *name)
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

static void expr_compare(struct expr_rule *r, uint32_t operation, const void *data, uint32_t length)
{
	struct nftnl_expr *expr = expr_add(r, "cmp");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, register_of(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, operation);
	if (nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, data, length) < 0)
		r->failed = true;
}

static void expr_meta(struct expr_rule *r, uint32_t key, unsigned int slot)
{
	struct nftnl_expr *expr = expr_add(r, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, register_of(slot));
}

static void expr_payload(struct expr_rule *r, uint32_t base, uint32_t offset, uint32_t length, unsigned int slot)
{
	struct nftnl_expr *expr = expr_add(r, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, register_of(slot));
}

static void expr_ct(struct expr_rule *r, uint32_t key, int direction, unsigned int slot)
{
	struct nftnl_expr *expr = expr_add(r, "ct");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, key);
	if (direction != NO_DIRECTION)
		nftnl_expr_set_u8(expr, NFTNL_EXPR_CT_DIR, (uint8_t)direction);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, register_of(slot));
}

static void expr_bits(struct expr_rule *r, const void *mask, const void * xor, uint32_t length)
{
	struct nftnl_expr *expr = expr_add(r, "bitwise");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, register_of(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, register_of(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, length);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, mask, length);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, xor, length);
}

static void expr_mask(struct expr_rule *r, const void *mask, uint32_t length)
{
	const uint8_t zero[4] = { 0 };

	expr_bits(r, mask, zero, length);
}

static void expr_lookup(struct expr_rule *r, const struct ruleset_statement *s)
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

static void match_nfproto(struct expr_rule *r, enum ipaddr_family family)
{
	uint8_t nfproto = family == IPADDR_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (r->nfproto == nfproto)
		return;
	r->nfproto = nfproto;
	expr_meta(r, NFT_META_NFPROTO, 0);
	expr_compare(r, NFT_CMP_EQ, &nfproto, sizeof(nfproto));
}

static void match_l4proto(struct expr_rule *r, uint8_t l4proto)
{
	if (r->l4proto == l4proto)
		return;
	r->l4proto = l4proto;
	expr_meta(r, NFT_META_L4PROTO, 0);
	expr_compare(r, NFT_CMP_EQ, &l4proto, sizeof(l4proto));
}

/* ---- statements ---- */

static void statement_iifname(struct expr_rule *r, const struct ruleset_statement *s)
{
	expr_meta(r, NFT_META_IIFNAME, 0);
	expr_lookup(r, s);
}

static void statement_sdifname(struct expr_rule *r, const struct ruleset_statement *s)
{
	expr_meta(r, NFT_META_SDIFNAME, 0);
	expr_lookup(r, s);
}

static void statement_sdif(struct expr_rule *r, const struct ruleset_statement *s)
{
	const uint32_t none = 0;

	(void)s;
	expr_meta(r, NFT_META_SDIF, 0);
	expr_compare(r, NFT_CMP_NEQ, &none, sizeof(none));
}

static void statement_oifname(struct expr_rule *r, const struct ruleset_statement *s)
{
	expr_meta(r, NFT_META_OIFNAME, 0);
	expr_lookup(r, s);
}

/* A packet without a socket has no such key: the rule does not match. */
static void statement_socket(struct expr_rule *r, const struct ruleset_statement *s)
{
	const uint32_t nobody = UINT32_MAX;

	(void)s;
	expr_meta(r, NFT_META_SKUID, 0);
	expr_compare(r, NFT_CMP_NEQ, &nobody, sizeof(nobody));
}

static void statement_not_lo(struct expr_rule *r, const struct ruleset_statement *s)
{
	char name[IFNAMSIZ] = "lo";

	expr_meta(r, s->kind == RULESET_IIFNAME_NOT_LO ? NFT_META_IIFNAME : NFT_META_OIFNAME, 0);
	expr_compare(r, NFT_CMP_NEQ, name, sizeof(name));
}

static void statement_l4proto(struct expr_rule *r, const struct ruleset_statement *s)
{
	match_l4proto(r, s->l4proto);
}

static int direction_of(enum ruleset_direction direction)
{
	return direction == RULESET_ORIGINAL ? IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
}

static void statement_ct_direction(struct expr_rule *r, const struct ruleset_statement *s)
{
	uint8_t direction = (uint8_t)direction_of(s->direction);

	expr_ct(r, NFT_CT_DIRECTION, NO_DIRECTION, 0);
	expr_compare(r, NFT_CMP_EQ, &direction, sizeof(direction));
}

static void statement_ct_state(struct expr_rule *r, const struct ruleset_statement *s)
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

static void statement_ct_port(struct expr_rule *r, const struct ruleset_statement *s)
{
	uint16_t port = htons(s->number);

	expr_ct(r, NFT_CT_PROTO_DST, IP_CT_DIR_ORIGINAL, 0);
	expr_compare(r, NFT_CMP_EQ, &port, sizeof(port));
}

static void statement_ct_address(struct expr_rule *r, const struct ruleset_statement *s)
{
	expr_ct(r, s->family == IPADDR_V4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, direction_of(s->direction), 0);
	expr_lookup(r, s);
}

static void statement_raw_masked(struct expr_rule *r, const struct ruleset_statement *s)
{
	uint16_t mask = htons(s->mask), value = htons(s->value);

	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, s->offset / 8, sizeof(value), 0);
	expr_mask(r, &mask, sizeof(mask));
	expr_compare(r, NFT_CMP_EQ, &value, sizeof(value));
}

static void statement_raw_not(struct expr_rule *r, const struct ruleset_statement *s)
{
	uint16_t value = htons(s->value);

	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, s->offset / 8, sizeof(value), 0);
	expr_compare(r, NFT_CMP_NEQ, &value, sizeof(value));
}

static void statement_fib(struct expr_rule *r, const struct ruleset_statement *s)
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
static unsigned int load_address(struct expr_rule *r, enum ipaddr_family family, bool destination, unsigned int slot)
{
	uint32_t length = (uint32_t)ipaddr_length(family);
	/* saddr stands at 12 (RFC 791) and 8 (RFC 8200), daddr right after it */
	uint32_t offset = (family == IPADDR_V4 ? 12 : 8) + (destination ? length : 0);

	expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offset, length, slot);
	return length / 4;
}

/* Loads one part of a key; returns the registers that it takes. */
static unsigned int load_part(struct expr_rule *r, const struct ruleset_statement *s, enum ruleset_part part,
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
static void statement_lookup(struct expr_rule *r, const struct ruleset_statement *s)
{
	unsigned int slot = 0;

	match_nfproto(r, s->family);
	if (s->l4proto)
		match_l4proto(r, s->l4proto);
	for (size_t i = 0; i < RULESET_FIELDS; i++)
		slot += load_part(r, s, s->parts[i], slot);
	expr_lookup(r, s);
}

static void statement_dport(struct expr_rule *r, const struct ruleset_statement *s)
{
	uint16_t port = htons(s->number);

	match_l4proto(r, s->l4proto);
	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(port), 0);
	expr_compare(r, NFT_CMP_EQ, &port, sizeof(port));
}

static void statement_icmp_echo(struct expr_rule *r, const struct ruleset_statement *s)
{
	bool v4 = s->family == IPADDR_V4, request = s->direction == RULESET_ORIGINAL;
	uint8_t type4 = request ? ICMP_ECHO : ICMP_ECHOREPLY, type6 = request ? ICMPV6_ECHO_REQUEST : ICMPV6_ECHO_REPLY;

	match_nfproto(r, s->family);
	match_l4proto(r, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(type4), 0);
	expr_compare(r, NFT_CMP_EQ, v4 ? &type4 : &type6, sizeof(type4));
}

static void statement_ct_mark(struct expr_rule *r, const struct ruleset_statement *s)
{
	expr_ct(r, NFT_CT_MARK, NO_DIRECTION, 0);
	expr_mask(r, &s->mark, sizeof(s->mark));
	expr_compare(r, s->negated ? NFT_CMP_NEQ : NFT_CMP_EQ, &s->mark, sizeof(s->mark));
}

static void statement_set_ct_mark(struct expr_rule *r, const struct ruleset_statement *s)
{
	const uint32_t others = ~s->mark;
	struct nftnl_expr *expr;

	expr_ct(r, NFT_CT_MARK, NO_DIRECTION, 0);
	expr_bits(r, &others, &s->mark, sizeof(others));
	expr = expr_add(r, "ct");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_SREG, register_of(0));
}

static void statement_set_mark(struct expr_rule *r, const struct ruleset_statement *s)
{
	const uint32_t others = ~s->mark, bits = s->negated ? 0 : s->mark;
	struct nftnl_expr *expr;

	expr_meta(r, NFT_META_MARK, 0);
	expr_bits(r, &others, &bits, sizeof(others));
	expr = expr_add(r, "meta");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_SREG, register_of(0));
}

static void statement_counter(struct expr_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "objref");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	if (nftnl_expr_set_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME, s->name) < 0)
		r->failed = true;
}

static void statement_verdict(struct expr_rule *r, const struct ruleset_statement *s)
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

static void statement_reject(struct expr_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "reject");
	bool reset = s->reject == RULESET_TCP_RESET;

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, reset ? 0 : NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
}

static void statement_queue_native(struct expr_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "queue");

	if (!expr)
		return;
	nftnl_expr_set_u16(expr, NFTNL_EXPR_QUEUE_NUM, s->number);
	nftnl_expr_set_u16(expr, NFTNL_EXPR_QUEUE_TOTAL, (uint16_t)(s->last - s->number + 1));
	nftnl_expr_set_u16(expr, NFTNL_EXPR_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS);
}

/* Revision 3 is in every kernel since 3.15 (KERNEL 3.1). */
static void statement_queue_xtables(struct expr_rule *r, const struct ruleset_statement *s)
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

static void statement_queue(struct expr_rule *r, const struct ruleset_statement *s)
{
	switch (r->backend) {
	case TABLE_QUEUE_NATIVE:
		statement_queue_native(r, s);
		break;
	case TABLE_QUEUE_XTABLES:
		statement_queue_xtables(r, s);
		break;
	}
}

/* Threshold 1: each copy at once (KERNEL 0b). */
static void statement_log(struct expr_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "log");

	if (!expr)
		return;
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, s->number);
	if (s->value)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LOG_SNAPLEN, s->value);
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_QTHRESHOLD, 1);
	if (s->name && nftnl_expr_set_str(expr, NFTNL_EXPR_LOG_PREFIX, s->name) < 0)
		r->failed = true;
}

static void statement_limit(struct expr_rule *r, const struct ruleset_statement *s)
{
	struct nftnl_expr *expr = expr_add(r, "limit");

	if (!expr)
		return;
	nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_RATE, s->number);
	nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_BURST, s->value);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

/* An xtables match. `info`, of malloc(), is taken. */
static void expr_match(struct expr_rule *r, const char *name, uint32_t revision, void *info, uint32_t size)
{
	struct nftnl_expr *expr = info ? expr_add(r, "match") : NULL;

	if (!expr || nftnl_expr_set(expr, NFTNL_EXPR_MT_INFO, info, size) < 0) {
		free(info);
		r->failed = true;
		return;
	}
	nftnl_expr_set_u32(expr, NFTNL_EXPR_MT_REV, revision);
	if (nftnl_expr_set_str(expr, NFTNL_EXPR_MT_NAME, name) < 0)
		r->failed = true;
}

/* The number of a file descriptor means something to the kernel because it takes the rule inside our own system call. */
static void expr_match_program(struct expr_rule *r, int program)
{
	struct xt_bpf_info_v1 *info = calloc(1, sizeof(*info));

	if (info) {
		info->mode = XT_BPF_MODE_FD_ELF;
		info->fd = program;
	}
	expr_match(r, "bpf", 1, info, sizeof(*info));
} /* NOLINT(clang-analyzer-unix.Malloc) */

static void expr_match_module(struct expr_rule *r, const char *instance, enum assist_question question)
{
	static const uint32_t verdicts[] = { [ASSIST_ASKS_UNRELATED] = 1u << NF_FQDN_ERROR | 1u << NF_FQDN_UNRELATED,
					     [ASSIST_ASKS_KNOWN] = 1u << NF_FQDN_PASSED };
	struct xt_fqdn_info *info = NULL;

	if (strlen(instance) < sizeof(info->instance))
		info = calloc(1, sizeof(*info));
	if (info) {
		memcpy(info->instance, instance, strlen(instance));
		info->verdicts = verdicts[question];
	}
	expr_match(r, "fqdn", 0, info, sizeof(*info));
} /* NOLINT(clang-analyzer-unix.Malloc) */

/* For these two nf_tables has no expressions but those of xtables. */
static void statement_assist(struct expr_rule *r, const struct ruleset_statement *s)
{
	if (r->programs[s->question] >= 0)
		expr_match_program(r, r->programs[s->question]);
	else
		expr_match_module(r, s->name, s->question);
}

static void (*const statement_kinds[RULESET_KINDS])(struct expr_rule *r, const struct ruleset_statement *s) = {
	[RULESET_IIFNAME] = statement_iifname,
	[RULESET_SDIFNAME] = statement_sdifname,
	[RULESET_SDIF] = statement_sdif,
	[RULESET_OIFNAME_NOT_LO] = statement_not_lo,
	[RULESET_OIFNAME] = statement_oifname,
	[RULESET_SOCKET] = statement_socket,
	[RULESET_L4PROTO] = statement_l4proto,
	[RULESET_CT_DIRECTION] = statement_ct_direction,
	[RULESET_CT_STATE] = statement_ct_state,
	[RULESET_CT_PORT] = statement_ct_port,
	[RULESET_CT_ADDRESS] = statement_ct_address,
	[RULESET_RAW_MASKED] = statement_raw_masked,
	[RULESET_RAW_NOT] = statement_raw_not,
	[RULESET_FIB] = statement_fib,
	[RULESET_ADDRESS] = statement_lookup,
	[RULESET_DPORT] = statement_dport,
	[RULESET_ICMP_ECHO] = statement_icmp_echo,
	[RULESET_TUPLE] = statement_lookup,
	[RULESET_COUNTER] = statement_counter,
	[RULESET_VERDICT] = statement_verdict,
	[RULESET_REJECT] = statement_reject,
	[RULESET_QUEUE] = statement_queue,
	[RULESET_LOG] = statement_log,
	[RULESET_LIMIT] = statement_limit,
	[RULESET_IIFNAME_NOT_LO] = statement_not_lo,
	[RULESET_ASSIST] = statement_assist,
	[RULESET_CT_MARK] = statement_ct_mark,
	[RULESET_SET_CT_MARK] = statement_set_ct_mark,
	[RULESET_SET_MARK] = statement_set_mark,
};

int ruleset_expr_add(struct nftnl_rule *rule, const struct ruleset_rule *model,
		     const struct table_capabilities *capabilities)
{
	struct expr_rule r = { .rule = rule,
			       .backend = capabilities->queue,
			       .programs = capabilities->assist_programs };

	for (size_t i = 0; i < model->count; i++)
		statement_kinds[model->statements[i].kind](&r, &model->statements[i]);
	return r.failed ? -ENOMEM : 0;
}
