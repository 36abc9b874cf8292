/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of a state file or of another gateway -> elements in the store and in the kernel: those that the policy
 * allows, with what remains of their life. */
#ifndef NFQDN_LEARN_RESTORE_H
#define NFQDN_LEARN_RESTORE_H

#include "learn/snoop.h"
#include "learn/state_text.h"

struct restore {
	struct snoop *snoop;
	struct store *store;
	struct table *table;
	const struct policy *policy;
	struct monotime now;
	int64_t wall; /* milliseconds since 1970: now, by the wall clock */
	bool past; /* what has ended is remembered for the flows that are still open: not after a reboot */
	bool extend; /* a known element gets the longer life (import); else the kernel's stays (start) */
	/* out: records that are there now, whose life was over, that the policy does not allow, that found no place or
	 * were refused by the kernel */
	size_t taken, ended, denied, left_out;
};

/* What remains, in milliseconds, of `life` seconds that were left at `stamp` (seconds, by the wall clock). A clock
 * before the stamp counts as no time elapsed. 0 when nothing remains. */
int64_t restore_remaining(uint32_t life, int64_t stamp, int64_t wall);
/* Takes one record. Names that the policy does not allow for the address, port and group are left out, and the record
 * with the last of them. Commits when a transaction is full. `restore` is a struct restore (state_visit). */
void restore_record(void *restore, int64_t stamp, const struct state_record *record);
/* Commits the rest. To be called after the last record. */
void restore_finish(struct restore *restore);

#endif
