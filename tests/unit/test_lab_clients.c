/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: lab/mix.o lab/plan.o lab/responder.o lab/sources.o lab/stub.o lab/tally.o lab/timers.o */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scripts/lab.d/mix.h"
#include "scripts/lab.d/plan.h"
#include "scripts/lab.d/responder.h"
#include "scripts/lab.d/sources.h"
#include "scripts/lab.d/stub.h"
#include "scripts/lab.d/tally.h"
#include "scripts/lab.d/timers.h"

#define DRAWS 100000

static char error[MIX_LINE];

static struct mix *read_text(const char *text, double zipf)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	struct mix *mix = mix_read(file, "names", zipf, error);

	fclose(file);
	return mix;
}

/* ---- names ---- */

static void names_are_read(void **state)
{
	struct mix *mix = read_text("# comment\n\nallowed 443 a{8-10}.example.net 60>b{8-10}.cdn.net 5=2/4 # end\n"
				    "other 80 www.example.org 30=1/1+6\nallowed 443 c.example.net 7>b9.cdn.net 5=2/4\n",
				    1);
	const struct mix_name *nine, *shared;

	(void)state;
	assert_non_null(mix);
	assert_int_equal(mix_count(mix), 5);
	assert_null(mix_find(mix, "a{8-10}.example.net"));
	nine = mix_find(mix, "A9.Example.NET");
	assert_non_null(nine);
	assert_int_equal(nine->step_count, 2);
	assert_string_equal(nine->steps[1].owner, "b9.cdn.net");
	assert_int_equal(nine->steps[0].ttl, 60);
	assert_int_equal(nine->steps[1].ttl, 5);
	assert_true(nine->allowed);
	/* Two names that lead to one have its addresses; others have others. */
	shared = mix_find(mix, "c.example.net");
	assert_int_equal(shared->pool, nine->pool);
	assert_int_not_equal(mix_find(mix, "a10.example.net")->pool, nine->pool);
	assert_false(mix_find(mix, "www.example.org")->allowed);
	assert_true(mix_find(mix, "www.example.org")->six);
	mix_free(mix);
}

static void addresses_are_apart(void **state)
{
	struct mix *mix =
		read_text("allowed 443 a.net 5=2/1000\nother 443 b.net 5=2/1000\nallowed 443 c.net 5=2/1000\n", 1);
	struct in6_addr a = mix_address(mix_name(mix, 0), 999, false), b = mix_address(mix_name(mix, 1), 999, false),
			c = mix_address(mix_name(mix, 2), 0, false), again = mix_address(mix_name(mix, 0), 1999, false);

	(void)state;
	assert_memory_equal(a.s6_addr + 10, "\xff\xff\x17\x20\x03\xe7", 6); /* 23.32.3.231 */
	assert_memory_equal(b.s6_addr + 10, "\xff\xff\x68\x10\x03\xe7", 6); /* 104.16.3.231 */
	assert_memory_equal(c.s6_addr + 10, "\xff\xff\x17\x20\x03\xe8", 6); /* the next one */
	assert_memory_equal(&a, &again, sizeof(a));
	mix_free(mix);
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "names:0: no name; right would be" },
		{ "allowed 443 a.net\n", "names:1: right would be: allowed|other PORT NAME" },
		{ "\nsome 443 a.net 5=1/1\n", "names:2: right would be" },
		{ "other 0 a.net 5=1/1\n", "names:1: `0` should be a TCP port" },
		{ "other 65536 a.net 5=1/1\n", "`65536` should be a TCP port" },
		{ "other 443 a.net 5=2/1\n",
		  "`5=2/1` should be TTL=SHOWN/POOL, with at most 16 shown of at most 1024" },
		{ "other 443 a.net 5=17/20\n", "`5=17/20` should be" },
		{ "other 443 a.net 5=0/1\n", "`5=0/1` should be" },
		{ "other 443 a.net 5=1/1025\n", "`5=1/1025` should be" },
		{ "other 443 a.net 2147483648=1/1\n", "`2147483648=1/1` should be" },
		{ "other 443 a.net b.net 5=1/1\n", "`b.net` should be TTL>TARGET" },
		{ "other 443 a..net 5=1/1\n", "`a..net` is no name of a host" },
		{ "other 443 a.net 5>b{1-2}.net 5=1/1\n", "`b{1-2}.net`: one range {LOW-HIGH}" },
		{ "other 443 a{2-1}.net 5=1/1\n", "`a{2-1}.net`: one range" },
		{ "other 443 a{1-2}.net 5>b{1-3}.net 5=1/1\n", "`b{1-3}.net`: one range" },
		{ "other 443 a.net 5=1/1\nother 443 A.net 5=1/1\n", "names:2: A.net stands here twice" },
		{ "other 443 a.net 5>c.net 5=1/1\nallowed 443 b.net 5>c.net 5=1/1\n",
		  "names:2: c.net has other addresses" },
		{ "other 443 n{0-65536}.net 5=1/1\n", "names:1: more than 65536 names" },
		{ "other 443 n{1-2000}.net 5=1/1024\n", "more than 1048576 addresses" },
		{ "other 443 a.net 1>a1.net 1>a2.net 1>a3.net 1>a4.net 1>a5.net 1>a6.net 1>a7.net 1>a8.net 1>a9.net "
		  "5=1/1\n",
		  "names:1: more than 8 targets" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *file = cases[i].text[0] ? fmemopen((void *)cases[i].text, strlen(cases[i].text), "r")
					      : fopen("/dev/null", "r");

		assert_null(mix_read(file, "names", 1, error));
		fclose(file);
		if (!strstr(error, cases[i].want))
			fail_msg("%s: `%s`, want `%s`", cases[i].text, error, cases[i].want);
	}
}

static void long_lines_are_told(void **state)
{
	char text[MIX_LINE * 2];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_null(read_text(text, 1));
	assert_non_null(strstr(error, "names:1: a line of more than 1022 characters"));
}

/* ---- chance ---- */

static void draws_follow_zipf(void **state)
{
	struct mix *mix =
		read_text("allowed 443 a.net 5=1/1\nother 443 b{1-4}.net 5=1/1\nallowed 443 c.net 5=1/1\n", 1);
	unsigned int counts[6] = { 0 };
	uint64_t chance = mix_seed(7, 0);

	(void)state;
	for (int i = 0; i < DRAWS; i++)
		counts[mix_choose(mix, &chance)]++;
	/* 1 : 1/2 : 1/3, and each of four a fourth of the second. */
	assert_in_range(counts[0], 53500, 55500);
	assert_in_range(counts[5], 17200, 19200);
	for (int i = 1; i <= 4; i++)
		assert_in_range(counts[i], 6300, 7300);
	mix_free(mix);
}

static void draws_repeat(void **state)
{
	uint64_t one = mix_seed(7, 3), same = mix_seed(7, 3), other = mix_seed(8, 3), neighbour = mix_seed(7, 4);

	(void)state;
	assert_int_equal(mix_random(&one), mix_random(&same));
	assert_true(one != other && one != neighbour && mix_random(&other) != mix_random(&neighbour));
}

static void pauses_are_exponential(void **state)
{
	uint64_t chance = mix_seed(1, 1);
	double sum = 0;
	int longer = 0;

	(void)state;
	for (int i = 0; i < DRAWS; i++) {
		double pause = mix_pause(&chance, 20);

		assert_true(pause >= 0 && isfinite(pause));
		sum += pause;
		longer += pause > 60;
	}
	assert_true(fabs(sum / DRAWS - 20) < 0.3);
	assert_in_range(longer, 4700, 5300); /* e^-3 */
}

/* ---- the device ---- */

static void stub_remembers(void **state)
{
	struct stub stub = { 0 };
	struct in6_addr address = { .s6_addr = { 1 } }, other = { .s6_addr = { 2 } };

	(void)state;
	assert_null(stub_find(&stub, 0, 0));
	stub_keep(&stub, 0, &address, 100, 100);
	assert_null(stub_find(&stub, 0, 100)); /* a TTL of 0 */
	stub_keep(&stub, 0, &address, 200, 100);
	assert_memory_equal(stub_find(&stub, 0, 199), &address, sizeof(address));
	assert_null(stub_find(&stub, 0, 200));
	stub_keep(&stub, 0, &other, 300, 200);
	assert_memory_equal(stub_find(&stub, 0, 299), &other, sizeof(other));
}

static void stub_is_bounded(void **state)
{
	struct stub stub = { 0 };
	struct in6_addr address = { .s6_addr = { 1 } };

	(void)state;
	/* Name 5 ends first. */
	for (uint32_t i = 0; i < STUB_ENTRIES; i++)
		stub_keep(&stub, i, &address, i == 5 ? 50 : 100 + i, 0);
	stub_keep(&stub, 999, &address, 80, 0);
	assert_null(stub_find(&stub, 5, 0));
	assert_non_null(stub_find(&stub, 999, 0));
	assert_non_null(stub_find(&stub, 0, 0));
}

/* ---- questions and answers ---- */

static const char *const zone =
	"allowed 443 www.example.net 60>a.cdn.net 100>b.cdn.net 20=2/5+6\nallowed 443 short.example.net 0=1/3\n"
	"other 443 four.example.net 300=16/16\n";

static int ask(const struct mix *mix, const char *name, uint16_t type, uint32_t now, struct stub_answer *out)
{
	uint8_t question[STUB_QUESTION], answer[RESPONDER_ANSWER];
	size_t length = stub_question(question, 4711, name, type);

	assert_true(length > 0);
	length = responder_answer(mix, question, length, now, answer);
	assert_true(length > 0);
	/* Whatever is cut off: an error, and never an octet behind the end. */
	for (size_t cut = 0; cut < length; cut++) {
		struct stub_answer none = { .rcode = 99 };

		assert_int_not_equal(stub_answer(answer, cut, 4711, type, &none), 0);
		assert_int_equal(none.rcode, 99);
	}
	assert_int_equal(stub_answer(answer, length, 4712, type, out), -ENOMSG);
	return stub_answer(answer, length, 4711, type, out);
}

static void answers_are_as_a_cache_gives_them(void **state)
{
	struct mix *mix = read_text(zone, 1);
	const struct mix_name *name = mix_find(mix, "www.example.net");
	unsigned int lives = 0;
	struct stub_answer before = { 0 }, answer;

	(void)state;
	for (uint32_t now = 1000; now < 1200; now++) {
		assert_int_equal(ask(mix, "WWW.example.net", STUB_A, now, &answer), 0);
		assert_int_equal(answer.rcode, 0);
		assert_int_equal(answer.count, 2);
		assert_in_range(answer.ttl, 1, 20);
		/* Its addresses are its pool's; within a life they stay. */
		for (unsigned int i = 0; i < answer.count; i++) {
			bool known = false;

			for (uint32_t place = 0; place < name->pool_size; place++) {
				struct in6_addr one = mix_address(name, place, false);

				known = known || memcmp(&one, &answer.addresses[i], sizeof(one)) == 0;
			}
			assert_true(known);
		}
		lives += now > 1000 && memcmp(&answer.addresses[0], &before.addresses[0], sizeof(struct in6_addr)) != 0;
		before = answer;
	}
	/* Ten lives of 20 s, each with one of five. */
	assert_in_range(lives, 3, 10);
	mix_free(mix);
}

static void answers_of_other_kinds(void **state)
{
	struct mix *mix = read_text(zone, 1);
	struct stub_answer answer;

	(void)state;
	assert_int_equal(ask(mix, "www.example.net", STUB_AAAA, 5, &answer), 0);
	assert_int_equal(answer.count, 2);
	assert_memory_equal(&answer.addresses[0], "\x2a\x02\x26\xf0", 4);
	assert_int_equal(ask(mix, "four.example.net", STUB_AAAA, 5, &answer), 0);
	assert_int_equal(answer.count, 0);
	assert_int_equal(ask(mix, "four.example.net", STUB_A, 5, &answer), 0);
	assert_int_equal(answer.count, 16);
	assert_int_equal(ask(mix, "short.example.net", STUB_A, 5, &answer), 0);
	assert_int_equal(answer.ttl, 0);
	assert_int_equal(ask(mix, "nowhere.example.net", STUB_A, 5, &answer), 0);
	assert_int_equal(answer.rcode, 3);
	mix_free(mix);
}

static void bad_questions_get_none(void **state)
{
	static const char *const wires[] = {
		"\0\1\1\0\0\1\0\0\0\0\0\0", /* no name */
		"\0\1\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1", /* two questions */
		"\0\1\x81\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", /* an answer */
		"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", /* a pointer to itself */
		"\0\1\1\0\0\1\0\0\0\0\0\0\x3fz\0\0\1\0\1", /* a label beyond the end */
		"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\3", /* another class */
	};
	static const size_t lengths[] = { 12, 19, 19, 18, 19, 19 };
	struct mix *mix = read_text(zone, 1);
	uint8_t answer[RESPONDER_ANSWER];

	(void)state;
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
		assert_int_equal(responder_answer(mix, (const uint8_t *)wires[i], lengths[i], 1, answer), 0);
	mix_free(mix);
}

static void bad_names_are_no_question(void **state)
{
	uint8_t question[STUB_QUESTION];
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	assert_int_equal(stub_question(question, 1, name, STUB_A), 0);
	assert_int_equal(stub_question(question, 1, "a..b", STUB_A), 0);
	assert_int_equal(stub_question(question, 1, "", STUB_A), 0);
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[253] = '\0';
	assert_int_not_equal(stub_question(question, 1, name, STUB_A), 0);
	name[253] = '.';
	name[255] = '\0';
	assert_int_equal(stub_question(question, 1, name, STUB_A), 0);
}

/* ---- times ---- */

static void times_are_tallied(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	assert_int_equal(tally_part(&tally, 0.5), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		tally_see(&tally, i);
	assert_in_range(tally_part(&tally, 0.5), 500, 563);
	assert_in_range(tally_part(&tally, 0.99), 990, 1000);
	assert_int_equal(tally_part(&tally, 1), 1000);
	tally_see(&tally, UINT64_MAX);
	assert_int_equal(tally.most, UINT64_MAX);
	for (size_t i = 1; i < TALLY_STEPS; i++)
		assert_true(tally_end(i) > tally_end(i - 1));
}

/* ---- what is due when ---- */

/* Timers that are set; none of them is due before the first. */
static uint32_t count_set(const struct timers *timers, const struct timer *all, int count)
{
	const struct timer *first = timers_first(timers);
	uint32_t set = 0;

	for (int i = 0; i < count; i++)
		if (all[i].place) {
			assert_true(first->at <= all[i].at);
			set++;
		}
	return set;
}

static void timers_come_in_order(void **state)
{
	enum { MOST = 200 };
	static struct timer all[MOST];
	struct timers timers;
	struct timer *first;
	uint64_t chance = mix_seed(7, 0);
	uint32_t set;

	(void)state;
	assert_int_equal(timers_init(&timers, MOST), 0);
	assert_null(timers_first(&timers));
	/* Set, set anew to be earlier or later, and stopped, in any order. */
	for (int i = 0; i < 20 * MOST; i++) {
		struct timer *timer = &all[mix_random(&chance) % MOST];

		if (mix_random(&chance) % 4)
			timers_set(&timers, timer, (int64_t)(mix_random(&chance) % 1000));
		else
			timers_stop(&timers, timer);
		assert_int_equal(count_set(&timers, all, MOST), timers.count);
	}
	assert_in_range(timers.count, MOST / 2, MOST - 1);
	for (set = timers.count; (first = timers_first(&timers)); set--) {
		assert_int_equal(count_set(&timers, all, MOST), set);
		timers_stop(&timers, first);
	}
	assert_int_equal(set, 0);
	timers_free(&timers);
}

/* A sum over who wants what when, counted from the beginning; and how many wants there were. */
static uint64_t plan_sum(const struct options *options, const struct mix *mix, int64_t began, unsigned int *count)
{
	struct timers timers;
	struct timer *timer;
	struct plan plan;
	uint64_t sum = 0;

	assert_int_equal(timers_init(&timers, options->clients), 0);
	assert_int_equal(plan_init(&plan, options, mix, &timers, began), 0);
	for (*count = 0; (timer = timers_first(&timers)); ++*count) {
		int64_t at = timer->at - began;
		uint32_t name, client = plan_due(&plan, timer, &name);

		assert_true(at >= 0 && at < 30 * TIMERS_SECOND && client < options->clients && name < mix_count(mix));
		sum = sum * 31 + (((uint64_t)at * 64 + client) * 64 + name);
	}
	assert_int_equal(plan.waiting, 0);
	plan_free(&plan);
	timers_free(&timers);
	return sum;
}

static void plans_follow_from_the_seed(void **state)
{
	struct options options = { .clients = 50, .seed = 7, .seconds = 30, .think = 1 };
	struct mix *mix = read_text("allowed 443 a{1-9}.net 5=1/1\nother 443 b.net 5=1/1\n", 1);
	unsigned int count, again, other;
	uint64_t sum = plan_sum(&options, mix, 0, &count);

	(void)state;
	assert_in_range(count, 1350, 1650);
	assert_int_equal(plan_sum(&options, mix, 5 * TIMERS_SECOND, &again), sum);
	assert_int_equal(again, count);
	options.seed = 8;
	assert_int_not_equal(plan_sum(&options, mix, 0, &other), sum);
	mix_free(mix);
}

static void plans_stop(void **state)
{
	struct options options = { .clients = 50, .seed = 7, .seconds = 30, .think = 1 };
	struct mix *mix = read_text("allowed 443 a.net 5=1/1\n", 1);
	struct timers timers;
	struct plan plan;

	(void)state;
	assert_int_equal(timers_init(&timers, options.clients), 0);
	assert_int_equal(plan_init(&plan, &options, mix, &timers, 0), 0);
	assert_in_range(plan.waiting, 45, 50);
	assert_int_equal(timers.count, plan.waiting);
	plan_stop(&plan);
	assert_int_equal(plan.waiting, 0);
	assert_null(timers_first(&timers));
	plan_free(&plan);
	timers_free(&timers);
	mix_free(mix);
}

/* ---- addresses ---- */

static void text_of(const struct sources *sources, uint32_t client, const char *to, const char *expected)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr other, own;

	assert_int_equal(inet_pton(AF_INET6, to ? to : "::", &other), 1);
	own = sources_address(sources, client, to ? &other : NULL);
	sources_text(&own, text);
	assert_string_equal(text, expected);
}

static void clients_have_addresses(void **state)
{
	struct sources sources = { .has_four = true, .has_six = true };

	(void)state;
	inet_pton(AF_INET6, "::ffff:10.64.255.254", &sources.four);
	inet_pton(AF_INET6, "2001:db8::ff", &sources.six);
	text_of(&sources, 0, NULL, "10.64.255.254");
	text_of(&sources, 2, NULL, "10.65.0.0");
	text_of(&sources, 2, "::ffff:192.0.2.1", "10.65.0.0");
	text_of(&sources, 1, "2001:db8:1::1", "2001:db8::100");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(addresses_are_apart),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(long_lines_are_told),
		cmocka_unit_test(draws_follow_zipf),
		cmocka_unit_test(draws_repeat),
		cmocka_unit_test(pauses_are_exponential),
		cmocka_unit_test(stub_remembers),
		cmocka_unit_test(stub_is_bounded),
		cmocka_unit_test(answers_are_as_a_cache_gives_them),
		cmocka_unit_test(answers_of_other_kinds),
		cmocka_unit_test(bad_questions_get_none),
		cmocka_unit_test(bad_names_are_no_question),
		cmocka_unit_test(times_are_tallied),
		cmocka_unit_test(timers_come_in_order),
		cmocka_unit_test(plans_follow_from_the_seed),
		cmocka_unit_test(plans_stop),
		cmocka_unit_test(clients_have_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
