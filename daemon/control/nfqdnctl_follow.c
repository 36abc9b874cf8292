/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_follow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/nfqdnctl_client.h"
#include "control/protocol.h"

#define PAUSE_MS 250

static void print_one(const struct nfqdnctl_follow *follow, json_t *item)
{
	if (!follow->json) {
		nfqdnctl_print_clean(item);
		follow->print(item, stdout);
		return;
	}
	json_object_set_new(item, "api", json_integer(CONTROL_API));
	json_dumpf(item, stdout, JSON_COMPACT);
	putchar('\n');
}

/* Returns how many more may follow. The number to go on behind is the answer's, else that of the greatest item. */
static uint64_t print_new(const struct nfqdnctl_follow *follow, const json_t *answer, uint64_t left, json_int_t *after)
{
	const json_t *result = json_object_get(answer, "result"), *number = json_object_get(answer, "sequence");

	for (size_t i = 0; i < json_array_size(result) && left > 0; i++) {
		json_t *item = json_array_get(result, i);
		json_int_t sequence = json_integer_value(json_object_get(item, "sequence"));

		if (strcmp(nfqdnctl_print_member(item, "kind"), "lost") != 0)
			left--;
		print_one(follow, item);
		if (sequence > *after)
			*after = sequence;
	}
	if (json_is_integer(number))
		*after = json_integer_value(number);
	return left;
}

static int64_t clock_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False when the time is over. */
static bool pause_until(int64_t end)
{
	int64_t left = end < 0 ? PAUSE_MS : end - clock_msec();
	struct timespec pause = { .tv_nsec = (long)(left < PAUSE_MS ? left : PAUSE_MS) * 1000000 };

	if (left <= 0)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

int nfqdnctl_follow(const struct nfqdnctl_follow *follow, json_t *request, json_t **answer)
{
	int64_t end = follow->seconds < 0 ? -1 : clock_msec() + 1000 * follow->seconds;
	uint64_t left = follow->count;
	json_int_t after = 0;

	do {
		json_t *got = NULL;
		int error = nfqdnctl_client_ask(follow->path, request, follow->patience, &got);

		if (error < 0)
			return error;
		if (!json_object_get(got, "result")) {
			*answer = got;
			return 0;
		}
		left = print_new(follow, got, left, &after);
		json_decref(got);
		if (fflush(stdout) != 0)
			return -EPIPE;
		if (left == 0)
			return 0;
		json_object_set_new(request, "after", json_integer(after));
		json_object_del(request, "since");
	} while (pause_until(end));
	return 1;
}
