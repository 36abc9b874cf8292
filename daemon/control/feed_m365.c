/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The format: learn.microsoft.com/microsoft-365/enterprise/microsoft-365-ip-web-service. "Omitted if blank" is not kept
 * by the service itself: "" and null occur. */
#include "control/feed_m365.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

static const struct instance {
	const char *name, *prefix; /* of ids: those of all instances can stand in one folder */
	const char *clouds[4];
} instances[] = {
	{ "Worldwide", "", { "public", "gcc", NULL } },
	{ "USGovGCCHigh", "usgovgcchigh-", { "gcc-high", NULL } },
	{ "USGovDoD", "usgovdod-", { "dod", NULL } },
	{ "China", "china-", { "china", NULL } },
};
#define INSTANCES (sizeof(instances) / sizeof(instances[0]))
static const char *const categories[] = { "Optimize", "Allow", "Default", NULL };

static const struct instance *find_instance(const char *word)
{
	for (size_t i = 0; i < INSTANCES; i++)
		if (strcasecmp(instances[i].name, word) == 0)
			return &instances[i];
	return NULL;
}

const char *feed_m365_instance(const char *word)
{
	const struct instance *instance = find_instance(word);

	return instance ? instance->name : NULL;
}

static const char *find_category(const char *word)
{
	for (size_t i = 0; categories[i]; i++)
		if (strcasecmp(categories[i], word) == 0)
			return categories[i];
	return NULL;
}

/* ---- one set ---- */

static bool is_number(const char *word)
{
	return *word && word[strspn(word, "0123456789")] == '\0';
}

struct set {
	const json_t *object;
	const char *area, *category; /* "" when it has none */
	long long id;
	bool required;
	char where[64]; /* "set 163 (MEM)" */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Older answers lack "required"; they held what is required. */
static bool is_required(const json_t *object)
{
	return !json_is_false(json_object_get(object, "required"));
}

/* False when it cannot even be told which set it is, which is then said. */
static bool read_set(struct feed *feed, const json_t *object, size_t index, struct set *set)
{
	const json_t *id = json_object_get(object, "id");
	const char *text = json_string_value(id);

	*set = (struct set) { .object = object, .area = text_of(object, "serviceArea"), .category = "" };
	set->id = json_is_integer(id) ? json_integer_value(id) : text && is_number(text) ? strtoll(text, NULL, 10) : -1;
	snprintf(set->where, sizeof(set->where), "[%zu]", index);
	if (!json_is_object(object)) {
		feed_fault(feed, set->where, "", object, "an endpoint set, an object, is expected");
	} else if (set->id < 0 || set->id > 1000000000) {
		feed_fault(feed, set->where, "id", id, "a number is expected");
	} else if (!*set->area) {
		snprintf(set->where, sizeof(set->where), "set %lld", set->id);
		feed_fault(feed, set->where, "serviceArea", json_object_get(object, "serviceArea"),
			   "the name of a service area is expected");
	} else {
		snprintf(set->where, sizeof(set->where), "set %lld (%.30s)", set->id, set->area);
		set->category = find_category(text_of(object, "category"));
		set->category = set->category ? set->category : "";
		set->required = is_required(object);
		return true;
	}
	return false;
}

/* ---- what is wanted ---- */

static bool is_set_word(const struct set *set, const char *word)
{
	return is_number(word) ? strtoll(word, NULL, 10) == set->id : strcasecmp(word, set->area) == 0;
}

/* Areas and ids unite, categories unite, and the two narrow each other, as "required" does. */
static bool is_wanted(const struct feed_m365_wanted *wanted, const struct set *set)
{
	bool named = false, names = false, categorized = false, any_category = false, required = false;

	for (size_t i = 0; i < json_array_size(wanted->words); i++) {
		const char *word = json_string_value(json_array_get(wanted->words, i));
		const char *category = find_category(word);

		if (strcasecmp(word, "all") == 0)
			continue;
		if (strcasecmp(word, "required") == 0) {
			required = true;
		} else if (category) {
			any_category = true;
			categorized = categorized || strcmp(category, set->category) == 0;
		} else {
			names = true;
			named = named || is_set_word(set, word);
		}
	}
	return (named || !names) && (categorized || !any_category) && (set->required || !required);
}

static bool is_known_word(const json_t *root, const char *word)
{
	if (strcasecmp(word, "all") == 0 || strcasecmp(word, "required") == 0 || find_category(word))
		return true;
	for (size_t i = 0; i < json_array_size(root); i++) {
		const json_t *object = json_array_get(root, i);
		struct set set = { .area = text_of(object, "serviceArea"),
				   .id = json_integer_value(json_object_get(object, "id")) };

		if (is_set_word(&set, word))
			return true;
	}
	return false;
}

static void add_key(json_t *set, const char *key)
{
	json_object_set_new(set, key, json_true());
}

static void check_words(struct feed *feed, const json_t *root, const json_t *words)
{
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));

		if (!is_known_word(root, word))
			feed_refuse(feed,
				    "no set has the service area or id \"%.60s\" (a service area such as MEM, an id, "
				    "Optimize, Allow, Default, required or all is expected)",
				    word);
	}
}

/* ---- the row ---- */

static void add_row(struct feed *feed, const struct feed_m365_wanted *wanted, const struct set *set,
		    const struct feed_row *found)
{
	const struct instance *instance = find_instance(wanted->instance);
	char id[64], title[160], document[96], section[96], feature[LIMIT_CATALOG_WORD + 1], notes[400];
	const char *shown = text_of(set->object, "serviceAreaDisplayName");
	struct feed_row row = *found;

	snprintf(id, sizeof(id), "%s%lld", instance->prefix, set->id);
	snprintf(title, sizeof(title), "%.100s, set %lld", *shown ? shown : set->area, set->id);
	snprintf(document, sizeof(document), "Microsoft 365 endpoint service, %s", instance->name);
	snprintf(section, sizeof(section), "%.60s, set %lld", set->area, set->id);
	snprintf(notes, sizeof(notes), "%.390s", text_of(set->object, "notes"));
	feed_word(wanted->feature ? wanted->feature : set->area, feature, sizeof(feature));
	row.feature = feature;
	row.id = id;
	row.title = title;
	row.category = set->category;
	row.notes = notes;
	row.document = document;
	row.section = section;
	row.direction = "outbound";
	row.clouds = instance->clouds;
	row.required = set->required;
	feed_add_row(feed, &row);
}

static void take_set(struct feed *feed, const struct feed_m365_wanted *wanted, const struct set *set)
{
	json_t *names = json_object(), *prefixes = json_object();
	char tcp[FEED_PORTS_SIZE], udp[FEED_PORTS_SIZE];

	feed_add_names(feed, set->where, json_object_get(set->object, "urls"), names);
	feed_add_prefixes(feed, set->where, "ips", json_object_get(set->object, "ips"), prefixes);
	feed_read_ports(feed, set->where, "tcpPorts", json_object_get(set->object, "tcpPorts"), tcp);
	feed_read_ports(feed, set->where, "udpPorts", json_object_get(set->object, "udpPorts"), udp);
	if (!*tcp && !*udp)
		feed_fault(feed, set->where, "tcpPorts", NULL, "neither tcpPorts nor udpPorts says which ports");
	else
		add_row(feed, wanted, set,
			&(struct feed_row) {
				.names = names, .prefixes = prefixes, .tcp_ports = tcp, .udp_ports = udp });
	json_decref(names);
	json_decref(prefixes);
}

/* ---- figures ---- */

struct figures {
	json_t *names, *prefixes, *areas;
	size_t without_prefixes, without_names;
};

static void add_texts(json_t *set, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			add_key(set, json_string_value(json_array_get(list, i)));
}

static void count_set(struct figures *figures, const struct set *set)
{
	const json_t *urls = json_object_get(set->object, "urls"), *ips = json_object_get(set->object, "ips");
	json_int_t sets = json_integer_value(json_object_get(figures->areas, set->area));

	json_object_set_new(figures->areas, set->area, json_integer(sets + 1));
	figures->without_names += json_array_size(urls) == 0;
	figures->without_prefixes += json_array_size(ips) == 0;
	add_texts(figures->names, urls);
	add_texts(figures->prefixes, ips);
}

static size_t count_texts(const json_t *set, bool (*counts)(const char *))
{
	size_t count = 0;
	const char *text;
	json_t *ignored;

	json_object_foreach((json_t *)set, text, ignored) count += counts(text);
	return count;
}

static bool is_wildcard(const char *text)
{
	return strncmp(text, "*.", 2) == 0;
}

static bool is_ipv6(const char *text)
{
	return strchr(text, ':') != NULL;
}

static void set_number(json_t *object, const char *key, size_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void put_figures(json_t *out, const struct figures *figures, size_t sets)
{
	size_t ipv6 = count_texts(figures->prefixes, is_ipv6);

	set_number(out, "sets", sets);
	json_object_set(out, "areas", figures->areas);
	set_number(out, "names", json_object_size(figures->names));
	set_number(out, "wildcards", count_texts(figures->names, is_wildcard));
	set_number(out, "prefixes", json_object_size(figures->prefixes));
	set_number(out, "ipv4", json_object_size(figures->prefixes) - ipv6);
	set_number(out, "ipv6", ipv6);
	set_number(out, "without_prefixes", figures->without_prefixes);
	set_number(out, "without_names", figures->without_names);
}

/* ---- the list ---- */

/* The service's other answers (/version, /changes) are no endpoint sets. */
static bool is_list(struct feed *feed, const json_t *root)
{
	const json_t *first = json_array_get(root, 0);

	if (!json_is_array(root))
		feed_refuse(feed, "holds no array of endpoint sets: this is not an answer of /endpoints/INSTANCE");
	else if (json_array_size(root) == 0)
		feed_refuse(feed, "is an empty list of endpoint sets");
	else if (json_object_get(first, "endpointSetId") || json_object_get(first, "latest"))
		feed_refuse(feed, "is an answer of /version or /changes; one of /endpoints/INSTANCE is expected");
	else
		return true;
	return false;
}

void feed_m365_read(struct feed *feed, const json_t *root, const struct feed_m365_wanted *wanted, json_t *figures)
{
	struct figures counted = { json_object(), json_object(), json_object(), 0, 0 };
	size_t sets = 0;

	if (is_list(feed, root)) {
		check_words(feed, root, wanted->words);
		for (size_t i = 0; i < json_array_size(root); i++) {
			struct set set;

			if (!read_set(feed, json_array_get(root, i), i, &set))
				continue;
			sets++;
			count_set(&counted, &set);
			if (is_wanted(wanted, &set))
				take_set(feed, wanted, &set);
		}
		put_figures(figures, &counted, sets);
	}
	json_decref(counted.names);
	json_decref(counted.prefixes);
	json_decref(counted.areas);
}
