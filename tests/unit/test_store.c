/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/store/bench.o */
/* LINK: learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
/* The life of an element: added, refreshed, ended, and what fails on the way. Limits, shares and names have programs beside. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/lifetime.h"
#include "learn/store.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/store/bench.h"

/* ---- the usual ways ---- */

static void test_add(void **state)
{
	struct bench *bench = bench_new(100);
	struct store_view view;
	const char *comment;
	struct element_key key = bench_key(1, 443);

	(void)state;
	assert_int_equal(bench_plan(bench, 1, "A.Example.com", 3), 1);
	assert_int_equal(bench_finish(bench), 0);
	assert_true(bench_known(bench, 1, &view));
	assert_int_equal(view.ttl, 60);
	assert_int_equal(view.name_count, 1);
	bench_assert_name(&view, 0, "a.example.com", 60);
	assert_int_equal(bench_left(bench, 1), BENCH_LIFE);
	assert_int_equal(fake_table_find(bench->kernel, &key, &comment), BENCH_LIFE + LIFETIME_BACKSTOP_MS);
	assert_string_equal(comment, "a.example.com");
	assert_int_equal(counters.elements_added, 1);
	assert_int_equal(store_count(bench->store), 1);
	bench_free(bench);
}

static void test_known_costs_nothing(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	bench_finish(bench);
	bench_advance(bench, BENCH_LIFE - BENCH_BELOW);
	assert_int_equal(bench_plan(bench, 1, "a.example", 0), 0);
	assert_int_equal(bench_planned(bench), 0);
	bench_advance(bench, 1);
	assert_int_equal(bench_plan(bench, 1, "a.example", 0), 1);
	assert_int_equal(bench_planned(bench), 1);
	assert_int_equal(bench_finish(bench), 0);
	assert_int_equal(bench_left(bench, 1), BENCH_LIFE);
	assert_int_equal(bench_in_kernel(bench, 1), BENCH_LIFE + LIFETIME_BACKSTOP_MS);
	assert_int_equal(counters.elements_refreshed, 1);
	bench_free(bench);
}

/* A fresher TTL on a known element lengthens it, a smaller one never shortens it. */
static void test_refresh_both_ways(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	bench_plan_as(bench, 1, "a.example", 60, 300000, 90000, 0);
	bench_finish(bench);
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 3600, 3660000, 3630000, 0), 1);
	bench_finish(bench);
	assert_int_equal(bench_left(bench, 1), 3660000);
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 0, 300000, 30000, 0), 0);
	bench_finish(bench);
	assert_int_equal(bench_left(bench, 1), 3660000);
	/* Asked for more than it offers: nothing to gain. */
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 0, 300000, 9999999, 0), 0);
	assert_int_equal(bench_planned(bench), 0);
	bench_free(bench);
}

static void test_one_drain_merges(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 60, 300000, 90000, 0), 1);
	assert_int_equal(bench_plan_as(bench, 1, "b.example", 900, 960000, 930000, 1), 1);
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 60, 300000, 90000, 2), 1);
	assert_int_equal(bench_planned(bench), 1);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 1, -ENFILE);
	assert_int_equal(bench_finish(bench), 7);
	assert_int_equal(store_count(bench->store), 0);
	bench_plan_as(bench, 1, "a.example", 60, 300000, 90000, 0);
	bench_plan_as(bench, 1, "b.example", 900, 960000, 930000, 1);
	assert_int_equal(bench_finish(bench), 0);
	assert_int_equal(bench_left(bench, 1), 960000);
	assert_int_equal(bench_in_kernel(bench, 1), 960000 + LIFETIME_BACKSTOP_MS);
	bench_free(bench);
}

/* Who has enough with what the kernel holds does not depend on the refresh of another. */
static void test_failed_refresh(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	bench_finish(bench);
	bench_advance(bench, BENCH_LIFE - 80000);
	assert_int_equal(bench_plan(bench, 1, "a.example", 5), 1);
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 10, BENCH_LIFE, 40000, 6), 0);
	assert_int_equal(bench_plan_as(bench, 1, "a.example", 70, BENCH_LIFE, 100000, 7), 1);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENOMEM);
	assert_int_equal(bench_finish(bench), 1 << 5 | 1 << 7);
	assert_int_equal(bench_left(bench, 1), 80000);
	assert_int_equal(counters.elements_refused, 1);
	bench_advance(bench, 80000);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	bench_free(bench);
}

/* ---- the end of a life ---- */

static void test_expire(void **state)
{
	struct bench *bench = bench_new(100);
	struct monotime deadline;

	(void)state;
	assert_false(store_next_deadline(bench->store, &deadline));
	bench_plan(bench, 1, "a.example", 0);
	bench_advance(bench, 5);
	bench_plan(bench, 2, "a.example", 0);
	bench_finish(bench);
	assert_true(store_next_deadline(bench->store, &deadline));
	assert_int_equal(monotime_until(bench->now, deadline), BENCH_LIFE - 5);
	bench_advance(bench, BENCH_LIFE - 6);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 0);
	bench_advance(bench, 1);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	assert_int_equal(store_count(bench->store), 1);
	bench_finish(bench);
	assert_int_equal(bench_in_kernel(bench, 1), -ENOENT);
	assert_true(bench_in_kernel(bench, 2) > 0);
	assert_int_equal(counters.elements_expired, 1);
	bench_free(bench);
}

static void test_failed_delete_is_tried_again(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	bench_finish(bench);
	bench_advance(bench, BENCH_LIFE);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -EBUSY);
	bench_finish(bench);
	assert_int_equal(store_count(bench->store), 1);
	assert_true(bench_in_kernel(bench, 1) > 0);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	bench_finish(bench);
	assert_int_equal(store_count(bench->store), 0);
	assert_int_equal(bench_in_kernel(bench, 1), -ENOENT);
	bench_free(bench);
}

/* Asked again after its end, before or while it is deleted: it lives on, in one transaction. */
static void test_wanted_again(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	for (int planned_first = 0; planned_first < 2; planned_first++) {
		bench_plan(bench, 1, "a.example", 0);
		bench_finish(bench);
		bench_advance(bench, BENCH_LIFE + 10);
		if (planned_first)
			assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
		assert_int_equal(bench_plan(bench, 1, "a.example", 9), 1);
		assert_int_equal(bench_planned(bench), 1);
		assert_int_equal(store_count(bench->store), 1);
		fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENOMEM);
		assert_int_equal(bench_finish(bench), 1 << 9);
		assert_int_equal(bench_left(bench, 1), -10);
		assert_int_equal(bench_plan(bench, 1, "a.example", 9), 1);
		assert_int_equal(bench_finish(bench), 0);
		assert_int_equal(bench_left(bench, 1), BENCH_LIFE);
		assert_int_equal(bench_in_kernel(bench, 1), BENCH_LIFE + LIFETIME_BACKSTOP_MS);
	}
	bench_free(bench);
}

/* ---- failures ---- */

static void test_rollback(void **state)
{
	struct bench *bench = bench_new(100);
	struct store_view view;

	(void)state;
	for (unsigned int i = 1; i <= 5; i++)
		bench_plan(bench, i, "a.example", i);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 3, -ENFILE);
	assert_int_equal(bench_finish(bench), 1 << 3);
	assert_int_equal(store_count(bench->store), 4);
	assert_false(bench_known(bench, 3, &view));
	assert_int_equal(counters.elements_added, 4);
	assert_int_equal(counters.elements_refused, 1);
	bench_free(bench);
}

/* A lost answer leaves an element that may be there: it is deleted next, or added again when asked for. */
static void test_lost_answer(void **state)
{
	struct bench *bench = bench_new(100);
	struct monotime deadline;

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	bench_plan(bench, 2, "a.example", 1);
	fake_table_fail(bench->kernel, FAKE_LOSE_ANSWER, 1, 0);
	assert_int_equal(bench_finish(bench), 3);
	assert_true(bench_in_kernel(bench, 1) > 0);
	assert_true(store_next_deadline(bench->store, &deadline));
	assert_true(monotime_before(deadline, bench->now));
	assert_int_equal(bench_plan(bench, 2, "a.example", 0), 1);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	assert_int_equal(bench_finish(bench), 0);
	assert_int_equal(bench_in_kernel(bench, 1), -ENOENT);
	assert_int_equal(bench_left(bench, 2), BENCH_LIFE);
	assert_int_equal(store_count(bench->store), 1);
	bench_free(bench);
}

/* An overflow of the socket tells as little: what was asked for may have been done. */
static void test_overflow(void **state)
{
	struct bench *bench = bench_new(100);
	struct monotime deadline;

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENOBUFS);
	assert_int_equal(bench_finish(bench), 1);
	assert_true(store_next_deadline(bench->store, &deadline));
	assert_true(monotime_before(deadline, bench->now));
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	assert_int_equal(bench_finish(bench), 0);
	assert_int_equal(store_count(bench->store), 0);
	bench_free(bench);
}

/* The texts of one plan are not those of the next, though the name is the same. */
static void test_comment_of_the_next_plan(void **state)
{
	struct bench *bench = bench_new(100);
	const char *comment;

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	bench_finish(bench);
	for (unsigned int i = 2; i < 5; i++) {
		struct element_key key = bench_key(i, 443);

		bench_plan(bench, i, "a.example", 0);
		bench_finish(bench);
		assert_true(fake_table_find(bench->kernel, &key, &comment) > 0);
		assert_string_equal(comment, "a.example");
	}
	bench_free(bench);
}

/* What the policy forbids must go, however often the kernel says no. */
static void test_unwanted(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = bench_key(1, 443), missing = bench_key(9, 443);

	(void)state;
	bench_plan(bench, 1, "a.example", 0);
	bench_finish(bench);
	assert_int_equal(store_plan_delete(bench->store, &missing), -ENOENT);
	assert_int_equal(store_plan_delete(bench->store, &key), 0);
	assert_int_equal(store_plan_delete(bench->store, &key), 0);
	for (int i = 0; i < 3; i++) {
		fake_table_fail(bench->kernel, FAKE_LOSE_REQUEST, 1, 0);
		bench_finish(bench);
		assert_int_equal(store_count(bench->store), 1);
		assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	}
	bench_finish(bench);
	assert_int_equal(store_count(bench->store), 0);
	assert_int_equal(bench_in_kernel(bench, 1), -ENOENT);
	assert_int_equal(counters.elements_dropped, 1);
	assert_int_equal(counters.elements_expired, 0);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_known_costs_nothing),
		cmocka_unit_test(test_refresh_both_ways),
		cmocka_unit_test(test_one_drain_merges),
		cmocka_unit_test(test_failed_refresh),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_failed_delete_is_tried_again),
		cmocka_unit_test(test_wanted_again),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_lost_answer),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_comment_of_the_next_plan),
		cmocka_unit_test(test_unwanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
