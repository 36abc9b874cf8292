/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/boot.h"

#include "base/log.h"
#include "control/offline.h"
#include "policy/closed.h"
#include "policy/lastgood.h"
#include "policy/problem_log.h"

static struct policy *load(const char *config)
{
	struct problems problems = { 0 };
	struct policy *policy = offline_load(config, &problems);

	problem_log(&problems);
	problem_clear(&problems);
	return policy;
}

/* Its state folder is that of --boot, so that a repaired configuration can follow it without a restart. */
static struct policy *load_closed(const char *state)
{
	struct problems problems = { 0 };
	struct config *closed = closed_config();
	struct policy *policy;

	if (!closed)
		return NULL;
	closed->state = state;
	policy = policy_build(closed, "", &problems);
	problem_clear(&problems);
	return policy;
}

struct policy *boot_load(const char *config, const char *state, bool *fallback)
{
	struct policy *policy = load(config);
	char kept[4096];

	*fallback = !policy && state;
	if (policy || !state)
		return policy;
	if (lastgood_path(state, kept, sizeof(kept)) == 0)
		policy = load(kept);
	if (policy) {
		log_error("%s is bad: the last good policy stays in force (%s)", config, kept);
		return policy;
	}
	log_error("%s is bad and no policy was ever in force: DNS passes and nothing else", config);
	return load_closed(state);
}
