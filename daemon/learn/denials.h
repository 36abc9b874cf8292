/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was denied, or would have been, of late: one record for each client, destination, port and reason, which counts
 * when the same is denied again. Bounded: the record that was quiet longest is forgotten for a new one. */
#ifndef NFQDN_LEARN_DENIALS_H
#define NFQDN_LEARN_DENIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/ipaddr.h"
#include "base/monotime.h"
#include "dns/name.h"
#include "netfilter/ruleset.h"

struct denials;

/* Compared and hashed as octets: all of them are set. */
struct denials_key {
	struct ipaddr client, destination; /* sender and receiver of the packet, as the forward hook sees them */
	uint16_t port; /* of the destination, host order; of ICMP type and code */
	uint8_t l4proto;
	uint8_t reason; /* enum ruleset_reason */
	uint8_t audit; /* 1: it passed, and enforce would have denied it */
	uint8_t none; /* 0 */
};
_Static_assert(sizeof(struct denials_key) == 2 * sizeof(struct ipaddr) + 6, "no octets in between");

struct denials_record {
	struct denials_key key;
	uint64_t sequence; /* of the last time, among all times from 1 on */
	uint64_t count; /* copies of such packets; the kernel does not copy all of a flood */
	struct monotime first, last;
	bool named; /* the destination's name was known, the last time that it was denied or one before */
	struct dns_name name;
};

/* NULL when memory is out. */
struct denials *denials_new(const struct hash_key *key);
void denials_free(struct denials *denials);
/* `name` may be NULL: none is known. Neither allocates nor fails. */
void denials_add(struct denials *denials, const struct denials_key *key, const struct dns_name *name,
		 struct monotime now);
size_t denials_count(const struct denials *denials); /* at most LIMIT_DENIALS */
uint64_t denials_sequence(const struct denials *denials); /* of the newest; 0: none ever */
/* Calls `visit` for each, the one denied last first, until it returns false. */
void denials_visit(const struct denials *denials, bool (*visit)(void *context, const struct denials_record *record),
		   void *context);
/* The record of a key, or NULL. Valid until the next denials_add(). */
const struct denials_record *denials_find(const struct denials *denials, const struct denials_key *key);

#endif
