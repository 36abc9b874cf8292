/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seccomp: the system calls that remain. */
#ifndef NFQDN_CONTROL_SYSCALLS_H
#define NFQDN_CONTROL_SYSCALLS_H

#include <stdbool.h>

/* Denies (EPERM) all but what nfqdnd asks for once it runs, with `maps` also elements of eBPF maps that are open; in all
 * threads. 0 or -errno; 0 and nothing done where this build leaves it out. */
int syscalls_restrict(bool maps);

#endif
