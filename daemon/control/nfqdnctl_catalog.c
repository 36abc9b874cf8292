/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_catalog.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/describe.h"
#include "control/json.h"
#include "control/nfqdnctl_feed.h"
#include "control/nfqdnctl_print.h"
#include "control/nfqdnctl_table.h"
#include "control/protocol.h"
#include "policy/catalog.h"

#ifndef NFQDN_DATADIR
#define NFQDN_DATADIR "/usr/share/nfqdn"
#endif

/* ---- rows as JSON ---- */

static const char *direction_name(enum catalog_direction direction)
{
	switch (direction) {
	case CATALOG_OUTBOUND:
		return "outbound";
	case CATALOG_INBOUND:
		return "inbound";
	case CATALOG_PEER:
		return "peer";
	case CATALOG_MAIL:
		return "mail";
	}
	return "";
}

static const char *state_name(enum catalog_state state)
{
	switch (state) {
	case CATALOG_PUBLISHED:
		return "published";
	case CATALOG_PENDING:
		return "pending";
	case CATALOG_SUPERSEDED:
		return "superseded";
	}
	return "";
}

static json_t *list_json(const struct catalog_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		control_json_add(&array, control_json_text(list->items[i]));
	return array;
}

static void add_lists(json_t **object, const struct catalog_row *row)
{
	control_json_set(object, "names", list_json(&row->urls));
	control_json_set(object, "prefixes", list_json(&row->ips));
	control_json_set(object, "ports", control_describe_ports(row->ports, row->port_count));
	control_json_set(object, "clouds", list_json(&row->clouds));
	control_json_set(object, "regions", list_json(&row->regions));
	control_json_set(object, "scale_units", list_json(&row->scale_units));
}

static void add_flags(json_t **object, const struct catalog_row *row)
{
	control_json_set(object, "direction", json_string(direction_name(row->direction)));
	control_json_set(object, "state", json_string(state_name(row->state)));
	control_json_set(object, "required", json_boolean(row->required));
	control_json_set(object, "opt_in", json_boolean(row->opt_in));
	control_json_set(object, "rentable", json_boolean(row->rentable));
	control_json_set(object, "broad", json_boolean(row->broad));
}

static json_t *row_json(const struct catalog_row *row)
{
	json_t *object = json_object();

	control_json_set(&object, "row", control_describe_row(row));
	control_json_set(&object, "service", control_json_text(row->service));
	control_json_set(&object, "feature", control_json_text(row->feature));
	control_json_set(&object, "id", control_json_text(row->id));
	control_json_set(&object, "title", control_json_text(row->title));
	add_lists(&object, row);
	add_flags(&object, row);
	control_json_set(&object, "category", control_json_text(row->category));
	control_json_set(&object, "as_of", control_json_text(row->as_of));
	control_json_set(&object, "until", control_json_text(row->until));
	control_json_set(&object, "document", control_json_text(row->document));
	control_json_set(&object, "section", control_json_text(row->section));
	control_json_set(&object, "version", control_json_text(row->version));
	control_json_set(&object, "see_also", control_json_text(row->see_also));
	control_json_set(&object, "notes", control_json_text(row->notes));
	return object;
}

/* ---- the list as JSON ---- */

static void add_words(json_t **array, const struct catalog_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!control_json_holds(*array, list->items[i]))
			control_json_add(array, control_json_text(list->items[i]));
}

/* One feature of a service, or (feature NULL) all of it. */
static json_t *summary_json(const struct catalog_service *service, const char *feature)
{
	json_t *object = json_object(), *clouds = json_array(), *regions = json_array(), *units = json_array();
	json_t *directions = json_array();
	size_t rows = 0;
	bool opt_in = true;

	for (size_t i = 0; i < service->row_count; i++) {
		const struct catalog_row *row = &service->rows[i];

		if (feature && strcmp(row->feature, feature) != 0)
			continue;
		rows++;
		opt_in = opt_in && row->opt_in;
		add_words(&clouds, &row->clouds);
		add_words(&regions, &row->regions);
		add_words(&units, &row->scale_units);
		if (!control_json_holds(directions, direction_name(row->direction)))
			control_json_add(&directions, json_string(direction_name(row->direction)));
	}
	control_json_set(&object, feature ? "feature" : "service",
			 control_json_text(feature ? feature : service->name));
	control_json_set(&object, "rows", control_json_count(rows));
	control_json_set(&object, "opt_in", json_boolean(opt_in));
	control_json_set(&object, "directions", directions);
	control_json_set(&object, "clouds", clouds);
	control_json_set(&object, "regions", regions);
	control_json_set(&object, "scale_units", units);
	return object;
}

static bool is_first_of_feature(const struct catalog_service *service, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(service->rows[i].feature, service->rows[index].feature) == 0)
			return false;
	return true;
}

static json_t *service_json(const struct catalog_service *service)
{
	json_t *object = summary_json(service, NULL), *features = json_array();

	for (size_t i = 0; i < service->row_count; i++)
		if (is_first_of_feature(service, i))
			control_json_add(&features, summary_json(service, service->rows[i].feature));
	control_json_set(&object, "title", control_json_text(service->title));
	control_json_set(&object, "features", features);
	return object;
}

static json_t *regions_json(const struct catalog *catalog)
{
	json_t *array = json_array();

	for (size_t i = 0; i < catalog->region_count; i++) {
		json_t *object = json_object();

		control_json_set(&object, "region", control_json_text(catalog->regions[i].name));
		control_json_set(&object, "aliases", list_json(&catalog->regions[i].aliases));
		control_json_add(&array, object);
	}
	return array;
}

static json_t *tenants_json(const struct catalog *catalog)
{
	json_t *array = json_array();

	for (size_t i = 0; i < catalog->tenant_count; i++) {
		json_t *object = json_object();

		control_json_set(&object, "location", control_json_text(catalog->tenants[i].location));
		control_json_set(&object, "aliases", list_json(&catalog->tenants[i].aliases));
		control_json_set(&object, "prefixes", list_json(&catalog->tenants[i].prefixes));
		control_json_set(&object, "region", control_json_text(catalog->tenants[i].region));
		control_json_add(&array, object);
	}
	return array;
}

static json_t *catalog_json(const struct catalog *catalog)
{
	json_t *object = json_object(), *services = json_array();

	for (size_t i = 0; i < catalog->service_count; i++)
		control_json_add(&services, service_json(&catalog->services[i]));
	control_json_set(&object, "api", json_integer(CONTROL_API));
	control_json_set(&object, "services", services);
	control_json_set(&object, "regions", regions_json(catalog));
	control_json_set(&object, "tenants", tenants_json(catalog));
	return object;
}

/* ---- the list as text ---- */

static void print_features(const json_t *service, FILE *out)
{
	static const char *const headers[] = { "FEATURE", ">ROWS", "DIRECTION", "CLOUDS", "", NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);
	const json_t *features = json_object_get(service, "features");

	for (size_t i = 0; i < json_array_size(features); i++) {
		const json_t *feature = json_array_get(features, i);

		nfqdnctl_table_cell(table, nfqdnctl_print_member(feature, "feature"));
		nfqdnctl_table_number(table, json_integer_value(json_object_get(feature, "rows")));
		nfqdnctl_print_cell(table, json_object_get(feature, "directions"));
		nfqdnctl_print_cell(table, json_object_get(feature, "clouds"));
		nfqdnctl_table_cell(table, json_is_true(json_object_get(feature, "opt_in")) ? "only by name" : NULL);
	}
	nfqdnctl_table_print(table, 2, out);
	nfqdnctl_print_words("regions", json_object_get(service, "regions"), out);
	nfqdnctl_print_words("units", json_object_get(service, "scale_units"), out);
}

static void cell_member(struct nfqdnctl_table *table, const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);

	if (json_is_array(member))
		nfqdnctl_print_cell(table, member);
	else
		nfqdnctl_table_cell(table, nfqdnctl_print_member(object, key));
}

static void print_places(const json_t *places, const char *const *headers, const char *const *keys, FILE *out)
{
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(places); i++)
		for (size_t k = 0; keys[k]; k++)
			cell_member(table, json_array_get(places, i), keys[k]);
	nfqdnctl_table_print(table, 0, out);
}

static void print_catalog(const json_t *result, FILE *out)
{
	static const char *const region_headers[] = { "REGION", "ALSO SPELLED", NULL };
	static const char *const region_keys[] = { "region", "aliases", NULL };
	static const char *const tenant_headers[] = { "TENANT", "SCALE UNITS", "REGION", "ALSO SPELLED", NULL };
	static const char *const tenant_keys[] = { "location", "prefixes", "region", "aliases", NULL };
	const json_t *services = json_object_get(result, "services");

	for (size_t i = 0; i < json_array_size(services); i++) {
		const json_t *service = json_array_get(services, i);

		fprintf(out, "%s: %s, %lld rows\n", nfqdnctl_print_member(service, "service"),
			nfqdnctl_print_member(service, "title"),
			(long long)json_integer_value(json_object_get(service, "rows")));
		print_features(service, out);
		fputc('\n', out);
	}
	print_places(json_object_get(result, "regions"), region_headers, region_keys, out);
	fputc('\n', out);
	print_places(json_object_get(result, "tenants"), tenant_headers, tenant_keys, out);
}

/* ---- rows as text ---- */

static void print_flags(const json_t *row, FILE *out)
{
	static const char *const words[] = { "rentable", "broad", NULL };

	fprintf(out, "  %-9s %s, %s, %s", "kind", nfqdnctl_print_member(row, "direction"),
		nfqdnctl_print_member(row, "state"),
		json_is_true(json_object_get(row, "required")) ? "required" : "optional");
	if (json_is_true(json_object_get(row, "opt_in")))
		fputs(", only by name", out);
	for (size_t i = 0; words[i]; i++)
		if (json_is_true(json_object_get(row, words[i])))
			fprintf(out, ", %s", words[i]);
	fputc('\n', out);
}

static void print_line(const json_t *row, const char *key, FILE *out)
{
	const char *text = nfqdnctl_print_member(row, key);

	if (text[0] == '\0')
		return;
	fprintf(out, "  %-9s ", key);
	nfqdnctl_table_text(text, out);
	fputc('\n', out);
}

static void print_row(const json_t *row, FILE *out)
{
	fprintf(out, "%s: ", nfqdnctl_print_member(row, "row"));
	nfqdnctl_table_text(nfqdnctl_print_member(row, "title"), out);
	fputc('\n', out);
	nfqdnctl_print_words("names", json_object_get(row, "names"), out);
	nfqdnctl_print_words("ranges", json_object_get(row, "prefixes"), out);
	nfqdnctl_print_words("ports", json_object_get(row, "ports"), out);
	nfqdnctl_print_words("clouds", json_object_get(row, "clouds"), out);
	nfqdnctl_print_words("regions", json_object_get(row, "regions"), out);
	nfqdnctl_print_words("units", json_object_get(row, "scale_units"), out);
	print_flags(row, out);
	print_line(row, "as_of", out);
	print_line(row, "until", out);
	print_line(row, "document", out);
	print_line(row, "section", out);
	print_line(row, "version", out);
	print_line(row, "see_also", out);
	print_line(row, "notes", out);
}

/* ---- show ---- */

/* A word of SERVICE/FEATURE/ID: NULL stands for all. */
struct selector {
	const char *service, *feature, *id;
};

static bool selects(const struct selector *selector, const struct catalog_row *row)
{
	return strcmp(row->service, selector->service) == 0 &&
	       (!selector->feature || strcmp(row->feature, selector->feature) == 0) &&
	       (!selector->id || strcmp(row->id, selector->id) == 0);
}

static json_t *selected_json(const struct catalog *catalog, const struct selector *selector)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < catalog->service_count; i++)
		for (size_t k = 0; k < catalog->services[i].row_count; k++)
			if (selects(selector, &catalog->services[i].rows[k]))
				control_json_add(&rows, row_json(&catalog->services[i].rows[k]));
	return rows;
}

/* The nearest service, or feature of the service that is right. */
static void tell_nearest(const struct catalog *catalog, const struct selector *selector)
{
	const struct catalog_service *service = catalog_find_service(catalog, selector->service);
	size_t count = service ? service->row_count : catalog->service_count;
	const char **names = calloc(count + 1, sizeof(*names));
	const char *word = service ? selector->feature : selector->service, *nearest = NULL;

	for (size_t i = 0; names && i < count; i++)
		names[i] = service ? service->rows[i].feature : catalog->services[i].name;
	if (names && word)
		nearest = problem_nearest(word, names);
	if (nearest && strcmp(nearest, word) != 0)
		fprintf(stderr, "; did you mean \"%s%s%s\"?", service ? service->name : "", service ? "/" : "",
			nearest);
	free(names);
}

static void print_rows_json(json_t *rows)
{
	json_t *result = json_pack("{s:i, s:O}", "api", CONTROL_API, "rows", rows);

	json_dumpf(result, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(result);
}

static void print_rows(json_t *rows)
{
	nfqdnctl_print_clean(rows);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		fputs(i ? "\n" : "", stdout);
		print_row(json_array_get(rows, i), stdout);
	}
}

/* Ends `text` at its first slash; what follows that, or NULL. */
static char *cut(char *text)
{
	char *slash = strchr(text, '/');

	if (!slash)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

static int show(const struct catalog *catalog, char *word, bool json)
{
	char *feature = cut(word), *id = feature ? cut(feature) : NULL;
	struct selector selector = { .service = word, .feature = feature, .id = id };
	json_t *rows = selected_json(catalog, &selector);
	size_t count = json_array_size(rows);

	if (count == 0) {
		fprintf(stderr, "nfqdnctl: the catalog has no such rows");
		tell_nearest(catalog, &selector);
		fputc('\n', stderr);
	}
	if (json)
		print_rows_json(rows);
	else
		print_rows(rows);
	json_decref(rows);
	return count > 0 ? NFQDNCTL_YES : NFQDNCTL_NO;
}

static int list(const struct catalog *catalog, bool json)
{
	json_t *result = catalog_json(catalog);

	if (json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		nfqdnctl_print_clean(result);
		print_catalog(result, stdout);
	}
	json_decref(result);
	return NFQDNCTL_YES;
}

/* ---- the command ---- */

struct folders {
	const char *items[NFQDNCTL_CATALOGS];
	size_t count;
	char *copy; /* of NFQDN_CATALOG, cut at its colons */
};

static void take_folders(const struct nfqdnctl_options *options, bool overlay, struct folders *folders)
{
	const char *variable = getenv("NFQDN_CATALOG");
	char *rest, *folder;

	*folders = (struct folders) { .count = options->catalog_count };
	memcpy(folders->items, options->catalogs, sizeof(folders->items));
	if (folders->count > 0)
		return;
	folders->copy = rest = variable && variable[0] ? strdup(variable) : NULL;
	while ((folder = strsep(&rest, ":")) && folders->count < NFQDNCTL_CATALOGS)
		if (folder[0])
			folders->items[folders->count++] = folder;
	if (folders->count > 0)
		return;
	folders->items[folders->count++] = NFQDN_DATADIR "/data";
	if (overlay && access(NFQDNCTL_OVERLAY, F_OK) == 0)
		folders->items[folders->count++] = NFQDNCTL_OVERLAY;
}

/* `overlay`: of what is installed, the imported lists, too, as nfqdnd reads them. */
static const struct catalog *load(const struct nfqdnctl_options *options, bool overlay, struct arena *arena,
				  struct problems *problems)
{
	struct folders folders;
	const struct catalog *catalog;

	take_folders(options, overlay, &folders);
	catalog = catalog_load(arena, folders.items, folders.count, problems);
	free(folders.copy);
	return catalog;
}

const struct catalog *nfqdnctl_catalog_load(const struct nfqdnctl_options *options, struct arena *arena,
					    struct problems *problems)
{
	return load(options, false, arena, problems);
}

/* `shown`: what to show; NULL: the list. */
static int run(char *shown, const struct nfqdnctl_options *options, struct arena *arena)
{
	struct problems problems = { 0 };
	const struct catalog *catalog = load(options, true, arena, &problems);
	int status = NFQDNCTL_NO;

	problem_print(&problems, stderr);
	if (catalog)
		status = shown ? show(catalog, shown, options->json) : list(catalog, options->json);
	problem_clear(&problems);
	return status;
}

int nfqdnctl_catalog_run(char **words, const struct nfqdnctl_options *options, const char **why)
{
	bool is_list = !words[0] || (strcmp(words[0], "list") == 0 && !words[1]);
	bool is_show = words[0] && strcmp(words[0], "show") == 0 && words[1] && !words[2];
	struct arena *arena;
	int status;

	if (words[0] && (strcmp(words[0], "import") == 0 || strcmp(words[0], "diff") == 0))
		return nfqdnctl_feed_run(words, options, why);
	*why = "it takes `list` or `show SERVICE[/FEATURE[/ID]]`, `import` or `diff`";
	if (!is_list && !is_show)
		return NFQDNCTL_USAGE;
	*why = "--to, --select and what follows them is for `import` and `diff`";
	if (nfqdnctl_feed_options(options))
		return NFQDNCTL_USAGE;
	arena = arena_new();
	if (!arena)
		return NFQDNCTL_NO;
	status = run(is_show ? words[1] : NULL, options, arena);
	arena_free(arena);
	return status;
}
