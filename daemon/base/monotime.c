/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/monotime.h"

#include <time.h>

struct monotime monotime_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (struct monotime) { (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 };
}

int64_t monotime_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t monotime_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
