/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The eBPF program's table on the real kernel: full, filled anew, and with the largest policy. Needs root. */
/* LINK: netfilter/assist.o netfilter/assist_filter.o netfilter/assist_module.o netfilter/ebpf.o netfilter/filter_object.o */
/* LINK: netfilter/nlsock.o kmod-optional/fqdn_parse.o kmod-optional/fqdn_pattern.o base/hash.o base/counters.o dns/name.o dns/wire.o */
/* LIBS: libmnl */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/limits.h"
#include "netfilter/assist.h"

struct world {
	struct assist_filter *filter;
	struct assist *assist;
	struct policy policy;
	struct config config;
	struct policy_rule *rules;
	char (*texts)[24];
};

static int prepare(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	const char *why = "";

	*state = world;
	if (assist_filter_open(&world->filter, &why) < 0)
		print_message("# %s\n", why);
	world->policy.rules = world->rules = calloc(LIMIT_PATTERNS, sizeof(*world->rules));
	world->texts = calloc(LIMIT_PATTERNS, sizeof(*world->texts));
	for (unsigned int i = 0; i < LIMIT_PATTERNS; i++) {
		snprintf(world->texts[i], sizeof(world->texts[i]), "n%u.example.net", i);
		world->rules[i].pattern = world->texts[i];
	}
	world->policy.config = &world->config;
	if (world->filter)
		assert_int_equal(assist_open("unit", world->filter, &world->assist, &why), 0);
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	assist_close(world->assist);
	assist_filter_close(world->filter);
	free(world->rules);
	free(world->texts);
	free(world);
	return 0;
}

static struct world *usable(void **state)
{
	struct world *world = *state;

	if (!world->assist || !assist_programs(world->assist))
		skip();
	return world;
}

static void load(struct world *world, size_t rules)
{
	const char *why = "";

	world->policy.rule_count = rules;
	if (assist_begin(world->assist, &world->policy, &why) < 0 || assist_commit(world->assist, &why) < 0)
		fail_msg("%zu patterns: %s", rules, why);
	assert_true(assist_working(world->assist));
}

static void derive(struct world *world, unsigned int from, unsigned int count)
{
	struct dns_name name;

	for (unsigned int i = 0; i < count; i++) {
		char text[32];

		snprintf(text, sizeof(text), "d%u.test", from + i);
		assert_int_equal(dns_name_from_text(text, &name), 0);
		assist_derived(world->assist, &name, 60000);
	}
	assist_settle(world->assist);
}

/* As many patterns as there can be, and derived names that come and go: one too many, and nothing passes until it is
 * loaded anew. The old ones are gone then. */
static void limit_is_reached(void **state)
{
	struct world *world = usable(state);
	uint64_t errors = counters.assist_errors;

	for (int turn = 0; turn < 2; turn++) {
		load(world, LIMIT_PATTERNS);
		derive(world, 0, LIMIT_ASSIST_SUFFIXES - LIMIT_PATTERNS);
		assert_true(assist_working(world->assist));
		assert_int_equal(counters.assist_errors, errors);
		derive(world, 0, 512); /* told again, they take no room */
		assert_true(assist_working(world->assist));
		derive(world, 100000, 1);
		assert_false(assist_working(world->assist));
		assert_int_equal(counters.assist_errors, ++errors);
		assert_true(assist_tick(world->assist));
	}
	load(world, 1);
	derive(world, 0, 1);
	assert_false(assist_tick(world->assist));
}

/* The program is there for the next one, and what it counted, too. */
static void opened_again(void **state)
{
	struct world *world = usable(state);
	const int *programs = assist_programs(world->assist);
	const char *why = "";

	load(world, 3);
	assist_close(world->assist);
	world->assist = NULL;
	assert_int_equal(assist_open("unit", world->filter, &world->assist, &why), 0);
	assert_ptr_equal(assist_programs(world->assist), programs);
	assert_false(assist_working(world->assist));
	load(world, 3);
}

static void without_a_program(void **state)
{
	struct world *world = usable(state);
	struct assist *assist = NULL;
	const char *why = "";

	assert_true(assist_open("unit", NULL, &assist, &why) < 0);
	assert_null(assist);
	assert_non_null(strstr(why, "nf_fqdn"));
	assert_true(assist_working(world->assist));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limit_is_reached),
		cmocka_unit_test(opened_again),
		cmocka_unit_test(without_a_program),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, prepare, end);
}
