/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/assisted.h"

#include <errno.h>

#include "base/features.h"
#include "base/log.h"

#define ASSISTED_AGAIN_MS 1000
#define NO_MATCH "nf_tables takes no such xtables match (CONFIG_NFT_COMPAT, CONFIG_NETFILTER_XT_MATCH_BPF)"

static void drop(struct assisted *assisted, const char *why)
{
	if (assisted->module)
		assist_pause(assisted->module);
	snoop_set_assist(assisted->snoop, NULL);
	table_assist(assisted->table, TABLE_UNASSISTED, NULL);
	assist_close(assisted->module);
	assisted->module = NULL;
	assisted->used = false;
	assisted->told = why;
}

static void load(struct assisted *assisted, const struct policy *policy, struct monotime now)
{
	const char *why = NULL;
	int error = assist_begin(assisted->module, policy, &why);

	if (error == 0) {
		snoop_tell_derived(assisted->snoop, now);
		error = assist_commit(assisted->module, &why);
	}
	assisted->next = monotime_add(now, ASSISTED_AGAIN_MS);
	assisted->used = true;
	assisted->told = error < 0 ? why : assist_name(assisted->module);
	if (error < 0)
		log_warning("kernel-assist is not used: %s", why);
	if (error == -ENOENT) /* rules that ask what was removed are left alone by it */
		drop(assisted, why);
}

void assisted_load(struct assisted *assisted, const struct policy *policy, struct monotime now)
{
	if (assisted->wanted)
		load(assisted, policy, now);
	else
		drop(assisted, assisted->unwanted);
}

void assisted_load_later(struct assisted *assisted)
{
	if (assisted->wanted && !table_capabilities(assisted->table)->assist) {
		assisted->wanted = false;
		assisted->unwanted = NO_MATCH;
	}
	if (assisted->wanted)
		assisted->told = assist_name(assisted->module);
	else
		drop(assisted, assisted->unwanted);
}

static void take(struct assisted *assisted)
{
	assisted->calls = (struct snoop_assist) { .context = assisted->module,
						  .derived = assist_derived,
						  .settle = assist_settle,
						  .known = assist_known,
						  .forget = assist_forget };
	snoop_set_assist(assisted->snoop, &assisted->calls);
}

/* Who has no module wants to know what is in eBPF's way. */
static int open_either(struct assisted *assisted, const char *table, const char **why)
{
	int error = assist_open(table, assisted->filter, &assisted->module, why), second = -EPERM;

	if (error == 0 || !NFQDN_WITH_ASSIST)
		return error;
	if (!assisted->confined)
		second = assist_filter_open(&assisted->filter, &assisted->no_filter);
	if (second == 0)
		return assist_open(table, assisted->filter, &assisted->module, why);
	if (error == -ENOENT)
		*why = assisted->no_filter;
	return error;
}

/* The module comes first, also when it was not there before. */
static int find(struct assisted *assisted, const char *table, enum table_assisting how, const char **why)
{
	int error = 0;

	if (assisted->module && (assist_programs(assisted->module) || assist_pause(assisted->module) < 0)) {
		snoop_set_assist(assisted->snoop, NULL);
		assist_close(assisted->module);
		assisted->module = NULL;
	}
	if (!assisted->module)
		error = open_either(assisted, table, why);
	if (error < 0)
		return error;
	take(assisted);
	error = table_assist(assisted->table, how, assist_programs(assisted->module));
	if (error < 0)
		*why = NO_MATCH;
	return error;
}

int assisted_prepare(struct assisted *assisted, const struct config *config, const char **why)
{
	bool first = !assisted->told && config->kernel_assist != CONFIG_ASSIST_REQUIRE;
	int error = -EOPNOTSUPP;

	if (config->kernel_assist == CONFIG_ASSIST_OFF)
		assisted->unwanted = "off";
	else if (config->verify == CONFIG_QUERY)
		assisted->unwanted = "verify = \"query\" needs to see every answer";
	else if (config->mode == CONFIG_SETS)
		assisted->unwanted = "mode = \"sets\" needs to see every answer: others may empty the sets";
	else
		error = find(assisted, config->table, first ? TABLE_ASSISTED_UNTRIED : TABLE_ASSISTED,
			     &assisted->unwanted);
	assisted->wanted = error == 0;
	if (assisted->wanted)
		return 0;
	if (assisted->module)
		assist_pause(assisted->module);
	table_assist(assisted->table, TABLE_UNASSISTED, NULL);
	if (config->kernel_assist != CONFIG_ASSIST_REQUIRE)
		return 0;
	*why = assisted->unwanted;
	return error;
}

static void close_filter(struct assisted *assisted)
{
	if (NFQDN_WITH_ASSIST)
		assist_filter_close(assisted->filter);
	assisted->filter = NULL;
}

bool assisted_confine(struct assisted *assisted)
{
	assisted->confined = true;
	if (!assisted->no_filter)
		assisted->no_filter = "the kernel module nf_fqdn is not there, and the eBPF program, which can be "
				      "loaded at start alone, was not needed then: restart nfqdnd";
	if (!assisted->filter || (assisted->module && assist_programs(assisted->module)))
		return assisted->filter;
	close_filter(assisted);
	return false;
}

void assisted_return(struct assisted *assisted, const struct policy *policy, struct monotime now)
{
	const char *told = assisted->told;

	assisted->unwanted = told;
	assisted->wanted =
		assisted->used && find(assisted, policy->config->table, TABLE_ASSISTED, &assisted->unwanted) == 0;
	assisted_load(assisted, policy, now);
}

void assisted_tick(struct assisted *assisted, const struct policy *policy, struct monotime now)
{
	if (assisted->module && !table_capabilities(assisted->table)->assist) {
		drop(assisted, "the kernel module or xt_bpf went away; a reload looks for it");
		log_warning("kernel-assist is not used: %s", assisted->told);
	}
	if (assisted->module && assist_tick(assisted->module) && !monotime_before(now, assisted->next))
		load(assisted, policy, now);
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
	close_filter(assisted);
}
