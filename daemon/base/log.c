/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	int priority; /* syslog's, as journald reads it from "<N>" (sd-daemon(3)) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

/* Set once, before anything else runs; not a global that others can see. */
static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

int log_level_from_text(const char *text, enum log_level *out)
{
	for (unsigned int i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(text, levels[i].word) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

static void write_line(enum log_level level, const char *format, va_list arguments, uint64_t left_out)
{
	char text[2048];

	if (level > threshold)
		return;
	vsnprintf(text, sizeof(text), format, arguments);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>", levels[level].priority);
	fprintf(stderr, "nfqdnd: %s%s", level == LOG_LEVEL_INFO ? "" : levels[level].word,
		level == LOG_LEVEL_INFO ? "" : ": ");
	if (left_out)
		fprintf(stderr, "%s (%llu more like it since)\n", text, (unsigned long long)left_out);
	else
		fprintf(stderr, "%s\n", text);
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(level, format, arguments, 0);
	va_end(arguments);
}

void log_limited(struct log_limit *limit, struct monotime now, enum log_level level, const char *format, ...)
{
	va_list arguments;

	if (monotime_before(now, limit->next)) {
		limit->left_out++;
		return;
	}
	va_start(arguments, format);
	write_line(level, format, arguments, limit->left_out);
	va_end(arguments);
	limit->left_out = 0;
	limit->next = monotime_add(now, 60000);
}
