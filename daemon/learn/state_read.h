/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state file, or what another gateway exported, read as a whole or refused as a whole. */
#ifndef NFQDN_LEARN_STATE_READ_H
#define NFQDN_LEARN_STATE_READ_H

#include <stdint.h>

#include "learn/state_text.h"

#define STATE_FILE "learned"

/* `stamp`: seconds of the wall clock at which the record's life was what remained. */
typedef void state_visit(void *context, int64_t stamp, const struct state_record *record);

/* Reads a whole text from a descriptor's beginning (a regular file) to its end, and visits its records if `visit` is
 * not NULL. 0; -EBADMSG with `*why` (static, also set otherwise); -errno. What was visited before an error was in
 * vain: to be called without `visit` first. */
int state_scan(int fd, state_visit *visit, void *context, const char **why);
/* Visits the records of the state file in `folder`, if the whole of it is in order. 0; -ENOENT: there is none;
 * -EBADMSG, -errno: refused, and nothing was visited. `*why` as above. */
int state_load(const char *folder, state_visit *visit, void *context, const char **why);

#endif
