/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/ruleset/fixture.o tests/unit/ruleset/kernel.o */
/* LINK: netfilter/ruleset.o netfilter/ruleset_builder.o netfilter/ruleset_client.o netfilter/ruleset_deny.o netfilter/ruleset_guarded.o netfilter/ruleset_mark.o netfilter/ruleset_rules.o netfilter/ruleset_snoop.o netfilter/ruleset_text.o netfilter/ruleset_expr.o netfilter/ruleset_netlink.o netfilter/table.o netfilter/table_lock.o netfilter/table_apply.o netfilter/table_apply_exchange.o netfilter/table_apply_fill.o netfilter/table_apply_hook.o netfilter/table_apply_look.o netfilter/table_apply_move.o netfilter/table_target.o netfilter/table_change.o netfilter/table_owner.o netfilter/table_state.o netfilter/table_query.o netfilter/probe.o netfilter/batch.o netfilter/nlsock.o netfilter/nfattr.o netfilter/element.o netfilter/element_shared.o netfilter/element_dump.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/closed.o policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig libmnl libnftnl */
/* element*.c against the running kernel. What older kernels need (no update of an element's timeout, no destroy)
 * works on newer ones as well: each case runs in every way that this kernel has. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "netfilter/element.h"
#include "netfilter/table_private.h"
#include "tests/unit/ruleset/fixture.h"
#include "tests/unit/ruleset/kernel.h"

enum way { PLAIN, DESTROY, UPDATE }; /* as of Linux 6.1, 6.3, 6.12 */
static enum way way_plain = PLAIN, way_destroy = DESTROY, way_update = UPDATE;

struct bench {
	struct policy *policy;
	struct table *table;
};

static struct bench begin_with(void **state, const char *policy)
{
	struct bench bench;
	struct table_capabilities *capabilities;

	kernel_need();
	kernel_flush();
	bench.policy = fixture_policy(policy);
	bench.table = kernel_open("nfqdn");
	capabilities = &bench.table->capabilities;
	if (*state) {
		enum way way = *(enum way *)*state;

		if ((way == UPDATE && !capabilities->update) || (way != PLAIN && !capabilities->destroy)) {
			table_close(bench.table);
			policy_free(bench.policy);
			skip();
		}
		capabilities->update = way == UPDATE;
		capabilities->destroy = way != PLAIN;
	}
	kernel_apply(bench.table, bench.policy);
	return bench;
}

static struct bench begin(void **state)
{
	return begin_with(state, "router");
}

static void end(struct bench *bench)
{
	table_close(bench->table);
	policy_free(bench->policy);
}

static struct element_change change(enum element_operation operation, const char *address, uint16_t port,
				    uint64_t timeout_ms, const char *comment)
{
	struct element_change one = { .key = { .l4proto = IPPROTO_TCP, .port = port },
				      .operation = operation,
				      .timeout_ms = timeout_ms,
				      .comment = comment,
				      .error = 1 };

	assert_int_equal(ipaddr_from_text(address, &one.key.address), 0);
	return one;
}

/* ---- what is there ---- */

struct seen {
	size_t count;
	struct element_key key[4];
	uint64_t expires_ms[4];
	char comment[4][256];
};

static void see(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	struct seen *seen = context;

	if (seen->count < 4) {
		seen->key[seen->count] = *key;
		seen->expires_ms[seen->count] = expires_ms;
		snprintf(seen->comment[seen->count], sizeof(seen->comment[0]), "%s", comment);
	}
	seen->count++;
}

static struct seen dump(struct bench *bench)
{
	struct seen seen = { 0 };

	assert_int_equal(element_dump(bench->table, see, &seen), 0);
	return seen;
}

/* The one element there is has this much left, less what the test took. */
static void expect_left(struct bench *bench, uint64_t timeout_ms)
{
	struct seen seen = dump(bench);

	assert_int_equal(seen.count, 1);
	assert_in_range(seen.expires_ms[0], timeout_ms - 2000, timeout_ms);
}

static void commit(struct bench *bench, struct element_change *changes, size_t count)
{
	assert_int_equal(element_commit(bench->table, changes, count), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(changes[i].error, 0);
}

static void commit_one(struct bench *bench, struct element_change one)
{
	commit(bench, &one, 1);
}

/* ---- single changes ---- */

static void add_and_dump(void **state)
{
	struct bench bench = begin(state);
	struct element_change changes[] = {
		change(ELEMENT_ADD, "192.0.2.1", 443, 60000, "www.example.com"),
		change(ELEMENT_ADD, "2001:db8::1", 65535, UINT64_C(1) << 40, NULL),
		change(ELEMENT_ADD, "192.0.2.1", 2048, 60000, ""),
	};
	struct seen seen;

	changes[2].key.l4proto = IPPROTO_ICMP;
	commit(&bench, changes, 3);
	seen = dump(&bench);
	assert_int_equal(seen.count, 3);
	for (size_t i = 0; i < 3; i++) { /* IPv6 comes last */
		size_t which = i == 2 ? 1 : seen.key[i].l4proto == IPPROTO_ICMP ? 2 : 0;

		assert_memory_equal(&seen.key[i].address, &changes[which].key.address, sizeof(struct ipaddr));
		assert_int_equal(seen.key[i].port, changes[which].key.port);
		assert_int_equal(seen.key[i].l4proto, changes[which].key.l4proto);
		assert_string_equal(seen.comment[i], which ? "" : "www.example.com");
		assert_in_range(seen.expires_ms[i], changes[which].timeout_ms - 2000, changes[which].timeout_ms);
	}
	end(&bench);
}

/* A refresh with the timeout that the element has must count, too (KERNEL 0.6). */
static void refresh_extends(void **state)
{
	struct bench bench = begin(state);

	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 10000, "first.example"));
	usleep(120000);
	assert_true(dump(&bench).expires_ms[0] <= 9900);
	commit_one(&bench, change(ELEMENT_REFRESH, "192.0.2.1", 443, 10000, NULL));
	assert_true(dump(&bench).expires_ms[0] > 9900);
	commit_one(&bench, change(ELEMENT_REFRESH, "192.0.2.1", 443, 90000, NULL));
	expect_left(&bench, 90000);
	commit_one(&bench, change(ELEMENT_REFRESH, "192.0.2.1", 443, 20000, NULL));
	expect_left(&bench, 20000);
	end(&bench);
}

/* An update leaves the comment alone; where an element must be deleted and added again, it is lost. Nobody depends on
 * it. */
static void refresh_keeps_comment_with_update(void **state)
{
	struct bench bench = begin(state);

	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 10000, "first.example"));
	commit_one(&bench, change(ELEMENT_REFRESH, "192.0.2.1", 443, 20000, NULL));
	assert_string_equal(dump(&bench).comment[0], "first.example");
	end(&bench);
}

static void refresh_of_missing_adds(void **state)
{
	struct bench bench = begin(state);

	commit_one(&bench, change(ELEMENT_REFRESH, "192.0.2.1", 443, 10000, NULL));
	expect_left(&bench, 10000);
	end(&bench);
}

static void add_over_existing(void **state)
{
	struct bench bench = begin(state);

	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 10000, "first.example"));
	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 50000, "second.example"));
	expect_left(&bench, 50000);
	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 20000, "third.example"));
	expect_left(&bench, 20000);
	end(&bench);
}

static void delete_any(void **state)
{
	struct bench bench = begin(state);
	struct element_change changes[] = {
		change(ELEMENT_ADD, "192.0.2.3", 443, 10000, NULL),
		change(ELEMENT_DELETE, "192.0.2.1", 443, 0, NULL), /* there */
		change(ELEMENT_DELETE, "192.0.2.2", 443, 0, NULL), /* missing */
		change(ELEMENT_DELETE, "2001:db8::2", 443, 0, NULL), /* missing, alone in its set */
	};

	commit_one(&bench, change(ELEMENT_DELETE, "192.0.2.1", 443, 0, NULL));
	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 10000, NULL));
	commit(&bench, changes, 4);
	assert_int_equal(dump(&bench).count, 1);
	assert_int_equal(dump(&bench).key[0].address.bytes[3], 3);
	commit_one(&bench, change(ELEMENT_DELETE, "192.0.2.3", 443, 0, NULL));
	assert_int_equal(dump(&bench).count, 0);
	end(&bench);
}

/* Deletes come first, whatever the order of the changes: what is deleted and added in one transaction is there. */
static void delete_then_add(void **state)
{
	struct bench bench = begin(state);
	struct element_change changes[] = {
		change(ELEMENT_ADD, "192.0.2.1", 443, 30000, NULL),
		change(ELEMENT_DELETE, "192.0.2.1", 443, 0, NULL),
	};

	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 10000, NULL));
	commit(&bench, changes, 2);
	expect_left(&bench, 30000);
	end(&bench);
}

static void expired_comes_back(void **state)
{
	struct bench bench = begin(state);

	commit_one(&bench, change(ELEMENT_ADD, "192.0.2.1", 443, 50, NULL));
	usleep(80000);
	assert_int_equal(dump(&bench).count, 0);
	commit_one(&bench, change(ELEMENT_REFRESH, "192.0.2.1", 443, 10000, NULL));
	expect_left(&bench, 10000);
	commit_one(&bench, change(ELEMENT_REFRESH, "192.0.2.1", 443, 50, NULL));
	usleep(80000);
	commit_one(&bench, change(ELEMENT_DELETE, "192.0.2.1", 443, 0, NULL));
	assert_int_equal(dump(&bench).count, 0);
	end(&bench);
}

/* ---- comments ---- */

static void expect_comment(struct bench *bench, size_t length, const char *expected_end)
{
	char comment[300];
	struct seen seen;

	memset(comment, 'n', length);
	comment[length] = '\0';
	commit_one(bench, change(ELEMENT_ADD, "192.0.2.1", 443, 60000, comment));
	seen = dump(bench);
	assert_int_equal(strlen(seen.comment[0]), length > LIMIT_ELEMENT_COMMENT ? LIMIT_ELEMENT_COMMENT + 1 : length);
	assert_string_equal(seen.comment[0] + strlen(seen.comment[0]) - 1, expected_end);
	/* nft reads it, too */
	assert_int_equal(kernel_status("nft list set inet nfqdn name4 | grep -q '%s\"'", seen.comment[0]), 0);
	commit_one(bench, change(ELEMENT_DELETE, "192.0.2.1", 443, 0, NULL));
}

static void comments(void **state)
{
	struct bench bench = begin(state);

	expect_comment(&bench, 1, "n");
	expect_comment(&bench, LIMIT_ELEMENT_COMMENT, "n");
	expect_comment(&bench, LIMIT_ELEMENT_COMMENT + 1, "~");
	expect_comment(&bench, 255, "~");
	end(&bench);
}

/* ---- many ---- */

static struct element_change *many(size_t count, size_t first, enum element_operation operation, size_t groups)
{
	struct element_change *changes = calloc(count, sizeof(*changes));
	static const char comment[] = "a-name-that-is-as-long-as-they-come.a-name-that-is-as-long-as-they-come."
				      "a-name-that-is-as-long-as-they-come.example.com";

	assert_non_null(changes);
	for (size_t i = 0; i < count; i++) {
		size_t n = first + i;
		uint8_t v6[16] = {
			0x20,      0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
			(uint8_t)n
		};
		uint8_t v4[4] = { 20, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

		changes[i].key.address = n % 2 ? ipaddr_from_bytes(IPADDR_V6, v6) : ipaddr_from_bytes(IPADDR_V4, v4);
		changes[i].key.group = (uint8_t)(n / 2 % groups);
		changes[i].key.l4proto = IPPROTO_TCP;
		changes[i].key.port = 443;
		changes[i].operation = operation;
		changes[i].timeout_ms = 600000;
		changes[i].comment = comment;
	}
	return changes;
}

static void largest_batch(void **state)
{
	struct bench bench = begin_with(state, "router");
	struct element_change *changes = many(LIMIT_BATCH_ELEMENTS, 0, ELEMENT_ADD, 1);

	for (int i = 0; i < 2; i++) {
		commit(&bench, changes, LIMIT_BATCH_ELEMENTS);
		assert_int_equal(dump(&bench).count, LIMIT_BATCH_ELEMENTS);
	}
	for (size_t i = 0; i < LIMIT_BATCH_ELEMENTS; i++)
		changes[i].operation = i % 3 ? ELEMENT_REFRESH : ELEMENT_DELETE;
	commit(&bench, changes, LIMIT_BATCH_ELEMENTS);
	assert_int_equal(dump(&bench).count, LIMIT_BATCH_ELEMENTS - (LIMIT_BATCH_ELEMENTS + 2) / 3);
	free(changes);
	end(&bench);
}

static void too_many(void **state)
{
	struct bench bench = begin(state);
	struct element_change *changes = many(LIMIT_BATCH_ELEMENTS + 1, 0, ELEMENT_ADD, 1);

	assert_int_equal(element_commit(bench.table, changes, LIMIT_BATCH_ELEMENTS + 1), LIMIT_BATCH_ELEMENTS + 1);
	assert_int_equal(changes[0].error, -E2BIG);
	assert_int_equal(changes[LIMIT_BATCH_ELEMENTS].error, -E2BIG);
	assert_int_equal(dump(&bench).count, 0);
	assert_int_equal(element_commit(bench.table, changes, 0), 0);
	free(changes);
	end(&bench);
}

static void count_groups(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	size_t *counts = context;

	(void)expires_ms;
	(void)comment;
	counts[key->group]++;
}

static void groups(void **state)
{
	struct bench bench;
	struct element_change *changes;
	size_t counts[LIMIT_GROUPS] = { 0 };

	kernel_need();
	kernel_flush();
	bench.policy = fixture_policy("groups");
	bench.table = kernel_open("guard");
	kernel_apply(bench.table, bench.policy);
	(void)state;
	changes = many(1000, 0, ELEMENT_ADD, 2);
	commit(&bench, changes, 1000);
	assert_int_equal(element_dump(bench.table, count_groups, counts), 0);
	assert_int_equal(counts[0], 500);
	assert_int_equal(counts[1], 500);
	free(changes);
	end(&bench);
}

/* ---- refusals ---- */

#define TOO_LONG (UINT64_C(1) << 60) /* ERANGE (KERNEL 1.3) */

/* The one that the kernel refuses is found, wherever it stands, and the others go in. */
static void refused_one(void **state)
{
	struct bench bench = begin(state);

	for (size_t bad = 0; bad < 1000; bad += 111) {
		struct element_change *changes = many(1000, 0, ELEMENT_ADD, 1);

		changes[bad].timeout_ms = TOO_LONG;
		assert_int_equal(element_commit(bench.table, changes, 1000), 1);
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(changes[i].error, i == bad ? -ERANGE : 0);
		assert_int_equal(dump(&bench).count, 999);
		for (size_t i = 0; i < 1000; i++)
			changes[i].operation = ELEMENT_DELETE;
		commit(&bench, changes, 1000);
		free(changes);
	}
	end(&bench);
}

static void refused_two(void **state)
{
	struct bench bench = begin(state);
	struct element_change *changes = many(10, 0, ELEMENT_ADD, 1);

	changes[3].timeout_ms = changes[7].timeout_ms = TOO_LONG;
	assert_int_equal(element_commit(bench.table, changes, 10), 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(changes[i].error, -ERANGE);
	assert_int_equal(dump(&bench).count, 0);
	free(changes);
	end(&bench);
}

static void unknown_group(void **state)
{
	struct bench bench = begin(state);
	struct element_change *changes = many(4, 0, ELEMENT_ADD, 1);

	changes[1].key.group = 7;
	assert_int_equal(element_commit(bench.table, changes, 4), 1);
	assert_int_equal(changes[1].error, -ENOENT);
	assert_int_equal(dump(&bench).count, 3);
	free(changes);
	end(&bench);
}

/* limits.elements = 1000: 2277 fit. A refused batch leaves all as it was, and deletes make room in the very batch
 * that adds. */
static void full_set(void **state)
{
	struct bench bench;
	struct element_change *changes;
	size_t added = 0;

	kernel_need();
	kernel_flush();
	(void)state;
	bench.policy = fixture_policy_text("gateway: { interfaces = [ \"lan\" ]; resolvers = [ \"10.2.0.2\" ]; "
					   "limits: { elements = 1000; }; };\n");
	bench.table = kernel_open("nfqdn");
	kernel_apply(bench.table, bench.policy);
	for (; added < 2 * 2277; added += 2 * 253) { /* every other one is IPv4 */
		changes = many(2 * 253, added, ELEMENT_ADD, 1);
		commit(&bench, changes, 2 * 253);
		free(changes);
	}
	changes = many(20, added, ELEMENT_ADD, 1);
	assert_int_equal(element_commit(bench.table, changes, 20), 20);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(changes[i].error, -ENFILE);
	free(changes);
	changes = many(20, 0, ELEMENT_DELETE, 1);
	for (size_t i = 10; i < 20; i++) {
		struct element_change *more = many(1, added + i, ELEMENT_ADD, 1);

		changes[i] = *more;
		free(more);
	}
	commit(&bench, changes, 20);
	free(changes);
	end(&bench);
}

static void table_gone(void **state)
{
	struct bench bench = begin(state);
	struct element_change *changes = many(4, 0, ELEMENT_ADD, 1);
	struct seen seen = { 0 };

	kernel_flush();
	assert_int_equal(element_commit(bench.table, changes, 4), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(changes[i].error, -ENOENT);
	assert_int_equal(element_dump(bench.table, see, &seen), -ENOENT);
	free(changes);
	end(&bench);
}

/* ---- dumps ---- */

static void dump_passes_over_others(void **state)
{
	struct bench bench = begin(state);

	assert_int_equal(
		kernel_status(
			"nft 'add element inet nfqdn name4 { 192.0.2.1 . tcp . 1 timeout 1h, 192.0.2.2 . tcp . 2, "
			"192.0.2.3 . sctp . 3 timeout 1h }'"),
		0);
	assert_int_equal(dump(&bench).count, 1);
	assert_int_equal(dump(&bench).key[0].port, 1);
	end(&bench);
}

/* Somebody commits all the time: a dump is whole all the same. */
static void dump_under_commits(void **state)
{
	struct bench bench = begin(state);
	struct element_change *changes = many(1000, 0, ELEMENT_ADD, 1);
	FILE *others;

	commit(&bench, changes, 1000);
	/* One process for all of them: on an emulated processor each start of nft takes a second. */
	others = popen("nft -i >/dev/null 2>&1", "w");
	assert_non_null(others);
	fputs("add table inet busy\n", others);
	for (int i = 0; i < 100; i++) {
		struct seen seen = { 0 };

		for (int j = 0; j < 5; j++)
			fprintf(others, "add chain inet busy c%d_%d\n", i, j);
		fflush(others);
		assert_int_equal(element_dump(bench.table, see, &seen), 0);
		assert_int_equal(seen.count, 1000);
		usleep(5000);
	}
	assert_int_equal(pclose(others), 0);
	assert_int_equal(kernel_status("nft list chain inet busy c99_4"), 0);
	free(changes);
	end(&bench);
}

/* ---- cost ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void cost(void **state)
{
	static const size_t sizes[] = { 1, 16, 256, 1024 };
	struct bench bench = begin(state);

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		enum { ROUNDS = 51 };
		double add[ROUNDS], refresh[ROUNDS];

		for (size_t i = 0; i < ROUNDS; i++) {
			struct element_change *changes = many(sizes[s], 0, ELEMENT_ADD, 1);
			double begin_at = now();

			commit(&bench, changes, sizes[s]);
			add[i] = now() - begin_at;
			for (size_t k = 0; k < sizes[s]; k++)
				changes[k].operation = ELEMENT_REFRESH;
			begin_at = now();
			commit(&bench, changes, sizes[s]);
			refresh[i] = now() - begin_at;
			for (size_t k = 0; k < sizes[s]; k++)
				changes[k].operation = ELEMENT_DELETE;
			commit(&bench, changes, sizes[s]);
			free(changes);
		}
		qsort(add, ROUNDS, sizeof(add[0]), compare);
		qsort(refresh, ROUNDS, sizeof(refresh[0]), compare);
		print_message("# %zu elements: add %.1f us, refresh %.1f us (median)\n", sizes[s], add[ROUNDS / 2],
			      refresh[ROUNDS / 2]);
	}
	end(&bench);
}

#define EVERY_WAY(test)                                                                                                \
	{ #test ", as of Linux 6.1", test, NULL, NULL, &way_plain },                                                   \
		{ #test ", as of Linux 6.3", test, NULL, NULL, &way_destroy },                                         \
	{                                                                                                              \
#test ", as of Linux 6.12", test, NULL, NULL, &way_update                                              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EVERY_WAY(add_and_dump),
		EVERY_WAY(refresh_extends),
		{ "refresh keeps the comment where it can", refresh_keeps_comment_with_update, NULL, NULL,
		  &way_update },
		EVERY_WAY(refresh_of_missing_adds),
		EVERY_WAY(add_over_existing),
		EVERY_WAY(delete_any),
		EVERY_WAY(delete_then_add),
		EVERY_WAY(expired_comes_back),
		EVERY_WAY(largest_batch),
		EVERY_WAY(refused_one),
		cmocka_unit_test(comments),
		cmocka_unit_test(too_many),
		cmocka_unit_test(groups),
		cmocka_unit_test(refused_two),
		cmocka_unit_test(unknown_group),
		cmocka_unit_test(full_set),
		cmocka_unit_test(table_gone),
		cmocka_unit_test(dump_passes_over_others),
		cmocka_unit_test(dump_under_commits),
		EVERY_WAY(cost),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, kernel_enter, NULL);
}
