/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mark in the state folder that a configuration was tried (`reload --confirm`) and is not confirmed. It is written
 * before that policy comes into force, and goes when it is confirmed, or when another configuration is taken: as long as
 * it fits what the administrator's files hold, neither a start nor a plain reload takes them. */
#ifndef NFQDN_POLICY_TRIAL_MARK_H
#define NFQDN_POLICY_TRIAL_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct trial_mark {
	uint64_t config, lists; /* sums */
	bool any_lists; /* the configuration itself is what is not confirmed, whatever the lists are by now */
};

/* Of a policy that is to be tried. `before`: the one that it goes back to; `last`: what stands in the folder, or NULL. */
struct trial_mark trial_mark_of(const struct policy *tried, const struct policy *before, const struct trial_mark *last);
/* Is this policy made of what was not confirmed? */
bool trial_mark_fits(const struct trial_mark *mark, const struct policy *policy);
/* 0; -ENOENT: there is none; -EBADMSG: it cannot be understood; -errno. */
int trial_mark_read(const char *state, struct trial_mark *out);
/* In place and on the disk when it returns 0; -errno. */
int trial_mark_write(const char *state, const struct trial_mark *mark);
/* 0, also when there is none; -errno. */
int trial_mark_remove(const char *state);

#endif
