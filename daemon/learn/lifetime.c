/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/lifetime.h"

int64_t lifetime_of_ttl(const struct config_lifetime *lifetime, uint32_t ttl)
{
	int64_t seconds = (int64_t)ttl + lifetime->grace;

	if (seconds < lifetime->min)
		seconds = lifetime->min;
	if (seconds > lifetime->max)
		seconds = lifetime->max;
	return seconds * 1000;
}

int64_t lifetime_refresh_below(const struct config_lifetime *lifetime, uint32_t ttl)
{
	int64_t wanted = (int64_t)ttl * 1000, max = (int64_t)lifetime->max * 1000;
	int64_t slack = (int64_t)lifetime->grace * 1000;

	if (wanted >= max)
		return max - max / 8;
	if (slack > max - wanted)
		slack = max - wanted;
	return wanted + slack / 2;
}
