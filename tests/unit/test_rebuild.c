/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/rebuild.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/store_share.o learn/past.o base/log.o base/monotime.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
/* What was learned is put into a table that others emptied, and the kernel refuses it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "learn/rebuild.h"
#include "netfilter/table.h"
#include "tests/unit/fake_element.h"

/* ---- the table, as far as it is not elements ---- */

static struct {
	int found, begun; /* what the next look and table_watch_begin() say */
	int apply_error;
	size_t looks, applies;
} there;

struct table_watch {
	int unused;
};
static struct table_watch the_watch;

struct table_watch *table_watch_new(struct table *table)
{
	(void)table;
	return &the_watch;
}

void table_watch_free(struct table_watch *watch)
{
	(void)watch;
}

int table_watch_begin(struct table_watch *watch)
{
	(void)watch;
	return there.begun;
}

int table_watch_look(struct table_watch *watch)
{
	int found = there.found;

	(void)watch;
	there.looks++;
	there.found = 0;
	return found;
}

bool table_watch_urgent(const struct table_watch *watch)
{
	(void)watch;
	return false;
}

const char *table_watch_warning(const struct table_watch *watch)
{
	(void)watch;
	return "";
}

int table_apply(struct table *table, const struct policy *policy, const char **error)
{
	(void)table;
	(void)policy;
	there.applies++;
	*error = "made up";
	return there.apply_error;
}

int table_remove(struct table *table)
{
	(void)table;
	return 0;
}

/* ---- the tests ---- */

#define ELEMENTS 3000u /* three transactions */

struct bench {
	struct store *store;
	struct table *kernel;
	struct rebuild rebuild;
	struct monotime now;
	struct config config;
	struct policy policy;
};

static void pass(struct bench *bench, int64_t ms)
{
	bench->now = monotime_add(bench->now, ms);
	fake_table_set_time(bench->kernel, bench->now);
}

static struct element_key key_of(uint32_t number)
{
	const uint8_t octets[4] = { 20, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };

	return (struct element_key) { .address = ipaddr_from_bytes(IPADDR_V4, octets),
				      .l4proto = IPPROTO_TCP,
				      .port = 443 };
}

/* A store with ELEMENTS, and a kernel that has none of them. */
static struct bench *bench_new(void)
{
	static const struct hash_key hash_key = { 1, 2 };
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	memset(&there, 0, sizeof(there));
	memset(&counters, 0, sizeof(counters));
	bench->store = store_new(&hash_key, 10000);
	bench->kernel = fake_table_new();
	bench->config.table = "nfqdn";
	bench->policy.config = &bench->config;
	pass(bench, 1000000);
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		struct element_key key = key_of(i);

		assert_int_equal(store_adopt(bench->store, &key, NULL, monotime_add(bench->now, 600000)), 0);
	}
	assert_int_equal(rebuild_open(&bench->rebuild, bench->kernel, bench->store), 0);
	return bench;
}

static void bench_free(struct bench *bench)
{
	rebuild_close(&bench->rebuild);
	store_free(bench->store);
	fake_table_free(bench->kernel);
	free(bench);
}

static int64_t tick(struct bench *bench)
{
	return rebuild_tick(&bench->rebuild, &bench->policy, bench->now);
}

static void emptied(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	there.found = TABLE_WATCH_LEARNED;
	there.begun = 1;
	tick(bench);
	assert_int_equal(fake_table_count(bench->kernel), ELEMENTS);
	assert_int_equal(there.applies, 0);
	assert_int_equal(counters.table_rebuilt, 1);
	bench_free(bench);
}

/* A transaction that is refused costs as much as 2000 good ones: not ten times a second. */
static void refused(void **state)
{
	static const int errors[] = { -ENFILE, -EBUSY, -ENOMEM, -EPERM, -EAGAIN, -ENOBUFS };

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		struct bench *bench = bench_new();
		size_t commits;

		there.found = TABLE_WATCH_LEARNED;
		there.begun = 1;
		fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1 + i % 3, errors[i]);
		assert_true(tick(bench) >= 1000);
		commits = fake_table_commits(bench->kernel);
		pass(bench, 500);
		tick(bench);
		assert_int_equal(fake_table_commits(bench->kernel), commits);
		pass(bench, 500);
		assert_true(tick(bench) < 1000);
		assert_int_equal(fake_table_count(bench->kernel), ELEMENTS);
		assert_int_equal(counters.table_rebuilt, 1);
		bench_free(bench);
	}
}

/* Nor is the table made anew more often than once a second when that is refused. */
static void apply_refused(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	there.found = TABLE_WATCH_RULES | TABLE_WATCH_LEARNED;
	there.apply_error = -ENFILE;
	assert_true(tick(bench) >= 1000);
	assert_int_equal(there.applies, 1);
	pass(bench, 500);
	tick(bench);
	assert_int_equal(there.looks, 1);
	pass(bench, 500);
	there.found = TABLE_WATCH_RULES | TABLE_WATCH_LEARNED;
	there.apply_error = 0;
	there.begun = 1;
	tick(bench);
	assert_int_equal(there.applies, 2);
	assert_int_equal(fake_table_count(bench->kernel), ELEMENTS);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(emptied),
		cmocka_unit_test(refused),
		cmocka_unit_test(apply_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
