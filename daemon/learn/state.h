/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: the state file
 *
 * `learned` in the state folder holds what was learned, in the form of state_text.h. It is written to `learned.new`,
 * synced, and put in place by a rename, and the folder is synced: whatever happens, the old file or the new one is
 * there, whole.
 *
 * Behind the elements stand addresses that are no longer learned, with their names and no life left (learn/past.h).
 *
 * Writing goes on beside the DNS answers, in turns of the loop: each serialises LIMIT_STATE_SLICE elements and writes
 * them to the page cache. What may take a second, syncing to a slow flash, is done by a thread that exists for just
 * that and touches nothing but two descriptors. (A fork would copy page tables, hold a second copy of what changes
 * meanwhile, and need more system calls allowed.) Elements that change between two turns are written as they are when
 * their turn comes; all lives are told as of the stamp in the head. */
#ifndef NFQDN_LEARN_STATE_H
#define NFQDN_LEARN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/monotime.h"
#include "learn/state_read.h"
#include "learn/store.h"
#include "policy/policy.h"

/* ---- writing ---- */

struct state_save;

/* Begins to write the state file of `folder`, which is made when missing (mode 0750). `wall`: milliseconds since 1970,
 * now. 0 or -errno. */
int state_save_begin(const char *folder, struct monotime now, int64_t wall, struct state_save **out);
/* The next bit of work. 1: there is more to do; 0: the file is in place; -errno: the old file stays. */
int state_save_step(struct state_save *save, const struct store *store, const struct policy *policy);
/* True when what is left is done by the disk: the next step may come later. */
bool state_save_syncs(const struct state_save *save);
/* Frees it; when it was not through, the old file stays. NULL is allowed. Waits for a disk that is busy with it. */
void state_save_end(struct state_save *save);
/* All of it at once, for the end of the program. 0 or -errno. */
int state_save_now(const char *folder, struct monotime now, int64_t wall, const struct store *store,
		   const struct policy *policy);

/* ---- when ---- */

/* Keeps the file as young as the policy's state-interval wants it. */
struct state_keeper {
	struct state_save *save;
	struct monotime next; /* the next one begins */
	bool begun; /* `next` means something */
};

/* To be called at each wake-up, after the verdicts. Returns the milliseconds until it wants to be called again, -1: as
 * it likes. `*error`: 0, or what failed just now. */
int64_t state_keeper_tick(struct state_keeper *keeper, struct monotime now, int64_t wall, const struct store *store,
			  const struct policy *policy, int *error);
/* At the end of the program: writes it once more, unless state-interval says never. 0 or -errno. */
int state_keeper_end(struct state_keeper *keeper, struct monotime now, int64_t wall, const struct store *store,
		     const struct policy *policy);

#endif
