/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory for DNS over TCP: a table of streams as large as the limits allow, in pages of its own. */
#ifndef NFQDN_LEARN_STREAMS_H
#define NFQDN_LEARN_STREAMS_H

#include "dns/stream.h"

/* An empty table. NULL when memory is out. */
struct stream_table *streams_new(enum stream_side side, const struct hash_key *key);
void streams_free(struct stream_table *streams); /* NULL is allowed */

#endif
