/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/assist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/features.h"
#include "base/limits.h"
#include "netfilter/assist_backend.h"

#define ASSIST_LIFE_MAX ((int64_t)1 << 40)

/* Entries on their way. */
struct assist_list {
	struct nf_fqdn_entry entries[LIMIT_ASSIST_STAGED];
	size_t count;
};

struct assist {
	const struct assist_backend *backend;
	void *way;
	bool working; /* patterns are in force */
	bool loading; /* between assist_begin() and assist_commit() */
	bool broken; /* something could not be told */
	bool counted; /* `seen` holds what was read */
	struct assist_list derived, known;
	uint64_t seen[ASSIST_COUNTERS];
};

#if NFQDN_WITH_ASSIST
static int assist_find(struct assist *assist, const char *table, struct assist_filter *filter, const char **why)
{
	int error = assist_module_open(table, &assist->way);

	assist->backend = &assist_module_backend;
	if (error < 0)
		*why = assist->backend->text(error);
	if (error == 0 || !filter)
		return error;
	assist->backend = &assist_filter_backend;
	assist->way = filter;
	return 0;
}

#else
static int assist_find(struct assist *assist, const char *table, struct assist_filter *filter, const char **why)
{
	(void)assist;
	(void)table;
	(void)filter;
	*why = "this build leaves it out";
	return -ENOENT;
}
#endif

int assist_open(const char *table, struct assist_filter *filter, struct assist **out, const char **why)
{
	struct assist *assist = calloc(1, sizeof(*assist));
	int error;

	if (!assist) {
		*why = strerror(ENOMEM);
		return -ENOMEM;
	}
	error = assist_find(assist, table, filter, why);
	if (error < 0) {
		free(assist);
		return error;
	}
	assist_count(assist);
	*out = assist;
	return 0;
}

void assist_close(struct assist *assist)
{
	if (!assist)
		return;
	assist_count(assist);
	assist->backend->close(assist->way);
	free(assist);
}

const char *assist_name(const struct assist *assist)
{
	return assist->backend->name(assist->way);
}

const int *assist_programs(const struct assist *assist)
{
	return assist->backend->programs(assist->way);
}

int assist_remove(const char *table)
{
	return NFQDN_WITH_ASSIST ? assist_module_remove(table) : 0;
}

/* ---- what is in force ---- */

int assist_pause(struct assist *assist)
{
	int error;

	assist->working = assist->loading = false;
	assist->derived.count = assist->known.count = 0;
	error = assist->backend->pause(assist->way);
	if (error < 0)
		assist->broken = true;
	return error;
}

/* What was not told must not be missed: until it is loaded anew, nothing passes. */
static void assist_failed(struct assist *assist)
{
	counters.assist_errors++;
	assist->broken = true;
	assist_pause(assist);
}

int assist_begin(struct assist *assist, const struct policy *policy, const char **why)
{
	int error = assist_pause(assist);

	if (error == 0)
		error = assist->backend->begin(assist->way, policy);
	assist->loading = error == 0;
	if (error < 0)
		*why = assist->backend->text(error);
	return error;
}

static int assist_send_derived(struct assist *assist)
{
	size_t count = assist->derived.count;

	assist->derived.count = 0;
	return count ? assist->backend->derived(assist->way, assist->loading, assist->derived.entries, count) : 0;
}

int assist_commit(struct assist *assist, const char **why)
{
	int error = assist->loading ? assist_send_derived(assist) : -EAGAIN;

	if (error == 0)
		error = assist->backend->commit(assist->way);
	assist->loading = false;
	assist->working = error == 0;
	if (error < 0)
		*why = assist->backend->text(error);
	else
		assist->broken = false;
	return error;
}

bool assist_working(const struct assist *assist)
{
	return assist->working;
}

/* ---- what is learned ---- */

static uint64_t assist_life(int64_t life_ms)
{
	return (uint64_t)(life_ms > ASSIST_LIFE_MAX ? ASSIST_LIFE_MAX : life_ms < 0 ? 0 : life_ms);
}

void assist_derived(void *context, const struct dns_name *name, int64_t life_ms)
{
	struct assist *assist = context;

	if (!assist->working && !assist->loading)
		return;
	if (assist->derived.count == LIMIT_ASSIST_STAGED && assist_send_derived(assist) < 0) {
		assist_failed(assist);
		return;
	}
	assist->derived.entries[assist->derived.count++] =
		(struct nf_fqdn_entry) { .name = assist->backend->hash(assist->way, name),
					 .left = assist_life(life_ms) };
}

void assist_known(void *context, const uint8_t *message, size_t length, int64_t left_ms)
{
	struct assist *assist = context;
	struct nf_fqdn_entry entry;

	if (!assist->working || left_ms <= 0 || assist->known.count == LIMIT_ASSIST_STAGED ||
	    !assist->backend->digest(assist->way, message, length, &entry))
		return;
	entry.left = assist_life(left_ms);
	assist->known.entries[assist->known.count++] = entry;
}

void assist_forget(void *context)
{
	struct assist *assist = context;

	assist->known.count = 0;
	if (assist->working && assist->backend->forget(assist->way) < 0)
		assist_failed(assist);
}

void assist_settle(void *context)
{
	struct assist *assist = context;

	if (assist->working && assist_send_derived(assist) < 0)
		assist_failed(assist);
}

bool assist_tick(struct assist *assist)
{
	size_t count = assist->known.count;

	assist->known.count = 0;
	if (assist->working && count && assist->backend->known(assist->way, assist->known.entries, count) < 0)
		assist_failed(assist);
	return assist->broken;
}

/* ---- counters ---- */

void assist_count(struct assist *assist)
{
	uint64_t now[ASSIST_COUNTERS], unrelated, known;

	memcpy(now, assist->seen, sizeof(now));
	if (assist->backend->count(assist->way, now) < 0)
		return;
	unrelated = now[ASSIST_UNRELATED] - assist->seen[ASSIST_UNRELATED];
	known = now[ASSIST_KNOWN] - assist->seen[ASSIST_KNOWN];
	if (assist->counted) {
		counters.answers += unrelated + known + now[ASSIST_ERRORS] - assist->seen[ASSIST_ERRORS];
		counters.answers_without_policy += unrelated;
		counters.answers_known += known;
		counters.assist_unrelated += unrelated;
		counters.assist_known += known;
	}
	memcpy(assist->seen, now, sizeof(now));
	assist->counted = true;
}
