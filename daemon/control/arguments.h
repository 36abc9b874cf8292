/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options on a command line: rows of one table, for getopt_long() and --help. */
#ifndef NFQDN_CONTROL_ARGUMENTS_H
#define NFQDN_CONTROL_ARGUMENTS_H

#include <stddef.h>
#include <stdio.h>

struct option;

struct arguments_row {
	const char *name, *argument; /* argument: NULL when the option takes none */
	char letter; /* what getopt_long() returns */
	const char *help;
	const char *command; /* the only ones it is for, with spaces between; NULL: for all */
	size_t place; /* of a text or flag in the program's own struct of options; 0: none */
};

/* A row of a list without commands and places. */
#define ARGUMENTS_ROW(name, argument, letter, help) { name, argument, letter, help, NULL, 0 },

/* Fills count + 1 options, the last of which is getopt_long()'s end. They point into `rows`. */
void arguments_long(const struct arguments_row *rows, size_t count, struct option *out);
/* A line for each: `--name ARGUMENT`, and what it does. */
void arguments_print(const struct arguments_row *rows, size_t count, FILE *out);

#endif
