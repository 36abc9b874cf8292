/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of lab-clients. */
#ifndef NFQDN_LAB_OPTIONS_H
#define NFQDN_LAB_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "sources.h"

struct options {
	const char *mode, *names; /* mode: serve, list or run; names: a file, as mix.h tells */
	uint16_t port; /* with serve: 1 .. 65535 */
	struct in6_addr resolver;
	bool has_resolver;
	struct sources sources;
	uint32_t clients; /* 1 .. 60000 */
	uint64_t seed;
	/* Seconds: of the run, between two actions on average, of a connection on average; at most a day. */
	double seconds, think, hold;
	double zipf; /* 0 .. 4, as mix_read() takes it */
};

/* False after an error, which it tells on standard error. They point into `argv`. */
bool options_read(int argc, char **argv, struct options *out);

#endif
