/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies from configuration files, for tests of rulesets and tables. What goes wrong ends the test case. */
#ifndef TESTS_UNIT_RULESET_FIXTURE_H
#define TESTS_UNIT_RULESET_FIXTURE_H

#include "netfilter/ruleset.h"
#include "policy/policy.h"

#define FIXTURE_FOLDER "tests/unit/ruleset/"

/* The policy of tests/unit/ruleset/NAME.conf, with the tests' catalog. NAME "closed" is the one that stands in. Its table
 * has no owner: what others may do to it is tested. */
struct policy *fixture_policy(const char *name);
/* The policy of a configuration text. */
struct policy *fixture_policy_text(const char *text);
/* Its table shall be owned. */
void fixture_own(struct policy *policy);
/* A file as a text; freed by the caller. NULL when there is none. */
char *fixture_read(const char *path);
/* What ruleset_print() writes; freed by the caller. */
char *fixture_print(const struct policy *policy, enum ruleset_side side);

#endif
