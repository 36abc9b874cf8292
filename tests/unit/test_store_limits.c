/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/store/bench.o */
/* LINK: learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
/* The limits: of the store, of a plan, of a drain, of names and of memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/lifetime.h"
#include "learn/store.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/store/bench.h"

/* ---- a full store ---- */

static void test_full(void **state)
{
	struct bench *bench = bench_new(3);
	struct store_view view;

	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		bench_plan(bench, i, "a.example", 0);
		bench_finish(bench);
		bench_advance(bench, 1000);
	}
	assert_int_equal(bench_plan(bench, 4, "b.example", 0), 1);
	assert_int_equal(bench_planned(bench), 2);
	assert_int_equal(store_count(bench->store), 3);
	assert_int_equal(bench_finish(bench), 0);
	assert_false(bench_known(bench, 1, &view));
	assert_int_equal(bench_in_kernel(bench, 1), -ENOENT);
	assert_true(bench_known(bench, 4, &view));
	assert_int_equal(counters.elements_evicted, 1);
	/* A failed batch: the evicted one is back, the new one is not there. */
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENFILE);
	assert_int_equal(bench_plan(bench, 5, "b.example", 1), 1);
	assert_int_equal(bench_finish(bench), 2);
	assert_true(bench_known(bench, 2, &view));
	assert_false(bench_known(bench, 5, &view));
	assert_int_equal(store_count(bench->store), 3);
	bench_free(bench);
}

/* What the running drain needs is not evicted: added, refreshed or merely found. */
static void test_full_of_needed(void **state)
{
	struct bench *bench = bench_new(3);
	struct store_view view;

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	bench_plan(bench, 2, "a.example", 0);
	bench_finish(bench);
	bench_advance(bench, 1000);
	assert_int_equal(bench_plan(bench, 1, "a.example", 1), 0);
	assert_int_equal(bench_plan(bench, 3, "a.example", 2), 1);
	assert_int_equal(bench_plan(bench, 4, "a.example", 3), 1); /* number 2 goes */
	assert_int_equal(bench_plan(bench, 5, "a.example", 4), -EDQUOT);
	assert_int_equal(counters.elements_over_limit, 1);
	assert_int_equal(bench_finish(bench), 0);
	assert_true(bench_known(bench, 1, &view));
	assert_false(bench_known(bench, 2, &view));
	/* A new drain needs other things. */
	assert_int_equal(bench_plan(bench, 5, "a.example", 4), 1);
	assert_int_equal(bench_finish(bench), 0);
	assert_int_equal(store_count(bench->store), 3);
	bench_free(bench);
}

/* What a full store costs, an element with a name of its own every second one. */
static void test_memory(void **state)
{
	struct bench *bench = bench_new(100000);
	char name[48];

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "n%u.some.name.example", i / 2);
		bench_plan(bench, i, name, 0);
		if (i % 32 == 31)
			bench_finish(bench);
	}
	bench_finish(bench);
	assert_int_equal(store_count(bench->store), 100000);
	print_message("# %zu octets an element\n", store_memory(bench->store) / 100000);
	assert_in_range(store_memory(bench->store) / 100000, 100, 165);
	bench_free(bench);
}

/* What was to be evicted is asked for: it stays, with its longer life, and another goes. */
static void test_evicted_and_wanted(void **state)
{
	struct bench *bench = bench_new(2);
	struct store_view view;

	(void)state;
	bench_plan_as(bench, 1, "a.example", 0, 400000, 0, 0);
	bench_plan_as(bench, 2, "a.example", 0, 500000, 0, 0);
	bench_finish(bench);
	assert_int_equal(bench_plan_as(bench, 3, "a.example", 0, 600000, 0, 0), 1);
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 0, 300000, 0, 1), 1);
	assert_int_equal(bench_planned(bench), 3);
	assert_int_equal(bench_finish(bench), 0);
	assert_int_equal(bench_left(bench, 1), 400000);
	assert_int_equal(bench_in_kernel(bench, 1), 400000 + LIFETIME_BACKSTOP_MS);
	assert_false(bench_known(bench, 2, &view));
	assert_int_equal(bench_in_kernel(bench, 2), -ENOENT);
	assert_int_equal(store_count(bench->store), 2);
	bench_free(bench);
}

/* ---- a full plan, a full drain ---- */

static void test_plan_is_full(void **state)
{
	struct bench *bench = bench_new(5000);
	unsigned int i = 0;
	char name[32];
	int rc = 0;

	(void)state;
	while (rc >= 0) {
		snprintf(name, sizeof(name), "n%u.example", i / 600);
		rc = bench_plan(bench, ++i, name, 1);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(bench_planned(bench), LIMIT_BATCH_ELEMENTS);
	assert_int_equal(bench_finish(bench), 0);
	assert_int_equal(bench_plan(bench, i, name, 1), 1);
	bench_finish(bench);
	assert_int_equal(store_count(bench->store), LIMIT_BATCH_ELEMENTS + 1);
	bench_free(bench);
}

/* An add to a full store takes two places of the plan, or none. */
static void test_plan_full_of_evictions(void **state)
{
	struct bench *bench = bench_new(1500);
	unsigned int added = 0;
	int rc = 1;

	(void)state;
	for (unsigned int i = 0; i < 1500; i++) {
		if (i % 750 == 0)
			bench_finish(bench);
		bench_plan(bench, i, i < 750 ? "a.example" : "b.example", 0);
	}
	bench_finish(bench);
	assert_int_equal(bench_plan_as(bench, 0, "a.example", 0, 2 * BENCH_LIFE, 2 * BENCH_LIFE, 0), 1);
	while (rc >= 0) {
		rc = bench_plan(bench, 5000 + added, added < 400 ? "c.example" : "d.example", 0);
		added += rc >= 0;
	}
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(added, (LIMIT_BATCH_ELEMENTS - 1) / 2);
	assert_int_equal(bench_planned(bench), 1 + 2 * added);
	bench_finish(bench);
	assert_int_equal(counters.elements_evicted, added);
	assert_int_equal(store_count(bench->store), 1500);
	bench_free(bench);
}

/* A planned deletion that turns into an add takes no further place. */
static void test_wanted_again_in_a_full_plan(void **state)
{
	struct bench *bench = bench_new(5000);

	(void)state;
	for (unsigned int i = 0; i < LIMIT_BATCH_ELEMENTS; i++)
		bench_plan(bench, i, "a.example", 0);
	bench_finish(bench);
	bench_advance(bench, BENCH_LIFE);
	assert_int_equal(store_plan_expired(bench->store, bench->now), LIMIT_BATCH_ELEMENTS);
	assert_int_equal(bench_plan(bench, 7, "a.example", 0), 1);
	assert_int_equal(bench_planned(bench), LIMIT_BATCH_ELEMENTS);
	assert_int_equal(bench_plan(bench, 90000, "b.example", 0), -ENOSPC);
	bench_finish(bench);
	assert_int_equal(store_count(bench->store), 1);
	assert_int_equal(bench_left(bench, 7), BENCH_LIFE);
	bench_free(bench);
}

/* More names in one plan than comments fit: the plan counts as full. */
static void test_plan_of_many_names(void **state)
{
	struct bench *bench = bench_new(5000);
	char name[32];

	(void)state;
	for (unsigned int i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(bench_plan(bench, i, name, i), 1);
	}
	assert_int_equal(bench_plan(bench, 1000, "another.example", 1), -ENOSPC);
	bench_finish(bench);
	assert_int_equal(bench_plan(bench, 1000, "another.example", 1), 1);
	bench_finish(bench);
	bench_free(bench);
}

/* A drain takes what was set aside and no more; then the next one has as much. */
static void test_memory_of_one_drain(void **state)
{
	struct bench *bench = bench_new(100000);
	unsigned int taken = 0, i;
	char name[32];
	int rc;

	(void)state;
	for (i = 0;; i++) {
		snprintf(name, sizeof(name), "n%u.example", i / 500);
		rc = bench_plan(bench, i, name, 1);
		if (rc == -ENOSPC) {
			size_t count;
			struct element_change *changes = store_changes(bench->store, &count);

			element_commit(bench->kernel, changes, count);
			store_settle(bench->store);
			i--;
			continue;
		}
		if (rc < 0)
			break;
		taken++;
	}
	assert_int_equal(rc, -ENOMEM);
	assert_in_range(taken, LIMIT_DRAIN_ELEMENTS, LIMIT_DRAIN_ELEMENTS + LIMIT_BATCH_ELEMENTS);
	assert_int_equal(counters.elements_without_memory, 1);
	bench_finish(bench);
	assert_int_equal(bench_plan(bench, i, name, 1), 1);
	bench_finish(bench);
	bench_free(bench);
}

/* ---- many names, many elements ---- */

static void test_name_has_enough_elements(void **state)
{
	struct bench *bench = bench_new(5000);

	(void)state;
	for (unsigned int i = 0; i < LIMIT_NAME_ELEMENTS; i++)
		assert_int_equal(bench_plan(bench, i, "a.example", 0), 1);
	bench_finish(bench);
	assert_int_equal(bench_plan(bench, 90000, "a.example", 0), -EDQUOT);
	assert_int_equal(counters.name_elements_over_limit, 1);
	assert_int_equal(bench_plan(bench, 90000, "b.example", 0), 1);
	bench_finish(bench);
	/* Another name's element is found, not bound to this name. */
	assert_int_equal(bench_plan(bench, 90000, "a.example", 0), 0);
	assert_int_equal(counters.name_elements_over_limit, 2);
	bench_free(bench);
}

static void test_element_has_enough_names(void **state)
{
	struct bench *bench = bench_new(100);
	struct store_view view;
	char name[32];

	(void)state;
	for (unsigned int i = 0; i < LIMIT_ELEMENT_NAMES; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		bench_plan(bench, 1, name, 0);
	}
	bench_finish(bench);
	assert_int_equal(bench_plan(bench, 1, "late.example", 0), 0);
	assert_int_equal(counters.element_names_over_limit, 1);
	assert_true(bench_known(bench, 1, &view));
	assert_int_equal(view.name_count, LIMIT_ELEMENT_NAMES);
	bench_assert_name(&view, 0, "n0.example", 60);
	/* Names whose own answers have ended make way. */
	for (unsigned int i = 0; i < LIMIT_ELEMENT_NAMES; i += 5) {
		bench_advance(bench, BENCH_LIFE / 2);
		bench_plan(bench, 1, "n1.example", 0);
		bench_finish(bench);
	}
	bench_plan(bench, 1, "late.example", 0);
	assert_true(bench_known(bench, 1, &view));
	assert_int_equal(view.name_count, LIMIT_ELEMENT_NAMES);
	bench_assert_name(&view, LIMIT_ELEMENT_NAMES - 1, "late.example", 60);
	bench_assert_name(&view, 0, "n1.example", 60);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_of_needed),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_evicted_and_wanted),
		cmocka_unit_test(test_plan_is_full),
		cmocka_unit_test(test_plan_full_of_evictions),
		cmocka_unit_test(test_wanted_again_in_a_full_plan),
		cmocka_unit_test(test_plan_of_many_names),
		cmocka_unit_test(test_name_has_enough_elements),
		cmocka_unit_test(test_element_has_enough_names),
		cmocka_unit_test(test_memory_of_one_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
