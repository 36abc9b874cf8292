/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of rules share: the ruleset that is being built, and statements in nft's order of words. For ruleset_*.c
 * alone. */
#ifndef NFQDN_NETFILTER_RULESET_BUILDER_H
#define NFQDN_NETFILTER_RULESET_BUILDER_H

#include <netinet/in.h>

#include "base/limits.h"
#include "netfilter/ruleset_model.h"

#define DNS_PORT 53

struct ruleset_builder {
	struct ruleset *ruleset;
	const struct config *config;
	bool every_interface; /* no interface is named: a policy that stands in until there is one */
	/* names of static sets; [0] IPv4, [1] IPv6 */
	const char *interfaces, *resolvers[2], *local[2], *clients[2];
};

/* A chain behind those there are, without rules. NULL and the ruleset's `failed` when memory is out. */
struct ruleset_chain *ruleset_builder_chain(struct ruleset_builder *b, const char *name, enum ruleset_hook hook,
					    int priority);
/* Appends a rule of these statements, which are copied. `failed` when memory is out, or was for the chain, which may be NULL. */
void ruleset_builder_rule(struct ruleset_builder *b, struct ruleset_chain *chain,
			  const struct ruleset_statement *statements, size_t count);
#define RULE(b, chain, ...)                                                                                            \
	ruleset_builder_rule(b, chain, (const struct ruleset_statement[]) { __VA_ARGS__ },                             \
			     sizeof((const struct ruleset_statement[]) { __VA_ARGS__ }) /                              \
				     sizeof(struct ruleset_statement))

/* Services with ports, and their protocols. */
extern const uint8_t ruleset_builder_protos[];
/* The static set of a service and group (ruleset_service_set()), `v` as in the statements below; NULL: it would be empty. */
const char *ruleset_builder_set(const struct ruleset_builder *b, const char *prefix, int v,
				enum ruleset_service service, const char *group);
/* mode = "mark" */
bool ruleset_builder_marks(const struct ruleset_builder *b);
/* What would be denied is told, and passes. */
bool ruleset_builder_audits(const struct ruleset_builder *b);
/* The end of what the policy allows. */
struct ruleset_statement ruleset_builder_allowed(const struct ruleset_builder *b);

/* Statements, in nft's order of words. `v` is 0 for IPv4 and 1 for IPv6; some read the builder `b` where they stand. */
#define FAMILY(v) ((v) ? IPADDR_V6 : IPADDR_V4)
#define ICMP(v) ((v) ? IPPROTO_ICMPV6 : IPPROTO_ICMP)
#define STATEMENT(...) ((struct ruleset_statement) { __VA_ARGS__ })
#define IIFNAME(set) STATEMENT(.kind = RULESET_IIFNAME, .name = (set))
#define IIFNAME_NOT(set) STATEMENT(.kind = RULESET_IIFNAME, .negated = true, .name = (set))
/* A port of a VRF is not seen by iifname in forward, which tells the VRF. */
#define SDIFNAME(set) STATEMENT(.kind = RULESET_SDIFNAME, .name = (set))
#define SDIF STATEMENT(.kind = RULESET_SDIF)
#define OIFNAME_NOT_LO STATEMENT(.kind = RULESET_OIFNAME_NOT_LO)
#define IIFNAME_NOT_LO STATEMENT(.kind = RULESET_IIFNAME_NOT_LO)
#define OIFNAME(set) STATEMENT(.kind = RULESET_OIFNAME, .name = (set))
#define SOCKET STATEMENT(.kind = RULESET_SOCKET)
#define L4PROTO(proto) STATEMENT(.kind = RULESET_L4PROTO, .l4proto = (proto))
#define CT_DIRECTION(which) STATEMENT(.kind = RULESET_CT_DIRECTION, .direction = (which))
#define CT_STATE(which) STATEMENT(.kind = RULESET_CT_STATE, .state = (which))
#define CT_PORT(port) STATEMENT(.kind = RULESET_CT_PORT, .number = (port))
#define CT_SADDR(way, v, set)                                                                                          \
	STATEMENT(.kind = RULESET_CT_ADDRESS, .direction = (way), .family = FAMILY(v), .name = (set))
#define RAW_MASKED(at, and, is) STATEMENT(.kind = RULESET_RAW_MASKED, .offset = (at), .mask = (and), .value = (is))
#define RAW_NOT(at, is) STATEMENT(.kind = RULESET_RAW_NOT, .offset = (at), .value = (is))
#define FIB(which) STATEMENT(.kind = RULESET_FIB, .fib = (which))
#define ADDRESS(which, v, set)                                                                                         \
	STATEMENT(.kind = RULESET_ADDRESS, .family = FAMILY(v), .parts = { (which) }, .name = (set))
#define ADDRESS_NOT(which, v, set)                                                                                     \
	STATEMENT(.kind = RULESET_ADDRESS, .negated = true, .family = FAMILY(v), .parts = { (which) }, .name = (set))
#define DPORT(proto, port) STATEMENT(.kind = RULESET_DPORT, .l4proto = (proto), .number = (port))
#define ECHO_REQUEST(v) STATEMENT(.kind = RULESET_ICMP_ECHO, .direction = RULESET_ORIGINAL, .family = FAMILY(v))
#define ECHO_REPLY(v) STATEMENT(.kind = RULESET_ICMP_ECHO, .direction = RULESET_REPLY, .family = FAMILY(v))
#define TUPLE(v, set, ...)                                                                                             \
	STATEMENT(.kind = RULESET_TUPLE, .family = FAMILY(v), .name = (set), .parts = { __VA_ARGS__ })
/* The same with ports of this protocol. */
#define TUPLE_OF(v, proto, set, ...)                                                                                   \
	STATEMENT(.kind = RULESET_TUPLE, .family = FAMILY(v), .l4proto = (proto), .name = (set),                       \
		  .parts = { __VA_ARGS__ })
#define SRC RULESET_PART_SADDR
#define DST RULESET_PART_DADDR
#define PROTO RULESET_PART_L4PROTO
#define SPORT RULESET_PART_SPORT
#define PORT RULESET_PART_DPORT
#define COUNTER(counter) STATEMENT(.kind = RULESET_COUNTER, .name = (counter))
#define ACCEPT STATEMENT(.kind = RULESET_VERDICT, .verdict = RULESET_ACCEPT)
#define DROP STATEMENT(.kind = RULESET_VERDICT, .verdict = RULESET_DROP)
#define RETURN STATEMENT(.kind = RULESET_VERDICT, .verdict = RULESET_RETURN)
#define JUMP(chain) STATEMENT(.kind = RULESET_VERDICT, .verdict = RULESET_JUMP, .name = (chain))
#define GOTO(chain) STATEMENT(.kind = RULESET_VERDICT, .verdict = RULESET_GOTO, .name = (chain))
#define REJECT(how) STATEMENT(.kind = RULESET_REJECT, .reject = (how))
#define CT_MARKED STATEMENT(.kind = RULESET_CT_MARK, .mark = b->config->mark)
#define SET_CT_MARK STATEMENT(.kind = RULESET_SET_CT_MARK, .mark = b->config->mark)
#define SET_MARK STATEMENT(.kind = RULESET_SET_MARK, .mark = b->config->mark)
#define CLEAR_MARK STATEMENT(.kind = RULESET_SET_MARK, .negated = true, .mark = b->config->mark)
#define ASSIST(what) STATEMENT(.kind = RULESET_ASSIST, .question = (what), .name = b->config->table)
#define QUEUE(first, end) STATEMENT(.kind = RULESET_QUEUE, .number = (first), .last = (end))
/* What only would be denied has counters of its own: nobody shall take it for dropped. */
#define COUNTED(denied, would) COUNTER(ruleset_builder_audits(b) ? (would) : (denied))

/* `octets`: how much of a packet is copied; 0 all. */
#define LOG(group, octets) STATEMENT(.kind = RULESET_LOG, .number = (group), .value = (octets))
/* Copies of what is denied, told by `text`; more than the limit are denied and counted alone. */
#define REPORTED(text)                                                                                                 \
	STATEMENT(.kind = RULESET_LIMIT, .number = LIMIT_DENIED_RATE, .value = LIMIT_DENIED_BURST),                    \
		STATEMENT(.kind = RULESET_LOG, .number = ruleset_report_group(b->config),                              \
			  .value = LIMIT_DENIED_OCTETS, .name = (text))

#endif
