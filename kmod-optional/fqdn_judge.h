/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision about one response: pass it, or leave it to nfqdnd. In doubt it is left. */
#ifndef NF_FQDN_JUDGE_H
#define NF_FQDN_JUDGE_H

#include "fqdn_cache.h"
#include "fqdn_parse.h"
#include "fqdn_pattern.h"

enum fqdn_verdict {
	FQDN_LEFT, /* nfqdnd must see it */
	FQDN_ERROR, /* passes: its RCODE says that there is nothing to learn */
	FQDN_UNRELATED, /* passes: no pattern and no derived name is its question */
	FQDN_KNOWN, /* passes: it would change nothing; until here as enum nf_fqdn_verdict */
	FQDN_MATCHED, /* of fqdn_judge_question() alone: the whole message must be looked at */
	FQDN_VERDICTS = FQDN_MATCHED
};

/* Everything that nfqdnd loads at once. Readers hold RCU; a new one takes its place as a whole. */
struct fqdn_table {
	struct fqdn_patterns patterns; /* with the key of all hashes */
	struct fqdn_cache names; /* derived names; digest 0 */
	struct fqdn_cache known;
	s64 names_over; /* until then every name counts as derived: one did not fit */
};

/* The first step: `held` octets of the message, all of it or FQDN_HEAD_SIZE. `now`: milliseconds of the clock that the
 * entries' ends are told by. `out` is for the second step.
 */
enum fqdn_verdict fqdn_judge_question(const struct fqdn_table *table, const u8 *head, size_t held, s64 now,
				      struct fqdn_question *out);
/* The second: FQDN_KNOWN or FQDN_LEFT. */
enum fqdn_verdict fqdn_judge_answer(const struct fqdn_table *table, const u8 *message, size_t length,
				    const struct fqdn_question *question, s64 now);
/* Adds a derived name. At the limit of memory all names count as derived until this one ends. */
void fqdn_judge_add_name(struct fqdn_table *table, u64 name, s64 until, s64 now);

#endif
