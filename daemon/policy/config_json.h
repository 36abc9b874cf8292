/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration written as JSON, for programs: the same groups and settings, objects for groups and arrays for lists. It
 * becomes what libconfig would have read, so that one table of settings serves both. */
#ifndef NFQDN_POLICY_CONFIG_JSON_H
#define NFQDN_POLICY_CONFIG_JSON_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/config_reader.h"

/* Does the text begin as JSON does? No file in libconfig's syntax begins with '{'. */
bool config_json_is(const char *text, size_t length);
/* Adds what the text holds to the root of `file`, each setting with its line as config_reader_line() reads it. 0; -EINVAL
 * when something is wrong, told with the line, or the path where it stands; -ENOMEM. */
int config_json_read(struct config_reader *reader, const char *text, size_t length, config_t *file);

#endif
