/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of clients to resolvers become the table of queries that answers are compared with (verify = "query"). */
#ifndef NFQDN_LEARN_ASKED_H
#define NFQDN_LEARN_ASKED_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/monotime.h"
#include "learn/queries.h"

struct asked;

/* NULL when memory is out. */
struct asked *asked_new(const struct hash_key *key);
void asked_free(struct asked *asked); /* NULL is allowed */
/* The table; it goes with `asked`. */
struct queries *asked_queries(struct asked *asked);
/* Remembers what an IP packet to port 53 asks: of UDP its first octets are enough. Neither allocates nor fails; what it
 * cannot read is counted. */
void asked_see(struct asked *asked, const uint8_t *packet, size_t length, struct monotime now);

#endif
