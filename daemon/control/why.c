/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: the order of `why` is the order of the chains (netfilter/ruleset_rules.c): where `inbound` guards the
 * destination it decides first; else a source outside gateway.clients is denied; then local destinations, DNS to
 * trusted resolvers, address ranges and learned addresses allow, and all that do are told. What would allow another
 * port or another client is remembered for the reason of a denial. */
#include "control/why.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/describe.h"
#include "control/json.h"

struct judgement {
	const struct control_context *context;
	const struct policy *policy;
	const struct control_why_question *question;
	struct monotime now;
	policy_group_mask groups; /* whose rights count */
	json_t *by;
	json_t *other_ports; /* texts: allowed there, but not asked for */
	bool other_client; /* the port is right, the client is not */
	char reason[256];
};

static const struct value_ports any_port[] = { { VALUE_TCP, 1, 65535 }, { VALUE_UDP, 1, 65535 }, { VALUE_ICMP, 0, 0 } };
static const struct value_ports dns_ports[] = { { VALUE_TCP, 53, 53 }, { VALUE_UDP, 53, 53 } };

/* ---- what was asked ---- */

static bool port_asked(const struct judgement *judgement, const struct value_ports *ports, size_t count)
{
	const struct control_why_question *question = judgement->question;
	enum ipaddr_family family = question->address.family;
	const struct value_ports *port = &question->port;

	if (!question->has_port)
		return true;
	return control_describe_ports_hold(ports, count, family, value_proto_number(port->proto, family), port->first);
}

static void remember_ports(struct judgement *judgement, const struct value_ports *ports, size_t count)
{
	control_json_add_once(&judgement->other_ports, control_describe_ports(ports, count));
}

static bool group_asked(const struct judgement *judgement, uint8_t group)
{
	return judgement->groups & ((policy_group_mask)1 << group);
}

/* Does what has these ports and this group answer the question? Else it is remembered for the reason. */
static bool answers(struct judgement *judgement, uint8_t group, const struct value_ports *ports, size_t count)
{
	if (!port_asked(judgement, ports, count)) {
		if (group_asked(judgement, group))
			remember_ports(judgement, ports, count);
		return false;
	}
	if (!group_asked(judgement, group))
		judgement->other_client = true;
	return group_asked(judgement, group);
}

static bool range_holds(const struct value_range *range, const struct ipaddr *address)
{
	return range->first.family == address->family && ipaddr_compare(&range->first, address) <= 0 &&
	       ipaddr_compare(address, &range->last) <= 0;
}

/* ---- one reason ---- */

static json_t *reason_json(const struct judgement *judgement, const struct policy_entry *entry, const char *via)
{
	json_t *object = json_object();

	control_json_set(&object, "entry", control_json_text(entry ? entry->config->name : NULL));
	control_json_set(&object, "group",
			 control_json_text(entry ? control_describe_group(judgement->policy, entry->group) : NULL));
	control_json_set(&object, "via", json_string(via));
	return object;
}

static void finish(struct judgement *judgement, json_t *object, const struct catalog_row *row, json_t *ports,
		   json_t *left)
{
	control_json_set(&object, "row", control_describe_row(row));
	control_json_set(&object, "list", control_describe_list(row));
	control_json_set(&object, "version", control_json_text(row ? row->version : NULL));
	control_json_set(&object, "ports", ports);
	control_json_set(&object, "expires_in", left);
	control_json_add(&judgement->by, object);
}

static json_t *any_port_json(void)
{
	json_t *array = json_array();

	control_json_add(&array, json_string("any"));
	return array;
}

/* The setting's own text of the range that holds the address: what the administrator wrote. */
static json_t *written_range(const struct config_ranges *ranges, const struct ipaddr *address)
{
	char text[IPADDR_TEXT_SIZE];

	for (unsigned int i = 0; i < ranges->count; i++)
		if (range_holds(&ranges->items[i], address))
			return control_json_text(ranges->texts[i]);
	return json_string(ipaddr_to_text(address, text));
}

/* ---- the ways out ---- */

static void judge_local(struct judgement *judgement)
{
	const struct ipaddr *address = &judgement->question->address;
	json_t *object;

	if (!policy_ranges46_contain(&judgement->policy->local, address) || !port_asked(judgement, any_port, 3))
		return;
	object = reason_json(judgement, NULL, "local");
	control_json_set(&object, "prefix", written_range(&judgement->policy->config->local, address));
	finish(judgement, object, NULL, any_port_json(), json_null());
}

static void judge_dns(struct judgement *judgement)
{
	const struct ipaddr *address = &judgement->question->address;
	json_t *object;

	if (!policy_ranges46_contain(&judgement->policy->resolvers, address) || !answers(judgement, 0, dns_ports, 2))
		return;
	object = reason_json(judgement, NULL, "dns");
	control_json_set(&object, "prefix", written_range(&judgement->policy->config->resolvers, address));
	finish(judgement, object, NULL, control_describe_ports(dns_ports, 2), json_null());
}

/* Every provenance of a list that holds the address; `*count` of them, to be freed. */
static const struct policy_provenance **find_all(const struct policy_provenance *list, size_t size,
						 const struct ipaddr *address, size_t *count)
{
	const struct policy_provenance **found;

	*count = policy_find_address(list, size, address, NULL, 0);
	found = calloc(*count + 1, sizeof(const struct policy_provenance *));
	if (found)
		policy_find_address(list, size, address, found, *count);
	else
		*count = 0;
	return found;
}

static void judge_ranges(struct judgement *judgement)
{
	const struct policy *policy = judgement->policy;
	const struct policy_provenance **found;
	size_t count;

	found = find_all(policy->outbound, policy->outbound_count, &judgement->question->address, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *object;

		if (!answers(judgement, found[i]->entry->group, found[i]->ports, found[i]->port_count))
			continue;
		object = reason_json(judgement, found[i]->entry, "cidr");
		control_json_set(&object, "prefix", control_json_text(found[i]->text));
		finish(judgement, object, found[i]->row, control_describe_ports(found[i]->ports, found[i]->port_count),
		       json_null());
	}
	free(found);
}

/* ---- learned addresses ---- */

static json_t *element_port_json(const struct element_key *key)
{
	json_t *array = json_array();
	char text[VALUE_PORTS_TEXT_SIZE];

	control_describe_element_port(key, text);
	control_json_add(&array, json_string(text));
	return array;
}

/* Names that were asked for and that no entry has: allowed ones led to them. */
static void add_derived(json_t **object, const struct store_view *view)
{
	json_t *array = NULL;
	char text[DNS_NAME_TEXT_SIZE];

	for (size_t i = 0; i < view->name_count; i++) {
		if (!view->names[i].derived)
			continue;
		if (!array)
			array = json_array();
		control_json_add(&array, json_string(dns_name_to_text(&view->names[i].name, text)));
	}
	if (array)
		control_json_set(object, "derived", array);
}

static void add_learned(struct judgement *judgement, const struct store_view *view, const struct policy_rule *rule,
			const char *name)
{
	json_t *object = reason_json(judgement, rule ? rule->entry : NULL, "name");

	control_json_set(&object, "name", control_json_text(name));
	if (rule)
		control_json_set(&object, "pattern", control_json_text(rule->pattern));
	add_derived(&object, view);
	finish(judgement, object, rule ? rule->row : NULL, element_port_json(&view->key),
	       control_describe_left(judgement->now, view->deadline));
}

/* Several patterns of one row may match: one of them is enough to tell. */
static bool told_before(const struct policy_rule **rules, size_t index, const struct element_key *key)
{
	for (size_t i = 0; i < index; i++)
		if (rules[i]->entry == rules[index]->entry && rules[i]->row == rules[index]->row &&
		    control_describe_rule_brings(rules[i], key))
			return true;
	return false;
}

static size_t add_learned_name(struct judgement *judgement, const struct store_view *view, const struct dns_name *name)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t count = policy_match_name(judgement->policy, name, rules), told = 0;
	char text[DNS_NAME_TEXT_SIZE];

	dns_name_to_text(name, text);
	for (size_t i = 0; i < count; i++) {
		if (!control_describe_rule_brings(rules[i], &view->key) || told_before(rules, i, &view->key))
			continue;
		add_learned(judgement, view, rules[i], text);
		told++;
	}
	return told;
}

/* An element's own key says its port exactly, unlike a setting's list. */
static bool element_asked(struct judgement *judgement, const struct element_key *key)
{
	struct value_ports port = { VALUE_ICMP, 0, 0 };

	for (enum value_proto proto = VALUE_TCP; proto <= VALUE_UDP; proto++)
		if (value_proto_number(proto, key->address.family) == key->l4proto)
			port = (struct value_ports) { proto, key->port, key->port };
	return answers(judgement, key->group, &port, 1);
}

static bool judge_element(void *context, const struct store_view *view)
{
	struct judgement *judgement = context;
	size_t told = 0;

	if (!ipaddr_equal(&view->key.address, &judgement->question->address) || !element_asked(judgement, &view->key))
		return true;
	for (size_t i = 0; i < view->name_count; i++)
		told += add_learned_name(judgement, view, &view->names[i].name);
	if (told == 0) { /* taken over from the kernel, or learned through a chain: it is in the set all the same */
		char text[DNS_NAME_TEXT_SIZE];

		add_learned(judgement, view, NULL,
			    view->name_count ? dns_name_to_text(&view->names[0].name, text) : NULL);
	}
	return true;
}

/* ---- the ways in ---- */

static bool guards(const struct judgement *judgement, const struct policy_boxes *boxes)
{
	const struct control_why_question *question = judgement->question;
	enum ipaddr_family family = question->address.family;

	for (size_t i = 0; i < boxes->count; i++) {
		const struct policy_box *box = &boxes->items[i];
		uint16_t port = question->port.proto == VALUE_ICMP ? value_icmp_port(family) : question->port.first;

		if (!range_holds(&box->address, &question->address))
			continue;
		if (!question->has_port || (box->l4proto == value_proto_number(question->port.proto, family) &&
					    box->port_first <= port && port <= box->port_last))
			return true;
	}
	return false;
}

static bool leads_to(const struct policy_provenance *provenance, const struct ipaddr *destination)
{
	const struct config_ranges *to = &provenance->entry->config->to;

	for (unsigned int i = 0; i < to->count; i++)
		if (range_holds(&to->items[i], destination))
			return true;
	return false;
}

static json_t *destinations_json(const struct config_ranges *to)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < to->count; i++)
		control_json_add(&array, control_json_text(to->texts[i]));
	return array;
}

/* Who may open a connection: `source`, to the destination given or, when NULL, to any. */
static void judge_inbound(struct judgement *judgement, const struct ipaddr *source, const struct ipaddr *destination)
{
	const struct policy *policy = judgement->policy;
	const struct policy_provenance **found;
	size_t count;

	found = find_all(policy->inbound, policy->inbound_count, source, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *object;

		if (destination && !leads_to(found[i], destination))
			continue;
		if (!port_asked(judgement, found[i]->ports, found[i]->port_count))
			continue;
		object = reason_json(judgement, found[i]->entry, "inbound");
		control_json_set(&object, "prefix", control_json_text(found[i]->text));
		control_json_set(&object, "to", destinations_json(&found[i]->entry->config->to));
		finish(judgement, object, found[i]->row, control_describe_ports(found[i]->ports, found[i]->port_count),
		       json_null());
	}
	free(found);
}

/* ---- the whole ---- */

static bool clients_are_named(const struct judgement *judgement)
{
	return judgement->question->has_client &&
	       judgement->policy->clients.v4.count + judgement->policy->clients.v6.count > 0;
}

static bool outside_clients(const struct judgement *judgement)
{
	return clients_are_named(judgement) &&
	       !policy_ranges46_contain(&judgement->policy->clients, &judgement->question->client);
}

static bool inside_clients(const struct judgement *judgement)
{
	return clients_are_named(judgement) &&
	       policy_ranges46_contain(&judgement->policy->clients, &judgement->question->client);
}

static bool guarded(const struct judgement *judgement)
{
	bool v4 = judgement->question->address.family == IPADDR_V4;

	return judgement->question->has_client &&
	       guards(judgement, v4 ? &judgement->policy->guarded4 : &judgement->policy->guarded6);
}

static void judge_outbound(struct judgement *judgement)
{
	judge_local(judgement);
	judge_dns(judgement);
	judge_ranges(judgement);
	store_visit(judgement->context->store, judge_element, judgement);
	if (!judgement->question->has_client)
		judge_inbound(judgement, &judgement->question->address, NULL);
}

static void join(const json_t *texts, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < json_array_size(texts) && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
					 json_string_value(json_array_get(texts, i)));
}

static void explain_denial(struct judgement *judgement)
{
	char ports[160];

	if (judgement->reason[0])
		return;
	join(judgement->other_ports, ports, sizeof(ports));
	if (judgement->other_client)
		snprintf(judgement->reason, sizeof(judgement->reason), "allowed to other clients only");
	else if (ports[0])
		snprintf(judgement->reason, sizeof(judgement->reason), "this address is allowed on %s only", ports);
	else
		snprintf(judgement->reason, sizeof(judgement->reason),
			 "no entry has this address, and no allowed name was answered with it of late");
}

static void set_reason(struct judgement *judgement, const char *text)
{
	snprintf(judgement->reason, sizeof(judgement->reason), "%s", text);
}

/* What a client sends to a guarded destination passes both chains: it must be let out, too. */
static void judge_guarded(struct judgement *judgement)
{
	size_t reasons;

	judge_inbound(judgement, &judgement->question->client, &judgement->question->address);
	reasons = json_array_size(judgement->by);
	set_reason(judgement, "`inbound` guards this destination, and no entry of it admits this source");
	if (reasons == 0 || !inside_clients(judgement))
		return;
	judge_outbound(judgement);
	if (json_array_size(judgement->by) == reasons) {
		json_array_clear(judgement->by);
		set_reason(judgement,
			   "`inbound` admits this source, but it is a client that no entry lets out to there");
	}
}

static void judge(struct judgement *judgement)
{
	if (guarded(judgement))
		judge_guarded(judgement);
	else if (outside_clients(judgement))
		set_reason(judgement, "the source is outside gateway.clients");
	else
		judge_outbound(judgement);
}

static void add_question(json_t **object, const struct control_why_question *question)
{
	char text[IPADDR_TEXT_SIZE];
	bool port = question->has_port && question->port.proto != VALUE_ICMP;

	control_json_set(object, "address", json_string(ipaddr_to_text(&question->address, text)));
	control_json_set(object, "proto",
			 control_json_text(question->has_port ? value_proto_name(question->port.proto) : NULL));
	control_json_set(object, "port", port ? json_integer(question->port.first) : json_null());
	if (question->has_client)
		control_json_set(object, "from", json_string(ipaddr_to_text(&question->client, text)));
}

json_t *control_why(const struct control_context *context, struct monotime now,
		    const struct control_why_question *question, bool *allowed)
{
	struct judgement judgement = { .context = context,
				       .policy = context->policy,
				       .question = question,
				       .now = now,
				       .groups = ~(policy_group_mask)0,
				       .by = json_array(),
				       .other_ports = json_array() };
	json_t *object = json_object();

	if (question->has_client)
		judgement.groups = policy_groups_of_client(context->policy, &question->client);
	judge(&judgement);
	*allowed = json_array_size(judgement.by) > 0;
	add_question(&object, question);
	control_json_set(&object, "mode", json_string(control_describe_mode(policy_mode(context->policy))));
	control_json_set(&object, "verdict", json_string(*allowed ? "allowed" : "denied"));
	control_json_set(&object, "by", judgement.by);
	if (!*allowed) {
		explain_denial(&judgement);
		control_json_set(&object, "reason", json_string(judgement.reason));
	}
	json_decref(judgement.other_ports);
	return object;
}
