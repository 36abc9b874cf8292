/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/sandbox.h"

#include <string.h>

#include "base/log.h"
#include "control/landlock.h"
#include "control/syscalls.h"

static int failed(const char *stage, int error)
{
	log_error("privileges: %s failed: %s", stage, strerror(-error));
	return error;
}

int sandbox_enter(const struct config *config, const char *config_path, bool everywhere, bool maps, int *landlock)
{
	int version = landlock_version(), error = 0;

	if (version < 0)
		return failed("asking for Landlock", version);
	if (version > 0)
		error = landlock_restrict(config, config_path, everywhere, version);
	if (error < 0)
		return failed("Landlock", error);
	error = syscalls_restrict(maps);
	if (error < 0)
		return failed("seccomp", error);
	*landlock = version;
	return 0;
}
