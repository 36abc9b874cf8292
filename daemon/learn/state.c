/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/counters.h"

#define FRESH_NAME STATE_FILE ".new"
#define SYNC_POLL_MS 20

static int open_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

enum save_stage { SAVE_WRITES, SAVE_SYNCS, SAVE_DONE };

struct state_save {
	enum save_stage stage;
	int folder, file;
	struct monotime began;
	struct state_writer writer;
	uint32_t at, past_at; /* in the store */
	const struct policy *policy; /* during a step */
	int error;
	bool threaded;
	pthread_t thread;
	atomic_int synced; /* set by the thread: 1, or -errno */
	size_t used;
	char buffer[4 * LIMIT_STATE_LINE];
};

static int flush(struct state_save *save)
{
	size_t done = 0;

	while (done < save->used) {
		ssize_t n = write(save->file, save->buffer + done, save->used - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	save->used = 0;
	return 0;
}

/* Where the next line goes; room for it is made. */
static char *place(struct state_save *save)
{
	if (!save->error && sizeof(save->buffer) - save->used < LIMIT_STATE_LINE)
		save->error = flush(save);
	if (save->error)
		save->used = 0; /* in vain, but the place is there */
	return save->buffer + save->used;
}

static void write_element(void *context, const struct store_view *view)
{
	struct state_save *save = context;
	int64_t life = monotime_until(save->began, view->deadline) / 1000;

	/* Without a name nobody could tell whether a policy allows it. */
	if (life < 1 || view->name_count == 0 || view->key.group >= save->policy->group_count)
		return;
	save->used += state_text_record(&save->writer, save->policy->groups[view->key.group].name, view,
					life > UINT32_MAX ? UINT32_MAX : (uint32_t)life, place(save));
}

/* At the end of its life, in no group: what names an open flow may have come by. */
static void write_past(void *context, const struct store_view *view)
{
	struct state_save *save = context;

	save->used += state_text_record(&save->writer, "", view, 0, place(save));
}

static int open_fresh(const char *folder, struct state_save *save)
{
	if (mkdir(folder, 0750) < 0 && errno != EEXIST)
		return -errno;
	save->folder = open_folder(folder);
	if (save->folder < 0)
		return save->folder;
	if (unlinkat(save->folder, FRESH_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	save->file = openat(save->folder, FRESH_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return save->file < 0 ? -errno : 0;
}

int state_save_begin(const char *folder, struct monotime now, int64_t wall, struct state_save **out)
{
	struct state_save *save = calloc(1, sizeof(*save));
	int error;

	if (!save)
		return -ENOMEM;
	save->folder = save->file = -1;
	save->began = now;
	error = open_fresh(folder, save);
	if (error < 0) {
		state_save_end(save);
		return error;
	}
	save->used = state_text_head(&save->writer, wall / 1000, save->buffer);
	*out = save;
	return 0;
}

/* To the disk, into its place, and the place to the disk. Nothing else is used than the two descriptors. */
static int put_in_place(const struct state_save *save)
{
	if (fsync(save->file) < 0 || renameat(save->folder, FRESH_NAME, save->folder, STATE_FILE) < 0 ||
	    fsync(save->folder) < 0)
		return -errno;
	return 0;
}

static void *sync_thread(void *context)
{
	struct state_save *save = context;
	int error = put_in_place(save);

	atomic_store(&save->synced, error < 0 ? error : 1);
	return NULL;
}

/* Serialises some elements; behind the last one, the end. 1 when all is with the file system. */
static int write_some(struct state_save *save, const struct store *store, const struct policy *policy)
{
	bool more;

	save->policy = policy;
	more = store_visit_some(store, &save->at, LIMIT_STATE_SLICE, write_element, save) ||
	       store_visit_past_some(store, &save->past_at, LIMIT_STATE_SLICE, write_past, save);
	if (!more)
		save->used += state_text_end(&save->writer, place(save));
	if (!save->error)
		save->error = flush(save);
	return save->error ? save->error : !more;
}

static int begin_sync(struct state_save *save)
{
	save->stage = SAVE_SYNCS;
	save->threaded = pthread_create(&save->thread, NULL, sync_thread, save) == 0;
	if (!save->threaded) /* better late answers than no file */
		sync_thread(save);
	return 1;
}

int state_save_step(struct state_save *save, const struct store *store, const struct policy *policy)
{
	int rc, synced;

	switch (save->stage) {
	case SAVE_WRITES:
		rc = write_some(save, store, policy);
		return rc > 0 ? begin_sync(save) : rc < 0 ? rc : 1;
	case SAVE_SYNCS:
		synced = atomic_load(&save->synced);
		if (synced > 0)
			save->stage = SAVE_DONE;
		return synced < 0 ? synced : synced == 0;
	case SAVE_DONE:
		break;
	}
	return 0;
}

bool state_save_syncs(const struct state_save *save)
{
	return save->stage == SAVE_SYNCS;
}

void state_save_end(struct state_save *save)
{
	if (!save)
		return;
	if (save->threaded)
		pthread_join(save->thread, NULL);
	if (save->file >= 0) {
		close(save->file);
		if (save->synced <= 0)
			unlinkat(save->folder, FRESH_NAME, 0);
	}
	if (save->folder >= 0)
		close(save->folder);
	free(save);
}

static int save_all(struct state_save *save, const struct store *store, const struct policy *policy)
{
	int rc;

	do
		rc = write_some(save, store, policy);
	while (rc == 0);
	if (rc < 0)
		return rc;
	rc = put_in_place(save);
	atomic_store(&save->synced, rc < 0 ? rc : 1);
	return rc;
}

int state_save_now(const char *folder, struct monotime now, int64_t wall, const struct store *store,
		   const struct policy *policy)
{
	struct state_save *save;
	int rc = state_save_begin(folder, now, wall, &save);

	if (rc == 0) {
		rc = save_all(save, store, policy);
		state_save_end(save);
	}
	return rc;
}

/* ---- when ---- */

static void count(int rc)
{
	if (rc < 0)
		counters.state_errors++;
	else
		counters.state_written++;
}

/* 1 when there is more to do. */
static int step(struct state_keeper *keeper, const struct store *store, const struct policy *policy)
{
	int rc = state_save_step(keeper->save, store, policy);

	if (rc > 0)
		return rc;
	count(rc);
	state_save_end(keeper->save);
	keeper->save = NULL;
	return rc;
}

static int begin(struct state_keeper *keeper, struct monotime now, int64_t wall, const struct policy *policy)
{
	int rc = state_save_begin(policy->config->state, now, wall, &keeper->save);

	keeper->next = monotime_add(now, (int64_t)policy->config->state_interval * 1000);
	if (rc < 0)
		count(rc);
	return rc;
}

int64_t state_keeper_tick(struct state_keeper *keeper, struct monotime now, int64_t wall, const struct store *store,
			  const struct policy *policy, int *error)
{
	uint32_t interval = policy->config->state_interval;
	struct monotime latest = monotime_add(now, (int64_t)interval * 1000);
	int rc = 0;

	*error = 0;
	if (!keeper->save && (interval == 0 || interval == CONFIG_OFF)) {
		keeper->begun = false;
		return -1;
	}
	/* A reload may have made the interval shorter. */
	if (!keeper->begun || monotime_before(latest, keeper->next))
		keeper->next = latest;
	keeper->begun = true;
	if (!keeper->save && !monotime_before(now, keeper->next))
		rc = begin(keeper, now, wall, policy);
	if (rc == 0 && keeper->save)
		rc = step(keeper, store, policy);
	*error = rc < 0 ? rc : 0;
	if (keeper->save)
		return state_save_syncs(keeper->save) ? SYNC_POLL_MS : 0;
	return monotime_until(now, keeper->next);
}

int state_keeper_end(struct state_keeper *keeper, struct monotime now, int64_t wall, const struct store *store,
		     const struct policy *policy)
{
	int rc;

	state_save_end(keeper->save);
	keeper->save = NULL;
	if (policy->config->state_interval == CONFIG_OFF)
		return 0;
	rc = state_save_now(policy->config->state, now, wall, store, policy);
	count(rc);
	return rc;
}
