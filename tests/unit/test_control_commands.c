/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: control/commands.o control/denied.o control/event.o control/describe.o learn/denials.o learn/names.o control/difference.o control/explain.o control/json.o control/listing.o control/record.o learn/recorder.o learn/snoop_fate.o */
/* LINK: control/overview.o control/request.o control/metrics.o control/status.o dns/stream.o dns/stream_flow.o control/wait.o control/why.o */
/* LINK: learn/derived.o learn/past.o learn/store.o learn/store_heap.o learn/store_name.o learn/store_plan.o learn/events.o learn/pool.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/histogram.o base/escape.o base/hash.o base/lru.o base/ipaddr.o base/log.o */
/* LINK: base/monotime.o */
/* LINK: policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/config.o */
/* LINK: policy/config_check.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o */
/* LINK: policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/interval.o policy/option.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o */
/* LINK: policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o */
/* LINK: policy/policy_warn.o policy/problem.o policy/reserved.o policy/nat64.o policy/value.o */
/* LINK: learn/state_text.o */
/* LIBS: jansson libconfig */
/* Each command from the request's line to the answer's, with a real policy and a real store; only the kernel is made
 * up. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/counters.h"
#include "control/commands.h"
#include "control/doctor.h"
#include "control/json.h"
#include "learn/state_text.h"

/* ---- a made-up kernel ---- */

int table_counters(struct table *table,
		   void (*visit)(void *context, const char *name, uint64_t packets, uint64_t bytes), void *context)
{
	(void)table;
	visit(context, "denied", 7, 420);
	visit(context, "snoop_queued", 3, 600);
	return 0;
}

const struct table_capabilities *table_capabilities(const struct table *table)
{
	static const struct table_capabilities capabilities = { .queue = TABLE_QUEUE_XTABLES };

	(void)table;
	return &capabilities;
}

static enum table_owner made_up_owner;

enum table_owner table_owner(const struct table *table)
{
	(void)table;
	return made_up_owner;
}

const char *table_queue_backend_name(enum table_queue_backend backend)
{
	return backend == TABLE_QUEUE_NATIVE ? "native" : "xtables";
}

/* tests/netns/test_doctor.py has the checks. */
json_t *control_doctor(const struct control_context *context, struct monotime now, bool *well)
{
	(void)context;
	*well = now.msec % 2 == 0;
	return json_pack("{s:b}", "well", *well);
}

int queue_depth(const struct queue *queue, uint64_t *waiting, uint64_t *dropped)
{
	(void)queue;
	*waiting = 4;
	*dropped = 1;
	return 0;
}

/* ---- the world ---- */

/* %s: the root of the sources. */
static const char configuration[] =
	"gateway: { interfaces = [ \"br-lan\" ]; clients = [ \"10.1.0.0/16\", \"fd00:1::/64\" ];\n"
	"  resolvers = [ \"9.9.9.9\", \"local\", \"2001:db8:53::53\" ]; catalog = [ \"%s/data\" ]; };\n"
	"allow: {\n"
	"  intune: { service = \"intune\"; features = [ \"core\" ]; };\n"
	"  build: { names = [ \"*.example.com\", \"a.test\", \"*.test\" ];\n"
	"    addresses = [ \"198.18.5.0/24\", \"198.18.6.10-198.18.6.20\", \"2001:db8:7::/48\" ];\n"
	"    ports = [ \"tcp/443\", \"udp/3478-3481\", \"icmp\" ]; };\n"
	"  kiosk: { names = [ \"*.example.com\" ]; addresses = [ \"198.18.7.0/24\" ]; clients = [ \"10.1.9.0/24\" ]; "
	"ports = [ \"tcp/8443\" ]; };\n"
	"  wide: { service = \"power-bi\"; features = [ \"get-data\", \"power-bi-2024\" ]; optional = true; broad = "
	"true; };\n"
	"};\n"
	"inbound: { sql: { service = \"power-automate\"; features = [ \"connectors\" ]; regions = [ \"Europe\" ];\n"
	"  to = [ \"10.1.0.10\" ]; ports = [ \"tcp/1433\" ]; also = [ \"10.7.0.0/16\" ]; }; };\n";

struct world {
	struct control_context context;
	struct policy *policy;
	struct monotime now;
	bool reader; /* who asks may change nothing */
	bool refuse; /* what reload() does */
	uint32_t confirm; /* that it was asked for */
	char text[64]; /* of a configuration that reload() was given */
	int confirm_error; /* of confirm() */
	bool undone;
	size_t imported; /* records that import() was given */
	int64_t stamp;
};

static struct policy *load(void)
{
	char path[] = "/tmp/nfqdn-control-XXXXXX";
	struct problems problems = { 0 };
	int fd = mkstemp(path);
	char *root = getcwd(NULL, 0);
	struct config *config;
	struct policy *policy;

	assert_true(fd >= 0);
	assert_non_null(root);
	assert_true(dprintf(fd, configuration, root) > 0);
	close(fd);
	free(root);
	config = config_load(path, &problems);
	policy = config ? policy_build(config, "2026-01-01", &problems) : NULL;
	if (!policy)
		problem_print(&problems, stderr);
	problem_clear(&problems);
	unlink(path);
	assert_non_null(policy);
	return policy;
}

static int reload(void *daemon, const struct control_reload *how, struct problems *problems)
{
	struct world *world = daemon;

	problem_add(problems, PROBLEM_WARNING, "nfqdn.conf", 9, "allow.intune", "old rows");
	if (world->refuse) {
		problem_add(problems, PROBLEM_ERROR, "nfqdn.conf", 3, "gateway.mode",
			    "\"enforced\": did you mean \"enforce\"?");
		return -EINVAL;
	}
	world->policy->generation++;
	world->confirm = how->confirm;
	snprintf(world->text, sizeof(world->text), "%s", how->text ? how->text : "");
	world->context.trial.waiting = how->confirm != 0;
	world->context.trial.ends = monotime_add(world->now, 1000 * (int64_t)how->confirm);
	return 0;
}

static int confirm(void *daemon, bool undo)
{
	struct world *world = daemon;

	world->undone = undo;
	return world->confirm_error;
}

static void import(void *daemon, int64_t stamp, const char *const *lines, size_t count, struct control_imported *out)
{
	struct world *world = daemon;

	for (size_t i = 0; i < count; i++)
		assert_memory_equal(lines[i], "element ", 8);
	world->imported += count;
	world->stamp = stamp;
	*out = (struct control_imported) { .taken = count, .ended = 1, .denied = 2, .left_out = 3 };
}

static int64_t wall(void)
{
	return 1700000000999;
}

static int setup(void **state)
{
	static const struct hash_key key = { 1, 2 };
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->policy = load();
	world->policy->generation = 5;
	world->now.msec = 500000;
	world->context = (struct control_context) { .policy = world->policy,
						    .store = store_new(&key, 1000),
						    .denials = denials_new(&key),
						    .names = names_new(&key),
						    .events = events_new(1000),
						    .config_path = "/etc/nfqdn.conf",
						    .started = { 247500 },
						    .ready = true,
						    .reload = reload,
						    .confirm = confirm,
						    .import = import,
						    .wall = wall,
						    .daemon = world };
	assert_non_null(world->context.store);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	store_free(world->context.store);
	denials_free((struct denials *)world->context.denials);
	names_free((struct names *)world->context.names);
	events_free((struct events *)world->context.events);
	policy_free(world->policy);
	free(world);
	return 0;
}

static struct element_key key_of(const char *address, uint8_t group, uint8_t l4proto, uint16_t port)
{
	struct element_key key = { .group = group, .l4proto = l4proto, .port = port };

	assert_int_equal(ipaddr_from_text(address, &key.address), 0);
	return key;
}

static void settle(struct world *world)
{
	size_t count;
	struct element_change *changes = store_changes(world->context.store, &count);

	for (size_t i = 0; i < count; i++)
		changes[i].error = 0;
	assert_int_equal(store_settle(world->context.store), 0);
}

static void teach(struct world *world, const struct element_key *key, const char *text, uint32_t ttl)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	assert_int_equal(store_reserve(world->context.store), 0);
	assert_true(store_plan(world->context.store, key, &name, ttl, world->now, 1000 * (int64_t)(ttl + 60), 1000,
			       0) >= 0);
	settle(world);
}

static void forget(struct world *world, const struct element_key *key)
{
	assert_int_equal(store_plan_delete(world->context.store, key), 0);
	settle(world);
}

static json_t *read_line(char *line)
{
	size_t length = strlen(line);
	json_t *answer;

	assert_true(length > 0 && line[length - 1] == '\n');
	assert_null(memchr(line, '\n', length - 1));
	answer = json_loads(line, 0, NULL);
	assert_non_null(answer);
	free(line);
	return answer;
}

/* Collects the pieces of a long answer; `between`, when given, is called after each. */
static char *collect(struct world *world, struct control_reply *reply, void (*between)(struct world *world))
{
	char *line = reply->text;
	bool more = reply->listing != NULL;

	while (more) {
		char *piece = control_commands_piece(reply->listing, &world->context, world->now, &more);

		assert_non_null(piece);
		line = realloc(line, strlen(line) + strlen(piece) + 1);
		assert_non_null(line);
		strcat(line, piece);
		free(piece);
		if (between)
			between(world);
	}
	control_listing_free(reply->listing);
	return line;
}

static json_t *answer_of(struct world *world, const char *request)
{
	struct control_reply reply;

	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	assert_int_equal(reply.wait.kind, CONTROL_WAIT_NONE);
	return read_line(collect(world, &reply, NULL));
}

/* The result of a request {"api": 1, "command": ...REST}; its status must be as told. To be freed. */
static json_t *result_of(struct world *world, const char *rest, int status)
{
	char request[1024];
	json_t *answer, *result;

	snprintf(request, sizeof(request), "{\"api\":1,\"command\":%s}", rest);
	answer = answer_of(world, request);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_int_equal(json_integer_value(json_object_get(answer, "api")), 1);
	assert_int_equal(json_integer_value(json_object_get(answer, "exit")), status);
	result = json_incref(json_object_get(answer, "result"));
	assert_non_null(result);
	json_decref(answer);
	return result;
}

static void same_json(const json_t *value, const char *expected)
{
	json_t *other = json_loads(expected, JSON_DECODE_ANY, NULL);

	assert_non_null(other);
	if (!json_equal(value, other)) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		print_error("found    %s\nexpected %s\n", text, expected);
		free(text);
		fail();
	}
	json_decref(other);
}

static void result_is(struct world *world, const char *rest, int status, const char *expected)
{
	json_t *result = result_of(world, rest, status);

	same_json(result, expected);
	json_decref(result);
}

static void refusal_is(struct world *world, const char *request, int status, const char *part)
{
	json_t *answer = answer_of(world, request);

	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_int_equal(json_integer_value(json_object_get(answer, "exit")), status);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "error")), part));
	assert_null(json_object_get(answer, "result"));
	json_decref(answer);
}

static void error_is(struct world *world, const char *request, const char *part)
{
	refusal_is(world, request, 2, part);
}

/* ---- requests that are none ---- */

static void bad_requests(void **state)
{
	struct world *world = *state;

	error_is(world, "{\"command\":\"status\"}", "\"api\": 1 is missing");
	error_is(world, "{\"api\":2,\"command\":\"status\"}", "\"api\": 1 is missing");
	error_is(world, "{\"api\":1}", "\"command\"");
	error_is(world, "{\"api\":1,\"command\":7}", "\"command\"");
	error_is(world, "{\"api\":1,\"command\":\"statsu\"}", "did you mean \"status\"?");
	error_is(world, "{\"api\":1,\"command\":\"catalog\"}", "unknown command");
	error_is(world, "{\"api\":1,\"command\":\"\\u001b[2J\\n\"}", "unknown command \"\\027[2J\\010\"");
	error_is(world, "{\"api\":1,\"command\":\"why\"}", "\"address\"");
	error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.0/24\"}", "\"address\"");
	error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.1\",\"port\":\"tcp/1-2\"}", "\"port\"");
	error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.1\",\"port\":443}", "\"port\"");
	error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.1\",\"from\":\"fd00:1::1\"}", "\"from\"");
	error_is(world, "{\"api\":1,\"command\":\"explain\",\"name\":\"a..b\"}", "\"name\"");
	error_is(world, "{\"api\":1,\"command\":\"learned\",\"name\":\"a.b\",\"address\":\"::1\"}", "either");
	error_is(world, "{\"api\":1,\"command\":\"learned\",\"name\":[]}", "either");
	error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"rain\"}", "\"for\"");
	error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"ready\",\"timeout\":-1}", "\"timeout\"");
	error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"ready\",\"timeout\":86401}", "\"timeout\"");
	error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"learned\"}", "\"name\"");
	error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"generation\",\"generation\":1.5}", "\"generation\"");
}

static void malformed(struct world *world, const char *line, size_t length)
{
	struct control_reply reply;

	assert_int_equal(control_commands_run(&world->context, world->now, true, line, length, &reply), 0);
	assert_true(reply.malformed);
	json_decref(read_line(reply.text));
}

static void malformed_requests(void **state)
{
	struct world *world = *state;

	malformed(world, "", 0);
	malformed(world, "hello", 5);
	malformed(world, "[1]", 3);
	malformed(world, "{\"api\":1,\0\"command\":\"status\"}", 29);
	malformed(world, "{\"api\":1,\"command\":\"status\"} {}", 31);
	malformed(world, "{\"api\":1,\"api\":1,\"command\":\"status\"}", 36);
}

static void unknown_members_are_passed_over(void **state)
{
	result_is(*state, "\"explain\",\"name\":\"nobody.invalid\",\"colour\":[1]", 1,
		  "{\"name\":\"nobody.invalid\",\"verdict\":\"denied\",\"by\":[]}");
}

/* ---- status ---- */

static void status_tells_every_counter(void **state)
{
	json_t *result, *values;
	size_t count = 0;

	memset(&counters, 0, sizeof(counters));
	counters.answers = 42;
	counters.hold_microseconds = UINT64_MAX;
	result = result_of(*state, "\"status\"", 0);
	values = json_object_get(result, "counters");
	for (const struct counter_row *row = counter_rows; row->name; row++, count++)
		assert_true(json_is_integer(json_object_get(values, row->name)));
	assert_int_equal(json_object_size(values), count + 4);
	assert_int_equal(json_integer_value(json_object_get(values, "answers")), 42);
	assert_int_equal(json_integer_value(json_object_get(values, "control_requests")), 1);
	assert_true(json_integer_value(json_object_get(values, "hold_microseconds")) == INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(values, "kernel_denied_packets")), 7);
	assert_int_equal(json_integer_value(json_object_get(values, "kernel_denied_bytes")), 420);
	json_decref(result);
}

static void status_tells_what_is_in_force(void **state)
{
	struct world *world = *state;
	struct element_key v4 = key_of("192.0.2.1", 0, IPPROTO_TCP, 443),
			   v6 = key_of("2001:db8::1", 0, IPPROTO_TCP, 443);
	json_t *result;

	teach(world, &v4, "a.test", 60);
	teach(world, &v6, "a.test", 60);
	v6.port = 80;
	teach(world, &v6, "a.test", 60);
	result = result_of(world, "\"status\"", 0);
	same_json(json_object_get(result, "version"), "\"" NFQDN_VERSION "\"");
	same_json(json_object_get(result, "ready"), "true");
	same_json(json_object_get(result, "mode"), "\"enforce\"");
	same_json(json_object_get(result, "verify"), "\"flow\"");
	same_json(json_object_get(result, "table"), "\"nfqdn\"");
	same_json(json_object_get(result, "owned"), "false");
	same_json(json_object_get(result, "owned_why"), "\"own-table is \\\"off\\\"\"");
	same_json(json_object_get(result, "generation"), "5");
	same_json(json_object_get(result, "uptime"), "252");
	same_json(json_object_get(result, "config"), "\"/etc/nfqdn.conf\"");
	same_json(json_object_get(result, "queue"),
		  "{\"backend\":\"xtables\",\"first\":0,\"count\":1,\"waiting\":4,\"dropped\":1}");
	same_json(json_object_get(result, "learned"), "{\"ipv4\":1,\"ipv6\":2,\"limit\":100000}");
	same_json(json_object_get(json_object_get(result, "policy"), "entries"), "5");
	same_json(json_object_get(json_object_get(result, "policy"), "resolvers"),
		  "[\"local\",\"9.9.9.9\",\"2001:db8:53::53\"]");
	json_decref(result);
}

static void status_tells_the_owner(void **state)
{
	static const struct {
		enum table_owner owner;
		const char *owned, *why;
	} rows[] = {
		{ TABLE_OWNER_US, "true", "" },
		{ TABLE_OWNER_OFF, "false", "own-table is" },
		{ TABLE_OWNER_LACKING, "false", "Linux 6.9" },
		{ TABLE_OWNER_FOUND, "false", "--flush" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *result;
		const char *why;

		made_up_owner = rows[i].owner;
		result = result_of(*state, "\"status\"", 0);
		same_json(json_object_get(result, "owned"), rows[i].owned);
		why = json_string_value(json_object_get(result, "owned_why"));
		assert_non_null(strstr(why, rows[i].why));
		assert_int_equal(rows[i].why[0] == '\0', why[0] == '\0');
		json_decref(result);
	}
	made_up_owner = TABLE_OWNER_OFF;
}

/* ---- policy ---- */

static json_t *entry_named(const json_t *result, const char *name)
{
	size_t index;
	json_t *entry;

	json_array_foreach(json_object_get(result, "entries"), index,
			   entry) if (strcmp(json_string_value(json_object_get(entry, "entry")), name) ==
				      0) return entry;
	fail_msg("no entry %s", name);
	return NULL;
}

static void policy_tells_entries(void **state)
{
	json_t *result = result_of(*state, "\"policy\"", 0), *entry = entry_named(result, "build");

	same_json(json_object_get(result, "generation"), "5");
	same_json(json_object_get(result, "groups"),
		  "[{\"name\":\"\",\"clients\":[]},{\"name\":\"kiosk\",\"clients\":[\"10.1.9.0/24\"]}]");
	same_json(json_object_get(result, "resolvers"), "[\"local\",\"9.9.9.9\",\"2001:db8:53::53\"]");
	assert_int_equal(json_array_size(json_object_get(result, "entries")), 5);
	same_json(json_object_get(entry, "direction"), "\"outbound\"");
	same_json(json_object_get(entry, "service"), "null");
	same_json(json_object_get(entry, "names"), "[\"*.example.com\",\"a.test\",\"*.test\"]");
	same_json(json_object_get(entry, "prefixes"),
		  "[\"198.18.5.0/24\",\"198.18.6.10-198.18.6.20\",\"2001:db8:7::/48\"]");
	same_json(json_object_get(entry, "ports"), "[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]");
	same_json(json_object_get(entry, "rows"), "[]");
	same_json(json_object_get(entry, "lifetime"), "{\"grace\":60,\"min\":300,\"max\":86400}");
	same_json(json_object_get(entry_named(result, "kiosk"), "group"), "\"kiosk\"");
	json_decref(result);
}

static void policy_tells_rows_and_warnings(void **state)
{
	json_t *result = result_of(*state, "\"policy\"", 0), *rows, *entry, *row = NULL, *one;
	size_t index;

	rows = json_object_get(entry_named(result, "intune"), "rows");
	json_array_foreach(rows, index, one) if (strcmp(json_string_value(json_object_get(one, "row")),
							"intune/core/163") == 0) row = one;
	assert_non_null(row);
	assert_int_equal(json_array_size(json_object_get(row, "names")), 3);
	/* one prefix stands twice in the document; how often it is told here is the policy's business */
	assert_true(json_array_size(json_object_get(row, "prefixes")) >= 83);
	same_json(json_object_get(row, "ports"), "[\"tcp/80\",\"tcp/443\"]");
	one = json_object_get(entry_named(result, "wide"), "warnings");
	assert_true(control_json_holds(one, "*.google.com: opens the names of a whole company"));
	assert_true(
		control_json_holds(one, "*.pbidedicated.windows.net: a stranger can rent a name or place behind it"));
	entry = entry_named(result, "sql");
	same_json(json_object_get(entry, "direction"), "\"inbound\"");
	same_json(json_object_get(entry, "to"), "[\"10.1.0.10\"]");
	same_json(json_object_get(entry, "prefixes"), "[\"10.7.0.0/16\"]");
	assert_int_equal(json_array_size(json_object_get(entry, "rows")), 1);
	json_decref(result);
}

/* ---- explain ---- */

static void explain_tells_every_entry(void **state)
{
	result_is(*state, "\"explain\",\"name\":\"WWW.Example.COM.\"", 0,
		  "{\"name\":\"www.example.com\",\"verdict\":\"allowed\",\"by\":["
		  "{\"entry\":\"build\",\"group\":\"\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		  "\"version\":null,"
		  "\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]},"
		  "{\"entry\":\"kiosk\",\"group\":\"kiosk\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		  "\"version\":null,\"ports\":["
		  "\"tcp/8443\"]}]}");
	result_is(*state, "\"explain\",\"name\":\"x.manage.microsoft.com\"", 0,
		  "{\"name\":\"x.manage.microsoft.com\",\"verdict\":\"allowed\",\"by\":["
		  "{\"entry\":\"intune\",\"group\":\"\",\"pattern\":\"*.manage.microsoft.com\",\"row\":\"intune/core/"
		  "163\",\"list\":\"Network endpoints for Microsoft Intune (2025-01-09)\",\"version\":\"\","
		  "\"ports\":[\"tcp/80\",\"tcp/443\"]}]}");
}

static void explain_tells_where_a_derived_name_comes_from(void **state)
{
	static const struct hash_key key = { 1, 2 };
	struct world *world = *state;
	struct derived *derived = derived_new(&key);
	struct derived_record record = { .groups = 1, .depth = 1, .deadline = monotime_add(world->now, 42000) };

	assert_non_null(derived);
	assert_int_equal(dns_name_from_text("edge.cdn.test.invalid", &record.name), 0);
	assert_int_equal(dns_name_from_text("www.example.com", &record.origin), 0);
	derived_add(derived, &record, "*.example.com", world->now);
	world->context.derived = derived;
	result_is(world, "\"explain\",\"name\":\"edge.cdn.test.invalid\"", 0,
		  "{\"name\":\"edge.cdn.test.invalid\",\"verdict\":\"allowed\",\"by\":["
		  "{\"entry\":\"build\",\"group\":\"\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		  "\"version\":null,"
		  "\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"],\"derived_from\":\"www.example.com\","
		  "\"expires_in\":42}]}");
	world->now = record.deadline;
	result_is(world, "\"explain\",\"name\":\"edge.cdn.test.invalid\"", 1,
		  "{\"name\":\"edge.cdn.test.invalid\",\"verdict\":\"denied\",\"by\":[]}");
	world->context.derived = NULL;
	derived_free(derived);
}

static void what_a_derived_name_brought(void **state)
{
	struct world *world = *state;
	struct element_key key = key_of("192.0.2.9", 0, 6, 443);
	struct dns_name name;

	teach(world, &key, "www.example.com", 240);
	assert_int_equal(dns_name_from_text("edge.cdn.invalid", &name), 0);
	store_note_derived(world->context.store, &key, &name, 240, world->now, 300000);
	result_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/443\"", 0,
		  "{\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"mode\":\"enforce\",\"verdict\":"
		  "\"allowed\",\"by\":[{\"entry\":\"build\",\"group\":\"\",\"via\":\"name\","
		  "\"name\":\"www.example.com\",\"pattern\":\"*.example.com\",\"derived\":[\"edge.cdn.invalid\"],"
		  "\"row\":null,\"list\":null,\"version\":null,\"ports\":[\"tcp/443\"],\"expires_in\":300}]}");
	result_is(world, "\"learned\",\"name\":\"edge.cdn.invalid\"", 0,
		  "[{\"family\":\"ipv4\",\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"group\":\"\","
		  "\"names\":[\"www.example.com\",\"edge.cdn.invalid\"],\"entries\":[\"build\"],"
		  "\"derived\":[\"edge.cdn.invalid\"],\"ttl\":240,\"expires_in\":300}]");
}

static void explain_hints_at_the_apex(void **state)
{
	result_is(*state, "\"explain\",\"name\":\"example.com\"", 1,
		  "{\"name\":\"example.com\",\"verdict\":\"denied\",\"by\":[],"
		  "\"hint\":\"*.example.com is allowed, example.com itself is not: add it\"}");
	result_is(*state, "\"explain\",\"name\":\"evilexample.com\"", 1,
		  "{\"name\":\"evilexample.com\",\"verdict\":\"denied\",\"by\":[]}");
}

static void names_come_escaped(void **state)
{
	result_is(*state, "\"explain\",\"name\":\"a\\\\010\\\\000b.Example.com\"", 0,
		  "{\"name\":\"a\\\\010\\\\000b.example.com\",\"verdict\":\"allowed\",\"by\":["
		  "{\"entry\":\"build\",\"group\":\"\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		  "\"version\":null,"
		  "\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]},"
		  "{\"entry\":\"kiosk\",\"group\":\"kiosk\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		  "\"version\":null,\"ports\":["
		  "\"tcp/8443\"]}]}");
}

/* ---- learned ---- */

static void learned_tells_everything(void **state)
{
	struct world *world = *state;
	struct element_key key = key_of("192.0.2.9", 0, IPPROTO_TCP, 443);

	result_is(world, "\"learned\"", 0, "[]");
	teach(world, &key, "WWW.example.com", 300);
	teach(world, &key, "a.test", 120);
	world->now.msec += 1500;
	result_is(
		world, "\"learned\"", 0,
		"[{\"family\":\"ipv4\",\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"group\":\"\","
		"\"names\":[\"www.example.com\",\"a.test\"],\"entries\":[\"build\"],\"ttl\":120,\"expires_in\":358}]");
	world->now.msec += 1000000;
	result_is(world, "\"learned\",\"address\":\"192.0.2.9\"", 0,
		  "[{\"family\":\"ipv4\",\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"group\":\"\","
		  "\"names\":[\"www.example.com\",\"a.test\"],\"entries\":[\"build\"],\"ttl\":120,\"expires_in\":0}]");
}

static void learned_of_groups_and_icmp(void **state)
{
	struct world *world = *state;
	struct element_key kiosk = key_of("2001:db8::9", 1, IPPROTO_TCP, 8443);
	struct element_key ping = key_of("2001:db8::9", 0, IPPROTO_ICMPV6, value_icmp_port(IPADDR_V6));

	teach(world, &kiosk, "x.example.com", 300);
	result_is(
		world, "\"learned\"", 0,
		"[{\"family\":\"ipv6\",\"address\":\"2001:db8::9\",\"proto\":\"tcp\",\"port\":8443,\"group\":\"kiosk\","
		"\"names\":[\"x.example.com\"],\"entries\":[\"kiosk\"],\"ttl\":300,\"expires_in\":360}]");
	forget(world, &kiosk);
	teach(world, &ping, "x.example.com", 300);
	result_is(world, "\"learned\"", 0,
		  "[{\"family\":\"ipv6\",\"address\":\"2001:db8::9\",\"proto\":\"icmp\",\"port\":null,\"group\":\"\","
		  "\"names\":[\"x.example.com\"],\"entries\":[\"build\"],\"ttl\":300,\"expires_in\":360}]");
}

static void learned_of_a_name_or_address(void **state)
{
	struct world *world = *state;
	struct element_key one = key_of("192.0.2.1", 0, IPPROTO_TCP, 443),
			   two = key_of("192.0.2.2", 0, IPPROTO_TCP, 443);
	json_t *result;

	teach(world, &one, "one.test", 300);
	teach(world, &two, "two.test", 300);
	result = result_of(world, "\"learned\",\"name\":\"TWO.test.\"", 0);
	assert_int_equal(json_array_size(result), 1);
	same_json(json_object_get(json_array_get(result, 0), "address"), "\"192.0.2.2\"");
	json_decref(result);
	result = result_of(world, "\"learned\",\"address\":\"192.0.2.1\"", 0);
	assert_int_equal(json_array_size(result), 1);
	same_json(json_object_get(json_array_get(result, 0), "address"), "\"192.0.2.1\"");
	json_decref(result);
	result_is(world, "\"learned\",\"name\":\"test\"", 1, "[]");
	result_is(world, "\"learned\",\"address\":\"192.0.2.3\"", 1, "[]");
}

static void teach_many(struct world *world, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct element_key key = key_of("10.0.0.0", 0, IPPROTO_TCP, 443);

		key.address.bytes[2] = (uint8_t)(i >> 8);
		key.address.bytes[3] = (uint8_t)i;
		teach(world, &key, "many.test", 300);
	}
}

static void learned_in_pieces(void **state)
{
	struct world *world = *state;
	json_t *result;

	for (unsigned int count = 1; count <= 3 * CONTROL_LISTING_PIECE; count += count < 62 ? 61 : 1) {
		teach_many(world, count);
		result = result_of(world, "\"learned\"", 0);
		assert_int_equal(json_array_size(result), count);
		json_decref(result);
	}
}

static void forget_all(struct world *world)
{
	store_plan_expired(world->context.store, monotime_add(world->now, INT64_C(1) << 40));
	settle(world);
}

/* Elements go between the pieces, even all of them. */
static void learned_while_it_changes(void **state)
{
	static const char request[] = "{\"api\":1,\"command\":\"learned\"}";
	struct world *world = *state;
	struct control_reply reply;
	json_t *answer;

	teach_many(world, 5 * CONTROL_LISTING_PIECE);
	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	answer = read_line(collect(world, &reply, forget_all));
	assert_int_equal(json_array_size(json_object_get(answer, "result")), CONTROL_LISTING_PIECE);
	json_decref(answer);
	teach_many(world, 5 * CONTROL_LISTING_PIECE);
	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	forget_all(world);
	answer = read_line(collect(world, &reply, NULL));
	assert_int_equal(json_array_size(json_object_get(answer, "result")), 0);
	json_decref(answer);
}

/* What is exported is a whole file, also while elements go between the pieces. */
static void learned_export(void **state)
{
	struct world *world = *state;
	struct element_key key = key_of("2001:db8::9", 1, IPPROTO_TCP, 8443);
	struct state_reader reader = { .stage = STATE_HEAD };
	struct state_record record;
	struct control_reply reply;
	static const char request[] = "{\"api\":1,\"command\":\"learned\",\"export\":true}";
	json_t *answer, *lines;
	const char *why;

	result_is(world, "\"learned\",\"export\":true", 0,
		  "[\"nfqdn-learned 1 1700000000\",\"end 0 4031340bffa7af5a\"]");
	teach(world, &key, "x\\000.Example.com", 300);
	teach_many(world, 5 * CONTROL_LISTING_PIECE);
	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	answer = read_line(collect(world, &reply, forget_all));
	lines = json_object_get(answer, "result");
	assert_in_range(json_array_size(lines), 3, 2 + CONTROL_LISTING_PIECE);
	for (size_t i = 0; i < json_array_size(lines); i++)
		assert_true(state_text_line(&reader, json_string_value(json_array_get(lines, i)),
					    json_string_length(json_array_get(lines, i)), &record, &why) >= 0);
	assert_int_equal(reader.stage, STATE_ENDED);
	json_decref(answer);
	teach(world, &key, "x\\000.Example.com", 300);
	answer = result_of(world, "\"learned\",\"export\":true", 0);
	same_json(json_array_get(answer, 1), "\"element kiosk 2001:db8::9 tcp/8443 360 300 x\\\\000.example.com 300\"");
	json_decref(answer);
}

#define RECORD "\"element - 192.0.2.1 tcp/443 5 5 a.test 5\""

static void learned_import(void **state)
{
	struct world *world = *state;
	static const char *const bad[] = { "7",
					   "{}",
					   "[7]",
					   "[" RECORD ", \"element\"]",
					   "[" RECORD ", \"element - 192.0.2.1 tcp/443 5 5 a.test 5\\n\"]",
					   "[" RECORD "], \"stamp\": -1",
					   "[" RECORD "], \"stamp\": null" };
	char request[512];

	result_is(world, "\"learned\",\"stamp\":1700000000,\"import\":[" RECORD "," RECORD "]", 0,
		  "{\"taken\":2,\"ended\":1,\"denied\":2,\"left_out\":3}");
	assert_int_equal(world->imported, 2);
	assert_int_equal(world->stamp, 1700000000);
	result_is(world, "\"learned\",\"stamp\":1,\"import\":[]", 0,
		  "{\"taken\":0,\"ended\":1,\"denied\":2,\"left_out\":3}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(request, sizeof(request), "{\"api\":1,\"command\":\"learned\",%s\"import\":%s}",
			 strstr(bad[i], "stamp") ? "" : "\"stamp\":1,", bad[i]);
		error_is(world, request, "an array of records");
	}
	assert_int_equal(world->imported, 2);
}

/* ---- why ---- */

#define BUILD_PORTS "\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]"

static void why_by_range(void **state)
{
	result_is(*state, "\"why\",\"address\":\"198.18.5.7\",\"port\":\"tcp/443\"", 0,
		  "{\"address\":\"198.18.5.7\",\"proto\":\"tcp\",\"port\":443,\"mode\":\"enforce\",\"verdict\":"
		  "\"allowed\",\"by\":["
		  "{\"entry\":\"build\",\"group\":\"\",\"via\":\"cidr\",\"prefix\":\"198.18.5.0/"
		  "24\",\"row\":null,\"list\":null,\"version\":null," BUILD_PORTS ",\"expires_in\":null}]}");
	result_is(*state, "\"why\",\"address\":\"198.18.6.20\",\"port\":\"icmp\"", 0,
		  "{\"address\":\"198.18.6.20\",\"proto\":\"icmp\",\"port\":null,\"mode\":\"enforce\",\"verdict\":"
		  "\"allowed\",\"by\":["
		  "{\"entry\":\"build\",\"group\":\"\",\"via\":\"cidr\",\"prefix\":\"198.18.6.10-198.18.6.20\",\"row\":"
		  "null,\"list\":null,\"version\":null," BUILD_PORTS ",\"expires_in\":null}]}");
	result_is(*state, "\"why\",\"address\":\"104.46.162.97\",\"port\":\"tcp/80\"", 0,
		  "{\"address\":\"104.46.162.97\",\"proto\":\"tcp\",\"port\":80,\"mode\":\"enforce\",\"verdict\":"
		  "\"allowed\",\"by\":["
		  "{\"entry\":\"intune\",\"group\":\"\",\"via\":\"cidr\",\"prefix\":\"104.46.162.96/"
		  "27\",\"row\":\"intune/core/163\",\"list\":\"Network endpoints for Microsoft Intune "
		  "(2025-01-09)\",\"version\":\"\","
		  "\"ports\":[\"tcp/80\",\"tcp/443\"],\"expires_in\":null}]}");
}

static void why_not(void **state)
{
	result_is(*state, "\"why\",\"address\":\"198.18.5.7\",\"port\":\"tcp/22\"", 1,
		  "{\"address\":\"198.18.5.7\",\"proto\":\"tcp\",\"port\":22,\"mode\":\"enforce\",\"verdict\":"
		  "\"denied\",\"by\":[],"
		  "\"reason\":\"this address is allowed on tcp/443, udp/3478-3481, icmp only\"}");
	result_is(*state, "\"why\",\"address\":\"2001:db8:8::1\"", 1,
		  "{\"address\":\"2001:db8:8::1\",\"proto\":null,\"port\":null,\"mode\":\"enforce\",\"verdict\":"
		  "\"denied\",\"by\":[],"
		  "\"reason\":\"no entry has this address, and no allowed name was answered with it of late\"}");
	result_is(*state, "\"why\",\"address\":\"198.18.5.7\",\"port\":\"tcp/443\",\"from\":\"10.3.0.1\"", 1,
		  "{\"address\":\"198.18.5.7\",\"proto\":\"tcp\",\"port\":443,\"from\":\"10.3.0.1\",\"mode\":"
		  "\"enforce\",\"verdict\":"
		  "\"denied\",\"by\":[],"
		  "\"reason\":\"the source is outside gateway.clients\"}");
}

static void why_without_a_port(void **state)
{
	struct world *world = *state;
	struct element_key key = key_of("198.18.5.7", 0, IPPROTO_UDP, 3480);

	teach(world, &key, "x.example.com", 300);
	result_is(world, "\"why\",\"address\":\"198.18.5.7\"", 0,
		  "{\"address\":\"198.18.5.7\",\"proto\":null,\"port\":null,\"mode\":\"enforce\",\"verdict\":"
		  "\"allowed\",\"by\":["
		  "{\"entry\":\"build\",\"group\":\"\",\"via\":\"cidr\",\"prefix\":\"198.18.5.0/"
		  "24\",\"row\":null,\"list\":null,\"version\":null," BUILD_PORTS ",\"expires_in\":null},"
		  "{\"entry\":\"build\",\"group\":\"\",\"via\":\"name\",\"name\":\"x.example.com\",\"pattern\":\"*."
		  "example.com\","
		  "\"row\":null,\"list\":null,\"version\":null,\"ports\":[\"udp/3480\"],\"expires_in\":360}]}");
}

static void why_by_name(void **state)
{
	struct world *world = *state;
	struct element_key key = key_of("192.0.2.9", 0, IPPROTO_TCP, 443);

	teach(world, &key, "m.manage.microsoft.com", 300);
	result_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/443\"", 0,
		  "{\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"mode\":\"enforce\",\"verdict\":"
		  "\"allowed\",\"by\":["
		  "{\"entry\":\"intune\",\"group\":\"\",\"via\":\"name\",\"name\":\"m.manage.microsoft.com\","
		  "\"pattern\":\"*.manage.microsoft.com\",\"row\":\"intune/core/163\",\"list\":\"Network endpoints for "
		  "Microsoft Intune (2025-01-09)\",\"version\":\"\",\"ports\":[\"tcp/"
		  "443\"],\"expires_in\":360}]}");
	result_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/80\"", 1,
		  "{\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":80,\"mode\":\"enforce\",\"verdict\":"
		  "\"denied\",\"by\":[],"
		  "\"reason\":\"this address is allowed on tcp/443 only\"}");
	key.port = 80;
	teach(world, &key, "taken.over.invalid",
	      300); /* in the set, though no entry says why: adopted, or through a chain */
	result_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/80\"", 0,
		  "{\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":80,\"mode\":\"enforce\",\"verdict\":"
		  "\"allowed\",\"by\":["
		  "{\"entry\":null,\"group\":null,\"via\":\"name\",\"name\":\"taken.over.invalid\",\"row\":null,"
		  "\"list\":null,\"version\":null,"
		  "\"ports\":[\"tcp/80\"],"
		  "\"expires_in\":360}]}");
}

static void verdict_is(struct world *world, const char *rest, const char *verdict, const char *part)
{
	bool allowed = strcmp(verdict, "allowed") == 0;
	json_t *result = result_of(world, rest, allowed ? 0 : 1);
	json_t *first = json_array_get(json_object_get(result, "by"), 0);
	const char *told =
		json_string_value(allowed ? json_object_get(first, "via") : json_object_get(result, "reason"));

	assert_string_equal(json_string_value(json_object_get(result, "verdict")), verdict);
	assert_non_null(told);
	assert_non_null(strstr(told, part));
	json_decref(result);
}

static void why_local_and_dns(void **state)
{
	verdict_is(*state, "\"why\",\"address\":\"192.168.7.7\",\"port\":\"tcp/22\"", "allowed", "local");
	verdict_is(*state, "\"why\",\"address\":\"fd12::1\",\"port\":\"icmp\"", "allowed", "local");
	verdict_is(*state, "\"why\",\"address\":\"9.9.9.9\",\"port\":\"udp/53\"", "allowed", "dns");
	verdict_is(*state, "\"why\",\"address\":\"9.9.9.9\"", "allowed", "dns");
	verdict_is(*state, "\"why\",\"address\":\"9.9.9.9\",\"port\":\"tcp/853\"", "denied", "tcp/53, udp/53 only");
	verdict_is(*state, "\"why\",\"address\":\"8.8.8.8\",\"port\":\"udp/53\"", "denied", "no entry");
}

static void why_of_groups(void **state)
{
	struct world *world = *state;
	struct element_key key = key_of("192.0.2.9", 1, IPPROTO_TCP, 8443);

	teach(world, &key, "x.example.com", 300);
	verdict_is(world, "\"why\",\"address\":\"198.18.7.1\",\"port\":\"tcp/8443\"", "allowed", "cidr");
	verdict_is(world, "\"why\",\"address\":\"198.18.7.1\",\"port\":\"tcp/8443\",\"from\":\"10.1.9.7\"", "allowed",
		   "cidr");
	verdict_is(world, "\"why\",\"address\":\"198.18.7.1\",\"port\":\"tcp/8443\",\"from\":\"10.1.8.7\"", "denied",
		   "other clients");
	verdict_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/8443\",\"from\":\"10.1.9.7\"", "allowed",
		   "name");
	verdict_is(world, "\"why\",\"address\":\"192.0.2.9\",\"from\":\"10.1.8.7\"", "denied", "other clients");
	verdict_is(world, "\"why\",\"address\":\"198.18.5.7\",\"port\":\"tcp/443\",\"from\":\"10.1.9.7\"", "allowed",
		   "cidr");
}

static void why_inbound(void **state)
{
	verdict_is(*state, "\"why\",\"address\":\"10.1.0.10\",\"port\":\"tcp/1433\",\"from\":\"10.7.1.1\"", "allowed",
		   "inbound");
	verdict_is(*state, "\"why\",\"address\":\"10.1.0.10\",\"port\":\"tcp/1433\",\"from\":\"198.51.100.1\"",
		   "denied", "no entry of it admits");
	verdict_is(*state, "\"why\",\"address\":\"10.1.0.10\",\"port\":\"tcp/1433\",\"from\":\"10.1.5.5\"", "denied",
		   "no entry of it admits");
	/* another port is not guarded */
	verdict_is(*state, "\"why\",\"address\":\"10.1.0.10\",\"port\":\"tcp/22\",\"from\":\"10.1.5.5\"", "allowed",
		   "local");
	/* a connector's source, asked for as such */
	verdict_is(*state, "\"why\",\"address\":\"52.178.150.68\"", "allowed", "inbound");
	verdict_is(*state, "\"why\",\"address\":\"52.178.150.68\",\"port\":\"tcp/443\"", "denied", "no entry");
	verdict_is(*state, "\"why\",\"address\":\"52.178.150.68\",\"port\":\"tcp/1433\",\"from\":\"10.1.5.5\"",
		   "denied", "no entry");
}

/* ---- wait and reload ---- */

static void wait_at_once(void **state)
{
	result_is(*state, "\"wait\",\"for\":\"ready\"", 0, "{\"for\":\"ready\",\"met\":true}");
	result_is(*state, "\"wait\",\"for\":\"generation\",\"generation\":5", 0,
		  "{\"for\":\"generation\",\"met\":true}");
	result_is(*state, "\"wait\",\"for\":\"generation\",\"generation\":6,\"timeout\":0", 1,
		  "{\"for\":\"generation\",\"met\":false}");
	result_is(*state, "\"wait\",\"for\":\"learned\",\"name\":\"a.test\",\"timeout\":0", 1,
		  "{\"for\":\"learned\",\"met\":false}");
}

static void wait_for_later(void **state)
{
	static const char request[] =
		"{\"api\":1,\"command\":\"wait\",\"for\":\"learned\",\"name\":\"A.test\",\"timeout\":7}";
	struct world *world = *state;
	struct element_key key = key_of("192.0.2.9", 0, IPPROTO_TCP, 443);
	struct control_reply reply;
	json_t *answer;

	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	assert_null(reply.text);
	assert_int_equal(reply.wait.kind, CONTROL_WAIT_LEARNED);
	assert_int_equal(monotime_until(world->now, reply.wait.deadline), 7000);
	assert_false(control_wait_met(&reply.wait, &world->context));
	teach(world, &key, "a.test", 60);
	assert_true(control_wait_met(&reply.wait, &world->context));
	answer = read_line(control_commands_waited(&reply.wait, true));
	same_json(answer, "{\"api\":1,\"ok\":true,\"exit\":0,\"result\":{\"for\":\"learned\",\"met\":true}}");
	json_decref(answer);
}

static void reload_applied_and_refused(void **state)
{
	struct world *world = *state;

	result_is(world, "\"reload\"", 0,
		  "{\"ok\":true,\"dry_run\":false,\"generation\":6,\"errors\":0,\"confirm_in\":null,\"problems\":[{"
		  "\"severity\":"
		  "\"warning\",\"file\":\"nfqdn."
		  "conf\",\"line\":9,"
		  "\"setting\":\"allow.intune\",\"text\":\"old rows\"}]}");
	world->refuse = true;
	result_is(world, "\"reload\"", 1,
		  "{\"ok\":false,\"dry_run\":false,\"generation\":6,\"errors\":1,\"confirm_in\":null,\"problems\":[{"
		  "\"severity\":\"error\","
		  "\"file\":\"nfqdn."
		  "conf\",\"line\":3,"
		  "\"setting\":\"gateway.mode\",\"text\":\"\\\"enforced\\\": did you mean \\\"enforce\\\"?\"},"
		  "{\"severity\":\"warning\",\"file\":\"nfqdn.conf\",\"line\":9,\"setting\":\"allow.intune\",\"text\":"
		  "\"old rows\"}]}");
}

static void a_reload_to_be_confirmed(void **state)
{
	static const char *const wrong[] = { "0", "86401", "-1", "\"5\"", "2.5", "true", "[]" };
	struct world *world = *state;
	char request[96];
	json_t *result;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(request, sizeof(request), "{\"api\":1,\"command\":\"reload\",\"confirm\":%s}", wrong[i]);
		error_is(world, request, "1 to 86400");
	}
	error_is(world, "{\"api\":1,\"command\":\"reload\",\"confirm\":5,\"dry_run\":true}", "dry_run");
	assert_int_equal(world->policy->generation, 5);
	result = result_of(world, "\"reload\",\"confirm\":86400", 0);
	assert_int_equal(world->confirm, 86400);
	same_json(json_object_get(result, "confirm_in"), "86400");
	json_decref(result);
	world->now = monotime_add(world->now, 6400000);
	result = result_of(world, "\"status\"", 0);
	same_json(json_object_get(result, "confirm_in"), "80000");
	same_json(json_object_get(result, "unconfirmed"), "null");
	same_json(json_object_get(result, "warnings"), "[]");
	json_decref(result);
}

static void a_configuration_comes_with_it(void **state)
{
	struct world *world = *state;

	json_decref(result_of(world, "\"reload\",\"config\":\"gateway: {\\n};\"", 0));
	assert_string_equal(world->text, "gateway: {\n};");
	json_decref(result_of(world, "\"reload\",\"config\":null", 0));
	assert_string_equal(world->text, "");
	error_is(world, "{\"api\":1,\"command\":\"reload\",\"config\":{\"gateway\":{}}}",
		 "the text of a configuration");
}

static void who_only_reads_changes_nothing(void **state)
{
	static const char *const writing[] = {
		"{\"api\":1,\"command\":\"reload\"}",
		"{\"api\":1,\"command\":\"reload\",\"dry_run\":true}",
		"{\"api\":1,\"command\":\"confirm\"}",
		"{\"api\":1,\"command\":\"learned\",\"import\":[],\"stamp\":0}",
	};
	struct world *world = *state;
	uint64_t before = counters.control_forbidden;

	world->reader = true;
	for (size_t i = 0; i < sizeof(writing) / sizeof(writing[0]); i++)
		refusal_is(world, writing[i], 1, "only root");
	assert_int_equal(counters.control_forbidden, before + 4);
	assert_int_equal(world->policy->generation, 5);
	json_decref(result_of(world, "\"learned\"", 0));
	json_decref(result_of(world, "\"status\"", 0));
}

static void what_was_not_confirmed_is_told(void **state)
{
	struct world *world = *state;
	json_t *result;

	world->context.trial.unconfirmed = "time";
	result = result_of(world, "\"status\"", 0);
	same_json(json_object_get(result, "confirm_in"), "null");
	same_json(json_object_get(result, "unconfirmed"), "\"time\"");
	assert_int_equal(json_array_size(json_object_get(result, "warnings")), 1);
	json_decref(result);
}

static void confirmed_and_undone(void **state)
{
	struct world *world = *state;

	result_is(world, "\"confirm\"", 0, "{\"kept\":true,\"generation\":5}");
	assert_false(world->undone);
	result_is(world, "\"confirm\",\"undo\":true", 0, "{\"kept\":false,\"generation\":5}");
	assert_true(world->undone);
	world->confirm_error = -ENOENT;
	refusal_is(world, "{\"api\":1,\"command\":\"confirm\"}", 1, "no reload waits");
	world->confirm_error = -EINVAL;
	refusal_is(world, "{\"api\":1,\"command\":\"confirm\",\"undo\":true}", 1, "tried again");
}

static void texts_that_are_not_utf8(void **state)
{
	json_t *text = control_json_text("caf\xe9");

	(void)state;
	assert_string_equal(json_string_value(text), "caf\\233");
	json_decref(text);
	text = control_json_text("caf\xc3\xa9");
	assert_string_equal(json_string_value(text), "caf\xc3\xa9");
	json_decref(text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* ---- denied ---- */

struct denial {
	const char *client, *address, *name;
	uint16_t port;
	uint8_t l4proto, reason, audit;
};

static void deny(struct world *world, const struct denial *denial)
{
	struct denials_key key = {
		.port = denial->port, .l4proto = denial->l4proto, .reason = denial->reason, .audit = denial->audit
	};
	struct dns_name name;

	assert_int_equal(ipaddr_from_text(denial->client, &key.client), 0);
	assert_int_equal(ipaddr_from_text(denial->address, &key.destination), 0);
	if (denial->name)
		assert_int_equal(dns_name_from_text(denial->name, &name), 0);
	denials_add((struct denials *)world->context.denials, &key, denial->name ? &name : NULL, world->now);
}

static void expect_denied(struct world *world, const struct denial *denial, const char *why, const char *row)
{
	json_t *result, *last;

	deny(world, denial);
	result = result_of(world, "\"denied\"", 0);
	last = json_array_get(result, json_array_size(result) - 1);
	assert_string_equal(json_string_value(json_object_get(last, "why")), why);
	same_json(json_object_get(last, "verdict"), denial->audit ? "\"would deny\"" : "\"denied\"");
	last = json_array_get(json_object_get(last, "rows"), 0);
	if (row)
		assert_string_equal(json_string_value(json_object_get(last, "text")), row);
	else
		assert_null(last);
	json_decref(result);
}

static void denied_tells_why(void **state)
{
	static const struct {
		struct denial denial;
		const char *why, *row;
	} cases[] = {
		{ { "10.1.0.5", "20.1.1.1", "nowhere.example", 443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 },
		  "name",
		  NULL },
		{ { "10.1.0.5", "20.1.1.1", "bing.com", 443, IPPROTO_TCP, RULESET_REASON_POLICY, 1 },
		  "name",
		  "power-bi optional, custom visuals" },
		{ { "10.1.0.5", "20.1.1.1", "a.example.com", 8080, IPPROTO_TCP, RULESET_REASON_POLICY, 0 },
		  "port",
		  NULL },
		{ { "10.1.0.5", "20.1.1.1", "a.example.com", 8443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 },
		  "port",
		  NULL },
		{ { "10.1.9.5", "20.1.1.1", "a.example.com", 8443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 },
		  "not-in-set",
		  NULL },
		{ { "10.1.0.5", "20.1.1.1", "a.example.com", 0x0800, IPPROTO_ICMP, RULESET_REASON_POLICY, 0 },
		  "not-in-set",
		  NULL },
		{ { "10.1.0.5", "20.1.1.1", "example.com", 443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 }, "apex", NULL },
		{ { "10.1.0.5", "198.18.5.9", "nowhere.example", 80, IPPROTO_TCP, RULESET_REASON_POLICY, 0 },
		  "port",
		  NULL },
		{ { "10.1.0.5", "198.18.7.9", NULL, 8443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 },
		  "other-client",
		  NULL },
		{ { "10.1.0.5", "20.9.9.9", NULL, 443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 }, "no-dns", NULL },
		{ { "10.1.0.5", "13.107.219.9", NULL, 443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 },
		  "no-dns",
		  "intune, azure front door" },
		{ { "10.1.0.5", "8.8.8.8", NULL, 53, IPPROTO_UDP, RULESET_REASON_DNS, 0 }, "resolver", NULL },
		{ { "10.7.0.5", "20.9.9.9", "a.test", 443, IPPROTO_TCP, RULESET_REASON_SOURCE, 0 }, "client", NULL },
		{ { "10.1.0.5", "20.9.9.9", NULL, 50000, IPPROTO_TCP, RULESET_REASON_REPLY, 0 }, "reply", NULL },
		{ { "13.89.171.80", "10.1.0.10", NULL, 1433, IPPROTO_TCP, RULESET_REASON_INBOUND, 0 },
		  "inbound",
		  "power-automate, connectors" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_denied(world, &cases[i].denial, cases[i].why, cases[i].row);
}

/* Why an address without a name has none. */
static void denied_tells_what_is_not_recorded(void **state)
{
	const struct denial denial = { "10.1.0.5", "20.9.9.9", NULL, 443, IPPROTO_TCP, RULESET_REASON_POLICY, 0 };
	const struct denial named = { "10.1.0.5", "20.9.9.9",  "nowhere.example",
				      443,        IPPROTO_TCP, RULESET_REASON_POLICY,
				      0 };
	struct world *world = *state;

	expect_denied(world, &denial, "no-dns", NULL);
	world->context.unrecorded = true;
	expect_denied(world, &denial, "not-recorded", NULL);
	expect_denied(world, &named, "name", NULL);
	world->context.unrecorded = false;
}

static void denied_tells_everything(void **state)
{
	const struct denial first = { "10.1.0.5", "20.1.1.1", "a\\007b.nowhere.example", 443, IPPROTO_TCP, 0, 0 };
	const struct denial second = { "fd00:1::5", "2603:1030::1", NULL, 0x8000, IPPROTO_ICMPV6, 0, 0 };
	struct world *world = *state;
	json_t *result;

	deny(world, &first);
	deny(world, &second);
	world->now.msec += 5000;
	deny(world, &first);
	world->now.msec += 2000;
	result = result_of(world, "\"denied\"", 0);
	same_json(result,
		  "[{\"sequence\":2,\"first\":1699999993,\"last\":1699999993,\"client\":\"fd00:1::5\",\"address\":"
		  "\"2603:1030::1\",\"proto\":\"icmp\",\"protocol\":58,\"port\":null,\"name\":null,\"count\":1,"
		  "\"verdict\":\"denied\",\"why\":\"no-dns\",\"reason\":\"no entry has this address, and no answer "
		  "seen had it\",\"rows\":[]},{\"sequence\":3,\"first\":1699999993,\"last\":1699999998,\"client\":"
		  "\"10.1.0.5\",\"address\":\"20.1.1.1\",\"proto\":\"tcp\",\"protocol\":6,\"port\":443,\"name\":"
		  "\"a\\\\007b.nowhere.example\",\"count\":2,\"verdict\":\"denied\",\"why\":\"name\",\"reason\":\"no "
		  "entry has the name a\\\\007b.nowhere.example\",\"rows\":[]}]");
	json_decref(result);
	result = result_of(world, "\"denied\",\"after\":2", 0);
	assert_int_equal(json_array_size(result), 1);
	json_decref(result);
	result = result_of(world, "\"denied\",\"after\":3", 0);
	assert_int_equal(json_array_size(result), 0);
	json_decref(result);
	result = result_of(world, "\"denied\",\"since\":3", 0);
	assert_int_equal(json_array_size(result), 1);
	json_decref(result);
	result = result_of(world, "\"denied\",\"since\":8", 0);
	assert_int_equal(json_array_size(result), 2);
	json_decref(result);
}

static void deny_more(struct world *world)
{
	const struct denial one = { "10.1.0.5", "20.1.1.1", NULL, 443, IPPROTO_TCP, 0, 0 };

	deny(world, &one);
}

/* One who asks for what comes after the greatest number told misses nothing that came while it was told. */
static void denied_while_it_changes(void **state)
{
	struct denial denial = { "10.1.0.5", "20.1.1.1", "a.b", 0, IPPROTO_TCP, 0, 0 };
	static const char request[] = "{\"api\":1,\"command\":\"denied\"}";
	struct world *world = *state;
	struct control_reply reply;
	json_t *answer, *result;

	for (denial.port = 1; denial.port <= 40; denial.port++)
		deny(world, &denial);
	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	answer = read_line(collect(world, &reply, deny_more));
	result = json_object_get(answer, "result");
	assert_int_equal(json_array_size(result), 40);
	for (size_t i = 0; i < 40; i++)
		assert_true(json_integer_value(json_object_get(json_array_get(result, i), "sequence")) <= 40);
	json_decref(answer);
}

/* ---- events ---- */

static void record(struct world *world, unsigned int count)
{
	struct events *events = (struct events *)world->context.events;

	events_at(events, (struct monotime) { world->now.msec - 1500 });
	for (unsigned int i = 0; i < count; i++)
		events_policy(events, EVENTS_reloaded, i);
}

static void record_many(struct world *world)
{
	record(world, 1000);
}

static json_t *watch(struct world *world, const char *rest, void (*between)(struct world *world))
{
	struct control_reply reply;
	char request[256];

	snprintf(request, sizeof(request), "{\"api\":1,\"command\":\"watch\"%s}", rest);
	assert_int_equal(control_commands_run(&world->context, world->now, false, request, strlen(request), &reply), 0);
	return read_line(collect(world, &reply, between));
}

static void watch_is(struct world *world, const char *rest, const char *expected)
{
	json_t *answer = watch(world, rest, NULL);

	json_object_del(answer, "api");
	same_json(answer, expected);
	json_decref(answer);
}

#define EVENT(sequence, generation)                                                                                    \
	"{\"api\":1,\"sequence\":" sequence                                                                            \
	",\"kind\":\"reloaded\",\"time\":1699999999.499,\"generation\":" generation "}"
#define WATCHED(sequence, events) "{\"ok\":true,\"exit\":0,\"result\":[" events "],\"sequence\":" sequence "}"

static void watch_tells_what_came_since(void **state)
{
	struct world *world = *state;

	watch_is(world, "", WATCHED("999", ""));
	watch_is(world, ",\"after\":0", WATCHED("999", ""));
	record(world, 2);
	watch_is(world, ",\"after\":null", WATCHED("1001", ""));
	watch_is(world, ",\"after\":0", WATCHED("1001", EVENT("1000", "0") "," EVENT("1001", "1")));
	watch_is(world, ",\"after\":999", WATCHED("1001", EVENT("1000", "0") "," EVENT("1001", "1")));
	watch_is(world, ",\"after\":1000,\"kinds\":[\"reloaded\"]", WATCHED("1001", EVENT("1001", "1")));
	watch_is(world, ",\"after\":1000,\"kinds\":[\"learned\",\"denied\"]", WATCHED("1001", ""));
	watch_is(world, ",\"after\":1001", WATCHED("1001", ""));
	watch_is(world, ",\"after\":1002,\"kinds\":[\"learned\"]",
		 WATCHED("1001", "{\"api\":1,\"sequence\":999,\"kind\":\"lost\",\"count\":null}"));
	watch_is(world, ",\"after\":998,\"kinds\":[\"learned\"]",
		 WATCHED("1001", "{\"api\":1,\"sequence\":999,\"kind\":\"lost\",\"count\":null}"));
	error_is(world, "{\"api\":1,\"command\":\"watch\",\"kinds\":[\"lernt\"]}", "some of: started learned");
	error_is(world, "{\"api\":1,\"command\":\"watch\",\"kinds\":[]}", "some of: started learned");
	error_is(world, "{\"api\":1,\"command\":\"watch\",\"kinds\":\"learned\"}", "some of: started learned");
	error_is(world, "{\"api\":1,\"command\":\"watch\",\"after\":-1}", "sequence number");
}

static void watch_tells_what_is_lost(void **state)
{
	struct world *world = *state;
	json_t *answer;

	counters.events_forgotten = 0;
	record(world, LIMIT_EVENTS + 7);
	assert_int_equal(counters.events_forgotten, 7);
	watch_is(world, ",\"after\":999,\"kinds\":[\"learned\"]",
		 WATCHED("5102", "{\"api\":1,\"sequence\":1006,\"kind\":\"lost\",\"count\":7}"));
	watch_is(world, ",\"after\":1006,\"kinds\":[\"learned\"]", WATCHED("5102", ""));
	watch_is(world, ",\"after\":0,\"kinds\":[\"learned\"]", WATCHED("5102", ""));
	answer = watch(world, ",\"after\":0", NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "result")), LIMIT_EVENTS);
	json_decref(answer);
}

/* What is forgotten while it is told is told as lost; what comes meanwhile is for the next time. */
static void watch_while_it_changes(void **state)
{
	json_t *answer, *item;
	size_t i;
	json_int_t next = 1000, lost = 0, told = 0;

	record(*state, LIMIT_EVENTS);
	answer = watch(*state, ",\"after\":999", record_many);
	json_array_foreach(json_object_get(answer, "result"), i, item)
	{
		json_int_t sequence = json_integer_value(json_object_get(item, "sequence"));
		json_int_t count = json_integer_value(json_object_get(item, "count"));

		told += count == 0;
		lost += count;
		assert_int_equal(sequence, count ? next + count - 1 : next);
		next = sequence + 1;
	}
	assert_true(lost > 1000 && told > 16);
	assert_int_equal(json_integer_value(json_object_get(answer, "sequence")), 999 + LIMIT_EVENTS);
	json_decref(answer);
}

static void denied_without_copies(void **state)
{
	struct world *world = *state;

	world->context.denied_why = "the kernel lacks it";
	refusal_is(world, "{\"api\":1,\"command\":\"denied\"}", 1, "the kernel lacks it");
	error_is(world, "{\"api\":1,\"command\":\"denied\",\"after\":-1}", "sequence number");
	error_is(world, "{\"api\":1,\"command\":\"denied\",\"since\":\"1h\"}", "number of seconds");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_requests),
		TEST(malformed_requests),
		TEST(unknown_members_are_passed_over),
		TEST(status_tells_every_counter),
		TEST(status_tells_what_is_in_force),
		TEST(status_tells_the_owner),
		TEST(policy_tells_entries),
		TEST(policy_tells_rows_and_warnings),
		TEST(explain_tells_every_entry),
		TEST(explain_tells_where_a_derived_name_comes_from),
		TEST(what_a_derived_name_brought),
		TEST(explain_hints_at_the_apex),
		TEST(names_come_escaped),
		TEST(learned_tells_everything),
		TEST(learned_of_groups_and_icmp),
		TEST(learned_of_a_name_or_address),
		TEST(learned_in_pieces),
		TEST(learned_while_it_changes),
		TEST(learned_export),
		TEST(learned_import),
		TEST(denied_tells_why),
		TEST(denied_tells_what_is_not_recorded),
		TEST(denied_tells_everything),
		TEST(denied_while_it_changes),
		TEST(denied_without_copies),
		TEST(watch_tells_what_came_since),
		TEST(watch_tells_what_is_lost),
		TEST(watch_while_it_changes),
		TEST(why_by_range),
		TEST(why_not),
		TEST(why_without_a_port),
		TEST(why_by_name),
		TEST(why_local_and_dns),
		TEST(why_of_groups),
		TEST(why_inbound),
		TEST(wait_at_once),
		TEST(wait_for_later),
		TEST(reload_applied_and_refused),
		TEST(a_reload_to_be_confirmed),
		TEST(a_configuration_comes_with_it),
		TEST(who_only_reads_changes_nothing),
		TEST(what_was_not_confirmed_is_told),
		TEST(confirmed_and_undone),
		TEST(texts_that_are_not_utf8),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
