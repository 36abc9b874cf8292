/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/recorder.o base/counters.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/recorder.h"

#define NOW(ms) ((struct monotime) { (ms) })

static uint8_t octets[LIMIT_PACKET_BYTES];

static void give(struct recorder *recorder, uint8_t mark, size_t length)
{
	const struct queue_packet packet = { .payload = octets, .length = length };
	const struct snoop_note note = { .fate = SNOOP_learned };

	memset(octets, mark, length);
	recorder_answer(recorder, &packet, &note, NOW(5));
}

/* Every record that is there holds what it was given; the mark is the number's last octet. */
static void check_all(const struct recorder *recorder)
{
	for (uint64_t at = recorder_oldest(recorder); at < recorder_next(recorder); at++) {
		const struct recorder_record *record = recorder_find(recorder, at);

		assert_non_null(record);
		assert_int_equal(record->sequence, at);
		for (uint32_t i = 0; i<record->length; i += record->length> 64 ? record->length - 1 : 1)
			assert_int_equal(record->data[i], (uint8_t)at);
	}
	assert_null(recorder_find(recorder, recorder_oldest(recorder) - 1));
	assert_null(recorder_find(recorder, recorder_next(recorder)));
}

static void test_packets(void **state)
{
	struct recorder *recorder = recorder_new();

	(void)state;
	give(recorder, 1, 10);
	assert_int_equal(recorder_next(recorder), 1); /* nobody asks */
	assert_int_equal(recorder_attach(recorder, NOW(0)), 0);
	counters.records_forgotten = 0;
	for (unsigned int i = 1; i <= LIMIT_RECORD_PACKETS; i++)
		give(recorder, (uint8_t)i, 20);
	assert_int_equal(recorder_oldest(recorder), 1);
	check_all(recorder);
	give(recorder, (uint8_t)(LIMIT_RECORD_PACKETS + 1), 20);
	assert_int_equal(recorder_oldest(recorder), 2);
	assert_int_equal(counters.records_forgotten, 1);
	check_all(recorder);
	recorder_free(recorder);
}

/* Lengths that never fit the end of the octets: what begins anew takes others' places, and nobody else's. */
static void test_octets(void **state)
{
	struct recorder *recorder = recorder_new();

	(void)state;
	counters.records_forgotten = 0;
	assert_int_equal(recorder_attach(recorder, NOW(0)), 0);
	for (unsigned int i = 1; i <= 1000; i++) {
		give(recorder, (uint8_t)i, 60000 + i % 7 * 900);
		if (i % 50 == 0)
			check_all(recorder);
	}
	assert_true(counters.records_forgotten > 800);
	assert_int_equal(counters.records_forgotten, recorder_oldest(recorder) - 1);
	assert_true((recorder_next(recorder) - recorder_oldest(recorder)) * 66000 > LIMIT_RECORD_OCTETS - 2 * 66000);
	recorder_free(recorder);
}

static void test_lease(void **state)
{
	struct recorder *recorder = recorder_new();

	(void)state;
	assert_int_equal(recorder_tick(recorder, NOW(0)), -1);
	assert_int_equal(recorder_attach(recorder, NOW(0)), 0);
	give(recorder, 1, 30);
	assert_int_equal(recorder_tick(recorder, NOW(1)), RECORDER_LEASE_MS - 1);
	assert_int_equal(recorder_attach(recorder, NOW(5000)), 0);
	assert_int_equal(recorder_tick(recorder, NOW(RECORDER_LEASE_MS)), 5000);
	check_all(recorder);
	assert_int_equal(recorder_tick(recorder, NOW(5000 + RECORDER_LEASE_MS)), -1);
	assert_false(recorder_runs(recorder));
	give(recorder, 2, 30);
	assert_int_equal(recorder_next(recorder), 2); /* numbers go on */
	assert_int_equal(recorder_oldest(recorder), 2);
	assert_int_equal(recorder_attach(recorder, NOW(90000)), 0);
	give(recorder, 2, 30);
	check_all(recorder);
	recorder_free(recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
