/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in force, as text: `status` and `policy`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/nfqdnctl_print.h"

static void print_queue(const json_t *queue, FILE *out)
{
	char text[192];
	int used = snprintf(text, sizeof(text), "%" PRId64, nfqdnctl_print_number(queue, "first"));

	if (nfqdnctl_print_number(queue, "count") > 1)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "-%" PRId64,
				 nfqdnctl_print_number(queue, "first") + nfqdnctl_print_number(queue, "count") - 1);
	used += snprintf(text + used, sizeof(text) - (size_t)used, " (%.32s)", nfqdnctl_print_member(queue, "backend"));
	if (json_object_get(queue, "waiting"))
		snprintf(text + used, sizeof(text) - (size_t)used, ", %" PRId64 " waiting, %" PRId64 " dropped",
			 nfqdnctl_print_number(queue, "waiting"), nfqdnctl_print_number(queue, "dropped"));
	nfqdnctl_print_pair(out, "queue", text);
}

static void print_owned(const json_t *status, FILE *out)
{
	const char *why = nfqdnctl_print_member(status, "owned_why");
	char text[256];

	if (json_is_true(json_object_get(status, "owned")))
		snprintf(text, sizeof(text), "yes");
	else
		snprintf(text, sizeof(text), "no%s%.200s%s", why[0] ? " (" : "", why, why[0] ? ")" : "");
	nfqdnctl_print_pair(out, "owned", text);
}

static void print_sizes(const json_t *status, FILE *out)
{
	const json_t *learned = json_object_get(status, "learned"), *policy = json_object_get(status, "policy");
	char text[192];

	snprintf(text, sizeof(text), "%" PRId64 " IPv4, %" PRId64 " IPv6 (limit %" PRId64 ")",
		 nfqdnctl_print_number(learned, "ipv4"), nfqdnctl_print_number(learned, "ipv6"),
		 nfqdnctl_print_number(learned, "limit"));
	nfqdnctl_print_pair(out, "learned", text);
	snprintf(text, sizeof(text),
		 "%" PRId64 " entries: %" PRId64 " names, %" PRId64 " address ranges, %" PRId64 " inbound sources",
		 nfqdnctl_print_number(policy, "entries"), nfqdnctl_print_number(policy, "names"),
		 nfqdnctl_print_number(policy, "prefixes"), nfqdnctl_print_number(policy, "inbound_prefixes"));
	nfqdnctl_print_pair(out, "policy", text);
}

static void print_tcp(const json_t *tcp, FILE *out)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "%" PRId64 " flows (limit %" PRId64 "), %" PRId64 " KiB of unfinished messages (limit %" PRId64 ")",
		 nfqdnctl_print_number(tcp, "flows"), nfqdnctl_print_number(tcp, "flow_limit"),
		 (nfqdnctl_print_number(tcp, "memory") + 1023) / 1024,
		 nfqdnctl_print_number(tcp, "memory_limit") / 1024);
	nfqdnctl_print_pair(out, "DNS by TCP", text);
}

static void print_revoke(const json_t *status, FILE *out)
{
	const json_t *revoke = json_object_get(status, "revoke"), *counters = json_object_get(status, "counters");
	char text[128];

	if (strcmp(nfqdnctl_print_member(revoke, "mode"), "cut") == 0)
		snprintf(text, sizeof(text), "cut: %" PRId64 " flows ended%s",
			 nfqdnctl_print_number(counters, "flows_cut"),
			 json_is_true(json_object_get(revoke, "looking")) ? ", looking at what is open" : "");
	else
		snprintf(text, sizeof(text), "keep: open flows go on");
	nfqdnctl_print_pair(out, "revoke", text);
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

	fprintf(out, "nfqdn %s, up %s, %s\n", nfqdnctl_print_member(result, "version"),
		nfqdnctl_table_duration(nfqdnctl_print_number(result, "uptime"), uptime),
		json_is_true(json_object_get(result, "ready")) ? "ready" : "not ready yet");
	nfqdnctl_print_pair(out, "mode", nfqdnctl_print_member(result, "mode"));
	nfqdnctl_print_pair(out, "verify", nfqdnctl_print_member(result, "verify"));
	nfqdnctl_print_pair(out, "table", nfqdnctl_print_member(result, "table"));
	print_owned(result, out);
	snprintf(text, sizeof(text), "%" PRId64, nfqdnctl_print_number(result, "generation"));
	nfqdnctl_print_pair(out, "generation", text);
	nfqdnctl_print_pair(out, "config", nfqdnctl_print_member(result, "config"));
	if (json_is_integer(json_object_get(result, "confirm_in"))) {
		snprintf(text, sizeof(text), "goes back in %" PRId64 " s unless `nfqdnctl confirm` comes",
			 nfqdnctl_print_number(result, "confirm_in"));
		nfqdnctl_print_pair(out, "confirm", text);
	}
	print_queue(json_object_get(result, "queue"), out);
	if (json_object_get(result, "kernel_assist"))
		nfqdnctl_print_pair(out, "assist", nfqdnctl_print_member(result, "kernel_assist"));
	print_sizes(result, out);
	if (json_object_get(result, "tcp"))
		print_tcp(json_object_get(result, "tcp"), out);
	print_revoke(result, out);
	nfqdnctl_print_resolvers(json_object_get(result, "policy"), out);
	for (size_t i = 0; i < json_array_size(json_object_get(result, "warnings")); i++)
		nfqdnctl_print_pair(out, "careful", nfqdnctl_print_at(json_object_get(result, "warnings"), i));
	print_counters(json_object_get(result, "counters"), out);
}

/* ---- policy ---- */

static void print_rows(const json_t *rows, FILE *out)
{
	static const char *const headers[] = { "ROW", ">NAMES", ">RANGES", "PORTS", "AS OF", "TITLE", "LIST", NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		nfqdnctl_table_cell(table, nfqdnctl_print_member(row, "row"));
		nfqdnctl_table_number(table, (int64_t)json_array_size(json_object_get(row, "names")));
		nfqdnctl_table_number(table, (int64_t)json_array_size(json_object_get(row, "prefixes")));
		nfqdnctl_print_cell(table, json_object_get(row, "ports"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(row, "as_of"));
		nfqdnctl_table_cell(table, nfqdnctl_print_member(row, "title"));
		nfqdnctl_print_list(table, row);
	}
	nfqdnctl_table_print(table, 2, out);
}

static void print_warnings(const json_t *warnings, FILE *out)
{
	for (size_t i = 0; i < json_array_size(warnings); i++) {
		fputs("  careful:  ", out);
		nfqdnctl_table_text(nfqdnctl_print_at(warnings, i), out);
		fputc('\n', out);
	}
}

static void print_entry(const json_t *entry, FILE *out)
{
	const char *service = nfqdnctl_print_member(entry, "service"), *group = nfqdnctl_print_member(entry, "group");

	nfqdnctl_table_text(nfqdnctl_print_member(entry, "entry"), out);
	fprintf(out, " (%s%s%s%s%s)\n", nfqdnctl_print_member(entry, "direction"), service[0] ? ", service " : "",
		service, group[0] ? ", group " : "", group);
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
		char *clients = nfqdnctl_print_joined(json_object_get(group, "clients"));

		if (nfqdnctl_print_member(group, "name")[0])
			fprintf(out, "group %s: clients %s\n", nfqdnctl_print_member(group, "name"),
				clients ? clients : "");
		free(clients);
	}
}

void nfqdnctl_print_policy(const json_t *result, FILE *out)
{
	const json_t *entries = json_object_get(result, "entries");

	fprintf(out, "generation %" PRId64 ", mode %s, %zu entries\n", nfqdnctl_print_number(result, "generation"),
		nfqdnctl_print_member(result, "mode"), json_array_size(entries));
	nfqdnctl_print_resolvers(result, out);
	print_groups(json_object_get(result, "groups"), out);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);

		fputc('\n', out);
		print_entry(entry, out);
	}
}
