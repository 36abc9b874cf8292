/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision: packets of one drain, the policy, the store -> what to commit and which packets to let go. */
#ifndef NFQDN_LEARN_SNOOP_H
#define NFQDN_LEARN_SNOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/monotime.h"
#include "learn/derived.h"
#include "learn/names.h"
#include "learn/queries.h"
#include "learn/resolvers.h"
#include "learn/store.h"
#include "netfilter/queue.h"
#include "policy/policy.h"

struct snoop;
struct stream_table;

/* NULL when memory is out. `key`: for what others can choose, here the flows of DNS over TCP. */
struct snoop *snoop_new(struct store *store, struct table *table, const struct hash_key *key);
void snoop_free(struct snoop *snoop);
/* The policy used from now on; must outlive the snoop or the next call, during which the old one must still be there:
 * learned elements follow their group by its name. Call it after table_apply(). */
void snoop_set_policy(struct snoop *snoop, const struct policy *policy);
/* mode = "sets": groups share the administrator's sets, and a family without one is not learned. To be called before
 * snoop_set_policy(). */
void snoop_set_shared(struct snoop *snoop, bool shared, bool without4, bool without6);
/* The gateway's own addresses, refused as answers (copied; at most LIMIT_OWN_ADDRESSES, the rest is counted). 0 or
 * -ENOMEM. */
int snoop_set_own_addresses(struct snoop *snoop, const struct ipaddr *addresses, size_t count);

/* What answers are compared with from now on, or NULL: nothing (verify = "flow"). It stays the caller's. */
void snoop_set_queries(struct snoop *snoop, struct queries *queries);
/* Where the names of all answers go, for reports, or NULL. It stays the caller's. */
void snoop_set_names(struct snoop *snoop, struct names *names);
/* One that lets answers pass without us (netfilter/assist.h), and so must know what is learned. Each function gets
 * `context`, and neither allocates nor fails. */
struct snoop_assist {
	void *context;
	/* Clients may ask for `name` within `life_ms`. */
	void (*derived)(void *context, const struct dns_name *name, int64_t life_ms);
	/* All derived names are told: called before the verdicts. */
	void (*settle)(void *context);
	/* This message, whatever its id and its TTL, changes nothing while now + TTL lies before `left_ms` from now. */
	void (*known)(void *context, const uint8_t *message, size_t length, int64_t left_ms);
	/* What is known is known no longer. */
	void (*forget)(void *context);
};
/* `assist` must outlive the snoop or the next call; NULL: none. */
void snoop_set_assist(struct snoop *snoop, const struct snoop_assist *assist);
/* Tells the assist all derived names that live. */
void snoop_tell_derived(struct snoop *snoop, struct monotime now);

/* Whose answers came by, for those who look. */
const struct resolvers *snoop_resolvers(const struct snoop *snoop);
/* The derived names, for those who look. */
const struct derived *snoop_derived(const struct snoop *snoop);
/* DNS over TCP that is being followed, likewise. */
const struct stream_table *snoop_streams(const struct snoop *snoop);

/* What became of a packet of a drain: symbol, word, what it says. */
/* clang-format off */
#define SNOOP_FATES(F) \
	F(unread, "unread", "not IP with UDP or TCP from port 53") \
	F(segment, "segment", "of DNS over TCP, and completes no message") \
	F(malformed, "malformed", "the message is not well formed") \
	F(not_understood, "not-understood", "not a response to one question of class IN") \
	F(error, "error", "the response says that there was an error, such as NXDOMAIN") \
	F(unasked, "unasked", "verify = query: no query seen asks for it") \
	F(no_entry, "no-entry", "no entry allows the name") \
	F(no_group, "other-client", "the name is allowed to other clients only") \
	F(known, "known", "allowed, and all that it says was known, or nothing that can be learned") \
	F(learned, "learned", "allowed, and something was learned or lives longer") \
	F(dropped, "dropped", "allowed, and could not be learned: the client asks again")
/* clang-format on */

#define SNOOP_FATE(symbol, word, help) SNOOP_##symbol,
enum snoop_fate { SNOOP_FATES(SNOOP_FATE) SNOOP_FATE_COUNT };
#undef SNOOP_FATE

/* Of its last message, when a TCP segment brought several. */
struct snoop_note {
	enum snoop_fate fate;
	unsigned int messages;
	bool named; /* the question was read */
	struct dns_name name;
	uint16_t type; /* of the question */
	const struct policy_entry *entry; /* the first that allows it; NULL: none does */
};
/* The word of a fate. */
const char *snoop_fate_word(enum snoop_fate fate);
/* Who is told each packet of a drain before its verdict, in order. Must neither allocate nor change anything here. NULL:
 * nobody. */
typedef void snoop_observer(void *context, const struct queue_packet *packet, const struct snoop_note *note,
			    struct monotime now);
void snoop_set_observer(struct snoop *snoop, snoop_observer *observer, void *context);

/* Judges `count` (at most LIMIT_DRAIN_PACKETS) packets, commits what they teach together with what has expired, and
 * returns the packets (bits) that must be dropped: allowed answers whose transaction failed, or for which no memory was
 * set aside, and TCP segments that repeat them. All others are to be accepted. */
uint64_t snoop_drain(struct snoop *snoop, const struct queue_packet *packets, size_t count, struct monotime now);
/* For people: why the last answer that was dropped was. Static. */
const char *snoop_refusal(const struct snoop *snoop);
/* To be called at each wake-up, after the verdicts: sets memory aside for the next drain, and at most once a second
 * deletes what has expired. Returns the milliseconds until there is more to do, or -1 when nothing is learned. */
int64_t snoop_tick(struct snoop *snoop, struct monotime now);
/* After a reload: forgets derived names whose origin the policy no longer allows, and deletes learned elements that it no
 * longer allows (no name of theirs matches a rule with that port in that group; one without a name: no rule of the
 * group has that port). What a derived name brought has its origin's name too. 0 or -errno: a deletion failed, and is
 * tried again by snoop_tick(). After every LIMIT_PRUNE_SLICE elements `pause` is called, unless it is NULL; it may drain
 * and tick. */
int snoop_prune(struct snoop *snoop, struct monotime now, void (*pause)(void *context), void *context);
/* Who is told what snoop_set_policy() and snoop_prune() take away because the policy does not allow it: before it goes,
 * with its group's name. Must not change the store. NULL: nobody. */
typedef void snoop_removal(void *context, const char *group, const struct store_view *view);
void snoop_on_removal(struct snoop *snoop, snoop_removal *removal, void *context);
/* The longest life, in milliseconds, that the policy gives the element when this name brings it: `max` of the entries
 * that allow the name with that port in that group; 0 when none does, or the address may not stand in an answer. */
int64_t snoop_longest_life(struct snoop *snoop, const struct dns_name *name, const struct element_key *key);
/* Takes over what is in the kernel (restart). What does not fit into the store is deleted. 0 or -errno; -EDQUOT: not all
 * was taken over. snoop_prune() must follow, when the names of the state file have been joined (restore.h). */
int snoop_adopt(struct snoop *snoop, struct monotime now);

#endif
