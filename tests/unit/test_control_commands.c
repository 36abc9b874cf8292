/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/commands/world.o */
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
/* Each command from the request's line to the answer's: requests that are none, status, policy, wait and reload. Other commands
 * have programs beside. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/json.h"
#include "tests/unit/commands/world.h"

/* ---- requests that are none ---- */

static void bad_requests(void **state)
{
	struct world *world = *state;

	world_error_is(world, "{\"command\":\"status\"}", "\"api\": 1 is missing");
	world_error_is(world, "{\"api\":2,\"command\":\"status\"}", "\"api\": 1 is missing");
	world_error_is(world, "{\"api\":1}", "\"command\"");
	world_error_is(world, "{\"api\":1,\"command\":7}", "\"command\"");
	world_error_is(world, "{\"api\":1,\"command\":\"statsu\"}", "did you mean \"status\"?");
	world_error_is(world, "{\"api\":1,\"command\":\"catalog\"}", "unknown command");
	world_error_is(world, "{\"api\":1,\"command\":\"\\u001b[2J\\n\"}", "unknown command \"\\027[2J\\010\"");
	world_error_is(world, "{\"api\":1,\"command\":\"why\"}", "\"address\"");
	world_error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.0/24\"}", "\"address\"");
	world_error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.1\",\"port\":\"tcp/1-2\"}",
		       "\"port\"");
	world_error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.1\",\"port\":443}", "\"port\"");
	world_error_is(world, "{\"api\":1,\"command\":\"why\",\"address\":\"192.0.2.1\",\"from\":\"fd00:1::1\"}",
		       "\"from\"");
	world_error_is(world, "{\"api\":1,\"command\":\"explain\",\"name\":\"a..b\"}", "\"name\"");
	world_error_is(world, "{\"api\":1,\"command\":\"learned\",\"name\":\"a.b\",\"address\":\"::1\"}", "either");
	world_error_is(world, "{\"api\":1,\"command\":\"learned\",\"name\":[]}", "either");
	world_error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"rain\"}", "\"for\"");
	world_error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"ready\",\"timeout\":-1}", "\"timeout\"");
	world_error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"ready\",\"timeout\":86401}", "\"timeout\"");
	world_error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"learned\"}", "\"name\"");
	world_error_is(world, "{\"api\":1,\"command\":\"wait\",\"for\":\"generation\",\"generation\":1.5}",
		       "\"generation\"");
}

static void malformed(struct world *world, const char *line, size_t length)
{
	struct control_reply reply;

	assert_int_equal(control_commands_run(&world->context, world->now, true, line, length, &reply), 0);
	assert_true(reply.malformed);
	json_decref(world_line(reply.text));
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
	world_result_is(*state, "\"explain\",\"name\":\"nobody.invalid\",\"colour\":[1]", 1,
			"{\"name\":\"nobody.invalid\",\"verdict\":\"denied\",\"by\":[]}");
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

/* ---- status ---- */

static void status_tells_every_counter(void **state)
{
	json_t *result, *values;
	size_t count = 0;

	memset(&counters, 0, sizeof(counters));
	counters.answers = 42;
	counters.hold_microseconds = UINT64_MAX;
	result = world_result(*state, "\"status\"", 0);
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
	struct element_key v4 = world_key("192.0.2.1", 0, IPPROTO_TCP, 443),
			   v6 = world_key("2001:db8::1", 0, IPPROTO_TCP, 443);
	json_t *result;

	world_teach(world, &v4, "a.test", 60);
	world_teach(world, &v6, "a.test", 60);
	v6.port = 80;
	world_teach(world, &v6, "a.test", 60);
	result = world_result(world, "\"status\"", 0);
	world_same(json_object_get(result, "version"), "\"" NFQDN_VERSION "\"");
	world_same(json_object_get(result, "ready"), "true");
	world_same(json_object_get(result, "mode"), "\"enforce\"");
	world_same(json_object_get(result, "verify"), "\"flow\"");
	world_same(json_object_get(result, "table"), "\"nfqdn\"");
	world_same(json_object_get(result, "owned"), "false");
	world_same(json_object_get(result, "owned_why"), "\"own-table is \\\"off\\\"\"");
	world_same(json_object_get(result, "generation"), "5");
	world_same(json_object_get(result, "uptime"), "252");
	world_same(json_object_get(result, "config"), "\"/etc/nfqdn.conf\"");
	world_same(json_object_get(result, "queue"),
		   "{\"backend\":\"xtables\",\"first\":0,\"count\":1,\"waiting\":4,\"dropped\":1}");
	world_same(json_object_get(result, "learned"), "{\"ipv4\":1,\"ipv6\":2,\"limit\":100000}");
	world_same(json_object_get(json_object_get(result, "policy"), "entries"), "5");
	world_same(json_object_get(json_object_get(result, "policy"), "resolvers"),
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

		world_owner = rows[i].owner;
		result = world_result(*state, "\"status\"", 0);
		world_same(json_object_get(result, "owned"), rows[i].owned);
		why = json_string_value(json_object_get(result, "owned_why"));
		assert_non_null(strstr(why, rows[i].why));
		assert_int_equal(rows[i].why[0] == '\0', why[0] == '\0');
		json_decref(result);
	}
	world_owner = TABLE_OWNER_OFF;
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
	json_t *result = world_result(*state, "\"policy\"", 0), *entry = entry_named(result, "build");

	world_same(json_object_get(result, "generation"), "5");
	world_same(json_object_get(result, "groups"),
		   "[{\"name\":\"\",\"clients\":[]},{\"name\":\"kiosk\",\"clients\":[\"10.1.9.0/24\"]}]");
	world_same(json_object_get(result, "resolvers"), "[\"local\",\"9.9.9.9\",\"2001:db8:53::53\"]");
	assert_int_equal(json_array_size(json_object_get(result, "entries")), 5);
	world_same(json_object_get(entry, "direction"), "\"outbound\"");
	world_same(json_object_get(entry, "service"), "null");
	world_same(json_object_get(entry, "names"), "[\"*.example.com\",\"a.test\",\"*.test\"]");
	world_same(json_object_get(entry, "prefixes"),
		   "[\"198.18.5.0/24\",\"198.18.6.10-198.18.6.20\",\"2001:db8:7::/48\"]");
	world_same(json_object_get(entry, "ports"), "[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]");
	world_same(json_object_get(entry, "rows"), "[]");
	world_same(json_object_get(entry, "lifetime"), "{\"grace\":60,\"min\":300,\"max\":86400}");
	world_same(json_object_get(entry_named(result, "kiosk"), "group"), "\"kiosk\"");
	json_decref(result);
}

static void policy_tells_rows_and_warnings(void **state)
{
	json_t *result = world_result(*state, "\"policy\"", 0), *rows, *entry, *row = NULL, *one;
	size_t index;

	rows = json_object_get(entry_named(result, "intune"), "rows");
	json_array_foreach(rows, index, one) if (strcmp(json_string_value(json_object_get(one, "row")),
							"intune/core/163") == 0) row = one;
	assert_non_null(row);
	assert_int_equal(json_array_size(json_object_get(row, "names")), 3);
	/* one prefix stands twice in the document; how often it is told here is the policy's business */
	assert_true(json_array_size(json_object_get(row, "prefixes")) >= 83);
	world_same(json_object_get(row, "ports"), "[\"tcp/80\",\"tcp/443\"]");
	one = json_object_get(entry_named(result, "wide"), "warnings");
	assert_true(control_json_holds(one, "*.google.com: opens the names of a whole company"));
	assert_true(
		control_json_holds(one, "*.pbidedicated.windows.net: a stranger can rent a name or place behind it"));
	entry = entry_named(result, "sql");
	world_same(json_object_get(entry, "direction"), "\"inbound\"");
	world_same(json_object_get(entry, "to"), "[\"10.1.0.10\"]");
	world_same(json_object_get(entry, "prefixes"), "[\"10.7.0.0/16\"]");
	assert_int_equal(json_array_size(json_object_get(entry, "rows")), 1);
	json_decref(result);
}

/* ---- wait and reload ---- */

static void wait_at_once(void **state)
{
	world_result_is(*state, "\"wait\",\"for\":\"ready\"", 0, "{\"for\":\"ready\",\"met\":true}");
	world_result_is(*state, "\"wait\",\"for\":\"generation\",\"generation\":5", 0,
			"{\"for\":\"generation\",\"met\":true}");
	world_result_is(*state, "\"wait\",\"for\":\"generation\",\"generation\":6,\"timeout\":0", 1,
			"{\"for\":\"generation\",\"met\":false}");
	world_result_is(*state, "\"wait\",\"for\":\"learned\",\"name\":\"a.test\",\"timeout\":0", 1,
			"{\"for\":\"learned\",\"met\":false}");
}

static void wait_for_later(void **state)
{
	static const char request[] =
		"{\"api\":1,\"command\":\"wait\",\"for\":\"learned\",\"name\":\"A.test\",\"timeout\":7}";
	struct world *world = *state;
	struct element_key key = world_key("192.0.2.9", 0, IPPROTO_TCP, 443);
	struct control_reply reply;
	json_t *answer;

	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	assert_null(reply.text);
	assert_int_equal(reply.wait.kind, CONTROL_WAIT_LEARNED);
	assert_int_equal(monotime_until(world->now, reply.wait.deadline), 7000);
	assert_false(control_wait_met(&reply.wait, &world->context));
	world_teach(world, &key, "a.test", 60);
	assert_true(control_wait_met(&reply.wait, &world->context));
	answer = world_line(control_commands_waited(&reply.wait, true));
	world_same(answer, "{\"api\":1,\"ok\":true,\"exit\":0,\"result\":{\"for\":\"learned\",\"met\":true}}");
	json_decref(answer);
}

static void reload_applied_and_refused(void **state)
{
	struct world *world = *state;

	world_result_is(
		world, "\"reload\"", 0,
		"{\"ok\":true,\"dry_run\":false,\"generation\":6,\"errors\":0,\"confirm_in\":null,\"problems\":[{"
		"\"severity\":"
		"\"warning\",\"file\":\"nfqdn."
		"conf\",\"line\":9,"
		"\"setting\":\"allow.intune\",\"text\":\"old rows\"}]}");
	world->refuse = true;
	world_result_is(
		world, "\"reload\"", 1,
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
		world_error_is(world, request, "1 to 86400");
	}
	world_error_is(world, "{\"api\":1,\"command\":\"reload\",\"confirm\":5,\"dry_run\":true}", "dry_run");
	assert_int_equal(world->policy->generation, 5);
	result = world_result(world, "\"reload\",\"confirm\":86400", 0);
	assert_int_equal(world->confirm, 86400);
	world_same(json_object_get(result, "confirm_in"), "86400");
	json_decref(result);
	world->now = monotime_add(world->now, 6400000);
	result = world_result(world, "\"status\"", 0);
	world_same(json_object_get(result, "confirm_in"), "80000");
	world_same(json_object_get(result, "unconfirmed"), "null");
	world_same(json_object_get(result, "warnings"), "[]");
	json_decref(result);
}

static void a_configuration_comes_with_it(void **state)
{
	struct world *world = *state;

	json_decref(world_result(world, "\"reload\",\"config\":\"gateway: {\\n};\"", 0));
	assert_string_equal(world->text, "gateway: {\n};");
	json_decref(world_result(world, "\"reload\",\"config\":null", 0));
	assert_string_equal(world->text, "");
	world_error_is(world, "{\"api\":1,\"command\":\"reload\",\"config\":{\"gateway\":{}}}",
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
		world_refuses(world, writing[i], 1, "only root");
	assert_int_equal(counters.control_forbidden, before + 4);
	assert_int_equal(world->policy->generation, 5);
	json_decref(world_result(world, "\"learned\"", 0));
	json_decref(world_result(world, "\"status\"", 0));
}

static void what_was_not_confirmed_is_told(void **state)
{
	struct world *world = *state;
	json_t *result;

	world->context.trial.unconfirmed = "time";
	result = world_result(world, "\"status\"", 0);
	world_same(json_object_get(result, "confirm_in"), "null");
	world_same(json_object_get(result, "unconfirmed"), "\"time\"");
	assert_int_equal(json_array_size(json_object_get(result, "warnings")), 1);
	json_decref(result);
}

static void confirmed_and_undone(void **state)
{
	struct world *world = *state;

	world_result_is(world, "\"confirm\"", 0, "{\"kept\":true,\"generation\":5}");
	assert_false(world->undone);
	world_result_is(world, "\"confirm\",\"undo\":true", 0, "{\"kept\":false,\"generation\":5}");
	assert_true(world->undone);
	world->confirm_error = -ENOENT;
	world_refuses(world, "{\"api\":1,\"command\":\"confirm\"}", 1, "no reload waits");
	world->confirm_error = -EINVAL;
	world_refuses(world, "{\"api\":1,\"command\":\"confirm\",\"undo\":true}", 1, "tried again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(bad_requests),
		WORLD_TEST(malformed_requests),
		WORLD_TEST(unknown_members_are_passed_over),
		WORLD_TEST(status_tells_every_counter),
		WORLD_TEST(status_tells_what_is_in_force),
		WORLD_TEST(status_tells_the_owner),
		WORLD_TEST(policy_tells_entries),
		WORLD_TEST(policy_tells_rows_and_warnings),
		WORLD_TEST(wait_at_once),
		WORLD_TEST(wait_for_later),
		WORLD_TEST(reload_applied_and_refused),
		WORLD_TEST(a_reload_to_be_confirmed),
		WORLD_TEST(a_configuration_comes_with_it),
		WORLD_TEST(who_only_reads_changes_nothing),
		WORLD_TEST(what_was_not_confirmed_is_told),
		WORLD_TEST(confirmed_and_undone),
		WORLD_TEST(texts_that_are_not_utf8),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
