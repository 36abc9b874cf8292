/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nfqdnd may still ask of the kernel once it runs: Landlock says which files, seccomp which system calls. Threads
 * that are made later inherit both. */
#ifndef NFQDN_CONTROL_SANDBOX_H
#define NFQDN_CONTROL_SANDBOX_H

#include <stdbool.h>

#include "policy/config.h"

/* Reads: the folder of the configuration file (editors rename files), catalog folders; with `everywhere` all that the
 * user may, for when the configuration is still to be repaired and its folders are not known. Writes: the state folder.
 * Removes: what is in the control socket's folder. Opens no sockets but netlink, executes nothing, makes no memory
 * executable, starts no processes; with `maps` it reads and changes elements of eBPF maps that are open. A kernel without
 * Landlock (before 5.13, or left out) goes without, and `*landlock` (ABI version) is 0. To be called while there is one thread, after no_new_privs, when everything else is open. 0 or
 * -errno, told in the log with the stage. */
int sandbox_enter(const struct config *config, const char *config_path, bool everywhere, bool maps, int *landlock);

#endif
