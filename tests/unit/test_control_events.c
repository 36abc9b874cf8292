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
/* What happened: denied and watch. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/commands/world.h"

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
	result = world_result(world, "\"denied\"", 0);
	last = json_array_get(result, json_array_size(result) - 1);
	assert_string_equal(json_string_value(json_object_get(last, "why")), why);
	world_same(json_object_get(last, "verdict"), denial->audit ? "\"would deny\"" : "\"denied\"");
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

static void denied_are(struct world *world, const char *which, size_t count)
{
	char command[64];
	json_t *result;

	snprintf(command, sizeof(command), "\"denied\",%s", which);
	result = world_result(world, command, 0);
	assert_int_equal(json_array_size(result), count);
	json_decref(result);
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
	result = world_result(world, "\"denied\"", 0);
	world_same(result,
		   "[{\"sequence\":2,\"first\":1699999993,\"last\":1699999993,\"client\":\"fd00:1::5\",\"address\":"
		   "\"2603:1030::1\",\"proto\":\"icmp\",\"protocol\":58,\"port\":null,\"name\":null,\"count\":1,"
		   "\"verdict\":\"denied\",\"why\":\"no-dns\",\"reason\":\"no entry has this address, and no answer "
		   "seen had it\",\"rows\":[]},{\"sequence\":3,\"first\":1699999993,\"last\":1699999998,\"client\":"
		   "\"10.1.0.5\",\"address\":\"20.1.1.1\",\"proto\":\"tcp\",\"protocol\":6,\"port\":443,\"name\":"
		   "\"a\\\\007b.nowhere.example\",\"count\":2,\"verdict\":\"denied\",\"why\":\"name\",\"reason\":\"no "
		   "entry has the name a\\\\007b.nowhere.example\",\"rows\":[]}]");
	json_decref(result);
	denied_are(world, "\"after\":2", 1);
	denied_are(world, "\"after\":3", 0);
	denied_are(world, "\"since\":3", 1);
	denied_are(world, "\"since\":8", 2);
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
	answer = world_line(world_collect(world, &reply, deny_more));
	result = json_object_get(answer, "result");
	assert_int_equal(json_array_size(result), 40);
	for (size_t i = 0; i < 40; i++)
		assert_true(json_integer_value(json_object_get(json_array_get(result, i), "sequence")) <= 40);
	json_decref(answer);
}

static void denied_without_copies(void **state)
{
	struct world *world = *state;

	world->context.denied_why = "the kernel lacks it";
	world_refuses(world, "{\"api\":1,\"command\":\"denied\"}", 1, "the kernel lacks it");
	world_error_is(world, "{\"api\":1,\"command\":\"denied\",\"after\":-1}", "sequence number");
	world_error_is(world, "{\"api\":1,\"command\":\"denied\",\"since\":\"1h\"}", "number of seconds");
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
	return world_line(world_collect(world, &reply, between));
}

static void watch_is(struct world *world, const char *rest, const char *expected)
{
	json_t *answer = watch(world, rest, NULL);

	json_object_del(answer, "api");
	world_same(answer, expected);
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
	world_error_is(world, "{\"api\":1,\"command\":\"watch\",\"kinds\":[\"lernt\"]}", "some of: started learned");
	world_error_is(world, "{\"api\":1,\"command\":\"watch\",\"kinds\":[]}", "some of: started learned");
	world_error_is(world, "{\"api\":1,\"command\":\"watch\",\"kinds\":\"learned\"}", "some of: started learned");
	world_error_is(world, "{\"api\":1,\"command\":\"watch\",\"after\":-1}", "sequence number");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(denied_tells_why),         WORLD_TEST(denied_tells_what_is_not_recorded),
		WORLD_TEST(denied_tells_everything),  WORLD_TEST(denied_while_it_changes),
		WORLD_TEST(denied_without_copies),    WORLD_TEST(watch_tells_what_came_since),
		WORLD_TEST(watch_tells_what_is_lost), WORLD_TEST(watch_while_it_changes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
