/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_follow.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "control/nfqdnctl_client.h"
#include "control/nfqdnctl_print.h"
#include "control/protocol.h"

static void print_one(json_t *denial, bool json)
{
	if (!json) {
		nfqdnctl_print_clean(denial);
		nfqdnctl_print_denial(denial, stdout);
		return;
	}
	json_object_set_new(denial, "api", json_integer(CONTROL_API));
	json_dumpf(denial, stdout, JSON_COMPACT);
	putchar('\n');
}

static void print_new(const json_t *result, bool json, json_int_t *after)
{
	for (size_t i = 0; i < json_array_size(result); i++) {
		json_t *denial = json_array_get(result, i);
		json_int_t sequence = json_integer_value(json_object_get(denial, "sequence"));

		print_one(denial, json);
		if (sequence > *after)
			*after = sequence;
	}
}

int nfqdnctl_follow(const char *path, json_t *request, unsigned int timeout, bool json, json_t **answer)
{
	const struct timespec pause = { .tv_nsec = 250000000 };
	json_int_t after = 0;

	for (;;) {
		json_t *got = NULL;
		int error = nfqdnctl_client_ask(path, request, timeout, &got);

		if (error < 0)
			return error;
		if (!json_object_get(got, "result")) {
			*answer = got;
			return 0;
		}
		print_new(json_object_get(got, "result"), json, &after);
		json_decref(got);
		if (fflush(stdout) != 0)
			return -EPIPE;
		json_object_set_new(request, "after", json_integer(after));
		json_object_del(request, "since");
		nanosleep(&pause, NULL);
	}
}
