/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "control/nfqdnctl_print.h"

/* What denials of one row have in common; to be freed. */
static char *key_of(const json_t *denial)
{
	const char *name = nfqdnctl_print_member(denial, "name");
	char port[32], *key;

	nfqdnctl_print_port(denial, port);
	if (asprintf(&key, "%s|%s|%s|%s", name[0] ? name : nfqdnctl_print_member(denial, "address"), port,
		     nfqdnctl_print_member(denial, "why"), nfqdnctl_print_member(denial, "verdict")) < 0)
		return NULL;
	return key;
}

static json_t *new_row(const json_t *denial)
{
	static const char *const members[] = { "name", "address", "proto",   "protocol", "port",
					       "why",  "reason",  "verdict", "rows" };
	json_t *row = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		control_json_set(&row, members[i], json_incref(json_object_get(denial, members[i])));
	control_json_set(&row, "count", json_integer(0));
	control_json_set(&row, "clients", json_integer(0));
	control_json_set(&row, "seen", json_object()); /* clients, until the end */
	return row;
}

static void add(json_t *row, const json_t *denial)
{
	json_int_t count = json_integer_value(json_object_get(row, "count")) +
			   json_integer_value(json_object_get(denial, "count"));

	json_object_set_new(row, "count", json_integer(count));
	json_object_set_new(json_object_get(row, "seen"), nfqdnctl_print_member(denial, "client"), json_true());
}

static int compare(const void *a, const void *b)
{
	json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "count"));
	json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "count"));

	return (left < right) - (left > right);
}

/* An array of the object's values, sorted. */
static json_t *sorted(json_t *rows)
{
	size_t count = 0;
	json_t **items = calloc(json_object_size(rows) + 1, sizeof(json_t *));
	json_t *array = items ? json_array() : NULL, *row;
	const char *key;

	json_object_foreach(rows, key, row)
	{
		json_object_set_new(row, "clients",
				    json_integer((json_int_t)json_object_size(json_object_get(row, "seen"))));
		json_object_del(row, "seen");
		if (items)
			items[count++] = row;
	}
	if (items)
		qsort(items, count, sizeof(json_t *), compare);
	for (size_t i = 0; i < count; i++)
		control_json_add(&array, json_incref(items[i]));
	free(items);
	return array;
}

json_t *nfqdnctl_summary(json_t *denials)
{
	json_t *rows = json_object(), *result;

	for (size_t i = 0; i < json_array_size(denials); i++) {
		const json_t *denial = json_array_get(denials, i);
		char *key = key_of(denial);

		if (key && !json_object_get(rows, key))
			json_object_set_new_nocheck(rows, key, new_row(denial));
		if (key)
			add(json_object_get(rows, key), denial);
		free(key);
	}
	result = sorted(rows);
	json_decref(rows);
	json_decref(denials);
	return result;
}
