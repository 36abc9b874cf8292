/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/overview.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/describe.h"
#include "control/json.h"

/* One entry while its rules and ranges come by. */
struct building {
	json_t *names, *prefixes, *ports; /* the entry's own names and prefixes; ports of all */
	json_t *rows; /* key -> row object, in the order of their coming */
	json_t *warnings;
};

/* ---- rows ---- */

static json_t *new_row(const struct catalog_row *row)
{
	json_t *object = json_object();

	control_json_set(&object, "row", control_describe_row(row));
	control_json_set(&object, "list", control_describe_list(row));
	control_json_set(&object, "version", control_json_text(row->version));
	control_json_set(&object, "title", control_json_text(row->title));
	control_json_set(&object, "as_of", control_json_text(row->as_of));
	control_json_set(&object, "names", json_array());
	control_json_set(&object, "prefixes", json_array());
	control_json_set(&object, "ports", json_array());
	control_json_set(&object, "rentable", json_boolean(row->rentable));
	control_json_set(&object, "broad", json_boolean(row->broad));
	return object;
}

static void warn(struct building *building, const struct catalog_row *row, const char *pattern)
{
	char text[640];

	if (row->rentable) {
		snprintf(text, sizeof(text), "%s: a stranger can rent a name or place behind it", pattern);
		control_json_add(&building->warnings, control_json_text(text));
	}
	if (row->broad) {
		snprintf(text, sizeof(text), "%s: opens the names of a whole company", pattern);
		control_json_add(&building->warnings, control_json_text(text));
	}
}

/* The row's object, made when it comes first; NULL when memory is out. */
static json_t *row_of(struct building *building, const struct catalog_row *row)
{
	char key[LIMIT_CATALOG_KEY];
	json_t *object;

	catalog_row_key(row, key, sizeof(key));
	object = json_object_get(building->rows, key);
	if (object || !building->rows)
		return object;
	control_json_set(&building->rows, key, new_row(row));
	return json_object_get(building->rows, key);
}

/* Appends to a list inside an object that belongs to somebody else. */
static void append_to(json_t *object, const char *key, const char *text)
{
	json_t *array = json_object_get(object, key);

	if (array)
		json_array_append_new(array, control_json_text(text));
}

static void add_ports(struct building *building, json_t *row, const struct value_ports *ports, size_t count)
{
	json_t *array = json_object_get(row, "ports");

	control_json_add_once(&building->ports, control_describe_ports(ports, count));
	if (array) {
		json_incref(array);
		control_json_add_once(&array, control_describe_ports(ports, count));
		json_decref(array);
	}
}

/* ---- what comes by ---- */

static void add_rule(struct building *building, const struct policy_rule *rule)
{
	json_t *row = rule->row ? row_of(building, rule->row) : NULL;

	if (row)
		append_to(row, "names", rule->pattern);
	else if (!rule->row)
		control_json_add(&building->names, control_json_text(rule->pattern));
	add_ports(building, row, rule->ports, rule->port_count);
	if (rule->row)
		warn(building, rule->row, rule->pattern);
}

static void add_range(struct building *building, const struct policy_provenance *range)
{
	json_t *row = range->row ? row_of(building, range->row) : NULL;

	if (row)
		append_to(row, "prefixes", range->text);
	else if (!range->row)
		control_json_add(&building->prefixes, control_json_text(range->text));
	add_ports(building, row, range->ports, range->port_count);
}

static void collect(const struct policy *policy, struct building *buildings)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		add_rule(&buildings[policy->rules[i].entry - policy->entries], &policy->rules[i]);
	for (size_t i = 0; i < policy->outbound_count; i++)
		add_range(&buildings[policy->outbound[i].entry - policy->entries], &policy->outbound[i]);
	for (size_t i = 0; i < policy->inbound_count; i++)
		add_range(&buildings[policy->inbound[i].entry - policy->entries], &policy->inbound[i]);
}

static void start(struct building *building)
{
	*building = (struct building) { json_array(), json_array(), json_array(), json_object(), json_array() };
}

static void drop(struct building *building)
{
	json_decref(building->names);
	json_decref(building->prefixes);
	json_decref(building->ports);
	json_decref(building->rows);
	json_decref(building->warnings);
	*building = (struct building) { 0 };
}

/* ---- the answer ---- */

static json_t *values_of(json_t *object)
{
	json_t *array = json_array();

	for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
		control_json_add(&array, json_incref(json_object_iter_value(at)));
	return array;
}

static json_t *lifetime_json(const struct config_lifetime *lifetime)
{
	return json_pack("{s:I, s:I, s:I}", "grace", (json_int_t)lifetime->grace, "min", (json_int_t)lifetime->min,
			 "max", (json_int_t)lifetime->max);
}

static json_t *texts_json(const struct config_ranges *ranges)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < ranges->count; i++)
		control_json_add(&array, control_json_text(ranges->texts[i]));
	return array;
}

static json_t *words_json(const struct config_texts *words)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < words->count; i++)
		control_json_add(&array, control_json_text(words->items[i].text));
	return array;
}

static json_t *entry_json(const struct policy *policy, const struct policy_entry *entry,
			  const struct building *building)
{
	const struct config_entry *config = entry->config;
	json_t *object = json_object();

	control_json_set(&object, "entry", control_json_text(config->name));
	control_json_set(&object, "direction", json_string(config->inbound ? "inbound" : "outbound"));
	control_json_set(&object, "line", json_integer(config->line));
	control_json_set(&object, "group", control_json_text(control_describe_group(policy, entry->group)));
	control_json_set(&object, "service", control_json_text(config->service.text));
	control_json_set(&object, "features", words_json(&config->features));
	control_json_set(&object, "clouds", words_json(&config->clouds));
	control_json_set(&object, "regions", words_json(&config->regions));
	control_json_set(&object, "tenant", control_json_text(config->tenant.text));
	control_json_set(&object, "private", json_boolean(config->private_answers));
	control_json_set(&object, "to", texts_json(&config->to));
	control_json_set(&object, "lifetime", lifetime_json(&entry->lifetime));
	control_json_set(&object, "ports", json_incref(building->ports));
	control_json_set(&object, "names", json_incref(building->names));
	control_json_set(&object, "prefixes", json_incref(building->prefixes));
	control_json_set(&object, "rows", values_of(building->rows));
	control_json_set(&object, "warnings", json_incref(building->warnings));
	return object;
}

static void add_ranges46(json_t **array, const struct policy_ranges *ranges)
{
	char text[VALUE_RANGE_TEXT_SIZE];

	for (size_t i = 0; i < ranges->count; i++)
		control_json_add(array, json_string(value_range_to_text(&ranges->items[i], text)));
}

static json_t *groups_json(const struct policy *policy)
{
	json_t *array = json_array();

	for (size_t i = 0; i < policy->group_count; i++) {
		json_t *object = json_object(), *clients = json_array();

		add_ranges46(&clients, &policy->groups[i].clients.v4);
		add_ranges46(&clients, &policy->groups[i].clients.v6);
		control_json_set(&object, "name", control_json_text(policy->groups[i].name));
		control_json_set(&object, "clients", clients);
		control_json_add(&array, object);
	}
	return array;
}

static json_t *entries_json(const struct policy *policy)
{
	struct building *buildings = calloc(policy->entry_count + 1, sizeof(*buildings));
	json_t *array = buildings ? json_array() : NULL;

	for (size_t i = 0; buildings && i < policy->entry_count; i++)
		start(&buildings[i]);
	if (buildings)
		collect(policy, buildings);
	for (size_t i = 0; buildings && i < policy->entry_count; i++) {
		control_json_add(&array, entry_json(policy, &policy->entries[i], &buildings[i]));
		drop(&buildings[i]);
	}
	free(buildings);
	return array;
}

json_t *control_overview(const struct policy *policy)
{
	json_t *object = json_object();

	control_json_set(&object, "generation", control_json_count(policy->generation));
	control_json_set(&object, "mode", json_string(control_describe_mode(policy_mode(policy))));
	control_json_set(&object, "resolvers", control_describe_resolvers(policy->config));
	control_json_set(&object, "groups", groups_json(policy));
	control_json_set(&object, "entries", entries_json(policy));
	return object;
}
