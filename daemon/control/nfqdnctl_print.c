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

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

const char *nfqdnctl_print_member(const json_t *object, const char *key)
{
	return text_of(object, key);
}

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* An item of an array of strings. */
static const char *text_at(const json_t *array, size_t index)
{
	const char *text = json_string_value(json_array_get(array, index));

	return text ? text : "";
}

/* Words with spaces inside ("North America") need more than a space between them. */
static const char *separator_of(const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (strchr(text_at(array, i), ' '))
			return ",";
	return "";
}

/* "a b c" of an array of strings; to be freed, NULL when memory is out. */
static char *words_of(const json_t *array)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	const char *separator = separator_of(array);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < json_array_size(array); i++)
		fprintf(stream, "%s%s%s", i ? separator : "", i ? " " : "", text_at(array, i));
	fclose(stream);
	return text;
}

static void cell_words(struct nfqdnctl_table *table, const json_t *array)
{
	char *text = words_of(array);

	nfqdnctl_table_cell(table, text);
	free(text);
}

void nfqdnctl_print_cell(struct nfqdnctl_table *table, const json_t *array)
{
	cell_words(table, array);
}

static void cell_duration(struct nfqdnctl_table *table, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	char text[NFQDNCTL_DURATION_SIZE];

	nfqdnctl_table_cell(table,
			    json_is_integer(value) ? nfqdnctl_table_duration(json_integer_value(value), text) : NULL);
}

static void print_pair(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%-11s ", key);
	nfqdnctl_table_text(value, out);
	fputc('\n', out);
}

/* ---- status ---- */

static void print_queue(const json_t *queue, FILE *out)
{
	char text[192];
	int used = snprintf(text, sizeof(text), "%" PRId64, number_of(queue, "first"));

	if (number_of(queue, "count") > 1)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "-%" PRId64,
				 number_of(queue, "first") + number_of(queue, "count") - 1);
	used += snprintf(text + used, sizeof(text) - (size_t)used, " (%.32s)", text_of(queue, "backend"));
	if (json_object_get(queue, "waiting"))
		snprintf(text + used, sizeof(text) - (size_t)used, ", %" PRId64 " waiting, %" PRId64 " dropped",
			 number_of(queue, "waiting"), number_of(queue, "dropped"));
	print_pair(out, "queue", text);
}

static void print_owned(const json_t *status, FILE *out)
{
	const char *why = text_of(status, "owned_why");
	char text[256];

	if (json_is_true(json_object_get(status, "owned")))
		snprintf(text, sizeof(text), "yes");
	else
		snprintf(text, sizeof(text), "no%s%.200s%s", why[0] ? " (" : "", why, why[0] ? ")" : "");
	print_pair(out, "owned", text);
}

static void print_sizes(const json_t *status, FILE *out)
{
	const json_t *learned = json_object_get(status, "learned"), *policy = json_object_get(status, "policy");
	char text[192];

	snprintf(text, sizeof(text), "%" PRId64 " IPv4, %" PRId64 " IPv6 (limit %" PRId64 ")",
		 number_of(learned, "ipv4"), number_of(learned, "ipv6"), number_of(learned, "limit"));
	print_pair(out, "learned", text);
	snprintf(text, sizeof(text),
		 "%" PRId64 " entries: %" PRId64 " names, %" PRId64 " address ranges, %" PRId64 " inbound sources",
		 number_of(policy, "entries"), number_of(policy, "names"), number_of(policy, "prefixes"),
		 number_of(policy, "inbound_prefixes"));
	print_pair(out, "policy", text);
}

static void print_tcp(const json_t *tcp, FILE *out)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "%" PRId64 " flows (limit %" PRId64 "), %" PRId64 " KiB of unfinished messages (limit %" PRId64 ")",
		 number_of(tcp, "flows"), number_of(tcp, "flow_limit"), (number_of(tcp, "memory") + 1023) / 1024,
		 number_of(tcp, "memory_limit") / 1024);
	print_pair(out, "DNS by TCP", text);
}

static void print_revoke(const json_t *status, FILE *out)
{
	const json_t *revoke = json_object_get(status, "revoke"), *counters = json_object_get(status, "counters");
	char text[128];

	if (strcmp(text_of(revoke, "mode"), "cut") == 0)
		snprintf(text, sizeof(text), "cut: %" PRId64 " flows ended%s", number_of(counters, "flows_cut"),
			 json_is_true(json_object_get(revoke, "looking")) ? ", looking at what is open" : "");
	else
		snprintf(text, sizeof(text), "keep: open flows go on");
	print_pair(out, "revoke", text);
}

static void print_resolvers(const json_t *object, FILE *out)
{
	char *words = words_of(json_object_get(object, "resolvers"));

	if (words && words[0])
		print_pair(out, "resolvers", words);
	free(words);
}

static void print_counters(json_t *counters, FILE *out)
{
	static const char *const headers[] = { "COUNTER", ">VALUE", NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (void *at = json_object_iter(counters); at; at = json_object_iter_next(counters, at)) {
		nfqdnctl_table_cell(table, json_object_iter_key(at));
		nfqdnctl_table_number(table, json_integer_value(json_object_iter_value(at)));
	}
	nfqdnctl_table_print(table, 0, out);
}

void nfqdnctl_print_status(const json_t *result, FILE *out)
{
	char uptime[NFQDNCTL_DURATION_SIZE], text[96];

	fprintf(out, "nfqdn %s, up %s, %s\n", text_of(result, "version"),
		nfqdnctl_table_duration(number_of(result, "uptime"), uptime),
		json_is_true(json_object_get(result, "ready")) ? "ready" : "not ready yet");
	print_pair(out, "mode", text_of(result, "mode"));
	print_pair(out, "verify", text_of(result, "verify"));
	print_pair(out, "table", text_of(result, "table"));
	print_owned(result, out);
	snprintf(text, sizeof(text), "%" PRId64, number_of(result, "generation"));
	print_pair(out, "generation", text);
	print_pair(out, "config", text_of(result, "config"));
	if (json_is_integer(json_object_get(result, "confirm_in"))) {
		snprintf(text, sizeof(text), "goes back in %" PRId64 " s unless `nfqdnctl confirm` comes",
			 number_of(result, "confirm_in"));
		print_pair(out, "confirm", text);
	}
	print_queue(json_object_get(result, "queue"), out);
	if (json_object_get(result, "kernel_assist"))
		print_pair(out, "assist", text_of(result, "kernel_assist"));
	print_sizes(result, out);
	if (json_object_get(result, "tcp"))
		print_tcp(json_object_get(result, "tcp"), out);
	print_revoke(result, out);
	print_resolvers(json_object_get(result, "policy"), out);
	for (size_t i = 0; i < json_array_size(json_object_get(result, "warnings")); i++)
		print_pair(out, "careful", text_at(json_object_get(result, "warnings"), i));
	print_counters(json_object_get(result, "counters"), out);
}

/* ---- policy ---- */

void nfqdnctl_print_words(const char *key, const json_t *array, FILE *out)
{
	size_t width = 0, count = json_array_size(array);
	const char *separator = separator_of(array);

	if (count == 0)
		return;
	fprintf(out, "  %-9s", key);
	for (size_t i = 0; i < count; i++) {
		const char *text = text_at(array, i);

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

/* Of a list that changes, which edition; a document's date says enough. */
static void cell_list(struct nfqdnctl_table *table, const json_t *object)
{
	nfqdnctl_table_cell(table, text_of(object, "version")[0] ? text_of(object, "list") : NULL);
}

static void print_rows(const json_t *rows, FILE *out)
{
	static const char *const headers[] = { "ROW", ">NAMES", ">RANGES", "PORTS", "AS OF", "TITLE", "LIST", NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		nfqdnctl_table_cell(table, text_of(row, "row"));
		nfqdnctl_table_number(table, (int64_t)json_array_size(json_object_get(row, "names")));
		nfqdnctl_table_number(table, (int64_t)json_array_size(json_object_get(row, "prefixes")));
		cell_words(table, json_object_get(row, "ports"));
		nfqdnctl_table_cell(table, text_of(row, "as_of"));
		nfqdnctl_table_cell(table, text_of(row, "title"));
		cell_list(table, row);
	}
	nfqdnctl_table_print(table, 2, out);
}

static void print_warnings(const json_t *warnings, FILE *out)
{
	for (size_t i = 0; i < json_array_size(warnings); i++) {
		fputs("  careful:  ", out);
		nfqdnctl_table_text(text_at(warnings, i), out);
		fputc('\n', out);
	}
}

static void print_entry(const json_t *entry, FILE *out)
{
	const char *service = text_of(entry, "service"), *group = text_of(entry, "group");

	nfqdnctl_table_text(text_of(entry, "entry"), out);
	fprintf(out, " (%s%s%s%s%s)\n", text_of(entry, "direction"), service[0] ? ", service " : "", service,
		group[0] ? ", group " : "", group);
	nfqdnctl_print_words("to", json_object_get(entry, "to"), out);
	nfqdnctl_print_words("names", json_object_get(entry, "names"), out);
	nfqdnctl_print_words("ranges", json_object_get(entry, "prefixes"), out);
	nfqdnctl_print_words("ports", json_object_get(entry, "ports"), out);
	print_rows(json_object_get(entry, "rows"), out);
	print_warnings(json_object_get(entry, "warnings"), out);
}

static void print_groups(const json_t *groups, FILE *out)
{
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *group = json_array_get(groups, i);
		char *clients = words_of(json_object_get(group, "clients"));

		if (text_of(group, "name")[0])
			fprintf(out, "group %s: clients %s\n", text_of(group, "name"), clients ? clients : "");
		free(clients);
	}
}

void nfqdnctl_print_policy(const json_t *result, FILE *out)
{
	const json_t *entries = json_object_get(result, "entries");

	fprintf(out, "generation %" PRId64 ", mode %s, %zu entries\n", number_of(result, "generation"),
		text_of(result, "mode"), json_array_size(entries));
	print_resolvers(result, out);
	print_groups(json_object_get(result, "groups"), out);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);

		fputc('\n', out);
		print_entry(entry, out);
	}
}

/* ---- learned ---- */

static void port_text(const json_t *object, char out[32])
{
	const json_t *port = json_object_get(object, "port");

	if (json_is_integer(port))
		snprintf(out, 32, "%.16s/%d", text_of(object, "proto"), (int)json_integer_value(port));
	else
		snprintf(out, 32, "%.16s", text_of(object, "proto"));
}

void nfqdnctl_print_port(const json_t *object, char out[32])
{
	port_text(object, out);
}

static void add_element(struct nfqdnctl_table *table, const json_t *element)
{
	char port[32];

	port_text(element, port);
	nfqdnctl_table_cell(table, text_of(element, "address"));
	nfqdnctl_table_cell(table, port);
	nfqdnctl_table_cell(table, text_of(element, "group"));
	cell_duration(table, element, "expires_in");
	cell_duration(table, element, "ttl");
	cell_words(table, json_object_get(element, "entries"));
	cell_words(table, json_object_get(element, "names"));
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
	const char *prefix = text_of(reason, "prefix");

	return prefix[0] ? prefix : text_of(reason, "name");
}

static void print_reasons(const json_t *by, FILE *out)
{
	static const char *const headers[] = { "VIA",   "WHAT", "TO",       "PORTS", "ENTRY",
					       "GROUP", "ROW",  ">EXPIRES", "LIST",  NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(by); i++) {
		const json_t *reason = json_array_get(by, i);

		nfqdnctl_table_cell(table, text_of(reason, "via"));
		nfqdnctl_table_cell(table, reason_what(reason));
		cell_words(table, json_object_get(reason, "to"));
		cell_words(table, json_object_get(reason, "ports"));
		nfqdnctl_table_cell(table, text_of(reason, "entry"));
		nfqdnctl_table_cell(table, text_of(reason, "group"));
		nfqdnctl_table_cell(table, text_of(reason, "row"));
		cell_duration(table, reason, "expires_in");
		cell_list(table, reason);
	}
	nfqdnctl_table_print(table, 2, out);
}

void nfqdnctl_print_why(const json_t *result, FILE *out)
{
	const char *reason = text_of(result, "reason"), *from = text_of(result, "from");
	char port[32];

	port_text(result, port);
	fprintf(out, "%s%s%s%s%s: %s%s%s\n", text_of(result, "address"), port[0] ? " " : "", port,
		from[0] ? " from " : "", from, text_of(result, "verdict"), reason[0] ? ": " : "", reason);
	if (reason[0] && strcmp(text_of(result, "mode"), "audit") == 0)
		fputs("  mode audit: it passes all the same, and is counted\n", out);
	if (reason[0] && strcmp(text_of(result, "mode"), "sets") == 0)
		fputs("  mode sets: your own rules decide\n", out);
	if (reason[0] && strcmp(text_of(result, "mode"), "mark") == 0)
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

		nfqdnctl_table_cell(table, text_of(rule, "pattern"));
		cell_words(table, json_object_get(rule, "ports"));
		nfqdnctl_table_cell(table, text_of(rule, "entry"));
		nfqdnctl_table_cell(table, text_of(rule, "group"));
		nfqdnctl_table_cell(table, text_of(rule, "row"));
		nfqdnctl_table_cell(table, text_of(rule, "derived_from"));
		cell_list(table, rule);
	}
	nfqdnctl_table_print(table, 2, out);
}

void nfqdnctl_print_explain(const json_t *result, FILE *out)
{
	const char *hint = text_of(result, "hint");

	fprintf(out, "%s: %s\n", text_of(result, "name"), text_of(result, "verdict"));
	print_patterns(json_object_get(result, "by"), out);
	if (hint[0])
		fprintf(out, "  hint: %s\n", hint);
}

/* ---- denied ---- */

#define TIME_SIZE 32

static void time_text(const json_t *object, const char *key, char out[TIME_SIZE])
{
	time_t seconds = (time_t)number_of(object, key);
	struct tm local;

	out[0] = '\0';
	if (json_is_integer(json_object_get(object, key)) && localtime_r(&seconds, &local))
		strftime(out, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &local);
}

/* The first row that would allow it. */
static const char *row_of(const json_t *denial)
{
	return text_of(json_array_get(json_object_get(denial, "rows"), 0), "text");
}

void nfqdnctl_print_denial(const json_t *denial, FILE *out)
{
	const char *name = text_of(denial, "name"), *row = row_of(denial);
	char port[32], when[TIME_SIZE];

	port_text(denial, port);
	time_text(denial, "last", when);
	fprintf(out, "%s %s %s -> %s %s%s%s%s x%lld: %s%s%s\n", when, text_of(denial, "verdict"),
		text_of(denial, "client"), text_of(denial, "address"), port, name[0] ? " (" : "", name,
		name[0] ? ")" : "", (long long)number_of(denial, "count"), text_of(denial, "reason"),
		row[0] ? "; the catalog has it: " : "", row);
}

static void add_denial(struct nfqdnctl_table *table, const json_t *denial)
{
	char port[32], when[TIME_SIZE];

	port_text(denial, port);
	time_text(denial, "last", when);
	nfqdnctl_table_cell(table, when);
	nfqdnctl_table_cell(table, text_of(denial, "client"));
	nfqdnctl_table_cell(table, text_of(denial, "address"));
	nfqdnctl_table_cell(table, port);
	nfqdnctl_table_number(table, number_of(denial, "count"));
	nfqdnctl_table_cell(table, text_of(denial, "name"));
	nfqdnctl_table_cell(table, strcmp(text_of(denial, "verdict"), "denied") == 0 ? "" : "would deny");
	nfqdnctl_table_cell(table, text_of(denial, "reason"));
	nfqdnctl_table_cell(table, row_of(denial));
}

static void print_summary(const json_t *result, FILE *out)
{
	static const char *const headers[] = { ">COUNT", ">CLIENTS", "WHAT", "PORT", "WHY", "CATALOG", NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(result); i++) {
		const json_t *row = json_array_get(result, i);
		char port[32];

		port_text(row, port);
		nfqdnctl_table_number(table, number_of(row, "count"));
		nfqdnctl_table_number(table, number_of(row, "clients"));
		nfqdnctl_table_cell(table, text_of(row, text_of(row, "name")[0] ? "name" : "address"));
		nfqdnctl_table_cell(table, port);
		nfqdnctl_table_cell(table, text_of(row, "reason"));
		nfqdnctl_table_cell(table, row_of(row));
	}
	nfqdnctl_table_print(table, 0, out);
}

void nfqdnctl_print_denied(const json_t *result, FILE *out)
{
	static const char *const headers[] = { "LAST", "CLIENT",  "ADDRESS", "PORT",    ">COUNT",
					       "NAME", "VERDICT", "WHY",     "CATALOG", NULL };
	struct nfqdnctl_table *table;

	if (json_array_size(result) == 0)
		fputs("nothing was denied\n", out);
	if (json_object_get(json_array_get(result, 0), "clients")) {
		print_summary(result, out);
		return;
	}
	table = nfqdnctl_table_new(headers);
	for (size_t i = 0; i < json_array_size(result); i++)
		add_denial(table, json_array_get(result, i));
	nfqdnctl_table_print(table, 0, out);
}

/* ---- suggest ---- */

/* name = [ "a", "b" ]; */
static void print_list(const char *name, const json_t *texts, FILE *out)
{
	if (json_array_size(texts) == 0)
		return;
	fprintf(out, " %s = [", name);
	for (size_t i = 0; i < json_array_size(texts); i++)
		fprintf(out, "%s\"%s\"", i ? ", " : " ", text_at(texts, i));
	fputs(" ];", out);
}

/* What it is good for stands behind it. */
static void print_suggestion(const json_t *entry, FILE *out)
{
	const char *service = text_of(entry, "service");
	char *reasons = words_of(json_object_get(entry, "for"));

	fprintf(out, "    %s: {", text_of(entry, "name"));
	if (service[0])
		fprintf(out, " service = \"%s\";", service);
	print_list("features", json_object_get(entry, "features"), out);
	print_list("clouds", json_object_get(entry, "clouds"), out);
	if (json_is_true(json_object_get(entry, "optional")))
		fputs(" optional = true;", out);
	print_list("names", json_object_get(entry, "names"), out);
	print_list("addresses", json_object_get(entry, "addresses"), out);
	print_list("ports", json_object_get(entry, "ports"), out);
	fprintf(out, " };  # %lld times%s%s\n", (long long)number_of(entry, "count"), reasons && reasons[0] ? ": " : "",
		reasons ? reasons : "");
	free(reasons);
}

static void print_suggestions(const char *title, const char *mark, const json_t *entries, FILE *out)
{
	if (json_array_size(entries) == 0)
		return;
	fprintf(out, "    # %s\n", title);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		fputs(mark, out);
		print_suggestion(json_array_get(entries, i), out);
	}
}

void nfqdnctl_print_suggest(const json_t *result, FILE *out)
{
	const json_t *others = json_object_get(result, "others");

	if (json_array_size(json_object_get(result, "entries")) +
		    json_array_size(json_object_get(result, "addresses")) + json_array_size(others) ==
	    0)
		fputs("    # nothing was denied\n", out);
	print_suggestions("for `allow`: what clients were denied; look at each before you allow it", "",
			  json_object_get(result, "entries"), out);
	print_suggestions("no answer named these addresses: find out what they are first", "#",
			  json_object_get(result, "addresses"), out);
	for (size_t i = 0; i < json_array_size(others); i++)
		fprintf(out, "    # no entry of `allow` helps: %s\n", text_at(others, i));
}

/* ---- wait and reload ---- */

/* Quiet when it came true: it stands in scripts. */
void nfqdnctl_print_wait(const json_t *result, FILE *out)
{
	if (!json_is_true(json_object_get(result, "met")))
		fprintf(out, "timed out: not %s\n", text_of(result, "for"));
}

static void print_problem(const json_t *problem, FILE *out)
{
	const char *file = text_of(problem, "file"), *setting = text_of(problem, "setting");

	if (file[0])
		nfqdnctl_table_text(file, out);
	if (file[0] && number_of(problem, "line") > 0)
		fprintf(out, ":%" PRId64, number_of(problem, "line"));
	fprintf(out, "%s%s: ", file[0] ? ": " : "", text_of(problem, "severity"));
	nfqdnctl_table_text(setting, out);
	fputs(setting[0] ? ": " : "", out);
	nfqdnctl_table_text(text_of(problem, "text"), out);
	fputc('\n', out);
}

static void print_gained(const json_t *change, const char *key, const char *sign, FILE *out)
{
	const json_t *list = json_object_get(change, key);

	for (size_t i = 0; i < json_array_size(list); i++) {
		fprintf(out, "  %s ", sign);
		nfqdnctl_table_text(text_at(list, i), out);
		fputc('\n', out);
	}
}

void nfqdnctl_print_change(const json_t *change, FILE *out)
{
	const char *entry = text_of(change, "entry"), *row = text_of(change, "row");

	nfqdnctl_table_text(entry, out);
	fputs(*entry && *row ? " " : "", out);
	nfqdnctl_table_text(row, out);
	fprintf(out, ": %s\n", text_of(change, "state"));
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
			json_array_size(changes), number_of(result, "generation"));
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
			number_of(result, "generation"), number_of(result, "confirm_in"));
	else if (json_is_true(json_object_get(result, "ok")))
		fprintf(out, "reloaded: generation %" PRId64 "\n", number_of(result, "generation"));
	else
		fprintf(out, "refused: generation %" PRId64 " stays in force\n", number_of(result, "generation"));
}

void nfqdnctl_print_confirm(const json_t *result, FILE *out)
{
	fprintf(out, "%s generation %" PRId64 "\n",
		json_is_true(json_object_get(result, "kept")) ? "confirmed:" : "gone back:",
		number_of(result, "generation"));
}
