/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/rebuild.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/lifetime.h"
#include "netfilter/table.h"

#define LOOK_MS 100
#define FAILED_MS 1000 /* a transaction that is refused costs as much as 2000 good ones (KERNEL 0.3) */

int rebuild_open(struct rebuild *rebuild, struct table *table, struct store *store)
{
	*rebuild = (struct rebuild) { .table = table, .watch = table_watch_new(table), .store = store };
	return rebuild->watch ? 0 : -ENOMEM;
}

void rebuild_close(struct rebuild *rebuild)
{
	table_watch_free(rebuild->watch);
	rebuild->watch = NULL;
}

/* ---- what was learned ---- */

struct refill {
	struct table *table;
	struct monotime now;
	size_t count, failed;
	const uint8_t *map; /* of groups; NULL: they stay */
	struct element_change changes[LIMIT_BATCH_ELEMENTS];
	/* One character more than is used: element_commit() sees that it was cut. */
	char comments[LIMIT_BATCH_ELEMENTS][LIMIT_ELEMENT_COMMENT + 2];
};

static void refill_commit(struct refill *refill)
{
	if (refill->count)
		refill->failed += element_commit(refill->table, refill->changes, refill->count);
	refill->count = 0;
}

static void refill_comment(const struct store_view *view, char *out)
{
	char text[DNS_NAME_TEXT_SIZE] = "";

	if (view->name_count)
		dns_name_to_text(&view->names[0].name, text);
	strncpy(out, text, LIMIT_ELEMENT_COMMENT + 1);
	out[LIMIT_ELEMENT_COMMENT + 1] = '\0';
}

/* Elements at their end, or whose deletion failed, must not come back. */
static bool refill_element(void *context, const struct store_view *view)
{
	struct refill *refill = context;
	char *comment = refill->comments[refill->count];

	struct element_key key = view->key;

	if (refill->map)
		key.group = refill->map[key.group];
	if (!monotime_before(refill->now, view->deadline) || key.group == STORE_NO_GROUP)
		return true;
	refill_comment(view, comment);
	refill->changes[refill->count++] = (struct element_change) {
		.key = key,
		.operation = ELEMENT_ADD,
		.timeout_ms = (uint64_t)(monotime_until(refill->now, view->deadline) + LIFETIME_BACKSTOP_MS),
		.comment = comment,
	};
	if (refill->count == LIMIT_BATCH_ELEMENTS)
		refill_commit(refill);
	return refill->failed == 0;
}

/* True when all is there again. */
static bool refill_store(struct rebuild *rebuild, const uint8_t *map, struct monotime now)
{
	struct refill *refill = calloc(1, sizeof(*refill));
	bool done;

	if (!refill)
		return false;
	refill->table = rebuild->table;
	refill->now = now;
	refill->map = map;
	store_visit(rebuild->store, refill_element, refill);
	refill_commit(refill);
	done = refill->failed == 0;
	free(refill);
	return done;
}

/* ---- the table ---- */

static void warn_of_flowtables(struct rebuild *rebuild)
{
	const char *warning = table_watch_warning(rebuild->watch);

	if (warning[0] && !rebuild->warned)
		log_warning("%s", warning);
	rebuild->warned = warning[0] != '\0';
}

void rebuild_applied(struct rebuild *rebuild)
{
	int empty = table_watch_begin(rebuild->watch);

	/* At the first start nothing is learned yet: what the kernel has is taken over later. */
	rebuild->refill |= empty > 0 && store_count(rebuild->store) > 0;
	warn_of_flowtables(rebuild);
}

/* What others put into the place of ours cannot be mended by table_apply(), which says so. */
static int apply_anew(struct rebuild *rebuild, const struct policy *policy, bool replaced, const char **why)
{
	int error = replaced ? table_remove(rebuild->table) : 0;

	if (error == 0)
		error = table_apply(rebuild->table, policy, why);
	if (!replaced && (error == -EEXIST || error == -EBUSY) && table_remove(rebuild->table) == 0)
		error = table_apply(rebuild->table, policy, why);
	return error;
}

static void lose(struct rebuild *rebuild, const struct policy *policy)
{
	if (!rebuild->lost)
		events_policy(rebuild->events, EVENTS_table_lost, policy->generation);
	rebuild->lost = true;
}

static void find_again(struct rebuild *rebuild, const struct policy *policy)
{
	if (rebuild->lost)
		events_policy(rebuild->events, EVENTS_table_rebuilt, policy->generation);
	rebuild->lost = false;
}

/* False when it is to be tried again. */
static bool mend(struct rebuild *rebuild, const struct policy *policy, int found, struct monotime now)
{
	const char *why = NULL;
	int error = 0, empty;

	if (found & TABLE_WATCH_RULES) {
		lose(rebuild, policy);
		error = apply_anew(rebuild, policy, found & TABLE_WATCH_REPLACED, &why);
	}
	if (error < 0) {
		log_limited(&rebuild->failed, now, LOG_LEVEL_ERROR,
			    "table inet %s was changed by others and could not be rebuilt: %s", policy->config->table,
			    why ? why : strerror(-error));
		rebuild->next = monotime_add(now, FAILED_MS);
		return false;
	}
	empty = table_watch_begin(rebuild->watch);
	rebuild->refill |= empty > 0;
	if (empty < 0 && policy_mode(policy) == CONFIG_SETS)
		log_limited(&rebuild->failed, now, LOG_LEVEL_WARNING,
			    "gateway.sets: not all of the sets are there to be filled (%s): answers that would teach "
			    "are dropped until they are",
			    strerror(-empty));
	if (!(found & TABLE_WATCH_RULES) && empty <= 0)
		return empty == 0;
	lose(rebuild, policy);
	if (!rebuild->begun || (found & TABLE_WATCH_RULES)) {
		counters.table_rebuilt++;
		log_limited(&rebuild->told, now, LOG_LEVEL_WARNING, "table inet %s was %s by others and is rebuilt",
			    policy->config->table, found & TABLE_WATCH_RULES ? "changed" : "emptied");
	}
	rebuild->begun = empty < 0;
	return empty >= 0;
}

int rebuild_move(void *rebuild, const uint8_t map[256])
{
	return refill_store(rebuild, map, monotime_now()) ? 0 : -EIO;
}

void rebuild_look(struct rebuild *rebuild, const struct policy *policy, struct monotime now)
{
	if (monotime_until(now, rebuild->next) <= LOOK_MS)
		rebuild->next = now;
	rebuild_tick(rebuild, policy, now);
}

int64_t rebuild_tick(struct rebuild *rebuild, const struct policy *policy, struct monotime now)
{
	bool whole = true;
	int found;

	if (monotime_before(now, rebuild->next) && !table_watch_urgent(rebuild->watch))
		return monotime_until(now, rebuild->next);
	rebuild->next = monotime_add(now, LOOK_MS);
	found = table_watch_look(rebuild->watch);
	if (found > 0)
		whole = mend(rebuild, policy, found, now);
	if (rebuild->refill)
		rebuild->refill = !refill_store(rebuild, NULL, now);
	if (rebuild->refill)
		rebuild->next = monotime_add(now, FAILED_MS);
	else if (whole)
		find_again(rebuild, policy);
	warn_of_flowtables(rebuild);
	return monotime_until(now, rebuild->next);
}
