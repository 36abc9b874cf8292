/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: nfqdnd from start to end
 *
 * Start-up order, each step needing the one before it:
 *  1. command line; --check and --print-* end here (control/offline.c) and never touch the kernel;
 *  2. configuration and catalog -> policy (policy/); with --boot a bad one is replaced by the last good one, else by
 *     "DNS and nothing";
 *  3. lock, netlink sockets, probes (netfilter/table.c);
 *  4. the queue is bound before any rule can send a packet to it (netfilter/queue.c);
 *  5. the table is made, or the one found is adopted (netfilter/table.c, learn/snoop_keep.c), joined with the state file
 *     (learn/state.c): what was learned is in the kernel before the first held answer is looked at;
 *  6. nothing is left that needs more than the sandbox allows (control/sandbox.c), and the service manager is told.
 * When the table is there the control socket appears (its clients wait for the loop) and root becomes gateway.user
 * (control/privileges.c): what earlier runs wrote is read as that user.
 *
 * Then one loop: wait, read the clock once, drain the queue (snoop_drain() commits what the answers teach), give the
 * verdicts, serve the control socket, delete what expired, look whether others changed the table, write a bit of the
 * state file when it is due.
 */
#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/monotime.h"
#include "control/aside.h"
#include "control/boot.h"
#include "control/cmdline.h"
#include "control/notify.h"
#include "control/offline.h"
#include "control/privileges.h"
#include "control/readable.h"
#include "control/sandbox.h"
#include "control/server.h"
#include "learn/assisted.h"
#include "learn/rebuild.h"
#include "learn/reports.h"
#include "learn/restore.h"
#include "learn/revoke.h"
#include "learn/snoop.h"
#include "learn/state.h"
#include "learn/verify.h"
#include "netfilter/assist.h"
#include "netfilter/own.h"
#include "netfilter/queue.h"
#include "netfilter/table.h"
#include "policy/config_fixed.h"
#include "policy/lastgood_keeper.h"
#include "policy/problem_log.h"

struct daemon {
	struct cmdline options;
	struct policy *policy;
	struct table *table;
	struct queue *queue;
	struct store *store;
	struct snoop *snoop;
	struct verify *verify;
	struct reports *reports;
	const char *reports_why; /* why they lack what is denied, or NULL */
	struct rebuild rebuild;
	struct revoke *revoke;
	struct assisted assisted;
	struct control_server *control;
	struct control_context context;
	struct privileges privileges;
	struct notify notify;
	struct state_keeper keeper;
	struct log_limit state_told;
	struct lastgood_keeper lastgood;
	struct log_limit refusals_told;
	uint64_t refused; /* answers dropped so far, when last looked at */
	struct hash_key hash_key;
	uint64_t generation;
	int epoll, signals, own;
	int fault; /* of the queue, while a policy was read or applied */
	bool running, ending;
	bool cold; /* and nothing was learned: enforce-after counts from `started` on */
	struct log_limit enforce_told;
	bool found; /* our table was there when we started: flows were decided before */
	struct monotime now;
};

/* ---- the policy ---- */

static int watch(struct daemon *daemon, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(daemon->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* The copies of queries are waited for as soon as there is a loop. */
static int watch_queries(struct daemon *daemon)
{
	int fd = verify_fd(daemon->verify), error = 0;

	if (fd >= 0 && daemon->epoll >= 0)
		error = watch(daemon, fd);
	return error == -EEXIST ? 0 : error;
}

/* Rules that copy queries find somebody who reads them. */
static int apply_table(struct daemon *daemon, const struct policy *policy, const char **error)
{
	const struct config *before = daemon->policy ? daemon->policy->config : NULL;
	int result = verify_prepare(daemon->verify, policy->config, error);

	if (result == 0)
		result = watch_queries(daemon);
	if (result == 0)
		result = table_apply(daemon->table, policy, error);
	if (result == 0)
		verify_settle(daemon->verify, policy->config, before, monotime_now());
	else if (before)
		verify_settle(daemon->verify, before, NULL, daemon->now);
	return result;
}

/* enforce-after: when it ends by this policy. */
static struct monotime enforces(const struct daemon *daemon, const struct policy *policy)
{
	return monotime_add(daemon->context.started, 1000 * (int64_t)policy->config->enforce_after);
}

static int apply(struct daemon *daemon, struct policy *policy, const char **error)
{
	int result;

	policy->waiting = daemon->cold && policy->config->mode == CONFIG_ENFORCE &&
			  monotime_before(daemon->now, enforces(daemon, policy));
	result = apply_table(daemon, policy, error);
	if (result < 0)
		return result;
	snoop_set_queries(daemon->snoop, verify_queries(daemon->verify));
	policy->generation = ++daemon->generation;
	snoop_set_policy(daemon->snoop, policy);
	daemon->context.policy = policy;
	daemon->context.enforces = enforces(daemon, policy);
	rebuild_applied(&daemon->rebuild);
	policy_free(daemon->policy);
	daemon->policy = policy;
	assisted_load(&daemon->assisted, policy, daemon->now);
	counters.reloads++;
	return 0;
}

static struct restore begin_restore(const struct daemon *daemon, bool extend)
{
	return (struct restore) { .snoop = daemon->snoop,
				  .store = daemon->store,
				  .table = daemon->table,
				  .policy = daemon->policy,
				  .now = daemon->now,
				  .wall = monotime_wall(),
				  .extend = extend };
}

/* While a policy is read and put into the table the queue is served, under the old one. */
static void serve_meanwhile(void *context);

static int meanwhile_fd(void *context)
{
	const struct daemon *daemon = context;

	return daemon->fault ? -1 : queue_fd(daemon->queue);
}

/* NULL when it cannot follow the policy in force. */
static struct policy *load_next(struct daemon *daemon, struct problems *problems)
{
	const struct aside_work work = { meanwhile_fd, serve_meanwhile, daemon };
	struct policy *policy = aside_load(daemon->options.config, problems, &work);

	if (policy)
		config_fixed_check(daemon->policy->config, policy->config, problems);
	if (problems->errors == 0)
		return policy;
	policy_free(policy);
	return NULL;
}

static int try_reload(void *context, struct problems *problems, struct policy **out)
{
	struct policy *policy = load_next(context, problems);

	if (!policy)
		return -EINVAL;
	*out = policy;
	return 0;
}

static void run_aside(void *context, void (*job)(void *argument), void *argument)
{
	const struct aside_work work = { meanwhile_fd, serve_meanwhile, context };

	aside_run(job, argument, &work);
}

static int apply_served(struct daemon *daemon, struct policy *policy, const char **error)
{
	int result;

	table_on_pause(daemon->table, serve_meanwhile, daemon);
	result = apply(daemon, policy, error);
	table_on_pause(daemon->table, NULL, NULL);
	return result;
}

static int replace_policy(struct daemon *daemon, struct problems *problems)
{
	struct policy *policy = load_next(daemon, problems);
	const char *error = NULL;

	if (!policy)
		return -EINVAL;
	if (revoke_prepare(daemon->revoke, policy->config, &error) < 0)
		problem_add(problems, PROBLEM_ERROR, policy->config->file, 0, "gateway.revoke", "%s", error);
	else if (assisted_prepare(&daemon->assisted, policy->config, &error) < 0)
		problem_add(problems, PROBLEM_ERROR, policy->config->file, 0, "gateway.kernel-assist",
			    "\"require\" cannot be had: %s", error);
	else if (apply_served(daemon, policy, &error) < 0)
		problem_add(problems, PROBLEM_ERROR, daemon->options.config, 0, "",
			    "the kernel refused the new table: %s", error ? error : "no reason told");
	if (problems->errors == 0)
		return 0;
	assisted_return(&daemon->assisted, daemon->policy, daemon->now);
	policy_free(policy);
	return -EINVAL;
}

static int reload(void *context, struct problems *problems)
{
	struct daemon *daemon = context;

	if (replace_policy(daemon, problems) < 0) {
		counters.reloads_refused++;
		log_error("reload refused, the old policy stays");
		return -EINVAL;
	}
	log_set_level(daemon->policy->config->log_level);
	if (snoop_prune(daemon->snoop, daemon->now, serve_meanwhile, daemon) < 0)
		log_warning("learned addresses that the new policy does not allow could not all be deleted yet");
	revoke_begin(daemon->revoke, daemon->now);
	lastgood_keeper_begin(&daemon->lastgood, daemon->policy);
	log_info("reloaded %s: generation %llu", daemon->options.config, (unsigned long long)daemon->generation);
	return 0;
}

static void import(void *context, int64_t stamp, const char *const *lines, size_t count, struct control_imported *out)
{
	struct daemon *daemon = context;
	struct restore restore = begin_restore(daemon, true);
	struct state_record record;

	for (size_t i = 0; i < count; i++)
		if (state_text_parse(lines[i], strlen(lines[i]), &record) == 0)
			restore_record(&restore, stamp, &record);
	restore_finish(&restore);
	*out = (struct control_imported) { restore.taken, restore.ended, restore.denied, restore.left_out };
}

static void reload_by_signal(struct daemon *daemon)
{
	struct problems problems = { 0 };

	notify_send(&daemon->notify, "RELOADING=1");
	reload(daemon, &problems);
	problem_log(&problems);
	problem_clear(&problems);
	notify_send(&daemon->notify, "READY=1");
}

/* ---- start ---- */

static void read_own_addresses(struct daemon *daemon)
{
	struct ipaddr addresses[LIMIT_OWN_ADDRESSES];
	int count = own_addresses(addresses, LIMIT_OWN_ADDRESSES);

	if (count < 0) {
		log_warning("cannot read the gateway's own addresses: %s", strerror(-count));
		return;
	}
	if (count > LIMIT_OWN_ADDRESSES) {
		counters.own_over_limit += (uint64_t)count - LIMIT_OWN_ADDRESSES;
		count = LIMIT_OWN_ADDRESSES;
	}
	if (snoop_set_own_addresses(daemon->snoop, addresses, (size_t)count) < 0)
		log_warning("no memory for the gateway's own addresses");
}

/* Copies of what is denied. Filtering does without. */
static void open_reports(struct daemon *daemon)
{
	const char *why = NULL;
	int error = 0;

	snoop_set_names(daemon->snoop, reports_names(daemon->reports));
	if (!table_capabilities(daemon->table)->report)
		why = "the kernel lacks log or limit expressions (CONFIG_NFT_LOG, CONFIG_NFT_LIMIT)";
	else
		error = reports_open(daemon->reports, daemon->policy->config, &why);
	if (error == 0 && reports_fd(daemon->reports) >= 0)
		error = watch(daemon, reports_fd(daemon->reports));
	if (error < 0 && !why)
		why = strerror(-error);
	daemon->reports_why = daemon->context.denied_why = why;
	if (why)
		log_warning("what is denied is counted, but not told by `nfqdnctl denied`: %s", why);
}

static void read_reports(struct daemon *daemon)
{
	if (reports_read(daemon->reports, daemon->now) < 0)
		open_reports(daemon);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a state file over RLIMIT_FSIZE is an error like a full disk */
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int open_loop(struct daemon *daemon)
{
	int error = 0;

	daemon->epoll = epoll_create1(EPOLL_CLOEXEC);
	daemon->signals = open_signals();
	daemon->own = own_open();
	if (daemon->epoll < 0 || daemon->signals < 0)
		return -errno;
	if (daemon->own < 0)
		return daemon->own;
	error = watch(daemon, daemon->signals);
	if (error == 0)
		error = watch(daemon, daemon->own);
	if (error == 0)
		error = watch(daemon, queue_fd(daemon->queue));
	return error < 0 ? error : watch_queries(daemon);
}

static int start_kernel(struct daemon *daemon, struct policy *policy)
{
	const struct config *config = policy->config;
	const char *why = NULL, *refused = "";
	int error = control_server_probe(config->control);

	if (error == -EBUSY)
		why = "another nfqdnd listens on the control socket: give each its own `gateway.control`";
	if (error == 0)
		error = table_open(config->table, &daemon->table, &why);
	if (error == 0)
		error = queue_open(config->queue_first, config->queue_count, !config->drop_on_overload, &daemon->queue,
				   &why);
	if (error == 0) {
		daemon->store = store_new(&daemon->hash_key, config->limit_elements);
		daemon->snoop = daemon->store ? snoop_new(daemon->store, daemon->table, &daemon->hash_key) : NULL;
		daemon->assisted = (struct assisted) { .snoop = daemon->snoop, .table = daemon->table };
		daemon->verify = verify_new(&daemon->hash_key);
		daemon->reports = reports_new(&daemon->hash_key);
		daemon->revoke = revoke_new(daemon->snoop, daemon->store);
		error = daemon->snoop && daemon->verify && daemon->reports && daemon->revoke
				? store_reserve(daemon->store)
				: -ENOMEM;
	}
	if (error == 0)
		error = rebuild_open(&daemon->rebuild, daemon->table, daemon->store);
	if (error == 0)
		error = revoke_prepare(daemon->revoke, config, &why);
	daemon->found = error == 0 && table_exists(daemon->table) == 1;
	if (error == 0) {
		error = assisted_prepare(&daemon->assisted, config, &why);
		refused = error < 0 ? "kernel-assist = \"require\" cannot be had: " : "";
	}
	if (error == 0)
		error = apply(daemon, policy, &why);
	if (error < 0)
		log_error("%s%s", refused, why ? why : strerror(-error));
	return error;
}

static bool revoking(const void *context)
{
	const struct daemon *daemon = context;

	return revoke_looks(daemon->revoke);
}

static int start_control(struct daemon *daemon)
{
	const char *path = daemon->policy->config->control;
	int error;

	daemon->now = monotime_now();
	daemon->context = (struct control_context) {
		.policy = daemon->policy,
		.store = daemon->store,
		.derived = snoop_derived(daemon->snoop),
		.denials = reports_denials(daemon->reports),
		.names = reports_names(daemon->reports),
		.denied_why = daemon->reports_why,
		.table = daemon->table,
		.queue = daemon->queue,
		.warning = table_watch_warning(daemon->rebuild.watch),
		.assist = daemon->assisted.told,
		.config_path = daemon->options.config,
		.started = daemon->now,
		.enforces = daemon->context.enforces,
		.ready = true,
		.reload = reload,
		.try_reload = try_reload,
		.aside = run_aside,
		.import = import,
		.wall = monotime_wall,
		.revoking = revoking,
		.daemon = daemon,
	};
	error = privileges_group(&daemon->privileges, true);
	if (error == 0)
		error = control_server_open(path, &daemon->context, &daemon->control);
	if (error < 0)
		log_error("control socket %s: %s", path,
			  error == -EBUSY ? "another nfqdnd listens there" : strerror(-error));
	return error < 0 ? error : privileges_group(&daemon->privileges, false);
}

/* The same policy, but for `waiting`. */
static int apply_waiting(struct daemon *daemon, bool waiting)
{
	const char *why = NULL;
	int error;

	daemon->policy->waiting = waiting;
	error = table_apply(daemon->table, daemon->policy, &why);
	if (error == 0) {
		rebuild_applied(&daemon->rebuild);
		revoke_begin(daemon->revoke, daemon->now);
		return 0;
	}
	daemon->policy->waiting = !waiting;
	log_limited(&daemon->enforce_told, daemon->now, LOG_LEVEL_ERROR, "enforce-after: %s",
		    why ? why : strerror(-error));
	return error;
}

/* Nothing was decided or learned before: clients have addresses in their caches that nobody saw. Until here it was
 * enforced, since a table that is filled again must not be open for a moment. */
static void begin_enforce_after(struct daemon *daemon)
{
	uint32_t seconds = daemon->policy->config->enforce_after;

	if (daemon->found || store_count(daemon->store) > 0 || !seconds ||
	    daemon->policy->config->mode != CONFIG_ENFORCE)
		return;
	daemon->cold = true;
	daemon->context.enforces = enforces(daemon, daemon->policy);
	if (apply_waiting(daemon, true) == 0)
		log_info("enforce-after: a cold start, so nothing is denied for %u s; `nfqdnctl denied` tells what "
			 "would be",
			 seconds);
}

static int64_t enforce_when_due(struct daemon *daemon)
{
	int64_t left = monotime_until(daemon->now, daemon->context.enforces);

	if (!daemon->policy->waiting)
		return -1;
	if (left > 0)
		return left;
	if (apply_waiting(daemon, false) < 0)
		return 1000;
	log_info("enforce-after is over: what the policy does not allow is denied from now on");
	return -1;
}

static void log_owner(const struct daemon *daemon)
{
	if (table_owner(daemon->table) == TABLE_OWNER_FOUND)
		log_info("table inet %s has no owner, since an earlier run made it so: others can change it until "
			 "`nfqdnd --flush` and a start",
			 daemon->policy->config->table);
}

static void log_start(const struct daemon *daemon)
{
	static const char *const modes[] = {
		[CONFIG_ENFORCE] = "enforce", [CONFIG_AUDIT] = "audit", [CONFIG_MARK] = "mark", [CONFIG_SETS] = "sets"
	};
	const struct policy *policy = daemon->policy;

	log_info("%s table inet %s: %zu entries, %zu names, %zu elements taken over, queue %u (%s)",
		 modes[policy->config->mode], policy->config->table, policy->entry_count, policy->rule_count,
		 store_count(daemon->store), policy->config->queue_first,
		 table_queue_backend_name(table_capabilities(daemon->table)->queue));
}

/* What was learned before: from the state file. The elements that stand in the kernel gain its names, and live on. */
static void read_state(struct daemon *daemon)
{
	const struct config *config = daemon->policy->config;
	struct restore restore = begin_restore(daemon, false);
	const char *why;
	int error;

	restore.past = daemon->found;
	if (config->state_interval == CONFIG_OFF)
		return;
	error = state_load(config->state, restore_record, &restore, &why);
	restore_finish(&restore);
	if (error == -ENOENT)
		return;
	if (error < 0)
		log_warning("%s/learned is refused: %s; what was learned before is forgotten", config->state,
			    error == -EBADMSG ? why : strerror(-error));
	else
		log_info("%s/learned: %zu records taken, %zu at the end of their life, %zu no longer allowed, "
			 "%zu without a place",
			 config->state, restore.taken, restore.ended, restore.denied, restore.left_out);
}

/* What the kernel and the state file have of earlier runs, less what the policy does not allow. */
static void take_over(struct daemon *daemon)
{
	int error;

	daemon->now = monotime_now();
	error = snoop_adopt(daemon->snoop, daemon->now);
	if (error < 0)
		log_warning("what the table had learned could not be taken over: %s", strerror(-error));
	read_state(daemon);
	if (snoop_prune(daemon->snoop, daemon->now, NULL, NULL) < 0)
		log_warning("learned addresses that the policy does not allow could not all be deleted yet");
	revoke_begin(daemon->revoke, daemon->now);
}

static void tell_unreadable(const struct config *config)
{
	struct problems problems = { 0 };

	readable_check(config, &problems);
	for (size_t i = 0; i < problems.count; i++)
		log_warning("%s: %s", problems.items[i].file, problems.items[i].text);
	problem_clear(&problems);
}

/* What root alone can do, and who comes after it. What a bad configuration is replaced by was not written by root. */
static int prepare(struct daemon *daemon, const struct config *config, bool fallback)
{
	int error = hash_key_random(&daemon->hash_key);

	if (error == 0 && fallback)
		error = privileges_find_owner(daemon->options.boot, config->user, &daemon->privileges);
	else if (error == 0)
		error = privileges_find(config->user, &daemon->privileges);
	if (error == -ENOENT && fallback) /* denying as root is better than not denying */
		error = privileges_find("", &daemon->privileges);
	if (error == 0)
		error = privileges_make_folders(&daemon->privileges, config);
	if (error == 0 && !fallback)
		tell_unreadable(config);
	if (error == 0)
		notify_open(&daemon->notify);
	return error;
}

static int confine(struct daemon *daemon, bool fallback)
{
	int landlock = 0;
	int error = sandbox_enter(daemon->policy->config, daemon->options.config, fallback, &landlock);

	if (error < 0)
		return error;
	log_info("runs as %s with CAP_NET_ADMIN alone, behind seccomp and Landlock (%s)", daemon->privileges.name,
		 landlock ? fallback ? "which lets it read all until a restart, for the repaired configuration"
				     : "its own folders"
			  : "which this kernel lacks");
	return 0;
}

static int start(struct daemon *daemon, struct policy *policy, bool fallback)
{
	int error = prepare(daemon, policy->config, fallback);

	if (error == 0)
		error = start_kernel(daemon, policy);
	if (error == 0)
		error = start_control(daemon);
	if (error == 0)
		error = privileges_drop(&daemon->privileges);
	if (error < 0)
		return error;
	read_own_addresses(daemon);
	take_over(daemon);
	error = open_loop(daemon);
	if (error < 0)
		return error;
	open_reports(daemon);
	error = watch(daemon, control_server_fd(daemon->control));
	if (error == 0)
		error = confine(daemon, fallback);
	if (error < 0)
		return error;
	if (!fallback)
		lastgood_keeper_begin(&daemon->lastgood, daemon->policy);
	log_start(daemon);
	log_owner(daemon);
	begin_enforce_after(daemon);
	notify_send(&daemon->notify, "READY=1");
	return 0;
}

/* ---- the loop ---- */

static void take_signals(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	while (read(daemon->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload_by_signal(daemon);
		else
			daemon->ending = true;
	}
}

static void count_hold(int64_t began, int packets)
{
	uint64_t held = (uint64_t)(monotime_usec() - began);

	counters.hold_microseconds += held * (uint64_t)packets;
	if (held > counters.hold_microseconds_max)
		counters.hold_microseconds_max = held;
}

/* All that were sent before the answers at hand. */
static void read_queries(struct daemon *daemon)
{
	const char *why = NULL;
	int error = verify_read(daemon->verify, daemon->now);

	if (error == 0)
		return;
	error = verify_prepare(daemon->verify, daemon->policy->config, &why);
	if (error == 0)
		error = watch_queries(daemon);
	if (error == 0)
		log_warning("the socket for copies of queries failed and was opened anew");
	else
		log_error("copies of queries cannot be read (%s): answers teach nothing until a reload",
			  why ? why : strerror(-error));
}

/* Drains until the queue is empty, but lets the rest of the loop have its turn. */
static int drain_queue(struct daemon *daemon)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	for (int turn = 0; turn < 16; turn++) {
		int count = queue_receive(daemon->queue, packets);
		int64_t began;
		uint64_t drop;

		if (count <= 0)
			return count;
		began = monotime_usec();
		read_queries(daemon);
		drop = snoop_drain(daemon->snoop, packets, (size_t)count, daemon->now);
		queue_verdicts(daemon->queue, packets, (size_t)count, drop);
		count_hold(began, count);
		store_reserve(daemon->store);
	}
	return 0;
}

/* The queue's socket died: what it held is dropped by the kernel and asked again; the new one carries on. */
static int reopen_queue(struct daemon *daemon)
{
	const struct config *config = daemon->policy->config;
	const char *why = NULL;
	int error;

	error = queue_reopen(&daemon->queue, !config->drop_on_overload, &why);
	daemon->context.queue = daemon->queue;
	if (error < 0) {
		log_error("the queue cannot be opened again: %s", why ? why : strerror(-error));
		return error;
	}
	log_warning("the queue's socket failed and was opened anew");
	return watch(daemon, queue_fd(daemon->queue));
}

static int serve(struct daemon *daemon, int fd)
{
	if (fd == queue_fd(daemon->queue))
		return drain_queue(daemon) < 0 ? reopen_queue(daemon) : 0;
	if (fd == daemon->signals)
		take_signals(daemon);
	else if (fd == verify_fd(daemon->verify))
		read_queries(daemon);
	else if (fd == reports_fd(daemon->reports))
		read_reports(daemon);
	else if (fd == control_server_fd(daemon->control)) {
		assisted_count(&daemon->assisted);
		daemon->context.assist = daemon->assisted.told;
		control_server_run(daemon->control, daemon->now);
	} else if (fd == daemon->own && own_changed(fd))
		read_own_addresses(daemon);
	return 0;
}

/* Verdicts that the kernel did not take. */
static int settle_queue(struct daemon *daemon, int64_t *timeout)
{
	int owed = queue_settle(daemon->queue);

	if (owed > 0)
		*timeout = 10;
	return owed < 0 ? reopen_queue(daemon) : 0;
}

static void serve_meanwhile(void *context)
{
	struct daemon *daemon = context;
	int64_t ignored = -1;

	if (daemon->fault)
		return;
	daemon->now = monotime_now();
	if (drain_queue(daemon) < 0)
		daemon->fault = reopen_queue(daemon);
	if (!daemon->fault)
		daemon->fault = settle_queue(daemon, &ignored);
	daemon->now = monotime_now();
}

static int64_t sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static void tell_state(struct daemon *daemon, int error)
{
	if (error < 0)
		log_limited(&daemon->state_told, daemon->now, LOG_LEVEL_WARNING,
			    "%s/learned could not be written: %s; the old file stays, filtering goes on",
			    daemon->policy->config->state, strerror(-error));
}

/* Answers that were dropped since their addresses could not be committed. */
static void tell_refusals(struct daemon *daemon)
{
	uint64_t dropped = counters.answers_dropped - daemon->refused;

	if (!dropped)
		return;
	daemon->refused = counters.answers_dropped;
	log_limited(&daemon->refusals_told, daemon->now, LOG_LEVEL_WARNING,
		    "%llu allowed answers were dropped, since their addresses could not be put into the table: %s; "
		    "their clients ask again",
		    (unsigned long long)dropped, snoop_refusal(daemon->snoop));
}

static int64_t keep_state(struct daemon *daemon)
{
	int error;
	int64_t wait =
		state_keeper_tick(&daemon->keeper, daemon->now, monotime_wall(), daemon->store, daemon->policy, &error);

	tell_state(daemon, error);
	return wait;
}

/* While the table was not ours, anything may have been opened. */
static int64_t mend(struct daemon *daemon)
{
	uint64_t before = counters.table_rebuilt;
	int64_t wait = rebuild_tick(&daemon->rebuild, daemon->policy, daemon->now);

	if (counters.table_rebuilt != before)
		revoke_begin(daemon->revoke, daemon->now);
	return wait;
}

static int run(struct daemon *daemon)
{
	struct epoll_event events[8];
	int64_t timeout = 0;
	int error = 0;

	daemon->running = true; /* from here on there is something to write at the end */
	while (!daemon->ending && error == 0) {
		int count = epoll_wait(daemon->epoll, events, 8, timeout > 60000 ? 60000 : (int)timeout);

		daemon->now = monotime_now();
		for (int i = 0; i < count && error == 0; i++)
			error = serve(daemon, events[i].data.fd);
		if (error == 0)
			error = daemon->fault;
		timeout = sooner(snoop_tick(daemon->snoop, daemon->now),
				 control_server_notify(daemon->control, daemon->now));
		timeout = sooner(timeout, mend(daemon));
		timeout = sooner(timeout, enforce_when_due(daemon));
		timeout = sooner(timeout, keep_state(daemon));
		timeout = sooner(timeout, lastgood_keeper_tick(&daemon->lastgood, daemon->policy, false));
		tell_refusals(daemon);
		assisted_tick(&daemon->assisted, daemon->policy, daemon->now);
		if (error == 0)
			error = settle_queue(daemon, &timeout);
		timeout = sooner(timeout, revoke_tick(daemon->revoke, daemon->policy, daemon->now));
	}
	return error;
}

static void stop(struct daemon *daemon)
{
	notify_send(&daemon->notify, "STOPPING=1");
	control_server_close(daemon->control);
	queue_close(daemon->queue); /* before the disk is waited for: DNS passes from here on */
	if (daemon->running) {
		daemon->now = monotime_now();
		tell_state(daemon, state_keeper_end(&daemon->keeper, daemon->now, monotime_wall(), daemon->store,
						    daemon->policy));
	}
	lastgood_keeper_tick(&daemon->lastgood, daemon->policy, true);
	rebuild_close(&daemon->rebuild);
	revoke_free(daemon->revoke);
	snoop_free(daemon->snoop);
	verify_free(daemon->verify);
	reports_free(daemon->reports);
	store_free(daemon->store);
	assisted_close(&daemon->assisted);
	table_close(daemon->table);
	policy_free(daemon->policy);
	notify_close(&daemon->notify);
}

static int flush(const struct cmdline *options)
{
	struct problems problems = { 0 };
	struct config *config = config_load(options->config, &problems);
	struct table *table = NULL;
	const char *why = NULL;
	int error;

	problem_print(&problems, stderr);
	problem_clear(&problems);
	if (!config)
		return CMDLINE_BAD_CONFIG;
	error = table_open(config->table, &table, &why);
	if (error == 0)
		error = table_remove(table);
	if (error == 0)
		assist_remove(config->table); /* what it has of this table matters to nobody now */
	if (error < 0)
		fprintf(stderr, "nfqdnd: table %s is not removed: %s\n", config->table, why ? why : strerror(-error));
	table_close(table);
	config_free(config);
	return error < 0 ? CMDLINE_RUNTIME : CMDLINE_OK;
}

static int main_run(const struct cmdline *options)
{
	struct daemon daemon = { .options = *options, .epoll = -1, .signals = -1, .own = -1, .notify = NOTIFY_NONE };
	bool fallback = false;
	struct policy *policy = boot_load(options->config, options->boot, &fallback);
	int error;

	if (!policy)
		return CMDLINE_BAD_CONFIG;
	log_set_level(policy->config->log_level);
	error = start(&daemon, policy, fallback);
	if (daemon.policy != policy)
		policy_free(policy);
	if (error == 0)
		error = run(&daemon);
	if (error < 0)
		log_error("nfqdnd ends: %s", strerror(-error));
	stop(&daemon);
	return error < 0 ? CMDLINE_RUNTIME : CMDLINE_OK;
}

int main(int argc, char **argv)
{
	struct cmdline options = { 0 };
	int status = cmdline_parse(argc, argv, &options);

	if (status >= 0)
		return status;
	switch (options.action) {
	case CMDLINE_CHECK:
		return offline_check(options.config, options.json);
	case CMDLINE_PRINT_CONFIG:
		return offline_print_config(options.config);
	case CMDLINE_PRINT_RULESET:
		return offline_print_ruleset(options.config);
	case CMDLINE_PRINT_MANUAL:
		config_print_manual(stdout);
		return CMDLINE_OK;
	case CMDLINE_FLUSH:
		return flush(&options);
	case CMDLINE_RUN:
		break;
	}
#ifdef __GLIBC__
	/* glibc gives each thread a heap of its own, and what it freed stays there: 1 MiB after a reload */
	mallopt(M_ARENA_MAX, 1);
	/* blocks of a policy, and files being read, go back to the kernel when they are freed: 1 MiB less at the peak */
	mallopt(M_MMAP_THRESHOLD, 32768);
#endif
	return main_run(&options);
}
