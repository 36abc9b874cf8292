/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_deny.h"

/* The end of what is denied, one chain for each reason, so that a flood of one does not hide the others. A TCP client is
 * told by a reset: on an ICMP error Windows waits 21 s (KERNEL 0b). */
static void build_deny(struct ruleset_builder *b, enum ruleset_reason reason)
{
	static const char *const chains[] = {
		[RULESET_REASON_POLICY] = "deny",          [RULESET_REASON_REPLY] = "deny_reply",
		[RULESET_REASON_SOURCE] = "deny_source",   [RULESET_REASON_DNS] = "deny_dns",
		[RULESET_REASON_INBOUND] = "deny_inbound",
	};
	struct ruleset_chain *chain = ruleset_builder_chain(b, chains[reason], RULESET_UNHOOKED, 0);

	if (reason == RULESET_REASON_INBOUND)
		RULE(b, chain, COUNTED("denied_inbound", "audited_inbound"));
	else
		RULE(b, chain, COUNTED("denied", "audited"));
	RULE(b, chain, REPORTED(ruleset_report_prefixes[ruleset_builder_audits(b)][reason]));
	if (ruleset_builder_audits(b)) {
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

void ruleset_deny_invalid(struct ruleset_builder *b, struct ruleset_chain *chain)
{
	if (ruleset_builder_audits(b))
		RULE(b, chain, CT_STATE(RULESET_INVALID), COUNTER("audited_invalid"), ACCEPT);
	else
		RULE(b, chain, CT_STATE(RULESET_INVALID), COUNTER("invalid"), DROP);
}

void ruleset_deny_build(struct ruleset_builder *b)
{
	for (enum ruleset_reason reason = 0; reason < RULESET_REASONS; reason++)
		build_deny(b, reason);
}
