/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify = "query": copies of the clients' queries become the table that answers are compared with. */
#ifndef NFQDN_LEARN_VERIFY_H
#define NFQDN_LEARN_VERIFY_H

#include "base/hash.h"
#include "base/monotime.h"
#include "learn/queries.h"
#include "policy/config.h"

struct verify;

/* Closed. NULL when memory is out. */
struct verify *verify_new(const struct hash_key *key);
void verify_free(struct verify *verify);

/* Opens what `config` needs, if it is not open yet; to be called before table_apply(), so that no copy is lost. 0 or
 * -errno, `*error` as in nflog_open(). */
int verify_prepare(struct verify *verify, const struct config *config, const char **error);
/* Closes it again when `config`, which is in force now, does not need it. `before`: the one that was, or NULL: when it
 * did not need it, answers to queries sent before this moment are judged as it judged them. */
void verify_settle(struct verify *verify, const struct config *config, const struct config *before,
		   struct monotime now);

/* For epoll; -1 when closed. */
int verify_fd(const struct verify *verify);
/* Takes all copies that are there; to be called before answers are judged. -errno: the socket is unusable. */
int verify_read(struct verify *verify, struct monotime now);
/* Who is told each copy, of its first octets at least; must neither allocate nor fail. NULL: nobody. */
void verify_set_observer(struct verify *verify,
			 void (*observer)(void *context, const uint8_t *packet, size_t length, struct monotime now),
			 void *context);
/* What answers are compared with; NULL when closed. */
struct queries *verify_queries(const struct verify *verify);

#endif
