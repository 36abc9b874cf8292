/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: base/lru.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/lru.h"

#define CAPACITY 5
#define CHAINS 4

struct table {
	struct lru lru;
	struct lru_link links[1 + CAPACITY];
	uint32_t chains[CHAINS];
	uint32_t keys[1 + CAPACITY];
};

static void table_init(struct table *table)
{
	memset(table, 0, sizeof(*table));
	lru_init(&table->lru, table->links, CAPACITY, table->chains, CHAINS);
}

/* Many keys share a hash, and all hashes share few chains. */
static uint32_t hash_of(uint32_t key)
{
	return key / 3;
}

static uint32_t find(const struct table *table, uint32_t key)
{
	uint32_t at = lru_first(&table->lru, hash_of(key));

	while (at && table->keys[at] != key)
		at = lru_next(&table->lru, at);
	return at;
}

static bool use(struct table *table, uint32_t key)
{
	uint32_t at = find(table, key);
	bool evicted = false;

	if (at) {
		lru_use(&table->lru, at);
		return false;
	}
	at = lru_enter(&table->lru, hash_of(key), &evicted);
	table->keys[at] = key;
	return evicted;
}

static void empty_has_nothing(void **state)
{
	struct table table;

	(void)state;
	table_init(&table);
	assert_int_equal(lru_newest(&table.lru), LRU_NONE);
	assert_int_equal(find(&table, 0), LRU_NONE);
	assert_int_equal(table.lru.count, 0);
}

static void full_gives_the_place_of_the_oldest(void **state)
{
	struct table table;

	(void)state;
	table_init(&table);
	for (uint32_t key = 0; key < CAPACITY; key++)
		assert_false(use(&table, key));
	assert_false(use(&table, 0)); /* the newest now */
	assert_true(use(&table, 100));
	assert_int_equal(find(&table, 1), LRU_NONE);
	assert_int_not_equal(find(&table, 0), LRU_NONE);
	assert_int_not_equal(find(&table, 100), LRU_NONE);
	assert_int_equal(table.lru.count, CAPACITY);
}

/* The keys in the order of their last use, the newest first: what the table ought to be. */
struct oracle {
	uint32_t keys[CAPACITY + 1];
	size_t count;
};

static void oracle_use(struct oracle *oracle, uint32_t key)
{
	size_t at = 0;

	while (at < oracle->count && oracle->keys[at] != key)
		at++;
	if (at == oracle->count)
		oracle->count++;
	memmove(oracle->keys + 1, oracle->keys, at * sizeof(*oracle->keys));
	oracle->keys[0] = key;
	if (oracle->count > CAPACITY)
		oracle->count = CAPACITY;
}

static void agrees_with_a_plain_list(void **state)
{
	struct table table;
	struct oracle oracle = { .count = 0 };
	uint32_t random = 1;

	(void)state;
	table_init(&table);
	for (int turn = 0; turn < 20000; turn++) {
		size_t place = 0;

		random = random * 1664525 + 1013904223;
		use(&table, random >> 28);
		oracle_use(&oracle, random >> 28);
		for (uint32_t at = lru_newest(&table.lru); at; at = lru_older(&table.lru, at))
			assert_int_equal(table.keys[at], oracle.keys[place++]);
		assert_int_equal(place, oracle.count);
		for (size_t i = 0; i < oracle.count; i++)
			assert_int_not_equal(find(&table, oracle.keys[i]), LRU_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_has_nothing),
		cmocka_unit_test(full_gives_the_place_of_the_oldest),
		cmocka_unit_test(agrees_with_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
