/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/resolvers.o control/recent.o base/counters.o base/ipaddr.o */
/* What `doctor` knows of the past: whose answers came by, and when counters grew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/recent.h"
#include "learn/resolvers.h"

static void see(struct resolvers *resolvers, unsigned int number, int64_t when)
{
	uint8_t octets[4] = { 20, 0, (uint8_t)(number >> 8), (uint8_t)number };
	struct ipaddr address = ipaddr_from_bytes(IPADDR_V4, octets);

	resolvers_see(resolvers, &address, (struct monotime) { when });
}

static void answers_are_counted(void **state)
{
	struct resolvers resolvers = { .count = 0 };

	(void)state;
	see(&resolvers, 1, 100);
	see(&resolvers, 2, 200);
	see(&resolvers, 1, 300);
	assert_int_equal(resolvers.count, 2);
	assert_int_equal(resolvers.seen[0].answers, 2);
	assert_int_equal(resolvers.seen[0].last.msec, 300);
	assert_int_equal(resolvers.seen[1].answers, 1);
}

static void the_quietest_makes_room(void **state)
{
	struct resolvers resolvers = { .count = 0 };

	(void)state;
	counters.resolvers_forgotten = 0;
	for (unsigned int i = 0; i < LIMIT_SEEN_RESOLVERS; i++)
		see(&resolvers, i, 100 + i);
	see(&resolvers, 0, 1000);
	assert_int_equal(counters.resolvers_forgotten, 0);
	see(&resolvers, 5000, 2000);
	assert_int_equal(counters.resolvers_forgotten, 1);
	assert_int_equal(resolvers.count, LIMIT_SEEN_RESOLVERS);
	assert_int_equal(resolvers.seen[0].answers, 2);
	assert_int_equal(resolvers.seen[1].answers, 1); /* the new one, in the place of 1 */
	assert_int_equal(resolvers.seen[1].last.msec, 2000);
}

static void counters_that_grew(void **state)
{
	struct recent recent = { .next = { 0 } };

	(void)state;
	memset(&counters, 0, sizeof(counters));
	counters.state_errors = 1;
	assert_int_equal(recent_when(&recent, &counters.state_errors, (struct monotime) { 500 }).msec, 500);
	recent_look(&recent, (struct monotime) { 600 });
	assert_int_equal(recent_when(&recent, &counters.state_errors, (struct monotime) { 900 }).msec, 600);
	counters.state_errors++;
	counters.hold_microseconds_max = 7;
	recent_look(&recent, (struct monotime) { 700 }); /* less than a second later: not looked */
	assert_int_equal(recent_when(&recent, &counters.state_errors, (struct monotime) { 900 }).msec, 900);
	recent_look(&recent, (struct monotime) { 1700 });
	recent_look(&recent, (struct monotime) { 5000 });
	assert_int_equal(recent_when(&recent, &counters.state_errors, (struct monotime) { 9000 }).msec, 1700);
	assert_int_equal(recent_when(&recent, &counters.hold_microseconds_max, (struct monotime) { 9000 }).msec, 1700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_counted),
		cmocka_unit_test(the_quietest_makes_room),
		cmocka_unit_test(counters_that_grew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
