/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/readable.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUPS_MAX 256

/* The caller as it was. */
struct caller {
	gid_t group, groups[GROUPS_MAX];
	int count;
};

/* What cannot fail. */
static void take_off(const struct caller *caller)
{
	if (seteuid(0) < 0 || setegid(caller->group) < 0 || setgroups((size_t)caller->count, caller->groups) < 0)
		abort();
}

static bool take_on(const char *user, struct caller *caller)
{
	const struct passwd *known = user[0] ? getpwnam(user) : NULL;

	if (!known && isdigit((unsigned char)user[0]))
		known = getpwuid((uid_t)strtoul(user, NULL, 10));
	if (!known || geteuid() != 0 || known->pw_uid == 0)
		return false;
	caller->group = getegid();
	caller->count = getgroups(GROUPS_MAX, caller->groups);
	if (caller->count < 0 || setgroups(0, NULL) < 0)
		return false;
	if (setegid(known->pw_gid) == 0 && seteuid(known->pw_uid) == 0)
		return true;
	take_off(caller);
	return false;
}

static void look_at(const struct config *config, const char *path, const char *setting, struct problems *problems)
{
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 && errno == EACCES)
		problem_add(problems, PROBLEM_WARNING, path, 0, setting,
			    "user \"%s\", as whom nfqdnd runs, cannot read it: a reload will be refused; let that user "
			    "read it and look into each folder on the way to it",
			    config->user);
}

static void look_into(const struct config *config, const char *folder, struct problems *problems)
{
	size_t before = problems->count;
	DIR *dir;
	struct dirent *entry;
	char path[4096];

	look_at(config, folder, "gateway.catalog", problems);
	dir = problems->count == before ? opendir(folder) : NULL;
	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || length < 5 || strcmp(entry->d_name + length - 5, ".json") != 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < (int)sizeof(path))
			look_at(config, path, "gateway.catalog", problems);
	}
	if (dir)
		closedir(dir);
}

void readable_check(const struct config *config, struct problems *problems)
{
	struct caller caller;

	if (!config->user || !config->file[0] || !take_on(config->user, &caller))
		return;
	if (!config->given)
		look_at(config, config->file, "", problems);
	for (unsigned int i = 0; i < config->catalog.count; i++)
		look_into(config, config->catalog.items[i].text, problems);
	take_off(&caller);
}
