/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every part of reading a configuration needs: the place being read, for problems, and the memory. */
#ifndef NFQDN_POLICY_CONFIG_READER_H
#define NFQDN_POLICY_CONFIG_READER_H

#include <libconfig.h>
#include <stdbool.h>

#include "base/arena.h"
#include "policy/problem.h"

#define CONFIG_PATH_SIZE 256

/* One run over a file. */
struct config_reader {
	struct arena *arena;
	struct problems *problems;
	const char *file;
	bool no_memory;
	bool json; /* what is read is JSON: advice is given as that */
	char path[CONFIG_PATH_SIZE]; /* of the setting that is looked at, for problems */
};

/* Adds a problem under the reader's path. */
void config_reader_tell(struct config_reader *reader, enum problem_severity severity, unsigned int line,
			const char *format, ...) __attribute__((format(printf, 4, 5)));
#define config_reader_error(reader, line, ...) config_reader_tell(reader, PROBLEM_ERROR, line, __VA_ARGS__)
#define config_reader_warning(reader, line, ...) config_reader_tell(reader, PROBLEM_WARNING, line, __VA_ARGS__)

/* Appends ".NAME" (or "[INDEX]") to the path and returns the length to go back to. */
size_t config_reader_enter(struct config_reader *reader, const char *name);
size_t config_reader_enter_item(struct config_reader *reader, unsigned int index);
void config_reader_leave(struct config_reader *reader, size_t length);

/* Line that config.c noted on the setting; 0 for a default. */
unsigned int config_reader_line(const config_setting_t *setting);
bool config_reader_is_text(const config_setting_t *setting);
/* A copy in the arena; NULL sets no_memory. */
const char *config_reader_keep(struct config_reader *reader, const char *text);
/* The text of a setting, or NULL after telling that it holds something else, nothing, or control characters. */
const char *config_reader_text(struct config_reader *reader, const config_setting_t *setting);
/* The group of this name below `group`, or NULL when it is missing or no group. */
const config_setting_t *config_reader_group(const config_setting_t *group, const char *name);
/* "a number", "a list", ... */
const char *config_reader_type(const config_setting_t *setting);

#endif
