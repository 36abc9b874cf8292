/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies from configuration texts, for tests: what was told is compared word for word. */
#ifndef TESTS_UNIT_POLICY_BUILD_H
#define TESTS_UNIT_POLICY_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/policy.h"

#define FIXTURE "tests/unit/policy/catalog"

/* The text goes to a file: gateway on line 1, `allow` on line 2 and after. `more` stands inside of gateway. What is
 * told comes back in `told` (freed by the caller), with the file's name as "conf". */
static inline struct policy *build_told(const char *catalog, const char *more, const char *rest, const char *today,
					char **told)
{
	char path[] = "/tmp/nfqdn-policy-XXXXXX", here[4096], *found;
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w"), *out;
	struct problems problems = { 0 };
	struct policy *policy = NULL;
	struct config *config;
	size_t size;

	assert_non_null(file);
	assert_non_null(getcwd(here, sizeof(here)));
	fprintf(file,
		"gateway: { interfaces = [ \"lan\" ]; resolvers = [ \"10.2.0.2\" ]; catalog = [ \"%s/%s\" ]; %s "
		"};\n%s\n",
		here, catalog, more, rest);
	fclose(file);
	config = config_load(path, &problems);
	if (config)
		policy = policy_build(config, today, &problems);
	assert_true((policy == NULL) == (problems.errors > 0));
	out = open_memstream(told, &size);
	assert_non_null(out);
	problem_print(&problems, out);
	fclose(out);
	while ((found = strstr(*told, path))) {
		memmove(found + 4, found + strlen(path), strlen(found + strlen(path)) + 1);
		memcpy(found, "conf", 4);
	}
	problem_clear(&problems);
	unlink(path);
	return policy;
}

/* A policy without errors; warnings do not matter. */
static inline struct policy *build(const char *catalog, const char *more, const char *rest)
{
	char *told;
	struct policy *policy = build_told(catalog, more, rest, "2025-10-15", &told);

	if (!policy)
		fail_msg("%s", told);
	free(told);
	return policy;
}

static inline struct ipaddr address_of(const char *text)
{
	struct ipaddr out;

	if (ipaddr_from_text(text, &out))
		fail_msg("%s is no address", text);
	return out;
}

/* "192.0.2.0/24 6 80-80": boxes as text, one a line. */
static inline char *boxes_text(const struct policy_boxes *boxes)
{
	char *text = NULL, range[VALUE_RANGE_TEXT_SIZE];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < boxes->count; i++)
		fprintf(out, "%s %u %u-%u\n", value_range_to_text(&boxes->items[i].address, range),
			boxes->items[i].l4proto, boxes->items[i].port_first, boxes->items[i].port_last);
	fclose(out);
	return text;
}

/* "entry pattern ports" of the rules that match, in order, one a line. */
static inline char *matches_text(const struct policy *policy, const char *name)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	char *text = NULL, ports[VALUE_PORTS_TEXT_SIZE];
	struct dns_name wire;
	size_t size, count;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(dns_name_from_text(name, &wire), 0);
	count = policy_match_name(policy, &wire, rules);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s %s", rules[i]->entry->config->name, rules[i]->pattern);
		for (size_t k = 0; k < rules[i]->port_count; k++)
			fprintf(out, " %s", value_ports_to_text(&rules[i]->ports[k], ports));
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

#endif
