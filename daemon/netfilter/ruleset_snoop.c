/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_snoop.h"

/* The DNS header behind that of UDP, in bits of the transport header: flags and number of answers (RFC 1035 4.1.1). */
#define DNS_FLAGS_OFFSET 80
#define DNS_ANCOUNT_OFFSET 112
/* QR, OPCODE and RCODE: a response, QUERY, NOERROR. */
#define DNS_FLAGS_MASK 0xf80f
#define DNS_FLAGS_TEACHING 0x8000
/* QR and OPCODE: a query, QUERY. */
#define DNS_QUERY_MASK 0xf800

/* The answering address is a trusted resolver: the reply tuple's source, so that redirected DNS counts by who really
 * answers. */
#define TRUSTED(v) CT_SADDR(RULESET_REPLY, v, b->resolvers[v])

/* ---- queries ---- */

/* The original direction of the flows that are snooped. `iifname` and `oifname` leave the gateway's own lookups alone.
 * What the first octets of a datagram do not tell (a query, QUERY) is not copied; TCP segments all are, as those of
 * answers. */
#define QUERY(proto) L4PROTO(proto), CT_DIRECTION(RULESET_ORIGINAL), CT_PORT(DNS_PORT)
#define COPY_UDP                                                                                                       \
	RAW_MASKED(DNS_FLAGS_OFFSET, DNS_QUERY_MASK, 0), LOG(ruleset_query_group(b->config), LIMIT_QUERY_OCTETS)
#define COPY_TCP LOG(ruleset_query_group(b->config), 0)

/* Copies, so that nothing waits: a held query stalls the one beside it on the same socket. The chain of the input hook
 * is there from the first time on that it is needed. */
static void build_queries(struct ruleset_builder *b, struct ruleset_chain *forward)
{
	struct ruleset_chain *input =
		ruleset_builder_chain(b, "snoop_input", RULESET_INPUT, b->config->priority.snoop_input);

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

static void build_snoop_queue(struct ruleset_builder *b)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, "snoop_queue", RULESET_UNHOOKED, 0);
	uint16_t first = b->config->queue_first;

	RULE(b, chain, COUNTER("snoop_queued"), QUEUE(first, (uint16_t)(first + b->config->queue_count - 1)));
}

/* The interface by which an answer enters. With resolver-on-client-side one by a client interface must come from where
 * the resolver is, so that at most its own neighbours can forge it. A VRF has no such place: there all ports look alike.
 */
static void build_snoop_interface(struct ruleset_builder *b, struct ruleset_chain *chain)
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
static void build_believed(struct ruleset_builder *b, struct ruleset_chain *chain, const char *next)
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
static bool copying(const struct ruleset_builder *b)
{
	return b->ruleset->assist && b->config->report_names == CONFIG_NAMES_ALL;
}

/* Only believed ones, or a client could give names to addresses; more than the limit pass alone. */
static void build_copies(struct ruleset_builder *b)
{
	struct ruleset_chain *copy = ruleset_builder_chain(b, "snoop_copy", RULESET_UNHOOKED, 0);

	RULE(b, copy, STATEMENT(.kind = RULESET_LIMIT, .number = LIMIT_NAMES_RATE, .value = LIMIT_NAMES_BURST),
	     LOG(ruleset_names_group(b->config), LIMIT_NAMES_OCTETS), RETURN);
	RULE(b, copy, COUNTER("snoop_uncopied"));
	build_believed(b, ruleset_builder_chain(b, "snoop_unrelated", RULESET_UNHOOKED, 0), "snoop_copy");
}

static void build_snoop_path(struct ruleset_builder *b)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, "snoop_path", RULESET_UNHOOKED, 0);

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

/* All that is forwarded comes by the chain of the hook: two rules there, the rest for DNS alone. */
static struct ruleset_chain *build_snoop_forward(struct ruleset_builder *b)
{
	struct ruleset_chain *udp = ruleset_builder_chain(b, "snoop_udp", RULESET_UNHOOKED, 0);
	struct ruleset_chain *tcp = ruleset_builder_chain(b, "snoop_tcp", RULESET_UNHOOKED, 0);
	struct ruleset_chain *chain =
		ruleset_builder_chain(b, "snoop_forward", RULESET_FORWARD, b->config->priority.snoop_forward);

	for (int v = 0; v < 2; v++) {
		RULE(b, udp, TRUSTED(v), TEACHING, GOTO("snoop_path"));
		RULE(b, tcp, TRUSTED(v), GOTO("snoop_path"));
	}
	RULE(b, chain, REPLY(IPPROTO_UDP), GOTO("snoop_udp"));
	RULE(b, chain, REPLY(IPPROTO_TCP), GOTO("snoop_tcp"));
	return chain;
}

/* What this machine sends itself. A packet that is forwarded through a VRF's device comes by here too, after its way was
 * judged in forward; it has no socket. */
static void build_snoop_output(struct ruleset_builder *b)
{
	struct ruleset_chain *chain =
		ruleset_builder_chain(b, "snoop_output", RULESET_OUTPUT, b->config->priority.snoop_output);
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

void ruleset_snoop_build(struct ruleset_builder *b)
{
	struct ruleset_chain *forward;

	build_snoop_queue(b);
	if (copying(b))
		build_copies(b);
	build_snoop_path(b);
	forward = build_snoop_forward(b);
	build_snoop_output(b);
	if (b->config->verify == CONFIG_QUERY)
		build_queries(b, forward);
}
