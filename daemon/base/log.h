/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines on standard error: one an event, with a journald priority where that is wanted.
 * Text from the network must have gone through escape_text() before it comes here; control characters that are left are
 * written as \DDD, and a text that is too long is cut and ends with '~'. */
#ifndef NFQDN_BASE_LOG_H
#define NFQDN_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/monotime.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines less urgent than `level` are not written. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
/* This level from now on, whatever log_set_level() is told later. */
void log_pin_level(enum log_level level);
/* Is `fd` the stream to the journal that $JOURNAL_STREAM names (systemd.exec(5))? */
bool log_to_journal(int fd);
/* While `on` each line begins with its priority, "<3>" to "<7>" (sd-daemon(3)). The default is false. */
void log_set_priorities(bool on);
/* "error" | "warning" | "info" | "debug" to its level; 0 or -EINVAL. */
int log_level_from_text(const char *text, enum log_level *out);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* One of these for each kind of line that traffic can cause: at most one line a minute, with the count of those left
 * out. */
#define LOG_LIMIT_MS 60000
struct log_limit {
	struct monotime next;
	uint64_t left_out;
	enum log_level level; /* of the last one that was left out, and its beginning */
	char last[192];
};
void log_limited(struct log_limit *limit, struct monotime now, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* To be called now and then: when the minute is over and lines were left out, the last of them is written, with the count
 * of the others. Returns the milliseconds until it wants to be called again, or -1. */
int64_t log_settle(struct log_limit *limit, struct monotime now);

#endif
