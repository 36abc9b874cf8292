/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/ruleset/fixture.o tests/unit/ruleset/kernel.o */
/* LINK: netfilter/ruleset.o netfilter/ruleset_builder.o netfilter/ruleset_client.o netfilter/ruleset_deny.o netfilter/ruleset_guarded.o netfilter/ruleset_mark.o netfilter/ruleset_rules.o netfilter/ruleset_snoop.o netfilter/ruleset_text.o netfilter/ruleset_expr.o netfilter/ruleset_netlink.o netfilter/table.o netfilter/table_lock.o netfilter/table_apply.o netfilter/table_apply_exchange.o netfilter/table_apply_fill.o netfilter/table_apply_hook.o netfilter/table_apply_look.o netfilter/table_apply_move.o netfilter/table_target.o netfilter/table_change.o netfilter/table_owner.o netfilter/table_state.o netfilter/table_query.o netfilter/probe.o netfilter/batch.o netfilter/nlsock.o netfilter/nfattr.o netfilter/element.o netfilter/element_shared.o netfilter/element_dump.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/closed.o policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig libmnl libnftnl */
/* A reload touches those sets alone whose elements change: table_change.c against the running kernel. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_private.h"
#include "tests/unit/ruleset/fixture.h"
#include "tests/unit/ruleset/kernel.h"

#define BOXES 400

/* A policy with one set of address ranges that the test chooses; the rest stays. */
struct world {
	struct policy *policy, changed;
	struct policy_group group;
	struct policy_box boxes[BOXES];
	struct table *table;
};

static struct policy_box box(unsigned int i)
{
	uint8_t first[4] = { 20, (uint8_t)(i >> 8), (uint8_t)i, 0 }, last[4] = { 20, (uint8_t)(i >> 8), (uint8_t)i, 9 };

	return (struct policy_box) { .address = { ipaddr_from_bytes(IPADDR_V4, first),
						  ipaddr_from_bytes(IPADDR_V4, last) },
				     .l4proto = IPPROTO_TCP,
				     .port_first = 443,
				     .port_last = 443 };
}

/* Boxes `from` to `to`. */
static int apply(struct world *world, unsigned int from, unsigned int to)
{
	const char *error;

	for (unsigned int i = from; i < to; i++)
		world->boxes[i - from] = box(i);
	world->group = world->policy->groups[0];
	world->group.cidr4 = (struct policy_boxes) {
		arena_memdup(world->policy->arena, world->boxes, (to - from) * sizeof(world->boxes[0])), to - from
	};
	world->changed = *world->policy;
	world->changed.groups = arena_memdup(world->policy->arena, &world->group, sizeof(world->group));
	world->changed.group_count = 1;
	counters.sets_untouched = counters.sets_grown = counters.sets_filled = 0;
	return table_apply(world->table, &world->changed, &error);
}

static struct world *begin(bool owned)
{
	struct world *world = calloc(1, sizeof(*world));

	kernel_need();
	kernel_flush();
	assert_non_null(world);
	world->policy = fixture_policy("router");
	if (owned)
		fixture_own(world->policy);
	world->table = kernel_open("nfqdn");
	if (owned && !table_capabilities(world->table)->own) {
		table_close(world->table);
		policy_free(world->policy);
		free(world);
		skip();
	}
	assert_int_equal(apply(world, 10, 30), 0);
	assert_true(counters.sets_filled > 5);
	return world;
}

static void end(struct world *world)
{
	table_close(world->table);
	policy_free(world->policy);
	free(world);
}

/* Names and handles: a set that is made anew has another one. */
static char *sets(const char *but)
{
	return kernel_shell("nft -a list table inet nfqdn | grep -w 'set [a-z0-9_]* {' | grep -v '%s'", but);
}

static char *elements(const char *set)
{
	return kernel_shell("nft list set inet nfqdn %s | grep -o '20[.0-9/-]* . 443' | wc -l | tr -d '\\n'", set);
}

static void expect_text(char *got, const char *expected)
{
	assert_string_equal(got, expected);
	free(got);
}

static void expect_ways(uint64_t grown, uint64_t filled)
{
	assert_int_equal(counters.sets_grown, grown);
	assert_int_equal(counters.sets_filled, filled);
}

static void nothing_changes(void **state)
{
	struct world *world = begin(true);
	char *before = sets("nothing");

	(void)state;
	assert_int_equal(apply(world, 10, 30), 0);
	expect_ways(0, 0);
	assert_true(counters.sets_untouched > 5);
	expect_text(sets("nothing"), before);
	free(before);
	expect_text(elements("cidr4_tcp_a"), "20");
	end(world);
}

static void gains_in_place(void **state)
{
	struct world *world = begin(true);
	char *before = sets("nothing");

	(void)state;
	assert_int_equal(apply(world, 9, 33), 0);
	expect_ways(1, 0);
	expect_text(sets("nothing"), before);
	expect_text(elements("cidr4_tcp_a"), "24");
	/* and again from there */
	assert_int_equal(apply(world, 9, 34), 0);
	expect_ways(1, 0);
	expect_text(elements("cidr4_tcp_a"), "25");
	free(before);
	end(world);
}

static void losses_are_filled_aside(void **state)
{
	struct world *world = begin(true);
	char *before = sets("cidr4_tcp");

	(void)state;
	assert_int_equal(apply(world, 11, 31), 0);
	expect_ways(0, 1);
	expect_text(sets("cidr4_tcp"), before);
	expect_text(elements("cidr4_tcp_b"), "20");
	assert_int_not_equal(kernel_status("nft list set inet nfqdn cidr4_tcp_a"), 0);
	assert_int_equal(kernel_status("nft list chain inet nfqdn group | grep -q @cidr4_tcp_b"), 0);
	/* the whole set goes, and comes */
	assert_int_equal(apply(world, 0, 0), 0);
	expect_ways(0, 0);
	assert_int_not_equal(kernel_status("nft list table inet nfqdn | grep -q cidr4_tcp"), 0);
	assert_int_equal(apply(world, 10, 30), 0);
	expect_ways(0, 1);
	expect_text(sets("cidr4_tcp"), before);
	free(before);
	end(world);
}

static void limit(void **state)
{
	struct world *world = begin(true);

	(void)state;
	assert_int_equal(apply(world, 10, 30 + LIMIT_GROWN_ELEMENTS), 0);
	expect_ways(1, 0);
	assert_int_equal(apply(world, 10, 31 + 2 * LIMIT_GROWN_ELEMENTS), 0);
	expect_ways(0, 1);
	end(world);
}

/* A table that an earlier daemon left, and one that others may change, are not believed to hold anything. */
static void strange_tables(void **state)
{
	struct world *world = begin(true);

	(void)state;
	table_close(world->table);
	world->table = kernel_open("nfqdn");
	assert_int_equal(apply(world, 10, 30), 0);
	assert_int_equal(counters.sets_untouched + counters.sets_grown, 0);
	expect_text(elements("cidr4_tcp_b"), "20");
	assert_int_equal(apply(world, 10, 30), 0);
	expect_ways(0, 0);
	end(world);
	world = begin(false);
	assert_int_equal(kernel_status("nft flush set inet nfqdn cidr4_tcp_a"), 0);
	assert_int_equal(apply(world, 10, 30), 0);
	assert_int_equal(counters.sets_untouched + counters.sets_grown, 0);
	expect_text(elements("cidr4_tcp_b"), "20");
	end(world);
}

/* What is wrongly believed is refused by the kernel, and then all is made anew. */
static void belief_is_wrong(void **state)
{
	struct world *world = begin(true);
	const struct policy_box more = box(30);
	const struct ruleset_set gained = {
		.name = "cidr4_tcp_a", .key = RULESET_KEY_SERVICE4, .items = &more, .count = 1
	};

	(void)state;
	batch_begin(world->table->batch);
	ruleset_netlink_gain(world->table->batch, "nfqdn", &gained);
	assert_int_equal(batch_commit(world->table->batch, NULL), 0);
	assert_int_equal(apply(world, 10, 31), 0);
	assert_int_equal(counters.sets_untouched + counters.sets_grown, 0);
	expect_text(elements("cidr4_tcp_b"), "21");
	assert_int_equal(apply(world, 10, 31), 0);
	expect_ways(0, 0);
	end(world);
}

/* The kernel refuses the one set that changes; all others, and the rules, are those of the policy before. */
static void refused(void **state)
{
	struct world *world = begin(true);
	struct policy broken = world->changed;
	struct policy_group group = world->group;
	struct policy_box boxes[2] = { box(10), box(10) };
	const char *error = NULL;
	char *before = kernel_shell("nft -a list table inet nfqdn");

	(void)state;
	ipaddr_from_text("20.0.10.5", &boxes[1].address.first);
	group.cidr4 = (struct policy_boxes) { boxes, 2 };
	broken.groups = &group;
	assert_int_equal(table_apply(world->table, &broken, &error), -EEXIST);
	assert_non_null(strstr(error, "cidr4_tcp_b"));
	expect_text(kernel_shell("nft -a list table inet nfqdn"), before);
	free(before);
	assert_int_equal(apply(world, 10, 31), 0);
	expect_text(elements("cidr4_tcp_b"), "21");
	assert_int_equal(apply(world, 10, 31), 0);
	expect_ways(0, 0);
	end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes),
		cmocka_unit_test(gains_in_place),
		cmocka_unit_test(losses_are_filled_aside),
		cmocka_unit_test(limit),
		cmocka_unit_test(strange_tables),
		cmocka_unit_test(belief_is_wrong),
		cmocka_unit_test(refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, kernel_enter, NULL);
}
