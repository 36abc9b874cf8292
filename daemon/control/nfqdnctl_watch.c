/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_watch.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/nfqdnctl_request.h"

/* ---- words ---- */

static int read_number(const char *text, int64_t *out)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno)
		return -EINVAL;
	*out = number;
	return 0;
}

static int add_kinds(json_t *request, const char *list)
{
	json_t *kinds = json_array();

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		json_array_append_new(kinds, json_stringn(at, strcspn(at, ",")));
	return json_object_set_new(request, "kinds", kinds) == 0 ? 0 : -EINVAL;
}

int nfqdnctl_request_watch(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	int64_t after, count;

	*why = "it takes no arguments";
	if (words[0])
		return -EINVAL;
	*why = "--since takes the sequence number of an event";
	if (options->since &&
	    (read_number(options->since, &after) < 0 || json_object_set_new(request, "after", json_integer(after)) < 0))
		return -EINVAL;
	*why = "--count takes a number from 1 on";
	if (options->count && (read_number(options->count, &count) < 0 || count == 0))
		return -EINVAL;
	*why = "--kind takes words with commas between them";
	return options->kind ? add_kinds(request, options->kind) : 0;
}

void nfqdnctl_watch_follow(const struct nfqdnctl_options *options, struct nfqdnctl_follow *out)
{
	int64_t count;

	out->print = nfqdnctl_print_event;
	if (options->count && read_number(options->count, &count) == 0)
		out->count = (uint64_t)count;
	if (options->has_timeout)
		out->seconds = options->timeout;
}

/* ---- lines ---- */

#define TIME_SIZE 32

static void print_time(const json_t *event, FILE *out)
{
	time_t seconds = (time_t)json_number_value(json_object_get(event, "time"));
	struct tm local;
	char text[TIME_SIZE];

	if (localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) > 0)
		fprintf(out, "%s ", text);
}

static void print_lost(const json_t *event, FILE *out)
{
	const json_t *count = json_object_get(event, "count");

	if (json_is_integer(count))
		fprintf(out, "%lld events lost\n", (long long)json_integer_value(count));
	else
		fputs("nfqdnd was started anew: what happened before is lost\n", out);
}

static void print_element(const json_t *event, FILE *out)
{
	const char *name = nfqdnctl_print_member(event, "name"), *group = nfqdnctl_print_member(event, "group");
	const json_t *life = json_object_get(event, "life");
	char port[32], duration[NFQDNCTL_DURATION_SIZE];

	nfqdnctl_print_port(event, port);
	fprintf(out, "%s %s", nfqdnctl_print_member(event, "address"), port);
	if (name[0])
		fprintf(out, " (%s)", name);
	if (json_is_integer(life))
		fprintf(out, " for %s", nfqdnctl_table_duration(json_integer_value(life), duration));
	if (group[0])
		fprintf(out, ", group %s", group);
	fputc('\n', out);
}

static void print_denied(const json_t *event, FILE *out)
{
	const char *name = nfqdnctl_print_member(event, "name");
	bool audited = strcmp(nfqdnctl_print_member(event, "verdict"), "would deny") == 0;
	char port[32];

	nfqdnctl_print_port(event, port);
	fprintf(out, "%s -> %s %s%s%s%s: %s%s\n", nfqdnctl_print_member(event, "client"),
		nfqdnctl_print_member(event, "address"), port, name[0] ? " (" : "", name, name[0] ? ")" : "",
		nfqdnctl_print_member(event, "reason"), audited ? " (it passed: audit)" : "");
}

void nfqdnctl_print_event(const json_t *event, FILE *out)
{
	const char *kind = nfqdnctl_print_member(event, "kind");

	if (strcmp(kind, "lost") == 0) {
		print_lost(event, out);
		return;
	}
	print_time(event, out);
	fprintf(out, "%lld %s ", (long long)json_integer_value(json_object_get(event, "sequence")), kind);
	if (json_object_get(event, "client"))
		print_denied(event, out);
	else if (json_object_get(event, "address"))
		print_element(event, out);
	else
		fprintf(out, "generation %lld\n", (long long)json_integer_value(json_object_get(event, "generation")));
}

/* For who asks as a program would, once. */
void nfqdnctl_print_watch(const json_t *result, FILE *out)
{
	for (size_t i = 0; i < json_array_size(result); i++)
		nfqdnctl_print_event(json_array_get(result, i), out);
}
