/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfqdn-replay: what a policy would learn and deny of a capture, without kernel or root. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/capture.h"
#include "control/replay_cmdline.h"
#include "control/replay_run.h"
#include "policy/problem.h"

/* Not offline_load(): it compares with the interfaces of this machine, and the capture is of another. */
static struct policy *load(const char *path)
{
	struct problems problems = { 0 };
	struct config *config = config_load(path, &problems);
	struct policy *policy = NULL;
	time_t now = time(NULL);
	struct tm utc;
	char today[11] = "";

	if (gmtime_r(&now, &utc))
		strftime(today, sizeof(today), "%Y-%m-%d", &utc);
	if (config)
		policy = policy_build(config, today, &problems);
	problem_sort(&problems);
	if (!policy)
		problem_print(&problems, stderr);
	problem_clear(&problems);
	return policy;
}

/* A file that a recorder still writes ends anywhere: what is there counts. */
static int replay(struct replay_run *run, struct capture *capture, const char *file)
{
	struct capture_packet packet;
	const char *why = "";
	uint64_t denied;
	int rc;

	while ((rc = capture_next(capture, &packet, &why)) == 1)
		replay_run_packet(run, &packet);
	denied = replay_run_end(run, rc == 0);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "nfqdn-replay: standard output: %s\n", strerror(errno));
		return REPLAY_CAPTURE;
	}
	if (rc < 0) {
		fprintf(stderr, "nfqdn-replay: %s: %s\n", file, why);
		return REPLAY_CAPTURE;
	}
	return denied ? REPLAY_DENIED : REPLAY_OK;
}

static int replay_file(const struct replay_cmdline *options, const struct policy *policy, FILE *file)
{
	struct capture *capture = NULL;
	struct replay_run *run;
	const char *why;
	int status;

	if (capture_open(file, &capture, &why) < 0) {
		fprintf(stderr, "nfqdn-replay: %s: %s\n", options->file, why);
		return REPLAY_CAPTURE;
	}
	run = replay_run_new(policy, options, stdout);
	if (run) {
		status = replay(run, capture, options->file);
	} else {
		fputs("nfqdn-replay: no memory\n", stderr);
		status = REPLAY_CAPTURE;
	}
	replay_run_free(run);
	capture_close(capture);
	return status;
}

int main(int argc, char **argv)
{
	struct replay_cmdline options;
	int status = replay_cmdline_parse(argc, argv, &options);
	struct policy *policy;
	FILE *file;

	if (status >= 0)
		return status;
	policy = load(options.config);
	if (!policy)
		return REPLAY_CONFIG;
	file = strcmp(options.file, "-") == 0 ? stdin : fopen(options.file, "rb");
	if (file) {
		status = replay_file(&options, policy, file);
		if (file != stdin)
			fclose(file);
	} else {
		fprintf(stderr, "nfqdn-replay: %s: %s\n", options.file, strerror(errno));
		status = REPLAY_CAPTURE;
	}
	policy_free(policy);
	return status;
}
