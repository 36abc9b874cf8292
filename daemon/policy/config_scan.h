/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a configuration's text before libconfig does: libconfig 1.5 says no more than "syntax error", calls exit() at
 * some @include lines, wraps numbers that do not fit, joins two texts that have no comma between them, and names the
 * line after a list's item. What passes here is lawful for libconfig, too. */
#ifndef NFQDN_POLICY_CONFIG_SCAN_H
#define NFQDN_POLICY_CONFIG_SCAN_H

#include <stddef.h>

#include "policy/problem.h"

/* Lines of all plain values (texts, numbers, true and false) in the file's order, those of a list included. */
struct config_scan {
	unsigned int *lines;
	size_t count;
	size_t capacity;
};

/* Reads `length` octets of `text`, after which a NUL stands. 0; -EINVAL when something was found, told in `problems`
 * under the name `file`; -ENOMEM. The lines are to be released whatever is returned. */
int config_scan_text(const char *text, size_t length, const char *file, struct problems *problems,
		     struct config_scan *out);
void config_scan_release(struct config_scan *scan);

#endif
