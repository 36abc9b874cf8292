/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The optional kernel module nf_fqdn (kmod-optional/): what it must know so that it lets pass, without a wake-up, the
 * answers that would teach nothing. It knows the patterns of the policy, the derived names and answers that are known. In
 * doubt, and whenever something could not be told, everything is left to nfqdnd: at worst a wake-up more. */
#ifndef NFQDN_NETFILTER_ASSIST_H
#define NFQDN_NETFILTER_ASSIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "policy/policy.h"

struct assist;

/* Looks for the module (the kernel loads it, where it is installed) and makes our instance in it, which lets nothing pass
 * yet. `table`: the table's name, so that every nfqdnd of a network namespace has its own. 0; -ENOENT: there is no
 * module; -EPROTO: one of another version; -errno. `*why` is a static text. */
int assist_open(const char *table, struct assist **out, const char **why);
/* The instance stays as it is: nfqdnd may come back. */
void assist_close(struct assist *assist);
/* Removes the instance of a table: --flush. 0, also when there is none; -errno. */
int assist_remove(const char *table);

/* From now on everything is left to nfqdnd. 0; -errno: nobody knows (tried again by assist_tick()). */
int assist_pause(struct assist *assist);
/* What shall be in force: assist_begin(), assist_derived() for every derived name, assist_commit(). Until then all is
 * left to nfqdnd. 0 or -errno, with `*why` (static): all stays left to nfqdnd. */
int assist_begin(struct assist *assist, const struct policy *policy, const char **why);
int assist_commit(struct assist *assist, const char **why);
/* Is something in force? */
bool assist_working(const struct assist *assist);

/* For learn/snoop.h: `assist` comes as a pointer without a type. Nothing here allocates. */

/* A name that clients may ask for within `life_ms`; told by assist_settle(). */
void assist_derived(void *assist, const struct dns_name *name, int64_t life_ms);
/* This message, and any that differs in its id and its TTLs alone, changes nothing while now + its TTL lies before
 * `left_ms` from now. Told by assist_tick(); of more than LIMIT_ASSIST_STAGED at once the rest is told another time. */
void assist_known(void *assist, const uint8_t *message, size_t length, int64_t left_ms);
/* Elements go before their end: nothing is known any more, at once. */
void assist_forget(void *assist);
/* Tells derived names: before the verdict on the answer that they came from. */
void assist_settle(void *assist);

/* After the verdicts: tells what is known, and stops the module for good when something could not be told. True when it
 * must be loaded anew. */
bool assist_tick(struct assist *assist);

/* Takes over what the module counted since the last call into base/counters.h. */
void assist_count(struct assist *assist);

#endif
