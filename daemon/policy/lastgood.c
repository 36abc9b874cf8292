/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/lastgood.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

/* `final` is where the folder will stand: the kept configuration names its catalog there. */
static int save_catalogs(const struct config *config, const char *folder, const char *final, struct config *kept,
			 struct arena *arena)
{
	struct config_text *texts = arena_array(arena, config->catalog.count, sizeof(*texts));

	if (!texts)
		return -ENOMEM;
	for (unsigned int i = 0; i < config->catalog.count; i++) {
		char target[LASTGOOD_PATH], name[32];
		int error;

		snprintf(name, sizeof(name), "catalog-%u", i);
		error = lastgood_text(target, folder, name);
		if (error == 0 && mkdir(target, 0700) < 0)
			error = -errno;
		if (error == 0)
			error = each_json(config->catalog.items[i].text, copy_one, target);
		if (error == 0)
			error = lastgood_text(target, final, name);
		if (error)
			return error;
		texts[i].text = arena_strdup(arena, target);
		if (!texts[i].text)
			return -ENOMEM;
	}
	kept->catalog.items = texts;
	return 0;
}

static int save_config(const struct config *config, const char *folder)
{
	char path[LASTGOOD_PATH];
	int error = lastgood_text(path, folder, "nfqdn.conf");
	FILE *file;

	if (error)
		return error;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	config_print(config, file);
	if (fflush(file) != 0 || fsync(fileno(file)) < 0)
		error = -errno;
	if (fclose(file) != 0 && error == 0)
		error = -errno;
	return error;
}

static int exchange(const char *fresh, const char *final)
{
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, final, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, final, RENAME_EXCHANGE) < 0)
		return -errno;
	remove_kept(fresh);
	return 0;
}

static int save_folder(const struct config *config, const char *fresh, const char *final)
{
	struct config kept = *config;
	struct arena *arena = arena_new();
	int error;

	if (!arena)
		return -ENOMEM;
	error = save_catalogs(config, fresh, final, &kept, arena);
	if (error == 0)
		error = save_config(&kept, fresh);
	arena_free(arena);
	return error;
}

int lastgood_save(const struct policy *policy)
{
	const char *state = policy->config->state;
	char fresh[LASTGOOD_PATH], final[LASTGOOD_PATH];
	int error = lastgood_text(fresh, state, "last-good.new");

	if (error == 0)
		error = lastgood_text(final, state, "last-good");
	if (error)
		return error;
	if (mkdir(state, 0750) < 0 && errno != EEXIST)
		return -errno;
	remove_kept(fresh);
	if (mkdir(fresh, 0700) < 0)
		return -errno;
	error = save_folder(policy->config, fresh, final);
	if (error == 0)
		error = exchange(fresh, final);
	if (error)
		remove_kept(fresh);
	return error;
}

int lastgood_path(const char *state, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/last-good/nfqdn.conf", state);

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return access(out, R_OK) < 0 ? -errno : 0;
}
