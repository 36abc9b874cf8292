/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was learned before: taken over at the start, imported, and written down. */
#include <errno.h>
#include <string.h>

#include "base/counters.h"
#include "learn/removed.h"
#include "learn/restore.h"
#include "learn/revoke.h"
#include "learn/snoop.h"
#include "main/daemon.h"

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

void daemon_import(void *context, int64_t stamp, const char *const *lines, size_t count, struct control_imported *out)
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

void daemon_put_back(struct daemon *daemon, const struct removed *removed)
{
	struct restore restore = begin_restore(daemon, true);

	removed_restore(removed, &restore);
	restore_finish(&restore);
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

static void prune(struct daemon *daemon)
{
	if (snoop_prune(daemon->snoop, daemon->now, NULL, NULL) < 0)
		log_warning("learned addresses that the policy does not allow could not all be deleted yet");
}

/* What the kernel and the state file have of earlier runs, less what the policy does not allow. No flow is cut before all
 * that is open is known. */
void daemon_take_over(struct daemon *daemon)
{
	daemon->now = monotime_now();
	daemon->adopt = (struct adopt) { .snoop = daemon->snoop, .wanted = true };
	adopt_tick(&daemon->adopt, daemon->now);
	read_state(daemon);
	prune(daemon);
	if (!daemon->adopt.wanted)
		revoke_begin(daemon->revoke, daemon->now);
}

int64_t daemon_adopt_when_due(struct daemon *daemon)
{
	bool wanted = daemon->adopt.wanted;
	int64_t wait = adopt_tick(&daemon->adopt, daemon->now);

	if (wanted && !daemon->adopt.wanted) {
		log_info("what the table had learned is taken over: %zu elements in all", store_count(daemon->store));
		prune(daemon);
		revoke_begin(daemon->revoke, daemon->now);
	}
	return wait;
}

void daemon_tell_state(struct daemon *daemon, int error)
{
	if (error == 0)
		return;
	daemon->context.state_error = error;
	log_limited(&daemon->state_told, daemon->now, LOG_LEVEL_WARNING,
		    "%s/learned could not be written: %s; the old file stays, filtering goes on",
		    daemon->policy->config->state, strerror(-error));
}

int64_t daemon_keep_state(struct daemon *daemon)
{
	uint64_t written = counters.state_written;
	int error;
	int64_t wait =
		state_keeper_tick(&daemon->keeper, daemon->now, monotime_wall(), daemon->store, daemon->policy, &error);

	if (counters.state_written != written) {
		daemon->context.state_written = monotime_wall();
		daemon->context.state_error = 0;
	}
	daemon_tell_state(daemon, error);
	return wait;
}
