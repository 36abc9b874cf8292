/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy/policy.h without catalog, configuration and compiled patterns: entries put together by hand. */
#ifndef NFQDN_TESTS_FAKE_POLICY_H
#define NFQDN_TESTS_FAKE_POLICY_H

#include "policy/policy.h"

#define FAKE_RULES 32

struct fake_policy {
	struct policy policy;
	struct policy_entry entries[FAKE_RULES];
	struct config_entry configs[FAKE_RULES];
	struct policy_rule rules[FAKE_RULES];
	struct value_ports ports[FAKE_RULES][4];
	struct policy_group groups[FAKE_RULES];
};

/* No rules, group 0 alone. Groups are added by setting policy.group_count and groups[i].name. */
void fake_policy_init(struct fake_policy *fake);
/* Adds an entry of `group` with one pattern ("*.example.com" or a whole name) and one port ("tcp/443"), lifetime 60,
 * 300, 86400; more ports follow with fake_policy_port(). Returns its number. */
size_t fake_policy_add(struct fake_policy *fake, uint8_t group, const char *pattern, const char *port);
void fake_policy_port(struct fake_policy *fake, size_t rule, const char *port);
/* What policy_groups_of_asker() says from now on, whoever asks. */
void fake_policy_set_groups(policy_group_mask groups);

#endif
