/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_MAX 60000

static bool bad(const char *option, const char *value, const char *right)
{
	fprintf(stderr, "lab-clients: --%s wants %s, not `%s`\n", option, right, value);
	return false;
}

static bool read_address(const char *option, const char *value, struct in6_addr *out, bool *has)
{
	struct in_addr four;

	*has = true;
	if (inet_pton(AF_INET, value, &four) == 1) {
		memset(out, 0, 10);
		memset(&out->s6_addr[10], 0xff, 2);
		memcpy(&out->s6_addr[12], &four, 4);
		return strcmp(option, "from6") != 0 || bad(option, value, "an address of IPv6");
	}
	if (inet_pton(AF_INET6, value, out) != 1 || strcmp(option, "from") == 0)
		return bad(option, value, strcmp(option, "from") == 0 ? "an address of IPv4" : "an address");
	return true;
}

static bool read_double(const char *option, const char *value, double low, double high, double *out)
{
	char right[64], *end;
	double number = strtod(value, &end);

	snprintf(right, sizeof(right), "a number from %g to %g", low, high);
	if (end == value || *end || !(number >= low && number <= high))
		return bad(option, value, right);
	*out = number;
	return true;
}

enum { CLIENTS, SECONDS, SEED, THINK, HOLD, ZIPF, RESOLVER, FROM, FROM6 };

static const struct option long_options[] = {
	{ "clients", required_argument, NULL, CLIENTS },   { "seconds", required_argument, NULL, SECONDS },
	{ "seed", required_argument, NULL, SEED },         { "think", required_argument, NULL, THINK },
	{ "hold", required_argument, NULL, HOLD },         { "zipf", required_argument, NULL, ZIPF },
	{ "resolver", required_argument, NULL, RESOLVER }, { "from", required_argument, NULL, FROM },
	{ "from6", required_argument, NULL, FROM6 },       { NULL, 0, NULL, 0 }
};

static bool read_option(int which, const char *name, const char *value, struct options *options)
{
	double number = 0;

	switch (which) {
	case CLIENTS:
	case SEED:
		if (!read_double(name, value, which == SEED ? 0 : 1, which == SEED ? 9007199254740992.0 : CLIENTS_MAX,
				 &number))
			return false;
		if (which == SEED)
			options->seed = (uint64_t)number;
		else
			options->clients = (uint32_t)number;
		return true;
	case SECONDS:
		return read_double(name, value, 0.1, 86400, &options->seconds);
	case THINK:
		return read_double(name, value, 0.01, 86400, &options->think);
	case HOLD:
		return read_double(name, value, 0, 86400, &options->hold);
	case ZIPF:
		return read_double(name, value, 0, 4, &options->zipf);
	case RESOLVER:
		return read_address(name, value, &options->resolver, &options->has_resolver);
	case FROM:
		return read_address(name, value, &options->sources.four, &options->sources.has_four);
	case FROM6:
		return read_address(name, value, &options->sources.six, &options->sources.has_six);
	default:
		return false;
	}
}

static bool usage(void)
{
	fprintf(stderr, "usage: lab-clients serve NAMES PORT\n"
			"       lab-clients list NAMES [--clients N] [--seconds S] [--seed N] [--think S] [--zipf X]\n"
			"       lab-clients run NAMES --resolver ADDRESS --from ADDRESS [--from6 ADDRESS] [--hold S] "
			"[the same]\n");
	return false;
}

/* What stands beside the options: a mode, a file, and a port with `serve`. */
static bool read_rest(int count, char **rest, struct options *options)
{
	double port = 0;
	bool serve;

	if (count < 2)
		return usage();
	options->mode = rest[0];
	options->names = rest[1];
	serve = strcmp(options->mode, "serve") == 0;
	if (!serve && strcmp(options->mode, "list") != 0 && strcmp(options->mode, "run") != 0)
		return usage();
	if (count != (serve ? 3 : 2))
		return usage();
	if (serve && !read_double("port", rest[2], 1, 65535, &port))
		return false;
	options->port = (uint16_t)port;
	return true;
}

bool options_read(int argc, char **argv, struct options *out)
{
	struct options options = { .clients = 100, .seconds = 10, .seed = 1, .think = 20, .hold = 10, .zipf = 0.9 };
	int which, at = 0;

	while ((which = getopt_long(argc, argv, "", long_options, &at)) != -1) {
		if (which == '?')
			return usage();
		if (!read_option(which, long_options[at].name, optarg, &options))
			return false;
	}
	if (!read_rest(argc - optind, argv + optind, &options))
		return false;
	*out = options;
	return true;
}
