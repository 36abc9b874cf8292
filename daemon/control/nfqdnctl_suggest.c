/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_suggest.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "control/json.h"
#include "control/nfqdnctl_print.h"
#include "dns/pattern.h"

#define NAME_SIZE (2 * LIMIT_CATALOG_WORD + 32)

struct suggesting {
	json_t *services; /* by the entry's name */
	json_t *names, *addresses; /* by the text: {ports, count} */
	json_t *others;
};

static bool is(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void count(json_t *object, const json_t *denial)
{
	json_object_set_new(object, "count",
			    json_integer(json_integer_value(json_object_get(object, "count")) +
					 json_integer_value(json_object_get(denial, "count"))));
}

/* The member of an object, made when it is not there. */
static json_t *enter(json_t *object, const char *key)
{
	if (!json_object_get(object, key))
		json_object_set_new(object, key, json_object());
	return json_object_get(object, key);
}

static void add_once(json_t *object, const char *key, const char *text)
{
	if (!json_object_get(object, key))
		json_object_set_new(object, key, json_array());
	if (!control_json_holds(json_object_get(object, key), text))
		json_array_append_new(json_object_get(object, key), json_string(text));
}

/* ---- rows of the catalog ---- */

/* The less, the better; INT_MAX: not to be suggested. Data gateways are a choice of their own, with `inbound`. */
static int cost_of(const json_t *row)
{
	if (is(row, "broad") || is(row, "rentable") ||
	    strcmp(nfqdnctl_print_member(row, "feature"), "data-gateway") == 0)
		return INT_MAX;
	return 2 * is(row, "optional") + is(row, "opt_in");
}

static const json_t *best_row(const json_t *rows)
{
	const json_t *best = NULL;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (cost_of(row) < (best ? cost_of(best) : INT_MAX))
			best = row;
	}
	return best;
}

static void add_row(struct suggesting *suggesting, const json_t *row, const json_t *denial, const char *port)
{
	const char *service = nfqdnctl_print_member(row, "service"), *feature = nfqdnctl_print_member(row, "feature");
	const char *what = nfqdnctl_print_member(denial, "name");
	const json_t *clouds = json_object_get(row, "clouds");
	char name[NAME_SIZE], text[1100];
	json_t *entry;

	snprintf(name, sizeof(name), "suggested-%s-%s", service, feature);
	entry = enter(suggesting->services, name);
	json_object_set_new(entry, "name", json_string(name));
	json_object_set_new(entry, "service", json_string(service));
	add_once(entry, "features", feature);
	if (is(row, "optional"))
		json_object_set_new(entry, "optional", json_true());
	for (size_t i = 0; i < json_array_size(clouds); i++)
		add_once(entry, "clouds", json_string_value(json_array_get(clouds, i)));
	snprintf(text, sizeof(text), "%s %s", what[0] ? what : nfqdnctl_print_member(denial, "address"), port);
	add_once(entry, "for", text);
	count(entry, denial);
}

/* ---- one denial ---- */

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static void add_other(struct suggesting *suggesting, const json_t *denial, const char *port)
{
	char text[2300];

	snprintf(text, sizeof(text), "%s -> %s %s: %.1100s", nfqdnctl_print_member(denial, "client"),
		 nfqdnctl_print_member(denial, "address"), port, nfqdnctl_print_member(denial, "reason"));
	if (!control_json_holds(suggesting->others, text))
		json_array_append_new(suggesting->others, json_string(text));
}

static void add_plain(json_t *objects, const char *key, const json_t *denial, const char *port)
{
	json_t *object = enter(objects, key);

	add_once(object, "ports", port);
	count(object, denial);
}

static void add_denial(struct suggesting *suggesting, const json_t *denial)
{
	static const char *const helped[] = { "name", "apex", "port", "no-dns", "not-recorded", NULL };
	static const char *const protos[] = { "tcp", "udp", "icmp", NULL };
	const char *name = nfqdnctl_print_member(denial, "name"), *ignored;
	const json_t *row = best_row(json_object_get(denial, "rows"));
	char port[32];

	nfqdnctl_print_port(denial, port);
	if (!is_one_of(nfqdnctl_print_member(denial, "why"), helped) ||
	    !is_one_of(nfqdnctl_print_member(denial, "proto"), protos) ||
	    (name[0] && pattern_check(name, &ignored) < 0))
		add_other(suggesting, denial, port);
	else if (row)
		add_row(suggesting, row, denial, port);
	else if (name[0])
		add_plain(suggesting->names, name, denial, port);
	else
		add_plain(suggesting->addresses, nfqdnctl_print_member(denial, "address"), denial, port);
}

/* ---- all together ---- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

/* The ports in order; to be freed. */
static char *ports_key(json_t *ports)
{
	size_t number = json_array_size(ports);
	json_t **items = calloc(number + 1, sizeof(json_t *));
	json_t *sorted = items ? json_array() : NULL;
	char *text;

	for (size_t i = 0; items && i < number; i++)
		items[i] = json_array_get(ports, i);
	if (items && number)
		qsort(items, number, sizeof(json_t *), compare_texts);
	for (size_t i = 0; items && i < number; i++)
		control_json_add(&sorted, json_incref(items[i]));
	text = sorted ? json_dumps(sorted, JSON_COMPACT) : NULL;
	json_decref(sorted);
	free(items);
	return text;
}

/* Adds entries of what has the same ports. */
static void add_alike(json_t **entries, json_t *objects, const char *list, const char *prefix)
{
	json_t *alike = json_object(), *object, *entry;
	const char *text;
	char name[32];
	void *at;

	json_object_foreach(objects, text, object)
	{
		char *key = ports_key(json_object_get(object, "ports"));

		entry = key ? enter(alike, key) : NULL;
		free(key);
		if (!entry)
			continue;
		add_once(entry, list, text);
		json_object_set(entry, "ports", json_object_get(object, "ports"));
		count(entry, object);
	}
	for (at = json_object_iter(alike); at; at = json_object_iter_next(alike, at)) {
		entry = json_object_iter_value(at);
		snprintf(name, sizeof(name), "%s-%zu", prefix, json_array_size(*entries) + 1);
		json_object_set_new(entry, "name", json_string(name));
		control_json_add(entries, json_incref(entry));
	}
	json_decref(alike);
}

static json_t *result_of(const struct suggesting *suggesting)
{
	json_t *result = json_object(), *entries = json_array(), *addresses = json_array();
	void *at;

	for (at = json_object_iter(suggesting->services); at; at = json_object_iter_next(suggesting->services, at))
		control_json_add(&entries, json_incref(json_object_iter_value(at)));
	add_alike(&entries, suggesting->names, "names", "suggested-names");
	add_alike(&addresses, suggesting->addresses, "addresses", "suggested-addresses");
	control_json_set(&result, "entries", entries);
	control_json_set(&result, "addresses", addresses);
	control_json_set(&result, "others", json_incref(suggesting->others));
	return result;
}

json_t *nfqdnctl_suggest(json_t *denials)
{
	struct suggesting suggesting = { json_object(), json_object(), json_object(), json_array() };
	json_t *result;

	for (size_t i = 0; i < json_array_size(denials); i++)
		add_denial(&suggesting, json_array_get(denials, i));
	result = result_of(&suggesting);
	json_decref(suggesting.services);
	json_decref(suggesting.names);
	json_decref(suggesting.addresses);
	json_decref(suggesting.others);
	json_decref(denials);
	return result;
}
