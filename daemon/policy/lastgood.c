/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/lastgood.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LASTGOOD_PATH 4096

static int lastgood_text(char out[LASTGOOD_PATH], const char *folder, const char *name)
{
	int n = snprintf(out, LASTGOOD_PATH, "%s/%s", folder, name);

	return n < 0 || n >= LASTGOOD_PATH ? -ENAMETOOLONG : 0;
}

static bool is_json(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && name[0] != '.' && strcmp(name + length - 5, ".json") == 0;
}

static int copy_bytes(int from, int to)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0, m; done < n; done += m) {
			m = write(to, buffer + done, (size_t)(n - done));
			if (m < 0)
				return -errno;
		}
	if (n < 0)
		return -errno;
	return fsync(to) < 0 ? -errno : 0;
}

static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, error;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	error = out < 0 ? -errno : copy_bytes(in, out);
	if (out >= 0 && close(out) < 0 && error == 0)
		error = -errno;
	close(in);
	return error;
}

/* Calls `each` for every JSON file of a folder; stops at the first error. */
static int each_json(const char *folder, int (*each)(const char *path, const char *name, const char *target),
		     const char *target)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int error = 0;

	if (!dir)
		return -errno;
	while (error == 0 && (entry = readdir(dir))) {
		char path[LASTGOOD_PATH];

		if (!is_json(entry->d_name))
			continue;
		error = lastgood_text(path, folder, entry->d_name);
		if (error == 0)
			error = each(path, entry->d_name, target);
	}
	closedir(dir);
	return error;
}

static int copy_one(const char *path, const char *name, const char *target)
{
	char to[LASTGOOD_PATH];
	int error = lastgood_text(to, target, name);

	return error ? error : copy_file(path, to);
}

static int remove_one(const char *path, const char *name, const char *target)
{
	(void)name;
	(void)target;
	return unlink(path) < 0 ? -errno : 0;
}

static void remove_kept(const char *folder)
{
	char path[LASTGOOD_PATH], name[32];

	for (unsigned int i = 0;; i++) {
		snprintf(name, sizeof(name), "catalog-%u", i);
		if (lastgood_text(path, folder, name) < 0 || access(path, F_OK) < 0)
			break;
		each_json(path, remove_one, NULL);
		rmdir(path);
	}
	if (lastgood_text(path, folder, "nfqdn.conf") == 0)
		unlink(path);
	rmdir(folder);
}

/* ---- what is to be kept: all of it is copied first, so that the policy may go while it is written ---- */

struct lastgood {
	char fresh[LASTGOOD_PATH], final[LASTGOOD_PATH], state[LASTGOOD_PATH];
	char **folders; /* of the catalog */
	unsigned int folder_count;
	char *config; /* as it will be read: its catalog is the kept one */
	size_t config_length;
	bool threaded;
	pthread_t thread;
	atomic_bool done;
	int error;
};

static void lastgood_free(struct lastgood *lastgood)
{
	for (unsigned int i = 0; i < lastgood->folder_count; i++)
		free(lastgood->folders[i]);
	free(lastgood->folders);
	free(lastgood->config);
	free(lastgood);
}

/* Where a catalog's files will stand below `folder`. */
static int catalog_target(const char *folder, unsigned int i, char out[LASTGOOD_PATH])
{
	char name[32];

	snprintf(name, sizeof(name), "catalog-%u", i);
	return lastgood_text(out, folder, name);
}

static int take_paths(struct lastgood *lastgood, const char *state)
{
	int n = snprintf(lastgood->state, LASTGOOD_PATH, "%s", state);
	int error = n < 0 || n >= LASTGOOD_PATH ? -ENAMETOOLONG : 0;

	if (error == 0)
		error = lastgood_text(lastgood->fresh, state, "last-good.new");
	return error ? error : lastgood_text(lastgood->final, state, "last-good");
}

static int take_folders(struct lastgood *lastgood, const struct config *config, struct config *kept,
			struct arena *arena)
{
	struct config_text *texts = arena_array(arena, config->catalog.count, sizeof(*texts));

	lastgood->folders = calloc((size_t)config->catalog.count + 1, sizeof(*lastgood->folders));
	if (!texts || !lastgood->folders)
		return -ENOMEM;
	for (unsigned int i = 0; i < config->catalog.count; i++) {
		char target[LASTGOOD_PATH];
		int error = catalog_target(lastgood->final, i, target);

		if (error)
			return error;
		texts[i].text = arena_strdup(arena, target);
		lastgood->folders[i] = strdup(config->catalog.items[i].text);
		if (!texts[i].text || !lastgood->folders[i])
			return -ENOMEM;
		lastgood->folder_count++;
	}
	kept->catalog.items = texts;
	return 0;
}

static int take_config(struct lastgood *lastgood, const struct config *config)
{
	struct config kept = *config;
	struct arena *arena = arena_new();
	int error = arena ? take_folders(lastgood, config, &kept, arena) : -ENOMEM;
	FILE *file = error ? NULL : open_memstream(&lastgood->config, &lastgood->config_length);

	if (file) {
		config_print(&kept, file);
		error = ferror(file) ? -ENOMEM : 0;
		if (fclose(file) != 0)
			error = -ENOMEM;
	} else if (error == 0) {
		error = -ENOMEM;
	}
	arena_free(arena);
	return error;
}

/* ---- writing ---- */

static int save_catalogs(const struct lastgood *lastgood)
{
	int error = 0;

	for (unsigned int i = 0; i < lastgood->folder_count && error == 0; i++) {
		char target[LASTGOOD_PATH];

		error = catalog_target(lastgood->fresh, i, target);
		if (error == 0 && mkdir(target, 0700) < 0)
			error = -errno;
		if (error == 0)
			error = each_json(lastgood->folders[i], copy_one, target);
	}
	return error;
}

static int save_config(const struct lastgood *lastgood)
{
	char path[LASTGOOD_PATH];
	int error = lastgood_text(path, lastgood->fresh, "nfqdn.conf");
	FILE *file;

	if (error)
		return error;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	if (fwrite(lastgood->config, 1, lastgood->config_length, file) != lastgood->config_length ||
	    fflush(file) != 0 || fsync(fileno(file)) < 0)
		error = -errno;
	if (fclose(file) != 0 && error == 0)
		error = -errno;
	return error;
}

/* By its number: musl has the function since 1.2.5. */
static int rename_how(const char *from, const char *to, unsigned int how)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, how) < 0 ? -errno : 0;
}

static int exchange(const char *fresh, const char *final)
{
	int error = rename_how(fresh, final, RENAME_NOREPLACE);

	if (error != -EEXIST)
		return error;
	error = rename_how(fresh, final, RENAME_EXCHANGE);
	if (error == 0)
		remove_kept(fresh);
	return error;
}

static int write_all(const struct lastgood *lastgood)
{
	int error;

	if (mkdir(lastgood->state, 0750) < 0 && errno != EEXIST)
		return -errno;
	remove_kept(lastgood->fresh);
	if (mkdir(lastgood->fresh, 0700) < 0)
		return -errno;
	error = save_catalogs(lastgood);
	if (error == 0)
		error = save_config(lastgood);
	if (error == 0)
		error = exchange(lastgood->fresh, lastgood->final);
	if (error)
		remove_kept(lastgood->fresh);
	return error;
}

static void *write_thread(void *context)
{
	struct lastgood *lastgood = context;

	lastgood->error = write_all(lastgood);
	atomic_store(&lastgood->done, true);
	return NULL;
}

int lastgood_begin(const struct policy *policy, struct lastgood **out)
{
	struct lastgood *lastgood = calloc(1, sizeof(*lastgood));
	int error = lastgood ? take_paths(lastgood, policy->config->state) : -ENOMEM;

	if (error == 0)
		error = take_config(lastgood, policy->config);
	if (error < 0) {
		if (lastgood)
			lastgood_free(lastgood);
		return error;
	}
	lastgood->threaded = pthread_create(&lastgood->thread, NULL, write_thread, lastgood) == 0;
	if (!lastgood->threaded) /* better late answers than no file */
		write_thread(lastgood);
	*out = lastgood;
	return 0;
}

bool lastgood_done(const struct lastgood *lastgood)
{
	return atomic_load(&lastgood->done);
}

int lastgood_end(struct lastgood *lastgood)
{
	int error;

	if (lastgood->threaded)
		pthread_join(lastgood->thread, NULL);
	error = lastgood->error;
	lastgood_free(lastgood);
	return error;
}

int lastgood_path(const char *state, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/last-good/nfqdn.conf", state);

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return access(out, R_OK) < 0 ? -errno : 0;
}
