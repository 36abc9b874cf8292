/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "policy/config.h"
#include "policy/option.h"

static void indent(FILE *out, unsigned int depth)
{
	while (depth-- > 0)
		fputc('\t', out);
}

/* A text as libconfig reads it. */
static void print_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* Lists: one line when short, else one item a line. */

#define LIST_WRAP 4

struct printer {
	FILE *out;
	unsigned int depth;
	unsigned int count, done; /* of the list being printed */
};

static void begin_list(struct printer *printer, unsigned int count)
{
	printer->count = count;
	printer->done = 0;
	fputc('[', printer->out);
}

static void item(struct printer *printer, const char *text)
{
	if (printer->done++ != 0)
		fputc(',', printer->out);
	if (printer->count > LIST_WRAP) {
		fputc('\n', printer->out);
		indent(printer->out, printer->depth + 1);
	} else {
		fputc(' ', printer->out);
	}
	print_text(printer->out, text);
}

static void end_list(struct printer *printer)
{
	if (printer->count > LIST_WRAP) {
		fputc('\n', printer->out);
		indent(printer->out, printer->depth);
		fputc(']', printer->out);
	} else {
		fputs(" ]", printer->out);
	}
}

static void print_texts(struct printer *printer, const struct config_texts *texts)
{
	begin_list(printer, texts->count);
	for (unsigned int i = 0; i < texts->count; i++)
		item(printer, texts->items[i].text);
	end_list(printer);
}

static void print_ranges(struct printer *printer, const struct config_ranges *ranges)
{
	char text[VALUE_RANGE_TEXT_SIZE];

	begin_list(printer, ranges->count);
	for (unsigned int i = 0; i < ranges->count; i++)
		item(printer, value_range_to_text(&ranges->items[i], text));
	end_list(printer);
}

static void print_resolvers(struct printer *printer, const struct config *config)
{
	char text[VALUE_RANGE_TEXT_SIZE];

	begin_list(printer, config->resolvers.count + config->resolvers_local);
	if (config->resolvers_local)
		item(printer, "local");
	for (unsigned int i = 0; i < config->resolvers.count; i++)
		item(printer, value_range_to_text(&config->resolvers.items[i], text));
	end_list(printer);
}

static void print_ports(struct printer *printer, const struct config_entry *entry)
{
	char text[VALUE_PORTS_TEXT_SIZE];

	begin_list(printer, entry->port_count);
	for (unsigned int i = 0; i < entry->port_count; i++)
		item(printer, value_ports_to_text(&entry->ports[i], text));
	end_list(printer);
}

static void print_interfaces(struct printer *printer, const struct config *config)
{
	begin_list(printer, config->interface_count);
	for (unsigned int i = 0; i < config->interface_count; i++) {
		char text[IFNAMSIZ + 1];

		snprintf(text, sizeof(text), "%s%s", config->interfaces[i].name,
			 config->interfaces[i].wildcard ? "*" : "");
		item(printer, text);
	}
	end_list(printer);
}

static void print_value(struct printer *printer, const struct option *option, const void *base)
{
	const void *field = (const char *)base + option->offset;

	switch (option->type) {
	case OPTION_INTEGER:
		if (option->words != NULL && *(const uint32_t *)field == CONFIG_OFF)
			print_text(printer->out, option->words[0].text);
		else
			fprintf(printer->out, "%" PRIu32, *(const uint32_t *)field);
		break;
	case OPTION_PRIORITY:
		fprintf(printer->out, "%" PRId32, *(const int32_t *)field);
		break;
	case OPTION_MASK:
		fprintf(printer->out, "0x%" PRIx32, *(const uint32_t *)field);
		break;
	case OPTION_INTEGER16:
		fprintf(printer->out, "%u", *(const uint16_t *)field);
		break;
	case OPTION_BOOL:
		fputs(*(const bool *)field ? "true" : "false", printer->out);
		break;
	case OPTION_WORD:
		print_text(printer->out, option->words[*(const unsigned int *)field].text);
		break;
	case OPTION_WORD_BOOL:
		print_text(printer->out, option->words[*(const bool *)field].text);
		break;
	case OPTION_TABLE:
	case OPTION_PATH:
	case OPTION_USER:
		print_text(printer->out, *(const char *const *)field);
		break;
	case OPTION_TEXT:
		print_text(printer->out, ((const struct config_text *)field)->text);
		break;
	case OPTION_TEXTS:
	case OPTION_PATHS:
	case OPTION_PATTERNS:
		print_texts(printer, field);
		break;
	case OPTION_RANGES:
		print_ranges(printer, field);
		break;
	case OPTION_RESOLVERS:
		print_resolvers(printer, base);
		break;
	case OPTION_INTERFACES:
		print_interfaces(printer, base);
		break;
	case OPTION_PORTS:
		print_ports(printer, base);
		break;
	case OPTION_GROUP:
		break; /* printed by print_setting() */
	}
}

/* True when there is nothing to write: the setting was left out and has no default. */
static bool is_left_out(const struct option *option, const void *base)
{
	const void *field = (const char *)base + option->offset;

	switch (option->type) {
	case OPTION_INTEGER:
		return (option->flags & OPTION_INHERIT) != 0 && *(const uint32_t *)field == CONFIG_INHERIT;
	case OPTION_MASK:
		return *(const uint32_t *)field == 0;
	case OPTION_TEXT:
		return ((const struct config_text *)field)->text == NULL;
	case OPTION_TEXTS:
	case OPTION_PATHS:
	case OPTION_PATTERNS:
		return ((const struct config_texts *)field)->count == 0;
	case OPTION_RANGES:
		return ((const struct config_ranges *)field)->count == 0 && (option->flags & OPTION_EMPTY) == 0;
	case OPTION_RESOLVERS:
		return ((const struct config *)base)->resolvers.count == 0 &&
		       !((const struct config *)base)->resolvers_local;
	case OPTION_INTERFACES:
		return ((const struct config *)base)->interface_count == 0;
	case OPTION_PORTS:
		return ((const struct config_entry *)base)->port_count == 0;
	case OPTION_INTEGER16:
	case OPTION_PRIORITY:
	case OPTION_BOOL:
	case OPTION_WORD:
	case OPTION_WORD_BOOL:
	case OPTION_TABLE:
	case OPTION_PATH:
	case OPTION_USER:
	case OPTION_GROUP:
		break;
	}
	return false;
}

/* Comments */

/* "enforce", "audit": the words that are built. */
static void print_words(FILE *out, const struct option *option)
{
	bool first = true;

	for (const struct option_word *word = option->words; word->text != NULL; word++) {
		if (word->later)
			continue;
		fprintf(out, "%s\"%s\"", first ? "" : ", ", word->text);
		first = false;
	}
}

static void print_help(FILE *out, const struct option *option)
{
	fputs(option->help, out);
	if (option->words != NULL) {
		fputs("; ", out);
		print_words(out, option);
	}
	if (option->max != 0)
		fprintf(out, "; %" PRId64 " to %" PRId64, option_min(option), option_max(option));
	if (*option->unit != '\0')
		fprintf(out, " %s", option->unit);
	if (option->fallback != NULL)
		fprintf(out, "; default %s", option->fallback);
	if ((option->flags & OPTION_FIXED) != 0)
		fputs("; a restart changes it", out);
	fputc('\n', out);
}

static void print_comment(FILE *out, const struct option *option, unsigned int depth)
{
	indent(out, depth);
	fputs("# ", out);
	print_help(out, option);
}

/* Settings. `comments` is false in entries: the comments stand once, above all entries. */

/* Settings about what the entry does not have would be refused when the file is read again. */
static bool applies(const struct option *option, unsigned int flags, const void *base)
{
	const struct config_entry *entry = base;

	if (flags == 0)
		return true;
	if ((option->flags & flags) == 0)
		return false;
	if ((option->flags & OPTION_SERVICE) != 0)
		return entry->service.text != NULL;
	if ((option->flags & OPTION_LEARNED) != 0)
		return entry->service.text != NULL || entry->names.count != 0;
	return true;
}

static bool has_settings(enum option_group id, const void *base)
{
	for (const struct option *option = option_table; option->name != NULL; option++)
		if (option->group == id && option->offset != OPTION_NOWHERE && !is_left_out(option, base))
			return true;
	return false;
}

static void print_group(FILE *out, enum option_group id, unsigned int flags, const void *base, unsigned int depth,
			bool comments);

static void print_inner(FILE *out, const struct option *option, unsigned int flags, const void *base,
			unsigned int depth, bool comments)
{
	if (!has_settings(option->inner, base))
		return;
	if (comments)
		print_comment(out, option, depth);
	indent(out, depth);
	fprintf(out, "%s: {\n", option->name);
	print_group(out, option->inner, flags, base, depth + 1, comments);
	indent(out, depth);
	fputs("};\n", out);
}

static void print_setting(FILE *out, const struct option *option, const void *base, unsigned int depth, bool comments)
{
	struct printer printer = { .out = out, .depth = depth };
	bool left_out = option->offset != OPTION_NOWHERE && is_left_out(option, base);

	if (comments)
		print_comment(out, option, depth);
	if (left_out && !comments)
		return;
	indent(out, depth);
	fprintf(out, left_out ? "# %s = ...;" : "%s = ", option->name);
	/* only the default is built, so it is what stands */
	if (option->offset == OPTION_NOWHERE)
		fputs(option->fallback, out);
	else if (!left_out)
		print_value(&printer, option, base);
	fputs(left_out ? "\n" : ";\n", out);
}

static void print_group(FILE *out, enum option_group id, unsigned int flags, const void *base, unsigned int depth,
			bool comments)
{
	for (const struct option *option = option_table; option->name != NULL; option++) {
		if (option->group != id || !applies(option, flags, base))
			continue;
		if (option->type == OPTION_GROUP)
			print_inner(out, option, flags, base, depth, comments);
		else if (option->offset != OPTION_NOWHERE || option->fallback != NULL)
			print_setting(out, option, base, depth, comments);
	}
}

/* Entries */

static void print_entry_comments(FILE *out, enum option_group id, unsigned int flags)
{
	for (const struct option *option = option_table; option->name != NULL; option++) {
		if (option->group != id || (option->flags & flags) == 0)
			continue;
		fprintf(out, "# %s%s: ", id == OPTION_ENTRY_LIFETIME ? "lifetime." : "", option->name);
		print_help(out, option);
		if (option->type == OPTION_GROUP)
			print_entry_comments(out, option->inner, flags);
	}
}

static void print_entries(FILE *out, const struct config *config, bool inbound)
{
	const char *kind = inbound ? "inbound" : "allow";
	unsigned int flags = inbound ? OPTION_INBOUND : OPTION_ALLOW;

	fprintf(out, "\n# Settings of an entry under %s:\n", kind);
	print_entry_comments(out, OPTION_ENTRY, flags);
	fprintf(out, "%s: {\n", kind);
	for (unsigned int i = 0; i < config->entry_count; i++) {
		if (config->entries[i].inbound != inbound)
			continue;
		fprintf(out, "\t%s: {\n", config->entries[i].name);
		print_group(out, OPTION_ENTRY, flags, &config->entries[i], 2, false);
		fputs("\t};\n", out);
	}
	fputs("};\n", out);
}

void config_print(const struct config *config, FILE *out)
{
	fputs("gateway: {\n", out);
	print_group(out, OPTION_GATEWAY, 0, config, 1, true);
	fputs("};\n", out);
	print_entries(out, config, false);
	print_entries(out, config, true);
}
