/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of answers that the kernel passed by itself because nothing matches their question: for the names that reports
 * tell, and for nothing else. Nobody waits for them; what is not read in time is lost and counted. */
#ifndef NFQDN_LEARN_COPIES_H
#define NFQDN_LEARN_COPIES_H

#include <stdbool.h>

#include "base/monotime.h"
#include "learn/names.h"
#include "policy/config.h"

struct copies;

/* Closed. `names` gets what they tell, and stays the caller's. NULL when memory is out. */
struct copies *copies_new(struct names *names);
void copies_free(struct copies *copies); /* NULL is allowed */
/* Opens the socket, unless it is open. 0 or -errno, `*error` as in nflog_open(). */
int copies_open(struct copies *copies, const struct config *config, const char **error);
void copies_close(struct copies *copies);
/* For epoll; -1 when closed. */
int copies_fd(const struct copies *copies);
/* Takes some of what is there: no more than one drain's, so that answers do not wait. 1: there may be more; 0; -errno: the
 * socket is unusable, and closed. */
int copies_read(struct copies *copies, struct monotime now);

#endif
