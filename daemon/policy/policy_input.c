/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_input.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void policy_input_tell(const struct policy_input *input, enum problem_severity severity,
		       const struct config_entry *entry, unsigned int line, const char *setting, const char *format,
		       ...)
{
	char *text = NULL, *where = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (asprintf(&where, "%s.%s%s%s", entry->inbound ? "inbound" : "allow", entry->name, *setting ? "." : "",
		     setting) < 0)
		where = NULL;
	problem_add(input->problems, severity, input->config->file, line ? line : entry->line, where ? where : "", "%s",
		    text ? text : "out of memory");
	free(text);
	free(where);
}

size_t policy_input_ports(const struct value_ports *ports, size_t count, const struct value_ports **out)
{
	static const struct value_ports https = { VALUE_TCP, 443, 443 };

	*out = count ? ports : &https;
	return count ? count : 1;
}
