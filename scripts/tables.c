/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fills templates with the rows of the program's own tables: the manual pages (mdoc(7)) and the completion. It runs on the
 * machine that builds, also where nfqdnd is built for another one, and needs no library.
 *
 *	tables <TEMPLATE >OUT
 *
 * A line of the template that is @NAME@ and no more is replaced by what `fillings` below has under that name. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/counters.h"
#include "control/arguments.h"
#include "control/cmdline_option_list.h"
#include "control/command_list.h"
#include "control/nfqdnctl_option_list.h"
#include "control/replay_option_list.h"
#include "policy/option.h"

#define LAST_ROW ARGUMENTS_ROW(NULL, NULL, 0, NULL)
static const struct arguments_row daemon_rows[] = { CMDLINE_OPTION_LIST(ARGUMENTS_ROW) LAST_ROW };
static const struct arguments_row replay_rows[] = { REPLAY_OPTION_LIST(ARGUMENTS_ROW) LAST_ROW };
static const struct arguments_row control_rows[] = { NFQDNCTL_OPTION_LIST(NFQDNCTL_OPTION_ROW) LAST_ROW };

#define COMMAND_ROW(name, arguments, help) { #name, arguments, help },
static const struct command_row {
	const char *name, *arguments, *help;
} command_rows[] = { COMMAND_LIST(COMMAND_ROW, COMMAND_ROW) { NULL, NULL, NULL } };

#define COUNTER_ROW(name, help) { #name, help },
static const struct {
	const char *name, *help;
} counters_told[] = { COUNTERS(COUNTER_ROW) { NULL, NULL } };

/* ---- text of the manual: what would be a macro or an escape is made plain ---- */

static void print_character(FILE *out, char c)
{
	if (c == '\\')
		fputs("\\e", out);
	else if (c == '"')
		fputs("\\(dq", out);
	else if (c == '-')
		fputs("\\-", out);
	else
		fputc(c, out);
}

/* A new sentence begins a new line. */
static void print_rest(FILE *out, const char *text)
{
	for (; *text; text++)
		if (text[0] == '.' && text[1] == ' ' && isupper((unsigned char)text[2])) {
			fputs(".\n", out);
			text++;
		} else {
			print_character(out, *text);
		}
}

static void print_roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	print_rest(out, text);
}

/* Help texts begin anyhow and end without a stop. */
static void print_sentence(FILE *out, const char *text)
{
	char first[2] = { (char)toupper((unsigned char)*text), '\0' };

	print_roff(out, first);
	print_rest(out, text + 1);
	fputs(".\n", out);
}

/* ---- settings ---- */

static const char *type_name(enum option_type type)
{
	switch (type) {
	case OPTION_INTEGER:
	case OPTION_INTEGER16:
	case OPTION_PRIORITY:
	case OPTION_MASK:
		return "number";
	case OPTION_BOOL:
		return "true | false";
	case OPTION_WORD:
	case OPTION_WORD_BOOL:
		return "word";
	case OPTION_TABLE:
	case OPTION_USER:
	case OPTION_TEXT:
		return "text";
	case OPTION_PATH:
		return "path";
	case OPTION_TEXTS:
		return "texts";
	case OPTION_PATHS:
		return "paths";
	case OPTION_PATTERNS:
		return "names";
	case OPTION_RANGES:
		return "addresses";
	case OPTION_RESOLVERS:
		return "addresses, or local";
	case OPTION_INTERFACES:
		return "interfaces";
	case OPTION_PORTS:
		return "ports";
	case OPTION_GROUP:
		break;
	}
	return "group";
}

static void print_manual_facts(FILE *out, const struct option *option)
{
	if (option->max != 0)
		fprintf(out, "From %" PRId64 " to %" PRId64 "%s%s.\n", option_min(option), option_max(option),
			*option->unit == '\0' ? "" : " ", option->unit);
	if (option->words != NULL) {
		fputs("One of ", out);
		for (const struct option_word *word = option->words; word->text != NULL; word++) {
			fputs(word == option->words ? "" : ", ", out);
			print_roff(out, *word->text == '\0' ? "\"\"" : word->text);
			fputs(word->later ? " (not built yet)" : "", out);
		}
		fputs(".\n", out);
	}
	if (option->fallback != NULL) {
		fputs("The default is ", out);
		print_roff(out, option->fallback);
		fputs(".\n", out);
	}
}

static const char *where(const struct option *option)
{
	bool both = (option->flags & OPTION_ALLOW) != 0 && (option->flags & OPTION_INBOUND) != 0;

	if ((option->flags & (OPTION_ALLOW | OPTION_INBOUND)) == 0 || both)
		return "";
	return (option->flags & OPTION_ALLOW) != 0 ? "Under allow only.\n" : "Under inbound only.\n";
}

static void print_manual_group(FILE *out, enum option_group id)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct option *option = option_table; option->name != NULL; option++) {
		if (option->group != id)
			continue;
		fprintf(out, ".It Cm %s No = Ar %s\n", option->name, type_name(option->type));
		print_roff(out, option->help);
		fputs(".\n", out);
		print_manual_facts(out, option);
		fputs(where(option), out);
		if ((option->flags & OPTION_FIXED) != 0)
			fputs("A restart is needed to change it.\n", out);
		if ((option->flags & OPTION_LATER) != 0 && option->words == NULL)
			fputs("Not built yet.\n", out);
	}
	fputs(".El\n", out);
}

static void print_settings(FILE *out)
{
	for (unsigned int id = 0; id < OPTION_GROUPS; id++) {
		fprintf(out, ".Ss %s\n",
			id == OPTION_ENTRY ? "allow.NAME and inbound.NAME" : option_group_path((enum option_group)id));
		print_manual_group(out, (enum option_group)id);
	}
}

/* ---- options, commands, counters ---- */

static bool is_typed(char letter, const char *letters)
{
	return strchr(letters, letter) != NULL;
}

static void print_option_items(FILE *out, const struct arguments_row *rows, const char *command, const char *letters)
{
	for (const struct arguments_row *row = rows; row->name; row++) {
		if ((row->command == NULL) != (command == NULL) ||
		    (command && !nfqdnctl_option_is_for(row->command, command)))
			continue;
		fputs(".It ", out);
		if (is_typed(row->letter, letters))
			fprintf(out, "Fl %c , ", row->letter);
		fprintf(out, "Fl \\-%s", row->name);
		if (row->argument)
			fprintf(out, " Ar %s", row->argument);
		fputc('\n', out);
		print_sentence(out, row->help);
	}
}

static void print_daemon_options(FILE *out)
{
	print_option_items(out, daemon_rows, NULL, "chV");
}

static void print_replay_options(FILE *out)
{
	print_option_items(out, replay_rows, NULL, "chV");
}

static void print_control_options(FILE *out)
{
	print_option_items(out, control_rows, NULL, NFQDNCTL_OPTION_LETTERS);
}

static bool has_options(const char *command)
{
	for (const struct arguments_row *row = control_rows; row->name; row++)
		if (row->command && nfqdnctl_option_is_for(row->command, command))
			return true;
	return false;
}

static void print_commands(FILE *out)
{
	for (const struct command_row *row = command_rows; row->name; row++) {
		fprintf(out, ".It Cm %s", row->name);
		if (row->arguments[0])
			fprintf(out, " Ar \"%s\"", row->arguments);
		fputc('\n', out);
		print_sentence(out, row->help);
		if (!has_options(row->name))
			continue;
		fputs(".Bl -tag -width Ds\n", out);
		print_option_items(out, control_rows, row->name, NFQDNCTL_OPTION_LETTERS);
		fputs(".El\n", out);
	}
}

static void print_counters(FILE *out)
{
	for (size_t i = 0; counters_told[i].name; i++) {
		fprintf(out, ".It Va %s\n", counters_told[i].name);
		print_sentence(out, counters_told[i].help);
	}
}

/* ---- completion: shell ---- */

/* ---- UCI ---- */

static const char *uci_kind(enum option_type type)
{
	switch (type) {
	case OPTION_TEXTS:
	case OPTION_PATHS:
	case OPTION_PATTERNS:
	case OPTION_RANGES:
	case OPTION_RESOLVERS:
	case OPTION_INTERFACES:
	case OPTION_PORTS:
		return "list";
	case OPTION_INTEGER:
	case OPTION_INTEGER16:
	case OPTION_PRIORITY:
	case OPTION_MASK:
		return "number";
	case OPTION_BOOL:
		return "flag";
	case OPTION_GROUP:
		return "group";
	default:
		return "word";
	}
}

/* An entry's settings are those of `allow` and of `inbound`, each where it is lawful. */
static void print_uci_options(FILE *out)
{
	static const char *const groups[OPTION_GROUPS] = { "gateway",  "queue", "lifetime",      "limits",
							   "priority", "",      "entry-lifetime" };

	for (const struct option *option = option_table; option->name; option++) {
		if (option->group != OPTION_ENTRY)
			fprintf(out, "%s %s %s\n", groups[option->group], option->name, uci_kind(option->type));
		if (option->group == OPTION_ENTRY && option->flags & OPTION_ALLOW)
			fprintf(out, "allow %s %s\n", option->name, uci_kind(option->type));
		if (option->group == OPTION_ENTRY && option->flags & OPTION_INBOUND)
			fprintf(out, "inbound %s %s\n", option->name, uci_kind(option->type));
	}
}

static void print_words(FILE *out, const char *variable, const struct arguments_row *rows, const char *command,
			bool all)
{
	fprintf(out, "%s=\"", variable);
	for (const struct arguments_row *row = rows; row->name; row++)
		if (all || (row->command ? command && nfqdnctl_option_is_for(row->command, command) : command == NULL))
			fprintf(out, " --%s", row->name);
	fputs("\"\n", out);
}

/* Patterns of a case: which options take a file, which a folder, which something else. */
static void print_arguments(FILE *out, const char *variable, const struct arguments_row *rows)
{
	static const char *const kinds[][2] = { { "file", "FILE" }, { "file", "PATH" }, { "folder", "DIR" } };

	for (const struct arguments_row *row = rows; row->name; row++) {
		const char *kind = "text";

		for (size_t i = 0; row->argument && i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (strcmp(row->argument, kinds[i][1]) == 0)
				kind = kinds[i][0];
		if (row->argument)
			fprintf(out, "%s[--%s]=\"%s\"\n", variable, row->name, kind);
	}
}

/* What is typed as it stands: lower-case words of "ready | learned NAME | generation N". */
static void print_literals(FILE *out, const char *arguments)
{
	for (const char *next = arguments; *next;) {
		size_t length = strspn(next, "abcdefghijklmnopqrstuvwxyz0123456789-");

		if (length && islower((unsigned char)next[0]) && !isalpha((unsigned char)next[length]))
			fprintf(out, " %.*s", (int)length, next);
		next += length;
		while (length == 0 && isalnum((unsigned char)*next))
			next++;
		if (*next && !isalnum((unsigned char)*next))
			next++;
	}
}

static void print_completion(FILE *out)
{
	print_words(out, "_nfqdnd_options", daemon_rows, NULL, true);
	print_words(out, "_nfqdn_replay_options", replay_rows, NULL, true);
	fputs("declare -gA _nfqdnd_arguments _nfqdn_replay_arguments _nfqdnctl_arguments _nfqdnctl_words "
	      "_nfqdnctl_own\n",
	      out);
	print_arguments(out, "_nfqdnd_arguments", daemon_rows);
	print_arguments(out, "_nfqdn_replay_arguments", replay_rows);
	print_words(out, "_nfqdnctl_options", control_rows, NULL, false);
	print_arguments(out, "_nfqdnctl_arguments", control_rows);
	for (const struct command_row *row = command_rows; row->name; row++) {
		char variable[64];

		fprintf(out, "_nfqdnctl_words[%s]=\"", row->name);
		print_literals(out, row->arguments);
		fputs("\"\n", out);
		snprintf(variable, sizeof(variable), "_nfqdnctl_own[%s]", row->name);
		print_words(out, variable, control_rows, row->name, false);
	}
	fputs("_nfqdnctl_files=\"", out);
	for (const struct command_row *row = command_rows; row->name; row++)
		if (strstr(row->arguments, "FILE"))
			fprintf(out, " %s", row->name);
	fputs(" \"\n", out);
}

/* ---- templates ---- */

static const struct {
	const char *name;
	void (*print)(FILE *out);
} fillings[] = {
	{ "@UCI_OPTIONS@", print_uci_options },
	{ "@SETTINGS@", print_settings },
	{ "@NFQDND_OPTIONS@", print_daemon_options },
	{ "@NFQDN_REPLAY_OPTIONS@", print_replay_options },
	{ "@NFQDNCTL_OPTIONS@", print_control_options },
	{ "@COMMANDS@", print_commands },
	{ "@COUNTERS@", print_counters },
	{ "@COMPLETION@", print_completion },
};

static bool fill(const char *line)
{
	for (size_t i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++) {
		size_t length = strlen(fillings[i].name);

		if (strncmp(line, fillings[i].name, length) == 0 && strcmp(line + length, "\n") == 0) {
			fillings[i].print(stdout);
			return true;
		}
	}
	return false;
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin))
		if (!fill(line))
			fputs(line, stdout);
	return ferror(stdin) || fflush(stdout) != 0;
}
