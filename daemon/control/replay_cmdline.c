/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/replay_cmdline.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/arguments.h"
#include "control/replay_option_list.h"

#define SPEED_MAX 1000000.0

static const struct arguments_row option_rows[] = { REPLAY_OPTION_LIST(ARGUMENTS_ROW) };
#define OPTION_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))

static void print_help(FILE *out)
{
	fputs("usage: nfqdn-replay FILE -c CONFIGURATION [options]\n"
	      "Tells what nfqdnd would have learned and denied of a capture (pcap, pcapng; -: standard input).\n",
	      out);
	arguments_print(option_rows, OPTION_ROWS, out);
}

static int refuse(const char *option, const char *text, const char *why)
{
	fprintf(stderr, "nfqdn-replay: --%s %s: %s\n", option, text, why);
	return REPLAY_USAGE;
}

/* ---- lists of addresses ---- */

static int take_ranges(struct replay_ranges *out, const char *option, const char *list)
{
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		enum value_mended mended;
		char text[VALUE_RANGE_TEXT_SIZE];
		const char *why = "too long for an address";

		if (out->count == REPLAY_RANGES)
			return refuse(option, list, "too many addresses");
		if (strcspn(at, ",") >= sizeof(text))
			return refuse(option, list, why);
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, ","), at);
		if (value_range_from_text(text, &out->items[out->count], &mended, &why) < 0)
			return refuse(option, text, why);
		out->count++;
	}
	return -1;
}

bool replay_cmdline_holds(const struct replay_ranges *ranges, const struct ipaddr *address)
{
	for (unsigned int i = 0; i < ranges->count; i++)
		if (ranges->items[i].first.family == address->family &&
		    ipaddr_compare(&ranges->items[i].first, address) <= 0 &&
		    ipaddr_compare(address, &ranges->items[i].last) <= 0)
			return true;
	return false;
}

static int take_resolvers(struct replay_cmdline *options, const char *text)
{
	if (strcmp(text, "any") != 0)
		return take_ranges(&options->resolvers, "resolvers", text);
	options->any_resolver = true;
	return -1;
}

/* ---- words ---- */

static int take_verify(struct replay_cmdline *options, const char *text)
{
	options->has_verify = true;
	options->verify_query = strcmp(text, "query") == 0;
	if (options->verify_query || strcmp(text, "flow") == 0)
		return -1;
	return refuse("verify", text, "flow or query is expected");
}

static int take_speed(struct replay_cmdline *options, const char *text)
{
	char *end;
	double speed = strtod(text, &end);

	if (end == text || *end || !(speed > 0) || speed > SPEED_MAX)
		return refuse("speed", text, "a number above 0 is expected: 1 as recorded, 10 ten times faster");
	options->speed = speed;
	return -1;
}

static int end_with_help(int status)
{
	print_help(status ? stderr : stdout);
	return status;
}

/* Takes one option; returns -1 to go on, else the exit status. */
static int take_option(struct replay_cmdline *options, int letter)
{
	switch (letter) {
	case 'c':
		options->config = optarg;
		return -1;
	case 'j':
		options->json = true;
		return -1;
	case 'a':
		options->all = true;
		return -1;
	case 's':
		options->summary = true;
		return -1;
	case 'l':
		return take_ranges(&options->clients, "clients", optarg);
	case 'r':
		return take_resolvers(options, optarg);
	case 'o':
		return take_ranges(&options->own, "own", optarg);
	case 'v':
		return take_verify(options, optarg);
	case 'x':
		return take_speed(options, optarg);
	case 'V':
		puts("nfqdn-replay " NFQDN_VERSION);
		return REPLAY_OK;
	case 'h':
		return end_with_help(REPLAY_OK);
	default:
		return end_with_help(REPLAY_USAGE);
	}
}

int replay_cmdline_parse(int argc, char **argv, struct replay_cmdline *out)
{
	struct replay_cmdline options = { 0 };
	struct option long_options[OPTION_ROWS + 1];
	int letter, status;

	arguments_long(option_rows, OPTION_ROWS, long_options);
	while ((letter = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1) {
		status = take_option(&options, letter);
		if (status >= 0)
			return status;
	}
	if (argc - optind != 1 || !options.config) {
		fprintf(stderr, "nfqdn-replay: %s\n",
			!options.config  ? "-c FILE is missing"
			: optind == argc ? "the capture is missing"
					 : "one capture at a time");
		return end_with_help(REPLAY_USAGE);
	}
	options.file = argv[optind];
	*out = options;
	return -1;
}
