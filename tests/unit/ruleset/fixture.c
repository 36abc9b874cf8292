/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ruleset/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/closed.h"

#define CATALOG "tests/unit/policy/catalog"

char *fixture_read(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

/* Puts the tests' catalog into the first group, gateway. */
static void write_with_catalog(FILE *out, const char *text)
{
	const char *gateway = strstr(text, "gateway: {");
	char here[4096];

	assert_non_null(gateway);
	assert_non_null(getcwd(here, sizeof(here)));
	gateway += strlen("gateway: {");
	fprintf(out, "%.*s catalog = [ \"%s/%s\" ];%s", (int)(gateway - text), text, here, CATALOG, gateway);
}

static struct policy *policy_of(struct config *config, struct problems *problems)
{
	struct policy *policy;

	if (config)
		config->unowned = true;
	policy = config ? policy_build(config, "2025-10-15", problems) : NULL;

	if (!policy)
		problem_print(problems, stderr);
	assert_non_null(policy);
	problem_clear(problems);
	return policy;
}

struct policy *fixture_policy_text(const char *text)
{
	char path[] = "/tmp/nfqdn-ruleset-XXXXXX";
	struct problems problems = { 0 };
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct config *config;

	assert_non_null(file);
	write_with_catalog(file, text);
	fclose(file);
	config = config_load(path, &problems);
	unlink(path);
	return policy_of(config, &problems);
}

struct policy *fixture_policy(const char *name)
{
	struct problems problems = { 0 };
	struct policy *policy;
	char path[256], *text;

	if (strcmp(name, "closed") == 0)
		return policy_of(closed_config(), &problems);
	snprintf(path, sizeof(path), FIXTURE_FOLDER "%s.conf", name);
	text = fixture_read(path);
	assert_non_null(text);
	policy = fixture_policy_text(text);
	free(text);
	return policy;
}

void fixture_own(struct policy *policy)
{
	((struct config *)policy->config)->unowned = false;
}

char *fixture_print(const struct policy *policy, enum ruleset_side side)
{
	struct arena *arena = arena_new();
	struct ruleset *ruleset = ruleset_build(arena, policy, side);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(ruleset);
	assert_non_null(out);
	ruleset_print(ruleset, out);
	fclose(out);
	arena_free(arena);
	return text;
}
