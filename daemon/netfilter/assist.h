/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What decides inside the kernel, the optional module nf_fqdn (kmod-optional/) or, where that is not there, an eBPF program:
 * what it must know so that it lets pass, without a wake-up, the answers that would teach nothing. It knows the patterns of
 * the policy, the derived names and answers that are known. In doubt, and whenever something could not be told, everything is left to nfqdnd: at worst a wake-up more. */
#ifndef NFQDN_NETFILTER_ASSIST_H
#define NFQDN_NETFILTER_ASSIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "policy/policy.h"

struct assist;
struct assist_filter;

/* What the rules ask about an answer, in this order. */
enum assist_question {
	ASSIST_ASKS_UNRELATED, /* does nothing match its question? */
	ASSIST_ASKS_KNOWN, /* would it change nothing? */
	ASSIST_QUESTIONS
};

/* Loads the eBPF programs with their maps, for which CAP_BPF and CAP_PERFMON are needed (or CAP_SYS_ADMIN): before privileges
 * are dropped. Afterwards bpf(2) is asked to look up, update and delete elements of these maps and to go over their keys,
 * which any process may that has them open (Linux 5.19; before it is without CAP_BPF where kernel.unprivileged_bpf_disabled
 * is 0). 0; -errno with `*why` (static). */
int assist_filter_open(struct assist_filter **out, const char **why);
/* When no `struct assist` uses it. Rules that still call the program let nothing pass. */
void assist_filter_close(struct assist_filter *filter);

/* Looks for the module (the kernel loads it, where it is installed) and makes there what is ours, which lets nothing pass
 * yet; where there is none, takes `filter`, which stays the caller's (NULL: not that either). `table`: the table's name, so
 * that every nfqdnd of a network namespace has its own. 0; -errno: there is neither, and `*why`, a static text, says what is
 * the matter with the module (-ENOENT: it is not there). */
int assist_open(const char *table, struct assist_filter *filter, struct assist **out, const char **why);
/* "nf_fqdn" | "bpf", for `status`; static. */
const char *assist_name(const struct assist *assist);
/* The programs that the rules must call, ASSIST_QUESTIONS file descriptors of `assist`; NULL: they call the module. */
const int *assist_programs(const struct assist *assist);
/* What the kernel has stays as it is as long as rules use it, but nothing can be told any more. */
void assist_close(struct assist *assist);
/* Removes what the module has of a table, when the table is gone: --flush. 0, also when there is none; -errno. */
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
