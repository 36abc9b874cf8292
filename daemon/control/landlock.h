/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Landlock (Linux 5.13): which files a process may still reach. */
#ifndef NFQDN_CONTROL_LANDLOCK_H
#define NFQDN_CONTROL_LANDLOCK_H

#include <stdbool.h>

#include "policy/config.h"

/* The kernel's version of the interface, from 1; 0: the kernel has none, or this build leaves it out; else -errno. */
int landlock_version(void);
/* Leaves the files that sandbox_enter() names; all else that `version` decides is denied. 0 or -errno. */
int landlock_restrict(const struct config *config, const char *config_path, bool everywhere, int version);

#endif
