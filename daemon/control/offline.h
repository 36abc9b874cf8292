/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nfqdnd does without touching the kernel: --check, --print-config, --print-ruleset. */
#ifndef NFQDN_CONTROL_OFFLINE_H
#define NFQDN_CONTROL_OFFLINE_H

#include <stdbool.h>

#include "policy/policy.h"

/* Reads configuration and catalog and builds the policy. NULL when there is an error; problems are added either way. */
struct policy *offline_load(const char *config_path, struct problems *problems);
/* The same with the configuration's text. */
struct policy *offline_load_given(const char *text, struct problems *problems);
/* Each returns the exit status: 0, or 1 for a bad configuration; problems go to standard error (`json`: to standard
 * output as one object). */
int offline_check(const char *config_path, bool json);
int offline_print_config(const char *config_path);
int offline_print_ruleset(const char *config_path);

#endif
