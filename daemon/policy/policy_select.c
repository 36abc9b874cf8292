/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_tenant.h"
#include "policy/policy_text.h"

/* The feature of every service that is the on-premises data gateway. */
static const char data_gateway[] = "data-gateway";
#define GATEWAY_CALLS_OUT "a data gateway calls out, nothing inbound is needed"

/* An entry while its words are looked up. */
struct selector {
	const struct policy_input *input;
	const struct config_entry *entry;
	const struct catalog_service *service;
	struct catalog_selection words;
	struct policy_tenant tenant;
};

static int add_features(const struct catalog_service *service, struct policy_list *out)
{
	int result = 0;

	for (size_t i = 0; i < service->row_count && !result; i++)
		result = policy_text_add_word(out, service->rows[i].feature);
	return result;
}

static int add_clouds(const struct catalog_service *service, struct policy_list *out)
{
	int result = 0;

	for (size_t i = 0; i < service->row_count; i++)
		for (size_t k = 0; k < service->rows[i].clouds.count && !result; k++)
			result = policy_text_add_word(out, service->rows[i].clouds.items[k]);
	return result;
}

static int add_regions(const struct catalog_service *service, struct policy_list *out)
{
	int result = 0;

	for (size_t i = 0; i < service->row_count; i++)
		for (size_t k = 0; k < service->rows[i].regions.count && !result; k++)
			result = policy_text_add_word(out, service->rows[i].regions.items[k]);
	return result;
}

static const char *find_word(const struct policy_list *words, const char *wanted)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *word = *(const char **)policy_list_at(words, i);

		if (strcmp(word, wanted) == 0)
			return word;
	}
	return NULL;
}

/* "allow.intune.features[2]": the part after the entry's name. */
static void tell_item(const struct selector *selector, const char *setting, unsigned int line, size_t index,
		      const char *text, const char *what, const char *more)
{
	char where[64];

	snprintf(where, sizeof(where), "%s[%zu]", setting, index);
	policy_input_tell(selector->input, PROBLEM_ERROR, selector->entry, line, where, "\"%.150s\" %s%s", text, what,
			  more ? more : "");
}

/* Looks every word of a setting up among the lawful ones; `resolve` turns another spelling into the lawful one. */
static int look_up(const struct selector *selector, const struct config_texts *texts, const char *setting,
		   struct policy_list *lawful, const char *(*resolve)(const struct catalog *, const char *),
		   struct catalog_list *out)
{
	const char **items = arena_array(selector->input->arena, texts->count, sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < texts->count; i++) {
		const char *text = texts->items[i].text;
		const char *word = find_word(lawful, resolve ? resolve(selector->input->catalog, text) : text);
		char what[128], *more;

		items[i] = word ? word : text;
		if (word)
			continue;
		more = policy_text_lawful(lawful, text);
		snprintf(what, sizeof(what), "is not one of the %s of %s", setting, selector->service->name);
		tell_item(selector, setting, texts->items[i].line, i, text, what, more);
		free(more);
	}
	*out = (struct catalog_list) { items, texts->count };
	return 0;
}

static const char *region_name(const struct catalog *catalog, const char *spelling)
{
	const struct catalog_region *region = catalog_find_region(catalog, spelling);

	return region ? region->name : spelling;
}

static int look_up_words(struct selector *selector)
{
	const struct config_entry *entry = selector->entry;
	struct policy_list lawful = POLICY_LIST_OF(const char *);
	int result = add_features(selector->service, &lawful);

	if (!result)
		result = look_up(selector, &entry->features, "features", &lawful, NULL, &selector->words.features);
	lawful.count = 0;
	if (!result)
		result = add_clouds(selector->service, &lawful);
	if (!result)
		result = look_up(selector, &entry->clouds, "clouds", &lawful, NULL, &selector->words.clouds);
	lawful.count = 0;
	if (!result)
		result = add_regions(selector->service, &lawful);
	if (!result)
		result = look_up(selector, &entry->regions, "regions", &lawful, region_name, &selector->words.regions);
	policy_list_clear(&lawful);
	return result;
}

/* Which ways the rows of a feature (NULL: of any) go. */
static void find_directions(const struct catalog_service *service, const char *feature, bool *inbound, bool *other)
{
	*inbound = *other = false;
	for (size_t i = 0; i < service->row_count; i++) {
		if (feature && strcmp(service->rows[i].feature, feature) != 0)
			continue;
		if (service->rows[i].direction == CATALOG_INBOUND)
			*inbound = true;
		else
			*other = true;
	}
}

static void check_feature_direction(const struct selector *selector, size_t index)
{
	const struct config_text *feature = &selector->entry->features.items[index];
	bool inbound, other;
	char what[512];

	find_directions(selector->service, feature->text, &inbound, &other);
	if (!selector->entry->inbound && inbound && !other) {
		snprintf(what, sizeof(what),
			 "holds sources, not destinations: %.150s calls you from these addresses; they belong under "
			 "`inbound`, "
			 "with the servers that they may reach in `to`",
			 selector->service->title);
		tell_item(selector, "features", feature->line, index, feature->text, what, NULL);
	} else if (selector->entry->inbound && !inbound && other) {
		tell_item(selector, "features", feature->line, index, feature->text,
			  strcmp(feature->text, data_gateway) == 0
				  ? "under `inbound`: " GATEWAY_CALLS_OUT "; it belongs under `allow`"
				  : "has no addresses that call you; what is called belongs under `allow`",
			  NULL);
	}
}

static void check_directions(const struct selector *selector)
{
	bool inbound, other;

	for (size_t i = 0; i < selector->entry->features.count; i++)
		check_feature_direction(selector, i);
	find_directions(selector->service, NULL, &inbound, &other);
	if (selector->entry->features.count == 0 && selector->entry->inbound && !inbound)
		policy_input_tell(selector->input, PROBLEM_ERROR, selector->entry, selector->entry->service.line,
				  "service",
				  "\"%s\" has no addresses that call you; what is called belongs under `allow`",
				  selector->service->name);
}

static bool names_data_gateway(const struct config_entry *entry)
{
	for (size_t i = 0; i < entry->features.count; i++)
		if (strcmp(entry->features.items[i].text, data_gateway) == 0)
			return true;
	return false;
}

/* People who read both pages open their network to connectors that would never come. */
static void refuse_connectors_beside_gateway(const struct selector *selector)
{
	const struct config *config = selector->input->config;

	for (size_t i = 0; i < config->entry_count; i++) {
		const struct config_entry *other = &config->entries[i];

		if (other->inbound || !names_data_gateway(other))
			continue;
		policy_input_tell(selector->input, PROBLEM_ERROR, selector->entry, selector->entry->service.line,
				  "service",
				  "the addresses from which %s calls are let in although allow.%s selects \"%s\" (line "
				  "%u): " GATEWAY_CALLS_OUT "; leave one of the two out",
				  selector->service->title, other->name, data_gateway, other->features.line);
		return;
	}
}

static bool takes(const struct selector *selector, const struct catalog_selection *words, const struct catalog_row *row)
{
	struct catalog_selection one = *words;
	bool any = selector->tenant.unit_count == 0 && catalog_row_selected(row, &one);

	for (size_t i = 0; i < selector->tenant.unit_count && !any; i++) {
		one.scale_unit = selector->tenant.units[i];
		any = catalog_row_selected(row, &one);
	}
	/* regions that the entry names say more than the one of the tenant */
	return any && (words->regions.count || policy_tenant_fits(&selector->tenant, selector->input->catalog, row));
}

static size_t count_taken(const struct selector *selector, const struct catalog_selection *words)
{
	size_t count = 0;

	for (size_t i = 0; i < selector->service->row_count; i++)
		count += takes(selector, words, &selector->service->rows[i]);
	return count;
}

enum wider { WIDER_OPTIONAL, WIDER_BROAD, WIDER_RENTABLE, WIDER_CLOUDS, WIDER_REGIONS, WIDER_ALL };

static struct catalog_selection widen(const struct catalog_selection *words, enum wider how)
{
	static const char *const every_cloud[] = { "public", "gcc", "gcc-high", "dod", "china" };
	struct catalog_selection wider = *words;

	if (how == WIDER_OPTIONAL || how == WIDER_ALL)
		wider.optional = true;
	if (how == WIDER_BROAD || how == WIDER_ALL)
		wider.broad = true;
	if (how == WIDER_RENTABLE || how == WIDER_ALL)
		wider.rentable = true;
	if (how == WIDER_CLOUDS || how == WIDER_ALL)
		wider.clouds = (struct catalog_list) { every_cloud, 5 };
	if (how == WIDER_REGIONS || how == WIDER_ALL)
		wider.regions.count = 0;
	return wider;
}

/* What would have to be said for `words` to take at least one row. */
static const char *how_to_widen(const struct selector *selector, const struct catalog_selection *words)
{
	static const char *const hints[] = {
		[WIDER_OPTIONAL] = "its rows are not required ones: `optional = true` takes them",
		[WIDER_BROAD] = "its rows open a whole company's names: `broad = true` takes them",
		[WIDER_RENTABLE] = "`rentable = false` leaves all of it out",
		[WIDER_CLOUDS] = "its rows belong to other `clouds`",
		[WIDER_REGIONS] = "its rows belong to other `regions`",
		[WIDER_ALL] = "its rows are optional, broad, rentable, or of other clouds or regions",
	};
	struct selector anywhere = *selector;

	for (enum wider how = WIDER_OPTIONAL; how <= WIDER_ALL; how++) {
		struct catalog_selection wider = widen(words, how);

		if (count_taken(selector, &wider))
			return hints[how];
	}
	anywhere.tenant = (struct policy_tenant) { NULL, 0, NULL };
	if (count_taken(&anywhere, words))
		return "its rows belong to other tenant locations";
	return "its rows are not published (pending or superseded), or must be named as `features`";
}

/* A feature that was named and brings nothing is as good as a misspelled one. */
static void tell_empty_features(const struct selector *selector)
{
	for (size_t i = 0; i < selector->words.features.count; i++) {
		struct catalog_selection one = selector->words;
		char setting[64];

		one.features = (struct catalog_list) { &selector->words.features.items[i], 1 };
		if (count_taken(selector, &one))
			continue;
		snprintf(setting, sizeof(setting), "features[%zu]", i);
		policy_input_tell(selector->input, PROBLEM_WARNING, selector->entry,
				  selector->entry->features.items[i].line, setting, "\"%s\" selects nothing here: %s",
				  one.features.items[0], how_to_widen(selector, &one));
	}
}

static int collect(const struct selector *selector, struct policy_selection *out)
{
	size_t count = count_taken(selector, &selector->words), at = 0;
	const struct catalog_row **rows = arena_array(selector->input->arena, count, sizeof(struct catalog_row *));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < selector->service->row_count; i++)
		if (takes(selector, &selector->words, &selector->service->rows[i]))
			rows[at++] = &selector->service->rows[i];
	if (count == 0)
		policy_input_tell(selector->input, PROBLEM_ERROR, selector->entry, selector->entry->service.line,
				  "service", "nothing of \"%s\" is selected: %s", selector->service->name,
				  how_to_widen(selector, &selector->words));
	else
		tell_empty_features(selector);
	*out = (struct policy_selection) { selector->service, rows, count };
	return 0;
}

static void tell_unknown_service(const struct policy_input *input, const struct config_entry *entry)
{
	struct policy_list names = POLICY_LIST_OF(const char *);
	char *lawful;

	for (size_t i = 0; i < input->catalog->service_count; i++)
		policy_text_add_word(&names, input->catalog->services[i].name);
	lawful = policy_text_lawful(&names, entry->service.text);
	policy_input_tell(input, PROBLEM_ERROR, entry, entry->service.line, "service",
			  "\"%.150s\" is not a service of the catalog%s", entry->service.text, lawful ? lawful : "");
	free(lawful);
	policy_list_clear(&names);
}

/* Ports beside a service alone would say nothing: the rows have their own. */
static void check_ports(const struct policy_input *input, const struct config_entry *entry)
{
	if (!entry->inbound && entry->port_count && !entry->names.count && !entry->addresses.count)
		policy_input_tell(input, PROBLEM_ERROR, entry, entry->ports_line, "ports",
				  "the rows of \"%.150s\" have ports of their own; these would be for the entry's own "
				  "`names` and "
				  "`addresses`, and it has none",
				  entry->service.text);
}

int policy_select_rows(const struct policy_input *input, const struct config_entry *entry, struct policy_selection *out)
{
	struct selector selector = {
		.input = input,
		.entry = entry,
		.words = { .optional = entry->optional,
			   .rentable = entry->rentable,
			   .broad = entry->broad,
			   .direction = entry->inbound ? CATALOG_INBOUND : CATALOG_OUTBOUND },
	};
	size_t errors = input->problems->errors;
	int result;

	*out = (struct policy_selection) { NULL, NULL, 0 };
	if (!entry->service.text || !input->catalog)
		return 0;
	check_ports(input, entry);
	selector.service = catalog_find_service(input->catalog, entry->service.text);
	if (!selector.service) {
		tell_unknown_service(input, entry);
		return 0;
	}
	result = look_up_words(&selector);
	if (!result)
		result = policy_tenant_find(input, entry, selector.service, &selector.tenant);
	if (result)
		return result;
	check_directions(&selector);
	if (entry->inbound && input->problems->errors == errors)
		refuse_connectors_beside_gateway(&selector);
	return input->problems->errors == errors ? collect(&selector, out) : 0;
}
