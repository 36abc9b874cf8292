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
	control_json_set(&object, "list", control_describe_list(rule->row));
	control_json_set(&object, "version", control_json_text(rule->row ? rule->row->version : NULL));
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

static size_t add_own_rules(json_t **by, const struct policy *policy, const struct dns_name *name)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t count = policy_match_name(policy, name, rules);

	for (size_t i = 0; i < count; i++)
		control_json_add(by, rule_json(policy, rules[i]));
	return count;
}

static size_t add_origin(json_t **by, const struct policy *policy, const struct derived_record *record,
			 struct monotime now)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t count = policy_match_name(policy, &record->origin, rules), added = 0;
	char text[DNS_NAME_TEXT_SIZE];

	dns_name_to_text(&record->origin, text);
	for (size_t i = 0; i < count; i++) {
		json_t *object;

		if (!(record->groups >> rules[i]->entry->group & 1))
			continue;
		object = rule_json(policy, rules[i]);
		control_json_set(&object, "derived_from", json_string(text));
		control_json_set(&object, "expires_in", control_describe_left(now, record->deadline));
		control_json_add(by, object);
		added++;
	}
	return added;
}

static size_t add_origins(json_t **by, const struct control_context *context, const struct dns_name *name,
			  struct monotime now)
{
	struct derived_record origins[LIMIT_DERIVED_ORIGINS];
	size_t count = context->derived ? derived_find(context->derived, name, now, origins) : 0, added = 0;

	for (size_t i = 0; i < count; i++)
		added += add_origin(by, context->policy, &origins[i], now);
	return added;
}

json_t *control_explain(const struct control_context *context, struct monotime now, const struct dns_name *name,
			bool *allowed)
{
	json_t *object = json_object(), *by = json_array();
	size_t count = add_own_rules(&by, context->policy, name);
	char text[DNS_NAME_TEXT_SIZE];

	dns_name_to_text(name, text);
	count += add_origins(&by, context, name, now);
	control_json_set(&object, "name", json_string(text));
	control_json_set(&object, "verdict", json_string(count > 0 ? "allowed" : "denied"));
	control_json_set(&object, "by", by);
	if (count == 0)
		add_hint(&object, context->policy, name, text);
	*allowed = count > 0;
	return object;
}
