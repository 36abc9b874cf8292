/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy read in a thread of its own while the caller goes on with what must not wait: the largest lists take a
 * quarter of a second, and DNS answers are held meanwhile. */
#ifndef NFQDN_CONTROL_ASIDE_H
#define NFQDN_CONTROL_ASIDE_H

#include "policy/policy.h"
#include "policy/problem.h"

/* What must not wait. */
struct aside_work {
	int (*fd)(void *context); /* readable when there is something to do; asked again each time */
	void (*serve)(void *context);
	void *context;
};

/* As offline_load(). Calls `work` until it is done, in the caller's thread. */
struct policy *aside_load(const char *config_path, struct problems *problems, const struct aside_work *work);

#endif
