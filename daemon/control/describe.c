/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/describe.h"

#include <netinet/in.h>
#include <stdio.h>

#include "control/json.h"

const char *control_describe_proto(uint8_t l4proto)
{
	switch (l4proto) {
	case IPPROTO_TCP:
		return value_proto_name(VALUE_TCP);
	case IPPROTO_UDP:
		return value_proto_name(VALUE_UDP);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return value_proto_name(VALUE_ICMP);
	default: /* a number of the wire, not an enum of ours */
		return "other";
	}
}

static bool has_ports(uint8_t l4proto)
{
	return l4proto != IPPROTO_ICMP && l4proto != IPPROTO_ICMPV6;
}

json_t *control_describe_port(uint8_t l4proto, uint16_t port)
{
	return has_ports(l4proto) ? json_integer(port) : json_null();
}

void control_describe_element_port(const struct element_key *key, char out[VALUE_PORTS_TEXT_SIZE])
{
	if (has_ports(key->l4proto))
		snprintf(out, VALUE_PORTS_TEXT_SIZE, "%s/%u", control_describe_proto(key->l4proto), key->port);
	else
		snprintf(out, VALUE_PORTS_TEXT_SIZE, "%s", control_describe_proto(key->l4proto));
}

static bool follows(const struct value_ports *range, const struct value_ports *next)
{
	return range->proto == next->proto && next->proto != VALUE_ICMP && range->last < UINT16_MAX &&
	       next->first == range->last + 1;
}

json_t *control_describe_ports(const struct value_ports *ports, size_t count)
{
	json_t *array = json_array();
	char text[VALUE_PORTS_TEXT_SIZE];

	for (size_t i = 0; i < count;) {
		struct value_ports range = ports[i++];

		while (i < count && follows(&range, &ports[i]))
			range.last = ports[i++].last;
		control_json_add(&array, json_string(value_ports_to_text(&range, text)));
	}
	return array;
}

json_t *control_describe_row(const struct catalog_row *row)
{
	char key[LIMIT_CATALOG_KEY];

	return row ? control_json_text(catalog_row_key(row, key, sizeof(key))) : json_null();
}

json_t *control_describe_list(const struct catalog_row *row)
{
	char text[512];

	if (!row || !*row->document)
		return json_null();
	snprintf(text, sizeof(text), "%s%s%s", row->document, *row->version ? ", version " : "", row->version);
	return control_json_text(text);
}

json_t *control_describe_left(struct monotime now, struct monotime deadline)
{
	int64_t left = monotime_until(now, deadline);

	return json_integer(left > 0 ? left / 1000 : 0);
}

const char *control_describe_group(const struct policy *policy, uint8_t group)
{
	return group < policy->group_count ? policy->groups[group].name : "";
}

const char *control_describe_verify(enum config_verify verify)
{
	switch (verify) {
	case CONFIG_FLOW:
		return "flow";
	case CONFIG_QUERY:
		return "query";
	}
	return "";
}

json_t *control_describe_resolvers(const struct config *config)
{
	char text[VALUE_RANGE_TEXT_SIZE];
	json_t *array = json_array();

	if (config->resolvers_local)
		control_json_add(&array, json_string("local"));
	for (unsigned int i = 0; i < config->resolvers.count; i++)
		control_json_add(&array, json_string(value_range_to_text(&config->resolvers.items[i], text)));
	return array;
}

const char *control_describe_mode(enum config_mode mode)
{
	switch (mode) {
	case CONFIG_ENFORCE:
		return "enforce";
	case CONFIG_AUDIT:
		return "audit";
	case CONFIG_MARK:
		return "mark";
	case CONFIG_SETS:
		return "sets";
	}
	return "";
}

bool control_describe_ports_hold(const struct value_ports *ports, size_t count, enum ipaddr_family family,
				 uint8_t l4proto, uint16_t port)
{
	for (size_t i = 0; i < count; i++) {
		if (value_proto_number(ports[i].proto, family) != l4proto)
			continue;
		if (ports[i].proto == VALUE_ICMP || (ports[i].first <= port && port <= ports[i].last))
			return true;
	}
	return false;
}

bool control_describe_rule_brings(const struct policy_rule *rule, const struct element_key *key)
{
	return rule->entry->group == key->group &&
	       control_describe_ports_hold(rule->ports, rule->port_count, key->address.family, key->l4proto, key->port);
}
