/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/assisted.h"

#include <errno.h>

#include "base/log.h"

#define ASSISTED_AGAIN_MS 1000

static void drop(struct assisted *assisted)
{
	if (assisted->module)
		assist_pause(assisted->module);
	snoop_set_assist(assisted->snoop, NULL);
	table_assist(assisted->table, false);
	assist_close(assisted->module);
	assisted->module = NULL;
}

void assisted_load(struct assisted *assisted, const struct policy *policy, struct monotime now)
{
	const char *why = NULL;
	int error;

	if (!assisted->module)
		return;
	error = assist_begin(assisted->module, policy, &why);
	if (error == 0) {
		snoop_tell_derived(assisted->snoop, now);
		error = assist_commit(assisted->module, &why);
	}
	assisted->next = monotime_add(now, ASSISTED_AGAIN_MS);
	assisted->told = error < 0 ? why : "nf_fqdn";
	if (error < 0)
		log_warning("the kernel module is not used: %s", why);
}

static int find(struct assisted *assisted, const struct config *config, const char **why)
{
	int error;

	if (config->verify == CONFIG_QUERY) {
		*why = "verify = \"query\" needs to see every answer";
		return -EOPNOTSUPP;
	}
	error = assist_open(config->table, &assisted->module, why);
	if (error < 0)
		return error;
	error = table_assist(assisted->table, true);
	if (error < 0)
		*why = "nf_tables takes no xtables match (CONFIG_NFT_COMPAT)";
	return error;
}

int assisted_prepare(struct assisted *assisted, const struct config *config, const char **why)
{
	int error;

	if (config->kernel_assist == CONFIG_ASSIST_OFF) {
		drop(assisted);
		assisted->told = "off";
		return 0;
	}
	if (assisted->module && config->verify == CONFIG_FLOW) {
		assist_pause(assisted->module);
		return 0;
	}
	drop(assisted);
	error = find(assisted, config, why);
	if (error < 0) {
		drop(assisted);
		assisted->told = *why;
		return config->kernel_assist == CONFIG_ASSIST_REQUIRE ? error : 0;
	}
	assisted->calls = (struct snoop_assist) { .context = assisted->module,
						  .derived = assist_derived,
						  .settle = assist_settle,
						  .known = assist_known,
						  .forget = assist_forget };
	snoop_set_assist(assisted->snoop, &assisted->calls);
	return 0;
}

void assisted_tick(struct assisted *assisted, const struct policy *policy, struct monotime now)
{
	if (assisted->module && assist_tick(assisted->module) && !monotime_before(now, assisted->next))
		assisted_load(assisted, policy, now);
}

void assisted_count(struct assisted *assisted)
{
	if (assisted->module)
		assist_count(assisted->module);
}

void assisted_close(struct assisted *assisted)
{
	assist_close(assisted->module);
	assisted->module = NULL;
}
