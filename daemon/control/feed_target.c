/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/feed_target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "control/feed_m365.h"
#include "control/feed_tags.h"
#include "policy/value.h"

static const struct ready {
	const char *name, *service, *title, *words, *direction, *tcp_ports;
	enum feed_kind kind;
	bool by_region;
} ready[] = {
	{ "intune-live", "intune", "Microsoft Intune", "MEM", "outbound", "", FEED_M365, false },
	{ "connectors-live", "power-automate", "Microsoft Power Automate", "AzureConnectors", "inbound", "", FEED_TAGS,
	  true },
	{ "http-actions-live", "power-automate", "Microsoft Power Automate",
	  "LogicApps,PowerPlatformPlex,PowerPlatformInfra", "inbound", "", FEED_TAGS, true },
	{ "power-bi-live", "power-bi", "Microsoft Power BI", "PowerBI", "outbound", "443", FEED_TAGS, false },
};
#define READY (sizeof(ready) / sizeof(ready[0]))

const char *feed_target_ready(enum feed_kind kind, size_t index)
{
	for (size_t i = 0; i < READY; i++)
		if (ready[i].kind == kind && index-- == 0)
			return ready[i].name;
	return NULL;
}

static const struct ready *find_ready(const char *name)
{
	for (size_t i = 0; i < READY; i++)
		if (strcasecmp(ready[i].name, name) == 0)
			return &ready[i];
	return NULL;
}

/* "a, b,c": the words without the blanks around them. */
static json_t *split(const char *text)
{
	json_t *words = json_array();

	while (text && *text) {
		size_t blanks = strspn(text, " \t"), length = strcspn(text, ","), end = length;

		while (end > blanks && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		if (end > blanks)
			json_array_append_new(words, json_stringn(text + blanks, end - blanks));
		text += length + (text[length] == ',');
	}
	return words;
}

static void add_port(char *out, const char *text)
{
	size_t used = strlen(out);

	snprintf(out + used, FEED_PORTS_SIZE - used, "%s%s", used ? "," : "", text);
}

/* "tcp/443,udp/3478-3481" */
static int read_ports(const char *text, struct feed_target *target, const char **why)
{
	json_t *words = split(text);
	int result = json_array_size(words) ? 0 : -EINVAL;

	*why = "--ports is a list such as tcp/443,udp/3478-3481";
	for (size_t i = 0; i < json_array_size(words) && !result; i++) {
		char written[VALUE_PORTS_TEXT_SIZE];
		struct value_ports ports;
		const char *ignored;

		result = value_ports_from_text(json_string_value(json_array_get(words, i)), &ports, &ignored);
		if (!result && ports.proto == VALUE_ICMP)
			result = -EINVAL;
		if (!result)
			add_port(ports.proto == VALUE_TCP ? target->tcp_ports : target->udp_ports,
				 value_ports_to_text(&ports, written) + strlen("tcp/"));
	}
	json_decref(words);
	return result;
}

static int ready_target(const struct feed_wish *wish, const char *word, struct feed_target *out, const char **why)
{
	const struct ready *one = find_ready(word);

	*why = "ready-made selections are intune-live (of m365), connectors-live, http-actions-live and power-bi-live "
	       "(of service-tags); they do not mix with other words";
	if (!one || one->kind != wish->kind)
		return -EINVAL;
	snprintf(out->name, sizeof(out->name), "%s", one->name);
	out->service = one->service;
	out->title = one->title;
	out->feature = one->name;
	out->words = split(one->words);
	out->regions = json_array();
	out->by_region = one->by_region;
	out->direction = one->direction;
	out->instance = wish->instance ? feed_m365_instance(wish->instance) : "Worldwide";
	snprintf(out->tcp_ports, sizeof(out->tcp_ports), "%s", one->tcp_ports);
	/* another cloud's Intune stands beside the worldwide one */
	if (wish->kind == FEED_M365 && out->instance && strcmp(out->instance, "Worldwide") != 0) {
		char instance[32];

		feed_word(out->instance, instance, sizeof(instance));
		snprintf(out->name, sizeof(out->name), "%s-%s", one->name, instance);
	}
	return 0;
}

static int own_name(const struct feed_wish *wish, struct feed_target *out, const char **why)
{
	const char *name = wish->name ? wish->name : wish->kind == FEED_M365 ? "m365" : "azure";
	char word[LIMIT_CATALOG_WORD + 1];

	*why = "--name is a word of small letters, digits and '-', such as build-servers, and no service of the "
	       "built-in catalog";
	if (strlen(name) >= sizeof(out->name) || strcmp(feed_word(name, word, sizeof(word)), name) != 0 ||
	    strcmp(name, "regions") == 0)
		return -EINVAL;
	for (size_t i = 0; i < READY; i++)
		if (strcmp(ready[i].service, name) == 0 || strcmp(ready[i].name, name) == 0)
			return -EINVAL;
	snprintf(out->name, sizeof(out->name), "%s", name);
	return 0;
}

static int own_direction(const struct feed_wish *wish, struct feed_target *out, const char **why)
{
	*why = "--direction says what the addresses are: inbound (they call you) or outbound (you call them)";
	if (!wish->direction)
		return -EINVAL;
	if (strcasecmp(wish->direction, "inbound") == 0) {
		out->direction = "inbound";
		*why = "--ports is for --direction outbound: where callers may go, `to` and `ports` of the "
		       "configuration's inbound entry say";
		return wish->ports ? -EINVAL : 0;
	}
	out->direction = "outbound";
	if (strcasecmp(wish->direction, "outbound") != 0)
		return -EINVAL;
	return read_ports(wish->ports ? wish->ports : "tcp/443", out, why);
}

static int own_target(const struct feed_wish *wish, struct feed_target *out, const char **why)
{
	int result = own_name(wish, out, why);

	if (result)
		return result;
	out->title = wish->kind == FEED_M365 ? "Microsoft 365 endpoints" : "Azure service tags";
	out->instance = wish->instance ? feed_m365_instance(wish->instance) : "Worldwide";
	out->words = split(wish->kind == FEED_M365 ? wish->select : wish->tags);
	out->regions = split(wish->regions);
	*why = wish->kind == FEED_M365
		       ? "--select is missing: a ready-made selection (intune-live), or service areas, ids, "
			 "Optimize, Allow, Default, required, all, with commas between"
		       : "--tags is missing: names of service tags with commas between, or * for every one; or "
			 "--select with a ready-made selection (connectors-live, http-actions-live, power-bi-live)";
	if (json_array_size(out->words) == 0)
		return -EINVAL;
	return wish->kind == FEED_M365 ? 0 : own_direction(wish, out, why);
}

static int check_wish(const struct feed_wish *wish, const char **why)
{
	*why = "--instance is Worldwide, USGovDoD, USGovGCCHigh or China";
	if (wish->instance && !feed_m365_instance(wish->instance))
		return -EINVAL;
	*why = "--tags, --regions, --direction and --ports are for service-tags";
	if (wish->kind == FEED_M365 && (wish->tags || wish->regions || wish->direction || wish->ports))
		return -EINVAL;
	*why = "--instance is for m365: a file of service tags says its cloud itself";
	if (wish->kind == FEED_TAGS && wish->instance)
		return -EINVAL;
	*why = "--select names ready-made selections here, which have tags, regions, direction, ports and a name";
	if (wish->kind == FEED_TAGS && wish->select &&
	    (wish->tags || wish->regions || wish->direction || wish->ports || wish->name))
		return -EINVAL;
	return 0;
}

int feed_target_list(const struct feed_wish *wish, struct feed_target out[FEED_TARGETS], const char **why)
{
	json_t *words = split(wish->select);
	bool own = wish->kind == FEED_TAGS ? !wish->select : true;
	int count = 0, result = check_wish(wish, why);

	for (size_t i = 0; i < json_array_size(words); i++)
		own = own && !find_ready(json_string_value(json_array_get(words, i)));
	memset(out, 0, FEED_TARGETS * sizeof(*out));
	if (!result && own)
		result = own_target(wish, &out[count++], why);
	*why = !result && !own && json_array_size(words) == 0 ? "--select is empty" : *why;
	if (!result && !own && (json_array_size(words) == 0 || json_array_size(words) > FEED_TARGETS))
		result = -EINVAL;
	for (size_t i = 0; i < json_array_size(words) && !result && !own; i++)
		result = ready_target(wish, json_string_value(json_array_get(words, i)), &out[count++], why);
	json_decref(words);
	for (int i = 0; i < count && !result; i++)
		out[i].service = out[i].service ? out[i].service : out[i].name;
	if (result)
		feed_target_clear(out, count);
	return result ? result : count;
}

void feed_target_clear(struct feed_target *targets, int count)
{
	for (int i = 0; i < count; i++) {
		json_decref(targets[i].words);
		json_decref(targets[i].regions);
		targets[i].words = targets[i].regions = NULL;
	}
}

static json_t *as_array(json_t *rows)
{
	json_t *array = json_array(), *row;
	const char *key;

	json_object_foreach(rows, key, row) json_array_append(array, row);
	return array;
}

json_t *feed_target_read(const struct feed_target *target, enum feed_kind kind, struct feed *feed, const json_t *root,
			 json_t *figures)
{
	const struct feed_m365_wanted m365 = { target->words, target->feature, target->instance };
	const struct feed_tags_wanted tags = { .tags = target->words,
					       .regions = target->regions,
					       .feature = target->feature,
					       .by_region = target->by_region,
					       .direction = target->direction,
					       .tcp_ports = target->tcp_ports,
					       .udp_ports = target->udp_ports };
	size_t errors = feed->problems->errors;
	json_t *file = NULL;

	feed->rows = json_object();
	switch (kind) {
	case FEED_M365:
		feed_m365_read(feed, root, &m365, figures);
		break;
	case FEED_TAGS:
		feed_tags_read(feed, root, &tags, figures);
		break;
	}
	feed_finish(feed);
	if (feed->problems->errors == errors)
		file = json_pack("{s:i, s:s, s:s, s:o}", "format", 1, "service", target->service, "title",
				 target->title, "rows", as_array(feed->rows));
	json_decref(feed->rows);
	feed->rows = NULL;
	return file;
}
