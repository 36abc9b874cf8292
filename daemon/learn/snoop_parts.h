/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the snoop: what snoop.c, snoop_assist.c and snoop_keep.c share. Nobody else includes this. */
#ifndef NFQDN_LEARN_SNOOP_PARTS_H
#define NFQDN_LEARN_SNOOP_PARTS_H

#include "base/limits.h"
#include "dns/message.h"
#include "learn/snoop.h"

struct stream_table;

struct snoop {
	struct store *store;
	struct table *table;
	struct stream_table *streams;
	struct derived *derived;
	struct queries *queries; /* main.c's; NULL: answers are believed by their flow */
	struct names *names; /* main.c's; may be NULL */
	struct resolvers resolvers;
	const struct snoop_assist *assist; /* may be NULL */
	const struct policy *policy;
	bool shared; /* groups share sets of the administrator's */
	bool without[2]; /* [0] IPv4, [1] IPv6: is not learned */
	snoop_removal *removal; /* may be NULL */
	void *removal_context;
	snoop_observer *observer; /* may be NULL */
	void *observer_context;
	struct ipaddr *own; /* sorted */
	size_t own_count;
	struct monotime next_tick;
	bool ticked; /* `next_tick` means something */
	int refusal; /* -errno of the last change that failed */
	/* The running drain, bits of packets */
	struct monotime now;
	uint64_t allowed, planned, failed;
	struct snoop_note notes[LIMIT_DRAIN_PACKETS]; /* for the observer */
	/* The running packet */
	struct dns_answer answer;
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	const struct dns_name *rule_names[LIMIT_NAME_MATCHES]; /* what each rule allows: the question, or an origin */
	size_t rule_count;
	struct derived_record origins[1 + LIMIT_DERIVED_ORIGINS]; /* of the question: those that brought rules */
	const char *patterns[1 + LIMIT_DERIVED_ORIGINS]; /* the first of each */
	size_t origin_count;
};

/* snoop.c */
/* Is it one of the gateway's own? */
bool snoop_is_own(const struct snoop *snoop, const struct ipaddr *address);
/* Has the address's family no set? */
bool snoop_is_without(const struct snoop *snoop, const struct ipaddr *address);
/* Commits the plan. Returns how many of its changes failed. */
size_t snoop_commit(struct snoop *snoop);

/* snoop_assist.c */
/* Tells the assist (there must be one) of the running packet's answer, which was allowed and has changed nothing. */
void snoop_assist_known(const struct snoop *snoop, const uint8_t *message, size_t length);

#endif
