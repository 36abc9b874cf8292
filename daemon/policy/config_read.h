/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores what libconfig read in struct config, setting by setting, as the table of settings says. */
#ifndef NFQDN_POLICY_CONFIG_READ_H
#define NFQDN_POLICY_CONFIG_READ_H

#include <libconfig.h>
#include <stdbool.h>

#include "policy/config.h"
#include "policy/option.h"

#define CONFIG_PATH_SIZE 256

/* One run over a file. */
struct config_reader {
	struct arena *arena;
	struct problems *problems;
	const char *file;
	bool no_memory;
	char path[CONFIG_PATH_SIZE]; /* of the setting that is looked at, for problems */
};

/* Adds a problem under the reader's path. */
void config_read_tell(struct config_reader *reader, enum problem_severity severity, unsigned int line,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));
#define config_read_error(reader, line, ...) config_read_tell(reader, PROBLEM_ERROR, line, __VA_ARGS__)
#define config_read_warning(reader, line, ...) config_read_tell(reader, PROBLEM_WARNING, line, __VA_ARGS__)

/* Appends ".NAME" (or "[INDEX]") to the path and returns the length to go back to. */
size_t config_read_enter(struct config_reader *reader, const char *name);
size_t config_read_enter_item(struct config_reader *reader, unsigned int index);
void config_read_leave(struct config_reader *reader, size_t length);

/* Line that config.c noted on the setting; 0 for a default. */
unsigned int config_read_line(const config_setting_t *setting);
/* The text of a setting, or NULL after telling that it holds something else, nothing, or control characters. */
const char *config_read_text(struct config_reader *reader, const config_setting_t *setting);
/* The group of this name below `group`, or NULL when it is missing or no group. */
const config_setting_t *config_read_group(const config_setting_t *group, const char *name);
/* True when the setting is an integer within the option's bounds. */
bool config_read_lawful_integer(const config_setting_t *setting, const struct option *option);
/* "a number", "a list", ... */
const char *config_read_type(const config_setting_t *setting);

/* Fills every field that has a default. 0 or -ENOMEM. */
int config_read_defaults(struct config_reader *reader, struct config *config);
/* Reads groups and settings below `root`; what is wrong is told, what can be stored is stored. */
void config_read_root(struct config_reader *reader, const config_setting_t *root, struct config *config);

#endif
