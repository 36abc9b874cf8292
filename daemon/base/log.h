/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines on standard error, each with a journald priority when standard error is a journal.
 * Text from the network must have gone through escape_text() before it comes here. */
#ifndef NFQDN_BASE_LOG_H
#define NFQDN_BASE_LOG_H

#include <stdint.h>

#include "base/monotime.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines less urgent than `level` are not written. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
/* "error" | "warning" | "info" | "debug" to its level; 0 or -EINVAL. */
int log_level_from_text(const char *text, enum log_level *out);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* One of these for each kind of line that traffic can cause: at most one line a minute, with the count of those left
 * out. */
struct log_limit {
	struct monotime next;
	uint64_t left_out;
};
void log_limited(struct log_limit *limit, struct monotime now, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
