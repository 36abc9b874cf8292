/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: `reload --confirm`
 *
 * The new policy is in force at once; the one before is kept, with what the new one took away of what was learned, until
 * it is confirmed, or comes back: when the time is over, when somebody says so, when the daemon ends. A second
 * `reload --confirm` takes the place of the first, and the way back is the same. A plain reload (nfqdn-update, SIGHUP)
 * is refused meanwhile: it would confirm what nobody has looked at.
 *
 * The files are the administrator's, and hold on to what was not confirmed. So a mark in the state folder
 * (policy/trial_mark.h) says which text that is: a start takes the last good policy instead (control/boot.h), and a plain
 * reload is refused, until the file is changed or is tried again. */
#include <errno.h>
#include <string.h>

#include "base/counters.h"
#include "learn/events.h"
#include "learn/removed.h"
#include "learn/snoop.h"
#include "main/daemon.h"
#include "policy/problem_log.h"

#define RETRY_MS 1000

const struct policy *daemon_confirmed(const struct daemon *daemon)
{
	return daemon->trial.before ? daemon->trial.before : daemon->policy;
}

/* ---- the mark ---- */

struct marking {
	const char *state;
	const struct trial_mark *mark; /* NULL: it goes */
	int error;
};

static void write_mark(void *argument)
{
	struct marking *marking = argument;

	marking->error =
		marking->mark ? trial_mark_write(marking->state, marking->mark) : trial_mark_remove(marking->state);
}

/* A disk may take seconds: in a thread. */
static int set_mark(struct daemon *daemon, const struct trial_mark *mark)
{
	struct marking marking = { daemon->policy->config->state, mark, 0 };

	daemon_run_aside(daemon, write_mark, &marking);
	return marking.error;
}

static void drop_mark(struct daemon *daemon)
{
	int error = daemon->trial.marked ? set_mark(daemon, NULL) : 0;

	if (error < 0)
		log_warning(
			"%s/unconfirmed cannot be removed: %s; the next start would begin with the last good policy",
			daemon->policy->config->state, strerror(-error));
	daemon->trial.marked = false;
	daemon->context.trial.unconfirmed = NULL;
}

void daemon_trial_start(struct daemon *daemon, bool fallback)
{
	const char *state = daemon->policy->config->state;
	struct trial *trial = &daemon->trial;
	int error = trial_mark_read(state, &trial->mark);

	if (error == -ENOENT)
		return;
	trial->marked = fallback && error == 0;
	if (!trial->marked)
		error = trial_mark_remove(state);
	if (error < 0)
		log_warning("%s/unconfirmed: %s", state, strerror(-error));
}

/* ---- in ---- */

int daemon_trial_allows(struct daemon *daemon, const struct policy *policy, const struct control_reload *how,
			struct problems *problems)
{
	const struct trial *trial = &daemon->trial;

	if (how->confirm)
		return 0;
	if (trial->before)
		problem_add(
			problems, PROBLEM_ERROR, config_name(daemon->options.config), 0, "",
			"a reload waits to be confirmed: `nfqdnctl confirm` keeps it, `nfqdnctl confirm --undo` goes "
			"back; `reload --confirm SECONDS` takes its place");
	else if (policy && trial->marked && trial_mark_fits(&trial->mark, policy))
		problem_add(problems, PROBLEM_ERROR, config_name(daemon->options.config), 0, "",
			    "this configuration was tried and not confirmed: change it, or try it again with `reload "
			    "--confirm SECONDS`");
	else
		return 0;
	return -EINVAL;
}

void daemon_trial_prepare(struct daemon *daemon, const struct policy *policy, uint32_t seconds,
			  struct problems *problems)
{
	struct trial *trial = &daemon->trial;
	struct trial_mark mark;
	int error;

	if (!seconds)
		return;
	mark = trial_mark_of(policy, daemon_confirmed(daemon), trial->marked ? &trial->mark : NULL);
	error = set_mark(daemon, &mark);
	if (error < 0)
		problem_add(problems, PROBLEM_WARNING, config_name(daemon->options.config), 0, "",
			    "%s cannot be written (%s): should nfqdnd be killed before it is confirmed, the next start "
			    "takes this configuration",
			    daemon->policy->config->state, strerror(-error));
	if (!trial->before) {
		trial->before = daemon->policy;
		trial->removed = removed_new(daemon->now);
	}
	if (trial->removed)
		snoop_on_removal(daemon->snoop, removed_add, trial->removed);
	trial->next = mark;
	trial->next_marked = error == 0;
}

static void forget(struct daemon *daemon)
{
	snoop_on_removal(daemon->snoop, NULL, NULL);
	removed_free(daemon->trial.removed);
	daemon->trial.removed = NULL;
	daemon->trial.before = NULL;
	daemon->context.trial.waiting = false;
}

void daemon_trial_refused(struct daemon *daemon)
{
	struct trial *trial = &daemon->trial;

	if (trial->before != daemon->policy) /* none was begun, or an earlier one waits on */
		snoop_on_removal(daemon->snoop, NULL, NULL);
	else
		forget(daemon);
	if (trial->next_marked)
		set_mark(daemon, trial->marked ? &trial->mark : NULL);
	trial->next_marked = false;
}

void daemon_trial_begun(struct daemon *daemon, uint32_t seconds)
{
	struct trial *trial = &daemon->trial;

	if (!seconds) {
		drop_mark(daemon);
		lastgood_keeper_begin(&daemon->lastgood, daemon->policy);
		return;
	}
	snoop_on_removal(daemon->snoop, NULL, NULL);
	trial->mark = trial->next;
	trial->marked = trial->next_marked;
	trial->next_marked = false;
	trial->retry = (struct monotime) { 0 };
	daemon_tick(daemon);
	daemon->context.trial =
		(struct control_trial) { .waiting = true, .ends = monotime_add(daemon->now, 1000 * (int64_t)seconds) };
	log_warning("generation %llu goes back in %u s unless `nfqdnctl confirm` comes",
		    (unsigned long long)daemon->generation, seconds);
}

/* ---- out ---- */

static int go_back(struct daemon *daemon, const char *why)
{
	struct trial *trial = &daemon->trial;
	struct problems problems = { 0 };
	int error = daemon_change_policy(daemon, trial->before, &problems);

	problem_log(&problems);
	problem_clear(&problems);
	if (error < 0) {
		daemon_tick(daemon);
		trial->retry = monotime_add(daemon->now, RETRY_MS);
		return error;
	}
	events_policy(daemon->events, EVENTS_reload_undone, daemon->generation);
	daemon_follow_policy(daemon);
	if (trial->removed)
		daemon_put_back(daemon, trial->removed);
	forget(daemon);
	daemon->context.trial.unconfirmed = why;
	counters.reloads_undone++;
	log_warning("%s was not confirmed (%s): the policy before it is in force, generation %llu",
		    config_name(daemon->options.config), why, (unsigned long long)daemon->generation);
	if (!daemon->ending)
		daemon_tell_ready(daemon);
	return 0;
}

int daemon_confirm(void *context, bool undo)
{
	struct daemon *daemon = context;

	if (!daemon->trial.before)
		return -ENOENT;
	if (undo)
		return go_back(daemon, "undo");
	policy_free(daemon->trial.before);
	forget(daemon);
	drop_mark(daemon);
	lastgood_keeper_begin(&daemon->lastgood, daemon->policy);
	log_info("generation %llu is confirmed", (unsigned long long)daemon->policy->generation);
	daemon_tell_ready(daemon);
	return 0;
}

int64_t daemon_trial_when_due(struct daemon *daemon)
{
	struct monotime due = daemon->context.trial.ends;

	if (!daemon->trial.before)
		return -1;
	if (monotime_before(due, daemon->trial.retry))
		due = daemon->trial.retry;
	if (!monotime_before(daemon->now, due) && go_back(daemon, "time") == 0)
		return -1;
	return monotime_until(daemon->now, due) > 0 ? monotime_until(daemon->now, due) : RETRY_MS;
}

void daemon_trial_end(struct daemon *daemon)
{
	if (daemon->trial.before && daemon->running)
		go_back(daemon, "restart");
}
