/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_check.h"

static void check_allow(const struct policy_input *input, const struct config_entry *entry)
{
	bool own = entry->names.count || entry->addresses.count;

	if (!own && !entry->service.text)
		policy_input_tell(input, PROBLEM_ERROR, entry, entry->line, "",
				  "allows nothing; give it a `service`, `names` or `addresses`");
	if (!own && entry->service.text && entry->port_count)
		policy_input_tell(input, PROBLEM_ERROR, entry, entry->ports_line, "ports",
				  "the rows of %.150s carry their own ports; `ports` is for the entry's own `names` and `addresses`, "
				  "and this one has none",
				  entry->service.text);
}

/* Only the first name is told: one explanation does. */
static void check_inbound(const struct policy_input *input, const struct config_entry *entry)
{
	if (entry->names.count)
		policy_input_tell(input, PROBLEM_ERROR, entry, entry->names.items[0].line, "names",
				  "\"%.260s\": a connection that comes in shows an address and no name; write the sources as "
				  "`addresses`",
				  entry->names.items[0].text);
	if (entry->to.count == 0)
		policy_input_tell(input, PROBLEM_ERROR, entry, entry->line, "",
				  "`to` is missing: the addresses of the servers that may be reached, as the gateway forwards to "
				  "them (after destination NAT)");
	if (!entry->service.text && !entry->addresses.count && !entry->also.count && !entry->names.count)
		policy_input_tell(input, PROBLEM_ERROR, entry, entry->line, "",
				  "lets nobody in; give it a `service`, `addresses` or `also`");
}

static void check_lifetime(const struct policy_input *input, const struct policy_entry *entry)
{
	if (entry->lifetime.min > entry->lifetime.max)
		policy_input_tell(input, PROBLEM_ERROR, entry->config, entry->config->line, "lifetime",
				  "`min` (%u s) is above `max` (%u s); what an entry leaves out is taken from gateway.lifetime",
				  entry->lifetime.min, entry->lifetime.max);
}

void policy_check_entry(const struct policy_input *input, const struct policy_entry *entry)
{
	if (entry->config->inbound)
		check_inbound(input, entry->config);
	else
		check_allow(input, entry->config);
	check_lifetime(input, entry);
}
