/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of devices in one process: each has an address and a stub resolver with a memory of its own, asks for a name now and
 * then, and connects to what it was answered, at once. scripts/lab runs it (`clients`).
 *
 * lab-clients serve NAMES PORT            answers for the names, and accepts
 * lab-clients list NAMES [OPTIONS]        what they would do when: SECONDS CLIENT NAME
 * lab-clients run NAMES --resolver ADDRESS --from ADDRESS [OPTIONS]
 *                                         one JSON object a second, and a last one with all of it */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "mix.h"
#include "options.h"
#include "plan.h"
#include "responder.h"
#include "run.h"
#include "timers.h"

static int list(const struct options *options, const struct mix *mix)
{
	struct timers timers;
	struct plan plan;
	struct timer *timer;

	if (timers_init(&timers, options->clients))
		return -ENOMEM;
	if (plan_init(&plan, options, mix, &timers, 0)) {
		timers_free(&timers);
		return -ENOMEM;
	}
	while ((timer = timers_first(&timers))) {
		double at = (double)timer->at / TIMERS_SECOND;
		uint32_t name, client = plan_due(&plan, timer, &name);

		printf("%.6f %u %s\n", at, client, mix_name(mix, name)->steps[0].owner);
	}
	plan_free(&plan);
	timers_free(&timers);
	return 0;
}

static struct mix *read_mix(const struct options *options)
{
	char error[MIX_LINE];
	FILE *file = fopen(options->names, "re");
	struct mix *mix = NULL;

	if (!file) {
		fprintf(stderr, "lab-clients: %s: %s\n", options->names, strerror(errno));
		return NULL;
	}
	mix = mix_read(file, options->names, options->zipf, error);
	if (!mix)
		fprintf(stderr, "lab-clients: %s\n", error);
	fclose(file);
	return mix;
}

static void raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int work(const struct options *options, const struct mix *mix)
{
	int status;

	raise_limit();
	if (strcmp(options->mode, "serve") == 0)
		return responder_run(mix, options->port);
	status = strcmp(options->mode, "list") == 0 ? list(options, mix) : run_clients(options, mix);
	if (status >= 0)
		return status;
	fprintf(stderr, "lab-clients: no memory for %u clients\n", options->clients);
	return 1;
}

int main(int argc, char **argv)
{
	struct options options;
	struct mix *mix;
	int status;

	if (!options_read(argc, argv, &options))
		return 2;
	mix = read_mix(&options);
	if (!mix)
		return 1;
	status = work(&options, mix);
	mix_free(mix);
	return status;
}
