/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has happened of late, for `watch`: a ring of events with numbers. The oldest make way for new ones, whoever may
 * still want them. Recording neither allocates, nor fails, nor reads the clock. */
#ifndef NFQDN_LEARN_EVENTS_H
#define NFQDN_LEARN_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/monotime.h"
#include "dns/name.h"
#include "learn/denials.h"
#include "netfilter/element.h"

/* symbol, word, what it says */
/* clang-format off */
#define EVENTS(E) \
	E(started, "started", "the daemon is ready") \
	E(learned, "learned", "an address was learned") \
	E(refreshed, "refreshed", "a learned address lives longer") \
	E(expired, "expired", "its life is over") \
	E(evicted, "evicted", "it made room for others") \
	E(dropped, "dropped", "the policy no longer allows it") \
	E(refused, "refused", "the kernel did not take the change") \
	E(denied, "denied", "a packet was denied, or would have been") \
	E(reloaded, "reloaded", "another policy is in force") \
	E(reload_refused, "reload-refused", "a reload was refused, the policy stays") \
	E(reload_undone, "reload-undone", "nobody confirmed it, or somebody said so: the policy before is in force again") \
	E(enforcing, "enforcing", "enforce-after is over") \
	E(table_lost, "table-lost", "others deleted, flushed or changed the table") \
	E(table_rebuilt, "table-rebuilt", "it is whole again")
/* clang-format on */

#define EVENTS_KIND(symbol, word, help) EVENTS_##symbol,
enum events_kind { EVENTS(EVENTS_KIND) EVENTS_KINDS };
#undef EVENTS_KIND

struct events_record {
	uint64_t sequence;
	struct monotime time;
	enum events_kind kind;
	struct element_key element; /* learned .. refused; its group EVENTS_NO_GROUP: one that is no more */
	int64_t life_ms; /* learned, refreshed: what it has now */
	struct denials_key denial; /* denied */
	uint64_t generation; /* started .. table_rebuilt but for those: of the policy in force */
	bool named;
	struct dns_name name; /* that brought the element, or of the denied destination */
};
#define EVENTS_NO_GROUP 0xff

struct events;

/* The word of a kind. */
const char *events_word(enum events_kind kind);

/* `first`: the number of the first event, at least 1. NULL when memory is out. */
struct events *events_new(uint64_t first);
void events_free(struct events *events); /* NULL is allowed */

/* The time of what is recorded from now on. `events` may be NULL here and below: nothing is recorded. */
void events_at(struct events *events, struct monotime now);
void events_element(struct events *events, enum events_kind kind, const struct element_key *key, int64_t deadline,
		    const struct dns_name *name);
void events_denied(struct events *events, const struct denials_key *key, const struct dns_name *name);
void events_policy(struct events *events, enum events_kind kind, uint64_t generation);
/* After a reload, as store_regroup(). */
void events_regroup(struct events *events, const uint8_t map[256]);

/* Numbers: of the first one of this run, of the oldest one that is remembered, and of the one to come. */
uint64_t events_begin(const struct events *events);
uint64_t events_oldest(const struct events *events);
uint64_t events_next(const struct events *events);
/* Valid until the next one is recorded; NULL when it is not remembered. */
const struct events_record *events_find(const struct events *events, uint64_t sequence);

#endif
