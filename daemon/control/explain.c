/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/explain.h"

#include <stdio.h>

#include "control/describe.h"
#include "control/json.h"

static json_t *rule_json(const struct policy *policy, const struct policy_rule *rule)
{
	json_t *object = json_object();

	control_json_set(&object, "entry", control_json_text(rule->entry->config->name));
	control_json_set(&object, "group", control_json_text(control_describe_group(policy, rule->entry->group)));
	control_json_set(&object, "pattern", control_json_text(rule->pattern));
	control_json_set(&object, "row", control_describe_row(rule->row));
	control_json_set(&object, "ports", control_describe_ports(rule->ports, rule->port_count));
	return object;
}

/* What people miss most: *.x does not mean x (FIELD.md, 1). */
static void add_hint(json_t **object, const struct policy *policy, const struct dns_name *name, const char *text)
{
	char hint[2 * DNS_NAME_TEXT_SIZE + 64];

	if (!pattern_set_is_apex(policy->patterns, name))
		return;
	snprintf(hint, sizeof(hint), "*.%s is allowed, %s itself is not: add it", text, text);
	control_json_set(object, "hint", json_string(hint));
}

json_t *control_explain(const struct policy *policy, const struct dns_name *name, bool *allowed)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t count = policy_match_name(policy, name, rules);
	json_t *object = json_object(), *by = json_array();
	char text[DNS_NAME_TEXT_SIZE];

	dns_name_to_text(name, text);
	for (size_t i = 0; i < count; i++)
		control_json_add(&by, rule_json(policy, rules[i]));
	control_json_set(&object, "name", json_string(text));
	control_json_set(&object, "verdict", json_string(count > 0 ? "allowed" : "denied"));
	control_json_set(&object, "by", by);
	if (count == 0)
		add_hint(&object, policy, name, text);
	*allowed = count > 0;
	return object;
}
