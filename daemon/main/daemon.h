/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's parts, and what its files call of each other: daemon_start.c, daemon_policy.c, daemon_state.c and
 * daemon_loop.c. Errors are -errno, and were logged with their reason. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/monotime.h"
#include "control/cmdline.h"
#include "control/context.h"
#include "control/notify.h"
#include "control/privileges.h"
#include "learn/adopt.h"
#include "learn/assisted.h"
#include "learn/rebuild.h"
#include "learn/state.h"
#include "policy/lastgood_keeper.h"
#include "policy/trial_mark.h"

struct control_server;
struct copies;
struct events;
struct policy;
struct problems;
struct queue;
struct recorder;
struct removed;
struct reports;
struct revoke;
struct snoop;
struct store;
struct table;
struct verify;

/* `reload --confirm`. */
struct trial {
	struct policy *before; /* what it goes back to; NULL: nothing waits to be confirmed */
	struct removed *removed; /* what it took away of what was learned; may be NULL */
	struct monotime retry; /* the way back failed before then */
	bool marked,
		next_marked; /* `mark` stands in the state folder; `next`, of a policy that is about to be tried, does */
	struct trial_mark mark, next;
};

struct daemon {
	struct cmdline options;
	struct policy *policy;
	struct table *table;
	struct queue *queue;
	struct store *store;
	struct snoop *snoop;
	struct verify *verify;
	struct reports *reports;
	struct copies *copies;
	bool copies_waiting; /* their socket is left alone until `copies_next` */
	struct monotime copies_next;
	struct events *events;
	struct recorder *recorder; /* for nfqdnctl record */
	const char *reports_why; /* why they lack what is denied, or NULL */
	struct rebuild rebuild;
	struct revoke *revoke;
	struct assisted assisted;
	struct control_server *control;
	struct control_context context;
	struct recent recent;
	struct adopt adopt;
	struct privileges privileges;
	struct notify notify;
	struct state_keeper keeper;
	struct lastgood_keeper lastgood;
	struct trial trial;
	uint64_t refused; /* answers dropped so far, when last looked at */
	struct hash_key hash_key;
	uint64_t generation;
	int epoll, signals, own;
	int fault; /* of the queue, while a policy was read or applied */
	bool running, ending;
	bool cold; /* and nothing was learned: enforce-after counts from `started` on */
	struct log_limit state_told, refusals_told, enforce_told, queries_told, queue_told;
	bool found; /* our table was there when we started: flows were decided before */
	struct monotime now;
};

/* What is in force, for the log. Returns `out`. */
#define DAEMON_POLICY_TEXT 256
const char *daemon_policy_text(const struct policy *policy, char out[DAEMON_POLICY_TEXT]);

/* From a policy to a gateway that filters, with the sandbox closed. `fallback`: the policy is not the administrator's
 * (control/boot.h). Takes the policy over once it is in force, else it stays the caller's. */
int daemon_start(struct daemon *daemon, struct policy *policy, bool fallback);
/* The table stays: what was learned is allowed until a later start. After a daemon_start() that failed, too. */
void daemon_stop(struct daemon *daemon);
/* The service manager learns that we filter, and by what. */
void daemon_tell_ready(struct daemon *daemon);
void daemon_read_own_addresses(struct daemon *daemon);
/* Copies of denied packets; a socket that died is opened anew. */
void daemon_read_reports(struct daemon *daemon);

/* Copies of answers, for names: their socket is opened or closed as the policy in force wants; they are read, when it is
 * ready, or because somebody wants to know; and milliseconds until that must be called again, or -1. */
void daemon_copies_settle(struct daemon *daemon);
void daemon_copies_serve(struct daemon *daemon);
void daemon_copies_read(struct daemon *daemon);
int64_t daemon_copies_when_due(struct daemon *daemon);
/* For struct control_context: somebody records, now. 0 or -ENOMEM. */
int daemon_record(void *context);
/* Ends recording when nobody asks any more. Milliseconds until it must be called again, or -1. */
int64_t daemon_record_when_due(struct daemon *daemon);

/* Puts the policy into the kernel's table and into the snooper, and frees the one before, unless a trial goes back to it.
 * On failure all stays as it was, the policy is the caller's, and `*error` says why if more than the errno is known. */
int daemon_apply(struct daemon *daemon, struct policy *policy, const char **error);
/* The same while the daemon runs, with what a new policy needs besides the table, and the queue served. What is wrong is
 * added to `problems`. */
int daemon_change_policy(struct daemon *daemon, struct policy *policy, struct problems *problems);
/* What is learned and what is open follows the policy that came into force. */
void daemon_follow_policy(struct daemon *daemon);
/* For struct control_context: the configuration is read again and comes into force, or nothing changes (-EINVAL). */
int daemon_reload(void *context, const struct control_reload *how, struct problems *problems);
/* The same, and what is wrong goes to the log. */
void daemon_reload_by_signal(struct daemon *daemon);
/* For struct control_context: reads what a reload would, which the caller frees. */
int daemon_try_reload(void *context, const char *text, struct problems *problems, struct policy **out);
/* For struct control_context: runs the job in a thread, with the queue served meanwhile. */
void daemon_run_aside(void *context, void (*job)(void *argument), void *argument);
/* Audits after a cold start, if `enforce-after` says so. */
void daemon_begin_enforce_after(struct daemon *daemon);
/* Milliseconds until it must be called again, or -1. */
int64_t daemon_enforce_when_due(struct daemon *daemon);

/* The mark of an earlier run is looked at: does it fit what was read? It goes when it does not. `fallback` as in
 * daemon_start(). */
void daemon_trial_start(struct daemon *daemon, bool fallback);
/* May `policy`, read from the administrator's files, come into force this way? Told as a problem if not. */
int daemon_trial_allows(struct daemon *daemon, const struct policy *policy, const struct control_reload *how,
			struct problems *problems);
/* Before and after a policy comes into force that must be confirmed (`seconds` > 0) or not (0). */
void daemon_trial_prepare(struct daemon *daemon, const struct policy *policy, uint32_t seconds,
			  struct problems *problems);
void daemon_trial_begun(struct daemon *daemon, uint32_t seconds);
/* It did not come into force after all. */
void daemon_trial_refused(struct daemon *daemon);
/* For struct control_context. */
int daemon_confirm(void *context, bool undo);
/* Goes back when it is time. Milliseconds until it must be called again, or -1. */
int64_t daemon_trial_when_due(struct daemon *daemon);
/* At the end of the daemon: what was not confirmed is not left in the table. */
void daemon_trial_end(struct daemon *daemon);
/* The policy that a start without the administrator's would begin with: not one that waits to be confirmed. */
const struct policy *daemon_confirmed(const struct daemon *daemon);

/* Puts back what a trial took away. */
void daemon_put_back(struct daemon *daemon, const struct removed *removed);
/* What the kernel and the state file have of earlier runs, less what the policy does not allow. */
void daemon_take_over(struct daemon *daemon);
/* The same again, as long as the kernel has not told what its sets hold. Returns milliseconds until the next try, or -1. */
int64_t daemon_adopt_when_due(struct daemon *daemon);
/* For struct control_context. `stamp`: when the lines were true, seconds since 1970. */
void daemon_import(void *context, int64_t stamp, const char *const *lines, size_t count, struct control_imported *out);
/* Milliseconds until it must be called again, or -1. */
int64_t daemon_keep_state(struct daemon *daemon);
/* An error of the state file, 0 for none. */
void daemon_tell_state(struct daemon *daemon, int error);

/* Reads the clock: once a turn, and where what was done in between may have taken long. */
void daemon_tick(struct daemon *daemon);
int daemon_open_loop(struct daemon *daemon);
int daemon_watch(struct daemon *daemon, int fd);
/* The copies of queries are waited for as soon as there is a loop. */
int daemon_watch_queries(struct daemon *daemon);
/* While a policy is read and put into the table the queue is served, under the old one. `context` is the daemon. */
void daemon_serve_meanwhile(void *context);
/* Before the end: the answers that are held are judged as any (pass, when the start failed), and from here on all pass,
 * as if nobody were there. */
void daemon_let_go(struct daemon *daemon);
/* Until a signal ends it (0), or the queue is lost for good. */
int daemon_run(struct daemon *daemon);
