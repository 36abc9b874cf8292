/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "policy/config_list.h"
#include "policy/config_scalar.h"

#define ENTRY_NAME_MAX 63

/* Settings */

static void read_group(struct config_reader *reader, const config_setting_t *group, enum option_group id,
		       unsigned int flags, void *base);

static void read_inner(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		       unsigned int flags, void *base)
{
	if (config_setting_type(setting) == CONFIG_TYPE_GROUP)
		read_group(reader, setting, option->inner, flags, base);
	else
		config_reader_error(reader, config_reader_line(setting),
				    reader->json ? "%s was found where a group is expected: write \"%s\": { ... }"
						 : "%s was found where a group is expected: write %s = { ... };",
				    config_reader_type(setting), option->name);
}

static void read_setting(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
			 unsigned int flags, void *base)
{
	/* a row with neither words nor a place is one of which nothing is built */
	if ((option->flags & OPTION_LATER) != 0 && option->words == NULL)
		config_reader_error(reader, config_reader_line(setting),
				    "this setting is not yet possible, it is not built yet: leave it out");
	else if (option->type == OPTION_GROUP)
		read_inner(reader, setting, option, flags, base);
	else if (option_is_list(option))
		config_list_read(reader, setting, option, base);
	else
		config_scalar_read(reader, setting, option, base);
}

static const char *const root_names[] = { "gateway", "allow", "inbound", NULL };

static bool is_root_name(const char *name)
{
	for (const char *const *known = root_names; *known != NULL; known++)
		if (strcmp(name, *known) == 0)
			return true;
	return false;
}

/* What people write, and the setting that they mean. */
struct other_name {
	const char *written, *meant;
};

static const struct other_name other_names[] = {
	{ "dns", "resolvers" },
	{ "nameservers", "resolvers" },
	{ "dns-servers", "resolvers" },
	{ "domains", "names" },
	{ "hosts", "names" },
	{ "fqdns", "names" },
	{ "urls", "names" },
	{ "ips", "addresses" },
	{ "networks", "addresses" },
	{ "subnets", "addresses" },
	{ "cidrs", "addresses" },
	{ "prefixes", "addresses" },
	{ "sources", "clients" },
	{ "destinations", "addresses" },
	{ "destination", "to" },
	{ "protocols", "ports" },
	{ "maximum", "max" },
	{ "minimum", "min" },
	{ "ttl", "lifetime" },
	{ "timeout", "lifetime" },
	{ "socket", "control" },
	{ "loglevel", "log-level" },
	{ "level", "log-level" },
	{ "nft-table", "table" },
	{ "scale-unit", "tenant" },
	{ "scale-units", "tenant" },
};

static const char *nearest_name(enum option_group id, unsigned int flags, const char *written)
{
	const char *names[OPTION_NAMES];

	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++) {
		const struct option *option = option_find(id, other_names[i].meant);

		if (strcasecmp(other_names[i].written, written) == 0 && option != NULL &&
		    (flags == 0 || (option->flags & flags) != 0))
			return option->name;
	}
	return problem_nearest(written, option_names(id, flags, names));
}

/* The group in which a setting of this name stands, or NULL. */
static const char *home_of(const char *name)
{
	for (const struct option *option = option_table; option->name != NULL; option++)
		if (strcmp(option->name, name) == 0)
			return option->group == OPTION_ENTRY && (option->flags & OPTION_ALLOW) == 0
				       ? "inbound.NAME"
				       : option_group_path(option->group);
	return NULL;
}

static void tell_unknown(struct config_reader *reader, const config_setting_t *setting, const char *near)
{
	const char *name = config_setting_name(setting);
	const char *home = home_of(name);

	if (is_root_name(name))
		config_reader_error(reader, config_reader_line(setting),
				    "%s does not stand here: it is a group at the top of the file", name);
	else if (home != NULL)
		config_reader_error(reader, config_reader_line(setting), "%s does not stand here: it belongs to %s",
				    name, home);
	else if (near != NULL)
		config_reader_error(reader, config_reader_line(setting), "unknown setting; did you mean %s?", near);
	else
		config_reader_error(reader, config_reader_line(setting), "unknown setting");
}

/* Why a setting of the other kind of entries has no place in this one. */
static const char *why_misplaced(const char *name, bool inbound)
{
	if (strcmp(name, "names") == 0)
		return "inbound has no names: who connects is known by its address alone, and nfqdn cannot look names "
		       "up for "
		       "packets that come in; write the sources as addresses, or a service whose rows are addresses";
	if (strcmp(name, "clients") == 0)
		return "inbound has no clients: what may be reached stands in \"to\", who may reach it in "
		       "\"addresses\"";
	if (!inbound)
		return "this stands under inbound only: an allow entry is about where clients may connect to, which is "
		       "\"names\" and \"addresses\"";
	return "this stands under allow only: it is about names, and inbound has none";
}

static void read_group(struct config_reader *reader, const config_setting_t *group, enum option_group id,
		       unsigned int flags, void *base)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		const char *name = config_setting_name(setting);
		const struct option *option = option_find(id, name);
		size_t back = config_reader_enter(reader, name);

		if (option == NULL)
			tell_unknown(reader, setting, nearest_name(id, flags, name));
		else if (flags != 0 && (option->flags & flags) == 0)
			config_reader_error(reader, config_reader_line(setting), "%s",
					    why_misplaced(name, flags == OPTION_INBOUND));
		else
			read_setting(reader, setting, option, flags, base);
		config_reader_leave(reader, back);
	}
}

/* Entries */

static bool has(const config_setting_t *group, const char *name)
{
	return config_setting_get_member(group, name) != NULL;
}

static void check_entry_name(struct config_reader *reader, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);

	if (strlen(name) > ENTRY_NAME_MAX)
		config_reader_error(reader, config_reader_line(setting),
				    "the entry's name is too long: at most %d characters", ENTRY_NAME_MAX);
	if (strchr(name, '*') != NULL)
		config_reader_error(reader, config_reader_line(setting),
				    "an entry's name has letters, digits, '-' and '_', no '*'");
}

/* Settings that say something about what the entry does not have. */
static void check_dependents(struct config_reader *reader, const config_setting_t *entry)
{
	bool service = has(entry, "service"), learned = service || has(entry, "names");

	for (const struct option *option = option_table; option->name != NULL; option++) {
		const config_setting_t *setting = config_setting_get_member(entry, option->name);
		size_t back;

		if (option->group != OPTION_ENTRY || setting == NULL)
			continue;
		back = config_reader_enter(reader, option->name);
		if ((option->flags & OPTION_SERVICE) != 0 && !service)
			config_reader_error(
				reader, config_reader_line(setting),
				"this selects among the rows of a service, but the entry has no \"service\"");
		if ((option->flags & OPTION_LEARNED) != 0 && !learned)
			config_reader_warning(reader, config_reader_line(setting),
					      "this has no effect: the entry has neither \"service\" nor \"names\"");
		config_reader_leave(reader, back);
	}
}

static void check_parts(struct config_reader *reader, const config_setting_t *entry, bool inbound)
{
	unsigned int line = config_reader_line(entry);

	if (!inbound && !has(entry, "service") && !has(entry, "names") && !has(entry, "addresses"))
		config_reader_error(reader, line,
				    "the entry allows nothing: it needs \"service\", \"names\" or \"addresses\"");
	if (inbound && !has(entry, "service") && !has(entry, "addresses") && !has(entry, "names"))
		config_reader_error(reader, line,
				    "the entry lets nobody in: it needs \"service\" or \"addresses\" as sources");
	if (inbound && !has(entry, "to"))
		config_reader_error(reader, line,
				    "the entry needs \"to\": the addresses that may be reached, as they are after "
				    "destination NAT");
	if (inbound && !has(entry, "ports"))
		config_reader_error(reader, line, "the entry needs \"ports\", for example [ \"tcp/1433\" ]");
}

static void read_entry(struct config_reader *reader, const config_setting_t *setting, bool inbound,
		       struct config_entry *entry)
{
	check_entry_name(reader, setting);
	entry->name = config_reader_keep(reader, config_setting_name(setting));
	entry->line = config_reader_line(setting);
	entry->inbound = inbound;
	read_group(reader, setting, OPTION_ENTRY, inbound ? OPTION_INBOUND : OPTION_ALLOW, entry);
	check_dependents(reader, setting);
	check_parts(reader, setting, inbound);
}

static void tell_no_entry(struct config_reader *reader, const config_setting_t *setting, const char *kind)
{
	const char *name = config_setting_name(setting);

	if (option_find(OPTION_ENTRY, name) != NULL)
		config_reader_error(
			reader, config_reader_line(setting),
			reader->json ? "%s stands in an entry, and an entry has a name of yours: write \"%s\": { "
				       "\"NAME\": { \"%s\": ... } }"
				     : "%s stands in an entry, and an entry has a name of yours: write %s: { NAME: { "
				       "%s = ...; }; };",
			name, kind, name);
	else
		config_reader_error(reader, config_reader_line(setting),
				    reader->json ? "%s was found where an entry is expected: write \"%s\": { ... }"
						 : "%s was found where an entry is expected: write %s: { ... };",
				    config_reader_type(setting), name);
}

static void read_entries(struct config_reader *reader, const config_setting_t *root, bool inbound,
			 const struct config_entry *fresh, struct config_entry *entries, unsigned int *count)
{
	const char *kind = inbound ? "inbound" : "allow";
	const config_setting_t *group = config_reader_group(root, kind);
	size_t outer = config_reader_enter(reader, kind);

	for (int i = 0; group != NULL && i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		size_t back = config_reader_enter(reader, config_setting_name(setting));

		if (config_setting_type(setting) != CONFIG_TYPE_GROUP) {
			tell_no_entry(reader, setting, kind);
		} else if (*count == LIMIT_ENTRIES) {
			config_reader_error(reader, config_reader_line(setting),
					    "too many entries: this one is beyond the limit of %d", LIMIT_ENTRIES);
			group = NULL;
		} else {
			entries[*count] = *fresh;
			read_entry(reader, setting, inbound, &entries[(*count)++]);
		}
		config_reader_leave(reader, back);
	}
	config_reader_leave(reader, outer);
}

/* The whole */

static void check_root(struct config_reader *reader, const config_setting_t *root)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *setting = config_setting_get_elem(root, (unsigned int)i);
		const char *name = config_setting_name(setting);
		size_t back = config_reader_enter(reader, name);

		if (!is_root_name(name))
			tell_unknown(reader, setting, problem_nearest(name, root_names));
		else if (config_setting_type(setting) != CONFIG_TYPE_GROUP)
			config_reader_error(reader, config_reader_line(setting),
					    reader->json
						    ? "%s was found where a group is expected: write \"%s\": { ... }"
						    : "%s was found where a group is expected: write %s: { ... };",
					    config_reader_type(setting), name);
		config_reader_leave(reader, back);
	}
}

static unsigned int members(const config_setting_t *root, const char *name)
{
	const config_setting_t *group = config_reader_group(root, name);

	return group == NULL ? 0 : (unsigned int)config_setting_length(group);
}

static int read_default(struct config_reader *reader, const struct option *option, void *base)
{
	config_t file;
	char text[256];
	int result = -ENOMEM;

	snprintf(text, sizeof(text), "v = %s;", option->fallback);
	config_init(&file);
	if (config_read_string(&file, text) == CONFIG_TRUE) {
		read_setting(reader, config_lookup(&file, "v"), option, 0, base);
		result = 0;
	}
	config_destroy(&file);
	return result;
}

static int read_defaults(struct config_reader *reader, bool entry, void *base)
{
	for (const struct option *option = option_table; option->name != NULL; option++) {
		bool of_entry = option->group == OPTION_ENTRY || option->group == OPTION_ENTRY_LIFETIME;

		if (of_entry != entry)
			continue;
		if ((option->flags & OPTION_INHERIT) != 0)
			*(uint32_t *)((char *)base + option->offset) = CONFIG_INHERIT;
		if (option->fallback != NULL && read_default(reader, option, base) != 0)
			return -ENOMEM;
	}
	return reader->no_memory ? -ENOMEM : 0;
}

int config_read_defaults(struct config_reader *reader, struct config *config)
{
	return read_defaults(reader, false, config);
}

void config_read_root(struct config_reader *reader, const config_setting_t *root, struct config *config)
{
	const config_setting_t *gateway = config_reader_group(root, "gateway");
	struct config_entry fresh = { 0 }, *entries;
	unsigned int size = members(root, "allow") + members(root, "inbound");

	check_root(reader, root);
	entries = arena_array(reader->arena, size < LIMIT_ENTRIES ? size : LIMIT_ENTRIES, sizeof(*entries));
	if (entries == NULL || read_defaults(reader, true, &fresh) != 0) {
		reader->no_memory = true;
		return;
	}
	if (gateway != NULL) {
		size_t back = config_reader_enter(reader, "gateway");

		read_group(reader, gateway, OPTION_GATEWAY, 0, config);
		config_reader_leave(reader, back);
	}
	config->entries = entries;
	read_entries(reader, root, false, &fresh, entries, &config->entry_count);
	read_entries(reader, root, true, &fresh, entries, &config->entry_count);
}
