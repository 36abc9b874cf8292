/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_rules.h"

#include <errno.h>

/* The names of an entry, or of one of its rows, while their ports are expanded. */
struct expansion {
	const struct policy_input *input;
	const struct policy_entry *entry;
	const struct catalog_row *row;
	struct policy_list ports; /* of struct value_ports, single */
};

static int add_port(struct policy_list *ports, enum value_proto proto, uint16_t port)
{
	const struct value_ports *items = ports->items;

	for (size_t i = 0; i < ports->count; i++)
		if (items[i].proto == proto && items[i].first == port)
			return 0;
	return policy_list_add(ports, &(struct value_ports) { proto, port, port }) ? 0 : -ENOMEM;
}

/* A list may carry ranges that were meant for addresses; those of the configuration were refused when it was read. */
static void tell_too_many(const struct expansion *expansion, const struct value_ports *ports)
{
	const struct config_entry *entry = expansion->entry->config;
	char text[VALUE_PORTS_TEXT_SIZE], key[LIMIT_CATALOG_KEY];

	policy_input_tell(expansion->input, PROBLEM_WARNING, entry, entry->service.line, "service",
			  "%s: %s is left out for its names, which have at most %d ports",
			  catalog_row_key(expansion->row, key, sizeof(key)), value_ports_to_text(ports, text),
			  LIMIT_NAME_PORTS);
}

static int expand(struct expansion *expansion, const struct value_ports *ports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (expansion->row && expansion->ports.count + ports[i].last - ports[i].first + 1 > LIMIT_NAME_PORTS) {
			tell_too_many(expansion, &ports[i]);
			continue;
		}
		for (uint32_t port = ports[i].first; port <= ports[i].last; port++)
			if (add_port(&expansion->ports, ports[i].proto, (uint16_t)port))
				return -ENOMEM;
	}
	return 0;
}

static int add_rule(const struct expansion *expansion, const struct value_ports *ports, const char *pattern,
		    struct policy_list *rules)
{
	struct policy_rule rule = { expansion->entry, expansion->row, pattern, ports, expansion->ports.count };

	return policy_list_add(rules, &rule) ? 0 : -ENOMEM;
}

static int add_own(struct expansion *expansion, struct policy_list *rules)
{
	const struct config_entry *entry = expansion->entry->config;
	const struct value_ports *ports;
	size_t count = policy_input_ports(entry->ports, entry->port_count, &ports);
	int result = entry->names.count ? expand(expansion, ports, count) : 0;

	ports = result ? NULL : policy_list_keep(&expansion->ports, expansion->input->arena);
	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < entry->names.count && !result; i++)
		result = add_rule(expansion, ports, entry->names.items[i].text, rules);
	return result;
}

static int add_row(struct expansion *expansion, struct policy_list *rules)
{
	const struct catalog_row *row = expansion->row;
	const struct value_ports *ports;
	size_t count = policy_input_ports(row->ports, row->port_count, &ports);
	int result = expand(expansion, ports, count);

	ports = result ? NULL : policy_list_keep(&expansion->ports, expansion->input->arena);
	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < row->urls.count && expansion->ports.count && !result; i++)
		result = add_rule(expansion, ports, row->urls.items[i], rules);
	return result;
}

int policy_rules_add(const struct policy_input *input, const struct policy_entry *entry,
		     const struct policy_selection *selection, struct policy_list *rules)
{
	struct expansion expansion = { input, entry, NULL, POLICY_LIST_OF(struct value_ports) };
	int result = add_own(&expansion, rules);

	for (size_t i = 0; i < selection->count && !result; i++) {
		expansion.row = selection->rows[i];
		expansion.ports.count = 0;
		if (expansion.row->urls.count && expansion.row->direction == CATALOG_OUTBOUND)
			result = add_row(&expansion, rules);
	}
	policy_list_clear(&expansion.ports);
	return result;
}
