/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules tell in which chain a packet ended (enum ruleset_reason). For the commonest, that nothing allows the
 * destination, the name that the client resolved says more: what is asked here is what would have had to be otherwise. */
#include "control/denied.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/describe.h"
#include "control/json.h"

#define PORTS_TEXT 160

struct judging {
	const struct control_context *context;
	const struct denials_record *record;
	policy_group_mask groups; /* of the client */
	json_t *ports; /* texts: allowed to this client there */
	bool allowed; /* this very port */
	bool other_client;
};

/* ---- what is allowed ---- */

static void take(struct judging *judging, uint8_t group, const struct value_ports *ports, size_t count)
{
	const struct denials_key *key = &judging->record->key;
	bool port = control_describe_ports_hold(ports, count, key->destination.family, key->l4proto, key->port);

	if (!(judging->groups >> group & 1)) {
		judging->other_client |= port;
		return;
	}
	judging->allowed |= port;
	control_json_add_once(&judging->ports, control_describe_ports(ports, count));
}

static size_t take_name(struct judging *judging, const struct dns_name *name)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t count = policy_match_name(judging->context->policy, name, rules);

	for (size_t i = 0; i < count; i++)
		take(judging, rules[i]->entry->group, rules[i]->ports, rules[i]->port_count);
	return count;
}

/* The name's own rules, and those of allowed names that led to it. */
static size_t take_names(struct judging *judging, struct monotime now)
{
	const struct dns_name *name = &judging->record->name;
	struct derived_record origins[LIMIT_DERIVED_ORIGINS];
	const struct derived *derived = judging->context->derived;
	size_t origin_count = derived ? derived_find(derived, name, now, origins) : 0;
	size_t count = take_name(judging, name);

	for (size_t i = 0; i < origin_count; i++)
		count += take_name(judging, &origins[i].origin);
	return count;
}

static void take_ranges(struct judging *judging)
{
	const struct policy *policy = judging->context->policy;
	const struct policy_provenance *found[16];
	size_t count = policy_find_address(policy->outbound, policy->outbound_count, &judging->record->key.destination,
					   found, 16);

	for (size_t i = 0; i < count && i < 16; i++)
		take(judging, found[i]->entry->group, found[i]->ports, found[i]->port_count);
}

/* ---- why ---- */

static void say(struct control_denied *out, const char *why, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct control_denied *out, const char *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(out->reason, sizeof(out->reason), format, arguments);
	va_end(arguments);
	out->why = why;
}

static void join(const json_t *texts, char out[PORTS_TEXT])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < json_array_size(texts) && used < PORTS_TEXT; i++)
		used += (size_t)snprintf(out + used, PORTS_TEXT - used, "%s%s", i ? ", " : "",
					 json_string_value(json_array_get(texts, i)));
}

/* Something of the policy is about this destination. */
static void judge_known(const struct judging *judging, const char *what, struct control_denied *out)
{
	char ports[PORTS_TEXT];

	join(judging->ports, ports);
	if (judging->allowed)
		say(out, "not-in-set",
		    "%s is allowed, but this address was not in the set: its answer's life was over, it is reserved, "
		    "or "
		    "the policy is new",
		    what);
	else if (ports[0])
		say(out, "port", "%s is allowed on %s only", what, ports);
	else
		say(out, "other-client", "%s is allowed to other clients only", what);
}

/* A row that has the address, but not the port, would not allow it. */
static void keep_rows_with_port(const struct denials_key *key, struct control_denied *out)
{
	static const struct value_ports usual[] = { { VALUE_TCP, 443, 443 } };
	size_t kept = 0;

	for (size_t i = 0; i < out->row_count; i++) {
		const struct catalog_row *row = out->rows[i];

		if (control_describe_ports_hold(row->port_count ? row->ports : usual,
						row->port_count ? row->port_count : 1, key->destination.family,
						key->l4proto, key->port))
			out->rows[kept++] = row;
	}
	out->row_count = kept;
}

static void judge_named(struct judging *judging, struct monotime now, struct control_denied *out)
{
	const struct dns_name *name = &judging->record->name;
	const struct policy *policy = judging->context->policy;
	bool known = take_names(judging, now) > 0;
	char text[DNS_NAME_TEXT_SIZE];

	dns_name_to_text(name, text);
	take_ranges(judging);
	out->row_count = policy_hints_name(policy, name, out->rows);
	keep_rows_with_port(&judging->record->key, out);
	if (known || json_array_size(judging->ports) || judging->other_client)
		judge_known(judging, text, out);
	else if (pattern_set_is_apex(policy->patterns, name))
		say(out, "apex", "*.%s is allowed, %s itself is not", text, text);
	else
		say(out, "name", "no entry has the name %s", text);
}

static void judge_unnamed(struct judging *judging, struct control_denied *out)
{
	const struct ipaddr *address = &judging->record->key.destination;
	char text[IPADDR_TEXT_SIZE];

	take_ranges(judging);
	out->row_count = policy_hints_address(judging->context->policy, address, false, out->rows);
	keep_rows_with_port(&judging->record->key, out);
	out->looked = true;
	if (json_array_size(judging->ports) || judging->other_client)
		judge_known(judging, ipaddr_to_text(address, text), out);
	else if (judging->context->unrecorded)
		say(out, "not-recorded",
		    "no entry has this address, and answers for names that no entry has pass in the kernel, unrecorded "
		    "(report-names, kernel-assist)");
	else
		say(out, "no-dns", "no entry has this address, and no answer seen had it");
}

static void judge_inbound(const struct judging *judging, struct control_denied *out)
{
	const struct denials_key *key = &judging->record->key;

	out->row_count = policy_hints_address(judging->context->policy, &key->client, true, out->rows);
	out->looked = true;
	say(out, "inbound", "no entry of `inbound` admits this source");
}

static void judge(struct judging *judging, struct monotime now, struct control_denied *out)
{
	switch ((enum ruleset_reason)judging->record->key.reason) {
	case RULESET_REASON_REPLY:
		say(out, "reply", "it answers a connection from outside that `inbound` does not allow");
		return;
	case RULESET_REASON_SOURCE:
		say(out, "client", "the sender is outside gateway.clients");
		return;
	case RULESET_REASON_DNS:
		say(out, "resolver", "DNS to a resolver that is not among gateway.resolvers");
		return;
	case RULESET_REASON_INBOUND:
		judge_inbound(judging, out);
		return;
	case RULESET_REASON_POLICY:
	case RULESET_REASONS:
		break;
	}
	if (judging->record->named)
		judge_named(judging, now, out);
	else
		judge_unnamed(judging, out);
}

void control_denied_judge(const struct control_context *context, struct monotime now,
			  const struct denials_record *record, struct control_denied *out)
{
	struct judging judging = { .context = context,
				   .record = record,
				   .groups = policy_groups_of_client(context->policy, &record->key.client),
				   .ports = json_array() };

	*out = (struct control_denied) { .why = "" };
	judge(&judging, now, out);
	json_decref(judging.ports);
}

/* ---- as JSON ---- */

/* "power-bi optional, custom visuals" */
static json_t *row_text(const struct catalog_row *row)
{
	char text[2 * LIMIT_CATALOG_WORD + 32];

	snprintf(text, sizeof(text), "%s%s%s, %s", row->service, row->required ? "" : " optional",
		 row->broad ? " broad" : "", row->feature);
	for (char *at = strchr(text, ','); at && *at; at++)
		if (*at == '-')
			*at = ' ';
	return control_json_text(text);
}

static json_t *clouds_json(const struct catalog_row *row)
{
	json_t *array = json_array();

	for (size_t i = 0; i < row->clouds.count; i++)
		control_json_add(&array, control_json_text(row->clouds.items[i]));
	return array;
}

static json_t *rows_json(const struct control_denied *denied)
{
	json_t *array = json_array();

	for (size_t i = 0; i < denied->row_count; i++) {
		const struct catalog_row *row = denied->rows[i];
		json_t *object = json_object();

		control_json_set(&object, "row", control_describe_row(row));
		control_json_set(&object, "text", row_text(row));
		control_json_set(&object, "title", control_json_text(row->title));
		control_json_set(&object, "service", control_json_text(row->service));
		control_json_set(&object, "feature", control_json_text(row->feature));
		control_json_set(&object, "clouds", clouds_json(row));
		control_json_set(&object, "optional", json_boolean(!row->required));
		control_json_set(&object, "opt_in", json_boolean(row->opt_in));
		control_json_set(&object, "broad", json_boolean(row->broad));
		control_json_set(&object, "rentable", json_boolean(row->rentable));
		control_json_add(&array, object);
	}
	return array;
}

/* Seconds since 1970 of a moment that passed. */
static json_t *wall_json(const struct control_context *context, struct monotime now, struct monotime then)
{
	return json_integer((context->wall() - monotime_until(then, now)) / 1000);
}

static void add_key(json_t **object, const struct denials_key *key)
{
	char text[IPADDR_TEXT_SIZE];

	control_json_set(object, "client", json_string(ipaddr_to_text(&key->client, text)));
	control_json_set(object, "address", json_string(ipaddr_to_text(&key->destination, text)));
	control_json_set(object, "proto", json_string(control_describe_proto(key->l4proto)));
	control_json_set(object, "protocol", json_integer(key->l4proto));
	control_json_set(object, "port", control_describe_port(key->l4proto, key->port));
}

json_t *control_denied_json(const struct control_context *context, struct monotime now,
			    const struct denials_record *record, const struct control_denied *denied)
{
	json_t *object = json_object();
	char name[DNS_NAME_TEXT_SIZE];

	control_json_set(&object, "sequence", control_json_count(record->sequence));
	control_json_set(&object, "first", wall_json(context, now, record->first));
	control_json_set(&object, "last", wall_json(context, now, record->last));
	add_key(&object, &record->key);
	control_json_set(&object, "name",
			 record->named ? json_string(dns_name_to_text(&record->name, name)) : json_null());
	control_json_set(&object, "count", control_json_count(record->count));
	control_json_set(&object, "verdict", json_string(record->key.audit ? "would deny" : "denied"));
	control_json_set(&object, "why", json_string(denied->why));
	control_json_set(&object, "reason", control_json_text(denied->reason));
	control_json_set(&object, "rows", rows_json(denied));
	return object;
}
