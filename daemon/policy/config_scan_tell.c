/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a configuration's text, under the path of the setting being read. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/config_scan_private.h"

/* Numbers and @include lines that are told of before giving up. */
#define NOTES_MAX 100

struct config_quote config_scan_quote(struct config_token token)
{
	struct config_quote out;

	if (token.length < sizeof(out.text))
		snprintf(out.text, sizeof(out.text), "%.*s", (int)token.length, token.start);
	else
		snprintf(out.text, sizeof(out.text), "%.*s~", (int)sizeof(out.text) - 2, token.start);
	return out;
}

static void tell(struct config_scanner *scan, unsigned int line, const char *format, va_list arguments)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, arguments);
	problem_add(scan->problems, PROBLEM_ERROR, scan->file, line, scan->path, "%s", text);
	scan->bad = true;
}

void config_scan_note(struct config_scanner *scan, unsigned int line, const char *format, ...)
{
	va_list arguments;

	if (scan->notes++ >= NOTES_MAX)
		return;
	va_start(arguments, format);
	tell(scan, line, format, arguments);
	va_end(arguments);
}

void config_scan_stop(struct config_scanner *scan, unsigned int line, const char *format, ...)
{
	va_list arguments;

	if (scan->stopped)
		return;
	va_start(arguments, format);
	tell(scan, line, format, arguments);
	va_end(arguments);
	scan->stopped = true;
}

void config_scan_push_path(struct config_scanner *scan)
{
	snprintf(scan->path + scan->path_length, sizeof(scan->path) - scan->path_length, "%s%s",
		 scan->path_length == 0 ? "" : ".", config_scan_quote(scan->token).text);
	scan->path_length = strlen(scan->path);
}

void config_scan_pop_path(struct config_scanner *scan, size_t length)
{
	scan->path[length] = '\0';
	scan->path_length = length;
}
