/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a policy that was read to a gateway that filters, and the way back. The order is told in main.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/counters.h"
#include "base/features.h"
#include "control/describe.h"
#include "control/place.h"
#include "control/readable.h"
#include "control/sandbox.h"
#include "control/server.h"
#include "learn/copies.h"
#include "learn/events.h"
#include "learn/recorder.h"
#include "learn/removed.h"
#include "learn/reports.h"
#include "learn/revoke.h"
#include "learn/snoop.h"
#include "learn/verify.h"
#include "main/daemon.h"
#include "netfilter/own.h"
#include "netfilter/queue.h"
#include "netfilter/table.h"

void daemon_read_own_addresses(struct daemon *daemon)
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
		error = daemon_watch(daemon, reports_fd(daemon->reports));
	if (error < 0 && !why)
		why = strerror(-error);
	daemon->reports_why = daemon->context.denied_why = why;
	if (why)
		log_warning("what is denied is counted, but not told by `nfqdnctl denied`: %s", why);
}

void daemon_read_reports(struct daemon *daemon)
{
	daemon_copies_read(daemon);
	if (reports_read(daemon->reports, daemon->now) < 0)
		open_reports(daemon);
}

/* A later run has greater numbers, as long as it records less than a thousand a millisecond. */
static uint64_t first_event(void)
{
	int64_t wall = monotime_wall();

	return wall > 0 ? (uint64_t)wall * 1000 : 1;
}

/* What was learned before this run is no news. */
static void begin_events(struct daemon *daemon)
{
	daemon_tick(daemon);
	store_set_events(daemon->store, daemon->events);
	reports_set_events(daemon->reports, daemon->events);
	daemon->rebuild.events = daemon->events;
	events_policy(daemon->events, EVENTS_started, daemon->generation);
}

static void visit_siblings(void *context, const struct ipaddr *address, table_visit_sibling *visit, void *visitor)
{
	const struct daemon *daemon = context;

	store_visit_address(daemon->store, address, daemon->now, visit, visitor);
}

static int start_kernel(struct daemon *daemon, struct policy *policy)
{
	const struct config *config = policy->config;
	const char *why = NULL, *refused = "";
	int error = place_probe(config->control);

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
		daemon->copies = daemon->reports ? copies_new(reports_names(daemon->reports)) : NULL;
		daemon->events = events_new(first_event());
		daemon->recorder = recorder_new();
		daemon->revoke = revoke_new(daemon->snoop, daemon->store);
		error = daemon->snoop && daemon->verify && daemon->copies && daemon->events && daemon->recorder &&
					daemon->revoke
				? store_reserve(daemon->store)
				: -ENOMEM;
	}
	if (error == 0)
		error = rebuild_open(&daemon->rebuild, daemon->table, daemon->store);
	if (error == 0)
		table_on_sets(daemon->table, visit_siblings, daemon, rebuild_move, &daemon->rebuild);
	if (error == 0)
		error = revoke_prepare(daemon->revoke, config, &why);
	daemon->found = error == 0 && table_exists(daemon->table) == 1;
	if (error == 0) {
		error = assisted_prepare(&daemon->assisted, config, &why);
		refused = error < 0 ? "kernel-assist = \"require\" cannot be had: " : "";
	}
	if (error == 0)
		error = daemon_apply(daemon, policy, &why);
	if (error < 0 && daemon->table && table_error_line(daemon->table))
		log_error("%s:%u: error: gateway.sets: %s", config->file, table_error_line(daemon->table),
			  why ? why : strerror(-error));
	else if (error < 0)
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
	const char *path = daemon->policy->config->control, *group = daemon->policy->config->control_group;
	int error = 0;

	daemon->now = monotime_now();
	daemon->context = (struct control_context) {
		.policy = daemon->policy,
		.store = daemon->store,
		.derived = snoop_derived(daemon->snoop),
		.denials = reports_denials(daemon->reports),
		.names = reports_names(daemon->reports),
		.events = daemon->events,
		.recorder = daemon->recorder,
		.record = daemon_record,
		.resolvers = snoop_resolvers(daemon->snoop),
		.recent = &daemon->recent,
		.landlock = -1,
		.denied_why = daemon->reports_why,
		.table = daemon->table,
		.queue = daemon->queue,
		.streams = snoop_streams(daemon->snoop),
		.warning = table_watch_warning(daemon->rebuild.watch),
		.assist = daemon->assisted.told,
		.config_path = config_name(daemon->options.config),
		.started = daemon->now,
		.enforces = daemon->context.enforces,
		.ready = true,
		.trial = daemon->context.trial,
		.reload = daemon_reload,
		.confirm = daemon_confirm,
		.try_reload = daemon_try_reload,
		.aside = daemon_run_aside,
		.import = daemon_import,
		.wall = monotime_wall,
		.revoking = revoking,
		.daemon = daemon,
	};
	if (group[0])
		error = privileges_find_group(group, &daemon->context.peers.writers_gid);
	daemon->context.peers.writers = group[0] != '\0';
	if (error == 0)
		error = privileges_group(&daemon->privileges, true);
	if (error == 0)
		error = control_server_open(path, &daemon->context, &daemon->control);
	if (error < 0)
		log_error("control socket %s: %s", path,
			  error == -EBUSY ? "another nfqdnd listens there" : strerror(-error));
	return error < 0 ? error : privileges_group(&daemon->privileges, false);
}

static void log_owner(const struct daemon *daemon)
{
	if (table_owner(daemon->table) == TABLE_OWNER_FOUND)
		log_info("table inet %s has no owner, since an earlier run made it so: others can change it until "
			 "`nfqdnd --flush` and a start",
			 daemon->policy->config->table);
}

void daemon_tell_ready(struct daemon *daemon)
{
	const struct policy *policy = daemon->policy;
	const struct control_trial *trial = &daemon->context.trial;
	char text[256];

	snprintf(text, sizeof(text), "%s, generation %llu: %zu entries, %zu names%s",
		 control_describe_mode(policy_mode(policy)), (unsigned long long)policy->generation,
		 policy->entry_count, policy->rule_count,
		 trial->waiting       ? "; goes back unless it is confirmed"
		 : trial->unconfirmed ? "; the configuration was not confirmed, the policy before it is in force"
				      : "");
	notify_ready(&daemon->notify, text);
}

static void log_start(const struct daemon *daemon)
{
	char text[DAEMON_POLICY_TEXT];

	log_info("nfqdnd " NFQDN_VERSION FEATURES_LEFT_OUT
		 " started: %s; %zu elements taken over; queue %u by %s; kernel-assist: %s",
		 daemon_policy_text(daemon->policy, text), store_count(daemon->store),
		 daemon->policy->config->queue_first,
		 table_queue_backend_name(table_capabilities(daemon->table)->queue), daemon->assisted.told);
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
		error = privileges_find_owner(daemon->options.boot ? daemon->options.boot : config->state, config->user,
					      &daemon->privileges);
	else if (error == 0)
		error = privileges_find(config->user, &daemon->privileges);
	if (error == -ENOENT && fallback) /* denying as root is better than not denying */
		error = privileges_find("", &daemon->privileges);
	if (error == 0)
		error = privileges_make_folders(&daemon->privileges, config);
	if (error == 0 && !fallback)
		tell_unreadable(config);
	if (error == 0)
		(void)notify_open(&daemon->notify, daemon->options.ready_fd);
	return error;
}

static const char *behind_landlock(int version, bool fallback)
{
	if (!NFQDN_WITH_LANDLOCK)
		return "without Landlock, which this build leaves out";
	if (version == 0)
		return "without Landlock, which this kernel lacks";
	return fallback ? "behind Landlock, which lets it read all until a restart, for the repaired configuration"
			: "behind Landlock (its own folders)";
}

static int confine(struct daemon *daemon, bool fallback, bool maps)
{
	const struct config *config = daemon->policy->config;
	int landlock = 0;
	int error = sandbox_enter(config, config->given ? config->state : daemon->options.config, fallback, maps,
				  &landlock);

	if (error < 0)
		return error;
	daemon->context.landlock = landlock;
	daemon->context.fallback = fallback;
	log_info("runs as %s with CAP_NET_ADMIN alone, %s, %s", daemon->privileges.name,
		 NFQDN_WITH_SECCOMP ? "behind seccomp" : "without seccomp, which this build leaves out",
		 behind_landlock(landlock, fallback));
	return 0;
}

int daemon_start(struct daemon *daemon, struct policy *policy, bool fallback)
{
	int error = prepare(daemon, policy->config, fallback);
	bool maps = false;

	if (error == 0)
		error = start_kernel(daemon, policy);
	if (error == 0)
		maps = assisted_confine(&daemon->assisted);
	if (error == 0)
		error = start_control(daemon);
	if (error == 0)
		error = privileges_drop(&daemon->privileges);
	if (error < 0)
		return error;
	daemon_read_own_addresses(daemon);
	daemon_trial_start(daemon, fallback);
	daemon_take_over(daemon);
	error = daemon_open_loop(daemon);
	if (error < 0)
		return error;
	open_reports(daemon);
	daemon_copies_settle(daemon);
	error = daemon_watch(daemon, control_server_fd(daemon->control));
	if (error == 0)
		error = confine(daemon, fallback, maps);
	if (error < 0)
		return error;
	if (!fallback)
		lastgood_keeper_begin(&daemon->lastgood, daemon->policy);
	log_start(daemon);
	log_owner(daemon);
	daemon_begin_enforce_after(daemon);
	begin_events(daemon);
	daemon_tell_ready(daemon);
	assisted_load(&daemon->assisted, daemon->policy, daemon->now);
	return 0;
}

void daemon_stop(struct daemon *daemon)
{
	notify_stopping(&daemon->notify);
	daemon_trial_end(daemon);
	control_server_close(daemon->control);
	if (daemon->queue)
		daemon_let_go(daemon);
	queue_close(daemon->queue); /* before the disk is waited for: DNS passes from here on */
	if (daemon->running) {
		daemon->now = monotime_now();
		daemon_tell_state(daemon, state_keeper_end(&daemon->keeper, daemon->now, monotime_wall(), daemon->store,
							   daemon->policy));
	}
	lastgood_keeper_tick(&daemon->lastgood, daemon_confirmed(daemon), true);
	rebuild_close(&daemon->rebuild);
	revoke_free(daemon->revoke);
	snoop_free(daemon->snoop);
	verify_free(daemon->verify);
	copies_free(daemon->copies);
	reports_free(daemon->reports);
	events_free(daemon->events);
	recorder_free(daemon->recorder);
	store_free(daemon->store);
	assisted_close(&daemon->assisted);
	table_close(daemon->table);
	if (daemon->trial.before != daemon->policy)
		policy_free(daemon->trial.before);
	removed_free(daemon->trial.removed);
	policy_free(daemon->policy);
	notify_close(&daemon->notify);
}
