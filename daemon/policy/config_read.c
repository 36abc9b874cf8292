/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/limits.h"
#include "policy/config_list.h"

#define TABLE_NAME_MAX 32
#define ENTRY_NAME_MAX 63

/* Problems */

void config_read_tell(struct config_reader *reader, enum problem_severity severity, unsigned int line,
		      const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	problem_add(reader->problems, severity, reader->file, line, reader->path, "%s", text);
}

size_t config_read_enter(struct config_reader *reader, const char *name)
{
	size_t length = strlen(reader->path);

	snprintf(reader->path + length, sizeof(reader->path) - length, "%s%s", length == 0 ? "" : ".", name);
	return length;
}

size_t config_read_enter_item(struct config_reader *reader, unsigned int index)
{
	size_t length = strlen(reader->path);

	snprintf(reader->path + length, sizeof(reader->path) - length, "[%u]", index);
	return length;
}

void config_read_leave(struct config_reader *reader, size_t length)
{
	reader->path[length] = '\0';
}

unsigned int config_read_line(const config_setting_t *setting)
{
	return (unsigned int)(uintptr_t)config_setting_get_hook(setting);
}

const config_setting_t *config_read_group(const config_setting_t *group, const char *name)
{
	const config_setting_t *setting = config_setting_get_member(group, name);

	return setting != NULL && config_setting_type(setting) == CONFIG_TYPE_GROUP ? setting : NULL;
}

/* Plain values */

const char *config_read_type(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a group";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		return "a list";
	}
	return "nothing";
}

static bool is_text(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_STRING;
}

const char *config_read_text(struct config_reader *reader, const config_setting_t *setting)
{
	unsigned int line = config_read_line(setting);
	const char *text;

	if (!is_text(setting)) {
		config_read_error(reader, line, "%s was found where a text is expected: write it in double quotes",
				  config_read_type(setting));
		return NULL;
	}
	text = config_setting_get_string(setting);
	if (text == NULL || *text == '\0') {
		config_read_error(reader, line, "the text is empty");
		return NULL;
	}
	for (const char *at = text; *at != '\0'; at++) {
		if (iscntrl((unsigned char)*at)) {
			config_read_error(reader, line, "\"%s\" holds a control character", text);
			return NULL;
		}
	}
	return text;
}

static const char *keep(struct config_reader *reader, const char *text)
{
	const char *copy = arena_strdup(reader->arena, text);

	reader->no_memory |= copy == NULL;
	return copy;
}

static void tell_range(struct config_reader *reader, unsigned int line, const struct option *option, long long value)
{
	config_read_error(reader, line, "%lld is out of range: lawful is %u to %u%s%s%s%s", value, option->min,
			  option->max, *option->unit == '\0' ? "" : " ", option->unit,
			  option->fallback == NULL ? "" : ", the default is ",
			  option->fallback == NULL ? "" : option->fallback);
}

bool config_read_lawful_integer(const config_setting_t *setting, const struct option *option)
{
	int type = config_setting_type(setting);

	return (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) &&
	       config_setting_get_int64(setting) >= option->min && config_setting_get_int64(setting) <= option->max;
}

static bool read_integer(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
			 uint32_t *out)
{
	int type = config_setting_type(setting);
	unsigned int line = config_read_line(setting);
	long long value;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		config_read_error(reader, line, "%s was found where a number is expected: write %s%s",
				  config_read_type(setting), is_text(setting) ? "it without quotes" : "a whole number",
				  *option->unit == '\0' ? "" : ", in seconds");
		return false;
	}
	value = config_setting_get_int64(setting);
	if (!config_read_lawful_integer(setting, option)) {
		tell_range(reader, line, option, value);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

static void read_bool(struct config_reader *reader, const config_setting_t *setting, bool *out)
{
	if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
		*out = config_setting_get_bool(setting) != 0;
	else
		config_read_error(reader, config_read_line(setting), "%s was found where true or false is expected%s",
				  config_read_type(setting), is_text(setting) ? ": write it without quotes" : "");
}

/* "enforce" or "audit": the words that are built. */
static const char *lawful_words(const struct option_word *words, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (const struct option_word *word = words; word->text != NULL; word++) {
		const struct option_word *next = word + 1;

		if (word->later)
			continue;
		while (next->text != NULL && next->later)
			next++;
		used += (size_t)snprintf(out + used, size - used, "%s\"%s\"",
					 used == 0            ? ""
					 : next->text == NULL ? " or "
							      : ", ",
					 word->text);
	}
	return out;
}

static const char *nearest_word(const struct option_word *words, const char *text)
{
	const char *names[16];
	size_t count = 0;

	for (; words->text != NULL && count + 1 < 16; words++)
		if (!words->later)
			names[count++] = words->text;
	names[count] = NULL;
	return problem_nearest(text, names);
}

static void tell_word(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		      const char *text, bool later)
{
	char lawful[128];
	const char *near = nearest_word(option->words, text);

	lawful_words(option->words, lawful, sizeof(lawful));
	if (later)
		config_read_error(reader, config_read_line(setting),
				  "\"%s\" is not yet possible, it is not built yet: write %s", text, lawful);
	else
		config_read_error(reader, config_read_line(setting), "\"%s\" is not known: write %s%s%s%s", text,
				  lawful, near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
				  near == NULL ? "" : "\"?");
}

/* The place of the word in the list, or -1 after telling what is lawful. */
static int read_word(struct config_reader *reader, const config_setting_t *setting, const struct option *option)
{
	bool later = (option->flags & OPTION_LATER) != 0;
	char lawful[128];
	const char *text;

	if (!is_text(setting)) {
		config_read_error(reader, config_read_line(setting), "%s was found where a text is expected: write %s",
				  config_read_type(setting), lawful_words(option->words, lawful, sizeof(lawful)));
		return -1;
	}
	text = config_setting_get_string(setting);
	for (int i = 0; option->words[i].text != NULL; i++) {
		if (strcmp(option->words[i].text, text) != 0)
			continue;
		if (!option->words[i].later)
			return i;
		later = true;
	}
	tell_word(reader, setting, option, text, later);
	return -1;
}

/* What nft reads as an identifier in every place, and short enough for its own objects' names. */
static bool is_table_name(const char *text)
{
	size_t length = strlen(text);

	if (length > TABLE_NAME_MAX || !isalpha((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return true;
}

static void read_table(struct config_reader *reader, const config_setting_t *setting, const char **out)
{
	const char *text = config_read_text(reader, setting);

	if (text == NULL)
		return;
	if (is_table_name(text))
		*out = keep(reader, text);
	else
		config_read_error(reader, config_read_line(setting),
				  "\"%s\" is no table name: it begins with a letter and has at most %d letters, "
				  "digits, '-' and '_'",
				  text, TABLE_NAME_MAX);
}

static void read_path(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		      const char **out)
{
	const char *text = config_read_text(reader, setting);
	unsigned int line = config_read_line(setting);
	bool socket = strcmp(option->name, "control") == 0;
	size_t max = socket ? sizeof(((struct sockaddr_un *)0)->sun_path) - 1 : 4000;

	if (text == NULL)
		return;
	if (text[0] != '/')
		config_read_error(reader, line, "\"%s\" is not an absolute path: write it from / on", text);
	else if (strlen(text) > max)
		config_read_error(reader, line, "the path is too long: %s has at most %zu characters",
				  socket ? "a socket's path" : "a path", max);
	else
		*out = keep(reader, text);
}

static void read_text(struct config_reader *reader, const config_setting_t *setting, struct config_text *out)
{
	const char *text = config_read_text(reader, setting);

	if (text != NULL)
		*out = (struct config_text) { keep(reader, text), config_read_line(setting) };
}

/* Settings */

static void read_group(struct config_reader *reader, const config_setting_t *group, enum option_group id,
		       unsigned int flags, void *base);

static void read_inner(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		       unsigned int flags, void *base)
{
	if (config_setting_type(setting) == CONFIG_TYPE_GROUP)
		read_group(reader, setting, option->inner, flags, base);
	else
		config_read_error(reader, config_read_line(setting),
				  "%s was found where a group is expected: write %s = { ... };",
				  config_read_type(setting), option->name);
}

static void read_scalar(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
			void *field)
{
	uint32_t number = 0;
	int word;

	switch (option->type) {
	case OPTION_INTEGER:
		read_integer(reader, setting, option, field);
		break;
	case OPTION_INTEGER16:
		if (read_integer(reader, setting, option, &number))
			*(uint16_t *)field = (uint16_t)number;
		break;
	case OPTION_BOOL:
		read_bool(reader, setting, field);
		break;
	case OPTION_WORD:
		word = read_word(reader, setting, option);
		if (word >= 0 && option->offset != OPTION_NOWHERE)
			*(unsigned int *)field = (unsigned int)word;
		break;
	case OPTION_WORD_BOOL:
		word = read_word(reader, setting, option);
		if (word >= 0)
			*(bool *)field = word == 1;
		break;
	case OPTION_TABLE:
		read_table(reader, setting, field);
		break;
	case OPTION_PATH:
		read_path(reader, setting, option, field);
		break;
	case OPTION_TEXT:
		read_text(reader, setting, field);
		break;
	case OPTION_TEXTS:
	case OPTION_PATHS:
	case OPTION_PATTERNS:
	case OPTION_RANGES:
	case OPTION_INTERFACES:
	case OPTION_PORTS:
	case OPTION_GROUP:
		break; /* read elsewhere */
	}
}

static void read_setting(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
			 unsigned int flags, void *base)
{
	/* a row with neither words nor a place is one of which nothing is built */
	if ((option->flags & OPTION_LATER) != 0 && option->words == NULL)
		config_read_error(reader, config_read_line(setting),
				  "this setting is not yet possible, it is not built yet: leave it out");
	else if (option->type == OPTION_GROUP)
		read_inner(reader, setting, option, flags, base);
	else if (option_is_list(option))
		config_list_read(reader, setting, option, base);
	else
		read_scalar(reader, setting, option,
			    option->offset == OPTION_NOWHERE ? NULL : (char *)base + option->offset);
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

	if (home != NULL)
		config_read_error(reader, config_read_line(setting), "%s does not stand here: it belongs to %s", name,
				  home);
	else if (near != NULL)
		config_read_error(reader, config_read_line(setting), "unknown setting; did you mean %s?", near);
	else
		config_read_error(reader, config_read_line(setting), "unknown setting");
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
		size_t back = config_read_enter(reader, name);

		if (option == NULL)
			tell_unknown(reader, setting, nearest_name(id, flags, name));
		else if (flags != 0 && (option->flags & flags) == 0)
			config_read_error(reader, config_read_line(setting), "%s",
					  why_misplaced(name, flags == OPTION_INBOUND));
		else
			read_setting(reader, setting, option, flags, base);
		config_read_leave(reader, back);
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
		config_read_error(reader, config_read_line(setting),
				  "the entry's name is too long: at most %d characters", ENTRY_NAME_MAX);
	if (strchr(name, '*') != NULL)
		config_read_error(reader, config_read_line(setting),
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
		back = config_read_enter(reader, option->name);
		if ((option->flags & OPTION_SERVICE) != 0 && !service)
			config_read_error(reader, config_read_line(setting),
					  "this selects among the rows of a service, but the entry has no \"service\"");
		if ((option->flags & OPTION_LEARNED) != 0 && !learned)
			config_read_warning(reader, config_read_line(setting),
					    "this has no effect: the entry has neither \"service\" nor \"names\"");
		config_read_leave(reader, back);
	}
}

static void check_parts(struct config_reader *reader, const config_setting_t *entry, bool inbound)
{
	unsigned int line = config_read_line(entry);

	if (!inbound && !has(entry, "service") && !has(entry, "names") && !has(entry, "addresses"))
		config_read_error(reader, line,
				  "the entry allows nothing: it needs \"service\", \"names\" or \"addresses\"");
	if (inbound && !has(entry, "service") && !has(entry, "addresses") && !has(entry, "names"))
		config_read_error(reader, line,
				  "the entry lets nobody in: it needs \"service\" or \"addresses\" as sources");
	if (inbound && !has(entry, "to"))
		config_read_error(reader, line,
				  "the entry needs \"to\": the addresses that may be reached, as they are after "
				  "destination NAT");
	if (inbound && !has(entry, "ports"))
		config_read_error(reader, line, "the entry needs \"ports\", for example [ \"tcp/1433\" ]");
}

static void read_entry(struct config_reader *reader, const config_setting_t *setting, bool inbound,
		       struct config_entry *entry)
{
	check_entry_name(reader, setting);
	entry->name = keep(reader, config_setting_name(setting));
	entry->line = config_read_line(setting);
	entry->inbound = inbound;
	read_group(reader, setting, OPTION_ENTRY, inbound ? OPTION_INBOUND : OPTION_ALLOW, entry);
	check_dependents(reader, setting);
	check_parts(reader, setting, inbound);
}

static void tell_no_entry(struct config_reader *reader, const config_setting_t *setting, const char *kind)
{
	const char *name = config_setting_name(setting);

	if (option_find(OPTION_ENTRY, name) != NULL)
		config_read_error(
			reader, config_read_line(setting),
			"%s stands in an entry, and an entry has a name of yours: write %s: { NAME: { %s = ...; }; };",
			name, kind, name);
	else
		config_read_error(reader, config_read_line(setting),
				  "%s was found where an entry is expected: write %s: { ... };",
				  config_read_type(setting), name);
}

static void read_entries(struct config_reader *reader, const config_setting_t *root, bool inbound,
			 const struct config_entry *fresh, struct config_entry *entries, unsigned int *count)
{
	const char *kind = inbound ? "inbound" : "allow";
	const config_setting_t *group = config_read_group(root, kind);
	size_t outer = config_read_enter(reader, kind);

	for (int i = 0; group != NULL && i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		size_t back = config_read_enter(reader, config_setting_name(setting));

		if (config_setting_type(setting) != CONFIG_TYPE_GROUP) {
			tell_no_entry(reader, setting, kind);
		} else if (*count == LIMIT_ENTRIES) {
			config_read_error(reader, config_read_line(setting),
					  "too many entries: this one is beyond the limit of %d", LIMIT_ENTRIES);
			group = NULL;
		} else {
			entries[*count] = *fresh;
			read_entry(reader, setting, inbound, &entries[(*count)++]);
		}
		config_read_leave(reader, back);
	}
	config_read_leave(reader, outer);
}

/* The whole */

static const char *const root_names[] = { "gateway", "allow", "inbound", NULL };

static bool is_root_name(const char *name)
{
	for (const char *const *known = root_names; *known != NULL; known++)
		if (strcmp(name, *known) == 0)
			return true;
	return false;
}

static void check_root(struct config_reader *reader, const config_setting_t *root)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *setting = config_setting_get_elem(root, (unsigned int)i);
		const char *name = config_setting_name(setting);
		size_t back = config_read_enter(reader, name);

		if (!is_root_name(name))
			tell_unknown(reader, setting, problem_nearest(name, root_names));
		else if (config_setting_type(setting) != CONFIG_TYPE_GROUP)
			config_read_error(reader, config_read_line(setting),
					  "%s was found where a group is expected: write %s: { ... };",
					  config_read_type(setting), name);
		config_read_leave(reader, back);
	}
}

static unsigned int members(const config_setting_t *root, const char *name)
{
	const config_setting_t *group = config_read_group(root, name);

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
	const config_setting_t *gateway = config_read_group(root, "gateway");
	struct config_entry fresh = { 0 }, *entries;
	unsigned int size = members(root, "allow") + members(root, "inbound");

	check_root(reader, root);
	entries = arena_array(reader->arena, size < LIMIT_ENTRIES ? size : LIMIT_ENTRIES, sizeof(*entries));
	if (entries == NULL || read_defaults(reader, true, &fresh) != 0) {
		reader->no_memory = true;
		return;
	}
	if (gateway != NULL) {
		size_t back = config_read_enter(reader, "gateway");

		read_group(reader, gateway, OPTION_GATEWAY, 0, config);
		config_read_leave(reader, back);
	}
	config->entries = entries;
	read_entries(reader, root, false, &fresh, entries, &config->entry_count);
	read_entries(reader, root, true, &fresh, entries, &config->entry_count);
}
