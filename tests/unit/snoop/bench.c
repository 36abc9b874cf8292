/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "policy/value.h"
#include "tests/unit/snoop/bench.h"

const struct hash_key bench_hash_key = { 1, 2 };

struct bench *bench_new(size_t limit)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	memset(&counters, 0, sizeof(counters));
	fake_policy_init(&bench->fake);
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
	snoop_free(bench->snoop);
	store_free(bench->store);
	fake_table_free(bench->kernel);
	free(bench);
}

struct bench *bench_usual(void)
{
	struct bench *bench = bench_new(1000);

	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	return bench;
}

void bench_advance(struct bench *bench, int64_t ms)
{
	bench->now.msec += ms;
	fake_table_set_time(bench->kernel, bench->now);
}

struct fake_answer *bench_answer(struct bench *bench, const char *qname)
{
	struct fake_answer *next = &bench->answers[bench->count++];

	fake_answer_start(next, "10.1.0.9", qname, DNS_TYPE_A);
	return next;
}

void bench_answer_a(struct bench *bench, const char *qname, const char *address, uint32_t ttl)
{
	fake_answer_record(bench_answer(bench, qname), qname, strchr(address, ':') ? DNS_TYPE_AAAA : DNS_TYPE_A, ttl,
			   address);
}

void bench_answer_many(struct bench *bench, unsigned int count)
{
	char name[32], address[32];

	for (unsigned int i = 0; i < count; i++) {
		struct fake_answer *one;

		snprintf(name, sizeof(name), "n%u.example.com", i);
		one = bench_answer(bench, name);
		for (unsigned int k = 0; k < BENCH_MANY; k++) {
			snprintf(address, sizeof(address), "198.52.%u.%u", i, k);
			fake_answer_record(one, name, DNS_TYPE_A, 60, address);
		}
	}
}

void bench_answer_cname(struct bench *bench, const char *qname, const char *target, uint32_t ttl)
{
	fake_answer_record(bench_answer(bench, qname), qname, DNS_TYPE_CNAME, ttl, target);
}

uint64_t bench_drain(struct bench *bench)
{
	uint64_t drop;

	for (size_t i = 0; i < bench->count; i++)
		bench->packets[i] = (struct queue_packet) { .id = (uint32_t)i,
							    .payload = bench->answers[i].octets,
							    .length = bench->answers[i].length };
	drop = snoop_drain(bench->snoop, bench->packets, bench->count, bench->now);
	bench->count = 0;
	store_reserve(bench->store);
	return drop;
}

struct element_key bench_key(const char *address, uint8_t group, const char *port)
{
	struct element_key key = { .group = group };
	struct value_ports ports;
	const char *why;

	assert_int_equal(ipaddr_from_text(address, &key.address), 0);
	assert_int_equal(value_ports_from_text(port, &ports, &why), 0);
	key.l4proto = value_proto_number(ports.proto, key.address.family);
	key.port = ports.proto == VALUE_ICMP ? value_icmp_port(key.address.family) : ports.first;
	return key;
}

int64_t bench_open_for(const struct bench *bench, const char *address, uint8_t group, const char *port)
{
	struct element_key key = bench_key(address, group, port);

	return fake_table_find(bench->kernel, &key, NULL);
}

int64_t bench_open_443(const struct bench *bench, const char *address)
{
	return bench_open_for(bench, address, 0, "tcp/443");
}
