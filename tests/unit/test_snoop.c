/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/adopt.o learn/resolvers.o base/log.o base/monotime.o base/escape.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: policy/value.o */
/* LINK: base/counters.o base/histogram.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: tests/unit/fake_element.o tests/unit/fake_policy.o tests/unit/fake_answer.o */
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
#include "dns/packet.h"
#include "learn/adopt.h"
#include "learn/lifetime.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"

static const struct hash_key hash_key = { 1, 2 };

struct bench {
	struct fake_policy fake;
	struct store *store;
	struct table *kernel;
	struct snoop *snoop;
	struct monotime now;
	struct fake_answer answers[LIMIT_DRAIN_PACKETS];
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	size_t count;
};

static struct bench *bench_new(size_t limit)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	memset(&counters, 0, sizeof(counters));
	fake_policy_init(&bench->fake);
	bench->now.msec = 1000000;
	bench->store = store_new(&hash_key, limit);
	bench->kernel = fake_table_new();
	bench->snoop = snoop_new(bench->store, bench->kernel, &hash_key);
	fake_table_set_time(bench->kernel, bench->now);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	return bench;
}

static void bench_free(struct bench *bench)
{
	snoop_free(bench->snoop);
	store_free(bench->store);
	fake_table_free(bench->kernel);
	free(bench);
}

/* The policy of most cases: *.example.com on tcp/443. */
static struct bench *bench_usual(void)
{
	struct bench *bench = bench_new(1000);

	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	return bench;
}

static void advance(struct bench *bench, int64_t ms)
{
	bench->now.msec += ms;
	fake_table_set_time(bench->kernel, bench->now);
}

/* A response to 10.1.0.9 in the next packet of the drain. */
static struct fake_answer *answer(struct bench *bench, const char *qname)
{
	struct fake_answer *next = &bench->answers[bench->count++];

	fake_answer_start(next, "10.1.0.9", qname, DNS_TYPE_A);
	return next;
}

static void answer_a(struct bench *bench, const char *qname, const char *address, uint32_t ttl)
{
	fake_answer_record(answer(bench, qname), qname, strchr(address, ':') ? DNS_TYPE_AAAA : DNS_TYPE_A, ttl,
			   address);
}

static uint64_t drain(struct bench *bench)
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

static struct element_key key_of(const char *address, uint8_t group, const char *port)
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

/* What the kernel has left in ms, or -ENOENT. */
static int64_t open_for(const struct bench *bench, const char *address, uint8_t group, const char *port)
{
	struct element_key key = key_of(address, group, port);

	return fake_table_find(bench->kernel, &key, NULL);
}

static int64_t open_443(const struct bench *bench, const char *address)
{
	return open_for(bench, address, 0, "tcp/443");
}

/* ---- answers ---- */

static void test_teaches(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.7", 600);
	answer_a(bench, "v6.example.com", "2001:500::7", 60);
	assert_int_equal(drain(bench), 0);
	assert_int_equal(open_443(bench, "198.51.101.7"), 660000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(open_443(bench, "2001:500::7"), 300000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	assert_int_equal(counters.answers, 2);
	assert_int_equal(counters.answers_taught, 2);
	assert_int_equal(counters.elements_added, 2);
	bench_free(bench);
}

static void test_known_answer_costs_nothing(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	drain(bench);
	advance(bench, 100000);
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	assert_int_equal(counters.answers_known, 1);
	/* A fresher TTL than what is left: at once. */
	answer_a(bench, "www.example.com", "198.51.101.7", 3600);
	drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 2);
	assert_int_equal(open_443(bench, "198.51.101.7"), 3660000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(counters.elements_refreshed, 1);
	bench_free(bench);
}

/* The question's name decides, the chain's smallest TTL counts, and records off the chain teach nothing. */
static void test_chain(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_answer *one = answer(bench, "www.example.com");
	struct element_key key = key_of("198.51.101.9", 0, "tcp/443");
	const char *comment;

	(void)state;
	fake_answer_record(one, "cdn.example.net", DNS_TYPE_A, 86202, "198.51.101.9");
	fake_answer_record(one, "www.example.com", DNS_TYPE_CNAME, 400, "cdn.example.net");
	fake_answer_record(one, "evil.example.com", DNS_TYPE_A, 60, "198.51.101.66");
	drain(bench);
	assert_int_equal(fake_table_find(bench->kernel, &key, &comment), 460000 + LIFETIME_BACKSTOP_MS);
	assert_string_equal(comment, "www.example.com");
	assert_int_equal(open_443(bench, "198.51.101.66"), -ENOENT);
	/* A name of the chain that is allowed does not allow the question. */
	one = answer(bench, "www.example.org");
	fake_answer_record(one, "www.example.org", DNS_TYPE_CNAME, 400, "www.example.com");
	fake_answer_record(one, "www.example.com", DNS_TYPE_A, 400, "198.51.101.10");
	drain(bench);
	assert_int_equal(open_443(bench, "198.51.101.10"), -ENOENT);
	assert_int_equal(counters.answers_without_policy, 1);
	bench_free(bench);
}

static void test_ttls(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_a(bench, "zero.example.com", "198.51.101.1", 0);
	answer_a(bench, "huge.example.com", "198.51.101.2", 604800);
	answer_a(bench, "top-bit.example.com", "198.51.101.3", 0x80000000); /* 0, RFC 2181 8 */
	drain(bench);
	assert_int_equal(open_443(bench, "198.51.101.1"), 300000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(open_443(bench, "198.51.101.2"), 86400000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(open_443(bench, "198.51.101.3"), 300000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(counters.life_below_ttl, 1);
	bench_free(bench);
}

static void test_ports(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	fake_policy_port(&bench->fake, 0, "udp/3478");
	fake_policy_port(&bench->fake, 0, "icmp");
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	answer_a(bench, "www.example.com", "2001:500::7", 60);
	drain(bench);
	assert_int_equal(store_count(bench->store), 6);
	assert_true(open_for(bench, "198.51.101.7", 0, "udp/3478") > 0);
	assert_true(open_for(bench, "198.51.101.7", 0, "icmp") > 0);
	assert_true(open_for(bench, "2001:500::7", 0, "icmp") > 0);
	assert_int_equal(key_of("198.51.101.7", 0, "icmp").l4proto, IPPROTO_ICMP);
	assert_int_equal(key_of("198.51.101.7", 0, "icmp").port, 2048);
	assert_int_equal(key_of("2001:500::7", 0, "icmp").l4proto, IPPROTO_ICMPV6);
	assert_int_equal(key_of("2001:500::7", 0, "icmp").port, 32768);
	bench_free(bench);
}

/* Pain 12: one name in two entries fills both; the longer life wins where they meet. */
static void test_two_entries(void **state)
{
	struct bench *bench = bench_usual();
	size_t other = fake_policy_add(&bench->fake, 0, "www.example.com", "tcp/443");

	(void)state;
	fake_policy_port(&bench->fake, other, "tcp/8443");
	bench->fake.entries[other].lifetime = (struct config_lifetime) { .grace = 0, .min = 900, .max = 86400 };
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	drain(bench);
	assert_int_equal(fake_table_changes(bench->kernel), 2);
	assert_int_equal(open_443(bench, "198.51.101.7"), 900000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(open_for(bench, "198.51.101.7", 0, "tcp/8443"), 900000 + LIFETIME_BACKSTOP_MS);
	/* Asked again: both entries are content. */
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	bench_free(bench);
}

static void test_groups(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kiosks";
	fake_policy_add(&bench->fake, 1, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 1, "only.example.net", "tcp/443");
	fake_policy_set_groups(1);
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	answer_a(bench, "only.example.net", "198.51.101.8", 60);
	drain(bench);
	assert_true(open_443(bench, "198.51.101.7") > 0);
	assert_int_equal(open_for(bench, "198.51.101.7", 1, "tcp/443"), -ENOENT);
	assert_int_equal(open_for(bench, "198.51.101.8", 1, "tcp/443"), -ENOENT);
	assert_int_equal(counters.answers_without_group, 1);
	fake_policy_set_groups(3);
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	answer_a(bench, "only.example.net", "198.51.101.8", 60);
	drain(bench);
	assert_true(open_for(bench, "198.51.101.7", 1, "tcp/443") > 0);
	assert_true(open_for(bench, "198.51.101.8", 1, "tcp/443") > 0);
	assert_int_equal(open_443(bench, "198.51.101.8"), -ENOENT);
	bench_free(bench);
}

static void test_reserved_and_own(void **state)
{
	struct bench *bench = bench_usual();
	struct ipaddr own[2];

	(void)state;
	ipaddr_from_text("198.51.101.200", &own[0]);
	ipaddr_from_text("10.9.9.9", &own[1]);
	assert_int_equal(snoop_set_own_addresses(bench->snoop, own, 2), 0);
	fake_policy_add(&bench->fake, 0, "*.corp.example.com", "tcp/443");
	bench->fake.configs[1].private_answers = true;
	answer_a(bench, "www.example.com", "10.1.2.3", 60);
	answer_a(bench, "www.corp.example.com", "10.1.2.4", 60);
	answer_a(bench, "www.example.com", "198.51.101.200", 60);
	answer_a(bench, "www.corp.example.com", "10.9.9.9", 60);
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	drain(bench);
	assert_int_equal(open_443(bench, "10.1.2.3"), -ENOENT);
	assert_true(open_443(bench, "10.1.2.4") > 0); /* one of its two entries takes it */
	assert_int_equal(open_443(bench, "198.51.101.200"), -ENOENT);
	assert_int_equal(open_443(bench, "10.9.9.9"), -ENOENT);
	assert_true(open_443(bench, "198.51.101.7") > 0);
	assert_int_equal(counters.refused_reserved, 2);
	assert_int_equal(counters.refused_own, 2);
	assert_int_equal(counters.answers_known, 3); /* allowed, and nothing to do */
	assert_int_equal(snoop_set_own_addresses(bench->snoop, NULL, 0), 0);
	answer_a(bench, "www.example.com", "198.51.101.200", 60);
	drain(bench);
	assert_true(open_443(bench, "198.51.101.200") > 0);
	bench_free(bench);
}

/* ---- what is no answer ---- */

static void test_what_cannot_teach(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_answer *one;

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	fake_answer_flags(&bench->answers[0], 0x0100); /* a query */
	answer_a(bench, "www.example.com", "198.51.101.2", 60);
	fake_answer_flags(&bench->answers[1], 0x8183); /* NXDOMAIN */
	answer_a(bench, "www.example.com", "198.51.101.3", 60);
	fake_answer_flags(&bench->answers[2], 0xa980); /* OPCODE 5 */
	answer_a(bench, "www.example.com", "198.51.101.4", 60);
	one = &bench->answers[3];
	one->octets[one->message + 7] = 2; /* a record that is not there */
	answer_a(bench, "www.example.com", "198.51.101.5", 60);
	bench->answers[4].octets[21] = 54; /* source port */
	answer_a(bench, "www.example.com", "198.51.101.6", 60);
	bench->answers[5].octets[9] = IPPROTO_TCP;
	answer_a(bench, "www.example.com", "198.51.101.8", 60);
	bench->answers[6].length -= 1;
	assert_int_equal(drain(bench), 0);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	assert_int_equal(fake_table_commits(bench->kernel), 0);
	assert_int_equal(counters.answers_not_understood, 2);
	assert_int_equal(counters.answers_malformed, 1);
	assert_int_equal(counters.packets_unread, 3);
	assert_int_equal(counters.answers, 1);
	bench_free(bench);
}

/* A payload that could not be received at all, see queue.h. */
static void test_no_payload(void **state)
{
	struct bench *bench = bench_usual();
	struct queue_packet packet = { .id = 1 };

	(void)state;
	assert_int_equal(snoop_drain(bench->snoop, &packet, 1, bench->now), 0);
	assert_int_equal(counters.packets_unread, 1);
	bench_free(bench);
}

/* ---- DNS over TCP ---- */

#define FIRST 0xfffffff0 /* sequence number of the stream's first octet */

/* What the server says on one flow. */
struct speech {
	uint8_t octets[4096];
	size_t length;
};

/* Adds the message of the answer that was made last, and takes that from the drain. */
static void say(struct speech *speech, struct bench *bench)
{
	const struct fake_answer *made = &bench->answers[--bench->count];
	size_t length = made->length - made->message;

	speech->octets[speech->length++] = (uint8_t)(length >> 8);
	speech->octets[speech->length++] = (uint8_t)length;
	memcpy(speech->octets + speech->length, made->octets + made->message, length);
	speech->length += length;
}

/* The next packet of the drain is a segment with [from, to). */
static void segment(struct bench *bench, const struct speech *speech, uint8_t flags, size_t from, size_t to)
{
	static const uint8_t headers[40] = { 0x45, [8] = 64, 6, [12] = 10, 2,  0,    2,    10,
					     1,    0,        9, 0,         53, 0xc3, 0x50, [32] = 5 << 4 };
	struct fake_answer *next = &bench->answers[bench->count++];
	uint32_t sequence = FIRST + (uint32_t)from - ((flags & PACKET_SYN) != 0);

	memcpy(next->octets, headers, sizeof(headers));
	next->length = sizeof(headers) + to - from;
	next->octets[2] = (uint8_t)(next->length >> 8);
	next->octets[3] = (uint8_t)next->length;
	for (unsigned int i = 0; i < 4; i++)
		next->octets[24 + i] = (uint8_t)(sequence >> (24 - 8 * i));
	next->octets[33] = flags;
	memcpy(next->octets + sizeof(headers), speech->octets + from, to - from);
}

static void test_tcp_answer(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	say(&speech, bench);
	segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	segment(bench, &speech, PACKET_ACK, 20, speech.length);
	assert_int_equal(drain(bench), 0);
	assert_int_equal(open_443(bench, "198.51.101.1"), -ENOENT);
	segment(bench, &speech, PACKET_ACK, 0, 20);
	assert_int_equal(drain(bench), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(counters.answers, 1);
	assert_int_equal(counters.answers_taught, 1);
	assert_int_equal(counters.packets_unread, 0);
	bench_free(bench);
}

static void test_tcp_messages_in_one_segment(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };

	(void)state;
	answer_a(bench, "one.example.com", "198.51.101.1", 60);
	say(&speech, bench);
	answer_a(bench, "one.example.org", "198.51.101.2", 60); /* not allowed */
	say(&speech, bench);
	answer_a(bench, "two.example.com", "198.51.101.3", 60);
	say(&speech, bench);
	segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	segment(bench, &speech, PACKET_ACK | PACKET_FIN, 0, speech.length);
	assert_int_equal(drain(bench), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_true(open_443(bench, "198.51.101.3") > 0);
	assert_int_equal(counters.tcp_messages, 3);
	bench_free(bench);
}

/* Only the segment that completes the answer is dropped, with its second copy; what is sent again is judged again. */
static void test_tcp_dropped(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };
	size_t end;

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	say(&speech, bench);
	end = speech.length;
	answer_a(bench, "www.example.org", "198.51.101.2", 60);
	say(&speech, bench);
	segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	segment(bench, &speech, PACKET_ACK, 0, 20);
	segment(bench, &speech, PACKET_ACK, 20, end);
	segment(bench, &speech, PACKET_ACK, 20, end);
	segment(bench, &speech, PACKET_ACK, end, speech.length);
	assert_string_equal(snoop_refusal(bench->snoop), strerror(0));
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENFILE);
	assert_int_equal(drain(bench), 1 << 2 | 1 << 3);
	assert_string_equal(snoop_refusal(bench->snoop), "the set is full");
	assert_int_equal(counters.answers_dropped, 1);
	assert_int_equal(counters.tcp_segments_dropped, 1);
	assert_int_equal(counters.answers_taught, 0);
	segment(bench, &speech, PACKET_ACK, 20, end - 1);
	assert_int_equal(drain(bench), 0);
	assert_int_equal(open_443(bench, "198.51.101.1"), -ENOENT);
	segment(bench, &speech, PACKET_ACK, end - 1, end);
	assert_int_equal(drain(bench), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(counters.answers_taught, 1);
	bench_free(bench);
}

static void test_tcp_seen_in_the_middle(void **state)
{
	struct bench *bench = bench_usual();
	struct speech speech = { .length = 0 };

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	say(&speech, bench);
	segment(bench, &speech, PACKET_ACK, 0, speech.length);
	segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	bench->answers[1].octets[21] = 54; /* another port */
	assert_int_equal(drain(bench), 0);
	assert_int_equal(open_443(bench, "198.51.101.1"), -ENOENT);
	assert_int_equal(counters.tcp_segments_unsynchronised, 1);
	assert_int_equal(counters.packets_unread, 1);
	assert_int_equal(counters.answers, 0);
	bench_free(bench);
}

/* ---- verify = "query" ---- */

static void asked(struct bench *bench, struct queries *queries, uint8_t l4proto, const char *qname)
{
	struct queries_flow flow;
	struct queries_question question = { .id = 0x1234, .type = DNS_TYPE_A };
	struct dns_name name;

	memset(&flow, 0, sizeof(flow));
	assert_int_equal(ipaddr_from_text("10.1.0.9", &flow.client), 0);
	assert_int_equal(ipaddr_from_text("10.2.0.2", &flow.resolver), 0);
	flow.client_port = 0xc350;
	flow.resolver_port = 53;
	flow.l4proto = l4proto;
	assert_int_equal(dns_name_from_text(qname, &name), 0);
	question.name = &name;
	queries_see(queries, &flow, &question, bench->now);
}

static void test_query_unasked(void **state)
{
	struct bench *bench = bench_usual();
	struct queries *queries = queries_new(&hash_key);

	(void)state;
	snoop_set_queries(bench->snoop, queries);
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	assert_int_equal(drain(bench), 0);
	assert_int_equal(open_443(bench, "198.51.101.1"), -ENOENT);
	assert_int_equal(counters.answers_unasked, 1);
	asked(bench, queries, IPPROTO_TCP, "www.example.com"); /* by another protocol */
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	drain(bench);
	assert_int_equal(counters.answers_unasked, 2);
	asked(bench, queries, IPPROTO_UDP, "www.example.com");
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	answer_a(bench, "www.example.com", "198.51.101.2", 60); /* a second one in the same drain */
	drain(bench);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(counters.answers_repeated, 1);
	/* An error is an answer. */
	asked(bench, queries, IPPROTO_UDP, "www.example.com");
	fake_answer_flags(answer(bench, "www.example.com"), 0x8182);
	answer_a(bench, "www.example.com", "198.51.101.2", 60);
	drain(bench);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(counters.answers_repeated, 2);
	/* Back to flow. */
	snoop_set_queries(bench->snoop, NULL);
	answer_a(bench, "www.example.com", "198.51.101.2", 60);
	drain(bench);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	bench_free(bench);
	queries_free(queries);
}

/* An answer that was dropped because it could not be committed is believed when it comes again. */
static void test_query_dropped(void **state)
{
	struct bench *bench = bench_usual();
	struct queries *queries = queries_new(&hash_key);
	struct speech speech = { .length = 0 };

	(void)state;
	snoop_set_queries(bench->snoop, queries);
	asked(bench, queries, IPPROTO_UDP, "www.example.com");
	asked(bench, queries, IPPROTO_TCP, "tcp.example.com");
	answer_a(bench, "tcp.example.com", "198.51.101.2", 60);
	say(&speech, bench);
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	segment(bench, &speech, PACKET_SYN | PACKET_ACK, 0, 0);
	segment(bench, &speech, PACKET_ACK, 0, speech.length);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -ENFILE);
	assert_int_equal(drain(bench), 1 << 0 | 1 << 2);
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	segment(bench, &speech, PACKET_ACK, 0, speech.length);
	assert_int_equal(drain(bench), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	assert_int_equal(counters.answers_repeated + counters.answers_unasked, 0);
	bench_free(bench);
	queries_free(queries);
}

/* ---- a drain ---- */

static void test_whole_drain_is_one_transaction(void **state)
{
	struct bench *bench = bench_usual();
	char name[32], address[32];

	(void)state;
	for (unsigned int i = 0; i < LIMIT_DRAIN_PACKETS; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.51.101.%u", i);
		answer_a(bench, name, address, 60);
	}
	assert_int_equal(drain(bench), 0);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	assert_int_equal(fake_table_count(bench->kernel), LIMIT_DRAIN_PACKETS);
	bench_free(bench);
}

static void test_failed_transaction_drops(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_a(bench, "old.example.com", "198.51.101.1", 60);
	drain(bench);
	answer_a(bench, "old.example.com", "198.51.101.1", 60); /* known */
	answer_a(bench, "new.example.com", "198.51.101.2", 60);
	answer_a(bench, "off.example.org", "198.51.101.3", 60); /* not allowed */
	answer_a(bench, "two.example.com", "198.51.101.4", 60);
	answer_a(bench, "new.example.com", "198.51.101.2", 60); /* depends on the same element */
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 1, -ENFILE);
	assert_int_equal(drain(bench), 1 << 1 | 1 << 4);
	assert_int_equal(counters.answers_dropped, 2);
	assert_int_equal(counters.answers_known, 1);
	assert_int_equal(counters.answers_taught, 2); /* the first one ever, and "two" */
	/* The client asks again. */
	answer_a(bench, "new.example.com", "198.51.101.2", 60);
	assert_int_equal(drain(bench), 0);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	bench_free(bench);
}

static void test_lost_answer_of_the_kernel(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_a(bench, "new.example.com", "198.51.101.2", 60);
	fake_table_fail(bench->kernel, FAKE_LOSE_ANSWER, 1, 0);
	assert_int_equal(drain(bench), 1);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(store_count(bench->store), 0);
	bench_free(bench);
}

/* More than a transaction holds: several, and all are over before a verdict. The failure of one drops its own packets
 * only. */
static void test_large_drain(void **state)
{
	struct bench *bench = bench_new(20000);
	char name[32], address[32];
	uint64_t drop;

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	for (unsigned int i = 0; i < 10; i++) {
		struct fake_answer *one;

		snprintf(name, sizeof(name), "n%u.example.com", i);
		one = answer(bench, name);
		for (unsigned int k = 0; k < 250; k++) {
			snprintf(address, sizeof(address), "198.52.%u.%u", i, k);
			fake_answer_record(one, name, DNS_TYPE_A, 60, address);
		}
	}
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 3, -ENOMEM);
	drop = drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 3);
	/* 2 * 1024 were committed: the answers 0 to 7 wholly, 8 in part. */
	assert_int_equal(drop, 1 << 8 | 1 << 9);
	assert_int_equal(fake_table_count(bench->kernel), 2048);
	assert_int_equal(counters.answers_taught, 8);
	bench_free(bench);
}

/* Beyond the memory that was set aside: the answer is dropped, the next drain has room for it. */
static void test_drain_beyond_memory(void **state)
{
	struct bench *bench = bench_new(100000);
	char name[32], address[32];
	uint64_t drop = 1;

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_port(&bench->fake, 0, "tcp/80");
	for (int turn = 0; turn < 3 && drop; turn++) {
		for (unsigned int i = 0; i < 12; i++) {
			struct fake_answer *one;

			snprintf(name, sizeof(name), "n%u.example.com", i);
			one = answer(bench, name);
			for (unsigned int k = 0; k < 250; k++) {
				snprintf(address, sizeof(address), "198.52.%u.%u", i, k);
				fake_answer_record(one, name, DNS_TYPE_A, 60, address);
			}
		}
		drop = drain(bench);
		if (turn == 0)
			assert_int_equal(drop, 0xf00);
	}
	assert_int_equal(drop, 0);
	assert_true(counters.elements_without_memory > 0);
	assert_int_equal(fake_table_count(bench->kernel), 6000);
	bench_free(bench);
}

/* A full store, and a kernel that takes every add and refuses every deletion: bounded, and over when the kernel
 * relents. */
static void test_full_and_no_deletions(void **state)
{
	struct bench *bench = bench_new(64);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_table_refuse_deletions(bench->kernel, true);
	for (unsigned int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.%u.%u", i / 250, i % 250);
		answer_a(bench, name, address, 60);
		drain(bench);
	}
	assert_in_range(store_count(bench->store), 64, 64 + LIMIT_BATCH_ELEMENTS);
	assert_true(counters.answers_dropped > 0);
	fake_table_refuse_deletions(bench->kernel, false);
	for (unsigned int i = 2000; i < 2003; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.%u.%u", i / 250, i % 250);
		answer_a(bench, name, address, 60);
		drain(bench);
	}
	assert_int_equal(store_count(bench->store), 64);
	assert_int_equal(fake_table_count(bench->kernel), 64);
	bench_free(bench);
}

/* The same client's flood of a wildcard does not cost it what an exact name brought. */
static void test_flood_and_exact_name(void **state)
{
	struct bench *bench = bench_new(64);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "exact.example.net", "tcp/443");
	answer_a(bench, "exact.example.net", "198.51.101.2", 0);
	drain(bench);
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.0.%u", i);
		answer_a(bench, name, address, 3600);
		drain(bench);
	}
	assert_int_equal(store_count(bench->store), 64);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	bench_free(bench);
}

/* Bypass row: one client floods a wildcard to evict others' addresses. */
static void test_flood(void **state)
{
	struct bench *bench = bench_new(400);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "exact.example.net", "tcp/443");
	answer_a(bench, "www.example.com", "198.51.101.1", 0);
	answer_a(bench, "exact.example.net", "198.51.101.2", 0);
	drain(bench);
	for (unsigned int i = 0; i < 3000; i++) {
		struct fake_answer *next = &bench->answers[bench->count++];

		snprintf(name, sizeof(name), "n%u.example.com", i);
		snprintf(address, sizeof(address), "198.52.%u.%u", i / 250, i % 250);
		fake_answer_start(next, "10.1.0.66", name, DNS_TYPE_A);
		fake_answer_record(next, name, DNS_TYPE_A, 3600, address);
		if (bench->count == 32)
			assert_int_equal(drain(bench), 0);
	}
	drain(bench);
	assert_int_equal(store_count(bench->store), 400);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	assert_int_equal(counters.elements_over_share, 3002 - 400);
	answer_a(bench, "mail.example.com", "198.51.101.3", 0); /* another client goes on learning */
	drain(bench);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_true(open_443(bench, "198.51.101.3") > 0);
	bench_free(bench);
}

/* ---- time ---- */

static void test_expired_ride_along(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_a(bench, "old.example.com", "198.51.101.1", 60);
	drain(bench);
	advance(bench, 300000);
	/* A drain that changes nothing does not pay for it. */
	answer_a(bench, "off.example.org", "198.51.101.3", 60);
	drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 1);
	answer_a(bench, "new.example.com", "198.51.101.2", 60);
	drain(bench);
	assert_int_equal(fake_table_commits(bench->kernel), 2);
	assert_int_equal(open_443(bench, "198.51.101.1"), -ENOENT);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	assert_int_equal(counters.elements_expired, 1);
	bench_free(bench);
}

static void test_tick(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	answer_a(bench, "a.example.com", "198.51.101.1", 60);
	drain(bench);
	advance(bench, 400);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 299600);
	answer_a(bench, "b.example.com", "198.51.101.2", 60);
	drain(bench);
	advance(bench, 299600);
	/* Due now. The next one is due in 400 ms, but a tick a second is enough. */
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 1000);
	assert_int_equal(open_443(bench, "198.51.101.1"), -ENOENT);
	advance(bench, 500);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 500);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	advance(bench, 500);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(fake_table_commits(bench->kernel), 4);
	bench_free(bench);
}

/* A kernel that says no is asked once a second. */
static void test_tick_after_failure(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_a(bench, "a.example.com", "198.51.101.1", 60);
	drain(bench);
	advance(bench, 300000);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -EBUSY);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 1000);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 1000);
	assert_int_equal(fake_table_commits(bench->kernel), 2);
	advance(bench, 1000);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	bench_free(bench);
}

/* More due at once than a transaction holds: the rest follows without waiting a second. */
static void test_tick_of_many(void **state)
{
	struct bench *bench = bench_new(5000);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	for (unsigned int i = 0; i < 6; i++) {
		struct fake_answer *one;

		snprintf(name, sizeof(name), "n%u.example.com", i);
		one = answer(bench, name);
		for (unsigned int k = 0; k < 250; k++) {
			snprintf(address, sizeof(address), "198.52.%u.%u", i, k);
			fake_answer_record(one, name, DNS_TYPE_A, 60, address);
		}
	}
	drain(bench);
	assert_int_equal(store_count(bench->store), 1500);
	advance(bench, 300000);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), 0);
	assert_int_equal(snoop_tick(bench->snoop, bench->now), -1);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	bench_free(bench);
}

/* ---- derived names ---- */

static void answer_cname(struct bench *bench, const char *qname, const char *target, uint32_t ttl)
{
	fake_answer_record(answer(bench, qname), qname, DNS_TYPE_CNAME, ttl, target);
}

/* A chain that ends without an address: the client's next question is for its end. */
static void test_derived(void **state)
{
	struct bench *bench = bench_usual();
	struct element_key key = key_of("198.51.101.7", 0, "tcp/443");
	struct store_view view;
	const char *comment;
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	answer_a(bench, "edge.cdn.test", "198.51.101.6", 60);
	answer_cname(bench, "www.example.com", "edge.cdn.test", 30);
	answer_a(bench, "edge.cdn.test", "198.51.101.7", 60); /* of the same drain */
	answer_a(bench, "x.edge.cdn.test", "198.51.101.8", 60);
	answer_a(bench, "cdn.test", "198.51.101.9", 60);
	drain(bench);
	assert_int_equal(fake_table_count(bench->kernel), 1);
	assert_int_equal(fake_table_find(bench->kernel, &key, &comment), 300000 + LIFETIME_BACKSTOP_MS);
	assert_string_equal(comment, "www.example.com");
	assert_int_equal(counters.answers_derived, 1);
	assert_int_equal(counters.answers_without_policy, 3);
	/* By its origin it is explained and kept; it has the name that was asked for, too. */
	assert_int_equal(store_find(bench->store, &key, &view), 0);
	assert_int_equal(view.name_count, 2);
	assert_string_equal(dns_name_to_text(&view.names[0].name, text), "www.example.com");
	assert_string_equal(dns_name_to_text(&view.names[1].name, text), "edge.cdn.test");
	assert_false(view.names[0].derived);
	assert_true(view.names[1].derived);
	/* For its TTL and a little. */
	advance(bench, 30000 + LIMIT_DERIVED_EXTRA_MS - 1);
	answer_a(bench, "edge.cdn.test", "198.51.101.10", 60);
	drain(bench);
	assert_true(open_443(bench, "198.51.101.10") > 0);
	advance(bench, 1);
	answer_a(bench, "edge.cdn.test", "198.51.101.11", 60);
	drain(bench);
	assert_int_equal(open_443(bench, "198.51.101.11"), -ENOENT);
	bench_free(bench);
}

/* A chain in pieces of one CNAME an answer: followed so far, then no further, nor round and round. */
static void test_derived_depth(void **state)
{
	struct bench *bench = bench_usual();
	char from[32] = "www.example.com", to[32];

	(void)state;
	for (int i = 1; i <= LIMIT_DERIVED_DEPTH + 1; i++) {
		snprintf(to, sizeof(to), "step%d.test", i);
		answer_cname(bench, from, to, 60);
		snprintf(from, sizeof(from), "%s", to);
	}
	for (int i = 1; i <= LIMIT_DERIVED_DEPTH + 1; i++) {
		snprintf(from, sizeof(from), "198.51.101.%d", i);
		snprintf(to, sizeof(to), "step%d.test", i);
		answer_a(bench, to, from, 60);
	}
	answer_cname(bench, "step1.test", "www.example.com", 60);
	drain(bench);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	snprintf(from, sizeof(from), "198.51.101.%d", LIMIT_DERIVED_DEPTH);
	assert_true(open_443(bench, from) > 0);
	snprintf(from, sizeof(from), "198.51.101.%d", LIMIT_DERIVED_DEPTH + 1);
	assert_int_equal(open_443(bench, from), -ENOENT);
	assert_int_equal(counters.derived_too_deep, 1);
	assert_int_equal(derived_count(snoop_derived(bench->snoop)), LIMIT_DERIVED_DEPTH);
	bench_free(bench);
}

/* A question that is not allowed derives nothing, nor does an answer that has an address at its end. */
static void test_derived_from_allowed_only(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_answer *one;

	(void)state;
	answer_cname(bench, "www.example.org", "edge.cdn.test", 60);
	one = answer(bench, "www.example.com");
	fake_answer_record(one, "www.example.com", DNS_TYPE_CNAME, 60, "end.cdn.test");
	fake_answer_record(one, "end.cdn.test", DNS_TYPE_A, 60, "198.51.101.1");
	one = answer(bench, "www.example.com"); /* off the chain */
	fake_answer_record(one, "other.example.com", DNS_TYPE_CNAME, 60, "other.cdn.test");
	drain(bench);
	assert_int_equal(derived_count(snoop_derived(bench->snoop)), 0);
	bench_free(bench);
}

/* The rules of every origin and of the name itself unite, each in its own groups. */
static void test_derived_rules(void **state)
{
	struct bench *bench = bench_usual();
	size_t other = fake_policy_add(&bench->fake, 1, "*.example.net", "tcp/8443");

	(void)state;
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kiosks";
	fake_policy_add(&bench->fake, 0, "edge.cdn.test", "tcp/80");
	bench->fake.entries[other].lifetime = (struct config_lifetime) { .grace = 0, .min = 900, .max = 86400 };
	fake_policy_set_groups(3);
	answer_cname(bench, "www.example.com", "edge.cdn.test", 60);
	answer_cname(bench, "www.example.net", "edge.cdn.test", 60);
	drain(bench);
	fake_policy_set_groups(1); /* the asker is no kiosk */
	answer_a(bench, "edge.cdn.test", "198.51.101.1", 60);
	drain(bench);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_true(open_for(bench, "198.51.101.1", 0, "tcp/80") > 0);
	assert_int_equal(open_for(bench, "198.51.101.1", 1, "tcp/8443"), -ENOENT);
	fake_policy_set_groups(3);
	answer_a(bench, "edge.cdn.test", "198.51.101.1", 60);
	drain(bench);
	assert_int_equal(open_for(bench, "198.51.101.1", 1, "tcp/8443"), 900000 + LIFETIME_BACKSTOP_MS);
	assert_int_equal(store_count(bench->store), 3);
	/* What one group's client derived is nothing to another group. */
	fake_policy_set_groups(1);
	answer_cname(bench, "mail.example.com", "mail.cdn.test", 60);
	drain(bench);
	fake_policy_set_groups(2);
	answer_a(bench, "mail.cdn.test", "198.51.101.2", 60);
	drain(bench);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(counters.answers_without_group, 1);
	bench_free(bench);
}

/* A rule counts once, however many origins it allows: else those of the last origin would not fit. */
static void test_derived_rules_once(void **state)
{
	static const char *const orders[2][4] = {
		{ "a.example.com", "b.example.com", "c.example.com", "z.example.net" },
		{ "z.example.net", "a.example.com", "b.example.com", "c.example.com" },
	};
	static const char *const targets[2] = { "one.example.com", "two.example.com" };
	struct bench *bench = bench_new(100);

	(void)state;
	for (unsigned int i = 0; i < 1 + LIMIT_NAME_MATCHES / 4; i++)
		fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "*.example.net", "tcp/8443");
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int k = 0; k < 4; k++)
			answer_cname(bench, orders[i][k], targets[i], 60);
	drain(bench);
	answer_a(bench, targets[0], "198.51.101.1", 60);
	answer_a(bench, targets[1], "198.51.101.2", 60);
	drain(bench);
	assert_true(open_for(bench, "198.51.101.1", 0, "tcp/8443") > 0);
	assert_true(open_for(bench, "198.51.101.2", 0, "tcp/8443") > 0);
	bench_free(bench);
}

/* A reload: derived names and what they brought stay while the origin is allowed, and go with it. */
static void test_derived_reload(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;

	(void)state;
	answer_cname(bench, "www.example.com", "edge.cdn.test", 3600);
	answer_a(bench, "edge.cdn.test", "198.51.101.1", 3600);
	drain(bench);
	fake_policy_init(&next);
	fake_policy_add(&next, 0, "elsewhere.example.org", "tcp/443");
	fake_policy_add(&next, 0, "www.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	answer_a(bench, "edge.cdn.test", "198.51.101.2", 3600);
	drain(bench);
	assert_true(open_443(bench, "198.51.101.2") > 0);
	fake_policy_init(&bench->fake);
	fake_policy_add(&bench->fake, 0, "elsewhere.example.org", "tcp/443");
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	assert_int_equal(derived_count(snoop_derived(bench->snoop)), 0);
	bench_free(bench);
}

/* The kernel's comment is the origin: after a restart without a state file the element stays. */
static void test_derived_restart(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	answer_cname(bench, "www.example.com", "edge.cdn.test", 3600);
	answer_a(bench, "edge.cdn.test", "198.51.101.1", 3600);
	drain(bench);
	snoop_free(bench->snoop);
	store_free(bench->store);
	bench->store = store_new(&hash_key, 1000);
	bench->snoop = snoop_new(bench->store, bench->kernel, &hash_key);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), 0);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	bench_free(bench);
}

/* ---- reload and restart ---- */

static void test_prune(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;

	(void)state;
	fake_policy_port(&bench->fake, 0, "tcp/80");
	fake_policy_add(&bench->fake, 0, "gone.example.net", "tcp/443");
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	answer_a(bench, "gone.example.net", "198.51.101.2", 60);
	answer_a(bench, "gone.example.net", "198.51.101.3", 60); /* shared with a name that stays */
	answer_a(bench, "too.example.com", "198.51.101.3", 60);
	drain(bench);
	fake_policy_init(&next);
	fake_policy_add(&next, 0, "*.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(open_for(bench, "198.51.101.1", 0, "tcp/80"), -ENOENT);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_true(open_443(bench, "198.51.101.3") > 0);
	assert_int_equal(open_for(bench, "198.51.101.3", 0, "tcp/80"), -ENOENT);
	assert_int_equal(counters.elements_dropped, 3);
	bench_free(bench);
}

struct prune_pause {
	struct bench *bench;
	unsigned int calls;
};

/* An answer that comes while the learned elements are compared. */
static void learn_in_pause(void *context)
{
	struct prune_pause *pause = context;
	char address[32];

	snprintf(address, sizeof(address), "198.51.102.%u", ++pause->calls);
	answer_a(pause->bench, "new.example.com", address, 60);
	assert_int_equal(drain(pause->bench), 0);
	snoop_tick(pause->bench->snoop, pause->bench->now);
	assert_true(open_443(pause->bench, address) > 0);
}

static void test_prune_pauses(void **state)
{
	struct bench *bench = bench_new(8000);
	struct prune_pause pause = { bench, 0 };
	struct fake_policy next;
	char name[64], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 0, "*.example.net", "tcp/443");
	for (unsigned int i = 0; i < 3 * LIMIT_PRUNE_SLICE; i++) {
		snprintf(name, sizeof(name), "n%u.example.%s", i, i % 2 ? "com" : "net");
		snprintf(address, sizeof(address), "20.1.%u.%u", i / 256, i % 256);
		answer_a(bench, name, address, 60);
		if (i % 32 == 31)
			assert_int_equal(drain(bench), 0);
	}
	assert_int_equal(fake_table_count(bench->kernel), 3 * LIMIT_PRUNE_SLICE);
	fake_policy_init(&next);
	fake_policy_add(&next, 0, "*.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, learn_in_pause, &pause), 0);
	assert_in_range(pause.calls, 2, 3);
	assert_int_equal(fake_table_count(bench->kernel), 3 * LIMIT_PRUNE_SLICE / 2 + pause.calls);
	assert_int_equal(counters.elements_dropped, 3 * LIMIT_PRUNE_SLICE / 2);
	assert_true(open_443(bench, "20.1.0.1") > 0);
	assert_int_equal(open_443(bench, "20.1.0.2"), -ENOENT);
	bench_free(bench);
}

static void test_prune_fails(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	drain(bench);
	fake_policy_init(&next);
	snoop_set_policy(bench->snoop, &next.policy);
	fake_table_fail(bench->kernel, FAKE_LOSE_REQUEST, 1, 0);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), -EAGAIN);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(open_443(bench, "198.51.101.1"), -ENOENT);
	bench_free(bench);
}

/* More than a transaction holds, and the first one fails: told, and done by the ticks. */
static void test_prune_many(void **state)
{
	struct bench *bench = bench_new(5000);
	char name[32], address[32];

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	for (unsigned int i = 0; i < 6; i++) {
		struct fake_answer *one;

		snprintf(name, sizeof(name), "n%u.example.com", i);
		one = answer(bench, name);
		for (unsigned int k = 0; k < 250; k++) {
			snprintf(address, sizeof(address), "198.52.%u.%u", i, k);
			fake_answer_record(one, name, DNS_TYPE_A, 60, address);
		}
	}
	drain(bench);
	fake_policy_init(&bench->fake);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ALL, 1, -EBUSY);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), -EAGAIN);
	assert_int_equal(fake_table_count(bench->kernel), LIMIT_BATCH_ELEMENTS);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	assert_int_equal(counters.elements_dropped, 1500);
	bench_free(bench);
}

/* An address that has become the gateway's own since. */
static void test_prune_own(void **state)
{
	struct bench *bench = bench_usual();
	struct ipaddr own;

	(void)state;
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	drain(bench);
	ipaddr_from_text("198.51.101.7", &own);
	snoop_set_own_addresses(bench->snoop, &own, 1);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(open_443(bench, "198.51.101.7"), -ENOENT);
	bench_free(bench);
}

static void test_prune_private(void **state)
{
	struct bench *bench = bench_usual();

	(void)state;
	bench->fake.configs[0].private_answers = true;
	answer_a(bench, "www.example.com", "10.1.2.3", 60);
	drain(bench);
	assert_true(open_443(bench, "10.1.2.3") > 0);
	bench->fake.configs[0].private_answers = false;
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(open_443(bench, "10.1.2.3"), -ENOENT);
	bench_free(bench);
}

/* A reload that reorders the groups: elements follow theirs by name, those of a group that went are forgotten. */
static void test_groups_move(void **state)
{
	struct bench *bench = bench_usual();
	struct fake_policy next;
	struct store_view view;
	struct element_key key = key_of("198.51.101.1", 1, "tcp/443");

	(void)state;
	bench->fake.policy.group_count = 3;
	bench->fake.groups[1].name = "kiosks";
	bench->fake.groups[2].name = "servers";
	fake_policy_set_groups(7);
	fake_policy_add(&bench->fake, 1, "*.example.com", "tcp/443");
	fake_policy_add(&bench->fake, 2, "*.example.com", "tcp/443");
	answer_a(bench, "www.example.com", "198.51.101.1", 60);
	drain(bench);
	assert_int_equal(store_count(bench->store), 3);
	fake_policy_init(&next);
	next.policy.group_count = 2;
	next.groups[1].name = "servers";
	fake_policy_add(&next, 1, "*.example.com", "tcp/443");
	snoop_set_policy(bench->snoop, &next.policy);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(store_count(bench->store), 1);
	assert_int_equal(store_find(bench->store, &key, &view), 0);
	assert_int_equal(view.key.group, 1);
	bench_free(bench);
}

static void test_adopt(void **state)
{
	struct bench *bench = bench_usual();
	struct element_key keys[6] = {
		key_of("198.51.101.1", 0, "tcp/443"), key_of("198.51.101.2", 0, "tcp/443"),
		key_of("198.51.101.3", 0, "tcp/443"), key_of("198.51.101.4", 0, "tcp/80"),
		key_of("198.51.101.5", 0, "tcp/443"), key_of("198.51.101.6", 0, "tcp/443"),
	};
	struct store_view view;

	(void)state;
	fake_table_put(bench->kernel, &keys[0], 130000, "www.example.com");
	fake_table_put(bench->kernel, &keys[1], 130000, "www.example.org"); /* not allowed any more */
	fake_table_put(bench->kernel, &keys[2], 130000, ""); /* an entry has that port */
	fake_table_put(bench->kernel, &keys[3], 130000, ""); /* none has that port */
	fake_table_put(bench->kernel, &keys[4], 20000, "www.example.com"); /* on the backstop already */
	fake_table_put(bench->kernel, &keys[5], 130000, "aaaaaaaaaaaaaaaaaaaaaa.example.c~");
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), 0);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(store_find(bench->store, &keys[0], &view), 0);
	assert_int_equal(monotime_until(bench->now, view.deadline), 100000);
	assert_int_equal(view.name_count, 1);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_true(open_443(bench, "198.51.101.3") > 0);
	assert_int_equal(open_for(bench, "198.51.101.4", 0, "tcp/80"), -ENOENT);
	assert_int_equal(store_find(bench->store, &keys[5], &view), 0);
	assert_int_equal(view.name_count, 0);
	snoop_tick(bench->snoop, bench->now);
	assert_int_equal(open_443(bench, "198.51.101.5"), -ENOENT);
	assert_int_equal(store_count(bench->store), 3);
	assert_int_equal(counters.elements_adopted, 6);
	fake_table_fail_dump(bench->kernel, -EINTR);
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), -EINTR);
	bench_free(bench);
}

/* The kernel does not tell what its sets hold: they are asked again each second, and nothing stays open without an owner. */
static void test_adopt_in_the_end(void **state)
{
	struct bench *bench = bench_new(8);
	struct element_key known = key_of("198.51.101.1", 0, "tcp/443"),
			   forbidden = key_of("198.51.101.2", 0, "tcp/443");
	struct adopt adopt = { .snoop = bench->snoop, .wanted = true };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	counters.adoptions_failed = 0;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	fake_table_put(bench->kernel, &known, 130000, "www.example.com");
	fake_table_put(bench->kernel, &forbidden, 130000, "www.example.org");
	for (int i = 0; i < 3; i++) {
		fake_table_fail_dump(bench->kernel, -ENOBUFS);
		assert_int_equal(adopt_tick(&adopt, bench->now), 1000);
		assert_true(adopt.wanted);
		bench->now = monotime_add(bench->now, 600);
		assert_int_equal(adopt_tick(&adopt, bench->now), 400);
		bench->now = monotime_add(bench->now, 400);
	}
	assert_int_equal(store_count(bench->store), 0);
	assert_int_equal(counters.adoptions_failed, 3);
	assert_int_equal(adopt_tick(&adopt, bench->now), -1);
	assert_false(adopt.wanted);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_true(open_443(bench, "198.51.101.1") > 0);
	assert_int_equal(open_443(bench, "198.51.101.2"), -ENOENT);
	assert_int_equal(adopt_tick(&adopt, monotime_add(bench->now, 100000)), -1);
	bench_free(bench);
}

/* More in the kernel than the limit allows: the rest is told, and not left without an owner. */
static void test_adopt_more_than_fits(void **state)
{
	struct bench *bench = bench_new(2);
	struct element_key keys[3] = { key_of("198.51.101.1", 0, "tcp/443"), key_of("198.51.101.2", 0, "tcp/443"),
				       key_of("198.51.101.3", 0, "tcp/443") };

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	for (size_t i = 0; i < 3; i++)
		fake_table_put(bench->kernel, &keys[i], 130000, "www.example.com");
	assert_int_equal(snoop_adopt(bench->snoop, bench->now), -EDQUOT);
	assert_int_equal(snoop_prune(bench->snoop, bench->now, NULL, NULL), 0);
	assert_int_equal(store_count(bench->store), 2);
	assert_int_equal(fake_table_count(bench->kernel), 2);
	bench_free(bench);
}

/* ---- what a kernel that judges answers itself is told ---- */

struct told {
	unsigned int derived, settled, known, forgotten;
	int64_t left, life;
	char name[DNS_NAME_TEXT_SIZE];
	bool settled_last; /* after every derived name */
};

static void told_derived(void *context, const struct dns_name *name, int64_t life_ms)
{
	struct told *told = context;

	told->derived++;
	told->settled_last = false;
	told->life = life_ms;
	dns_name_to_text(name, told->name);
}

static void told_settle(void *context)
{
	struct told *told = context;

	told->settled++;
	told->settled_last = true;
}

static void told_known(void *context, const uint8_t *message, size_t length, int64_t left_ms)
{
	struct told *told = context;

	assert_non_null(message);
	assert_true(length > 12);
	told->known++;
	told->left = left_ms;
}

static void told_forget(void *context)
{
	((struct told *)context)->forgotten++;
}

static struct snoop_assist assist_of(struct told *told)
{
	return (struct snoop_assist) { told, told_derived, told_settle, told_known, told_forget };
}

/* Known is what changed nothing, for as long as half of the grace more than its TTL is left. */
static void test_assist_known(void **state)
{
	struct bench *bench = bench_usual();
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	snoop_set_assist(bench->snoop, &assist);
	answer_a(bench, "www.example.com", "198.51.101.7", 600);
	answer_a(bench, "www.example.org", "198.51.101.8", 600);
	drain(bench);
	assert_int_equal(told.known, 0);
	advance(bench, 10000);
	answer_a(bench, "www.example.com", "198.51.101.7", 590);
	drain(bench);
	assert_int_equal(told.known, 1);
	assert_int_equal(told.left, 650000 - 30000);
	/* In the same drain as a change of the element, nobody knows how that ends. */
	answer_a(bench, "www.example.com", "198.51.101.7", 3600);
	answer_a(bench, "www.example.com", "198.51.101.7", 60);
	drain(bench);
	assert_true(told.known == 1 || told.left == 0);
	bench_free(bench);
}

/* An answer that another group would learn from is not known, whoever asked. */
static void test_assist_groups(void **state)
{
	struct bench *bench = bench_usual();
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	fake_policy_add(&bench->fake, 1, "www.example.com", "tcp/443");
	snoop_set_assist(bench->snoop, &assist);
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kiosks";
	fake_policy_set_groups(1);
	for (unsigned int i = 0; i < 2; i++) {
		answer_a(bench, "www.example.com", "198.51.101.7", 600);
		drain(bench);
	}
	assert_int_equal(told.known, 1);
	assert_true(told.left <= 0);
	bench_free(bench);
}

static void test_assist_derived(void **state)
{
	struct bench *bench = bench_usual();
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	snoop_set_assist(bench->snoop, &assist);
	for (unsigned int i = 0; i < 2; i++) {
		answer_cname(bench, "www.example.com", "edge.cdn.test", 30);
		drain(bench);
	}
	assert_int_equal(told.derived, 2);
	assert_true(told.settled_last);
	assert_string_equal(told.name, "edge.cdn.test");
	assert_int_equal(told.life, 30000 + LIMIT_DERIVED_EXTRA_MS);
	assert_int_equal(told.known, 0); /* it prolongs the derived name each time */
	advance(bench, 10000);
	snoop_tell_derived(bench->snoop, bench->now);
	assert_int_equal(told.derived, 3);
	assert_int_equal(told.life, 20000 + LIMIT_DERIVED_EXTRA_MS);
	bench_free(bench);
}

/* Before elements go early, and when an own address may have been given up. */
static void test_assist_forget(void **state)
{
	struct bench *bench = bench_new(2);
	struct told told = { 0 };
	const struct snoop_assist assist = assist_of(&told);

	(void)state;
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	snoop_set_assist(bench->snoop, &assist);
	answer_a(bench, "a.example.com", "198.51.101.1", 600);
	drain(bench);
	answer_a(bench, "b.example.com", "198.51.101.2", 600);
	drain(bench);
	assert_int_equal(told.forgotten, 0);
	answer_a(bench, "c.example.com", "198.51.101.3", 600);
	drain(bench);
	assert_int_equal(counters.elements_evicted, 1);
	assert_int_equal(told.forgotten, 1);
	assert_int_equal(snoop_set_own_addresses(bench->snoop, NULL, 0), 0);
	assert_int_equal(told.forgotten, 2);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_teaches),
		cmocka_unit_test(test_known_answer_costs_nothing),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_ttls),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_two_entries),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_reserved_and_own),
		cmocka_unit_test(test_what_cannot_teach),
		cmocka_unit_test(test_no_payload),
		cmocka_unit_test(test_tcp_answer),
		cmocka_unit_test(test_tcp_messages_in_one_segment),
		cmocka_unit_test(test_tcp_dropped),
		cmocka_unit_test(test_tcp_seen_in_the_middle),
		cmocka_unit_test(test_query_unasked),
		cmocka_unit_test(test_query_dropped),
		cmocka_unit_test(test_whole_drain_is_one_transaction),
		cmocka_unit_test(test_failed_transaction_drops),
		cmocka_unit_test(test_lost_answer_of_the_kernel),
		cmocka_unit_test(test_large_drain),
		cmocka_unit_test(test_drain_beyond_memory),
		cmocka_unit_test(test_full_and_no_deletions),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_and_exact_name),
		cmocka_unit_test(test_expired_ride_along),
		cmocka_unit_test(test_tick),
		cmocka_unit_test(test_tick_after_failure),
		cmocka_unit_test(test_tick_of_many),
		cmocka_unit_test(test_derived),
		cmocka_unit_test(test_derived_depth),
		cmocka_unit_test(test_derived_from_allowed_only),
		cmocka_unit_test(test_derived_rules),
		cmocka_unit_test(test_derived_rules_once),
		cmocka_unit_test(test_derived_reload),
		cmocka_unit_test(test_derived_restart),
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_prune_pauses),
		cmocka_unit_test(test_prune_fails),
		cmocka_unit_test(test_prune_many),
		cmocka_unit_test(test_prune_own),
		cmocka_unit_test(test_prune_private),
		cmocka_unit_test(test_groups_move),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_adopt_in_the_end),
		cmocka_unit_test(test_adopt_more_than_fits),
		cmocka_unit_test(test_assist_known),
		cmocka_unit_test(test_assist_groups),
		cmocka_unit_test(test_assist_derived),
		cmocka_unit_test(test_assist_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
