/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/escape.h"
#include "control/command_list.h"
#include "control/describe.h"
#include "control/difference.h"
#include "control/doctor.h"
#include "control/explain.h"
#include "control/json.h"
#include "control/metrics.h"
#include "control/overview.h"
#include "control/protocol.h"
#include "control/request.h"
#include "control/status.h"
#include "control/why.h"
#include "learn/state_text.h"

/* Exit statuses of nfqdnctl that travel in an answer (DESIGN.md, Commands). */
enum { STATUS_YES = 0, STATUS_NO = 1, STATUS_USAGE = 2 };

/* One request while it is served. */
struct call {
	const struct control_context *context;
	struct monotime now;
	bool writes; /* the client may change what is in force */
	const json_t *request;
	/* set by the command */
	json_t *result;
	int status;
	const char *error; /* instead of a result: what was wrong with the arguments */
	struct control_listing *listing;
	struct control_wait wait;
};

/* ---- the commands: each sets the result (left NULL: memory is out), or `error` ---- */

static void refuse(struct call *call, const char *error)
{
	call->error = error;
	call->status = STATUS_USAGE;
}

static bool may_write(struct call *call)
{
	if (call->writes)
		return true;
	counters.control_forbidden++;
	call->error = "only root, nfqdnd's own user and the group of gateway.control-group may do that";
	call->status = STATUS_NO;
	return false;
}

static void run_status(struct call *call)
{
	call->result = control_status(call->context, call->now);
}

static void run_metrics(struct call *call)
{
	call->result = control_metrics(call->context, call->now);
}

static void run_policy(struct call *call)
{
	call->result = control_overview(call->context->policy);
}

static int check_lines(const json_t *texts, const char **lines)
{
	struct state_record record;

	for (size_t i = 0; i < json_array_size(texts); i++) {
		lines[i] = json_string_value(json_array_get(texts, i));
		if (!lines[i] || state_text_parse(lines[i], json_string_length(json_array_get(texts, i)), &record) < 0)
			return -EINVAL;
	}
	return 0;
}

/* All records are read before the first is taken. */
static void run_import(struct call *call, const json_t *texts)
{
	struct control_imported imported = { 0 };
	size_t count = json_array_size(texts);
	const char **lines = calloc(count + 1, sizeof(*lines));
	uint64_t stamp;

	if (!lines)
		return;
	if (!json_is_array(texts) || control_request_number(call->request, "stamp", INT64_MAX / 1000, &stamp) < 0 ||
	    check_lines(texts, lines) < 0) {
		refuse(call, "\"import\" is an array of records as exported, \"stamp\" the number of their first line");
	} else {
		call->context->import(call->context->daemon, (int64_t)stamp, lines, count, &imported);
		call->result = json_object();
		control_json_set(&call->result, "taken", control_json_count(imported.taken));
		control_json_set(&call->result, "ended", control_json_count(imported.ended));
		control_json_set(&call->result, "denied", control_json_count(imported.denied));
		control_json_set(&call->result, "left_out", control_json_count(imported.left_out));
	}
	free(lines);
}

static void run_export(struct call *call)
{
	if (control_listing_export(call->context, call->now, call->context->wall(), &call->listing) < 0)
		call->listing = NULL;
}

static void run_learned(struct call *call)
{
	const json_t *import = json_object_get(call->request, "import");
	struct ipaddr address;
	struct dns_name name;
	int by_address = control_request_address(call->request, "address", &address);
	int by_name = control_request_name(call->request, "name", &name);

	if (import && !json_is_null(import)) {
		if (may_write(call))
			run_import(call, import);
		return;
	}
	if (json_is_true(json_object_get(call->request, "export"))) {
		run_export(call);
		return;
	}
	if (by_address == -EINVAL || by_name == -EINVAL || (by_address == 0 && by_name == 0)) {
		refuse(call,
		       "either \"address\" is an IPv4 or IPv6 address, or \"name\" is a DNS name, or neither is there");
		return;
	}
	if (control_listing_new(call->context, by_address == 0 ? &address : NULL, by_name == 0 ? &name : NULL,
				&call->listing) < 0)
		return;
	if ((by_address == 0 || by_name == 0) && control_listing_count(call->listing) == 0)
		call->status = STATUS_NO;
}

static void run_why(struct call *call)
{
	struct control_why_question question = { 0 };
	int port, client;
	bool allowed = false;

	if (control_request_address(call->request, "address", &question.address) < 0) {
		refuse(call, "\"address\" is an IPv4 or IPv6 address");
		return;
	}
	port = control_request_port(call->request, "port", &question.port);
	client = control_request_address(call->request, "from", &question.client);
	question.has_port = port == 0;
	question.has_client = client == 0;
	if (port == -EINVAL)
		refuse(call, "\"port\" is one port such as \"tcp/443\" or \"udp/123\", or \"icmp\"");
	else if (client == -EINVAL || (client == 0 && question.client.family != question.address.family))
		refuse(call, "\"from\" is the address of a client, of the same family as \"address\"");
	if (call->error)
		return;
	call->result = control_why(call->context, call->now, &question, &allowed);
	call->status = allowed ? STATUS_YES : STATUS_NO;
}

static void run_explain(struct call *call)
{
	struct dns_name name;
	bool allowed = false;

	if (control_request_name(call->request, "name", &name) < 0) {
		refuse(call, "\"name\" is a DNS name such as \"manage.microsoft.com\"");
		return;
	}
	call->result = control_explain(call->context, call->now, &name, &allowed);
	call->status = allowed ? STATUS_YES : STATUS_NO;
}

static void run_denied(struct call *call)
{
	struct control_listing_denials which = { 0 };
	uint64_t seconds = 0;
	int after = control_request_number(call->request, "after", INT64_MAX, &which.after);
	int since = control_request_number(call->request, "since", INT32_MAX, &seconds);

	if (after == -EINVAL || since == -EINVAL) {
		refuse(call, "\"after\" is a sequence number, \"since\" a number of seconds before now");
		return;
	}
	if (call->context->denied_why) {
		call->error = call->context->denied_why;
		call->status = STATUS_NO;
		return;
	}
	which.has_since = since == 0;
	which.since = monotime_add(call->now, -1000 * (int64_t)seconds);
	if (control_listing_denied(call->context, &which, &call->listing) < 0)
		call->listing = NULL;
}

/* nfqdnctl makes entries of it. */
static void run_suggest(struct call *call)
{
	run_denied(call);
}

static void run_watch(struct call *call)
{
	struct control_event_filter which;
	const char *why;

	if (control_event_read(call->request, &which, &why) < 0) {
		refuse(call, why);
		return;
	}
	if (control_listing_events(call->context, &which, &call->listing) < 0)
		call->listing = NULL;
}

/* It copies what clients are answered, and costs the packet path: not for all who may look. */
static void run_record(struct call *call)
{
	uint64_t after;
	int asked = control_request_number(call->request, "after", INT64_MAX, &after);

	if (asked == -EINVAL) {
		refuse(call, "\"after\" is the sequence number of a packet");
		return;
	}
	if (!may_write(call))
		return;
	if (!call->context->record || call->context->record(call->context->daemon) < 0) {
		call->error = "there is no memory to record into";
		call->status = STATUS_NO;
		return;
	}
	if (control_listing_records(call->context, asked == 0 ? &after : NULL, &call->listing) < 0)
		call->listing = NULL;
}

static void run_doctor(struct call *call)
{
	bool well = false;

	call->result = control_doctor(call->context, call->now, &well);
	call->status = well ? STATUS_YES : STATUS_NO;
}

static void run_wait(struct call *call)
{
	struct control_wait wait;
	const char *why;

	if (control_wait_read(call->request, call->now, &wait, &why) < 0) {
		refuse(call, why);
		return;
	}
	if (!control_wait_met(&wait, call->context) && monotime_before(call->now, wait.deadline)) {
		call->wait = wait;
		return;
	}
	call->result = control_wait_result(&wait, control_wait_met(&wait, call->context));
	call->status = control_wait_met(&wait, call->context) ? STATUS_YES : STATUS_NO;
}

static json_t *problems_json(const struct problems *problems)
{
	json_t *array = json_array();

	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *one = &problems->items[i];
		json_t *object = json_object();

		control_json_set(&object, "severity",
				 json_string(one->severity == PROBLEM_ERROR ? "error" : "warning"));
		control_json_set(&object, "file", control_json_text(one->file));
		control_json_set(&object, "line", json_integer(one->line));
		control_json_set(&object, "setting", control_json_text(one->setting));
		control_json_set(&object, "text", control_json_text(one->text));
		control_json_add(&array, object);
	}
	return array;
}

struct comparison {
	const struct policy *before;
	struct policy *after;
	json_t *changes;
};

static void compare(void *argument)
{
	struct comparison *comparison = argument;
	json_t *before = control_overview(comparison->before), *after = control_overview(comparison->after);

	comparison->changes = control_difference(before, after);
	json_decref(before);
	json_decref(after);
	policy_free(comparison->after);
}

/* What the new policy would change; it is not applied. */
static int try_reload(struct call *call, const char *text, struct problems *problems)
{
	const struct control_context *context = call->context;
	struct comparison comparison = { .before = context->policy };
	int error = context->try_reload(context->daemon, text, problems, &comparison.after);

	if (error < 0)
		return error;
	if (context->aside)
		context->aside(context->daemon, compare, &comparison);
	else
		compare(&comparison);
	control_json_set(&call->result, "changes", comparison.changes);
	return 0;
}

/* Seconds until what is in force goes back, or null. */
static json_t *confirm_in(const struct call *call)
{
	const struct control_trial *trial = &call->context->trial;

	return trial->waiting ? control_describe_left(call->now, trial->ends) : json_null();
}

static int read_reload(struct call *call, bool dry, struct control_reload *out)
{
	uint64_t seconds = 0;
	int error = control_request_number(call->request, "confirm", CONTROL_CONFIRM_MAX, &seconds);

	if (error == -EINVAL || (error == 0 && seconds == 0))
		refuse(call, "\"confirm\" is a number of seconds from 1 to 86400");
	else if (dry && seconds)
		refuse(call, "\"dry_run\" puts nothing in force that could be confirmed");
	*out = (struct control_reload) { .confirm = (uint32_t)seconds };
	if (control_request_text(call->request, "config", &out->text) == -EINVAL)
		refuse(call, "\"config\" is the text of a configuration");
	return call->error ? -EINVAL : 0;
}

static void run_reload(struct call *call)
{
	bool dry = json_is_true(json_object_get(call->request, "dry_run"));
	struct control_reload how;
	struct problems problems = { 0 };
	int error;

	if (!may_write(call) || read_reload(call, dry, &how) < 0)
		return;
	call->result = json_object();
	error = dry ? try_reload(call, how.text, &problems)
		    : call->context->reload(call->context->daemon, &how, &problems);
	problem_sort(&problems);
	call->status = error < 0 ? STATUS_NO : STATUS_YES;
	control_json_set(&call->result, "ok", json_boolean(error == 0));
	control_json_set(&call->result, "dry_run", json_boolean(dry));
	control_json_set(&call->result, "generation", control_json_count(call->context->policy->generation));
	control_json_set(&call->result, "errors", control_json_count(problems.errors));
	control_json_set(&call->result, "confirm_in", confirm_in(call));
	control_json_set(&call->result, "problems", problems_json(&problems));
	problem_clear(&problems);
}

static void run_confirm(struct call *call)
{
	const struct control_context *context = call->context;
	bool undo = json_is_true(json_object_get(call->request, "undo"));
	int error;

	if (!may_write(call))
		return;
	error = context->confirm ? context->confirm(context->daemon, undo) : -ENOENT;
	if (error < 0) {
		call->error = error == -ENOENT
				      ? "no reload waits to be confirmed"
				      : "the kernel refused the policy before; it is tried again when the time is over";
		call->status = STATUS_NO;
		return;
	}
	call->result = json_object();
	control_json_set(&call->result, "kept", json_boolean(!undo));
	control_json_set(&call->result, "generation", control_json_count(context->policy->generation));
}

/* ---- the table ---- */

#define ROW(name, arguments, help) { #name, run_##name },
#define NO_ROW(name, arguments, help)
static const struct command_row {
	const char *name;
	void (*run)(struct call *call);
} command_rows[] = { COMMAND_LIST(ROW, NO_ROW) };
#undef ROW
#define COMMAND_ROWS (sizeof(command_rows) / sizeof(command_rows[0]))

static const struct command_row *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_ROWS; i++)
		if (strcmp(command_rows[i].name, name) == 0)
			return &command_rows[i];
	return NULL;
}

static char *unknown_command(const char *name)
{
	const char *names[COMMAND_ROWS + 1] = { NULL };
	char shown[64], text[192];
	const char *nearest;

	for (size_t i = 0; i < COMMAND_ROWS; i++)
		names[i] = command_rows[i].name;
	nearest = problem_nearest(name, names);
	escape_text(shown, sizeof(shown), name, strlen(name));
	snprintf(text, sizeof(text), "unknown command \"%s\"%s%s%s", shown, nearest ? "; did you mean \"" : "",
		 nearest ? nearest : "", nearest ? "\"?" : "");
	return control_commands_error(STATUS_USAGE, text);
}

/* ---- answers ---- */

/* Takes `object` over. */
static char *line_of(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t length = text ? strlen(text) : 0;
	char *line = text ? realloc(text, length + 2) : NULL;

	json_decref(object);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + length, "\n", 2);
	return line;
}

static json_t *answer_head(bool ok, int status)
{
	json_t *object = json_object();

	control_json_set(&object, "api", json_integer(CONTROL_API));
	control_json_set(&object, "ok", json_boolean(ok));
	control_json_set(&object, "exit", json_integer(status));
	return object;
}

char *control_commands_error(int status, const char *text)
{
	json_t *object = answer_head(false, status);

	control_json_set(&object, "error", control_json_text(text));
	return line_of(object);
}

static char *result_line(json_t *result, int status)
{
	json_t *object = answer_head(true, status);

	control_json_set(&object, "result", result);
	return line_of(object);
}

char *control_commands_waited(const struct control_wait *wait, bool met)
{
	return result_line(control_wait_result(wait, met), met ? STATUS_YES : STATUS_NO);
}

static char *listing_head(int status)
{
	char *text;

	return asprintf(&text, "{\"api\":%d,\"ok\":true,\"exit\":%d,\"result\":[", CONTROL_API, status) < 0 ? NULL
													    : text;
}

char *control_commands_piece(struct control_listing *listing, const struct control_context *context,
			     struct monotime now, bool *more)
{
	char *text = control_listing_next(listing, context, now, more), tail[48] = "";
	uint64_t sequence = control_listing_sequence(listing);
	char *line;

	if (!text || *more)
		return text;
	if (sequence)
		snprintf(tail, sizeof(tail), ",\"sequence\":%" PRIu64, sequence);
	if (asprintf(&line, "%s]%s}\n", text, tail) < 0)
		line = NULL;
	free(text);
	return line;
}

/* ---- a request ---- */

static int take_reply(struct call *call, struct control_reply *out)
{
	struct control_reply reply = { .listing = call->listing, .wait = call->wait };

	if (call->wait.kind == CONTROL_WAIT_NONE) {
		if (call->error)
			reply.text = control_commands_error(call->status, call->error);
		else if (call->listing)
			reply.text = listing_head(call->status);
		else
			reply.text = result_line(call->result, call->status);
		if (!reply.text) {
			control_listing_free(call->listing);
			return -ENOMEM;
		}
	}
	*out = reply;
	return 0;
}

static int run_request(const struct control_context *context, struct monotime now, bool writes, const json_t *request,
		       struct control_reply *out)
{
	const struct command_row *row = find(control_request_command(request));
	struct call call = { .context = context, .now = now, .writes = writes, .request = request };
	char *text;

	if (row) {
		row->run(&call);
		return take_reply(&call, out);
	}
	text = unknown_command(control_request_command(request));
	if (!text)
		return -ENOMEM;
	*out = (struct control_reply) { .text = text };
	return 0;
}

int control_commands_run(const struct control_context *context, struct monotime now, bool writes, const char *line,
			 size_t length, struct control_reply *out)
{
	json_t *request;
	const char *why;
	char *text;
	int error = control_request_parse(line, length, &request, &why);

	counters.control_requests++;
	if (error == 0) {
		error = run_request(context, now, writes, request, out);
		json_decref(request);
		return error;
	}
	text = control_commands_error(STATUS_USAGE, why);
	if (!text)
		return -ENOMEM;
	*out = (struct control_reply) { .text = text, .malformed = error == -EBADMSG };
	return 0;
}
