/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/adopt.h"

#include <string.h>

#include "base/counters.h"

#define RETRY_MS 1000

int64_t adopt_tick(struct adopt *adopt, struct monotime now)
{
	int error;

	if (!adopt->wanted)
		return -1;
	if (monotime_before(now, adopt->again))
		return monotime_until(now, adopt->again);
	error = snoop_adopt(adopt->snoop, now);
	adopt->wanted = error < 0;
	if (error == 0)
		return -1;
	counters.adoptions_failed++;
	adopt->again = monotime_add(now, RETRY_MS);
	log_limited(
		&adopt->told, now, LOG_LEVEL_WARNING,
		"what the table had learned could not be taken over: %s; it stays open and is tried again each second",
		strerror(-error));
	return RETRY_MS;
}
