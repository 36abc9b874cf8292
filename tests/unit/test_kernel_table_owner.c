/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/ruleset/fixture.o tests/unit/ruleset/kernel.o */
/* LINK: netfilter/ruleset.o netfilter/ruleset_builder.o netfilter/ruleset_client.o netfilter/ruleset_deny.o netfilter/ruleset_guarded.o netfilter/ruleset_mark.o netfilter/ruleset_rules.o netfilter/ruleset_snoop.o netfilter/ruleset_text.o netfilter/ruleset_expr.o netfilter/ruleset_netlink.o netfilter/table.o netfilter/table_lock.o netfilter/table_apply.o netfilter/table_apply_exchange.o netfilter/table_apply_fill.o netfilter/table_apply_hook.o netfilter/table_apply_look.o netfilter/table_apply_move.o netfilter/table_target.o netfilter/table_change.o netfilter/table_owner.o netfilter/table_state.o netfilter/table_query.o netfilter/probe.o netfilter/batch.o netfilter/nlsock.o netfilter/nfattr.o netfilter/element.o netfilter/element_shared.o netfilter/element_dump.o netfilter/table_watch.o netfilter/table_watch_chains.o netfilter/table_watch_flowtables.o netfilter/table_watch_sets.o */
/* LINK: policy/policy.o policy/nat64.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/closed.o policy/config.o policy/config_check.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig libmnl libnftnl */
/* Whose the table is, on the running kernel: in a network namespace of its own, with nft as the others. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "netfilter/batch.h"
#include "netfilter/element.h"
#include "netfilter/nlsock.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table.h"
#include "netfilter/table_owner.h"
#include "netfilter/table_watch.h"
#include "tests/unit/ruleset/fixture.h"
#include "tests/unit/ruleset/kernel.h"

static struct policy *policy_of(bool owned)
{
	struct policy *policy = fixture_policy("router");

	if (owned)
		fixture_own(policy);
	return policy;
}

static struct table *open_able(void)
{
	struct table *table = kernel_open("nfqdn");

	if (!table_capabilities(table)->own) {
		table_close(table);
		skip();
	}
	return table;
}

/* What others try. */
static void expect_changes(bool possible)
{
	static const char *const commands[] = {
		"nft add chain inet nfqdn theirs", "nft insert rule inet nfqdn egress accept",
		"nft flush set inet nfqdn name4",  "nft flush table inet nfqdn",
		"nft delete table inet nfqdn",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if ((kernel_status("%s", commands[i]) == 0) != possible)
			fail_msg("%s: %s", commands[i], possible ? "refused" : "done");
}

static bool stands(void)
{
	return kernel_status("nft list chain inet nfqdn egress | grep -q 'goto client'") == 0;
}

static void others_are_refused(void **state)
{
	struct policy *policy;
	struct table *table;
	char *before, *after;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = policy_of(true);
	table = open_able();
	kernel_apply(table, policy);
	assert_int_equal(table_owner(table), TABLE_OWNER_US);
	before = kernel_shell("nft list table inet nfqdn");
	assert_non_null(strstr(before, "flags owner"));
	expect_changes(false);
	kernel_flush();
	after = kernel_shell("nft list table inet nfqdn");
	assert_string_equal(before, after);
	/* We still change it, and remove it. */
	kernel_apply(table, policy);
	assert_int_equal(table_owner(table), TABLE_OWNER_US);
	assert_int_equal(table_remove(table), 0);
	assert_false(stands());
	table_close(table);
	policy_free(policy);
	free(before);
	free(after);
}

static void count_element(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	(void)key;
	(void)expires_ms;
	(void)comment;
	++*(size_t *)context;
}

static void taken_over(void **state)
{
	struct element_change change = { .key = { .l4proto = IPPROTO_TCP, .port = 443 },
					 .operation = ELEMENT_ADD,
					 .timeout_ms = 600000 };
	struct policy *policy;
	struct table *table;
	size_t count = 0;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = policy_of(true);
	table = open_able();
	kernel_apply(table, policy);
	assert_int_equal(ipaddr_from_text("192.0.2.1", &change.key.address), 0);
	assert_int_equal(element_commit(table, &change, 1), 0);
	table_close(table);
	assert_true(stands());
	table = kernel_open("nfqdn");
	kernel_apply(table, policy);
	assert_int_equal(table_owner(table), TABLE_OWNER_US);
	assert_int_equal(element_dump(table, count_element, &count), 0);
	assert_int_equal(count, 1);
	expect_changes(false);
	/* Without a daemon it is anybody's. */
	table_close(table);
	expect_changes(true);
	policy_free(policy);
}

static void off(void **state)
{
	struct policy *policy, *owned;
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = policy_of(false);
	owned = policy_of(true);
	table = open_able();
	kernel_apply(table, policy);
	assert_int_equal(table_owner(table), TABLE_OWNER_OFF);
	expect_changes(true);
	/* What an earlier run owned is used as it is, and not taken. */
	kernel_apply(table, owned);
	assert_int_equal(table_owner(table), TABLE_OWNER_US);
	table_close(table);
	table = kernel_open("nfqdn");
	kernel_apply(table, policy);
	assert_int_equal(table_owner(table), TABLE_OWNER_OFF);
	kernel_apply(table, policy);
	expect_changes(true);
	table_close(table);
	policy_free(owned);
	policy_free(policy);
}

/* A table made without the flags cannot get them: it stays as it is, until it is made anew. */
static void found(void **state)
{
	struct policy *policy, *owned;
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = policy_of(false);
	owned = policy_of(true);
	table = open_able();
	kernel_apply(table, policy);
	table_close(table);
	table = kernel_open("nfqdn");
	for (int i = 0; i < 2; i++) {
		kernel_apply(table, owned);
		assert_int_equal(table_owner(table), TABLE_OWNER_FOUND);
		assert_true(stands());
	}
	expect_changes(true);
	kernel_apply(table, owned);
	assert_int_equal(table_owner(table), TABLE_OWNER_US);
	expect_changes(false);
	table_close(table);
	policy_free(owned);
	policy_free(policy);
}

/* ---- another socket has it ---- */

struct other {
	struct nlsock *socket;
	struct batch *batch;
};

/* A table with our name and comment that belongs to another socket. */
static struct other other_has_it(void)
{
	struct other other;

	assert_int_equal(nlsock_open(&other.socket), 0);
	other.batch = batch_new(other.socket);
	assert_non_null(other.batch);
	batch_begin(other.batch);
	ruleset_netlink_table(other.batch, "nfqdn", TABLE_OWNER_FLAGS);
	assert_int_equal(batch_commit(other.batch, NULL), 0);
	return other;
}

static void other_ends(struct other *other)
{
	batch_free(other->batch);
	nlsock_close(other->socket);
}

static void another_has_it(void **state)
{
	const char *error = NULL;
	struct policy *policy;
	struct table *table;
	struct other other;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = policy_of(true);
	table = open_able();
	other = other_has_it();
	assert_int_equal(table_apply(table, policy, &error), -EPERM);
	assert_non_null(strstr(error, "belongs to another program"));
	assert_int_equal(table_remove(table), -EPERM);
	other_ends(&other);
	kernel_apply(table, policy);
	assert_int_equal(table_owner(table), TABLE_OWNER_US);
	table_close(table);
	policy_free(policy);
}

/* An ended daemon's lock may be gone while its socket is not: the child here has no lock, and ends soon after it sees
 * ours. */
static void another_is_ending(void **state)
{
	struct policy *policy;
	struct table *table;
	int made[2], status;
	pid_t child;
	char octet;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = policy_of(true);
	table_close(open_able());
	assert_int_equal(pipe(made), 0);
	child = fork();
	if (child == 0) {
		(void)other_has_it();
		status = write(made[1], "", 1) != 1;
		while (kernel_status("grep -q '@nfqdn/nfqdn$' /proc/net/unix") != 0)
			;
		(void)poll(NULL, 0, 300); /* longer than it takes to go on without waiting */
		_exit(status);
	}
	assert_int_equal(read(made[0], &octet, 1), 1);
	table = kernel_open("nfqdn");
	kernel_apply(table, policy);
	assert_int_equal(table_owner(table), TABLE_OWNER_US);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(made[0]);
	close(made[1]);
	table_close(table);
	policy_free(policy);
}

/* nlsock.c replaces a socket that died. What the old one owned has no owner then: it is taken again, and not made
 * anew. */
static void socket_died(void **state)
{
	struct element_change change = { .key = { .l4proto = IPPROTO_TCP, .port = 443 },
					 .operation = ELEMENT_ADD,
					 .timeout_ms = 600000 };
	struct table_watch *watch;
	struct policy *policy;
	struct table *table;
	int lock;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = policy_of(true);
	lock = dup(0);
	assert_int_equal(close(lock), 0);
	table = open_able();
	kernel_apply(table, policy);
	watch = table_watch_new(table);
	assert_non_null(watch);
	assert_int_equal(table_watch_begin(watch), 1);
	assert_int_equal(close(lock + 2), 0); /* that of the transactions: behind the two of the table's lock */
	assert_int_equal(ipaddr_from_text("192.0.2.1", &change.key.address), 0);
	assert_int_equal(element_commit(table, &change, 1), 0);
	assert_int_equal(kernel_status("nft add chain inet nfqdn theirs"), 0);
	assert_int_equal(table_watch_look(watch), TABLE_WATCH_RULES);
	kernel_apply(table, policy);
	assert_int_equal(table_watch_begin(watch), 0);
	assert_int_equal(table_watch_look(watch), 0);
	expect_changes(false);
	table_watch_free(watch);
	table_close(table);
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(taken_over),
		cmocka_unit_test(off),
		cmocka_unit_test(found),
		cmocka_unit_test(another_has_it),
		cmocka_unit_test(another_is_ending),
		cmocka_unit_test(socket_died),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, kernel_enter, NULL);
}
