/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/doctor.h"
#include "control/json.h"
#include "tests/unit/commands/world.h"

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

enum table_owner world_owner;

enum table_owner table_owner(const struct table *table)
{
	(void)table;
	return world_owner;
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

int world_setup(void **state)
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

int world_teardown(void **state)
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

struct element_key world_key(const char *address, uint8_t group, uint8_t l4proto, uint16_t port)
{
	struct element_key key = { .group = group, .l4proto = l4proto, .port = port };

	assert_int_equal(ipaddr_from_text(address, &key.address), 0);
	return key;
}

void world_settle(struct world *world)
{
	size_t count;
	struct element_change *changes = store_changes(world->context.store, &count);

	for (size_t i = 0; i < count; i++)
		changes[i].error = 0;
	assert_int_equal(store_settle(world->context.store), 0);
}

void world_teach(struct world *world, const struct element_key *key, const char *text, uint32_t ttl)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	assert_int_equal(store_reserve(world->context.store), 0);
	assert_true(store_plan(world->context.store, key, &name, ttl, world->now, 1000 * (int64_t)(ttl + 60), 1000,
			       0) >= 0);
	world_settle(world);
}

void world_forget(struct world *world, const struct element_key *key)
{
	assert_int_equal(store_plan_delete(world->context.store, key), 0);
	world_settle(world);
}

json_t *world_line(char *line)
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

char *world_collect(struct world *world, struct control_reply *reply, void (*between)(struct world *world))
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
	return world_line(world_collect(world, &reply, NULL));
}

json_t *world_result(struct world *world, const char *rest, int status)
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

void world_same(const json_t *value, const char *expected)
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

void world_result_is(struct world *world, const char *rest, int status, const char *expected)
{
	json_t *result = world_result(world, rest, status);

	world_same(result, expected);
	json_decref(result);
}

void world_refuses(struct world *world, const char *request, int status, const char *part)
{
	json_t *answer = answer_of(world, request);

	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_int_equal(json_integer_value(json_object_get(answer, "exit")), status);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "error")), part));
	assert_null(json_object_get(answer, "result"));
	json_decref(answer);
}

void world_error_is(struct world *world, const char *request, const char *part)
{
	world_refuses(world, request, 2, part);
}
