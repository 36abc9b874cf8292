/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: nfqdnd from start to end
 *
 * Start-up order, each step needing the one before it:
 *  1. command line; --check and --print-* end here (control/offline.c) and never touch the kernel;
 *  2. configuration and catalog -> policy (policy/); one that was tried and not confirmed is replaced by the last good
 *     one; with --boot a bad one, too, else by "DNS and nothing";
 *  3. lock, netlink sockets, probes (netfilter/table.c);
 *  4. the queue is bound before any rule can send a packet to it (netfilter/queue.c);
 *  5. the table is made, or the one found is adopted (netfilter/table.c, learn/snoop_keep.c), joined with the state file
 *     (learn/state.c): what was learned is in the kernel before the first held answer is looked at;
 *  6. nothing is left that needs more than the sandbox allows (control/sandbox.c), and the service manager is told;
 *  7. what decides inside the kernel learns the policy (learn/assisted.c): until then it leaves all to the queue.
 * When the table is there the control socket appears (its clients wait for the loop) and root becomes gateway.user
 * (control/privileges.c): what earlier runs wrote is read as that user.
 *
 * Then one loop: wait, read the clock once, drain the queue (snoop_drain() commits what the answers teach), give the
 * verdicts, serve the control socket, delete what expired, look whether others changed the table, write a bit of the
 * state file when it is due.
 */
#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/boot.h"
#include "control/offline.h"
#include "main/daemon.h"
#include "netfilter/assist.h"
#include "netfilter/table.h"

static int flush(const struct cmdline *options)
{
	struct problems problems = { 0 };
	struct config *config = config_load(options->config, &problems);
	struct table *table = NULL;
	const char *why = NULL;
	int error;

	problem_print(&problems, stderr);
	problem_clear(&problems);
	if (!config)
		return CMDLINE_BAD_CONFIG;
	error = table_open(config->table, &table, &why);
	if (error == 0)
		error = table_remove(table);
	if (error == 0)
		assist_remove(config->table); /* what it has of this table matters to nobody now */
	if (error < 0)
		fprintf(stderr, "nfqdnd: table %s is not removed: %s\n", config->table, why ? why : strerror(-error));
	table_close(table);
	config_free(config);
	return error < 0 ? CMDLINE_RUNTIME : CMDLINE_OK;
}

static int main_run(const struct cmdline *options)
{
	struct daemon daemon = { .options = *options, .epoll = -1, .signals = -1, .own = -1, .notify = NOTIFY_NONE };
	struct boot boot;
	struct policy *policy = boot_load(options->config, options->boot, &boot);
	int error;

	if (!policy)
		return CMDLINE_BAD_CONFIG;
	log_set_level(policy->config->log_level);
	daemon.context.trial.unconfirmed = boot.unconfirmed ? "restart" : NULL;
	error = daemon_start(&daemon, policy, boot.fallback);
	if (daemon.policy != policy)
		policy_free(policy);
	if (error == 0)
		error = daemon_run(&daemon);
	if (error < 0)
		log_error("nfqdnd ends: %s", strerror(-error));
	daemon_stop(&daemon);
	return error < 0 ? CMDLINE_RUNTIME : CMDLINE_OK;
}

int main(int argc, char **argv)
{
	struct cmdline options = { 0 };
	int status = cmdline_parse(argc, argv, &options);

	if (status >= 0)
		return status;
	switch (options.action) {
	case CMDLINE_CHECK:
		return offline_check(options.config, options.json);
	case CMDLINE_PRINT_CONFIG:
		return offline_print_config(options.config);
	case CMDLINE_PRINT_RULESET:
		return offline_print_ruleset(options.config);
	case CMDLINE_FLUSH:
		return flush(&options);
	case CMDLINE_RUN:
		break;
	}
#ifdef __GLIBC__
	/* glibc gives each thread a heap of its own, and what it freed stays there: 1 MiB after a reload */
	mallopt(M_ARENA_MAX, 1);
	/* blocks of a policy, and files being read, go back to the kernel when they are freed: 1 MiB less at the peak */
	mallopt(M_MMAP_THRESHOLD, 32768);
#endif
	log_set_priorities(options.log_priorities || log_to_journal(STDERR_FILENO));
	if (options.has_log_level)
		log_pin_level(options.log_level);
	return main_run(&options);
}
