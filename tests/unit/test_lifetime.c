/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/lifetime.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "learn/lifetime.h"

static const struct config_lifetime usual = { .grace = 60, .min = 300, .max = 86400 };

static bool refreshed(const struct config_lifetime *lifetime, uint32_t ttl, int64_t left_ms)
{
	return left_ms < lifetime_refresh_below(lifetime, ttl);
}

static void test_life(void **state)
{
	(void)state;
	assert_int_equal(lifetime_of_ttl(&usual, 0), 300000);
	assert_int_equal(lifetime_of_ttl(&usual, 1), 300000);
	assert_int_equal(lifetime_of_ttl(&usual, 240), 300000);
	assert_int_equal(lifetime_of_ttl(&usual, 241), 301000);
	assert_int_equal(lifetime_of_ttl(&usual, 3600), 3660000);
	assert_int_equal(lifetime_of_ttl(&usual, 86340), 86400000);
	assert_int_equal(lifetime_of_ttl(&usual, 604800), 86400000);
	assert_int_equal(lifetime_of_ttl(&usual, UINT32_MAX), 86400000);
}

static void test_extremes(void **state)
{
	const struct config_lifetime widest = { .grace = UINT32_MAX, .min = 0, .max = UINT32_MAX };
	const struct config_lifetime none = { .grace = 0, .min = 0, .max = 86400 };
	const struct config_lifetime crossed = { .grace = 0, .min = 500, .max = 100 }; /* max wins */

	(void)state;
	assert_int_equal(lifetime_of_ttl(&widest, UINT32_MAX), INT64_C(4294967295000));
	assert_int_equal(lifetime_of_ttl(&none, 0), 0);
	assert_int_equal(lifetime_of_ttl(&crossed, 7), 100000);
}

/* The threshold is ttl + grace / 2: pain 3 and 9, a fresher TTL is never cut short. */
static void test_refresh(void **state)
{
	(void)state;
	assert_true(refreshed(&usual, 600, 629999));
	assert_false(refreshed(&usual, 600, 630000));
	assert_true(refreshed(&usual, 600, -1));
	assert_true(refreshed(&usual, 0, 29999));
	assert_false(refreshed(&usual, 0, 30000));
	/* Within the grace of max: the middle between TTL and max. */
	assert_true(refreshed(&usual, 86380, 86389999));
	assert_false(refreshed(&usual, 86380, 86390000));
}

/* A TTL that max cuts does not cost a transaction for every answer. */
static void test_ttl_above_max(void **state)
{
	(void)state;
	assert_false(refreshed(&usual, 604800, 86000000));
	assert_true(refreshed(&usual, 604800, 75000000));
	assert_false(refreshed(&usual, UINT32_MAX, 86000000));
}

/* For every TTL and setting: right after a refresh nothing is to be done, and what is left alone outlives the answer,
 * unless max forbids it. */
static void test_laws(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct config_lifetime l = { .grace = (uint32_t)rand_r(&seed) % 200,
					     .min = (uint32_t)rand_r(&seed) % 700 };
		uint32_t ttl = (uint32_t)rand_r(&seed) % 2000;
		int64_t below;

		l.max = l.min + (uint32_t)rand_r(&seed) % 2000;
		below = lifetime_refresh_below(&l, ttl);
		assert_true(below <= lifetime_of_ttl(&l, ttl));
		assert_true(below >= 0);
		if (ttl < l.max)
			assert_true(below >= (int64_t)ttl * 1000);
		if (l.grace > 0 && ttl < l.max)
			assert_true(below < lifetime_of_ttl(&l, ttl));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),          cmocka_unit_test(test_extremes), cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_ttl_above_max), cmocka_unit_test(test_laws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
