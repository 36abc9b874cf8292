/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/store/bench.o */
/* LINK: learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
/* What belongs together: names and their elements, keys, groups that are renumbered, elements that are adopted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/store.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/store/bench.h"

/* ---- names ---- */

static bool count_views(void *context, const struct store_view *view)
{
	(void)view;
	return ++*(unsigned int *)context < 1000;
}

static unsigned int elements_of(const struct bench *bench, const char *text)
{
	struct dns_name name = bench_name(text);
	unsigned int count = 0;

	store_visit_name(bench->store, &name, count_views, &count);
	return count;
}

static void test_names(void **state)
{
	struct bench *bench = bench_new(100);
	unsigned int all = 0;
	char longest[300] = "", hundred[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.";

	(void)state;
	for (int i = 0; i < 5; i++)
		strcat(longest, hundred);
	longest[253] = '\0';
	bench_plan(bench, 1, "a.example", 0);
	bench_plan(bench, 2, "a.example", 0);
	bench_plan(bench, 2, longest, 0);
	bench_plan(bench, 3, longest, 0);
	bench_finish(bench);
	assert_int_equal(elements_of(bench, "a.example"), 2);
	assert_int_equal(elements_of(bench, longest), 2);
	assert_int_equal(elements_of(bench, "b.example"), 0);
	store_visit(bench->store, count_views, &all);
	assert_int_equal(all, 3);
	bench_advance(bench, BENCH_LIFE);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 3);
	bench_finish(bench);
	assert_int_equal(elements_of(bench, "a.example"), 0);
	assert_int_equal(elements_of(bench, longest), 0);
	bench_free(bench);
}

static void test_long_comment(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = bench_key(1, 443);
	char text[256] = "";
	const char *comment;

	(void)state;
	while (strlen(text) < 128)
		strcat(text, "label-of-sixteen.");
	strcat(text, "example");
	bench_plan(bench, 1, text, 0);
	bench_finish(bench);
	assert_true(fake_table_find(bench->kernel, &key, &comment) > 0);
	assert_int_equal(strlen(comment), LIMIT_ELEMENT_COMMENT + 1);
	assert_int_equal(comment[LIMIT_ELEMENT_COMMENT], '~');
	assert_memory_equal(comment, text, LIMIT_ELEMENT_COMMENT);
	bench_free(bench);
}

/* ---- keys ---- */

static void test_keys_differ(void **state)
{
	struct bench *bench = bench_new(100);
	struct dns_name name = bench_name("a.example");
	struct element_key keys[6];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		keys[i] = bench_key(1, 443);
	keys[1].port = 444;
	keys[2].l4proto = IPPROTO_UDP;
	keys[3].group = 1;
	keys[4].address.family = IPADDR_V6;
	keys[5].address.bytes[3] = 2;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(store_plan(bench->store, &keys[i], &name, 60, bench->now, BENCH_LIFE, BENCH_BELOW, 0),
				 1);
	bench_finish(bench);
	assert_int_equal(store_count(bench->store), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(store_plan(bench->store, &keys[i], &name, 60, bench->now, BENCH_LIFE, BENCH_BELOW, 0),
				 0);
	bench_free(bench);
}

static void test_regroup(void **state)
{
	struct bench *bench = bench_new(100);
	struct dns_name name = bench_name("a.example");
	struct element_key keys[3] = { bench_key(1, 443), bench_key(1, 443), bench_key(1, 443) };
	uint8_t map[256];
	struct store_view view;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		keys[i].group = (uint8_t)i;
		store_plan(bench->store, &keys[i], &name, 60, bench->now, BENCH_LIFE + 1000 * (int64_t)i, BENCH_BELOW,
			   0);
	}
	bench_finish(bench);
	memset(map, STORE_NO_GROUP, sizeof(map));
	map[1] = 2;
	map[2] = 1;
	store_regroup(bench->store, map);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(store_find(bench->store, &keys[0], &view), -ENOENT);
	assert_int_equal(store_find(bench->store, &keys[1], &view), 0);
	assert_int_equal(monotime_until(bench->now, view.deadline), BENCH_LIFE + 2000);
	assert_int_equal(store_find(bench->store, &keys[2], &view), 0);
	assert_int_equal(monotime_until(bench->now, view.deadline), BENCH_LIFE + 1000);
	assert_int_equal(elements_of(bench, "a.example"), 2);
	bench_free(bench);
}

static void test_adopt(void **state)
{
	struct bench *bench = bench_new(3);
	struct dns_name name = bench_name("a.example");
	struct element_key keys[4] = { bench_key(1, 443), bench_key(2, 443), bench_key(3, 443), bench_key(4, 443) };
	struct store_view view;

	(void)state;
	assert_int_equal(store_adopt(bench->store, &keys[0], &name, monotime_add(bench->now, 5000)), 0);
	assert_int_equal(store_adopt(bench->store, &keys[0], &name, monotime_add(bench->now, 9000)), -EEXIST);
	assert_int_equal(store_adopt(bench->store, &keys[1], NULL, monotime_add(bench->now, -7)), 0);
	assert_int_equal(store_adopt(bench->store, &keys[2], NULL, monotime_add(bench->now, 6000)), 0);
	assert_int_equal(store_adopt(bench->store, &keys[3], NULL, monotime_add(bench->now, 6000)), -EDQUOT);
	assert_int_equal(store_find(bench->store, &keys[0], &view), 0);
	assert_int_equal(view.ttl, 0);
	bench_assert_name(&view, 0, "a.example", 0);
	assert_int_equal(store_find(bench->store, &keys[1], &view), 0);
	assert_int_equal(view.name_count, 0);
	assert_int_equal(store_plan_expired(bench->store, bench->now), 1);
	bench_finish(bench);
	assert_int_equal(counters.elements_adopted, 3);
	/* The next answer gives it a name and a TTL. */
	assert_int_equal(bench_plan(bench, 3, "b.example", 0), 1);
	bench_finish(bench);
	assert_int_equal(store_find(bench->store, &keys[2], &view), 0);
	assert_int_equal(view.ttl, 60);
	bench_assert_name(&view, 0, "b.example", 60);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),   cmocka_unit_test(test_long_comment), cmocka_unit_test(test_keys_differ),
		cmocka_unit_test(test_regroup), cmocka_unit_test(test_adopt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
