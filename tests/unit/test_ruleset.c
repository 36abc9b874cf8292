/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/ruleset/fixture.o netfilter/ruleset.o netfilter/ruleset_builder.o netfilter/ruleset_client.o netfilter/ruleset_deny.o netfilter/ruleset_guarded.o netfilter/ruleset_mark.o netfilter/ruleset_rules.o netfilter/ruleset_snoop.o netfilter/ruleset_text.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/closed.o policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig */
/* The text of rulesets. Each NAME.conf of tests/unit/ruleset/ has the expected text in NAME.nft beside it;
 * NFQDN_GOLDEN=write writes what is printed now. That the kernel takes it and nft lists the same is shown by
 * test_kernel_table.c. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "netfilter/ruleset_model.h"
#include "tests/unit/ruleset/fixture.h"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void expect_golden(const struct policy *policy, const char *path)
{
	const char *mode = getenv("NFQDN_GOLDEN");
	char *text = fixture_print(policy, RULESET_A), *expected;

	if (mode && strcmp(mode, "write") == 0)
		write_file(path, text);
	expected = fixture_read(path);
	assert_non_null(expected);
	assert_string_equal(text, expected);
	free(expected);
	free(text);
}

static void golden(void **state)
{
	struct policy *policy = fixture_policy(*state);
	char path[256];

	snprintf(path, sizeof(path), FIXTURE_FOLDER "%s.nft", (const char *)*state);
	expect_golden(policy, path);
	policy_free(policy);
}

/* What nft/README.md explains. */
static void example(void **state)
{
	char *text = fixture_read("nft/example.conf");
	struct policy *policy;

	(void)state;
	assert_non_null(text);
	policy = fixture_policy_text(text);
	expect_golden(policy, "nft/nfqdn.nft");
	free(text);
	policy_free(policy);
}

/* The other side differs by the suffix of static sets alone. */
static void sides(void **state)
{
	struct policy *policy = fixture_policy("groups");
	char *a = fixture_print(policy, RULESET_A), *b = fixture_print(policy, RULESET_B);
	size_t changed = 0;

	(void)state;
	assert_int_equal(strlen(a), strlen(b));
	for (size_t i = 0; a[i]; i++)
		if (a[i] != b[i]) {
			assert_true(i > 0 && a[i - 1] == '_');
			assert_int_equal(a[i], 'a');
			assert_int_equal(b[i], 'b');
			changed++;
		}
	assert_true(changed > 40);
	free(a);
	free(b);
	policy_free(policy);
}

static size_t count(const char *text, const char *word)
{
	size_t found = 0;

	for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
		found++;
	return found;
}

/* An interval set refuses overlaps: of interfaces only those stay that no other one covers. */
static void interfaces(void **state)
{
	struct policy *policy = fixture_policy_text(
		"gateway: { interfaces = [ \"wg*\", \"vlan2*\", \"wg0\", \"vlan*\", \"vla\", \"vlan20\", \"wg0\" ];"
		" resolvers = [ \"10.2.0.2\" ]; };\n");
	char *text = fixture_print(policy, RULESET_A);

	(void)state;
	assert_non_null(strstr(text, "\t\telements = { \"vla\",\n\t\t\t     \"vlan*\",\n\t\t\t     \"wg*\" }\n"));
	free(text);
	policy_free(policy);
}

/* The reader refuses it; should it come here all the same, enforce does not mean open. */
static void no_interface(void **state)
{
	static const char text[] = "gateway: { interfaces = [ \"lan0\" ]; resolvers = [ \"10.2.0.2\" ]; };\n";
	struct policy *policy = fixture_policy_text(text);
	struct config none = *policy->config;
	const struct config *whole = policy->config;
	char *print = fixture_print(policy, RULESET_A);

	(void)state;
	assert_non_null(strstr(print, "\t\tiifname @interfaces_a goto client\n"));
	free(print);
	none.interface_count = 0;
	policy->config = &none;
	print = fixture_print(policy, RULESET_A);
	policy->config = whole;
	assert_null(strstr(print, "\t\tiifname @interfaces_a goto client\n"));
	assert_non_null(strstr(print, "\n\t\tgoto client\n"));
	free(print);
	policy_free(policy);
}

/* Room for the limit, one transaction and what the kernel has not collected yet. */
static void sizes(void **state)
{
	struct policy *policy = fixture_policy("groups");
	char *text = fixture_print(policy, RULESET_A), line[64];

	(void)state;
	snprintf(line, sizeof(line), "\t\tsize %d\n", (5000 + LIMIT_BATCH_ELEMENTS) * 9 / 8);
	assert_int_equal(count(text, line), 4);
	free(text);
	policy_free(policy);
}

/* ICMP must not come to a rule that reads a port: its checksum stands there, and the sender can choose it. */
static void icmp_never_reaches_ports(void **state)
{
	struct policy *policy = fixture_policy("groups");
	struct arena *arena = arena_new();
	struct ruleset *ruleset = ruleset_build(arena, policy, RULESET_A);
	size_t guarded_rules = 0;

	(void)state;
	for (const struct ruleset_chain *chain = ruleset->chains; chain; chain = chain->next) {
		bool away[2] = { false, false }; /* ICMP, ICMPv6 have left the chain */

		for (const struct ruleset_rule *rule = chain->rules; rule; rule = rule->next) {
			const struct ruleset_statement *s = rule->statements;

			if (rule->count == 2 && s[0].kind == RULESET_L4PROTO && s[1].kind == RULESET_VERDICT)
				away[s[0].l4proto == IPPROTO_ICMPV6] |=
					s[0].l4proto == IPPROTO_ICMP || s[0].l4proto == IPPROTO_ICMPV6;
			for (size_t i = 0; i < rule->count; i++)
				for (size_t p = 0; p < RULESET_FIELDS; p++)
					if (s[i].kind == RULESET_TUPLE && s[i].parts[p] == RULESET_PART_DPORT &&
					    !s[i].l4proto) {
						assert_true(away[0] && away[1]);
						guarded_rules++;
					}
		}
	}
	assert_int_equal(guarded_rules, 2 * 2); /* two groups, both families */
	arena_free(arena);
	policy_free(policy);
}

/* Every name that a rule uses is one of the ruleset's: sets and chains are there before they are named. */
static void names(void **state)
{
	static const char *const policies[] = { "router", "groups", "audit", "local",
						"closed", "verify", "mark",  "mark-prerouting" };

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct policy *policy = fixture_policy(policies[i]);
		struct arena *arena = arena_new();
		struct ruleset *ruleset = ruleset_build(arena, policy, RULESET_B);

		for (const struct ruleset_chain *chain = ruleset->chains; chain; chain = chain->next)
			for (const struct ruleset_rule *rule = chain->rules; rule; rule = rule->next)
				for (size_t k = 0; k < rule->count; k++) {
					const struct ruleset_statement *s = &rule->statements[k];
					bool found = s->name == NULL || s->kind == RULESET_ASSIST || /* an instance */
						     s->kind == RULESET_LOG; /* a prefix */

					for (const struct ruleset_set *set = ruleset->sets; set && s->name;
					     set = set->next)
						found |= strcmp(set->name, s->name) == 0;
					for (const struct ruleset_chain *to = ruleset->chains; to != chain && s->name;
					     to = to->next)
						found |= strcmp(to->name, s->name) == 0;
					for (const struct ruleset_counter *c = ruleset_counters; c->name && s->name;
					     c++)
						found |= strcmp(c->name, s->name) == 0;
					assert_true(found);
				}
		arena_free(arena);
		policy_free(policy);
	}
}

static void side_of(void **state)
{
	enum ruleset_side side;

	(void)state;
	assert_true(ruleset_side_of("cidr4_a", &side) && side == RULESET_A);
	assert_true(ruleset_side_of("clients6_x_b", &side) && side == RULESET_B);
	assert_false(ruleset_side_of("name4_a", &side)); /* the learned set of a group called "a" */
	assert_false(ruleset_side_of("cidr4", &side));
	assert_false(ruleset_side_of("", &side));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "text of the router's policy", golden, NULL, NULL, "router" },
		{ "text of a policy with groups, inbound, drop", golden, NULL, NULL, "groups" },
		{ "text of marks in forward", golden, NULL, NULL, "mark" },
		{ "text of marks in prerouting, at priorities of the administrator's", golden, NULL, NULL,
		  "mark-prerouting" },
		{ "text beside sets of the administrator's", golden, NULL, NULL, "sets" },
		{ "text of an audit with the resolver among the clients", golden, NULL, NULL, "audit" },
		{ "text with the gateway itself as a resolver", golden, NULL, NULL, "local" },
		{ "text of DNS and nothing", golden, NULL, NULL, "closed" },
		{ "text with copies of queries", golden, NULL, NULL, "verify" },
		cmocka_unit_test(example),
		cmocka_unit_test(sides),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(no_interface),
		cmocka_unit_test(sizes),
		cmocka_unit_test(icmp_never_reaches_ports),
		cmocka_unit_test(names),
		cmocka_unit_test(side_of),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
