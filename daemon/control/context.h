/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control commands see of the daemon. main.c fills it and keeps it true; the server only reads it. */
#ifndef NFQDN_CONTROL_CONTEXT_H
#define NFQDN_CONTROL_CONTEXT_H

#include <stdbool.h>

#include "base/monotime.h"
#include "control/peer.h"
#include "control/recent.h"
#include "learn/denials.h"
#include "learn/derived.h"
#include "learn/events.h"
#include "learn/names.h"
#include "learn/recorder.h"
#include "learn/resolvers.h"
#include "learn/store.h"
#include "netfilter/queue.h"
#include "netfilter/table.h"
#include "policy/policy.h"

/* What became of the records of an import. */
struct control_imported {
	size_t taken, ended, denied, left_out;
};

/* What a reload is asked for. */
struct control_reload {
	uint32_t confirm; /* seconds until it goes back unless it is confirmed; 0: it stays */
	const char *text; /* the configuration, instead of the one that was read last; NULL: read it again */
};

/* A reload that must be confirmed, or was not. */
struct control_trial {
	bool waiting;
	struct monotime ends; /* while waiting: when it goes back */
	const char *
		unconfirmed; /* why the policy in force is not the one of `config_path`: "time", "undo", "restart"; NULL: it
				    is */
};

struct control_context {
	const struct policy *policy; /* the one in force; set anew before the old one is freed */
	struct store *store;
	const struct derived *derived; /* may be NULL: none */
	const struct denials *denials; /* what was denied of late */
	const struct events *events; /* what happened of late; may be NULL: cannot be told */
	const struct recorder *recorder; /* what `record` tells; may be NULL: cannot be told */
	const struct names *names; /* of what answers held; for `status` */
	const struct resolvers *resolvers; /* whose answers came by */
	const struct recent *recent; /* when counters grew */
	bool fallback; /* the configuration was bad at the start, and no reload has put another in force */
	bool reload_refused; /* the last one */
	int landlock; /* its version; 0: the kernel has none, -1: not confined yet */
	int state_error; /* -errno of the last try to write the state file; 0: it was written, or not yet tried */
	const char *denied_why; /* why denials cannot be told; NULL: they can */
	struct table *table;
	struct queue *queue;
	const struct stream_table *streams; /* of DNS over TCP; may be NULL: not told */
	const char *warning; /* of what stands beside the table, as it changes; "" or NULL: none */
	const char *assist; /* what of the kernel is used, or why nothing is; NULL: not told */
	bool unrecorded; /* answers that nothing matches pass in the kernel, and are not copied for their names */
	const char *config_path;
	struct peer_rules peers; /* who may do what */
	struct monotime started;
	int64_t state_written; /* when the state file was, by wall(); 0: not in this run */
	struct monotime enforces; /* while policy->waiting: when it ends */
	bool ready; /* the first commit and the queue's bind are done */
	struct control_trial trial;
	/* Reads the configuration again and applies it, or refuses: 0 or -errno, problems added either way. It may
	 * change `policy` and `trial`. */
	int (*reload)(void *daemon, const struct control_reload *how, struct problems *problems);
	/* Keeps the policy that waits to be confirmed, or goes back at once (`undo`): 0; -ENOENT: none waits; -errno, and
	 * it waits on. May be NULL: none ever waits. */
	int (*confirm)(void *daemon, bool undo);
	/* Reads the configuration (`text`: as in struct control_reload) as reload() does and applies nothing: 0 and the
	 * policy it would be (for policy_free()), or -errno; problems added either way. */
	int (*try_reload)(void *daemon, const char *text, struct problems *problems, struct policy **out);
	/* Calls job(argument), which may take long, while the queue is served. NULL: jobs are just called. */
	void (*aside)(void *daemon, void (*job)(void *argument), void *argument);
	/* Takes over records of another gateway's export (lines of learn/state_text.h, each read once already), whose
	 * stamp is `stamp`. */
	void (*import)(void *daemon, int64_t stamp, const char *const *lines, size_t count,
		       struct control_imported *out);
	int64_t (*wall)(void); /* milliseconds since 1970, for the stamp of an export */
	/* Somebody records, now: answers are kept for a while. 0 or -ENOMEM. */
	int (*record)(void *daemon);
	bool (*revoking)(const void *daemon); /* are open flows being looked at? May be NULL: never */
	void *daemon; /* handed to those above */
};

#endif
