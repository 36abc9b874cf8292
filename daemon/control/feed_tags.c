/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/feed_tags.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "policy/catalog.h"

/* The tags of which the addresses of 2020, listed by the catalog's regions, are part today. */
static const struct region {
	const char *name;
	const char *azure[8];
} regions[] = {
	{ "Asia Pacific", { "eastasia", "southeastasia", NULL } },
	{ "Australia", { "australiaeast", "australiasoutheast", NULL } },
	{ "Canada", { "canadacentral", "canadaeast", NULL } },
	{ "Europe", { "northeurope", "westeurope", NULL } },
	{ "Germany", { "germanynorth", "germanywestcentral", NULL } },
	{ "India", { "centralindia", "southindia", "westindia", NULL } },
	{ "Japan", { "japaneast", "japanwest", NULL } },
	{ "South America", { "brazilsouth", "southcentralus", NULL } },
	{ "United Arab Emirates", { "uaecentral", NULL } },
	{ "United Kingdom", { "uksouth", "ukwest", NULL } },
	{ "United States", { "centralus", "eastus", "eastus2", "northcentralus", "westus", NULL } },
	{ "Preview (United States)", { "westcentralus", "westus2", NULL } },
};
#define REGIONS (sizeof(regions) / sizeof(regions[0]))
#define ELSEWHERE "Elsewhere"

static const char *const clouds_public[] = { "public", NULL };
static const char *const clouds_government[] = { "gcc", "gcc-high", "dod", NULL };
static const char *const clouds_china[] = { "china", NULL };

/* The file while it is read. */
struct tags {
	struct feed *feed;
	const struct feed_tags_wanted *wanted;
	json_t *index; /* name in small letters -> array of the file's entries of that name */
	json_t *selected; /* figures of the tags that were taken */
	const char *cloud;
	const char *const *clouds;
};

const char *const *feed_tags_regions(const char *region)
{
	for (size_t i = 0; i < REGIONS; i++)
		if (catalog_same_word(regions[i].name, region))
			return regions[i].azure;
	return NULL;
}

/* ---- the file ---- */

static void lower(const char *text, char *out, size_t size)
{
	size_t i = 0;

	for (; text[i] && i + 1 < size; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[i] = '\0';
}

static void add_to_index(json_t *index, const char *name, json_t *entry)
{
	char key[128];
	json_t *entries;

	lower(name, key, sizeof(key));
	entries = json_object_get(index, key);
	if (!entries) {
		entries = json_array();
		json_object_set_new(index, key, entries);
	}
	json_array_append(entries, entry);
}

static void index_entry(struct tags *tags, json_t *entry, size_t at)
{
	const json_t *name = json_object_get(entry, "name");
	const char *text = json_string_value(name);
	char where[64];

	snprintf(where, sizeof(where), "values[%zu]", at);
	if (!json_is_object(entry))
		feed_fault(tags->feed, where, "", entry, "a tag, an object, is expected");
	else if (!text || !*text || strlen(text) > 100)
		feed_fault(tags->feed, where, "name", name, "the tag's name is expected");
	else if (!json_is_object(json_object_get(entry, "properties")))
		feed_fault(tags->feed, text, "properties", json_object_get(entry, "properties"),
			   "an object is expected");
	else
		add_to_index(tags->index, text, entry);
}

/* The prefixes of every entry of that name, into the set `out`; the file's spelling of the name, NULL when there is no
 * such tag. */
static const char *collect(struct tags *tags, const char *name, json_t *out)
{
	const json_t *entries;
	const char *spelled = NULL;
	char key[128];

	lower(name, key, sizeof(key));
	entries = json_object_get(tags->index, key);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);
		const json_t *properties = json_object_get(entry, "properties");

		spelled = spelled ? spelled : json_string_value(json_object_get(entry, "name"));
		feed_add_prefixes(tags->feed, spelled, "addressPrefixes",
				  json_object_get(properties, "addressPrefixes"), out);
	}
	return spelled;
}

static bool is_ipv6(const char *text)
{
	return strchr(text, ':') != NULL;
}

static size_t count_ipv6(const json_t *set)
{
	size_t count = 0;
	const char *text;
	json_t *ignored;

	json_object_foreach((json_t *)set, text, ignored) count += is_ipv6(text);
	return count;
}

static void set_number(json_t *object, const char *key, size_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void count_selected(struct tags *tags, const char *name, const json_t *prefixes)
{
	size_t ipv6 = count_ipv6(prefixes);
	json_t *figures = json_object();

	set_number(figures, "ipv4", json_object_size(prefixes) - ipv6);
	set_number(figures, "ipv6", ipv6);
	json_object_set_new(tags->selected, name, figures);
}

/* ---- rows ---- */

static void add_row(struct tags *tags, const char *feature, const char *id, const char *name, const char *region,
		    const json_t *prefixes)
{
	const struct feed_tags_wanted *wanted = tags->wanted;
	char title[200], document[96], section[160];
	bool regional = region && strcmp(region, ELSEWHERE) != 0;
	struct feed_row row = {
		.feature = feature,
		.id = id,
		.title = title,
		.tcp_ports = wanted->tcp_ports,
		.udp_ports = wanted->udp_ports,
		.region = region,
		.document = document,
		.section = section,
		.direction = wanted->direction,
		.clouds = tags->clouds,
		.prefixes = prefixes,
		.required = true,
	};

	snprintf(title, sizeof(title), "Service tag %.90s%s%.40s", name, region ? ", " : "", region ? region : "");
	snprintf(document, sizeof(document), "Azure service tags, %.40s", tags->cloud);
	snprintf(section, sizeof(section), "%.90s%s", name,
		 regional ? " of the region's own tags"
		 : region ? ", less what is in the regions' tags"
			  : "");
	feed_add_row(tags->feed, &row);
}

static void tell_no_tag(struct tags *tags, const char *name)
{
	size_t count = json_object_size(tags->index);
	const char *names[1024] = { NULL };
	const char *key, *nearest = NULL;
	char wanted[128];
	json_t *ignored;
	size_t n = 0;

	lower(name, wanted, sizeof(wanted));
	/* the nearest one among those that begin alike: there are thousands */
	json_object_foreach(tags->index, key, ignored)
	{
		if (n + 1 < sizeof(names) / sizeof(names[0]) && key[0] == wanted[0])
			names[n++] = key;
	}
	nearest = problem_nearest(wanted, names);
	feed_refuse(tags->feed, "none of its %zu tags is called \"%.80s\"%s%s%s", count, name,
		    nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* One row of one tag as it stands. */
static void take_tag(struct tags *tags, const char *name, bool must)
{
	json_t *prefixes = json_object();
	const char *spelled = collect(tags, name, prefixes);
	char feature[LIMIT_CATALOG_WORD + 1], id[LIMIT_CATALOG_WORD + 1];

	if (!spelled && must)
		tell_no_tag(tags, name);
	if (spelled) {
		const char *dot = strchr(spelled, '.');
		char base[128];

		snprintf(base, sizeof(base), "%.*s", dot ? (int)(dot - spelled) : 120, spelled);
		feed_word(tags->wanted->feature ? tags->wanted->feature : base, feature, sizeof(feature));
		feed_word(tags->wanted->feature ? spelled : dot ? dot + 1 : "all", id, sizeof(id));
		count_selected(tags, spelled, prefixes);
		add_row(tags, feature, id, spelled, NULL, prefixes);
	}
	json_decref(prefixes);
}

static void take_regional_tag(struct tags *tags, const char *name, const char *region)
{
	const char *const *azure = feed_tags_regions(region);
	const char *alone[] = { region, NULL };
	char full[128];

	for (const char *const *one = azure ? azure : alone; *one; one++) {
		snprintf(full, sizeof(full), "%.80s.%.40s", name, *one);
		take_tag(tags, full, true);
	}
}

/* The prefixes of the tag in one of the catalog's regions. */
static json_t *collect_region(struct tags *tags, const char *name, const struct region *region)
{
	json_t *prefixes = json_object();
	char full[128];

	for (const char *const *azure = region->azure; *azure; azure++) {
		snprintf(full, sizeof(full), "%.80s.%.40s", name, *azure);
		collect(tags, full, prefixes);
	}
	return prefixes;
}

/* Every region's prefixes too: a tag is not always the sum of its regions, nor do they always lie in it. */
static void collect_regions(struct tags *tags, const char *name, json_t *out)
{
	char begin[128];
	const char *key;
	json_t *ignored;

	lower(name, begin, sizeof(begin) - 1);
	snprintf(begin + strlen(begin), 2, ".");
	json_object_foreach(tags->index, key, ignored)
	{
		if (strncmp(key, begin, strlen(begin)) == 0)
			collect(tags, key, out);
	}
}

static void remove_all(json_t *set, const json_t *gone)
{
	const char *text;
	json_t *ignored;

	json_object_foreach((json_t *)gone, text, ignored) json_object_del(set, text);
}

/* A feature of one tag has rows called "europe"; one of several "logicapps-europe". */
static void row_id(const struct tags *tags, const char *name, const char *region, char out[LIMIT_CATALOG_WORD + 1])
{
	bool several = json_array_size(tags->wanted->tags) > 1;
	char text[160];

	snprintf(text, sizeof(text), "%.80s%s%.40s", several ? name : "", several ? "-" : "", region);
	feed_word(text, out, LIMIT_CATALOG_WORD + 1);
}

static void take_by_region(struct tags *tags, const char *name)
{
	json_t *rest = json_object();
	const char *spelled = collect(tags, name, rest);
	char id[LIMIT_CATALOG_WORD + 1];

	if (!spelled) {
		tell_no_tag(tags, name);
		json_decref(rest);
		return;
	}
	count_selected(tags, spelled, rest);
	collect_regions(tags, name, rest);
	for (size_t i = 0; i < REGIONS; i++) {
		json_t *prefixes = collect_region(tags, name, &regions[i]);

		row_id(tags, spelled, regions[i].name, id);
		add_row(tags, tags->wanted->feature, id, spelled, regions[i].name, prefixes);
		remove_all(rest, prefixes);
		json_decref(prefixes);
	}
	row_id(tags, spelled, ELSEWHERE, id);
	add_row(tags, tags->wanted->feature, id, spelled, ELSEWHERE, rest);
	json_decref(rest);
}

static void take_wanted(struct tags *tags, const char *name)
{
	const json_t *wanted = tags->wanted->regions;
	const char *key;
	json_t *ignored;

	if (strcmp(name, "*") == 0)
		json_object_foreach(tags->index, key, ignored) take_tag(tags, key, false);
	else if (tags->wanted->by_region)
		take_by_region(tags, name);
	else if (json_array_size(wanted) == 0)
		take_tag(tags, name, true);
	for (size_t i = 0; i < json_array_size(wanted) && strcmp(name, "*") != 0; i++)
		take_regional_tag(tags, name, json_string_value(json_array_get(wanted, i)));
}

/* ---- figures ---- */

static void put_figures(json_t *out, const struct tags *tags, const json_t *values)
{
	json_t *all = json_object();
	size_t ipv6;

	for (size_t i = 0; i < json_array_size(values); i++) {
		const json_t *properties = json_object_get(json_array_get(values, i), "properties");
		const json_t *list = json_object_get(properties, "addressPrefixes");

		for (size_t k = 0; k < json_array_size(list); k++)
			if (json_is_string(json_array_get(list, k)))
				json_object_set_new(all, json_string_value(json_array_get(list, k)), json_true());
	}
	ipv6 = count_ipv6(all);
	json_object_set_new(out, "cloud", json_string(tags->cloud));
	json_object_set_new(out, "version", json_string(tags->feed->version));
	set_number(out, "tags", json_object_size(tags->index));
	set_number(out, "prefixes", json_object_size(all));
	set_number(out, "ipv4", json_object_size(all) - ipv6);
	set_number(out, "ipv6", ipv6);
	if (!json_object_get(out, "selected"))
		json_object_set_new(out, "selected", json_object());
	json_object_update(json_object_get(out, "selected"), tags->selected);
	json_decref(all);
}

/* ---- all of it ---- */

/* "Public", "AzureGovernment", "AzureUSGovernment", "China", "AzureChina": the spelling varies. */
static void read_cloud(struct tags *tags, const json_t *root)
{
	const json_t *cloud = json_object_get(root, "cloud");
	const char *text = json_string_value(cloud);

	tags->cloud = text && *text && strlen(text) < 40 ? text : "Public";
	tags->clouds = clouds_public;
	if (strcasestr(tags->cloud, "china"))
		tags->clouds = clouds_china;
	else if (strcasestr(tags->cloud, "gov"))
		tags->clouds = clouds_government;
	else if (!text || strcasecmp(text, "public") != 0)
		feed_fault(tags->feed, "", "cloud", cloud ? cloud : json_null(),
			   "Public, AzureGovernment or China is expected; read as Public");
}

static bool read_head(struct tags *tags, const json_t *root, char version[24])
{
	const json_t *number = json_object_get(root, "changeNumber");
	const json_t *values = json_object_get(root, "values");

	if (!json_is_object(root) || !json_is_array(values)) {
		feed_refuse(tags->feed, "holds no list \"values\": this is not Azure's file of service tags");
		return false;
	}
	if (json_array_size(values) == 0) {
		feed_refuse(tags->feed, "holds no service tags");
		return false;
	}
	read_cloud(tags, root);
	if (json_is_integer(number) && json_integer_value(number) >= 0)
		snprintf(version, 24, "%lld", (long long)json_integer_value(number));
	else
		feed_fault(tags->feed, "", "changeNumber", number ? number : json_null(), "a number is expected");
	return true;
}

void feed_tags_read(struct feed *feed, const json_t *root, const struct feed_tags_wanted *wanted, json_t *figures)
{
	struct tags tags = { .feed = feed, .wanted = wanted, .index = json_object(), .selected = json_object() };
	const json_t *values = json_object_get(root, "values");
	char version[24] = "";

	if (read_head(&tags, root, version)) {
		feed->version = *version ? version : feed->version;
		for (size_t i = 0; i < json_array_size(values); i++)
			index_entry(&tags, json_array_get(values, i), i);
		for (size_t i = 0; i < json_array_size(wanted->tags); i++)
			take_wanted(&tags, json_string_value(json_array_get(wanted->tags, i)));
		put_figures(figures, &tags, values);
		feed->version = json_string_value(json_object_get(figures, "version"));
	}
	json_decref(tags.index);
	json_decref(tags.selected);
}
