/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/restore.h"

#include <errno.h>
#include <string.h>

#include "base/counters.h"

int64_t restore_remaining(uint32_t life, int64_t stamp, int64_t wall)
{
	int64_t elapsed = wall - stamp * 1000, left = (int64_t)life * 1000;

	if (elapsed > 0)
		left -= elapsed < left ? elapsed : left;
	return left;
}

static int find_group(const struct policy *policy, const char *name, uint8_t *out)
{
	for (size_t i = 0; i < policy->group_count; i++)
		if (strcmp(policy->groups[i].name, name) == 0) {
			*out = (uint8_t)i;
			return 0;
		}
	return -ENOENT;
}

static void commit(struct restore *restore)
{
	size_t count, failed = 0;
	struct element_change *changes = store_changes(restore->store, &count);

	if (count)
		failed = element_commit(restore->table, changes, count);
	store_settle(restore->store);
	restore->taken -= failed < restore->taken ? failed : restore->taken;
	restore->left_out += failed;
}

/* True when the element is there, or is in the plan. */
static bool take_name(struct restore *restore, const struct element_key *key, const struct store_name *name,
		      uint32_t ttl, int64_t life)
{
	int rc = store_restore(restore->store, key, name, ttl, restore->now, life, restore->extend);

	if (rc == -ENOSPC) {
		commit(restore);
		rc = store_restore(restore->store, key, name, ttl, restore->now, life, restore->extend);
	}
	return rc >= 0;
}

enum fate { DENIED, LEFT_OUT, TAKEN };

static enum fate take_names(struct restore *restore, const struct element_key *key, const struct state_record *record,
			    int64_t left)
{
	enum fate fate = DENIED;

	for (size_t i = 0; i < record->name_count; i++) {
		const struct store_name *name = &record->names[i];
		int64_t most = snoop_longest_life(restore->snoop, &name->name, key);

		if (most == 0)
			continue;
		if (take_name(restore, key, name, record->ttl, left < most ? left : most))
			fate = TAKEN;
		else if (fate == DENIED)
			fate = LEFT_OUT;
	}
	return fate;
}

void restore_record(void *context, int64_t stamp, const struct state_record *record)
{
	struct restore *restore = context;
	int64_t left = restore_remaining(record->life, stamp, restore->wall);
	struct element_key key = record->key;
	struct store_view known;
	bool found = find_group(restore->policy, record->group, &key.group) == 0;

	/* What the kernel has lives on by the kernel's time; the file's names are wanted all the same. */
	for (size_t i = 0; left == 0 && restore->past && i < record->name_count; i++)
		store_remember_past(restore->store, &key, &record->names[i]);
	if (left == 0 && (restore->extend || !found || store_find(restore->store, &key, &known) < 0)) {
		restore->ended++;
		return;
	}
	switch (found ? take_names(restore, &key, record, left > 0 ? left : 1) : DENIED) {
	case DENIED:
		restore->denied++;
		break;
	case LEFT_OUT:
		restore->left_out++;
		break;
	case TAKEN:
		restore->taken++;
		break;
	}
}

void restore_finish(struct restore *restore)
{
	commit(restore);
	store_reserve(restore->store);
	counters.state_records_taken += restore->taken;
	counters.state_records_denied += restore->denied;
}
