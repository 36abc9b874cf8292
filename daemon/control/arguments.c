/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/arguments.h"

#include <getopt.h>

void arguments_long(const struct arguments_row *rows, size_t count, struct option *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (struct option) { rows[i].name, rows[i].argument ? required_argument : no_argument, NULL,
					   rows[i].letter };
	out[count] = (struct option) { 0 };
}

void arguments_print(const struct arguments_row *rows, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
			 rows[i].argument ? rows[i].argument : "");
		fprintf(out, "  %-18s %s\n", left, rows[i].help);
	}
}
