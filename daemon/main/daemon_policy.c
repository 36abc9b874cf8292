/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy comes into force: at the start, at a reload, and when enforce-after is over. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/counters.h"
#include "control/aside.h"
#include "learn/events.h"
#include "learn/revoke.h"
#include "learn/snoop.h"
#include "learn/verify.h"
#include "main/daemon.h"
#include "netfilter/queue.h"
#include "netfilter/table.h"
#include "policy/config_fixed.h"
#include "policy/problem_log.h"

/* Rules that copy queries find somebody who reads them. */
static int apply_table(struct daemon *daemon, const struct policy *policy, const char **error)
{
	const struct config *before = daemon->policy ? daemon->policy->config : NULL;
	int result = verify_prepare(daemon->verify, policy->config, error);

	if (result == 0)
		result = daemon_watch_queries(daemon);
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

int daemon_apply(struct daemon *daemon, struct policy *policy, const char **error)
{
	int result;

	policy->waiting = daemon->cold && policy->config->mode == CONFIG_ENFORCE &&
			  monotime_before(daemon->now, enforces(daemon, policy));
	result = apply_table(daemon, policy, error);
	if (result < 0)
		return result;
	snoop_set_queries(daemon->snoop, verify_queries(daemon->verify));
	policy->generation = ++daemon->generation;
	snoop_set_shared(daemon->snoop, policy_mode(policy) == CONFIG_SETS, !table_learns(daemon->table, IPADDR_V4),
			 !table_learns(daemon->table, IPADDR_V6));
	snoop_set_policy(daemon->snoop, policy);
	daemon->context.policy = policy;
	daemon->context.enforces = enforces(daemon, policy);
	rebuild_applied(&daemon->rebuild);
	if (daemon->policy != daemon->trial.before)
		policy_free(daemon->policy);
	daemon->policy = policy;
	if (daemon->running)
		assisted_load(&daemon->assisted, policy, daemon->now);
	else
		assisted_load_later(&daemon->assisted);
	counters.reloads++;
	return 0;
}

static int meanwhile_fd(void *context)
{
	const struct daemon *daemon = context;

	return daemon->fault ? -1 : queue_fd(daemon->queue);
}

/* What standard input said at the start is not asked again; and a file is the one place where its text stands. */
static const char *why_not_from(const struct daemon *daemon, const char *text, const char *given)
{
	bool standard_input = config_is_stdin(daemon->options.config);

	if (text && !standard_input)
		return "nfqdnd was started with this file: change it there, and reload; only `nfqdnd -c -` takes a "
		       "configuration by the control socket";
	if (standard_input && !given)
		return "standard input was read at the start, and held nothing that is in force: give the "
		       "configuration "
		       "with `nfqdnctl reload FILE`";
	return NULL;
}

/* NULL when it cannot follow the policy in force. */
static struct policy *load_next(struct daemon *daemon, const char *text, struct problems *problems)
{
	const struct aside_work work = { meanwhile_fd, daemon_serve_meanwhile, daemon };
	const char *given = text ? text : daemon_confirmed(daemon)->config->given;
	const char *why_not = why_not_from(daemon, text, given);
	struct policy *policy = NULL;

	if (why_not)
		problem_add(problems, PROBLEM_ERROR, config_name(daemon->options.config), 0, "", "%s", why_not);
	else
		policy = aside_load(daemon->options.config, given, problems, &work);
	if (policy)
		config_fixed_check(daemon->policy->config, policy->config, problems);
	if (problems->errors == 0)
		return policy;
	policy_free(policy);
	return NULL;
}

int daemon_try_reload(void *context, const char *text, struct problems *problems, struct policy **out)
{
	struct policy *policy = load_next(context, text, problems);

	if (!policy)
		return -EINVAL;
	*out = policy;
	return 0;
}

void daemon_run_aside(void *context, void (*job)(void *argument), void *argument)
{
	const struct aside_work work = { meanwhile_fd, daemon_serve_meanwhile, context };

	aside_run(job, argument, &work);
}

static int apply_served(struct daemon *daemon, struct policy *policy, const char **error)
{
	int result;

	table_on_pause(daemon->table, daemon_serve_meanwhile, daemon);
	result = daemon_apply(daemon, policy, error);
	table_on_pause(daemon->table, NULL, NULL);
	return result;
}

static void add_refusal(const struct daemon *daemon, const struct policy *policy, const char *why,
			struct problems *problems)
{
	unsigned int line = table_error_line(daemon->table);

	if (line)
		problem_add(problems, PROBLEM_ERROR, policy->config->file, line, "gateway.sets", "%s", why);
	else
		problem_add(problems, PROBLEM_ERROR, config_name(daemon->options.config), 0, "",
			    "the kernel refused the new table: %s", why);
}

int daemon_change_policy(struct daemon *daemon, struct policy *policy, struct problems *problems)
{
	const char *error = NULL;
	size_t before = problems->errors;

	if (revoke_prepare(daemon->revoke, policy->config, &error) < 0)
		problem_add(problems, PROBLEM_ERROR, policy->config->file, 0, "gateway.revoke", "%s", error);
	else if (assisted_prepare(&daemon->assisted, policy->config, &error) < 0)
		problem_add(problems, PROBLEM_ERROR, policy->config->file, 0, "gateway.kernel-assist",
			    "\"require\" cannot be had: %s", error);
	else if (apply_served(daemon, policy, &error) < 0)
		add_refusal(daemon, policy, error ? error : "no reason told", problems);
	if (problems->errors == before)
		return 0;
	assisted_return(&daemon->assisted, daemon->policy, daemon->now);
	return -EINVAL;
}

void daemon_follow_policy(struct daemon *daemon)
{
	log_set_level(daemon->policy->config->log_level);
	daemon_copies_settle(daemon);
	events_policy(daemon->events, EVENTS_reloaded, daemon->generation);
	if (snoop_prune(daemon->snoop, daemon->now, daemon_serve_meanwhile, daemon) < 0)
		log_warning("learned addresses that the new policy does not allow could not all be deleted yet");
	revoke_begin(daemon->revoke, daemon->now);
}

static int replace_policy(struct daemon *daemon, const struct control_reload *how, struct problems *problems)
{
	struct policy *policy;
	int error = daemon_trial_allows(daemon, NULL, how, problems);

	if (error < 0)
		return error;
	policy = load_next(daemon, how->text, problems);
	if (!policy)
		return -EINVAL;
	error = daemon_trial_allows(daemon, policy, how, problems);
	if (error == 0) {
		daemon_trial_prepare(daemon, policy, how->confirm, problems);
		error = daemon_change_policy(daemon, policy, problems);
		if (error < 0)
			daemon_trial_refused(daemon);
	}
	if (error < 0)
		policy_free(policy);
	return error;
}

const char *daemon_policy_text(const struct policy *policy, char out[DAEMON_POLICY_TEXT])
{
	static const char *const modes[] = {
		[CONFIG_ENFORCE] = "enforce", [CONFIG_AUDIT] = "audit", [CONFIG_MARK] = "mark", [CONFIG_SETS] = "sets"
	};

	snprintf(out, DAEMON_POLICY_TEXT,
		 "mode %s in table inet %s, %zu entries with %zu names and %zu prefixes, %zu inbound",
		 modes[policy_mode(policy)], policy->config->table, policy->entry_count, policy->rule_count,
		 policy->outbound_count, policy->inbound_count);
	return out;
}

int daemon_reload(void *context, const struct control_reload *how, struct problems *problems)
{
	struct daemon *daemon = context;
	char text[DAEMON_POLICY_TEXT];

	if (replace_policy(daemon, how, problems) < 0) {
		counters.reloads_refused++;
		events_policy(daemon->events, EVENTS_reload_refused, daemon->generation);
		daemon->context.reload_refused = true;
		log_error("reload refused, the old policy stays");
		return -EINVAL;
	}
	daemon->context.reload_refused = daemon->context.fallback = false;
	daemon_follow_policy(daemon);
	log_info("reloaded %s: generation %llu, %s", config_name(daemon->options.config),
		 (unsigned long long)daemon->generation, daemon_policy_text(daemon->policy, text));
	daemon_trial_begun(daemon, how->confirm);
	daemon_tell_ready(daemon);
	return 0;
}

void daemon_reload_by_signal(struct daemon *daemon)
{
	struct problems problems = { 0 };

	notify_reloading(&daemon->notify);
	if (daemon_reload(daemon, &(struct control_reload) { 0 }, &problems) < 0)
		daemon_tell_ready(daemon);
	problem_log(&problems);
	problem_clear(&problems);
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
void daemon_begin_enforce_after(struct daemon *daemon)
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

int64_t daemon_enforce_when_due(struct daemon *daemon)
{
	int64_t left = monotime_until(daemon->now, daemon->context.enforces);

	if (!daemon->policy->waiting)
		return -1;
	if (left > 0)
		return left;
	if (apply_waiting(daemon, false) < 0)
		return 1000;
	events_policy(daemon->events, EVENTS_enforcing, daemon->generation);
	log_info("enforce-after is over: what the policy does not allow is denied from now on");
	return -1;
}
