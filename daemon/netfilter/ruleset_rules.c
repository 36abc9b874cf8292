/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains and rules of a policy. nft/README.md tells the same line by line.
 *
 *   hook     priority     chains
 *   forward  filter - 10  snoop_forward -> snoop_path -> snoop_queue: DNS answers are held and read
 *                                          snoop_path -> snoop_unrelated -> snoop_copy: with kernel-assist, copied
 *   output   filter - 10  snoop_output -> snoop_queue, snoop_copy
 *   input    filter - 10  snoop_input: with verify = "query", queries to the gateway itself are copied
 *   forward  filter       egress -> client -> group, group_NAME -> deny: what enters by a client interface
 *   forward  filter + 1   inbound -> guarded -> deny_inbound: what leads to a guarded destination
 *
 * With mode = "mark" two others stand in the place of egress and inbound, and nothing is denied:
 *
 *   prerouting dstnat + 10  mark_prerouting -> mark_client -> client -> group -> mark_allowed: with mark-hook = "prerouting"
 *   forward    mangle       mark_forward -> mark_client -> client -> group -> mark_allowed, and guarded
 *
 * Priorities are those of gateway.priority; these are the defaults.
 * An accept ends one base chain only; the next one of the hook still decides. */
#include <netinet/in.h>
#include <string.h>

#include "base/limits.h"
#include "netfilter/ruleset_model.h"

#define DNS_PORT 53
/* The DNS header behind that of UDP, in bits of the transport header: flags and number of answers (RFC 1035 4.1.1). */
#define DNS_FLAGS_OFFSET 80
#define DNS_ANCOUNT_OFFSET 112
/* QR, OPCODE and RCODE: a response, QUERY, NOERROR. */
#define DNS_FLAGS_MASK 0xf80f
#define DNS_FLAGS_TEACHING 0x8000
/* QR and OPCODE: a query, QUERY. */
#define DNS_QUERY_MASK 0xf800
/* The word of the TCP header that has the flags, in bits, and SYN in it (RFC 9293 3.1). */
#define TCP_FLAGS_OFFSET 96
#define TCP_SYN 0x0002

/* Statements, in nft's order of words. `v` is 0 for IPv4 and 1 for IPv6. */
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

/* `octets`: how much of a packet is copied; 0 all. */
#define LOG(group, octets) STATEMENT(.kind = RULESET_LOG, .number = (group), .value = (octets))
/* Copies of what is denied, told by `text`; more than the limit are denied and counted alone. */
#define REPORTED(text)                                                                                                 \
	STATEMENT(.kind = RULESET_LIMIT, .number = LIMIT_DENIED_RATE, .value = LIMIT_DENIED_BURST),                    \
		STATEMENT(.kind = RULESET_LOG, .number = ruleset_report_group(b->config),                              \
			  .value = LIMIT_DENIED_OCTETS, .name = (text))

struct builder {
	struct ruleset *ruleset;
	const struct config *config;
	bool every_interface; /* no interface is named: a policy that stands in until there is one */
	/* names of static sets; [0] IPv4, [1] IPv6 */
	const char *interfaces, *resolvers[2], *local[2], *clients[2];
};

static struct ruleset_chain *chain_add(struct builder *b, const char *name, enum ruleset_hook hook, int priority)
{
	struct ruleset_chain *chain = arena_alloc(b->ruleset->arena, sizeof(*chain));

	if (!chain) {
		b->ruleset->failed = true;
		return NULL;
	}
	chain->name = name;
	chain->hook = hook;
	chain->priority = priority;
	chain->rules_end = &chain->rules;
	*b->ruleset->chains_end = chain;
	b->ruleset->chains_end = &chain->next;
	return chain;
}

static void rule_add(struct builder *b, struct ruleset_chain *chain, const struct ruleset_statement *statements,
		     size_t count)
{
	struct ruleset_rule *rule = arena_alloc(b->ruleset->arena, sizeof(*rule));
	void *copy = arena_memdup(b->ruleset->arena, statements, count * sizeof(statements[0]));

	if (!chain || !rule || !copy) {
		b->ruleset->failed = true;
		return;
	}
	rule->statements = copy;
	rule->count = count;
	for (size_t i = 0; i < count; i++) {
		rule->report |= statements[i].kind == RULESET_LIMIT;
	}
	*chain->rules_end = rule;
	chain->rules_end = &rule->next;
}

#define RULE(b, chain, ...)                                                                                            \
	rule_add(b, chain, (const struct ruleset_statement[]) { __VA_ARGS__ },                                         \
		 sizeof((const struct ruleset_statement[]) { __VA_ARGS__ }) / sizeof(struct ruleset_statement))

/* Services with ports, and their protocols. */
static const uint8_t port_protos[] = { [RULESET_TCP] = IPPROTO_TCP, [RULESET_UDP] = IPPROTO_UDP };

static const char *service_set(const struct builder *b, const char *prefix, int v, enum ruleset_service service,
			       const char *group)
{
	return ruleset_service_set(b->ruleset, prefix, FAMILY(v), service, group);
}

static bool marking(const struct builder *b)
{
	return policy_mode(b->ruleset->policy) == CONFIG_MARK;
}

/* What would be denied is told, and passes. */
static bool auditing(const struct builder *b)
{
	return policy_mode(b->ruleset->policy) != CONFIG_ENFORCE;
}

/* The end of what the policy allows. */
static struct ruleset_statement allowed(const struct builder *b)
{
	return marking(b) ? GOTO("mark_allowed") : ACCEPT;
}

/* ---- what is denied ---- */

/* What only would be denied has counters of its own: nobody shall take it for dropped. */
#define COUNTED(denied, would) COUNTER(auditing(b) ? (would) : (denied))

/* The end of what is denied, one chain for each reason, so that a flood of one does not hide the others. A TCP client is
 * told by a reset: on an ICMP error Windows waits 21 s (KERNEL 0b). */
static void build_deny(struct builder *b, enum ruleset_reason reason)
{
	static const char *const chains[] = {
		[RULESET_REASON_POLICY] = "deny",          [RULESET_REASON_REPLY] = "deny_reply",
		[RULESET_REASON_SOURCE] = "deny_source",   [RULESET_REASON_DNS] = "deny_dns",
		[RULESET_REASON_INBOUND] = "deny_inbound",
	};
	struct ruleset_chain *chain = chain_add(b, chains[reason], RULESET_UNHOOKED, 0);

	if (reason == RULESET_REASON_INBOUND)
		RULE(b, chain, COUNTED("denied_inbound", "audited_inbound"));
	else
		RULE(b, chain, COUNTED("denied", "audited"));
	RULE(b, chain, REPORTED(ruleset_report_prefixes[auditing(b)][reason]));
	if (auditing(b)) {
		RULE(b, chain, ACCEPT);
		return;
	}
	if (b->config->denied == CONFIG_DROP) {
		RULE(b, chain, DROP);
		return;
	}
	RULE(b, chain, L4PROTO(IPPROTO_TCP), REJECT(RULESET_TCP_RESET));
	RULE(b, chain, REJECT(RULESET_ADMIN_PROHIBITED));
}

static void build_invalid(struct builder *b, struct ruleset_chain *chain)
{
	if (auditing(b))
		RULE(b, chain, CT_STATE(RULESET_INVALID), COUNTER("audited_invalid"), ACCEPT);
	else
		RULE(b, chain, CT_STATE(RULESET_INVALID), COUNTER("invalid"), DROP);
}

/* ---- what clients send ---- */

/* Pings. Their type and code stand in the learned set as a port, which `th sport` reads; `th dport` would read the
 * checksum, which the sender can choose: ICMP must not come to the rules for ports. */
static void build_group_icmp(struct builder *b, struct ruleset_chain *chain, int v, const char *learned,
			     const char *group)
{
	const char *set = service_set(b, "cidr", v, RULESET_ECHO, group);

	RULE(b, chain, ECHO_REQUEST(v), TUPLE(v, learned, DST, PROTO, SPORT), allowed(b));
	if (set)
		RULE(b, chain, ECHO_REQUEST(v), ADDRESS(DST, v, set), allowed(b));
	RULE(b, chain, L4PROTO(ICMP(v)), RETURN);
}

/* What one group may reach. The learned set is asked first: a hash answers faster than intervals. */
static void build_group(struct builder *b, const char *name, const char *group)
{
	struct ruleset_chain *chain = chain_add(b, name, RULESET_UNHOOKED, 0);
	const char *learned[] = { ruleset_name(b->ruleset, "name4", group), ruleset_name(b->ruleset, "name6", group) };
	const char *set;

	for (int v = 0; v < 2; v++)
		build_group_icmp(b, chain, v, learned[v], group);
	for (int v = 0; v < 2; v++) {
		RULE(b, chain, TUPLE(v, learned[v], DST, PROTO, PORT), allowed(b));
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = service_set(b, "cidr", v, s, group)))
				RULE(b, chain, TUPLE_OF(v, port_protos[s], set, DST, PORT), allowed(b));
	}
}

static void build_groups(struct builder *b)
{
	const struct policy *policy = b->ruleset->policy;

	for (size_t i = 0; i < policy->group_count; i++)
		build_group(b, ruleset_name(b->ruleset, "group", policy->groups[i].name), policy->groups[i].name);
}

/* Replies to what inbound let in: the receiver is the source of then. */
static void build_inbound_replies(struct builder *b, struct ruleset_chain *chain)
{
	const char *set;

	for (int v = 0; v < 2; v++) {
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = service_set(b, "from", v, s, "")))
				RULE(b, chain, CT_DIRECTION(RULESET_REPLY),
				     TUPLE_OF(v, port_protos[s], set, DST, SRC, SPORT), ACCEPT);
		if ((set = service_set(b, "from", v, RULESET_ECHO, "")))
			RULE(b, chain, ECHO_REPLY(v), CT_DIRECTION(RULESET_REPLY), TUPLE(v, set, DST, SRC), ACCEPT);
	}
}

/* Replies of clients: only of flows that inbound allows, or whose opener is local. */
static void build_client_replies(struct builder *b, struct ruleset_chain *chain)
{
	for (int v = 0; v < 2; v++)
		RULE(b, chain, CT_DIRECTION(RULESET_REPLY), CT_SADDR(RULESET_ORIGINAL, v, b->local[v]), ACCEPT);
	build_inbound_replies(b, chain);
	if (b->every_interface) { /* answers enter by one of them, too */
		RULE(b, chain, L4PROTO(IPPROTO_UDP), CT_DIRECTION(RULESET_REPLY), CT_PORT(DNS_PORT), ACCEPT);
		RULE(b, chain, L4PROTO(IPPROTO_TCP), CT_DIRECTION(RULESET_REPLY), CT_PORT(DNS_PORT), ACCEPT);
	}
	RULE(b, chain, CT_DIRECTION(RULESET_REPLY), COUNTED("denied_reply", "audited_reply"), GOTO("deny_reply"));
}

static void build_client_destinations(struct builder *b, struct ruleset_chain *chain)
{
	for (int v = 0; v < 2; v++)
		RULE(b, chain, ADDRESS(DST, v, b->local[v]), ACCEPT);
	for (int v = 0; v < 2; v++) {
		RULE(b, chain, ADDRESS(DST, v, b->resolvers[v]), DPORT(IPPROTO_UDP, DNS_PORT), allowed(b));
		RULE(b, chain, ADDRESS(DST, v, b->resolvers[v]), DPORT(IPPROTO_TCP, DNS_PORT), allowed(b));
	}
}

static void build_client_groups(struct builder *b, struct ruleset_chain *chain)
{
	const struct policy *policy = b->ruleset->policy;

	RULE(b, chain, JUMP("group"));
	for (size_t i = 1; i < policy->group_count; i++) {
		const char *name = policy->groups[i].name;
		const char *group = ruleset_name(b->ruleset, "group", name);

		RULE(b, chain, ADDRESS(SRC, 0, ruleset_static_set(b->ruleset, "clients4", name)), JUMP(group));
		RULE(b, chain, ADDRESS(SRC, 1, ruleset_static_set(b->ruleset, "clients6", name)), JUMP(group));
	}
}

/* A family without ranges has an empty set and is denied wholly: a second IPv6 prefix must not be a way out. */
static void build_client_sources(struct builder *b, struct ruleset_chain *chain)
{
	for (int v = 0; v < 2 && b->config->clients.count; v++) {
		if (marking(b))
			RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ADDRESS_NOT(SRC, v, b->clients[v]), ACCEPT);
		RULE(b, chain, ADDRESS_NOT(SRC, v, b->clients[v]), COUNTED("denied_source", "audited_source"),
		     GOTO("deny_source"));
	}
}

static void build_client(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "client", RULESET_UNHOOKED, 0);

	build_invalid(b, chain);
	/* Not the reply direction: a flow that the outside opened must not carry the client's data out (KERNEL 0b). A
	 * flow without a mark has not been allowed so far. */
	if (!marking(b))
		RULE(b, chain, CT_DIRECTION(RULESET_ORIGINAL), CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	for (int v = 0; v < 2; v++)
		RULE(b, chain, L4PROTO(ICMP(v)), CT_STATE(RULESET_RELATED), ACCEPT);
	build_client_replies(b, chain);
	build_client_sources(b, chain);
	build_client_destinations(b, chain);
	build_client_groups(b, chain);
	if (marking(b)) /* told of when it began */
		RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	RULE(b, chain, DPORT(IPPROTO_UDP, DNS_PORT), COUNTED("dns_foreign", "audited_dns_foreign"), GOTO("deny_dns"));
	RULE(b, chain, DPORT(IPPROTO_TCP, DNS_PORT), COUNTED("dns_foreign", "audited_dns_foreign"), GOTO("deny_dns"));
	RULE(b, chain, GOTO("deny"));
}

/* What enters by a client interface goes to chain `name`. */
static void build_entering(struct builder *b, struct ruleset_chain *chain, const char *name)
{
	if (b->every_interface) {
		RULE(b, chain, GOTO(name));
		return;
	}
	RULE(b, chain, IIFNAME(b->interfaces), GOTO(name));
	RULE(b, chain, SDIFNAME(b->interfaces), GOTO(name));
}

static void build_egress(struct builder *b)
{
	build_entering(b, chain_add(b, "egress", RULESET_FORWARD, b->config->priority.egress), "client");
}

/* ---- what leads to guarded destinations ---- */

static void build_guarded(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "guarded", RULESET_UNHOOKED, 0);
	const char *set;

	build_invalid(b, chain);
	for (int v = 0; v < 2; v++) {
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = service_set(b, "from", v, s, "")))
				RULE(b, chain, TUPLE_OF(v, port_protos[s], set, SRC, DST, PORT), allowed(b));
		if ((set = service_set(b, "from", v, RULESET_ECHO, "")))
			RULE(b, chain, ECHO_REQUEST(v), TUPLE(v, set, SRC, DST), allowed(b));
	}
	RULE(b, chain, GOTO("deny_inbound"));
}

static void build_to_guarded(struct builder *b, struct ruleset_chain *chain)
{
	const char *set;

	for (int v = 0; v < 2; v++) {
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = service_set(b, "guarded", v, s, "")))
				RULE(b, chain, TUPLE_OF(v, port_protos[s], set, DST, PORT), GOTO("guarded"));
		if ((set = service_set(b, "guarded", v, RULESET_ECHO, "")))
			RULE(b, chain, ECHO_REQUEST(v), ADDRESS(DST, v, set), GOTO("guarded"));
	}
}

static void build_inbound(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "inbound", RULESET_FORWARD, b->config->priority.inbound);
	const char *set;

	RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	/* Connection tracking takes a flow up by any segment (nf_conntrack_tcp_loose). One of the server's would open a
	 * flow that it cut, or forgot, in reverse, and the other side's data would be replies that nobody judges. */
	for (int v = 0; v < 2; v++)
		if ((set = service_set(b, "guarded", v, RULESET_TCP, "")))
			RULE(b, chain, CT_STATE(RULESET_NEW), RAW_MASKED(TCP_FLAGS_OFFSET, TCP_SYN, 0),
			     TUPLE_OF(v, IPPROTO_TCP, set, SRC, SPORT), COUNTED("invalid", "audited_invalid"),
			     auditing(b) ? ACCEPT : DROP);
	build_to_guarded(b, chain);
}

/* ---- mode = "mark" ---- */

/* The end of what is allowed. In prerouting and in forward alike, the bits of others stay. */
static void build_mark(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "mark_allowed", RULESET_UNHOOKED, 0);

	RULE(b, chain, COUNTER("marked"), SET_MARK, SET_CT_MARK, ACCEPT);
}

/* Packets of clients. Before the way is chosen only the first packet of a flow is judged: a flow that changes its uplink
 * dies. Its replies go the way to the client, which rules for the mark may not know. */
static void build_mark_client(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "mark_client", RULESET_UNHOOKED, 0);

	RULE(b, chain, CLEAR_MARK);
	if (b->config->mark_hook == CONFIG_MARK_FORWARD) {
		RULE(b, chain, GOTO("client"));
		return;
	}
	RULE(b, chain, CT_DIRECTION(RULESET_REPLY), ACCEPT);
	RULE(b, chain, CT_MARKED, SET_MARK, ACCEPT);
	RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	RULE(b, chain, GOTO("client"));
}

static void build_mark_inbound(struct builder *b)
{
	build_to_guarded(b, chain_add(b, "mark_inbound", RULESET_UNHOOKED, 0));
}

static void build_mark_forward(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "mark_forward", RULESET_FORWARD, b->config->priority.mark_forward);

	RULE(b, chain, CT_MARKED, SET_MARK, ACCEPT);
	/* What is established was judged when it began. */
	RULE(b, chain, CT_STATE(RULESET_NEW), JUMP("mark_inbound"));
	if (b->config->mark_hook == CONFIG_MARK_FORWARD)
		build_entering(b, chain, "mark_client");
}

static void build_mark_prerouting(struct builder *b)
{
	struct ruleset_chain *chain =
		chain_add(b, "mark_prerouting", RULESET_PREROUTING, b->config->priority.mark_prerouting);

	/* Here a VRF's port shows itself by iifname; the kernel has no sdifname before forward. */
	if (b->every_interface)
		RULE(b, chain, GOTO("mark_client"));
	else
		RULE(b, chain, IIFNAME(b->interfaces), GOTO("mark_client"));
}

static void build_marking(struct builder *b)
{
	build_mark_forward(b);
	if (b->config->mark_hook == CONFIG_MARK_PREROUTING)
		build_mark_prerouting(b);
}

/* ---- queries ---- */

/* The answering address is a trusted resolver: the reply tuple's source, so that redirected DNS counts by who really
 * answers. */
#define TRUSTED(v) CT_SADDR(RULESET_REPLY, v, b->resolvers[v])

/* The original direction of the flows that are snooped. `iifname` and `oifname` leave the gateway's own lookups alone.
 * What the first octets of a datagram do not tell (a query, QUERY) is not copied; TCP segments all are, as those of
 * answers. */
#define QUERY(proto) L4PROTO(proto), CT_DIRECTION(RULESET_ORIGINAL), CT_PORT(DNS_PORT)
#define COPY_UDP                                                                                                       \
	RAW_MASKED(DNS_FLAGS_OFFSET, DNS_QUERY_MASK, 0), LOG(ruleset_query_group(b->config), LIMIT_QUERY_OCTETS)
#define COPY_TCP LOG(ruleset_query_group(b->config), 0)

/* Copies, so that nothing waits: a held query stalls the one beside it on the same socket. The chain of the input hook
 * is there from the first time on that it is needed. */
static void build_queries(struct builder *b, struct ruleset_chain *forward)
{
	struct ruleset_chain *input = chain_add(b, "snoop_input", RULESET_INPUT, b->config->priority.snoop_input);

	for (int v = 0; v < 2; v++) {
		RULE(b, forward, QUERY(IPPROTO_UDP), TRUSTED(v), COPY_UDP);
		RULE(b, forward, QUERY(IPPROTO_TCP), TRUSTED(v), COPY_TCP);
		RULE(b, input, IIFNAME_NOT_LO, QUERY(IPPROTO_UDP), TRUSTED(v), COPY_UDP);
		RULE(b, input, IIFNAME_NOT_LO, QUERY(IPPROTO_TCP), TRUSTED(v), COPY_TCP);
	}
	if (!b->config->resolvers_local)
		return;
	RULE(b, input, IIFNAME(b->interfaces), QUERY(IPPROTO_UDP), COPY_UDP);
	RULE(b, input, IIFNAME(b->interfaces), QUERY(IPPROTO_TCP), COPY_TCP);
	RULE(b, input, SDIFNAME(b->interfaces), QUERY(IPPROTO_UDP), COPY_UDP);
	RULE(b, input, SDIFNAME(b->interfaces), QUERY(IPPROTO_TCP), COPY_TCP);
}

/* ---- DNS answers ---- */

static void build_snoop_queue(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "snoop_queue", RULESET_UNHOOKED, 0);
	uint16_t first = b->config->queue_first;

	RULE(b, chain, COUNTER("snoop_queued"), QUEUE(first, (uint16_t)(first + b->config->queue_count - 1)));
}

/* The interface by which an answer enters. With resolver-on-client-side one by a client interface must come from where
 * the resolver is, so that at most its own neighbours can forge it. A VRF has no such place: there all ports look alike.
 */
static void build_snoop_interface(struct builder *b, struct ruleset_chain *chain)
{
	if (b->every_interface && !b->config->resolver_on_client_side)
		return;
	if (b->config->resolver_on_client_side)
		RULE(b, chain, IIFNAME(b->interfaces), FIB(RULESET_FIB_SENDER_NOT_THERE),
		     COUNTER("snoop_unlearned_interface"), RETURN);
	else
		RULE(b, chain, IIFNAME(b->interfaces), COUNTER("snoop_unlearned_interface"), RETURN);
	RULE(b, chain, SDIFNAME(b->interfaces), COUNTER("snoop_unlearned_interface"), RETURN);
}

/* Forwarded answers that a client can have made pass unlearned: a client can send itself, or a neighbour, an answer
 * with the resolver's source address, and connection tracking takes it for the reply. */
static void build_believed(struct builder *b, struct ruleset_chain *chain, const char *next)
{
	build_snoop_interface(b, chain);
	if (b->config->reverse_path == CONFIG_STRICT)
		RULE(b, chain, FIB(RULESET_FIB_SENDER_NOT_THERE), COUNTER("snoop_unlearned_path"), RETURN);
	/* The route to the receiver leads out of the VRF that the answer entered by also when its port is another. */
	RULE(b, chain, SDIF, GOTO(next));
	if (b->config->resolver_on_client_side) /* perhaps the receiver's own interface */
		RULE(b, chain, IIFNAME_NOT(b->interfaces), FIB(RULESET_FIB_RECEIVER_THERE),
		     COUNTER("snoop_unlearned_path"), RETURN);
	else
		RULE(b, chain, FIB(RULESET_FIB_RECEIVER_THERE), COUNTER("snoop_unlearned_path"), RETURN);
	RULE(b, chain, GOTO(next));
}

/* Answers that the kernel passes by itself and nothing matches: reports want to know their names. */
static bool copying(const struct builder *b)
{
	return b->ruleset->assist && b->config->report_names == CONFIG_NAMES_ALL;
}

/* Only believed ones, or a client could give names to addresses; more than the limit pass alone. */
static void build_copies(struct builder *b)
{
	struct ruleset_chain *copy = chain_add(b, "snoop_copy", RULESET_UNHOOKED, 0);

	RULE(b, copy, STATEMENT(.kind = RULESET_LIMIT, .number = LIMIT_NAMES_RATE, .value = LIMIT_NAMES_BURST),
	     LOG(ruleset_names_group(b->config), LIMIT_NAMES_OCTETS), RETURN);
	RULE(b, copy, COUNTER("snoop_uncopied"));
	build_believed(b, chain_add(b, "snoop_unrelated", RULESET_UNHOOKED, 0), "snoop_copy");
}

static void build_snoop_path(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "snoop_path", RULESET_UNHOOKED, 0);

	/* What the kernel passes by itself teaches nothing, whoever made it: that comes before what costs more. */
	if (b->ruleset->assist) {
		RULE(b, chain, L4PROTO(IPPROTO_UDP), ASSIST(ASSIST_ASKS_UNRELATED),
		     copying(b) ? GOTO("snoop_unrelated") : RETURN);
		RULE(b, chain, L4PROTO(IPPROTO_UDP), ASSIST(ASSIST_ASKS_KNOWN), RETURN);
	}
	build_believed(b, chain, "snoop_queue");
}

/* The reply on a flow to port 53. One rule a protocol: nft prints a combined one in a form that it cannot read
 * (KERNEL 0b). */
#define REPLY(proto) L4PROTO(proto), CT_DIRECTION(RULESET_REPLY), CT_PORT(DNS_PORT)
/* In a datagram the DNS header tells what cannot teach. A TCP segment may hold any part of any number of messages, and
 * where a flow begins is seen from its first: all come. */
#define TEACHING RAW_MASKED(DNS_FLAGS_OFFSET, DNS_FLAGS_MASK, DNS_FLAGS_TEACHING), RAW_NOT(DNS_ANCOUNT_OFFSET, 0)

static struct ruleset_chain *build_snoop_forward(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "snoop_forward", RULESET_FORWARD, b->config->priority.snoop_forward);

	for (int v = 0; v < 2; v++) {
		RULE(b, chain, REPLY(IPPROTO_UDP), TRUSTED(v), TEACHING, GOTO("snoop_path"));
		RULE(b, chain, REPLY(IPPROTO_TCP), TRUSTED(v), GOTO("snoop_path"));
	}
	return chain;
}

/* What this machine sends itself. A packet that is forwarded through a VRF's device comes by here too, after its way was
 * judged in forward; it has no socket. */
static void build_snoop_output(struct builder *b)
{
	struct ruleset_chain *chain = chain_add(b, "snoop_output", RULESET_OUTPUT, b->config->priority.snoop_output);
	struct ruleset_statement unrelated = copying(b) ? GOTO("snoop_copy") : RETURN;

	for (int v = 0; v < 2; v++) {
		if (b->ruleset->assist) {
			RULE(b, chain, OIFNAME_NOT_LO, REPLY(IPPROTO_UDP), TRUSTED(v), SOCKET, TEACHING,
			     ASSIST(ASSIST_ASKS_UNRELATED), unrelated);
			RULE(b, chain, OIFNAME_NOT_LO, REPLY(IPPROTO_UDP), TRUSTED(v), SOCKET, TEACHING,
			     ASSIST(ASSIST_ASKS_KNOWN), RETURN);
		}
		RULE(b, chain, OIFNAME_NOT_LO, REPLY(IPPROTO_UDP), TRUSTED(v), SOCKET, TEACHING, GOTO("snoop_queue"));
		RULE(b, chain, OIFNAME_NOT_LO, REPLY(IPPROTO_TCP), TRUSTED(v), SOCKET, GOTO("snoop_queue"));
	}
	if (!b->config->resolvers_local)
		return;
	/* whatever the address: one that was redirected, comes and goes, or is of a link */
	if (b->ruleset->assist) {
		RULE(b, chain, OIFNAME(b->interfaces), REPLY(IPPROTO_UDP), SOCKET, TEACHING,
		     ASSIST(ASSIST_ASKS_UNRELATED), unrelated);
		RULE(b, chain, OIFNAME(b->interfaces), REPLY(IPPROTO_UDP), SOCKET, TEACHING, ASSIST(ASSIST_ASKS_KNOWN),
		     RETURN);
	}
	RULE(b, chain, OIFNAME(b->interfaces), REPLY(IPPROTO_UDP), SOCKET, TEACHING, GOTO("snoop_queue"));
	RULE(b, chain, OIFNAME(b->interfaces), REPLY(IPPROTO_TCP), SOCKET, GOTO("snoop_queue"));
}

static void build_snoop(struct builder *b)
{
	struct ruleset_chain *forward = build_snoop_forward(b);

	build_snoop_output(b);
	if (b->config->verify == CONFIG_QUERY)
		build_queries(b, forward);
}

/* ---- all of it ---- */

static bool names_no_interface(const struct config *config)
{
	for (unsigned int i = 0; i < config->interface_count; i++)
		if (config->interfaces[i].wildcard && !config->interfaces[i].name[0])
			return true;
	/* enforce must not mean open */
	return !config->interface_count && config->mode == CONFIG_ENFORCE;
}

/* The chains without a hook. */
static void build_decision(struct builder *b)
{
	for (enum ruleset_reason reason = 0; reason < RULESET_REASONS; reason++)
		build_deny(b, reason);
	if (marking(b))
		build_mark(b);
	build_groups(b);
	build_client(b);
	build_guarded(b);
	if (marking(b)) {
		build_mark_client(b);
		build_mark_inbound(b);
	}
}

static void build_decision_hooks(struct builder *b)
{
	switch (policy_mode(b->ruleset->policy)) {
	case CONFIG_ENFORCE:
	case CONFIG_AUDIT:
		build_egress(b);
		build_inbound(b);
		break;
	case CONFIG_MARK:
		build_marking(b);
		break;
	case CONFIG_SETS:
		break;
	}
}

void ruleset_rules_build(struct ruleset *ruleset)
{
	const struct config *config = ruleset->policy->config;
	struct builder b = {
		.ruleset = ruleset,
		.config = config,
		.every_interface = names_no_interface(config),
		.interfaces = ruleset_static_set(ruleset, "interfaces", ""),
		.resolvers = { ruleset_static_set(ruleset, "resolvers4", ""),
			       ruleset_static_set(ruleset, "resolvers6", "") },
		.local = { ruleset_static_set(ruleset, "local4", ""), ruleset_static_set(ruleset, "local6", "") },
		.clients = { ruleset_static_set(ruleset, "clients4", ""), ruleset_static_set(ruleset, "clients6", "") },
	};

	/* A chain comes after those that it leads to, base chains last: so the kernel has everything but them before
	 * they go in. */
	if (policy_mode(ruleset->policy) != CONFIG_SETS)
		build_decision(&b);
	build_snoop_queue(&b);
	if (copying(&b))
		build_copies(&b);
	build_snoop_path(&b);
	build_snoop(&b);
	build_decision_hooks(&b);
}
