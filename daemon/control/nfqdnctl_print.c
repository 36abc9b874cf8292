/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_print.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ipaddr.h"
#include "control/nfqdnctl_table.h"

/* ---- texts of others ---- */

static void clean_text(json_t *value)
{
	char *copy = strdup(json_string_value(value));

	for (char *at = copy; at && *at; at++)
		for (size_t control = nfqdnctl_table_control(at); control > 0; control--)
			at[control - 1] = '?';
	if (copy && strcmp(copy, json_string_value(value)) != 0)
		json_string_set(value, copy);
	free(copy);
}

/* As deep as jansson reads, which has a limit. */
void nfqdnctl_print_clean(json_t *value)
{
	if (json_is_string(value))
		clean_text(value);
	for (size_t i = 0; i < json_array_size(value); i++)
		nfqdnctl_print_clean(json_array_get(value, i));
	for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at))
		nfqdnctl_print_clean(json_object_iter_value(at));
}

/* ---- members that may be missing ---- */

const char *nfqdnctl_print_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t nfqdnctl_print_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *nfqdnctl_print_at(const json_t *array, size_t index)
{
	const char *text = json_string_value(json_array_get(array, index));

	return text ? text : "";
}

/* Words with spaces inside ("North America") need more than a space between them. */
static const char *separator_of(const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (strchr(nfqdnctl_print_at(array, i), ' '))
			return ",";
	return "";
}

char *nfqdnctl_print_joined(const json_t *array)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	const char *separator = separator_of(array);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < json_array_size(array); i++)
		fprintf(stream, "%s%s%s", i ? separator : "", i ? " " : "", nfqdnctl_print_at(array, i));
	fclose(stream);
	return text;
}

void nfqdnctl_print_cell(struct nfqdnctl_table *table, const json_t *array)
{
	char *text = nfqdnctl_print_joined(array);

	nfqdnctl_table_cell(table, text);
	free(text);
}

static void cell_duration(struct nfqdnctl_table *table, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	char text[NFQDNCTL_DURATION_SIZE];

	nfqdnctl_table_cell(table,
			    json_is_integer(value) ? nfqdnctl_table_duration(json_integer_value(value), text) : NULL);
}

void nfqdnctl_print_pair(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%-11s ", key);
	nfqdnctl_table_text(value, out);
	fputc('\n', out);
}

void nfqdnctl_print_resolvers(const json_t *object, FILE *out)
{
	char *words = nfqdnctl_print_joined(json_object_get(object, "resolvers"));

	if (words && words[0])
		nfqdnctl_print_pair(out, "resolvers", words);
	free(words);
}

void nfqdnctl_print_words(const char *key, const json_t *array, FILE *out)
{
	size_t width = 0, count = json_array_size(array);
	const char *separator = separator_of(array);

	if (count == 0)
		return;
	fprintf(out, "  %-9s", key);
	for (size_t i = 0; i < count; i++) {
		const char *text = nfqdnctl_print_at(array, i);

		/* wrapped below 100 columns, so that it reads well over ssh */
		if (width > 0 && width + strlen(text) + 2 > 88) {
			fprintf(out, "\n  %-9s", "");
			width = 0;
		}
		fputc(' ', out);
		nfqdnctl_table_text(text, out);
		fputs(i + 1 < count ? separator : "", out);
		width += strlen(text) + 2;
	}
	fputc('\n', out);
}

void nfqdnctl_print_list(struct nfqdnctl_table *table, const json_t *object)
{
	nfqdnctl_table_cell(table,
			    nfqdnctl_print_member(object, "version")[0] ? nfqdnctl_print_member(object, "list") : NULL);
}

/* ---- learned ---- */

void nfqdnctl_print_port(const json_t *object, char out[32])
{
	const json_t *port = json_object_get(object, "port");

	if (json_is_integer(port))
		snprintf(out, 32, "%.16s/%d", nfqdnctl_print_member(object, "proto"), (int)json_integer_value(port));
	else
		snprintf(out, 32, "%.16s", nfqdnctl_print_member(object, "proto"));
}

static void add_element(struct nfqdnctl_table *table, const json_t *element)
{
	char port[32];

	nfqdnctl_print_port(element, port);
	nfqdnctl_table_cell(table, nfqdnctl_print_member(element, "address"));
	nfqdnctl_table_cell(table, port);
	nfqdnctl_table_cell(table, nfqdnctl_print_member(element, "group"));
	cell_duration(table, element, "expires_in");
	cell_duration(table, element, "ttl");
	nfqdnctl_print_cell(table, json_object_get(element, "entries"));
	nfqdnctl_print_cell(table, json_object_get(element, "names"));
}

static void print_lines(const json_t *lines, FILE *out)
{
	for (size_t i = 0; i < json_array_size(lines); i++)
		if (json_is_string(json_array_get(lines, i)))
			fprintf(out, "%s\n", json_string_value(json_array_get(lines, i)));
}

static void print_imported(const json_t *counts, FILE *out)
{
	static const struct {
		const char *key, *text;
	} rows[] = { { "taken", "in force" },
		     { "ended", "at the end of their life" },
		     { "denied", "not allowed here" },
		     { "left_out", "without a place" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(out, "%s%lld %s", i ? ", " : "",
			(long long)json_integer_value(json_object_get(counts, rows[i].key)), rows[i].text);
	fputc('\n', out);
}

void nfqdnctl_print_learned(const json_t *result, FILE *out)
{
	static const char *const headers[] = {
		"ADDRESS", "PORT", "GROUP", ">EXPIRES", ">TTL", "ENTRIES", "NAMES", NULL
	};
	struct nfqdnctl_table *table;

	if (json_is_object(result)) {
		print_imported(result, out);
		return;
	}
	if (json_is_string(json_array_get(result, 0))) {
		print_lines(result, out);
		return;
	}
	table = nfqdnctl_table_new(headers);
	for (size_t i = 0; i < json_array_size(result); i++)
		add_element(table, json_array_get(result, i));
	if (json_array_size(result) == 0)
		fputs("nothing learned\n", out);
	nfqdnctl_table_print(table, 0, out);
}

/* ---- why and explain ---- */

static const char *reason_what(const json_t *reason)
{
	const char *prefix = nfqdnctl_print_member(reason, "prefix");

	return prefix[0] ? prefix : nfqdnctl_print_member(reason, "name");
}

static void print_reasons(const json_t *by, FILE *out)
{
	static const char *const headers[] = { "VIA",   "WHAT", "TO",       "PORTS", "ENTRY",
					       "GROUP", "ROW",  ">EXPIRES", "LIST",  NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(by); i++) {
		const json_t *reason = json_array_get(by, i);

		nfqdnctl_table_cell(table, nfqdnctl_print_member(reason, "via"));
		nfqdnctl_table_cell(table, reason_what(reason));
		nfqdnctl_print_cell(table, json_object_get(reason, "to"));
		nfqdnctl_print_cell(table, json_object_get(reason, "ports"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(reason, "entry"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(reason, "group"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(reason, "row"));
		cell_duration(table, reason, "expires_in");
		nfqdnctl_print_list(table, reason);
	}
	nfqdnctl_table_print(table, 2, out);
}

void nfqdnctl_print_why(const json_t *result, FILE *out)
{
	const char *reason = nfqdnctl_print_member(result, "reason"), *from = nfqdnctl_print_member(result, "from");
	char port[32];

	nfqdnctl_print_port(result, port);
	fprintf(out, "%s%s%s%s%s: %s%s%s\n", nfqdnctl_print_member(result, "address"), port[0] ? " " : "", port,
		from[0] ? " from " : "", from, nfqdnctl_print_member(result, "verdict"), reason[0] ? ": " : "", reason);
	if (reason[0] && strcmp(nfqdnctl_print_member(result, "mode"), "audit") == 0)
		fputs("  mode audit: it passes all the same, and is counted\n", out);
	if (reason[0] && strcmp(nfqdnctl_print_member(result, "mode"), "sets") == 0)
		fputs("  mode sets: your own rules decide\n", out);
	if (reason[0] && strcmp(nfqdnctl_print_member(result, "mode"), "mark") == 0)
		fputs("  mode mark: it passes without the mark, and is counted; your own rules decide\n", out);
	print_reasons(json_object_get(result, "by"), out);
}

static void print_patterns(const json_t *by, FILE *out)
{
	static const char *const headers[] = {
		"PATTERN", "PORTS", "ENTRY", "GROUP", "ROW", "DERIVED FROM", "LIST", NULL
	};
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(by); i++) {
		const json_t *rule = json_array_get(by, i);

		nfqdnctl_table_cell(table, nfqdnctl_print_member(rule, "pattern"));
		nfqdnctl_print_cell(table, json_object_get(rule, "ports"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(rule, "entry"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(rule, "group"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(rule, "row"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(rule, "derived_from"));
		nfqdnctl_print_list(table, rule);
	}
	nfqdnctl_table_print(table, 2, out);
}

void nfqdnctl_print_explain(const json_t *result, FILE *out)
{
	const char *hint = nfqdnctl_print_member(result, "hint");

	fprintf(out, "%s: %s\n", nfqdnctl_print_member(result, "name"), nfqdnctl_print_member(result, "verdict"));
	print_patterns(json_object_get(result, "by"), out);
	if (hint[0])
		fprintf(out, "  hint: %s\n", hint);
}

/* ---- wait and reload ---- */

/* Quiet when it came true: it stands in scripts. */
void nfqdnctl_print_wait(const json_t *result, FILE *out)
{
	if (!json_is_true(json_object_get(result, "met")))
		fprintf(out, "timed out: not %s\n", nfqdnctl_print_member(result, "for"));
}

static void print_problem(const json_t *problem, FILE *out)
{
	const char *file = nfqdnctl_print_member(problem, "file"), *setting = nfqdnctl_print_member(problem, "setting");

	if (file[0])
		nfqdnctl_table_text(file, out);
	if (file[0] && nfqdnctl_print_number(problem, "line") > 0)
		fprintf(out, ":%" PRId64, nfqdnctl_print_number(problem, "line"));
	fprintf(out, "%s%s: ", file[0] ? ": " : "", nfqdnctl_print_member(problem, "severity"));
	nfqdnctl_table_text(setting, out);
	fputs(setting[0] ? ": " : "", out);
	nfqdnctl_table_text(nfqdnctl_print_member(problem, "text"), out);
	fputc('\n', out);
}

static void print_gained(const json_t *change, const char *key, const char *sign, FILE *out)
{
	const json_t *list = json_object_get(change, key);

	for (size_t i = 0; i < json_array_size(list); i++) {
		fprintf(out, "  %s ", sign);
		nfqdnctl_table_text(nfqdnctl_print_at(list, i), out);
		fputc('\n', out);
	}
}

void nfqdnctl_print_change(const json_t *change, FILE *out)
{
	const char *entry = nfqdnctl_print_member(change, "entry"), *row = nfqdnctl_print_member(change, "row");

	nfqdnctl_table_text(entry, out);
	fputs(*entry && *row ? " " : "", out);
	nfqdnctl_table_text(row, out);
	fprintf(out, ": %s\n", nfqdnctl_print_member(change, "state"));
	print_gained(change, "names_gained", "+ name", out);
	print_gained(change, "names_lost", "- name", out);
	print_gained(change, "prefixes_gained", "+ prefix", out);
	print_gained(change, "prefixes_lost", "- prefix", out);
	print_gained(change, "settings", "~", out);
}

static void print_dry_run(const json_t *result, FILE *out)
{
	const json_t *changes = json_object_get(result, "changes");

	for (size_t i = 0; i < json_array_size(changes); i++)
		nfqdnctl_print_change(json_array_get(changes, i), out);
	if (json_is_true(json_object_get(result, "ok")))
		fprintf(out, "%zu changes, not applied: generation %" PRId64 " stays in force\n",
			json_array_size(changes), nfqdnctl_print_number(result, "generation"));
}

void nfqdnctl_print_reload(const json_t *result, FILE *out)
{
	const json_t *problems = json_object_get(result, "problems");

	for (size_t i = 0; i < json_array_size(problems); i++)
		print_problem(json_array_get(problems, i), out);
	if (json_is_true(json_object_get(result, "dry_run")))
		print_dry_run(result, out);
	else if (json_is_integer(json_object_get(result, "confirm_in")) && json_is_true(json_object_get(result, "ok")))
		fprintf(out,
			"reloaded: generation %" PRId64 ", which goes back in %" PRId64
			" s unless `nfqdnctl confirm` comes\n",
			nfqdnctl_print_number(result, "generation"), nfqdnctl_print_number(result, "confirm_in"));
	else if (json_is_true(json_object_get(result, "ok")))
		fprintf(out, "reloaded: generation %" PRId64 "\n", nfqdnctl_print_number(result, "generation"));
	else
		fprintf(out, "refused: generation %" PRId64 " stays in force\n",
			nfqdnctl_print_number(result, "generation"));
}

void nfqdnctl_print_confirm(const json_t *result, FILE *out)
{
	fprintf(out, "%s generation %" PRId64 "\n",
		json_is_true(json_object_get(result, "kept")) ? "confirmed:" : "gone back:",
		nfqdnctl_print_number(result, "generation"));
}
