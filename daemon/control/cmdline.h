/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfqdnd's command line. */
#ifndef NFQDN_CONTROL_CMDLINE_H
#define NFQDN_CONTROL_CMDLINE_H

#include <stdbool.h>

#include "base/log.h"

enum cmdline_status { CMDLINE_OK = 0, CMDLINE_BAD_CONFIG = 1, CMDLINE_USAGE = 2, CMDLINE_RUNTIME = 4 };

enum cmdline_action { CMDLINE_RUN, CMDLINE_CHECK, CMDLINE_PRINT_CONFIG, CMDLINE_PRINT_RULESET, CMDLINE_FLUSH };

struct cmdline {
	const char *config; /* -c FILE */
	const char *boot; /* state folder, NULL without --boot */
	enum cmdline_action action;
	bool json;
	int ready_fd; /* an open descriptor; -1 without --ready-fd */
	bool has_log_level;
	enum log_level log_level;
	bool log_priorities;
};

/* Reads the arguments; the texts stay the caller's. Returns -1 to go on, else the exit status (help, version and
 * usage errors were printed). */
int cmdline_parse(int argc, char **argv, struct cmdline *out);

#endif
