/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/state/bench.o */
/* LINK: learn/state.o learn/state_read.o learn/state_text.o learn/restore.o learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o */
/* LINK: learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_share.o */
/* LINK: dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o policy/value.o base/counters.o base/histogram.o base/hash.o base/lru.o */
/* LINK: base/ipaddr.o tests/unit/fake_element.o tests/unit/fake_policy.o */
/* Writing: a full disk, a folder that is none, turns, and when it is time. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "learn/restore.h"
#include "learn/state.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/state/bench.h"

static void test_disk_full(void **state)
{
	struct bench *bench = bench_new(10000);
	struct rlimit before, small = { 4096, 4096 };
	size_t length, after;
	char *text, *again;

	(void)state;
	bench_allow_all(bench);
	bench_learn(bench, 1, "www.example.com", 300000);
	bench_save(bench);
	text = bench_read_file(bench, &length);
	for (unsigned int i = 2; i < 1000; i++)
		bench_learn(bench, i, "www.example.com", 300000);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(state_save_now(bench->folder, bench->now, BENCH_WALL, bench->store, &bench->fake.policy),
			 -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	again = bench_read_file(bench, &after);
	assert_int_equal(after, length);
	assert_memory_equal(again, text, length);
	bench_save(bench);
	free(again);
	again = bench_read_file(bench, &after);
	assert_true(after > length);
	free(again);
	free(text);
	bench_free(bench);
}

static void test_folder(void **state)
{
	struct bench *bench = bench_new(10);
	char folder[96], path[128];
	struct stat made;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/a", bench->folder);
	snprintf(path, sizeof(path), "%s/a/learned", bench->folder);
	assert_int_equal(state_save_now(folder, bench->now, BENCH_WALL, bench->store, &bench->fake.policy), 0);
	assert_int_equal(stat(path, &made), 0);
	assert_int_equal(made.st_mode & 0777, 0600);
	assert_int_equal(state_save_now(path, bench->now, BENCH_WALL, bench->store, &bench->fake.policy), -ENOTDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	snprintf(path, sizeof(path), "%s/a/b", bench->folder);
	assert_int_equal(state_save_now(path, bench->now, BENCH_WALL, bench->store, &bench->fake.policy), -ENOENT);
	bench_free(bench);
}

/* Turns: each takes a bounded number of elements; what changes between them does no harm. */
static void test_slices(void **state)
{
	struct bench *bench = bench_new(10000);
	struct state_save *running;
	unsigned int turns = 0;
	int rc;

	(void)state;
	bench_allow_all(bench);
	for (unsigned int i = 0; i < 1000; i++)
		bench_learn(bench, i, "www.example.com", i % 2 ? 300000 : 5000);
	assert_int_equal(state_save_begin(bench->folder, bench->now, BENCH_WALL, &running), 0);
	while ((rc = state_save_step(running, bench->store, &bench->fake.policy)) > 0 && !state_save_syncs(running)) {
		turns++;
		if (turns == 3) { /* half of them end, others come */
			bench->now.msec += 6000;
			fake_table_set_time(bench->kernel, bench->now);
			while (store_plan_expired(bench->store, bench->now))
				bench_commit(bench);
			for (unsigned int i = 2000; i < 2300; i++)
				bench_learn(bench, i, "new.example.com", 300000);
		}
	}
	assert_in_range(turns, 1000 / LIMIT_STATE_SLICE, 2000 / LIMIT_STATE_SLICE);
	while (rc > 0)
		rc = state_save_step(running, bench->store, &bench->fake.policy);
	assert_int_equal(rc, 0);
	state_save_end(running);
	bench_reboot(bench);
	assert_int_equal(bench_load(bench, BENCH_WALL), 0);
	for (unsigned int i = 1; i < 1000; i += 2)
		assert_int_equal(bench_left(bench, &(struct element_key) { .address = bench_key(i, 0, 443).address,
									   .l4proto = IPPROTO_TCP,
									   .port = 443 }),
				 300000);
	bench_free(bench);
}

static int64_t tick(struct bench *bench, struct state_keeper *keeper)
{
	int error;
	int64_t wait = state_keeper_tick(keeper, bench->now, BENCH_WALL, bench->store, &bench->fake.policy, &error);

	assert_int_equal(error, 0);
	return wait;
}

/* Until it rests. */
static int64_t settle(struct bench *bench, struct state_keeper *keeper)
{
	int64_t wait;

	do
		wait = tick(bench, keeper);
	while (keeper->save);
	return wait;
}

static void test_keeper(void **state)
{
	struct bench *bench = bench_new(1000);
	struct state_keeper keeper = { 0 };
	int error;

	(void)state;
	bench_allow_all(bench);
	bench_learn(bench, 1, "www.example.com", 300000);
	bench->config.state_interval = 300;
	assert_int_equal(settle(bench, &keeper), 300000);
	assert_int_equal(counters.state_written, 0);
	bench->now.msec += 299999;
	assert_int_equal(settle(bench, &keeper), 1);
	bench->now.msec += 1;
	assert_int_equal(settle(bench, &keeper), 300000);
	assert_int_equal(counters.state_written, 1);
	/* a reload */
	bench->config.state_interval = 10;
	assert_int_equal(settle(bench, &keeper), 10000);
	bench->now.msec += 10000;
	assert_int_equal(settle(bench, &keeper), 10000);
	assert_int_equal(counters.state_written, 2);
	bench->config.state_interval = 0;
	bench->now.msec += 1000000;
	assert_int_equal(settle(bench, &keeper), -1);
	assert_int_equal(counters.state_written, 2);
	assert_int_equal(state_keeper_end(&keeper, bench->now, BENCH_WALL, bench->store, &bench->fake.policy), 0);
	assert_int_equal(counters.state_written, 3);
	bench->config.state_interval = CONFIG_OFF;
	assert_int_equal(settle(bench, &keeper), -1);
	assert_int_equal(state_keeper_end(&keeper, bench->now, BENCH_WALL, bench->store, &bench->fake.policy), 0);
	assert_int_equal(counters.state_written, 3);
	/* a folder that cannot be written: told once an interval */
	bench->config.state_interval = 10;
	bench->config.state = "/proc/nowhere";
	settle(bench, &keeper);
	bench->now.msec += 10000;
	assert_int_equal(state_keeper_tick(&keeper, bench->now, BENCH_WALL, bench->store, &bench->fake.policy, &error),
			 10000);
	assert_int_equal(error, -ENOENT);
	assert_int_equal(counters.state_errors, 1);
	/* the end in the middle of it */
	bench->config.state = bench->folder;
	bench->now.msec += 10000;
	tick(bench, &keeper);
	assert_non_null(keeper.save);
	assert_int_equal(state_keeper_end(&keeper, bench->now, BENCH_WALL, bench->store, &bench->fake.policy), 0);
	assert_null(keeper.save);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_keeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
