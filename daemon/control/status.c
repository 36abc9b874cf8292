/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/status.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/counters.h"
#include "base/limits.h"
#include "control/describe.h"
#include "control/json.h"
#include "dns/stream.h"

static void add_kernel_counter(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	json_t **object = context;
	char key[128];

	snprintf(key, sizeof(key), "kernel_%s_packets", name);
	control_json_set(object, key, control_json_count(packets));
	snprintf(key, sizeof(key), "kernel_%s_bytes", name);
	control_json_set(object, key, control_json_count(bytes));
}

static json_t *counters_json(const struct control_context *context)
{
	json_t *object = json_object();

	for (const struct counter_row *row = counter_rows; row->name; row++)
		control_json_set(&object, row->name, control_json_count(counter_value(row)));
	/* on failure (the table was just deleted by somebody) ours are still worth telling */
	table_counters(context->table, add_kernel_counter, &object);
	return object;
}

static json_t *queue_json(const struct control_context *context)
{
	const struct config *config = context->policy->config;
	const struct table_capabilities *capabilities = table_capabilities(context->table);
	uint64_t waiting, dropped;
	json_t *object = json_object();

	control_json_set(&object, "backend", control_json_text(table_queue_backend_name(capabilities->queue)));
	control_json_set(&object, "first", json_integer(config->queue_first));
	control_json_set(&object, "count", json_integer(config->queue_count));
	if (queue_depth(context->queue, &waiting, &dropped) == 0) {
		control_json_set(&object, "waiting", control_json_count(waiting));
		control_json_set(&object, "dropped", control_json_count(dropped));
	}
	return object;
}

static json_t *owned_why_json(enum table_owner owner)
{
	switch (owner) {
	case TABLE_OWNER_OFF:
		return json_string("own-table is \"off\"");
	case TABLE_OWNER_LACKING:
		return json_string("the kernel cannot: Linux 6.9 or later is needed");
	case TABLE_OWNER_FOUND:
		return json_string("it was made without an owner by an earlier run: `nfqdnd --flush` and a start "
				   "change that");
	case TABLE_OWNER_US:
		break;
	}
	return json_string("");
}

struct families {
	json_int_t v4, v6;
};

static void count_family(void *context, const struct element_key *key)
{
	struct families *families = context;

	if (key->address.family == IPADDR_V4)
		families->v4++;
	else
		families->v6++;
}

static json_t *learned_json(const struct control_context *context)
{
	struct families families = { 0 };
	json_t *object = json_object();

	store_visit_keys(context->store, count_family, &families);
	control_json_set(&object, "ipv4", json_integer(families.v4));
	control_json_set(&object, "ipv6", json_integer(families.v6));
	control_json_set(&object, "limit", json_integer(context->policy->config->limit_elements));
	return object;
}

static json_t *policy_json(const struct policy *policy)
{
	json_t *object = json_object();

	control_json_set(&object, "entries", control_json_count(policy->entry_count));
	control_json_set(&object, "resolvers", control_describe_resolvers(policy->config));
	control_json_set(&object, "groups", control_json_count(policy->group_count));
	control_json_set(&object, "names", control_json_count(policy->rule_count));
	control_json_set(&object, "prefixes", control_json_count(policy->outbound_count));
	control_json_set(&object, "inbound_prefixes", control_json_count(policy->inbound_count));
	control_json_set(&object, "memory", control_json_count(arena_used(policy->arena)));
	return object;
}

static json_t *revoke_json(const struct control_context *context)
{
	bool cut = context->policy->config->revoke == CONFIG_CUT;
	json_t *object = json_object();

	control_json_set(&object, "mode", json_string(cut ? "cut" : "keep"));
	control_json_set(&object, "looking", json_boolean(context->revoking && context->revoking(context->daemon)));
	return object;
}

static json_t *reports_json(const struct control_context *context)
{
	json_t *object = json_object();

	control_json_set(&object, "denials", control_json_count(denials_count(context->denials)));
	control_json_set(&object, "names", control_json_count(names_count(context->names)));
	control_json_set(&object, "why_none", control_json_text(context->denied_why));
	return object;
}

static json_t *tcp_json(const struct stream_table *streams)
{
	json_t *object = json_object();

	control_json_set(&object, "flows", control_json_count(stream_flows(streams)));
	control_json_set(&object, "flow_limit", json_integer(LIMIT_STREAM_FLOWS));
	control_json_set(&object, "memory", control_json_count(stream_octets(streams)));
	control_json_set(&object, "memory_limit", json_integer(LIMIT_STREAM_OCTETS));
	return object;
}

static json_t *warnings_json(const struct control_context *context)
{
	json_t *array = json_array();
	char text[4352];

	if (context->trial.unconfirmed) {
		snprintf(text, sizeof(text),
			 "%s was not confirmed: the policy before it is in force; `nfqdnctl reload --confirm SECONDS` "
			 "tries it again",
			 context->config_path);
		control_json_add(&array, control_json_text(text));
	}
	if (context->warning && context->warning[0])
		control_json_add(&array, control_json_text(context->warning));
	if (counters.queries_lost) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " copies of queries were lost, since they came faster than they were read: the "
			 "answers to these passed unlearned",
			 counters.queries_lost);
		control_json_add(&array, json_string(text));
	}
	return array;
}

json_t *control_status(const struct control_context *context, struct monotime now)
{
	const struct policy *policy = context->policy;
	enum table_owner owner = table_owner(context->table);
	json_t *object = json_object();
	char mark[16];

	control_json_set(&object, "version", json_string(NFQDN_VERSION));
	control_json_set(&object, "ready", json_boolean(context->ready));
	control_json_set(&object, "mode", json_string(control_describe_mode(policy_mode(policy))));
	if (policy->config->mode == CONFIG_MARK) {
		snprintf(mark, sizeof(mark), "0x%" PRIx32, policy->config->mark);
		control_json_set(&object, "mark", json_string(mark));
		control_json_set(
			&object, "mark_hook",
			json_string(policy->config->mark_hook == CONFIG_MARK_FORWARD ? "forward" : "prerouting"));
	}
	if (policy->config->mode == CONFIG_SETS) {
		json_t *sets = json_array();

		for (unsigned int i = 0; i < policy->config->sets.count; i++)
			control_json_add(&sets, control_json_text(policy->config->sets.items[i].text));
		control_json_set(&object, "sets", sets);
	}
	if (policy->waiting)
		control_json_set(&object, "enforce_in", control_describe_left(now, context->enforces));
	control_json_set(&object, "verify", json_string(control_describe_verify(policy->config->verify)));
	control_json_set(&object, "table", control_json_text(policy->config->table));
	control_json_set(&object, "owned", json_boolean(owner == TABLE_OWNER_US));
	control_json_set(&object, "owned_why", owned_why_json(owner));
	control_json_set(&object, "generation", control_json_count(policy->generation));
	control_json_set(&object, "uptime", json_integer(monotime_until(context->started, now) / 1000));
	control_json_set(&object, "config", control_json_text(context->config_path));
	control_json_set(&object, "confirm_in",
			 context->trial.waiting ? control_describe_left(now, context->trial.ends) : json_null());
	control_json_set(&object, "unconfirmed", control_json_text(context->trial.unconfirmed));
	control_json_set(&object, "queue", queue_json(context));
	if (context->assist)
		control_json_set(&object, "kernel_assist", control_json_text(context->assist));
	control_json_set(&object, "learned", learned_json(context));
	control_json_set(&object, "policy", policy_json(policy));
	control_json_set(&object, "revoke", revoke_json(context));
	if (context->denials && context->names)
		control_json_set(&object, "reports", reports_json(context));
	if (context->streams)
		control_json_set(&object, "tcp", tcp_json(context->streams));
	control_json_set(&object, "warnings", warnings_json(context));
	control_json_set(&object, "counters", counters_json(context));
	return object;
}
