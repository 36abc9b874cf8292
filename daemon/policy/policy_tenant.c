/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_tenant.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/policy_text.h"

static int collect_units(const struct catalog_service *service, struct policy_list *units)
{
	for (size_t i = 0; i < service->row_count; i++)
		for (size_t k = 0; k < service->rows[i].scale_units.count; k++)
			if (policy_text_add_word(units, service->rows[i].scale_units.items[k]))
				return -ENOMEM;
	return 0;
}

/* The tenant location that a spelling of `length` characters means. */
static const struct catalog_tenant *find_location(const struct catalog *catalog, const char *spelling, size_t length)
{
	char *word = strndup(spelling, length);
	const struct catalog_tenant *found = NULL;

	for (size_t i = 0; word && i < catalog->tenant_count && !found; i++) {
		const struct catalog_tenant *tenant = &catalog->tenants[i];

		if (catalog_same_word(tenant->location, word))
			found = tenant;
		for (size_t k = 0; k < tenant->aliases.count && !found; k++)
			if (catalog_same_word(tenant->aliases.items[k], word))
				found = tenant;
	}
	free(word);
	return found;
}

static const struct catalog_tenant *location_of_unit(const struct catalog *catalog, const char *unit)
{
	for (size_t i = 0; i < catalog->tenant_count; i++)
		for (size_t k = 0; k < catalog->tenants[i].prefixes.count; k++) {
			const char *prefix = catalog->tenants[i].prefixes.items[k];

			if (strncasecmp(unit, prefix, strlen(prefix)) == 0)
				return &catalog->tenants[i];
		}
	return NULL;
}

/* True when the unit is one of the location's prefixes followed by the number. */
static bool unit_means(const char *unit, const struct catalog_tenant *location, const char *number)
{
	for (size_t i = 0; i < location->prefixes.count; i++) {
		size_t length = strlen(location->prefixes.items[i]);

		if (strncasecmp(unit, location->prefixes.items[i], length) == 0 && strcmp(unit + length, number) == 0)
			return true;
	}
	return false;
}

static void tell(const struct policy_input *input, const struct config_entry *entry, const char *what, char *words)
{
	policy_input_tell(input, PROBLEM_ERROR, entry, entry->tenant.line, "tenant", "\"%.150s\": %s%s",
			  entry->tenant.text, what, words ? words : "");
	free(words);
}

static void tell_unknown_location(const struct policy_input *input, const struct config_entry *entry)
{
	struct policy_list names = POLICY_LIST_OF(const char *);

	for (size_t i = 0; i < input->catalog->tenant_count; i++)
		policy_text_add_word(&names, input->catalog->tenants[i].location);
	tell(input, entry,
	     "not a tenant location; write it as the Intune admin center shows it, as in \"North America 0501\", or a "
	     "scale unit "
	     "like AMSUA0501; known locations: ",
	     policy_text_join(&names));
	policy_list_clear(&names);
}

static void tell_unknown_unit(const struct policy_input *input, const struct config_entry *entry,
			      const struct policy_list *units, const struct catalog_tenant *location, bool number)
{
	struct policy_list known = POLICY_LIST_OF(const char *);
	char what[256];

	for (size_t i = 0; i < units->count; i++) {
		const char *unit = *(const char **)policy_list_at(units, i);

		if (location_of_unit(input->catalog, unit) == location)
			policy_text_add_word(&known, unit);
	}
	snprintf(what, sizeof(what), "%s; known scale units of %.100s: ",
		 number ? "no such scale unit" : "the number is missing, as in \"North America 0501\"",
		 location->location);
	tell(input, entry, what, policy_text_join(&known));
	policy_list_clear(&known);
}

/* Keeps those of `units` that the spelling means. */
static int pick_units(const struct policy_list *units, const char *spelling, const struct catalog_tenant *location,
		      const char *number, struct policy_list *picked)
{
	for (size_t i = 0; i < units->count; i++) {
		const char *unit = *(const char **)policy_list_at(units, i);

		if (!catalog_same_word(unit, spelling) && !(location && unit_means(unit, location, number)))
			continue;
		if (!policy_list_add(picked, &unit))
			return -ENOMEM;
	}
	return 0;
}

static int look_up(const struct policy_input *input, const struct config_entry *entry, const struct policy_list *units,
		   struct policy_tenant *out)
{
	struct policy_list picked = POLICY_LIST_OF(const char *);
	const char *text = entry->tenant.text, *number = text + strlen(text);
	const struct catalog_tenant *location;
	int result;

	while (number > text && isdigit((unsigned char)number[-1]))
		number--;
	location = find_location(input->catalog, text, (size_t)(number - text));
	result = pick_units(units, text, location, number, &picked);
	if (!result && !picked.count && !location)
		location = location_of_unit(input->catalog, text);
	if (!result && picked.count) {
		if (!location)
			location = location_of_unit(input->catalog, *(const char **)policy_list_at(&picked, 0));
		out->units = policy_list_keep(&picked, input->arena);
		out->unit_count = out->units ? picked.count : 0;
		out->region = location ? catalog_find_region(input->catalog, location->region)->name : NULL;
		result = out->units ? 0 : -ENOMEM;
	} else if (!result && location) {
		tell_unknown_unit(input, entry, units, location, *number != '\0');
	} else if (!result) {
		tell_unknown_location(input, entry);
	}
	policy_list_clear(&picked);
	return result;
}

int policy_tenant_find(const struct policy_input *input, const struct config_entry *entry,
		       const struct catalog_service *service, struct policy_tenant *out)
{
	struct policy_list units = POLICY_LIST_OF(const char *);
	int result;

	if (!entry->tenant.text)
		return 0;
	result = collect_units(service, &units);
	if (!result && units.count == 0)
		policy_input_tell(input, PROBLEM_ERROR, entry, entry->tenant.line, "tenant",
				  "%s has no scale units, so a tenant selects nothing of it; leave the setting out",
				  service->name);
	else if (!result)
		result = look_up(input, entry, &units, out);
	policy_list_clear(&units);
	return result;
}

static bool is_location_region(const struct catalog *catalog, const char *region)
{
	for (size_t i = 0; i < catalog->tenant_count; i++)
		if (catalog_find_region(catalog, catalog->tenants[i].region) == catalog_find_region(catalog, region))
			return true;
	return false;
}

bool policy_tenant_fits(const struct policy_tenant *tenant, const struct catalog *catalog,
			const struct catalog_row *row)
{
	bool elsewhere = false;

	if (!tenant->region)
		return true;
	for (size_t i = 0; i < row->regions.count; i++) {
		if (catalog_same_word(row->regions.items[i], tenant->region))
			return true;
		elsewhere |= is_location_region(catalog, row->regions.items[i]);
	}
	return !elsewhere;
}
