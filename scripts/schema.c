/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the JSON Schema of a configuration that is JSON (nfqdn.conf(5)), of the table of settings. It runs on the machine
 * that builds, and needs no library. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/option.h"

#define ENTRY_NAME "^[A-Za-z][A-Za-z0-9_-]{0,62}$"

static void put(unsigned int depth, const char *text)
{
	for (unsigned int i = 0; i < depth; i++)
		putchar('\t');
	fputs(text, stdout);
}

static void put_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* What is null is left out: programs write that for what they have not set. */
static void put_number(const struct option *option)
{
	if (option->words != NULL)
		printf("\"anyOf\": [ { \"enum\": [ null, \"%s\" ] }, { ", option->words[0].text);
	fputs(option->words != NULL ? "\"type\": \"integer\"" : "\"type\": [ \"integer\", \"null\" ]", stdout);
	printf(", \"minimum\": %" PRId64 ", \"maximum\": %" PRId64, option_min(option), option_max(option));
	if (option->words != NULL)
		fputs(" } ]", stdout);
}

static void put_words(const struct option *option)
{
	fputs("\"enum\": [ null", stdout);
	for (const struct option_word *word = option->words; word->text != NULL; word++)
		if (!word->later)
			printf(", \"%s\"", word->text);
	fputs(" ]", stdout);
}

static const char *text_of(enum option_type type)
{
	return type == OPTION_PATH || type == OPTION_PATHS ? "\"pattern\": \"^/\"" : "\"minLength\": 1";
}

static void put_list(const struct option *option)
{
	printf("\"anyOf\": [ { \"type\": [ \"string\", \"null\" ], %s }, { \"type\": \"array\", \"items\": { \"type\": "
	       "\"string\", %s }%s } ]",
	       text_of(option->type), text_of(option->type),
	       (option->flags & OPTION_EMPTY) != 0 ? "" : ", \"minItems\": 1");
}

static void put_group(enum option_group id, unsigned int flags, unsigned int depth);

/* NOLINTNEXTLINE(misc-no-recursion) groups have no groups in groups */
static void put_type(const struct option *option, unsigned int flags, unsigned int depth)
{
	if (option->type == OPTION_GROUP)
		put_group(option->inner, flags, depth);
	else if (option->max != 0)
		put_number(option);
	else if (option->words != NULL)
		put_words(option);
	else if (option_is_list(option))
		put_list(option);
	else if (option->type == OPTION_BOOL)
		fputs("\"type\": [ \"boolean\", \"null\" ]", stdout);
	else if (option->type == OPTION_USER) /* "" says something */
		fputs("\"type\": [ \"string\", \"null\" ]", stdout);
	else
		printf("\"type\": [ \"string\", \"null\" ], %s", text_of(option->type));
}

/* NOLINTNEXTLINE(misc-no-recursion) groups have no groups in groups */
static void put_setting(const struct option *option, unsigned int flags, unsigned int depth)
{
	put(depth, "");
	put_text(option->name);
	fputs(": { \"description\": ", stdout);
	put_text(option->help);
	if (option->fallback != NULL) /* texts, numbers and lists are written alike in both syntaxes */
		printf(", \"default\": %s", option->fallback);
	if ((option->flags & OPTION_FIXED) != 0)
		fputs(", \"$comment\": \"a restart changes it\"", stdout);
	fputs(", ", stdout);
	put_type(option, flags, depth);
	fputs(" }", stdout);
}

/* NOLINTNEXTLINE(misc-no-recursion) groups have no groups in groups */
static void put_group(enum option_group id, unsigned int flags, unsigned int depth)
{
	const char *between = "\n";

	printf("\"type\": [ \"object\"%s ], \"additionalProperties\": false, \"properties\": {",
	       id == OPTION_GATEWAY || id == OPTION_ENTRY ? "" : ", \"null\"");
	for (const struct option *option = option_table; option->name != NULL; option++) {
		bool built = (option->flags & OPTION_LATER) == 0 || option->words != NULL;

		if (option->group != id || !built || (flags != 0 && (option->flags & flags) == 0))
			continue;
		fputs(between, stdout);
		put_setting(option, flags, depth + 1);
		between = ",\n";
	}
	fputs(" }", stdout);
}

/* Settings that only say something about a service need one. */
static void put_dependents(unsigned int flags)
{
	const char *between = "";

	fputs(", \"dependentRequired\": { ", stdout);
	for (const struct option *option = option_table; option->name != NULL; option++)
		if (option->group == OPTION_ENTRY && (option->flags & OPTION_SERVICE) != 0 &&
		    (option->flags & flags) != 0) {
			printf("%s\"%s\": [ \"service\" ]", between, option->name);
			between = ", ";
		}
	fputs(" }", stdout);
}

static void put_entries(const char *kind, unsigned int flags, const char *required)
{
	put(2, "");
	printf("\"%s\": { \"type\": [ \"object\", \"null\" ], \"propertyNames\": { \"pattern\": \"" ENTRY_NAME
	       "\" }, \"additionalProperties\": { ",
	       kind);
	put_group(OPTION_ENTRY, flags, 2);
	put_dependents(flags);
	printf(", %s } }", required);
}

int main(void)
{
	puts("{\n\t\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	     "\t\"title\": \"Configuration of nfqdnd, as JSON\",\n"
	     "\t\"description\": \"What nfqdnd -c - and nfqdnctl reload read, and a file may hold: nfqdn.conf(5). null "
	     "is as if "
	     "the setting were not there. nfqdnd --check knows more than can be said here.\",\n"
	     "\t\"type\": \"object\", \"additionalProperties\": false, \"required\": [ \"gateway\" ], \"properties\": "
	     "{");
	put(2, "\"gateway\": { ");
	put_group(OPTION_GATEWAY, 0, 2);
	fputs(" },\n", stdout);
	put_entries(
		"allow", OPTION_ALLOW,
		"\"anyOf\": [ { \"required\": [ \"service\" ] }, { \"required\": [ \"names\" ] }, { \"required\": [ "
		"\"addresses\" ] } ]");
	fputs(",\n", stdout);
	put_entries("inbound", OPTION_INBOUND,
		    "\"required\": [ \"to\", \"ports\" ], \"anyOf\": [ { \"required\": [ \"service\" ] }, { "
		    "\"required\": [ "
		    "\"addresses\" ] } ]");
	puts(" }\n}");
	return ferror(stdout) || fflush(stdout) != 0;
}
