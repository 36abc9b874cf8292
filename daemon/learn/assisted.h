/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel module, or the eBPF program, kept in step with the policy in force and with what is learned. Without it
 * nothing changes but the number of wake-ups. */
#ifndef NFQDN_LEARN_ASSISTED_H
#define NFQDN_LEARN_ASSISTED_H

#include "base/monotime.h"
#include "learn/snoop.h"
#include "netfilter/assist.h"
#include "netfilter/table.h"

/* Zeroed at first, but for the two that must outlive it. */
struct assisted {
	struct snoop *snoop;
	struct table *table;
	struct assist *module; /* or the program; NULL: not used */
	struct assist_filter *filter; /* the program, loaded at start; NULL */
	const char *no_filter; /* why not; NULL: it was not tried */
	bool confined; /* it is too late to load it */
	bool used; /* by the policy in force */
	bool wanted; /* by the one that was prepared */
	const char *unwanted; /* why not */
	struct snoop_assist calls;
	struct monotime next; /* when loading is tried again */
	const char *told; /* what is used, or why none is: for `status`; static */
};

/* Before a policy is applied: finds the module, loads the program where there is none, or sees that neither is wanted.
 * From then on every answer comes to nfqdnd, until assisted_load() or assisted_return(). 0; -errno with `*why` (static) when `kernel-assist = "require"`
 * cannot be had: then comes assisted_return(), where a policy is in force. */
int assisted_prepare(struct assisted *assisted, const struct config *config, const char **why);
/* Puts the policy that was prepared, and is in force now, into the module, where one is used. A failure costs wake-ups,
 * no more. */
void assisted_load(struct assisted *assisted, const struct policy *policy, struct monotime now);
/* Instead of it at the start: so long as nothing is loaded everything is left to nfqdnd, and loading takes as long as all else of
 * a start. */
void assisted_load_later(struct assisted *assisted);
/* To be called when the start's policy is in force and before privileges are dropped: nothing can be loaded from now on, and
 * a program that is not used goes. True: what is loaded needs bpf(2) for its maps. */
bool assisted_confine(struct assisted *assisted);
/* The policy that was prepared is not taken: what was before it, with the policy that stays in force. */
void assisted_return(struct assisted *assisted, const struct policy *policy, struct monotime now);
/* To be called at each wake-up, after the verdicts. */
void assisted_tick(struct assisted *assisted, const struct policy *policy, struct monotime now);
/* Takes its counters over, before they are told. */
void assisted_count(struct assisted *assisted);
void assisted_close(struct assisted *assisted);

#endif
