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
/* What was learned: told, in pieces, and carried to another gateway and back. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "learn/state_text.h"
#include "tests/unit/commands/world.h"

/* ---- learned ---- */

static void learned_tells_everything(void **state)
{
	struct world *world = *state;
	struct element_key key = world_key("192.0.2.9", 0, IPPROTO_TCP, 443);

	world_result_is(world, "\"learned\"", 0, "[]");
	world_teach(world, &key, "WWW.example.com", 300);
	world_teach(world, &key, "a.test", 120);
	world->now.msec += 1500;
	world_result_is(
		world, "\"learned\"", 0,
		"[{\"family\":\"ipv4\",\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"group\":\"\","
		"\"names\":[\"www.example.com\",\"a.test\"],\"entries\":[\"build\"],\"ttl\":120,\"expires_in\":358}]");
	world->now.msec += 1000000;
	world_result_is(
		world, "\"learned\",\"address\":\"192.0.2.9\"", 0,
		"[{\"family\":\"ipv4\",\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"group\":\"\","
		"\"names\":[\"www.example.com\",\"a.test\"],\"entries\":[\"build\"],\"ttl\":120,\"expires_in\":0}]");
}

static void learned_of_groups_and_icmp(void **state)
{
	struct world *world = *state;
	struct element_key kiosk = world_key("2001:db8::9", 1, IPPROTO_TCP, 8443);
	struct element_key ping = world_key("2001:db8::9", 0, IPPROTO_ICMPV6, value_icmp_port(IPADDR_V6));

	world_teach(world, &kiosk, "x.example.com", 300);
	world_result_is(
		world, "\"learned\"", 0,
		"[{\"family\":\"ipv6\",\"address\":\"2001:db8::9\",\"proto\":\"tcp\",\"port\":8443,\"group\":\"kiosk\","
		"\"names\":[\"x.example.com\"],\"entries\":[\"kiosk\"],\"ttl\":300,\"expires_in\":360}]");
	world_forget(world, &kiosk);
	world_teach(world, &ping, "x.example.com", 300);
	world_result_is(
		world, "\"learned\"", 0,
		"[{\"family\":\"ipv6\",\"address\":\"2001:db8::9\",\"proto\":\"icmp\",\"port\":null,\"group\":\"\","
		"\"names\":[\"x.example.com\"],\"entries\":[\"build\"],\"ttl\":300,\"expires_in\":360}]");
}

static void learned_of_a_name_or_address(void **state)
{
	struct world *world = *state;
	struct element_key one = world_key("192.0.2.1", 0, IPPROTO_TCP, 443),
			   two = world_key("192.0.2.2", 0, IPPROTO_TCP, 443);
	json_t *result;

	world_teach(world, &one, "one.test", 300);
	world_teach(world, &two, "two.test", 300);
	result = world_result(world, "\"learned\",\"name\":\"TWO.test.\"", 0);
	assert_int_equal(json_array_size(result), 1);
	world_same(json_object_get(json_array_get(result, 0), "address"), "\"192.0.2.2\"");
	json_decref(result);
	result = world_result(world, "\"learned\",\"address\":\"192.0.2.1\"", 0);
	assert_int_equal(json_array_size(result), 1);
	world_same(json_object_get(json_array_get(result, 0), "address"), "\"192.0.2.1\"");
	json_decref(result);
	world_result_is(world, "\"learned\",\"name\":\"test\"", 1, "[]");
	world_result_is(world, "\"learned\",\"address\":\"192.0.2.3\"", 1, "[]");
}

static void teach_many(struct world *world, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct element_key key = world_key("10.0.0.0", 0, IPPROTO_TCP, 443);

		key.address.bytes[2] = (uint8_t)(i >> 8);
		key.address.bytes[3] = (uint8_t)i;
		world_teach(world, &key, "many.test", 300);
	}
}

static void learned_in_pieces(void **state)
{
	struct world *world = *state;
	json_t *result;

	for (unsigned int count = 1; count <= 3 * CONTROL_LISTING_PIECE; count += count < 62 ? 61 : 1) {
		teach_many(world, count);
		result = world_result(world, "\"learned\"", 0);
		assert_int_equal(json_array_size(result), count);
		json_decref(result);
	}
}

static void forget_all(struct world *world)
{
	store_plan_expired(world->context.store, monotime_add(world->now, INT64_C(1) << 40));
	world_settle(world);
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
	answer = world_line(world_collect(world, &reply, forget_all));
	assert_int_equal(json_array_size(json_object_get(answer, "result")), CONTROL_LISTING_PIECE);
	json_decref(answer);
	teach_many(world, 5 * CONTROL_LISTING_PIECE);
	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	forget_all(world);
	answer = world_line(world_collect(world, &reply, NULL));
	assert_int_equal(json_array_size(json_object_get(answer, "result")), 0);
	json_decref(answer);
}

/* ---- export and import ---- */

/* What is exported is a whole file, also while elements go between the pieces. */
static void learned_export(void **state)
{
	struct world *world = *state;
	struct element_key key = world_key("2001:db8::9", 1, IPPROTO_TCP, 8443);
	struct state_reader reader = { .stage = STATE_HEAD };
	struct state_record record;
	struct control_reply reply;
	static const char request[] = "{\"api\":1,\"command\":\"learned\",\"export\":true}";
	json_t *answer, *lines;
	const char *why;

	world_result_is(world, "\"learned\",\"export\":true", 0,
			"[\"nfqdn-learned 1 1700000000\",\"end 0 4031340bffa7af5a\"]");
	world_teach(world, &key, "x\\000.Example.com", 300);
	teach_many(world, 5 * CONTROL_LISTING_PIECE);
	assert_int_equal(
		control_commands_run(&world->context, world->now, !world->reader, request, strlen(request), &reply), 0);
	answer = world_line(world_collect(world, &reply, forget_all));
	lines = json_object_get(answer, "result");
	assert_in_range(json_array_size(lines), 3, 2 + CONTROL_LISTING_PIECE);
	for (size_t i = 0; i < json_array_size(lines); i++)
		assert_true(state_text_line(&reader, json_string_value(json_array_get(lines, i)),
					    json_string_length(json_array_get(lines, i)), &record, &why) >= 0);
	assert_int_equal(reader.stage, STATE_ENDED);
	json_decref(answer);
	world_teach(world, &key, "x\\000.Example.com", 300);
	answer = world_result(world, "\"learned\",\"export\":true", 0);
	world_same(json_array_get(answer, 1),
		   "\"element kiosk 2001:db8::9 tcp/8443 360 300 x\\\\000.example.com 300\"");
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

	world_result_is(world, "\"learned\",\"stamp\":1700000000,\"import\":[" RECORD "," RECORD "]", 0,
			"{\"taken\":2,\"ended\":1,\"denied\":2,\"left_out\":3}");
	assert_int_equal(world->imported, 2);
	assert_int_equal(world->stamp, 1700000000);
	world_result_is(world, "\"learned\",\"stamp\":1,\"import\":[]", 0,
			"{\"taken\":0,\"ended\":1,\"denied\":2,\"left_out\":3}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(request, sizeof(request), "{\"api\":1,\"command\":\"learned\",%s\"import\":%s}",
			 strstr(bad[i], "stamp") ? "" : "\"stamp\":1,", bad[i]);
		world_error_is(world, request, "an array of records");
	}
	assert_int_equal(world->imported, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(learned_tells_everything),
		WORLD_TEST(learned_of_groups_and_icmp),
		WORLD_TEST(learned_of_a_name_or_address),
		WORLD_TEST(learned_in_pieces),
		WORLD_TEST(learned_while_it_changes),
		WORLD_TEST(learned_export),
		WORLD_TEST(learned_import),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
