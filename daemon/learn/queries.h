/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries that wait for their answer (verify = "query"): only the first answer with the same addresses, ports, id and
 * question is believed. The same query seen again may be answered again.
 *
 * Nobody can fill the table against others: when it is full, the client that holds most gives up its oldest query.
 * Nor does guessing help: a flow that gets many wrong answers is not believed until the client asks again. */
#ifndef NFQDN_LEARN_QUERIES_H
#define NFQDN_LEARN_QUERIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/ipaddr.h"
#include "base/limits.h"
#include "base/monotime.h"
#include "dns/name.h"

struct queries;

/* As both the query and its answer carry it where we see them: behind the destination's translation and before the
 * source's, in the forward, input and output hooks alike. Compared and hashed as octets: all of them are set. */
struct queries_flow {
	struct ipaddr client, resolver;
	uint16_t client_port, resolver_port; /* host order */
	uint16_t l4proto;
};
_Static_assert(sizeof(struct queries_flow) == 2 * sizeof(struct ipaddr) + 6, "no octets in between");

struct queries_question {
	uint16_t id, type;
	const struct dns_name *name; /* lower case */
};

/* NULL when memory is out. */
struct queries *queries_new(const struct hash_key *key);
void queries_free(struct queries *queries);

/* From now on queries are seen, but not those sent just before: for LIMIT_QUERY_MS the answers of flows of which no
 * query was seen are QUERIES_OLDER_FLOW. */
void queries_begin(struct queries *queries, struct monotime now);

/* Remembers a query, or that it was sent again. */
void queries_see(struct queries *queries, const struct queries_flow *flow, const struct queries_question *question,
		 struct monotime now);

enum queries_found {
	QUERIES_ASKED, /* and was not answered yet: to be believed */
	QUERIES_REPEATED, /* the query was answered before */
	QUERIES_UNASKED,
	QUERIES_OLDER_FLOW, /* see queries_begin() */
};
/* What an answer, that came in the running drain's packet of that number, answers. */
enum queries_found queries_answer(struct queries *queries, const struct queries_flow *flow,
				  const struct queries_question *question, unsigned int packet, struct monotime now);
/* To be called when the fate of a drain's packets is known: the queries that `dropped` ones (bits) answered wait
 * again. */
void queries_settle(struct queries *queries, uint64_t dropped);

/* How many are remembered, with those answered in the last seconds. */
size_t queries_count(const struct queries *queries);

#endif
