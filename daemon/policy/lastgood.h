/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last policy that was in force, kept in the state folder: what a gateway starts from when its configuration is
 * bad at boot. */
#ifndef NFQDN_POLICY_LASTGOOD_H
#define NFQDN_POLICY_LASTGOOD_H

#include <stdbool.h>

#include "policy/policy.h"

struct lastgood;

/* Begins to write the policy's configuration and the catalog files it was made from to STATE/last-good, replacing what
 * was there in one step. A disk may take seconds for it, and answers are held while the loop waits: a thread does it.
 * The policy may go meanwhile. 0 or -errno; lastgood_end() must follow before the next one. */
int lastgood_begin(const struct policy *policy, struct lastgood **out);
/* Has it come to its end? */
bool lastgood_done(const struct lastgood *lastgood);
/* Waits for the end, and frees. 0; -errno when it was not written: what was there stays. */
int lastgood_end(struct lastgood *lastgood);
/* Path of the kept configuration, for config_load(), or -ENOENT. `state` is the folder; `out` holds `size` octets. */
int lastgood_path(const char *state, char *out, size_t size);

#endif
