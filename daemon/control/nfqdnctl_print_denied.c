/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was denied, and what would allow it, as text: `denied` and `suggest`. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/nfqdnctl_print.h"

#define TIME_SIZE 32

static void time_text(const json_t *object, const char *key, char out[TIME_SIZE])
{
	time_t seconds = (time_t)nfqdnctl_print_number(object, key);
	struct tm local;

	out[0] = '\0';
	if (json_is_integer(json_object_get(object, key)) && localtime_r(&seconds, &local))
		strftime(out, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &local);
}

/* The first row that would allow it. */
static const char *row_of(const json_t *denial)
{
	return nfqdnctl_print_member(json_array_get(json_object_get(denial, "rows"), 0), "text");
}

/* What was denied needs no word for it. */
static const char *verdict_of(const json_t *denial)
{
	const char *verdict = nfqdnctl_print_member(denial, "verdict");

	return strcmp(verdict, "denied") == 0 ? "" : verdict;
}

void nfqdnctl_print_denial(const json_t *denial, FILE *out)
{
	const char *name = nfqdnctl_print_member(denial, "name"), *row = row_of(denial);
	char port[32], when[TIME_SIZE];

	nfqdnctl_print_port(denial, port);
	time_text(denial, "last", when);
	fprintf(out, "%s %s %s -> %s %s%s%s%s x%lld: %s%s%s\n", when, nfqdnctl_print_member(denial, "verdict"),
		nfqdnctl_print_member(denial, "client"), nfqdnctl_print_member(denial, "address"), port,
		name[0] ? " (" : "", name, name[0] ? ")" : "", (long long)nfqdnctl_print_number(denial, "count"),
		nfqdnctl_print_member(denial, "reason"), row[0] ? "; the catalog has it: " : "", row);
}

static void add_denial(struct nfqdnctl_table *table, const json_t *denial)
{
	char port[32], when[TIME_SIZE];

	nfqdnctl_print_port(denial, port);
	time_text(denial, "last", when);
	nfqdnctl_table_cell(table, when);
	nfqdnctl_table_cell(table, nfqdnctl_print_member(denial, "client"));
	nfqdnctl_table_cell(table, nfqdnctl_print_member(denial, "address"));
	nfqdnctl_table_cell(table, port);
	nfqdnctl_table_number(table, nfqdnctl_print_number(denial, "count"));
	nfqdnctl_table_cell(table, nfqdnctl_print_member(denial, "name"));
	nfqdnctl_table_cell(table, verdict_of(denial));
	nfqdnctl_table_cell(table, nfqdnctl_print_member(denial, "reason"));
	nfqdnctl_table_cell(table, row_of(denial));
}

static void print_summary(const json_t *result, FILE *out)
{
	static const char *const headers[] = {
		">COUNT", ">CLIENTS", "WHAT", "PORT", "VERDICT", "WHY", "CATALOG", NULL
	};
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(result); i++) {
		const json_t *row = json_array_get(result, i);
		char port[32];

		nfqdnctl_print_port(row, port);
		nfqdnctl_table_number(table, nfqdnctl_print_number(row, "count"));
		nfqdnctl_table_number(table, nfqdnctl_print_number(row, "clients"));
		nfqdnctl_table_cell(
			table, nfqdnctl_print_member(row, nfqdnctl_print_member(row, "name")[0] ? "name" : "address"));
		nfqdnctl_table_cell(table, port);
		nfqdnctl_table_cell(table, verdict_of(row));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(row, "reason"));
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
		fprintf(out, "%s\"%s\"", i ? ", " : " ", nfqdnctl_print_at(texts, i));
	fputs(" ];", out);
}

/* What it is good for stands behind it. */
static void print_suggestion(const json_t *entry, FILE *out)
{
	const char *service = nfqdnctl_print_member(entry, "service");
	char *reasons = nfqdnctl_print_joined(json_object_get(entry, "for"));

	fprintf(out, "    %s: {", nfqdnctl_print_member(entry, "name"));
	if (service[0])
		fprintf(out, " service = \"%s\";", service);
	print_list("features", json_object_get(entry, "features"), out);
	print_list("clouds", json_object_get(entry, "clouds"), out);
	if (json_is_true(json_object_get(entry, "optional")))
		fputs(" optional = true;", out);
	print_list("names", json_object_get(entry, "names"), out);
	print_list("addresses", json_object_get(entry, "addresses"), out);
	print_list("ports", json_object_get(entry, "ports"), out);
	fprintf(out, " };  # %lld times%s%s\n", (long long)nfqdnctl_print_number(entry, "count"),
		reasons && reasons[0] ? ": " : "", reasons ? reasons : "");
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
		fprintf(out, "    # no entry of `allow` helps: %s\n", nfqdnctl_print_at(others, i));
}
