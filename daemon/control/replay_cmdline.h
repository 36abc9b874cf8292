/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfqdn-replay's command line. */
#ifndef NFQDN_CONTROL_REPLAY_CMDLINE_H
#define NFQDN_CONTROL_REPLAY_CMDLINE_H

#include <stdbool.h>

#include "base/ipaddr.h"
#include "base/limits.h"
#include "policy/value.h"

/* DENIED: at least one connection would have been; CAPTURE: it could not be read to its end. */
enum replay_status { REPLAY_OK = 0, REPLAY_DENIED = 1, REPLAY_USAGE = 2, REPLAY_CONFIG = 3, REPLAY_CAPTURE = 4 };

/* Ranges that an option takes at most. */
#define REPLAY_RANGES 64

struct replay_ranges {
	struct value_range items[REPLAY_RANGES];
	unsigned int count;
};

struct replay_cmdline {
	const char *config, *file; /* the file may be "-" */
	bool json, all, summary;
	bool any_resolver;
	struct replay_ranges clients, resolvers, own;
	bool has_verify, verify_query; /* --verify */
	double speed; /* 0: as fast as possible */
};

/* Reads the arguments; the texts stay the caller's. Returns -1 to go on, else the exit status (help, version and usage
 * errors were printed). */
int replay_cmdline_parse(int argc, char **argv, struct replay_cmdline *out);
bool replay_cmdline_holds(const struct replay_ranges *ranges, const struct ipaddr *address);

#endif
