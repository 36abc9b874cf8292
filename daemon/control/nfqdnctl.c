/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client program: command line -> one request -> text or JSON. Nothing here needs the kernel's libraries. */
#include "control/nfqdnctl.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/arguments.h"
#include "control/command_list.h"
#include "control/nfqdnctl_catalog.h"
#include "control/nfqdnctl_client.h"
#include "control/nfqdnctl_doctor.h"
#include "control/nfqdnctl_follow.h"
#include "control/nfqdnctl_import.h"
#include "control/nfqdnctl_metrics.h"
#include "control/nfqdnctl_option_list.h"
#include "control/nfqdnctl_print.h"
#include "control/nfqdnctl_record.h"
#include "control/nfqdnctl_request.h"
#include "control/nfqdnctl_suggest.h"
#include "control/nfqdnctl_summary.h"
#include "control/nfqdnctl_watch.h"
#include "control/protocol.h"
#include "policy/problem.h"

/* How long the daemon may keep us waiting for an answer: a reload reads files and fills sets. */
#define ANSWER_SECONDS 120
#define WAIT_DEFAULT 30
#define WAIT_MAX 86400

/* ---- the tables ---- */

struct command {
	const char *name, *arguments, *help;
	/* answered by the daemon: */
	nfqdnctl_request_function *request;
	nfqdnctl_print_function *print;
	/* or by ourselves: */
	int (*local)(char **words, const struct nfqdnctl_options *options, const char **why);
};

#define REMOTE_ROW(name, arguments, help)                                                                              \
	{ #name, arguments, help, nfqdnctl_request_##name, nfqdnctl_print_##name, NULL },
#define LOCAL_ROW(name, arguments, help) { #name, arguments, help, NULL, NULL, nfqdnctl_##name##_run },
static const struct command commands[] = { COMMAND_LIST(REMOTE_ROW, LOCAL_ROW) };
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct arguments_row option_rows[] = { NFQDNCTL_OPTION_LIST(NFQDNCTL_OPTION_ROW) };
#define OPTION_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))

/* ---- the command line ---- */

struct line {
	struct nfqdnctl_options options;
	bool help, version;
	char letters[OPTION_ROWS + 1]; /* options given, once each */
};

static void print_usage(FILE *out, const struct command *command)
{
	if (command)
		fprintf(out, "usage: nfqdnctl %s%s%s [options]\n", command->name, command->arguments[0] ? " " : "",
			command->arguments);
	else
		fputs("usage: nfqdnctl [-s SOCKET] COMMAND [--json]\n", out);
}

static void print_option(const struct arguments_row *row, FILE *out)
{
	bool lettered = strchr(NFQDNCTL_OPTION_LETTERS, row->letter);
	char text[64];

	snprintf(text, sizeof(text), "%c%c%s--%s%s%s", lettered ? '-' : ' ', lettered ? row->letter : ' ',
		 lettered ? ", " : "  ", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
	fprintf(out, "  %-20s %s\n", text, row->help);
}

static void print_help(FILE *out, const struct command *command)
{
	print_usage(out, command);
	if (command)
		fprintf(out, "%s\n", command->help);
	else
		fputs("\ncommands:\n", out);
	for (size_t i = 0; !command && i < COMMANDS; i++)
		fprintf(out, "  %s%s%s\n      %s\n", commands[i].name, commands[i].arguments[0] ? " " : "",
			commands[i].arguments, commands[i].help);
	fputs("\noptions:\n", out);
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (!command || !option_rows[i].command ||
		    nfqdnctl_option_is_for(option_rows[i].command, command->name))
			print_option(&option_rows[i], out);
	fputs("\nexit status: 0 yes, 1 no (denied, refused, timed out), 2 usage, 3 no daemon\n", out);
}

static int usage_error(const struct command *command, const char *why)
{
	fprintf(stderr, "nfqdnctl: %s%s%s\n", command ? command->name : "", command ? ": " : "", why);
	print_usage(stderr, command);
	return NFQDNCTL_USAGE;
}

static int take_timeout(struct nfqdnctl_options *options, const char *text)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || seconds > WAIT_MAX)
		return usage_error(NULL, "--timeout takes a number of seconds from 0 to 86400");
	options->timeout = (uint32_t)seconds;
	options->has_timeout = true;
	return NFQDNCTL_YES;
}

static int take_catalog(struct nfqdnctl_options *options, const char *folder)
{
	if (options->catalog_count == NFQDNCTL_CATALOGS)
		return usage_error(NULL, "too many --catalog");
	options->catalogs[options->catalog_count++] = folder;
	return NFQDNCTL_YES;
}

/* Options that are a text or a flag and no more. */
static bool take_plain(struct nfqdnctl_options *options, int letter)
{
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct arguments_row *row = &option_rows[i];
		char *place = (char *)options + row->place;

		if (row->letter != letter || !row->place)
			continue;
		if (row->argument)
			*(const char **)(void *)place = optarg;
		else
			*(bool *)place = true;
		return true;
	}
	return false;
}

static int take_option(struct line *line, int letter)
{
	if (letter != '?' && !strchr(line->letters, letter))
		line->letters[strlen(line->letters)] = (char)letter;
	if (take_plain(&line->options, letter))
		return NFQDNCTL_YES;
	switch (letter) {
	case 's':
		line->options.socket = optarg;
		return NFQDNCTL_YES;
	case 'j':
		line->options.json = true;
		return NFQDNCTL_YES;
	case 't':
		return take_timeout(&line->options, optarg);
	case 'd':
		return take_catalog(&line->options, optarg);
	case 'V':
		line->version = true;
		return NFQDNCTL_YES;
	case 'h':
		line->help = true;
		return NFQDNCTL_YES;
	default: /* getopt has said what is wrong */
		print_usage(stderr, NULL);
		return NFQDNCTL_USAGE;
	}
}

/* Options may stand before or after the command: getopt_long() moves the words behind them. */
static int read_line(int argc, char **argv, struct line *line)
{
	struct option long_options[OPTION_ROWS + 1];
	int letter, status;

	arguments_long(option_rows, OPTION_ROWS, long_options);
	while ((letter = getopt_long(argc, argv, "s:hV", long_options, NULL)) != -1) {
		status = take_option(line, letter);
		if (status != NFQDNCTL_YES)
			return status;
	}
	return NFQDNCTL_YES;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *names[COMMANDS + 1] = { NULL };
	const char *nearest;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	nearest = problem_nearest(name, names);
	fprintf(stderr, "nfqdnctl: unknown command \"%s\"", name);
	if (nearest)
		fprintf(stderr, "; did you mean \"%s\"?", nearest);
	fputs("\nnfqdnctl --help lists the commands\n", stderr);
	return NFQDNCTL_USAGE;
}

static void print_only_for(const struct arguments_row *row)
{
	fprintf(stderr, "nfqdnctl: --%s is for `", row->name);
	for (const char *at = row->command; *at; at++)
		fputs(*at == ' ' ? "` and `" : (char[]) { *at, '\0' }, stderr);
	fputs("` only\n", stderr);
}

/* An option for another command would be without effect: better said than passed over. */
static int check_options(const struct line *line, const struct command *command)
{
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct arguments_row *row = &option_rows[i];

		if (row->command && strchr(line->letters, row->letter) &&
		    !nfqdnctl_option_is_for(row->command, command->name)) {
			print_only_for(row);
			return NFQDNCTL_USAGE;
		}
	}
	return NFQDNCTL_YES;
}

/* ---- asking the daemon ---- */

static int64_t clock_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* `wait` also waits for the daemon itself: its socket appears only when it is ready. A connection that breaks is a
 * daemon that is started again. */
static int ask_patiently(const char *path, json_t *request, const struct nfqdnctl_options *options, json_t **out)
{
	int64_t end = clock_msec() + 1000 * (int64_t)(options->has_timeout ? options->timeout : WAIT_DEFAULT);
	const struct timespec pause = { .tv_nsec = 50000000 };

	for (;;) {
		int64_t left = end - clock_msec();
		int error;

		left = left > 0 ? (left + 999) / 1000 : 0;
		json_object_set_new(request, "timeout", json_integer(left));
		error = nfqdnctl_client_ask(path, request, (unsigned int)left + ANSWER_SECONDS, out);
		if (left == 0 || (error != -ENOENT && error != -ECONNREFUSED && error != -ECONNRESET))
			return error;
		nanosleep(&pause, NULL);
	}
}

static void print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* {"api": 1, "ok": false, ...}: what --json prints when there is no result. */
static void print_failure(const struct nfqdnctl_options *options, int status, const char *text)
{
	json_t *object;

	fputs("nfqdnctl: ", stderr);
	nfqdnctl_table_text(text, stderr);
	fputc('\n', stderr);
	if (!options->json)
		return;
	object = json_pack("{s:i, s:b, s:i, s:s}", "api", CONTROL_API, "ok", 0, "exit", status, "error", text);
	print_json(object);
	json_decref(object);
}

/* Without a result it says that there is no daemon: an old file would look alive. */
static int write_textfile(const struct nfqdnctl_options *options, const json_t *result, int status)
{
	int error = nfqdnctl_metrics_write(options->textfile, result);
	char text[512];

	if (error == 0)
		return status;
	snprintf(text, sizeof(text), "%s cannot be written: %s", options->textfile, strerror(-error));
	print_failure(options, NFQDNCTL_NO, text);
	return NFQDNCTL_NO;
}

static int no_daemon(const char *path, const struct nfqdnctl_options *options, int error)
{
	char text[256];

	if (error == -EAGAIN)
		snprintf(text, sizeof(text), "the daemon at %s does not answer", path);
	else if (error == -EPROTO)
		snprintf(text, sizeof(text), "what answers at %s is not nfqdnd, or of another version", path);
	else
		snprintf(text, sizeof(text), "no daemon at %s: %s", path, strerror(-error));
	print_failure(options, NFQDNCTL_NO_DAEMON, text);
	if (options->textfile)
		return write_textfile(options, NULL, NFQDNCTL_NO_DAEMON);
	return NFQDNCTL_NO_DAEMON;
}

/* "api" first, then the result's members; so in each object of an array. */
static json_t *with_api(json_t *result)
{
	json_t *value = json_is_array(result) ? json_array() : json_pack("{s:i}", "api", CONTROL_API);

	if (json_is_object(result))
		json_object_update_missing(value, result);
	for (size_t i = 0; i < json_array_size(result); i++) {
		json_t *item = json_array_get(result, i);

		json_array_append_new(value, json_is_object(item) ? with_api(item) : json_incref(item));
	}
	return value;
}

static void print_result_json(json_t *result)
{
	json_t *value = with_api(result);

	print_json(value);
	json_decref(value);
}

static int print_answer(const struct command *command, const struct nfqdnctl_options *options, const json_t *answer)
{
	int status = (int)json_integer_value(json_object_get(answer, "exit"));
	json_t *result = json_incref(json_object_get(answer, "result"));
	const char *error = json_string_value(json_object_get(answer, "error"));

	if (status < NFQDNCTL_YES || status > NFQDNCTL_USAGE)
		status = NFQDNCTL_NO;
	if (result && command->request == nfqdnctl_request_suggest)
		result = nfqdnctl_suggest(result);
	if (result && options->summary)
		result = nfqdnctl_summary(result);
	if (!result) {
		status = status == NFQDNCTL_YES ? NFQDNCTL_NO : status;
		print_failure(options, status, error ? error : "the daemon refused without a reason");
	} else if (options->json) {
		print_result_json(result);
	} else if (options->textfile) {
		status = write_textfile(options, result, status);
	} else {
		if (command->print != nfqdnctl_print_metrics) /* which escapes by itself */
			nfqdnctl_print_clean(result);
		command->print(result, stdout);
	}
	json_decref(result);
	return status;
}

/* No daemon: what can be seen without. */
static int print_alone(const struct command *command, const struct nfqdnctl_options *options, const char *path,
		       int error)
{
	json_t *result = nfqdnctl_doctor(path, error);

	if (result && options->json) {
		print_result_json(result);
	} else {
		nfqdnctl_print_clean(result);
		command->print(result, stdout);
	}
	json_decref(result);
	return NFQDNCTL_NO_DAEMON;
}

static const char *socket_path(const struct nfqdnctl_options *options)
{
	const char *path = options->socket ? options->socket : getenv("NFQDN_SOCKET");

	return path && path[0] ? path : CONTROL_DEFAULT_SOCKET;
}

static int follow(const struct command *command, const struct nfqdnctl_options *options, const char *path,
		  json_t *request, json_t **answer)
{
	struct nfqdnctl_follow follow = { .path = path,
					  .patience = ANSWER_SECONDS,
					  .json = options->json,
					  .print = nfqdnctl_print_denial,
					  .count = UINT64_MAX,
					  .seconds = -1 };

	if (command->request == nfqdnctl_request_watch)
		nfqdnctl_watch_follow(options, &follow);
	return nfqdnctl_follow(&follow, request, answer);
}

static int ask(const struct command *command, const struct nfqdnctl_options *options, json_t *request)
{
	const char *path = socket_path(options);
	json_t *answer = NULL;
	int error, status;

	if (options->follow || command->request == nfqdnctl_request_watch)
		error = follow(command, options, path, request, &answer);
	else if (command->request == nfqdnctl_request_record)
		error = nfqdnctl_record(options, path, request, &answer);
	else if (command->request == nfqdnctl_request_wait)
		error = ask_patiently(path, request, options, &answer);
	else
		error = nfqdnctl_client_ask(path, request, ANSWER_SECONDS, &answer);
	if (error < 0 && command->request == nfqdnctl_request_doctor)
		return print_alone(command, options, path, error);
	if (error < 0)
		return no_daemon(path, options, error);
	if (!answer) /* followed to its end */
		return error == 0 || !options->count ? NFQDNCTL_YES : NFQDNCTL_NO;
	status = print_answer(command, options, answer);
	json_decref(answer);
	return status;
}

static int run_remote(const struct command *command, char **words, const struct nfqdnctl_options *options)
{
	json_t *request = json_pack("{s:i, s:s}", "api", CONTROL_API, "command", command->name);
	const char *why = "";
	int status;

	if (!request || command->request(words, options, request, &why) < 0)
		status = usage_error(command, why);
	else
		status = ask(command, options, request);
	json_decref(request);
	return status;
}

/* ---- importing: many requests, one answer ---- */

struct import {
	const char *socket;
	const struct nfqdnctl_options *options;
	json_t *total;
};

static void add_counts(json_t *total, const json_t *counts)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)counts, key, value) json_object_set_new(
		total, key, json_integer(json_integer_value(json_object_get(total, key)) + json_integer_value(value)));
}

static int send_import(void *context, const json_t *request)
{
	struct import *import = context;
	json_t *answer = NULL;
	const char *error;
	int status = NFQDNCTL_YES;
	int failure = nfqdnctl_client_ask(import->socket, request, ANSWER_SECONDS, &answer);

	if (failure < 0)
		return no_daemon(import->socket, import->options, failure);
	error = json_string_value(json_object_get(answer, "error"));
	if (!json_object_get(answer, "result")) {
		status = NFQDNCTL_NO;
		print_failure(import->options, status, error ? error : "the daemon refused without a reason");
	} else {
		add_counts(import->total, json_object_get(answer, "result"));
	}
	json_decref(answer);
	return status;
}

static int run_import(const struct command *command, const char *file, const struct nfqdnctl_options *options)
{
	struct import import = { .socket = socket_path(options), .options = options, .total = json_object() };
	const char *why = "";
	char text[512];
	int status = nfqdnctl_import(file, send_import, &import, &why);

	if (status < 0) {
		snprintf(text, sizeof(text), "%s is not imported: %s", file,
			 status == -EBADMSG ? why : strerror(-status));
		print_failure(options, NFQDNCTL_NO, text);
		status = NFQDNCTL_NO;
	} else if (status == NFQDNCTL_YES && options->json) {
		print_result_json(import.total);
	} else if (status == NFQDNCTL_YES) {
		command->print(import.total, stdout);
	}
	json_decref(import.total);
	return status;
}

static bool imports(const struct command *command, char **words)
{
	return command->request == nfqdnctl_request_learned && words[0] && strcmp(words[0], "import") == 0 &&
	       words[1] && !words[2];
}

static int run(const struct command *command, char **words, const struct line *line)
{
	const char *why = "";
	int status = check_options(line, command);

	if (status != NFQDNCTL_YES)
		return status;
	if (imports(command, words))
		return run_import(command, words[1], &line->options);
	if (!command->local)
		return run_remote(command, words, &line->options);
	status = command->local(words, &line->options, &why);
	return status == NFQDNCTL_USAGE ? usage_error(command, why) : status;
}

int main(int argc, char **argv)
{
	struct line line = { 0 };
	int status = read_line(argc, argv, &line);
	const struct command *command = optind < argc ? find_command(argv[optind]) : NULL;

	if (status != NFQDNCTL_YES)
		return status;
	if (line.version) {
		puts("nfqdnctl " NFQDN_VERSION);
	} else if (line.help) {
		print_help(stdout, command);
	} else if (command) {
		status = run(command, argv + optind + 1, &line);
	} else if (optind < argc) {
		status = unknown_command(argv[optind]);
	} else {
		print_help(stderr, NULL);
		status = NFQDNCTL_USAGE;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "nfqdnctl: cannot write: %s\n", strerror(errno));
		return NFQDNCTL_NO;
	}
	return status;
}
