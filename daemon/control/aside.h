/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long work in a thread of its own while the caller goes on with what must not wait: reading the largest lists takes a
 * quarter of a second, comparing two policies of that size as long, and DNS answers are held meanwhile. */
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

/* Calls job(argument) in another thread (in this one when there is none to be had), and `work` until it is done, in the
 * caller's. What the job touches must be nothing that `work` changes. */
void aside_run(void (*job)(void *argument), void *argument, const struct aside_work *work);
/* As offline_load(), or with a text that was `given` (else NULL) as offline_load_given(). Calls `work` until it is done, in the caller's thread. */
struct policy *aside_load(const char *config_path, const char *given, struct problems *problems,
			  const struct aside_work *work);

#endif
