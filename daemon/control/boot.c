/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/boot.h"

#include "base/log.h"
#include "control/offline.h"
#include "policy/closed.h"
#include "policy/lastgood.h"
#include "policy/problem_log.h"
#include "policy/trial_mark.h"

#define BOOT_PATH 4096

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

static struct policy *load_kept(const char *state, char kept[BOOT_PATH])
{
	return lastgood_path(state, kept, BOOT_PATH) == 0 ? load(kept) : NULL;
}

static bool not_confirmed(const struct policy *policy)
{
	struct trial_mark mark;

	return trial_mark_read(policy->config->state, &mark) == 0 && trial_mark_fits(&mark, policy);
}

/* What was in force before, instead of `policy`, which is freed then. */
static struct policy *load_confirmed(const char *config, struct policy *policy, struct boot *out)
{
	char path[BOOT_PATH];
	struct policy *kept = load_kept(policy->config->state, path);

	if (!kept) {
		log_warning("%s was tried and not confirmed, but there is no last good policy: it is taken",
			    config_name(config));
		return policy;
	}
	log_warning(
		"%s was tried and not confirmed: the last good policy is in force (%s) until it is changed, or tried "
		"again with `nfqdnctl reload --confirm SECONDS`",
		config_name(config), path);
	policy_free(policy);
	out->fallback = out->unconfirmed = true;
	return kept;
}

struct policy *boot_load(const char *config, const char *state, struct boot *out)
{
	struct policy *policy = load(config);
	char kept[BOOT_PATH];

	*out = (struct boot) { .fallback = !policy && state };
	if (policy && not_confirmed(policy))
		policy = load_confirmed(config, policy, out);
	if (policy || !state)
		return policy;
	policy = load_kept(state, kept);
	if (policy) {
		log_error("%s is bad: the last good policy stays in force (%s)", config_name(config), kept);
		return policy;
	}
	log_error("%s is bad and no policy was ever in force: DNS passes and nothing else", config_name(config));
	return load_closed(state);
}
