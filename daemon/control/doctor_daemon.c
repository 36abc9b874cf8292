/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon itself: what it enforces, how old what it knows is, who it is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/escape.h"
#include "base/features.h"
#include "control/doctor_parts.h"

/* Microsoft 365 changes at the beginning of a month, Azure's tags each week. */
#define LIST_DAYS 45
/* The built-in catalog comes with a release. */
#define CATALOG_DAYS 400

/* ---- policy ---- */

static void tell_mode(struct doctor *doctor)
{
	const struct policy *policy = doctor->context->policy;

	if (policy->waiting)
		doctor_find(doctor, DOCTOR_NOTE, "none: it ends by itself",
			    "enforce-after runs: nothing is denied yet");
	else if (policy->config->mode == CONFIG_AUDIT)
		doctor_find(doctor, DOCTOR_NOTE, "mode = \"enforce\" when `nfqdnctl suggest` has nothing to say",
			    "mode = \"audit\": nothing is denied");
}

static void tell_trial(struct doctor *doctor)
{
	const struct control_trial *trial = &doctor->context->trial;

	if (trial->waiting)
		doctor_find(doctor, DOCTOR_WARNING, "nfqdnctl confirm keeps it, nfqdnctl confirm --undo goes back now",
			    "a reload waits to be confirmed: in %" PRId64 " s the policy before it comes back",
			    monotime_until(doctor->now, trial->ends) / 1000);
	else if (trial->unconfirmed)
		doctor_find(doctor, DOCTOR_WARNING, "nfqdnctl reload --confirm 120, then nfqdnctl confirm",
			    "the last reload was not confirmed (%s): the policy before it is in force, not the "
			    "configuration file",
			    trial->unconfirmed);
}

void doctor_daemon_policy(struct doctor *doctor)
{
	const struct control_context *context = doctor->context;
	char path[512], fix[640];

	escape_text(path, sizeof(path), context->config_path, strlen(context->config_path));
	tell_trial(doctor);
	if (context->fallback && !context->trial.unconfirmed) {
		snprintf(fix, sizeof(fix), "nfqdnd --check -c %s tells what is wrong; mend it, then nfqdnctl reload",
			 path);
		doctor_find(doctor, DOCTOR_ERROR, fix, "the configuration was bad at the start: %s is in force",
			    context->policy->entry_count ? "the last good policy" : "\"DNS and nothing\"");
	} else if (context->reload_refused) {
		snprintf(fix, sizeof(fix), "nfqdnctl reload tells what is wrong with %s", path);
		doctor_find(doctor, DOCTOR_WARNING, fix,
			    "the last reload was refused: the policy before it is in force");
	}
	tell_mode(doctor);
}

/* ---- lists ---- */

/* Days from 1970-01-01 to that day of a catalog ("YYYY-MM-DD", checked when it was read). */
static int64_t days_of(const char *date)
{
	long year = strtol(date, NULL, 10), month = strtol(date + 5, NULL, 10), day = strtol(date + 8, NULL, 10);

	/* years that begin in March end with the leap day */
	year -= month <= 2;
	month += month > 2 ? -3 : 9;
	return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719468;
}

struct dated {
	const struct catalog_row *oldest_list, *oldest_row, *newest;
};

static void take_row(struct dated *dated, const struct catalog_row *row)
{
	const struct catalog_row **oldest;

	if (!row || !row->as_of[0])
		return;
	oldest = row->version[0] ? &dated->oldest_list : &dated->oldest_row;
	if (!*oldest || strcmp(row->as_of, (*oldest)->as_of) < 0)
		*oldest = row;
	if (!dated->newest || strcmp(row->as_of, dated->newest->as_of) > 0)
		dated->newest = row;
}

static struct dated read_dates(const struct policy *policy)
{
	struct dated dated = { NULL, NULL, NULL };

	for (size_t i = 0; i < policy->rule_count; i++)
		take_row(&dated, policy->rules[i].row);
	for (size_t i = 0; i < policy->outbound_count; i++)
		take_row(&dated, policy->outbound[i].row);
	for (size_t i = 0; i < policy->inbound_count; i++)
		take_row(&dated, policy->inbound[i].row);
	return dated;
}

static int64_t age_of(const struct doctor *doctor, const struct catalog_row *row)
{
	return doctor->context->wall() / 86400000 - days_of(row->as_of);
}

void doctor_daemon_lists(struct doctor *doctor)
{
	struct dated dated = read_dates(doctor->context->policy);
	char file[512];

	if (dated.oldest_list && age_of(doctor, dated.oldest_list) > LIST_DAYS) {
		escape_text(file, sizeof(file), dated.oldest_list->file, strlen(dated.oldest_list->file));
		doctor_find(doctor, DOCTOR_WARNING,
			    "nfqdn-update brings it up to date; `systemctl status nfqdn-update.timer` tells whether it "
			    "runs",
			    "the list in %s is of %s, %" PRId64 " days ago", file, dated.oldest_list->as_of,
			    age_of(doctor, dated.oldest_list));
	}
	if (dated.oldest_row && age_of(doctor, dated.oldest_row) > CATALOG_DAYS)
		doctor_find(doctor, DOCTOR_NOTE, "a newer nfqdn, or the vendors' live lists beside it (nfqdn-update)",
			    "rows of the built-in catalog that are in force are of %s, %" PRId64 " days ago",
			    dated.oldest_row->as_of, age_of(doctor, dated.oldest_row));
}

void doctor_daemon_clock(struct doctor *doctor)
{
	struct dated dated = read_dates(doctor->context->policy);
	time_t now = (time_t)(doctor->context->wall() / 1000);
	char text[16] = "?";
	struct tm utc;

	if (!dated.newest || age_of(doctor, dated.newest) >= -1)
		return;
	if (gmtime_r(&now, &utc))
		strftime(text, sizeof(text), "%Y-%m-%d", &utc);
	doctor_find(doctor, DOCTOR_WARNING, "timedatectl set-ntp true, or another NTP client",
		    "the clock says %s, and a list in force is of %s: lives of addresses do not depend on it, but the "
		    "times of logs and of the state file do",
		    text, dated.newest->as_of);
}

/* ---- state, user, limits ---- */

void doctor_daemon_state(struct doctor *doctor)
{
	const struct control_context *context = doctor->context;
	char folder[512];

	escape_text(folder, sizeof(folder), context->policy->config->state, strlen(context->policy->config->state));
	if (context->state_error)
		doctor_find(
			doctor, DOCTOR_WARNING,
			"make room there (df -h), and let gateway.user write (ls -ld); filtering goes on meanwhile",
			"%s/learned could not be written: %s; after a reboot clients' first lookups are needed anew",
			folder, strerror(-context->state_error));
	doctor_count(doctor, &counters.state_refused,
		     "state files or imports were refused: damaged, or of another version",
		     "none for a state file: a whole one is written in its place; an import is to be exported again");
}

void doctor_daemon_user(struct doctor *doctor)
{
	const struct control_context *context = doctor->context;

	if (geteuid() == 0)
		doctor_find(
			doctor, DOCTOR_WARNING,
			"useradd --system --user-group --no-create-home --shell /usr/sbin/nologin nfqdn; then user = "
			"\"nfqdn\" and a restart",
			"nfqdnd runs as root");
	if (!NFQDN_WITH_SECCOMP)
		doctor_find(doctor, DOCTOR_NOTE, "a build with libseccomp",
			    "this build has no seccomp: nfqdnd may make every system call that its user may");
	if (context->landlock == 0)
		doctor_find(doctor, DOCTOR_NOTE,
			    NFQDN_WITH_LANDLOCK ? "a kernel with Landlock (5.13, CONFIG_SECURITY_LANDLOCK)"
						: "a build with Landlock",
			    "%s has no Landlock: nfqdnd may open what its user may",
			    NFQDN_WITH_LANDLOCK ? "the kernel" : "this build");
}

void doctor_daemon_limits(struct doctor *doctor)
{
	doctor_count(doctor, &counters.elements_evicted, "learned addresses made room for others before their end",
		     "a greater gateway.limits.elements, and a restart");
	doctor_count(doctor, &counters.elements_refused, "elements were refused by the kernel",
		     "the log names the reason");
	doctor_count(doctor, &counters.name_elements_over_limit, "addresses of one name were left out at the limit",
		     "name their ranges in `addresses` of the entry");
	doctor_count(doctor, &counters.addresses_without_set,
		     "addresses were not learned: gateway.sets names no set for their family",
		     "one for IPv4 and one for IPv6 in gateway.sets, and a reload");
	doctor_count(doctor, &counters.own_over_limit, "of the gateway's own addresses are beyond the limit",
		     "none: only such an address in an answer would be taken");
}
