/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told.h"

#include <inttypes.h>
#include <stdio.h>

#include "sources.h"
#include "timers.h"

#define SURPRISES 20

static double seconds(int64_t time)
{
	return (double)time / TIMERS_SECOND;
}

void told_surprise(struct told *told, const char *what, const char *name, const struct in6_addr *from,
		   const struct in6_addr *to)
{
	char from_text[INET6_ADDRSTRLEN], to_text[INET6_ADDRSTRLEN] = "";

	if (told->surprises++ >= SURPRISES)
		return;
	sources_text(from, from_text);
	if (to)
		sources_text(to, to_text);
	printf("{\"surprise\": \"%s\", \"name\": \"%s\", \"client\": \"%s\", \"address\": \"%s\", \"at\": %.3f}\n",
	       what, name, from_text, to_text, seconds(timers_now() - told->began));
	fflush(stdout);
}

static void tell_ends(const char *what, const struct told_ends *ends)
{
	printf(", \"%s\": {\"first\": %" PRIu64 ", \"later\": %" PRIu64 ", \"refused\": %" PRIu64
	       ", \"silent\": %" PRIu64 ", \"failed\": %" PRIu64 "}",
	       what, ends->first, ends->later, ends->refused, ends->silent, ends->failed);
}

static void tell_tally(const char *what, const struct tally *tally)
{
	const char *comma = "";

	printf(", \"%s\": {\"count\": %" PRIu64 ", \"median\": %" PRIu64 ", \"p95\": %" PRIu64 ", \"p99\": %" PRIu64
	       ", \"most\": %" PRIu64 ", \"steps\": [",
	       what, tally->count, tally_part(tally, 0.5), tally_part(tally, 0.95), tally_part(tally, 0.99),
	       tally->most);
	for (size_t i = 0; i < TALLY_STEPS; i++)
		if (tally->counts[i]) {
			printf("%s[%" PRIu64 ", %" PRIu64 "]", comma, tally_end(i), tally->counts[i]);
			comma = ", ";
		}
	printf("]}");
}

void told_counts(const struct told *told, int64_t now, bool last)
{
	printf("{\"at\": %.3f, \"actions\": %" PRIu64 ", \"skipped\": %" PRIu64 ", \"remembered\": %" PRIu64
	       ", \"asked\": %" PRIu64 ", \"again\": %" PRIu64 ", "
	       "\"answered\": %" PRIu64 ", \"without\": %" PRIu64 ", \"unanswered\": %" PRIu64
	       ", \"ask_refused\": %" PRIu64 ", \"sockets\": %u",
	       seconds(now - told->began), told->actions, told->skipped, told->remembered, told->asked, told->again,
	       told->answered, told->without, told->unanswered, told->refused, told->sockets);
	tell_ends("allowed", &told->ends[1]);
	tell_ends("other", &told->ends[0]);
	if (last) {
		printf(", \"sockets_most\": %u, \"surprises\": %u, \"late_most\": %.3f", told->sockets_most,
		       told->surprises, seconds(told->late_most));
		tell_tally("answer_us", &told->answer);
		tell_tally("connect_us", &told->connect);
	}
	printf(", \"last\": %s}\n", last ? "true" : "false");
	fflush(stdout);
}
