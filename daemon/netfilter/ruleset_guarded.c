/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_guarded.h"

#include "netfilter/ruleset_deny.h"

/* The word of the TCP header that has the flags, in bits, and SYN in it (RFC 9293 3.1). */
#define TCP_FLAGS_OFFSET 96
#define TCP_SYN 0x0002

void ruleset_guarded_replies(struct ruleset_builder *b, struct ruleset_chain *chain)
{
	const char *set;

	for (int v = 0; v < 2; v++) {
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = ruleset_builder_set(b, "from", v, s, "")))
				RULE(b, chain, CT_DIRECTION(RULESET_REPLY),
				     TUPLE_OF(v, ruleset_builder_protos[s], set, DST, SRC, SPORT), ACCEPT);
		if ((set = ruleset_builder_set(b, "from", v, RULESET_ECHO, "")))
			RULE(b, chain, ECHO_REPLY(v), CT_DIRECTION(RULESET_REPLY), TUPLE(v, set, DST, SRC), ACCEPT);
	}
}

void ruleset_guarded_build(struct ruleset_builder *b)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, "guarded", RULESET_UNHOOKED, 0);
	const char *set;

	ruleset_deny_invalid(b, chain);
	for (int v = 0; v < 2; v++) {
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = ruleset_builder_set(b, "from", v, s, "")))
				RULE(b, chain, TUPLE_OF(v, ruleset_builder_protos[s], set, SRC, DST, PORT),
				     ruleset_builder_allowed(b));
		if ((set = ruleset_builder_set(b, "from", v, RULESET_ECHO, "")))
			RULE(b, chain, ECHO_REQUEST(v), TUPLE(v, set, SRC, DST), ruleset_builder_allowed(b));
	}
	RULE(b, chain, GOTO("deny_inbound"));
}

void ruleset_guarded_lead(struct ruleset_builder *b, struct ruleset_chain *chain)
{
	const char *set;

	for (int v = 0; v < 2; v++) {
		for (enum ruleset_service s = RULESET_TCP; s < RULESET_ECHO; s++)
			if ((set = ruleset_builder_set(b, "guarded", v, s, "")))
				RULE(b, chain, TUPLE_OF(v, ruleset_builder_protos[s], set, DST, PORT), GOTO("guarded"));
		if ((set = ruleset_builder_set(b, "guarded", v, RULESET_ECHO, "")))
			RULE(b, chain, ECHO_REQUEST(v), ADDRESS(DST, v, set), GOTO("guarded"));
	}
}

void ruleset_guarded_hook(struct ruleset_builder *b)
{
	struct ruleset_chain *chain = ruleset_builder_chain(b, "inbound", RULESET_FORWARD, b->config->priority.inbound);
	const char *set;

	RULE(b, chain, CT_STATE(RULESET_ESTABLISHED), ACCEPT);
	/* Connection tracking takes a flow up by any segment (nf_conntrack_tcp_loose). One of the server's would open a
	 * flow that it cut, or forgot, in reverse, and the other side's data would be replies that nobody judges. */
	for (int v = 0; v < 2; v++)
		if ((set = ruleset_builder_set(b, "guarded", v, RULESET_TCP, "")))
			RULE(b, chain, CT_STATE(RULESET_NEW), RAW_MASKED(TCP_FLAGS_OFFSET, TCP_SYN, 0),
			     TUPLE_OF(v, IPPROTO_TCP, set, SRC, SPORT), COUNTED("invalid", "audited_invalid"),
			     ruleset_builder_audits(b) ? ACCEPT : DROP);
	ruleset_guarded_lead(b, chain);
}
