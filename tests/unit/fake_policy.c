/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/fake_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static policy_group_mask asker_groups = 1;

void fake_policy_init(struct fake_policy *fake)
{
	memset(fake, 0, sizeof(*fake));
	for (size_t i = 0; i < FAKE_RULES; i++)
		fake->groups[i].name = "";
	fake->policy.groups = fake->groups;
	fake->policy.group_count = 1;
	fake->policy.rules = fake->rules;
	fake->policy.entries = fake->entries;
	asker_groups = 1;
}

void fake_policy_port(struct fake_policy *fake, size_t rule, const char *port)
{
	const char *why;

	if (value_ports_from_text(port, &fake->ports[rule][fake->rules[rule].port_count++], &why) < 0)
		abort();
}

size_t fake_policy_add(struct fake_policy *fake, uint8_t group, const char *pattern, const char *port)
{
	size_t i = fake->policy.rule_count++;

	fake->policy.entry_count++;
	fake->configs[i].name = pattern;
	fake->entries[i] = (struct policy_entry) { .config = &fake->configs[i],
						   .group = group,
						   .lifetime = { .grace = 60, .min = 300, .max = 86400 } };
	fake->rules[i] =
		(struct policy_rule) { .entry = &fake->entries[i], .pattern = pattern, .ports = fake->ports[i] };
	fake_policy_port(fake, i, port);
	return i;
}

void fake_policy_set_groups(policy_group_mask groups)
{
	asker_groups = groups;
}

policy_group_mask policy_groups_of_asker(const struct policy *policy, const struct ipaddr *asker)
{
	(void)policy;
	(void)asker;
	return asker_groups;
}

static bool matches(const char *pattern, const char *name)
{
	size_t tail = strlen(pattern) - 1, length = strlen(name);

	if (pattern[0] != '*')
		return strcmp(pattern, name) == 0;
	return length > tail && strcmp(name + length - tail, pattern + 1) == 0;
}

size_t policy_match_name(const struct policy *policy, const struct dns_name *name,
			 const struct policy_rule *out[LIMIT_NAME_MATCHES])
{
	char text[DNS_NAME_TEXT_SIZE];
	size_t count = 0;

	dns_name_to_text(name, text);
	for (size_t i = 0; i < policy->rule_count; i++)
		if (matches(policy->rules[i].pattern, text))
			out[count++] = &policy->rules[i];
	return count;
}

/* 10/8 and fd00::/8 stand for all. */
bool policy_address_reserved(const struct policy *policy, const struct ipaddr *address)
{
	(void)policy;
	return address->bytes[0] == (address->family == IPADDR_V4 ? 10 : 0xfd);
}
