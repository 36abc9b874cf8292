/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/cmdline.h"

#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/features.h"
#include "control/arguments.h"
#include "control/cmdline_option_list.h"

static const struct arguments_row option_rows[] = { CMDLINE_OPTION_LIST(ARGUMENTS_ROW) };
#define OPTION_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))

static void print_help(FILE *out)
{
	fputs("usage: nfqdnd -c FILE [options]\n", out);
	arguments_print(option_rows, OPTION_ROWS, out);
}

/* Standard input, output and error are not taken: they are used. */
static int take_ready_fd(struct cmdline *options, const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (isdigit((unsigned char)text[0]) && !*end && number > STDERR_FILENO && number <= INT_MAX &&
	    fcntl((int)number, F_SETFD, FD_CLOEXEC) == 0) {
		options->ready_fd = (int)number;
		return -1;
	}
	fprintf(stderr, "nfqdnd: --ready-fd %s: the number of an open descriptor is expected, 3 or more\n", text);
	return CMDLINE_USAGE;
}

static int take_log_level(struct cmdline *options, const char *text)
{
	if (log_level_from_text(text, &options->log_level) < 0) {
		fputs("nfqdnd: --log-level takes error, warning, info or debug\n", stderr);
		return CMDLINE_USAGE;
	}
	options->has_log_level = true;
	return -1;
}

/* Takes one option; returns -1 to go on, else the exit status. */
static int take_option(struct cmdline *options, int letter)
{
	switch (letter) {
	case 'c':
		options->config = optarg;
		return -1;
	case 'b':
		options->boot = optarg;
		return -1;
	case 'R':
		return take_ready_fd(options, optarg);
	case 'k':
		options->action = CMDLINE_CHECK;
		return -1;
	case 'j':
		options->json = true;
		return -1;
	case 'p':
		options->action = CMDLINE_PRINT_CONFIG;
		return -1;
	case 'r':
		options->action = CMDLINE_PRINT_RULESET;
		return -1;
	case 'f':
		options->action = CMDLINE_FLUSH;
		return -1;
	case 'l':
		return take_log_level(options, optarg);
	case 'P':
		options->log_priorities = true;
		return -1;
	case 'V':
		puts("nfqdnd " NFQDN_VERSION FEATURES_LEFT_OUT);
		return CMDLINE_OK;
	case 'h':
		print_help(stdout);
		return CMDLINE_OK;
	default:
		print_help(stderr);
		return CMDLINE_USAGE;
	}
}

int cmdline_parse(int argc, char **argv, struct cmdline *out)
{
	struct cmdline options = { .ready_fd = -1 };
	struct option long_options[OPTION_ROWS + 1];
	int letter, status;

	arguments_long(option_rows, OPTION_ROWS, long_options);
	while ((letter = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1) {
		status = take_option(&options, letter);
		if (status >= 0)
			return status;
	}
	if (optind < argc || !options.config) {
		fprintf(stderr, "nfqdnd: %s\n",
			optind < argc ? "what is not an option has no meaning here" : "-c FILE is missing");
		print_help(stderr);
		return CMDLINE_USAGE;
	}
	*out = options;
	return -1;
}
