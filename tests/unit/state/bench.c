/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "tests/unit/state/bench.h"

const struct hash_key bench_hash_key = { 5, 6 };

struct bench *bench_new(size_t limit)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	memset(&counters, 0, sizeof(counters));
	fake_policy_init(&bench->fake);
	bench->fake.policy.config = &bench->config;
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kids";
	/* in memory where there is such a place: each file written is synced */
	snprintf(bench->folder, sizeof(bench->folder), "%s/nfqdn-test-state-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(bench->folder));
	snprintf(bench->path, sizeof(bench->path), "%s/learned", bench->folder);
	bench->config.state = bench->folder;
	bench->now.msec = 1000000;
	bench->store = store_new(&bench_hash_key, limit);
	bench->kernel = fake_table_new();
	bench->snoop = snoop_new(bench->store, bench->kernel, &bench_hash_key);
	fake_table_set_time(bench->kernel, bench->now);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	return bench;
}

void bench_free(struct bench *bench)
{
	unlink(bench->path);
	assert_int_equal(rmdir(bench->folder), 0); /* nothing else was left there */
	snoop_free(bench->snoop);
	store_free(bench->store);
	fake_table_free(bench->kernel);
	free(bench);
}

void bench_allow_all(struct bench *bench)
{
	for (uint8_t group = 0; group < 2; group++) {
		size_t rule = fake_policy_add(&bench->fake, group, "*", "tcp/443");

		fake_policy_port(&bench->fake, rule, "tcp/80");
		fake_policy_port(&bench->fake, rule, "udp/443");
		fake_policy_port(&bench->fake, rule, "icmp");
	}
}

struct element_key bench_key(unsigned int number, uint8_t group, uint16_t port)
{
	uint8_t octets[4] = { 198, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };

	return (struct element_key) {
		.address = ipaddr_from_bytes(IPADDR_V4, octets), .group = group, .l4proto = IPPROTO_TCP, .port = port
	};
}

struct dns_name bench_name(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

void bench_commit(struct bench *bench)
{
	size_t count;
	struct element_change *changes = store_changes(bench->store, &count);

	if (count)
		element_commit(bench->kernel, changes, count);
	store_settle(bench->store);
	assert_int_equal(store_reserve(bench->store), 0);
}

void bench_learn_key(struct bench *bench, const struct element_key *key, const struct dns_name *name, uint32_t ttl,
		     int64_t life)
{
	assert_true(store_plan(bench->store, key, name, ttl, bench->now, life, 0, 0) >= 0);
	bench_commit(bench);
}

void bench_learn(struct bench *bench, unsigned int number, const char *text, int64_t life)
{
	struct element_key key = bench_key(number, 0, 443);
	struct dns_name name = bench_name(text);

	bench_learn_key(bench, &key, &name, 60, life);
}

void bench_save(struct bench *bench)
{
	assert_int_equal(state_save_now(bench->folder, bench->now, BENCH_WALL, bench->store, &bench->fake.policy), 0);
}

char *bench_read_file(const struct bench *bench, size_t *length)
{
	FILE *file = fopen(bench->path, "r");
	char *text = malloc(1 << 20);

	assert_non_null(file);
	*length = fread(text, 1, 1 << 20, file);
	fclose(file);
	return text;
}

void bench_write_file(const struct bench *bench, const char *text, size_t length)
{
	FILE *file = fopen(bench->path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

int bench_load_why(struct bench *bench, int64_t wall, bool extend, const char **why)
{
	int rc;

	bench->restore = (struct restore) { .snoop = bench->snoop,
					    .store = bench->store,
					    .table = bench->kernel,
					    .policy = &bench->fake.policy,
					    .now = bench->now,
					    .wall = wall,
					    .extend = extend };
	rc = state_load(bench->folder, restore_record, &bench->restore, why);
	restore_finish(&bench->restore);
	return rc;
}

int bench_load(struct bench *bench, int64_t wall)
{
	const char *why;

	return bench_load_why(bench, wall, false, &why);
}

void bench_reboot(struct bench *bench)
{
	snoop_free(bench->snoop);
	store_free(bench->store);
	fake_table_free(bench->kernel);
	bench->now.msec = 7000;
	bench->store = store_new(&bench_hash_key, 10000);
	bench->kernel = fake_table_new();
	bench->snoop = snoop_new(bench->store, bench->kernel, &bench_hash_key);
	fake_table_set_time(bench->kernel, bench->now);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
}

int64_t bench_left(struct bench *bench, const struct element_key *key)
{
	struct store_view view;

	return store_find(bench->store, key, &view) < 0 ? -1 : monotime_until(bench->now, view.deadline);
}
