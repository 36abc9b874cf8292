/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When an element of the store gets its places in the heaps of shares. Who is pushed out of a full store: test_store.c. */
/* LINK: learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "learn/store_heap.h"
#include "learn/store_parts.h"

#define ROOM 64
#define FILLING (ROOM - ROOM / 8)

static const struct hash_key hash_key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static uint32_t enter(struct store *store, uint8_t client, uint32_t number)
{
	struct element_key key = { .address = { .family = IPADDR_V4, .bytes = { 192, 0, 2, (uint8_t)number } },
				   .l4proto = IPPROTO_TCP,
				   .port = 443 };
	struct ipaddr asker = { .family = IPADDR_V4, .bytes = { 10, 1, 0, client } };
	uint32_t hash, index;

	store_for_client(store, &asker);
	store_for_pattern(store, "*.example");
	assert_true(store_reserve(store) >= 0);
	assert_int_equal(store_lookup(store, &key, &hash), 0);
	index = store_enter(store, &key, hash, 1000 - number);
	store_heap_insert(store, index);
	return index;
}

static void listed_are(const struct store *store, uint32_t count)
{
	for (enum store_share kind = 0; kind < STORE_SHARES; kind++) {
		uint32_t found = 0;

		assert_int_equal(store->listed[kind], count);
		for (size_t i = 0; i < LIMIT_SHARE_LANES; i++)
			for (uint32_t at = store->lanes[kind][i].listed; at;
			     at = store_element_at(store, at)->nodes[kind].next)
				found++;
		assert_int_equal(found, count);
	}
}

/* Of several clients, in the order in which their lanes come. */
static void test_listed_until_it_fills(void **state)
{
	struct store *store = store_new(&hash_key, ROOM);

	(void)state;
	for (uint32_t i = 0; i < FILLING - 1; i++) {
		enter(store, (uint8_t)(i % 5), i);
		listed_are(store, i + 1);
	}
	for (uint32_t i = FILLING - 1; i < ROOM; i++)
		enter(store, (uint8_t)(i % 5), i);
	listed_are(store, 0);
	enter(store, 1, ROOM); /* what comes then, too */
	listed_are(store, 0);
	store_free(store);
}

/* From the head, the middle and the end of a list, and from a heap. */
static void test_taken_out(void **state)
{
	struct store *store = store_new(&hash_key, ROOM);
	uint32_t indices[ROOM];

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		indices[i] = enter(store, 1, i);
	store_heap_remove(store, indices[7]);
	store_heap_remove(store, indices[3]);
	store_heap_remove(store, indices[0]);
	listed_are(store, 5);
	for (uint32_t i = 0; i < 8; i += 7)
		store_heap_insert(store, indices[i]);
	store_heap_insert(store, indices[3]);
	listed_are(store, 8);
	for (uint32_t i = 8; i < ROOM; i++)
		indices[i] = enter(store, 1, i);
	listed_are(store, 0);
	for (uint32_t i = 0; i < ROOM; i++)
		store_heap_remove(store, indices[i]);
	for (enum store_share kind = 0; kind < STORE_SHARES; kind++)
		for (size_t i = 0; i < LIMIT_SHARE_LANES; i++)
			assert_int_equal(store->lanes[kind][i].root, 0);
	store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed_until_it_fills),
		cmocka_unit_test(test_taken_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
