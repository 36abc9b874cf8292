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
/* Why a name or an address is allowed: explain and why. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/commands/world.h"

/* ---- explain ---- */

static void explain_tells_every_entry(void **state)
{
	world_result_is(
		*state, "\"explain\",\"name\":\"WWW.Example.COM.\"", 0,
		"{\"name\":\"www.example.com\",\"verdict\":\"allowed\",\"by\":["
		"{\"entry\":\"build\",\"group\":\"\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		"\"version\":null,"
		"\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]},"
		"{\"entry\":\"kiosk\",\"group\":\"kiosk\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		"\"version\":null,\"ports\":["
		"\"tcp/8443\"]}]}");
	world_result_is(
		*state, "\"explain\",\"name\":\"x.manage.microsoft.com\"", 0,
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
	world_result_is(world, "\"explain\",\"name\":\"edge.cdn.test.invalid\"", 0,
			"{\"name\":\"edge.cdn.test.invalid\",\"verdict\":\"allowed\",\"by\":["
			"{\"entry\":\"build\",\"group\":\"\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
			"\"version\":null,"
			"\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"],\"derived_from\":\"www.example.com\","
			"\"expires_in\":42}]}");
	world->now = record.deadline;
	world_result_is(world, "\"explain\",\"name\":\"edge.cdn.test.invalid\"", 1,
			"{\"name\":\"edge.cdn.test.invalid\",\"verdict\":\"denied\",\"by\":[]}");
	world->context.derived = NULL;
	derived_free(derived);
}

static void what_a_derived_name_brought(void **state)
{
	struct world *world = *state;
	struct element_key key = world_key("192.0.2.9", 0, 6, 443);
	struct dns_name name;

	world_teach(world, &key, "www.example.com", 240);
	assert_int_equal(dns_name_from_text("edge.cdn.invalid", &name), 0);
	store_note_derived(world->context.store, &key, &name, 240, world->now, 300000);
	world_result_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/443\"", 0,
			"{\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"mode\":\"enforce\",\"verdict\":"
			"\"allowed\",\"by\":[{\"entry\":\"build\",\"group\":\"\",\"via\":\"name\","
			"\"name\":\"www.example.com\",\"pattern\":\"*.example.com\",\"derived\":[\"edge.cdn.invalid\"],"
			"\"row\":null,\"list\":null,\"version\":null,\"ports\":[\"tcp/443\"],\"expires_in\":300}]}");
	world_result_is(world, "\"learned\",\"name\":\"edge.cdn.invalid\"", 0,
			"[{\"family\":\"ipv4\",\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"group\":\"\","
			"\"names\":[\"www.example.com\",\"edge.cdn.invalid\"],\"entries\":[\"build\"],"
			"\"derived\":[\"edge.cdn.invalid\"],\"ttl\":240,\"expires_in\":300}]");
}

static void explain_hints_at_the_apex(void **state)
{
	world_result_is(*state, "\"explain\",\"name\":\"example.com\"", 1,
			"{\"name\":\"example.com\",\"verdict\":\"denied\",\"by\":[],"
			"\"hint\":\"*.example.com is allowed, example.com itself is not: add it\"}");
	world_result_is(*state, "\"explain\",\"name\":\"evilexample.com\"", 1,
			"{\"name\":\"evilexample.com\",\"verdict\":\"denied\",\"by\":[]}");
}

static void names_come_escaped(void **state)
{
	world_result_is(
		*state, "\"explain\",\"name\":\"a\\\\010\\\\000b.Example.com\"", 0,
		"{\"name\":\"a\\\\010\\\\000b.example.com\",\"verdict\":\"allowed\",\"by\":["
		"{\"entry\":\"build\",\"group\":\"\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		"\"version\":null,"
		"\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]},"
		"{\"entry\":\"kiosk\",\"group\":\"kiosk\",\"pattern\":\"*.example.com\",\"row\":null,\"list\":null,"
		"\"version\":null,\"ports\":["
		"\"tcp/8443\"]}]}");
}

/* ---- why ---- */

#define BUILD_PORTS "\"ports\":[\"tcp/443\",\"udp/3478-3481\",\"icmp\"]"

static void why_by_range(void **state)
{
	world_result_is(*state, "\"why\",\"address\":\"198.18.5.7\",\"port\":\"tcp/443\"", 0,
			"{\"address\":\"198.18.5.7\",\"proto\":\"tcp\",\"port\":443,\"mode\":\"enforce\",\"verdict\":"
			"\"allowed\",\"by\":["
			"{\"entry\":\"build\",\"group\":\"\",\"via\":\"cidr\",\"prefix\":\"198.18.5.0/"
			"24\",\"row\":null,\"list\":null,\"version\":null," BUILD_PORTS ",\"expires_in\":null}]}");
	world_result_is(
		*state, "\"why\",\"address\":\"198.18.6.20\",\"port\":\"icmp\"", 0,
		"{\"address\":\"198.18.6.20\",\"proto\":\"icmp\",\"port\":null,\"mode\":\"enforce\",\"verdict\":"
		"\"allowed\",\"by\":["
		"{\"entry\":\"build\",\"group\":\"\",\"via\":\"cidr\",\"prefix\":\"198.18.6.10-198.18.6.20\",\"row\":"
		"null,\"list\":null,\"version\":null," BUILD_PORTS ",\"expires_in\":null}]}");
	world_result_is(*state, "\"why\",\"address\":\"104.46.162.97\",\"port\":\"tcp/80\"", 0,
			"{\"address\":\"104.46.162.97\",\"proto\":\"tcp\",\"port\":80,\"mode\":\"enforce\",\"verdict\":"
			"\"allowed\",\"by\":["
			"{\"entry\":\"intune\",\"group\":\"\",\"via\":\"cidr\",\"prefix\":\"104.46.162.96/"
			"27\",\"row\":\"intune/core/163\",\"list\":\"Network endpoints for Microsoft Intune "
			"(2025-01-09)\",\"version\":\"\","
			"\"ports\":[\"tcp/80\",\"tcp/443\"],\"expires_in\":null}]}");
}

static void why_not(void **state)
{
	world_result_is(*state, "\"why\",\"address\":\"198.18.5.7\",\"port\":\"tcp/22\"", 1,
			"{\"address\":\"198.18.5.7\",\"proto\":\"tcp\",\"port\":22,\"mode\":\"enforce\",\"verdict\":"
			"\"denied\",\"by\":[],"
			"\"reason\":\"this address is allowed on tcp/443, udp/3478-3481, icmp only\"}");
	world_result_is(*state, "\"why\",\"address\":\"2001:db8:8::1\"", 1,
			"{\"address\":\"2001:db8:8::1\",\"proto\":null,\"port\":null,\"mode\":\"enforce\",\"verdict\":"
			"\"denied\",\"by\":[],"
			"\"reason\":\"no entry has this address, and no allowed name was answered with it of late\"}");
	world_result_is(*state, "\"why\",\"address\":\"198.18.5.7\",\"port\":\"tcp/443\",\"from\":\"10.3.0.1\"", 1,
			"{\"address\":\"198.18.5.7\",\"proto\":\"tcp\",\"port\":443,\"from\":\"10.3.0.1\",\"mode\":"
			"\"enforce\",\"verdict\":"
			"\"denied\",\"by\":[],"
			"\"reason\":\"the source is outside gateway.clients\"}");
}

static void why_without_a_port(void **state)
{
	struct world *world = *state;
	struct element_key key = world_key("198.18.5.7", 0, IPPROTO_UDP, 3480);

	world_teach(world, &key, "x.example.com", 300);
	world_result_is(
		world, "\"why\",\"address\":\"198.18.5.7\"", 0,
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
	struct element_key key = world_key("192.0.2.9", 0, IPPROTO_TCP, 443);

	world_teach(world, &key, "m.manage.microsoft.com", 300);
	world_result_is(
		world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/443\"", 0,
		"{\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":443,\"mode\":\"enforce\",\"verdict\":"
		"\"allowed\",\"by\":["
		"{\"entry\":\"intune\",\"group\":\"\",\"via\":\"name\",\"name\":\"m.manage.microsoft.com\","
		"\"pattern\":\"*.manage.microsoft.com\",\"row\":\"intune/core/163\",\"list\":\"Network endpoints for "
		"Microsoft Intune (2025-01-09)\",\"version\":\"\",\"ports\":[\"tcp/"
		"443\"],\"expires_in\":360}]}");
	world_result_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/80\"", 1,
			"{\"address\":\"192.0.2.9\",\"proto\":\"tcp\",\"port\":80,\"mode\":\"enforce\",\"verdict\":"
			"\"denied\",\"by\":[],"
			"\"reason\":\"this address is allowed on tcp/443 only\"}");
	key.port = 80;
	world_teach(world, &key, "taken.over.invalid",
		    300); /* in the set, though no entry says why: adopted, or through a chain */
	world_result_is(world, "\"why\",\"address\":\"192.0.2.9\",\"port\":\"tcp/80\"", 0,
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
	json_t *result = world_result(world, rest, allowed ? 0 : 1);
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
	struct element_key key = world_key("192.0.2.9", 1, IPPROTO_TCP, 8443);

	world_teach(world, &key, "x.example.com", 300);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(explain_tells_every_entry),
		WORLD_TEST(explain_tells_where_a_derived_name_comes_from),
		WORLD_TEST(what_a_derived_name_brought),
		WORLD_TEST(explain_hints_at_the_apex),
		WORLD_TEST(names_come_escaped),
		WORLD_TEST(why_by_range),
		WORLD_TEST(why_not),
		WORLD_TEST(why_without_a_port),
		WORLD_TEST(why_by_name),
		WORLD_TEST(why_local_and_dns),
		WORLD_TEST(why_of_groups),
		WORLD_TEST(why_inbound),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
