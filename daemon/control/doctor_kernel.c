/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel lacks, and what others have put into it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/counters.h"
#include "base/escape.h"
#include "control/doctor_parts.h"

void doctor_kernel_parts(struct doctor *doctor)
{
	const struct control_context *context = doctor->context;
	const struct table_capabilities *capabilities = table_capabilities(context->table);

	if (capabilities->queue == TABLE_QUEUE_XTABLES)
		doctor_find(doctor, DOCTOR_NOTE, "a kernel with CONFIG_NFT_QUEUE, where there is one; this works, too",
			    "the kernel has no `queue` expression: answers come by the xtables target NFQUEUE");
	if (context->denied_why)
		doctor_find(
			doctor, DOCTOR_WARNING,
			"mend what is named, then restart nfqdnd; until then `nfqdnctl status` counts what is denied",
			"`nfqdnctl denied` and `suggest` have nothing to tell: %s", context->denied_why);
	doctor_count(doctor, &counters.assist_errors, "times the kernel's assist could not be told something",
		     "dmesg tells of it; `kernel-assist = \"off\"` does without");
}

void doctor_kernel_forwarding(struct doctor *doctor)
{
	if (doctor->forwards_error[0] < 0 || doctor->forwards[0] || doctor->forwards[1])
		return;
	doctor_find(doctor, DOCTOR_ERROR, "sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
		    "the kernel forwards neither IPv4 nor IPv6: clients reach nothing behind this machine");
}

static void tell_port(struct doctor *doctor)
{
	const struct environment_port *port = &doctor->port;
	char name[4 * IFNAMSIZ], upper[4 * IFNAMSIZ];

	escape_text(name, sizeof(name), port->name, strlen(port->name));
	escape_text(upper, sizeof(upper), port->upper, strlen(port->upper));
	doctor_find(doctor, DOCTOR_ERROR,
		    "name the interface that has the address in gateway.interfaces, not its ports",
		    "%s is a port of the %s %s: what enters there counts as of %s, which gateway.interfaces does not "
		    "name, and is not decided",
		    name, port->kind, upper, upper);
}

void doctor_kernel_interfaces(struct doctor *doctor)
{
	const struct config *config = doctor->context->policy->config;
	unsigned int missing = 0;

	for (unsigned int i = 0; doctor->interfaces && i < config->interface_count; i++)
		missing += !doctor->interfaces[i];
	for (unsigned int i = 0; missing && i < config->interface_count; i++)
		if (!doctor->interfaces[i])
			doctor_find(doctor, missing == config->interface_count ? DOCTOR_ERROR : DOCTOR_WARNING,
				    "ip -br link; then name what is there in gateway.interfaces",
				    "there is no interface %s%s: what enters by another one is not decided%s",
				    config->interfaces[i].name, config->interfaces[i].wildcard ? "*" : "",
				    missing == config->interface_count ? ", and none of gateway.interfaces is there"
								       : "");
	if (doctor->port_error == 0)
		tell_port(doctor);
}

void doctor_kernel_flowtables(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->others.flowtable_count; i++) {
		const struct others_flowtable *flowtable = &doctor->others.flowtables[i];

		if (flowtable->takes_dns)
			doctor_find(doctor, DOCTOR_WARNING,
				    "keep port 53 out, by rules before that which adds flows: \"th dport 53 return\", "
				    "\"th sport 53 return\" "
				    "(nft/README.md)",
				    "flowtable %s may take DNS: packets of its flows meet no chain, so that answers in "
				    "them teach nothing",
				    flowtable->name);
		else if (flowtable->used && doctor->context->policy->config->revoke == CONFIG_CUT)
			doctor_find(doctor, DOCTOR_NOTE, "revoke = \"keep\", or no flowtable",
				    "flowtable %s keeps its flows: revoke = \"cut\" cannot end them", flowtable->name);
	}
}

/* Nothing there lets a packet pass: no doubt. */
static void judge_closed(struct doctor *doctor, const struct others_chain *chain)
{
	doctor_find(doctor, DOCTOR_ERROR,
		    "let that chain accept what enters by gateway.interfaces, and the answers: nfqdn decides it",
		    "chain %s (priority %" PRId32 ") has policy drop and no rule that accepts: it drops all that nfqdn "
		    "allows",
		    chain->name, chain->priority);
}

void doctor_kernel_chains(struct doctor *doctor)
{
	if (doctor->others_error < 0) {
		doctor_find(doctor, DOCTOR_NOTE, "nft list ruleset", "other tables could not be read: %s",
			    strerror(-doctor->others_error));
		return;
	}
	for (size_t i = 0; i < doctor->others.chain_count; i++) {
		const struct others_chain *chain = &doctor->others.chains[i];

		if (chain->policy_drops && !chain->accepts)
			judge_closed(doctor, chain);
		else if (chain->policy_drops || chain->drops)
			doctor_find(doctor, DOCTOR_NOTE,
				    "if something allowed does not pass, look there first: an accept of nfqdn ends its "
				    "own chain only",
				    "chain %s (priority %" PRId32 ") %s: it may drop what nfqdn allows", chain->name,
				    chain->priority,
				    chain->policy_drops ? "has policy drop" : "has rules that drop or reject");
	}
}

void doctor_kernel_table(struct doctor *doctor)
{
	enum table_owner owner = table_owner(doctor->context->table);

	doctor_count(doctor, &counters.table_rebuilt, "times others changed or flushed our table, which was made anew",
		     owner == TABLE_OWNER_US ? "ask who deletes it: `nft monitor`"
					     : "own-table = \"auto\" on Linux 6.9 or later keeps others out; else find "
					       "who flushes the ruleset: `nft monitor`");
	if (owner == TABLE_OWNER_FOUND)
		doctor_find(doctor, DOCTOR_NOTE, "nfqdnd --flush -c FILE, and a start, when it suits",
			    "the table was made by an earlier run without an owner: others can change it");
}
