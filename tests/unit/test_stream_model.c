/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/stream/world.o */
/* LINK: dns/stream.o dns/stream_flow.o base/counters.o base/hash.o */
/* Chance against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/stream.h"
#include "tests/unit/stream/world.h"

#define MODEL_OCTETS 4000
#define NOBODY (-1)
#define LONG_AGO 1000

/* Each octet with who brought it, kept for ever. What is readable is found anew each time from the beginning. */
struct model {
	int owner[MODEL_OCTETS];
	size_t read; /* the messages before it were handed out */
	size_t safe; /* the same, by segments that were not dropped: never read again */
	struct {
		size_t from, to;
	} segments[LIMIT_DRAIN_PACKETS];
	unsigned int count;
	uint64_t reported; /* packets that made a message readable */
};

static unsigned int random_below(unsigned int *seed, unsigned int limit)
{
	return (unsigned int)rand_r(seed) % limit;
}

/* The end of the message at `at` if all of it is there, else 0. */
static size_t model_message(const struct model *m, size_t at)
{
	size_t end = at + 2;

	if (end > world.server.length || m->owner[at] == NOBODY || m->owner[at + 1] == NOBODY)
		return 0;
	end += (size_t)(world.server.octets[at] << 8 | world.server.octets[at + 1]);
	for (size_t i = at; i < end; i++)
		if (m->owner[i] == NOBODY)
			return 0;
	return end;
}

static unsigned int model_read(const struct model *m, size_t *at)
{
	unsigned int count = 0;

	for (size_t end = model_message(m, *at); end; end = model_message(m, *at)) {
		*at = end;
		count++;
	}
	return count;
}

/* One random segment near what is missing, sometimes again what was there, and then with another content. */
static void random_segment(struct model *m, unsigned int *seed)
{
	size_t from, to;
	bool known = true;
	unsigned int count;
	uint8_t octets[MODEL_OCTETS];

	for (from = 0; from < world.server.length && m->owner[from] != NOBODY; from++)
		;
	from = from > 40 ? from - random_below(seed, 40) : from;
	from += random_below(seed, 3) ? 0 : random_below(seed, 200);
	from = from < world.server.length ? from : world.server.length - 1;
	to = from + random_below(seed, random_below(seed, 2) ? 30 : 400);
	to = to < world.server.length ? to : world.server.length;
	memcpy(octets, world.server.octets, world.server.length);
	for (size_t i = from; i < to; i++)
		known &= m->owner[i] != NOBODY;
	for (size_t i = from; i < to; i++) {
		octets[i] ^= known ? 0x55 : 0;
		if (m->owner[i] == NOBODY)
			m->owner[i] = (int)m->count;
	}
	m->segments[m->count].from = from;
	m->segments[m->count].to = to;
	count = model_read(m, &m->read);
	m->reported |= (uint64_t)(count > 0) << m->count;
	m->count++;
	assert_int_equal(
		world_feed(&world.server, world.server.first + (uint32_t)from, PACKET_ACK, octets + from, to - from),
		count);
}

/* What must go: the dropped ones and those that hold octets of dropped ones; who brought what stays as it was. */
static uint64_t model_drop(const struct model *m, uint64_t dropped)
{
	for (unsigned int p = 0; p < m->count; p++)
		for (size_t i = m->segments[p].from; i < m->segments[p].to; i++)
			if (i >= m->safe && m->owner[i] != LONG_AGO && dropped >> m->owner[i] & 1)
				dropped |= UINT64_C(1) << p;
	return dropped;
}

static void random_drain(struct model *m, unsigned int *seed)
{
	uint64_t dropped = 0;

	m->count = 0;
	m->reported = 0;
	m->read = m->safe;
	for (unsigned int n = random_below(seed, 12); n > 0; n--)
		random_segment(m, seed);
	for (unsigned int p = 0; p < m->count; p++)
		if (m->reported >> p & 1 && random_below(seed, 3) == 0)
			dropped |= UINT64_C(1) << p;
	assert_int_equal(world_settle(dropped), model_drop(m, dropped));
	dropped = model_drop(m, dropped);
	for (size_t i = 0; i < world.server.length; i++)
		if (m->owner[i] != NOBODY && m->owner[i] != LONG_AGO)
			m->owner[i] = dropped >> m->owner[i] & 1 ? NOBODY : LONG_AGO;
	world_assert_got(&world.server, m->safe, world.got.count);
	model_read(m, &m->safe);
}

static void chance_against_a_model(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	static struct model m;

	(void)state;
	print_message("# seed %u\n", seed);
	for (unsigned int round = 0; round < 1500; round++) {
		world_begin(&world.server, (uint32_t)rand_r(&seed) * 3, (uint16_t)(40000 + round % 3));
		while (world.server.length < MODEL_OCTETS - 700)
			world_says(&world.server, random_below(&seed, random_below(&seed, 4) ? 60 : 600));
		m.safe = 0;
		for (size_t i = 0; i < MODEL_OCTETS; i++)
			m.owner[i] = NOBODY;
		while (m.safe < world.server.length)
			random_drain(&m, &seed);
		assert_int_equal(stream_octets(world.table), 0);
	}
	assert_int_equal(counters.tcp_flows_lost + counters.tcp_messages_skipped + counters.tcp_messages_let_go, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(chance_against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
