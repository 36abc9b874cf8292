/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do answers come by, whose, and what of them is lost? */
#include <inttypes.h>
#include <stdio.h>

#include "base/counters.h"
#include "control/doctor_parts.h"
#include "netfilter/ruleset.h"

#define DOT_PORT 853 /* RFC 7858, RFC 9250 */
/* Fewer may be a stray packet, or one client's hard-wired address. */
#define DOCTOR_FEW 3
#define DOCTOR_MANY 20

/* What the record of denials says. */
struct asked {
	uint64_t outbound, unnamed; /* copies: where the policy does not lead; of these, where no answer did */
	uint64_t encrypted; /* DNS over TLS or QUIC */
	const struct denials_record *foreign, *foreign6, *unnamed_last; /* the last one of its kind */
};

static bool take_denial(void *context, const struct denials_record *record)
{
	struct asked *asked = context;
	bool six = record->key.client.family == IPADDR_V6;

	if (record->key.reason == RULESET_REASON_DNS) {
		asked->foreign = asked->foreign ? asked->foreign : record;
		if (six && !asked->foreign6)
			asked->foreign6 = record;
	}
	if (record->key.reason != RULESET_REASON_POLICY)
		return true;
	asked->outbound += record->count;
	asked->encrypted += record->key.port == DOT_PORT ? record->count : 0;
	if (record->named)
		return true;
	asked->unnamed += record->count;
	asked->unnamed_last = asked->unnamed_last ? asked->unnamed_last : record;
	return true;
}

static struct asked read_denials(const struct doctor *doctor)
{
	struct asked asked = { 0 };

	denials_visit(doctor->context->denials, take_denial, &asked);
	return asked;
}

static bool none_seen(void)
{
	return counters.answers == 0 && counters.assist_unrelated == 0 && counters.assist_known == 0;
}

void doctor_dns_seen(struct doctor *doctor)
{
	struct asked asked = read_denials(doctor);
	int64_t uptime = monotime_until(doctor->context->started, doctor->now) / 1000;

	if (!none_seen() || asked.outbound < DOCTOR_FEW)
		return;
	doctor_find(doctor, DOCTOR_ERROR,
		    "let clients ask a resolver on or behind the gateway (DHCP option 6, RA RDNSS) and name it in "
		    "gateway.resolvers; `tcpdump -ni any port 53` shows whom they ask",
		    "no DNS answer of a trusted resolver came by in %" PRId64 " s, although clients connect (%" PRIu64
		    " copies of what they were denied): their resolver may be "
		    "in their own segment, not in gateway.resolvers, or asked over HTTPS",
		    uptime, asked.outbound);
}

static bool answered(const struct resolvers *resolvers, const struct value_range *range)
{
	for (size_t i = 0; i < resolvers->count; i++)
		if (ipaddr_compare(&range->first, &resolvers->seen[i].address) <= 0 &&
		    ipaddr_compare(&resolvers->seen[i].address, &range->last) <= 0)
			return true;
	return false;
}

void doctor_dns_resolvers(struct doctor *doctor)
{
	const struct config_ranges *trusted = &doctor->context->policy->config->resolvers;

	for (unsigned int i = 0; !none_seen() && i < trusted->count; i++)
		if (!answered(doctor->context->resolvers, &trusted->items[i]))
			doctor_find(
				doctor, DOCTOR_NOTE,
				"if clients are told to ask it, ask it from one: `dig @ADDRESS NAME`; else leave it",
				"resolver %s has given no answer that came by, others have", trusted->texts[i]);
}

void doctor_dns_foreign(struct doctor *doctor)
{
	struct asked asked = read_denials(doctor);
	char client[IPADDR_TEXT_SIZE], resolver[IPADDR_TEXT_SIZE];

	if (!asked.foreign)
		return;
	doctor_find(doctor, DOCTOR_WARNING,
		    "name it in gateway.resolvers if you trust it; else tell clients another one (DHCP), or redirect "
		    "port 53 to a trusted one (nft/README.md)",
		    "clients ask resolvers that are not trusted (%" PRIu64 " packets so far): the last was %s, which "
		    "asked %s",
		    doctor->counted.foreign, ipaddr_to_text(&asked.foreign->key.client, client),
		    ipaddr_to_text(&asked.foreign->key.destination, resolver));
}

void doctor_dns_path(struct doctor *doctor)
{
	if (doctor->counted.unlearned_interface)
		doctor_find(doctor, DOCTOR_WARNING,
			    "move the resolver behind another interface, or `resolver-on-client-side = true` if it is "
			    "one of yours; else a client forges answers",
			    "%" PRIu64 " DNS answers with a trusted resolver's address entered by a client interface, "
			    "and taught nothing",
			    doctor->counted.unlearned_interface);
	if (doctor->counted.unlearned_path)
		doctor_find(doctor, DOCTOR_WARNING,
			    "`reverse-path = \"loose\"` with several uplinks; else find who sends them: "
			    "`tcpdump -ni any src port 53`",
			    "%" PRIu64 " DNS answers entered where their receiver lives, or by another way than to "
			    "their resolver, and taught nothing",
			    doctor->counted.unlearned_path);
}

void doctor_dns_unnamed(struct doctor *doctor)
{
	struct asked asked = read_denials(doctor);
	char client[IPADDR_TEXT_SIZE], address[IPADDR_TEXT_SIZE];

	if (asked.encrypted)
		doctor_find(doctor, DOCTOR_NOTE,
			    "none: such clients fall back to plain DNS, but for those that are told not to",
			    "clients try DNS over TLS or QUIC (port 853), which is denied");
	if (none_seen() || asked.unnamed < DOCTOR_MANY || 2 * asked.unnamed < asked.outbound)
		return;
	doctor_find(doctor, DOCTOR_WARNING,
		    "`nfqdnctl denied` lists them; switch DNS over HTTPS off in browsers (use-application-dns.net), or "
		    "allow the addresses",
		    "most of what clients are denied (%" PRIu64 " of %" PRIu64 " copies) are addresses that no answer "
		    "named: hard-wired, or learned by DNS over HTTPS; the last was %s to %s",
		    asked.unnamed, asked.outbound, ipaddr_to_text(&asked.unnamed_last->key.client, client),
		    ipaddr_to_text(&asked.unnamed_last->key.destination, address));
}

static bool trusts_ipv6(const struct config *config)
{
	for (unsigned int i = 0; i < config->resolvers.count; i++)
		if (config->resolvers.items[i].first.family == IPADDR_V6)
			return true;
	return config->resolvers_local;
}

void doctor_dns_ipv6(struct doctor *doctor)
{
	struct asked asked = read_denials(doctor);

	if (doctor->forwards_error[1] < 0 || !doctor->forwards[1] || trusts_ipv6(doctor->context->policy->config))
		return;
	doctor_find(doctor, asked.foreign6 ? DOCTOR_WARNING : DOCTOR_NOTE,
		    "name the IPv6 address of your resolver in gateway.resolvers, or see that no router advertisement "
		    "tells clients one",
		    "IPv6 is forwarded, and no trusted resolver has an IPv6 address: %s",
		    asked.foreign6 ? "clients ask one that is not trusted"
				   : "clients that prefer to ask over IPv6 are denied DNS");
}

static void tell_kernel_drops(struct doctor *doctor)
{
	uint64_t waiting, dropped;

	if (queue_depth(doctor->context->queue, &waiting, &dropped) == 0 && dropped)
		doctor_find(doctor, DOCTOR_WARNING,
			    "a faster machine, or fewer answers that come to nfqdnd (kernel-assist)",
			    "the kernel dropped %" PRIu64 " answers, since the queue was full", dropped);
}

void doctor_dns_queue(struct doctor *doctor)
{
	static const char *const faster = "a faster machine, or fewer answers that come to nfqdnd (kernel-assist)";

	tell_kernel_drops(doctor);
	doctor_count(doctor, &counters.queue_overruns,
		     "times the queue's socket was full, and answers passed unlearned", faster);
	doctor_count(doctor, &counters.queries_lost,
		     "copies of queries were lost (verify = \"query\"): their answers passed unlearned", faster);
	doctor_count(doctor, &counters.answers_dropped,
		     "allowed answers were dropped, since their addresses could not be put into the table",
		     "the log names the reason");
}
