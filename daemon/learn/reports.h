/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reports are made of: copies of denied packets, joined with the names that answers gave their destinations. The
 * daemon filters as well without: what cannot be opened is told, and no more. */
#ifndef NFQDN_LEARN_REPORTS_H
#define NFQDN_LEARN_REPORTS_H

#include "base/hash.h"
#include "base/monotime.h"
#include "learn/denials.h"
#include "learn/events.h"
#include "learn/names.h"
#include "policy/config.h"

struct reports;

/* Closed. NULL when memory is out. */
struct reports *reports_new(const struct hash_key *key);
void reports_free(struct reports *reports);
/* Opens the socket for copies, unless it is open. 0 or -errno, `*error` as in nflog_open(). */
int reports_open(struct reports *reports, const struct config *config, const char **error);
/* For epoll; -1 when closed. */
int reports_fd(const struct reports *reports);
/* Takes some of the copies that are there: no more than one drain's, so that answers do not wait. -errno: the socket is
 * unusable, and closed. */
int reports_read(struct reports *reports, struct monotime now);
/* Where denials are recorded, too, from now on. It stays the caller's. */
void reports_set_events(struct reports *reports, struct events *events);
struct names *reports_names(const struct reports *reports);
const struct denials *reports_denials(const struct reports *reports);

#endif
