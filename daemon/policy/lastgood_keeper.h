/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the policy in force as the last good one: one is written at a time, and the newest wins. */
#ifndef NFQDN_POLICY_LASTGOOD_KEEPER_H
#define NFQDN_POLICY_LASTGOOD_KEEPER_H

#include <stdbool.h>

#include "policy/lastgood.h"

/* Zeroed at first. */
struct lastgood_keeper {
	struct lastgood *writing;
	bool again; /* another one came meanwhile */
};

/* This policy came into force. A failure is logged: the daemon goes on without. */
void lastgood_keeper_begin(struct lastgood_keeper *keeper, const struct policy *policy);
/* To be called at each wake-up with the policy in force; `wait` waits for what is being written. Returns the
 * milliseconds until it wants to be called again, or -1. */
int lastgood_keeper_tick(struct lastgood_keeper *keeper, const struct policy *policy, bool wait);

#endif
