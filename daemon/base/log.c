/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_OCTETS 2048

static const struct {
	const char *word;
	int priority; /* syslog's, as journald reads it from "<N>" (sd-daemon(3)) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

/* Set at the start, but for the level of a reload; not globals that others can see. */
static enum log_level threshold = LOG_LEVEL_INFO;
static bool pinned, priorities;

void log_set_level(enum log_level level)
{
	if (!pinned)
		threshold = level;
}

void log_pin_level(enum log_level level)
{
	threshold = level;
	pinned = true;
}

bool log_to_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat state;

	if (!stream || fstat(fd, &state) < 0)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)state.st_dev, (unsigned long long)state.st_ino);
	return strcmp(stream, own) == 0;
}

void log_set_priorities(bool on)
{
	priorities = on;
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

/* Octets of the control character here: of ASCII, or in UTF-8 of ISO 6429 (U+009B is what ESC [ is); else 0. */
static unsigned int control_octets(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = first ? (unsigned char)text[1] : 0;

	if (first == 0xc2 && second >= 0x80 && second < 0xa0)
		return 2;
	return first < 0x20 || first == 0x7f;
}

/* Names were escaped before; whatever else a text may have, it stays one line. Returns the octets written. */
static size_t put_clean(char *out, size_t size, const char *text)
{
	unsigned int escaped = 0;
	size_t used = 0;

	for (; *text && used + 6 < size; text++) {
		escaped += escaped ? 0 : control_octets(text);
		if (escaped) {
			used += (size_t)snprintf(out + used, size - used, "\\%03u", (unsigned char)*text);
			escaped--;
		} else {
			out[used++] = *text;
		}
	}
	if (*text)
		out[used++] = '~';
	out[used] = '\0';
	return used;
}

/* One write, so that lines of threads and of other programs do not mix. */
static void write_text(enum log_level level, const char *text, uint64_t left_out)
{
	char line[LINE_OCTETS], count[64] = "", priority[8] = "";
	size_t used;

	if (left_out)
		snprintf(count, sizeof(count), " (%llu more like it since)", (unsigned long long)left_out);
	if (priorities)
		snprintf(priority, sizeof(priority), "<%d>", levels[level].priority);
	used = (size_t)snprintf(line, sizeof(line), "%snfqdnd: %s%s", priority,
				level == LOG_LEVEL_INFO ? "" : levels[level].word, level == LOG_LEVEL_INFO ? "" : ": ");
	used += put_clean(line + used, sizeof(line) - used - sizeof(count) - 1, text);
	used += (size_t)snprintf(line + used, sizeof(line) - used, "%s\n", count);
	if (fwrite(line, 1, used, stderr) == used)
		fflush(stderr);
}

static void write_line(enum log_level level, const char *format, va_list arguments, uint64_t left_out)
{
	char text[LINE_OCTETS];

	if (level > threshold)
		return;
	vsnprintf(text, sizeof(text), format, arguments);
	write_text(level, text, left_out);
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

	if (level > threshold)
		return;
	va_start(arguments, format);
	if (monotime_before(now, limit->next)) {
		limit->left_out++;
		limit->level = level;
		vsnprintf(limit->last, sizeof(limit->last), format, arguments);
	} else {
		write_line(level, format, arguments, limit->left_out);
		limit->left_out = 0;
		limit->next = monotime_add(now, LOG_LIMIT_MS);
	}
	va_end(arguments);
}

int64_t log_settle(struct log_limit *limit, struct monotime now)
{
	if (!limit->left_out)
		return -1;
	if (monotime_before(now, limit->next))
		return monotime_until(now, limit->next);
	if (limit->level <= threshold)
		write_text(limit->level, limit->last, limit->left_out - 1);
	limit->left_out = 0;
	limit->next = monotime_add(now, LOG_LIMIT_MS);
	return -1;
}
