/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "tests/unit/store/bench.h"

static const struct hash_key hash_key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

struct bench *bench_new(size_t limit)
{
	static struct bench bench;

	memset(&counters, 0, sizeof(counters));
	bench = (struct bench) { .store = store_new(&hash_key, limit), .kernel = fake_table_new(), .now = { 1000000 } };
	assert_non_null(bench.store);
	fake_table_set_time(bench.kernel, bench.now);
	return &bench;
}

void bench_free(struct bench *bench)
{
	store_free(bench->store);
	fake_table_free(bench->kernel);
}

void bench_advance(struct bench *bench, int64_t ms)
{
	bench->now.msec += ms;
	fake_table_set_time(bench->kernel, bench->now);
}

struct element_key bench_key(unsigned int address, uint16_t port)
{
	uint8_t octets[4] = { 198, (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address };

	return (struct element_key) { .address = ipaddr_from_bytes(IPADDR_V4, octets),
				      .l4proto = IPPROTO_TCP,
				      .port = port };
}

struct dns_name bench_name(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

int bench_plan_as(struct bench *bench, unsigned int address, const char *text, uint32_t ttl, int64_t life,
		  int64_t below, unsigned int packet)
{
	struct element_key key = bench_key(address, 443);
	struct dns_name name = bench_name(text);

	return store_plan(bench->store, &key, &name, ttl, bench->now, life, below, packet);
}

int bench_plan(struct bench *bench, unsigned int address, const char *text, unsigned int packet)
{
	return bench_plan_as(bench, address, text, 60, BENCH_LIFE, BENCH_BELOW, packet);
}

size_t bench_planned(const struct bench *bench)
{
	size_t count;

	store_changes(bench->store, &count);
	return count;
}

uint64_t bench_finish(struct bench *bench)
{
	size_t count;
	struct element_change *changes = store_changes(bench->store, &count);
	uint64_t failed;

	if (count)
		element_commit(bench->kernel, changes, count);
	failed = store_settle(bench->store);
	assert_int_equal(bench_planned(bench), 0);
	assert_int_equal(store_reserve(bench->store), 0);
	return failed;
}

int64_t bench_in_kernel(const struct bench *bench, unsigned int address)
{
	struct element_key key = bench_key(address, 443);

	return fake_table_find(bench->kernel, &key, NULL);
}

bool bench_known(const struct bench *bench, unsigned int address, struct store_view *view)
{
	struct element_key key = bench_key(address, 443);

	return store_find(bench->store, &key, view) == 0;
}

int64_t bench_left(const struct bench *bench, unsigned int address)
{
	struct store_view view;

	assert_true(bench_known(bench, address, &view));
	return monotime_until(bench->now, view.deadline);
}

void bench_assert_name(const struct store_view *view, size_t i, const char *text, uint32_t ttl)
{
	char out[DNS_NAME_TEXT_SIZE];

	assert_true(i < view->name_count);
	assert_string_equal(dns_name_to_text(&view->names[i].name, out), text);
	assert_int_equal(view->names[i].ttl, ttl);
}
