/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_print.h"

#include <string.h>

static size_t count_of(const json_t *findings, const char *severity)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(findings); i++)
		count += strcmp(nfqdnctl_print_member(json_array_get(findings, i), "severity"), severity) == 0;
	return count;
}

static void print_findings(const json_t *findings, const char *severity, FILE *out)
{
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *finding = json_array_get(findings, i);

		if (strcmp(nfqdnctl_print_member(finding, "severity"), severity) == 0)
			fprintf(out, "%-8s %-12s %s\n         %-12s %s\n", severity,
				nfqdnctl_print_member(finding, "check"), nfqdnctl_print_member(finding, "seen"),
				"fix:", nfqdnctl_print_member(finding, "fix"));
	}
}

static void print_resolvers(const json_t *resolvers, FILE *out)
{
	static const char *const headers[] = { "RESOLVER", ">ANSWERS", "LAST", NULL };
	struct nfqdnctl_table *table = nfqdnctl_table_new(headers);

	for (size_t i = 0; i < json_array_size(resolvers); i++) {
		const json_t *resolver = json_array_get(resolvers, i);
		char ago[NFQDNCTL_DURATION_SIZE], text[NFQDNCTL_DURATION_SIZE + 8];

		nfqdnctl_table_duration(json_integer_value(json_object_get(resolver, "last")), ago);
		snprintf(text, sizeof(text), "%s ago", ago);
		nfqdnctl_table_cell(table, nfqdnctl_print_member(resolver, "address"));
		nfqdnctl_table_number(table, json_integer_value(json_object_get(resolver, "answers")));
		nfqdnctl_table_cell(table, text);
	}
	nfqdnctl_table_print(table, 0, out);
}

void nfqdnctl_print_doctor(const json_t *result, FILE *out)
{
	static const char *const severities[] = { "error", "warning", "note" };
	const json_t *findings = json_object_get(result, "findings");

	print_resolvers(json_object_get(result, "resolvers"), out);
	for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		print_findings(findings, severities[i], out);
	fprintf(out, "%s: %zu checks, %zu errors, %zu warnings, %zu notes\n",
		json_is_true(json_object_get(result, "well")) ? "all is well" : "not well",
		json_array_size(json_object_get(result, "checks")), count_of(findings, "error"),
		count_of(findings, "warning"), count_of(findings, "note"));
}
