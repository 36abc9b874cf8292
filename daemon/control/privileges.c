/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/privileges.h"

#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* ---- who ---- */

/* The one that the number stands for, whether or not somebody has it. */
static bool find_number(const char *user, struct privileges *out)
{
	char *end;
	unsigned long number = strtoul(user, &end, 10);
	const struct passwd *known;

	if (!isdigit((unsigned char)user[0]) || *end || number >= (uid_t)-1)
		return false;
	known = getpwuid((uid_t)number);
	out->uid = (uid_t)number;
	out->gid = known ? known->pw_gid : (gid_t)number;
	return true;
}

static bool find_name(const char *user, struct privileges *out)
{
	const struct passwd *known = getpwnam(user);

	if (!known)
		return false;
	out->uid = known->pw_uid;
	out->gid = known->pw_gid;
	return true;
}

static int find_user(const char *user, struct privileges *out)
{
	if (find_name(user, out) || find_number(user, out))
		return 0;
	log_error("there is no user \"%s\": make it (useradd --system --user-group --no-create-home --shell "
		  "/usr/sbin/nologin %s), or set gateway.user to one that exists, or to \"\" for the one that starts "
		  "nfqdnd",
		  user, user);
	return -ENOENT;
}

int privileges_find(const char *user, struct privileges *out)
{
	struct privileges found = { .uid = geteuid(), .gid = getegid() };
	int error = user[0] ? find_user(user, &found) : 0;

	if (error < 0)
		return error;
	found.change = found.uid != geteuid();
	if (found.change && geteuid() != 0) {
		log_error("started as user %u, nfqdnd cannot become \"%s\": start it as root, or set gateway.user to "
			  "\"\"",
			  (unsigned int)geteuid(), user);
		return -EPERM;
	}
	snprintf(found.name, sizeof(found.name), "%s", user);
	if (!user[0])
		snprintf(found.name, sizeof(found.name), "%u", (unsigned int)found.uid);
	*out = found;
	return 0;
}

int privileges_find_owner(const char *folder, const char *user, struct privileges *out)
{
	struct stat state;
	char owner[16];

	if (stat(folder, &state) < 0 || state.st_uid == 0)
		return privileges_find(user, out);
	snprintf(owner, sizeof(owner), "%u", (unsigned int)state.st_uid);
	return privileges_find(owner, out);
}

int privileges_find_group(const char *group, gid_t *out)
{
	const struct group *known = getgrnam(group);
	char *end;
	unsigned long number = strtoul(group, &end, 10);

	if (!known && (!isdigit((unsigned char)group[0]) || *end || number >= (gid_t)-1)) {
		log_error(
			"there is no group \"%s\": make it (groupadd --system %s), or set gateway.control-group to one "
			"that exists",
			group, group);
		return -ENOENT;
	}
	*out = known ? known->gr_gid : (gid_t)number;
	return 0;
}

/* ---- what it needs ---- */

static int make_folder(const struct privileges *privileges, const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return privileges->change && chown(path, privileges->uid, privileges->gid) < 0 ? -errno : 0;
}

int privileges_make_folders(const struct privileges *privileges, const struct config *config)
{
	char folder[256];
	const char *slash = strrchr(config->control, '/');
	int error = 0;

	if (slash && slash != config->control) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - config->control), config->control);
		error = make_folder(privileges, folder, 0755);
	}
	if (error < 0) {
		log_error("the folder of gateway.control, %s, cannot be made: %s", config->control, strerror(-error));
		return error;
	}
	/* Without it nfqdnd filters all the same, and says at each attempt that it cannot write. */
	(void)make_folder(privileges, config->state, 0750);
	return 0;
}

int privileges_group(const struct privileges *privileges, bool on)
{
	if (!privileges->change)
		return 0;
	return setegid(on ? privileges->gid : getgid()) < 0 ? -errno : 0;
}

/* ---- the stages ---- */

static int result(int done)
{
	return done < 0 ? -errno : 0;
}

/* Nobody but root may; with no_new_privs, and without programs to start, what is left there is of no use. */
static int empty_bounding_set(const struct privileges *privileges)
{
	(void)privileges;
	if (capng_get_caps_process() < 0)
		return -EIO;
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return 0;
	capng_clear(CAPNG_SELECT_BOUNDS);
	if (capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return errno ? -errno : -EPERM;
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
			return -EPERM;
	return 0;
}

static int keep_over_change(const struct privileges *privileges)
{
	return privileges->change ? result(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) : 0;
}

static int leave_groups(const struct privileges *privileges)
{
	return privileges->change ? result(setgroups(0, NULL)) : 0;
}

static int change_group(const struct privileges *privileges)
{
	return privileges->change ? result(setresgid(privileges->gid, privileges->gid, privileges->gid)) : 0;
}

static int change_user(const struct privileges *privileges)
{
	return privileges->change ? result(setresuid(privileges->uid, privileges->uid, privileges->uid)) : 0;
}

/* The ambient set follows the inheritable one, which is empty then. */
static int keep_one_capability(const struct privileges *privileges)
{
	(void)privileges;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return -errno;
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) < 0)
		return -EINVAL;
	errno = 0;
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return errno ? -errno : -EPERM;
	return 0;
}

static int gain_nothing(const struct privileges *privileges)
{
	(void)privileges;
	return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int hide_memory(const struct privileges *privileges)
{
	const struct rlimit none = { 0, 0 };

	(void)privileges;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return result(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

/* What the calls before have promised. */
static int look_again(const struct privileges *privileges)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0 || capng_get_caps_process() < 0)
		return -EIO;
	if (real != privileges->uid || effective != privileges->uid || saved != privileges->uid)
		return -EPERM;
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (capng_have_capability(CAPNG_PERMITTED, i) != (i == CAP_NET_ADMIN))
			return -EPERM;
	return privileges->change && setresuid(0, 0, 0) == 0 ? -EPERM : 0;
}

static const struct stage {
	const char *name;
	int (*run)(const struct privileges *privileges);
} stages[] = {
	{ "emptying the bounding set of capabilities", empty_bounding_set },
	{ "keeping capabilities over the change of user", keep_over_change },
	{ "leaving the groups of the caller", leave_groups },
	{ "changing the group", change_group },
	{ "changing the user", change_user },
	{ "keeping CAP_NET_ADMIN and nothing else", keep_one_capability },
	{ "no_new_privs", gain_nothing },
	{ "hiding the memory (not dumpable, no core files)", hide_memory },
	{ "looking at what came of it", look_again },
};

int privileges_drop(const struct privileges *privileges)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		int error = stages[i].run(privileges);

		if (error < 0) {
			log_error("privileges: %s failed: %s", stages[i].name, strerror(-error));
			return error;
		}
	}
	return 0;
}
