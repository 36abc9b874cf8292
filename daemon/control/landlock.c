/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/landlock.h"

#include "base/features.h"

#if NFQDN_WITH_LANDLOCK
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_SIZE 4096

/* Its numbers by hand, since headers are older than kernels. */
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_TRUNCATE (1ULL << 14)
#define NET_TCP 3ULL /* bind, connect */
#define SCOPES 3ULL /* abstract sockets, signals */
#define READS (FS_READ_FILE | FS_READ_DIR)
#define WRITES (READS | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE)

#define RULE_PATH_BENEATH 1
#define GET_VERSION 1u
/* Headers before Linux 5.13. The same number on every architecture; MIPS counts its calls from a base on. */
#ifndef SYS_landlock_create_ruleset
#ifdef __NR_Linux
#define CALLS __NR_Linux
#else
#define CALLS 0
#endif
#define SYS_landlock_create_ruleset (CALLS + 444)
#define SYS_landlock_add_rule (CALLS + 445)
#define SYS_landlock_restrict_self (CALLS + 446)
#endif

/* A kernel takes a longer one than it knows when the rest is 0. */
struct ruleset {
	uint64_t fs, net, scopes;
};

struct rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* What each version decides: all of it is denied but for the rules. */
static struct ruleset decided(int version)
{
	struct ruleset ruleset = { .fs = (1ULL << 13) - 1 };

	if (version >= 2)
		ruleset.fs |= 1ULL << 13; /* REFER */
	if (version >= 3)
		ruleset.fs |= FS_TRUNCATE;
	if (version >= 4)
		ruleset.net = NET_TCP;
	if (version >= 5)
		ruleset.fs |= 1ULL << 15; /* IOCTL_DEV */
	if (version >= 6)
		ruleset.scopes = SCOPES;
	return ruleset;
}

/* What is not there needs no rule: it can neither be read nor made. */
static int allow_path(int rules, const char *path, uint64_t allowed)
{
	struct rule rule = { .allowed = allowed, .parent = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY) };
	int error = 0;

	if (rule.parent < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0) < 0)
		error = -errno;
	close(rule.parent);
	return error;
}

static int allow_folder_of(int rules, const char *path, uint64_t allowed)
{
	char folder[PATH_SIZE];
	const char *slash = strrchr(path, '/');

	if (slash && slash - path >= PATH_SIZE)
		return -ENAMETOOLONG;
	if (slash && slash != path)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	else
		snprintf(folder, sizeof(folder), "%s", slash ? "/" : ".");
	return allow_path(rules, folder, allowed);
}

/* Where a link leads: to a file elsewhere, whose folder is read, too. */
static int allow_target_of(int rules, const char *path, uint64_t allowed)
{
	char *target = realpath(path, NULL);
	int error = target ? allow_folder_of(rules, target, allowed) : 0;

	free(target);
	return error;
}

static int allow_paths(int rules, const struct config *config, const char *config_path, bool everywhere, uint64_t fs)
{
	int error = everywhere ? allow_path(rules, "/", READS) : allow_folder_of(rules, config_path, READS);

	if (error == 0)
		error = allow_target_of(rules, config_path, READS);
	for (unsigned int i = 0; error == 0 && i < config->catalog.count; i++)
		error = allow_path(rules, config->catalog.items[i].text, READS);
	if (error == 0) /* the overlay may come later */
		error = allow_folder_of(rules, CONFIG_OVERLAY, READS);
	if (error == 0)
		error = allow_path(rules, config->state, WRITES & fs);
	if (error == 0)
		error = allow_folder_of(rules, config->control, FS_REMOVE_FILE);
	if (error == 0 && FEATURES_SANITIZED) /* the leak checker reads maps and threads at the end */
		error = allow_path(rules, "/proc", READS);
	return error;
}

int landlock_restrict(const struct config *config, const char *config_path, bool everywhere, int version)
{
	struct ruleset ruleset = decided(version);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0), error;

	if (rules < 0)
		return -errno;
	error = allow_paths(rules, config, config_path, everywhere, ruleset.fs);
	if (error == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		error = -errno;
	close(rules);
	return error;
}

int landlock_version(void)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);

	if (version < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	return version;
}
#else
int landlock_version(void)
{
	return 0;
}

int landlock_restrict(const struct config *config, const char *config_path, bool everywhere, int version)
{
	(void)config;
	(void)config_path;
	(void)everywhere;
	(void)version;
	return 0;
}
#endif
