/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/state/bench.o */
/* LINK: learn/state.o learn/state_read.o learn/state_text.o learn/restore.o learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o */
/* LINK: learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_share.o */
/* LINK: dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o policy/value.o base/counters.o base/histogram.o base/hash.o base/lru.o */
/* LINK: base/ipaddr.o tests/unit/fake_element.o tests/unit/fake_policy.o */
/* What was written comes back: after which time, under which policy, beside what is there. What is refused, and the writing,
 * have programs beside. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "learn/restore.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/state/bench.h"

/* ---- round trip ---- */

static unsigned int seed = 20261121;

static unsigned int any(unsigned int below)
{
	return (unsigned int)rand_r(&seed) % below;
}

/* Labels of any length and of any octets, but upper case, which no wire name of ours has. */
static struct dns_name any_name(void)
{
	struct dns_name name = { 0 };
	unsigned int whole = any(20) ? 1 + any(60) : 254;

	while (name.length < whole) {
		unsigned int length = 1 + any(any(4) ? 12 : 63);

		if (name.length + length + 2 > DNS_NAME_MAX)
			break;
		name.octets[name.length++] = (uint8_t)length;
		for (unsigned int i = 0; i < length; i++) {
			uint8_t octet = (uint8_t)(any(3) ? 'a' + any(26) : any(256));

			name.octets[name.length++] = octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
		}
	}
	name.length++;
	return name;
}

static struct element_key any_key(unsigned int number)
{
	static const uint16_t ports[] = { 443, 80 };
	struct element_key key = bench_key(number, (uint8_t)any(2), ports[any(2)]);
	uint8_t octets[16] = { 0x20, 1, 4, (uint8_t)any(256), 0, 0, 0, 0, 0, 0, (uint8_t)any(3), 0, 0, 0, 0, 0 };

	memcpy(octets + 12, key.address.bytes, 4);
	if (any(2))
		key.address = ipaddr_from_bytes(IPADDR_V6, octets);
	if (any(5) == 0) {
		key.l4proto = value_proto_number(VALUE_ICMP, key.address.family);
		key.port = value_icmp_port(key.address.family);
	} else if (any(5) == 0) {
		key.l4proto = IPPROTO_UDP;
		key.port = 443;
	}
	return key;
}

struct comparison {
	struct bench *bench, *other;
	size_t count;
};

static bool compare(void *context, const struct store_view *view)
{
	struct comparison *comparison = context;
	int64_t before = monotime_until(comparison->bench->now, view->deadline);
	struct store_view found;

	comparison->count++;
	assert_int_equal(store_find(comparison->other->store, &view->key, &found), 0);
	assert_int_equal(monotime_until(comparison->other->now, found.deadline), before / 1000 * 1000);
	assert_true(fake_table_find(comparison->other->kernel, &view->key, NULL) >= before / 1000 * 1000);
	assert_int_equal(found.ttl, view->ttl);
	assert_int_equal(found.name_count, view->name_count);
	for (size_t i = 0; i < found.name_count; i++) {
		assert_true(dns_name_equal(&found.names[i].name, &view->names[i].name));
		assert_int_equal(found.names[i].ttl, view->names[i].ttl);
	}
	return true;
}

/* What was written comes back: every key, every name of any octets, each TTL, the life in whole seconds. */
static void test_round_trip(void **state)
{
	struct bench *bench = bench_new(10000), *other = bench_new(10000);
	struct comparison comparison = { bench, other, 0 };
	char own[sizeof(other->folder)];
	const char *why;

	(void)state;
	bench_allow_all(bench);
	bench_allow_all(other);
	for (unsigned int i = 0; i < 3000; i++) {
		struct element_key key = any_key(i);
		struct dns_name name = any_name();
		unsigned int more = any(any(10) ? 3 : 20);

		bench_learn_key(bench, &key, &name, 1000 + any(100), 1000 + any(86000000));
		for (unsigned int k = 0; k < more; k++) {
			name = any_name();
			bench_learn_key(bench, &key, &name, 1000 + any(100), 1000);
		}
	}
	bench_save(bench);
	memcpy(own, other->folder, sizeof(own));
	memcpy(other->folder, bench->folder, sizeof(own));
	assert_int_equal(bench_load_why(other, BENCH_WALL, false, &why), 0);
	assert_int_equal(other->restore.taken, store_count(bench->store));
	assert_int_equal(store_count(other->store), store_count(bench->store));
	store_visit(bench->store, compare, &comparison);
	assert_true(comparison.count > 2900);
	assert_int_equal(counters.state_refused, 0);
	memcpy(other->folder, own, sizeof(own));
	bench_free(other);
	bench_free(bench);
}

static void test_text(void **state)
{
	static const char expected[] =
		"nfqdn-learned 1 1700000000\n"
		"element - 198.0.0.1 tcp/443 299 60 www.example.com 60 a\\010b.\\046\\032.example.com 30\n"
		"element kids 2001:db8::1 icmp 7 1 . 1\n"
		"end 2 ";
	struct bench *bench = bench_new(100);
	struct element_key key = { .group = 1, .l4proto = IPPROTO_ICMPV6, .port = value_icmp_port(IPADDR_V6) };
	struct dns_name name = bench_name("a\\010b.\\.\\ .Example.com");
	size_t length;
	char *text;

	(void)state;
	bench_allow_all(bench);
	bench_learn(bench, 1, "www.example.com", 299999);
	assert_int_equal(ipaddr_from_text("2001:db8::1", &key.address), 0);
	bench_learn_key(bench,
			&(struct element_key) { .address = bench_key(1, 0, 443).address, .l4proto = 6, .port = 443 },
			&name, 30, 1000);
	name = bench_name(".");
	bench_learn_key(bench, &key, &name, 1, 7000);
	bench_learn(bench, 2, "over.example.com", 999); /* less than a second is nothing */
	bench_save(bench);
	text = bench_read_file(bench, &length);
	assert_int_equal(length, sizeof(expected) - 1 + 17);
	/* the TTL of an element is the smallest */
	memcpy(strstr(text, " 299 30 "), " 299 60 ", 8);
	assert_memory_equal(text, expected, sizeof(expected) - 1);
	free(text);
	bench_free(bench);
}

/* ---- time ---- */

static void test_clocks(void **state)
{
	static const struct {
		int64_t wall, left;
	} rows[] = {
		{ BENCH_WALL, 300000 },
		{ BENCH_WALL - 1, 300000 },
		{ BENCH_WALL - INT64_C(86400000) * 3650, 300000 }, /* no battery: 1970 or the firmware's date */
		{ BENCH_WALL + 1, 299999 },
		{ BENCH_WALL + 100000, 200000 },
		{ BENCH_WALL + 299000, 1000 },
		{ BENCH_WALL + 300000, -1 },
		{ BENCH_WALL + INT64_C(86400000) * 365000, -1 },
	};
	struct bench *bench = bench_new(100);
	struct element_key key = bench_key(1, 0, 443);

	(void)state;
	bench_allow_all(bench);
	bench_learn(bench, 1, "www.example.com", 300000);
	bench_save(bench);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bench_reboot(bench);
		assert_int_equal(bench_load(bench, rows[i].wall), 0);
		assert_int_equal(bench_left(bench, &key), rows[i].left);
		assert_int_equal(bench->restore.ended, rows[i].left < 0);
	}
	assert_int_equal(restore_remaining(UINT32_MAX, 0, INT64_MAX), 0);
	assert_int_equal(restore_remaining(UINT32_MAX, INT64_MAX / 1000, 0), INT64_C(1000) * UINT32_MAX);
	bench_free(bench);
}

/* ---- the policy ---- */

static void test_policy(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key known = bench_key(1, 0, 443), unwanted = bench_key(2, 0, 443), port = bench_key(1, 0, 80),
			   other = bench_key(1, 1, 443), own = bench_key(77, 0, 443), reserved = known;
	const struct dns_name good = bench_name("www.example.com"), bad = bench_name("www.example.org");
	struct store_view view;

	(void)state;
	assert_int_equal(ipaddr_from_text("10.9.9.9", &reserved.address), 0);
	bench_learn_key(bench, &known, &good, 60, 300000);
	bench_learn_key(bench, &known, &bad, 60, 300000);
	bench_learn_key(bench, &unwanted, &bad, 60, 300000);
	bench_learn_key(bench, &port, &good, 60, 300000);
	bench_learn_key(bench, &other, &good, 60, 300000);
	bench_learn_key(bench, &reserved, &good, 60, 300000);
	bench_learn_key(bench, &own, &good, 60, 300000);
	bench_save(bench);
	bench_reboot(bench);
	bench->fake.policy.group_count = 1; /* the group is gone */
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	bench->fake.entries[0].lifetime.max = 250;
	assert_int_equal(snoop_set_own_addresses(bench->snoop, &own.address, 1), 0);
	assert_int_equal(bench_load(bench, BENCH_WALL), 0);
	assert_int_equal(store_count(bench->store), 1);
	assert_int_equal(fake_table_count(bench->kernel), 1);
	assert_int_equal(store_find(bench->store, &known, &view), 0);
	assert_int_equal(view.name_count, 1);
	assert_true(dns_name_equal(&view.names[0].name, &good));
	assert_int_equal(bench_left(bench, &known), 250000);
	assert_int_equal(bench->restore.taken, 1);
	assert_int_equal(bench->restore.denied, 5);
	assert_int_equal(counters.state_records_taken, 1);
	assert_int_equal(counters.state_records_denied, 5);
	bench_free(bench);
}

/* ---- beside what is there ---- */

/* After a crash: the kernel's expiry stands, the file's names come along, also of a life that is over by the file. */
static void test_joined(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = bench_key(1, 0, 443);
	struct store_view view;

	(void)state;
	bench_allow_all(bench);
	bench_learn(bench, 1, "www.example.com", 300000);
	bench_learn(bench, 1, "other.example.com", 300000);
	bench_save(bench);
	for (int64_t later = 0; later <= 400000; later += 400000) {
		bench_reboot(bench);
		fake_table_put(bench->kernel, &key, 530000, "www.example.com");
		assert_int_equal(snoop_adopt(bench->snoop, bench->now), 0);
		assert_int_equal(bench_load(bench, BENCH_WALL + later), 0);
		assert_int_equal(bench_left(bench, &key), 500000);
		assert_int_equal(store_find(bench->store, &key, &view), 0);
		assert_int_equal(view.name_count, 2);
		assert_int_equal(view.names[0].ttl, 60);
		assert_int_equal(fake_table_commits(bench->kernel), 0);
	}
	bench_free(bench);
}

/* Another gateway's records give the longer life, and only that. */
static void test_imported(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = bench_key(1, 0, 443);
	const char *why;

	(void)state;
	bench_allow_all(bench);
	bench_learn(bench, 1, "www.example.com", 300000);
	bench_save(bench);
	bench_reboot(bench);
	bench_learn(bench, 1, "mine.example.com", 100000);
	assert_int_equal(bench_load_why(bench, BENCH_WALL, true, &why), 0);
	assert_int_equal(bench_left(bench, &key), 300000);
	assert_int_equal(bench_load_why(bench, BENCH_WALL + 100000, true, &why), 0);
	assert_int_equal(bench_left(bench, &key), 300000);
	/* The two clocks are not read at one instant: less than a second is no difference. */
	bench->now.msec += 900;
	assert_int_equal(bench_load_why(bench, BENCH_WALL, true, &why), 0);
	assert_int_equal(bench_left(bench, &key), 299100);
	bench->now.msec += 200;
	assert_int_equal(bench_load_why(bench, BENCH_WALL, true, &why), 0);
	assert_int_equal(bench_left(bench, &key), 300000);
	assert_int_equal(bench_load_why(bench, BENCH_WALL + 300000, true, &why), 0);
	assert_int_equal(bench->restore.ended, 1);
	bench_free(bench);
}

static void test_nothing_is_evicted(void **state)
{
	struct bench *bench = bench_new(10);
	struct element_key key = bench_key(100, 0, 443);

	(void)state;
	bench_allow_all(bench);
	for (unsigned int i = 0; i < 10; i++)
		bench_learn(bench, i, "www.example.com", 86000000);
	bench_save(bench);
	snoop_free(bench->snoop);
	store_free(bench->store);
	bench->store = store_new(&bench_hash_key, 5);
	bench->snoop = snoop_new(bench->store, bench->kernel, &bench_hash_key);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	bench_learn(bench, 100, "mine.example.com", 1000);
	assert_int_equal(bench_load(bench, BENCH_WALL), 0);
	assert_int_equal(bench_left(bench, &key), 1000);
	assert_int_equal(store_count(bench->store), 5);
	assert_int_equal(bench->restore.left_out, 6);
	assert_int_equal(counters.elements_over_limit, 6);
	bench_free(bench);
}

/* More than a transaction holds, each with a name of its own; one is refused by the kernel. */
static void test_many(void **state)
{
	struct bench *bench = bench_new(10000);
	char text[64];

	(void)state;
	bench_allow_all(bench);
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "n%u.example.com", i < 1500 ? i : i % 2);
		bench_learn(bench, i, text, 300000 + i * 1000);
	}
	bench_save(bench);
	bench_reboot(bench);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 700, -ENOMEM);
	assert_int_equal(bench_load(bench, BENCH_WALL), 0);
	assert_int_equal(bench->restore.left_out, 1);
	assert_int_equal(store_count(bench->store), fake_table_count(bench->kernel));
	assert_int_equal(fake_table_count(bench->kernel), 2999);
	assert_int_equal(bench->restore.taken, 2999);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_imported),
		cmocka_unit_test(test_nothing_is_evicted),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
