/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/offline.h"

#include <stdio.h>
#include <time.h>

#include "control/readable.h"
#include "netfilter/own.h"
#include "netfilter/ruleset.h"

static void offline_today(char out[11])
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(out, 11, "%Y-%m-%d", &utc);
}

/* Resolvers that lie on a client interface of this machine are found only here: the file alone does not tell. */
static bool check_links(const struct config *config, struct problems *problems)
{
	struct config_link links[LIMIT_OWN_ADDRESSES];
	int count = own_links(links, LIMIT_OWN_ADDRESSES);
	size_t before = problems->errors;

	if (count > LIMIT_OWN_ADDRESSES)
		count = LIMIT_OWN_ADDRESSES;
	config_check_links(config, links, count < 0 ? 0 : (size_t)count, problems);
	return problems->errors == before;
}

static struct policy *build(struct config *config, struct problems *problems)
{
	struct policy *policy;
	char today[11];
	bool lawful;

	if (!config)
		return NULL;
	lawful = check_links(config, problems);
	offline_today(today);
	policy = policy_build(config, today, problems);
	if (lawful)
		return policy;
	policy_free(policy);
	return NULL;
}

struct policy *offline_load(const char *config_path, struct problems *problems)
{
	return build(config_load(config_path, problems), problems);
}

struct policy *offline_load_given(const char *text, struct problems *problems)
{
	return build(config_load_given(text, problems), problems);
}

static void summarise(const char *config_path, const struct policy *policy, const struct problems *problems)
{
	size_t boxes = 0;

	for (size_t i = 0; i < policy->group_count; i++)
		boxes += policy->groups[i].cidr4.count + policy->groups[i].cidr6.count;
	printf("%s: ok: %zu entries, %zu names, %zu address ranges, %zu inbound ranges, %zu warnings\n",
	       config_name(config_path), policy->entry_count, policy->rule_count, boxes,
	       policy->from4.count + policy->from6.count, problems->count - problems->errors);
}

int offline_check(const char *config_path, bool json)
{
	struct problems problems = { 0 };
	struct policy *policy = offline_load(config_path, &problems);
	int status = policy ? 0 : 1;

	if (policy)
		readable_check(policy->config, &problems);
	problem_sort(&problems);
	if (json)
		problem_print_json(&problems, stdout);
	else
		problem_print(&problems, stderr);
	if (policy && !json)
		summarise(config_path, policy, &problems);
	problem_clear(&problems);
	policy_free(policy);
	return status;
}

int offline_print_config(const char *config_path)
{
	struct problems problems = { 0 };
	struct config *config = config_load(config_path, &problems);
	int status = config ? 0 : 1;

	problem_print(&problems, stderr);
	if (config)
		config_print(config, stdout);
	problem_clear(&problems);
	config_free(config);
	return status;
}

int offline_print_ruleset(const char *config_path)
{
	struct problems problems = { 0 };
	struct policy *policy = offline_load(config_path, &problems);
	struct arena *arena = arena_new();
	struct ruleset *ruleset = policy && arena ? ruleset_build(arena, policy, RULESET_A) : NULL;
	int status = ruleset ? 0 : 1;

	if (ruleset)
		ruleset_print(ruleset, stdout);
	else
		problem_print(&problems, stderr);
	problem_clear(&problems);
	arena_free(arena);
	policy_free(policy);
	return status;
}
