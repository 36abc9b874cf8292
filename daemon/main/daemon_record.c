/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfqdnctl record: what is judged is copied while somebody asks for it. */
#include "learn/recorder.h"
#include "learn/verify.h"
#include "main/daemon.h"

static void observe(struct daemon *daemon, bool on)
{
	snoop_set_observer(daemon->snoop, on ? recorder_answer : NULL, daemon->recorder);
	verify_set_observer(daemon->verify, on ? recorder_query : NULL, daemon->recorder);
}

int daemon_record(void *context)
{
	struct daemon *daemon = context;
	int error = recorder_attach(daemon->recorder, daemon->now);

	if (error == 0)
		observe(daemon, true);
	return error;
}

int64_t daemon_record_when_due(struct daemon *daemon)
{
	bool ran = recorder_runs(daemon->recorder);
	int64_t wait = recorder_tick(daemon->recorder, daemon->now);

	if (ran && !recorder_runs(daemon->recorder))
		observe(daemon, false);
	return wait;
}
