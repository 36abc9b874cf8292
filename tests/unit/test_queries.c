/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/queries.o dns/name.o base/counters.o base/hash.o base/ipaddr.o */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/queries.h"

#define A 1
#define AAAA 28

static const struct hash_key key = { 1, 2 };
static struct queries *queries;
static struct monotime now;

static int setup(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof(counters));
	now = (struct monotime) { 50000 };
	queries = queries_new(&key);
	assert_non_null(queries);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	queries_free(queries);
	return 0;
}

static struct queries_flow flow_of(const char *client, uint16_t port)
{
	struct queries_flow flow;

	memset(&flow, 0, sizeof(flow));
	assert_int_equal(ipaddr_from_text(client, &flow.client), 0);
	assert_int_equal(ipaddr_from_text(strchr(client, ':') ? "fd00:2::2" : "10.2.0.2", &flow.resolver), 0);
	flow.client_port = port;
	flow.resolver_port = 53;
	flow.l4proto = IPPROTO_UDP;
	return flow;
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

static void see(const struct queries_flow *flow, uint16_t id, uint16_t type, const char *text)
{
	struct dns_name name = name_of(text);
	struct queries_question question = { id, type, &name };

	queries_see(queries, flow, &question, now);
}

static enum queries_found answer_in(const struct queries_flow *flow, uint16_t id, uint16_t type, const char *text,
				    unsigned int packet)
{
	struct dns_name name = name_of(text);
	struct queries_question question = { id, type, &name };

	return queries_answer(queries, flow, &question, packet, now);
}

static enum queries_found answer(const struct queries_flow *flow, uint16_t id, uint16_t type, const char *text)
{
	enum queries_found found = answer_in(flow, id, type, text, 0);

	queries_settle(queries, 0);
	return found;
}

/* ---- what is believed ---- */

static void test_once(void **state)
{
	struct queries_flow flow = flow_of("10.1.0.9", 40000);

	(void)state;
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_UNASKED);
	see(&flow, 7, A, "www.example.net");
	assert_int_equal(queries_count(queries), 1);
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_REPEATED);
	see(&flow, 7, A, "www.example.net");
	assert_int_equal(queries_count(queries), 1);
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_REPEATED);
	/* Sent twice before the answer: still one. */
	see(&flow, 8, A, "www.example.net");
	see(&flow, 8, A, "www.example.net");
	assert_int_equal(answer(&flow, 8, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 8, A, "www.example.net"), QUERIES_REPEATED);
}

static void test_all_must_agree(void **state)
{
	struct queries_flow flow = flow_of("10.1.0.9", 40000), other[6];

	(void)state;
	see(&flow, 7, A, "www.example.net");
	assert_int_equal(answer(&flow, 8, A, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&flow, 7, AAAA, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&flow, 7, A, "ww.example.net"), QUERIES_UNASKED);
	for (int i = 0; i < 6; i++)
		other[i] = flow;
	other[0].client.bytes[3] = 10;
	other[1].resolver.bytes[3] = 9;
	other[2].client_port++;
	other[3].resolver_port++;
	other[4].l4proto = IPPROTO_TCP;
	other[5] = flow_of("fd00:1::9", 40000);
	for (int i = 0; i < 6; i++)
		assert_int_equal(answer(&other[i], 7, A, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_ASKED);
}

/* A, AAAA and HTTPS of one name by one socket, with one id or several, answered in any order. */
static void test_one_socket(void **state)
{
	struct queries_flow flow = flow_of("fd00:1::9", 40000);

	(void)state;
	see(&flow, 7, A, "www.example.net");
	see(&flow, 8, AAAA, "www.example.net");
	see(&flow, 7, 65, "www.example.net");
	see(&flow, 7, A, "b.example.net");
	assert_int_equal(answer(&flow, 8, AAAA, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 7, A, "b.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 8, A, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&flow, 7, 65, "www.example.net"), QUERIES_ASKED);
}

static void test_age(void **state)
{
	struct queries_flow flow = flow_of("10.1.0.9", 40000), other = flow_of("10.1.0.9", 40001);

	(void)state;
	see(&flow, 7, A, "www.example.net");
	now.msec += LIMIT_QUERY_MS - 1;
	see(&other, 7, A, "www.example.net");
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_ASKED);
	see(&flow, 7, A, "www.example.net");
	now.msec += LIMIT_QUERY_MS;
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&other, 7, A, "www.example.net"), QUERIES_UNASKED);
	/* Sent again with the same id: it waits again. */
	see(&flow, 7, A, "www.example.net");
	assert_int_equal(answer(&flow, 7, A, "www.example.net"), QUERIES_ASKED);
	/* Places of old ones come back without anybody asking for them. */
	for (uint16_t i = 0; i < 1000; i++) {
		struct queries_flow next = flow_of("10.1.0.9", (uint16_t)(1000 + i));

		now.msec += LIMIT_QUERY_MS / 100;
		see(&next, 7, A, "www.example.net");
	}
	assert_true(queries_count(queries) < 200);
	assert_int_equal(counters.queries_evicted, 0);
}

/* An answer that was dropped comes again. */
static void test_dropped(void **state)
{
	struct queries_flow flow = flow_of("10.1.0.9", 40000);

	(void)state;
	for (uint16_t id = 0; id < 4; id++)
		see(&flow, id, A, "www.example.net");
	for (unsigned int id = 0; id < 4; id++)
		assert_int_equal(answer_in(&flow, (uint16_t)id, A, "www.example.net", 60 + id), QUERIES_ASKED);
	queries_settle(queries, UINT64_C(5) << 60);
	assert_int_equal(answer_in(&flow, 0, A, "www.example.net", 60), QUERIES_ASKED);
	assert_int_equal(answer_in(&flow, 1, A, "www.example.net", 61), QUERIES_REPEATED);
	assert_int_equal(answer_in(&flow, 2, A, "www.example.net", 61), QUERIES_ASKED);
	queries_settle(queries, UINT64_C(1) << 60);
	/* What an earlier drain settled stays. */
	queries_settle(queries, UINT64_MAX);
	assert_int_equal(answer(&flow, 3, A, "www.example.net"), QUERIES_REPEATED);
	assert_int_equal(answer(&flow, 2, A, "www.example.net"), QUERIES_REPEATED);
	assert_int_equal(answer(&flow, 0, A, "www.example.net"), QUERIES_ASKED);
}

/* Who tries all ids finds nothing; the client's next query is worth an answer again. */
static void test_guessing(void **state)
{
	struct queries_flow flow = flow_of("10.1.0.9", 40000), other = flow_of("10.1.0.9", 40001);
	unsigned int believed = 0;

	(void)state;
	see(&flow, 40000, A, "www.example.net");
	see(&flow, 40001, AAAA, "www.example.net");
	see(&other, 40000, A, "www.example.net");
	for (unsigned int id = 0; id < 65536; id++)
		believed += answer(&flow, (uint16_t)id, A, "www.example.net") == QUERIES_ASKED;
	assert_int_equal(believed, 0);
	assert_int_equal(counters.queries_spoiled, 2);
	assert_int_equal(answer(&flow, 40001, AAAA, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&other, 40000, A, "www.example.net"), QUERIES_ASKED);
	see(&flow, 40000, A, "www.example.net");
	for (unsigned int id = 0; id < LIMIT_QUERY_MISSES - 1; id++)
		assert_int_equal(answer(&flow, (uint16_t)id, A, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&flow, 40000, A, "www.example.net"), QUERIES_ASKED);
	/* Repeated answers are no guesses. */
	see(&flow, 9, A, "www.example.net");
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(answer(&flow, 40000, A, "www.example.net"), QUERIES_REPEATED);
	assert_int_equal(answer(&flow, 9, A, "www.example.net"), QUERIES_ASKED);
}

static void test_older_flows(void **state)
{
	struct queries_flow old = flow_of("10.1.0.9", 40000), new = flow_of("10.1.0.9", 40001);

	(void)state;
	queries_begin(queries, now);
	see(&new, 7, A, "www.example.net");
	assert_int_equal(answer(&old, 7, A, "www.example.net"), QUERIES_OLDER_FLOW);
	assert_int_equal(answer(&new, 8, A, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&new, 7, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&new, 8, A, "www.example.net"), QUERIES_UNASKED);
	now.msec += LIMIT_QUERY_MS;
	assert_int_equal(answer(&old, 7, A, "www.example.net"), QUERIES_UNASKED);
}

/* ---- limits ---- */

static void test_flow_limit(void **state)
{
	struct queries_flow flow = flow_of("10.1.0.9", 40000);

	(void)state;
	for (unsigned int id = 0; id < LIMIT_QUERIES_FLOW; id++) {
		now.msec++;
		see(&flow, (uint16_t)id, A, "www.example.net");
	}
	/* An answered one goes first, then the oldest. */
	assert_int_equal(answer(&flow, 50, A, "www.example.net"), QUERIES_ASKED);
	see(&flow, 1000, A, "www.example.net");
	assert_int_equal(counters.queries_evicted, 0);
	assert_int_equal(queries_count(queries), LIMIT_QUERIES_FLOW);
	see(&flow, 0, A, "www.example.net"); /* again: now 1 is the oldest */
	see(&flow, 1001, A, "www.example.net");
	assert_int_equal(counters.queries_evicted, 1);
	assert_int_equal(queries_count(queries), LIMIT_QUERIES_FLOW);
	assert_int_equal(answer(&flow, 1, A, "www.example.net"), QUERIES_UNASKED);
	assert_int_equal(answer(&flow, 0, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 2, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&flow, 1001, A, "www.example.net"), QUERIES_ASKED);
}

/* A client that floods, from all ports that it has, forgets its own queries. */
static void flooded_by(const char *first, const char *second)
{
	struct queries_flow quiet = flow_of(first, 40000), noisy = flow_of(second, 0);

	for (uint16_t id = 0; id < 20; id++)
		see(&quiet, id, A, "www.example.net");
	for (unsigned int i = 0; i < 3 * LIMIT_QUERIES; i++) {
		noisy.client_port = (uint16_t)i;
		if (noisy.client.family == IPADDR_V6)
			memcpy(&noisy.client.bytes[12], &i, sizeof(i));
		see(&noisy, (uint16_t)(i >> 16), A, "x.example.net");
	}
	assert_int_equal(queries_count(queries), LIMIT_QUERIES);
	assert_int_equal(counters.queries_evicted, 2 * LIMIT_QUERIES + 20);
	for (uint16_t id = 0; id < 20; id++)
		assert_int_equal(answer(&quiet, id, A, "www.example.net"), QUERIES_ASKED);
	assert_int_equal(answer(&noisy, 0, A, "x.example.net"), QUERIES_ASKED); /* its latest */
}

static void test_flood(void **state)
{
	(void)state;
	flooded_by("10.1.0.9", "10.1.0.10");
}

/* An address of IPv6 costs nothing: its network counts. */
static void test_flood6(void **state)
{
	(void)state;
	flooded_by("fd00:1::9", "fd00:1:0:1::9");
}

/* Many that flood: who holds little keeps it. Answered ones are no burden. */
static void test_floods(void **state)
{
	struct queries_flow quiet = flow_of("10.1.0.9", 40000), noisy = flow_of("10.9.0.0", 1);

	(void)state;
	for (uint16_t id = 0; id < 10; id++)
		see(&quiet, id, A, "www.example.net");
	for (unsigned int i = 0; i < 2 * LIMIT_QUERIES; i++) {
		noisy.client.bytes[3] = (uint8_t)i;
		noisy.client_port = (uint16_t)(i >> 8);
		see(&noisy, 7, A, "x.example.net");
	}
	for (uint16_t id = 0; id < 10; id++)
		assert_int_equal(answer(&quiet, id, A, "www.example.net"), QUERIES_ASKED);
	counters.queries_evicted = 0;
	for (uint16_t id = 0; id < 10; id++)
		see(&quiet, (uint16_t)(100 + id), A, "www.example.net");
	assert_int_equal(counters.queries_evicted, 0);
	assert_int_equal(queries_count(queries), LIMIT_QUERIES);
}

/* ---- chance, against a list that is searched from end to end ---- */

#define MODEL 4096
struct entry {
	struct queries_flow flow;
	uint16_t id, type;
	int name;
	int64_t seen;
	bool answered;
};
static struct entry model[MODEL];
static size_t model_count;

static struct entry *model_find(const struct entry *like)
{
	for (size_t i = 0; i < model_count; i++)
		if (memcmp(&model[i].flow, &like->flow, sizeof(like->flow)) == 0 && model[i].id == like->id &&
		    model[i].type == like->type && model[i].name == like->name)
			return &model[i];
	return NULL;
}

static void test_chance(void **state)
{
	static const char *const names[] = { "a.example.net", "b.example.net", "www.example.com" };
	unsigned int seed = 11, asked = 0;

	(void)state;
	model_count = 0;
	for (int step = 0; step < 60000; step++) {
		struct entry one = { .flow = flow_of("10.1.0.1", 40000) }, *found;
		enum queries_found want = QUERIES_UNASKED;

		one.flow.client.bytes[3] = (uint8_t)(rand_r(&seed) % 4);
		one.flow.client_port = (uint16_t)(rand_r(&seed) % 3);
		one.id = (uint16_t)(rand_r(&seed) % 8);
		one.type = rand_r(&seed) % 2 ? A : AAAA;
		one.name = rand_r(&seed) % 3;
		one.seen = now.msec;
		found = model_find(&one);
		if (rand_r(&seed) % 2) {
			see(&one.flow, one.id, one.type, names[one.name]);
			if (!found)
				found = &model[model_count++];
			*found = one;
		} else if (found && now.msec - found->seen < LIMIT_QUERY_MS) {
			/* Guesses spoil, and the model does not: only what was asked is answered here. */
			want = found->answered ? QUERIES_REPEATED : QUERIES_ASKED;
			assert_int_equal(answer(&one.flow, one.id, one.type, names[one.name]), want);
			found->answered = true;
			asked += want == QUERIES_ASKED;
		}
		now.msec += rand_r(&seed) % 100;
	}
	assert_int_equal(counters.queries_evicted + counters.queries_spoiled, 0);
	assert_true(asked > 1000);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_once),    CASE(test_all_must_agree), CASE(test_one_socket),  CASE(test_age),
		CASE(test_dropped), CASE(test_guessing),       CASE(test_older_flows), CASE(test_flow_limit),
		CASE(test_flood),   CASE(test_flood6),         CASE(test_floods),      CASE(test_chance),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
