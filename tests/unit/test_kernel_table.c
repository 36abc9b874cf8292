/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/ruleset/fixture.o tests/unit/ruleset/kernel.o */
/* LINK: netfilter/ruleset.o netfilter/ruleset_builder.o netfilter/ruleset_client.o netfilter/ruleset_deny.o netfilter/ruleset_guarded.o netfilter/ruleset_mark.o netfilter/ruleset_rules.o netfilter/ruleset_snoop.o netfilter/ruleset_text.o netfilter/ruleset_expr.o netfilter/ruleset_netlink.o netfilter/table.o netfilter/table_lock.o netfilter/table_apply.o netfilter/table_apply_exchange.o netfilter/table_apply_fill.o netfilter/table_apply_hook.o netfilter/table_apply_look.o netfilter/table_apply_move.o netfilter/table_target.o netfilter/table_change.o netfilter/table_owner.o netfilter/table_state.o netfilter/table_query.o netfilter/probe.o netfilter/batch.o netfilter/nlsock.o netfilter/nfattr.o netfilter/element.o netfilter/element_shared.o netfilter/element_dump.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/closed.o policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig libmnl libnftnl */
/* table*.c against the running kernel, in a network namespace of its own, looked at with nft. */
#include <errno.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "netfilter/element.h"
#include "netfilter/table.h"
#include "tests/unit/ruleset/fixture.h"
#include "tests/unit/ruleset/kernel.h"

/* Compares two texts, the place of the first difference told. Frees both. */
static void expect_same(char *got, char *expected)
{
	size_t line = 1, at = 0;

	for (; got[at] && got[at] == expected[at]; at++)
		line += got[at] == '\n';
	if (got[at] || expected[at]) {
		while (at && got[at - 1] != '\n')
			at--;
		fail_msg("line %zu: got '%.*s', expected '%.*s'", line, (int)strcspn(got + at, "\n"), got + at,
			 (int)strcspn(expected + at, "\n"), expected + at);
	}
	free(got);
	free(expected);
}

static const char *table_name(const char *policy)
{
	return strcmp(policy, "groups") == 0 ? "guard" : "nfqdn";
}

/* ---- text and kernel ---- */

static void text_loads(void **state)
{
	struct policy *policy;
	char *text;

	kernel_need();
	kernel_flush();
	policy = fixture_policy(*state);
	text = kernel_without_queue(fixture_print(policy, RULESET_A));
	assert_int_equal(kernel_load(text), 0);
	expect_same(kernel_list(table_name(*state)), text);
	policy_free(policy);
}

static void kernel_has_text(void **state)
{
	struct policy *policy;
	struct table *table;
	char *got;

	kernel_need();
	kernel_flush();
	policy = fixture_policy(*state);
	table = kernel_open(table_name(*state));
	kernel_apply(table, policy);
	got = kernel_list(table_name(*state));
	/* With the native expression the queue rule is compared, too. */
	if (table_capabilities(table)->queue == TABLE_QUEUE_NATIVE)
		expect_same(got, fixture_print(policy, RULESET_A));
	else
		expect_same(kernel_without_queue(got), kernel_without_queue(fixture_print(policy, RULESET_A)));
	table_close(table);
	policy_free(policy);
}

/* ---- exchange ---- */

static struct element_change learned(const char *address, uint16_t port)
{
	struct element_change change = { .key = { .l4proto = IPPROTO_TCP, .port = port },
					 .operation = ELEMENT_ADD,
					 .timeout_ms = 600000,
					 .comment = "www.example.com" };

	assert_int_equal(ipaddr_from_text(address, &change.key.address), 0);
	return change;
}

static void note_element(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	char text[IPADDR_TEXT_SIZE], *out = context;

	(void)expires_ms;
	sprintf(out + strlen(out), "%u %s %u %s\n", key->group, ipaddr_to_text(&key->address, text), key->port,
		comment);
}

static void expect_elements(struct table *table, const char *expected)
{
	char text[4096] = "";

	assert_int_equal(element_dump(table, note_element, text), 0);
	assert_string_equal(text, expected);
}

static void exchange_keeps_elements(void **state)
{
	struct element_change changes[] = { learned("192.0.2.1", 443), learned("2001:db8::1", 80) };
	struct policy *policy;
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	table = kernel_open("nfqdn");
	kernel_apply(table, policy);
	assert_int_equal(element_commit(table, changes, 2), 0);
	for (int i = 0; i < 3; i++) {
		enum ruleset_side side = i % 2 ? RULESET_A : RULESET_B;
		char *expected = kernel_without_queue(fixture_print(policy, side)), *got;

		kernel_apply(table, policy);
		expect_elements(table, "0 192.0.2.1 443 www.example.com\n0 2001:db8::1 80 www.example.com\n");
		/* Compared without what was learned. */
		assert_int_equal(kernel_status("nft flush set inet nfqdn name4"), 0);
		assert_int_equal(kernel_status("nft flush set inet nfqdn name6"), 0);
		got = kernel_without_queue(kernel_list("nfqdn"));
		expect_same(kernel_sorted(got), kernel_sorted(expected));
		assert_int_equal(element_commit(table, changes, 2), 0);
	}
	table_close(table);
	/* A second start finds the table and goes on with it. */
	table = kernel_open("nfqdn");
	assert_int_equal(table_exists(table), 1);
	kernel_apply(table, policy);
	expect_elements(table, "0 192.0.2.1 443 www.example.com\n0 2001:db8::1 80 www.example.com\n");
	table_close(table);
	policy_free(policy);
}

static void note_counter(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	char *out = context;

	sprintf(out + strlen(out), "%s %lu %lu\n", name, (unsigned long)packets, (unsigned long)bytes);
}

static void send_to_lo(size_t octets)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char data[256] = { 0 };

	assert_int_equal(sendto(fd, data, octets, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)octets);
	close(fd);
}

/* verify = "query" and back: its base chain comes once and stays, empty when nobody needs it. */
static void copies_come_and_go(void **state)
{
	struct policy *query, *flow;
	struct table *table;
	char *text, *word;

	(void)state;
	kernel_need();
	kernel_flush();
	query = fixture_policy("verify");
	text = fixture_read(FIXTURE_FOLDER "verify.conf");
	word = strstr(text, "\"query\";");
	memcpy(word, "\"flow\"; ", strlen("\"query\";"));
	flow = fixture_policy_text(text);
	free(text);
	table = kernel_open("nfqdn");
	for (int turn = 0; turn < 2; turn++) {
		kernel_apply(table, flow);
		assert_int_equal(kernel_status("nft list table inet nfqdn | grep 'log group'"), 1);
		kernel_apply(table, query);
		text = kernel_sorted(kernel_without_queue(kernel_list("nfqdn")));
		expect_same(text, kernel_sorted(kernel_without_queue(fixture_print(query, RULESET_B))));
	}
	kernel_apply(table, flow);
	assert_int_equal(kernel_status("nft list chain inet nfqdn snoop_input | grep -q 'hook input'"), 0);
	table_close(table);
	policy_free(query);
	policy_free(flow);
}

static void counters_stay(void **state)
{
	struct policy *policy;
	struct table *table;
	char text[1024] = "";

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	table = kernel_open("nfqdn");
	assert_int_equal(table_counters(table, note_counter, text), -ENOENT);
	kernel_apply(table, policy);
	assert_int_equal(kernel_status("nft add rule inet nfqdn snoop_output udp dport 9 counter name denied"), 0);
	send_to_lo(72);
	send_to_lo(72);
	kernel_apply(table, policy);
	assert_int_equal(table_counters(table, note_counter, text), 0);
	assert_string_equal(text, "denied 2 200\ndenied_source 0 0\ndenied_reply 0 0\ndns_foreign 0 0\ndenied_inbound "
				  "0 0\ninvalid 0 0\naudited 0 0\naudited_source 0 0\naudited_reply 0 0\n"
				  "audited_dns_foreign 0 0\naudited_inbound 0 0\naudited_invalid 0 0\nmarked 0 0\n"
				  "snoop_queued 0 0\nsnoop_unlearned_interface 0 0\nsnoop_unlearned_path 0 0\n"
				  "snoop_uncopied 0 0\n");
	table_close(table);
	policy_free(policy);
}

static bool listed(const char *table, const char *what)
{
	char *text = kernel_list(table);
	bool found = strstr(text, what) != NULL;

	free(text);
	return found;
}

/* Groups come and go; the learned sets of those that stay keep their elements, though the group's number changes. */
static void groups_come_and_go(void **state)
{
#define GROUPS_BEGIN                                                                                                   \
	"gateway: { interfaces = [ \"lan\" ]; resolvers = [ \"10.2.0.2\" ]; };\nallow: "                               \
	"{\n"                                                                                                          \
	"all: { names = [ \"a.example\" ]; };\n"
#define GROUP(name, client) name ": { names = [ \"b.example\" ]; clients = [ \"" client "\" ]; };\n"
	struct policy *both, *second, *none;
	struct element_change change = learned("192.0.2.1", 443);
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	both = fixture_policy_text(GROUPS_BEGIN GROUP("first", "10.1.0.1") GROUP("second", "10.1.0.2") "};");
	second = fixture_policy_text(GROUPS_BEGIN GROUP("second", "10.1.0.2") "};");
	none = fixture_policy_text(GROUPS_BEGIN "};");
	table = kernel_open("nfqdn");
	kernel_apply(table, both);
	change.key.group = 2;
	assert_int_equal(element_commit(table, &change, 1), 0);
	expect_elements(table, "2 192.0.2.1 443 www.example.com\n");
	kernel_apply(table, second);
	expect_elements(table, "1 192.0.2.1 443 www.example.com\n");
	assert_false(listed("nfqdn", "first"));
	assert_true(listed("nfqdn", "jump group_second"));
	assert_int_equal(element_commit(table, &change, 1), 1); /* there is no third group */
	assert_int_equal(change.error, -ENOENT);
	kernel_apply(table, none);
	assert_false(listed("nfqdn", "group_second"));
	expect_elements(table, "");
	kernel_apply(table, both);
	assert_true(listed("nfqdn", "jump group_first"));
	assert_true(listed("nfqdn", "set name6_second"));
	table_close(table);
	policy_free(both);
	policy_free(second);
	policy_free(none);
}

/* A group called "a" has a learned set name4_a, which is of no side. */
static void group_called_a(void **state)
{
	struct policy *policy;
	struct element_change change = learned("192.0.2.1", 443);
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy_text(GROUPS_BEGIN GROUP("a", "10.1.0.1") GROUP("b", "10.1.0.2") "};");
	table = kernel_open("nfqdn");
	kernel_apply(table, policy);
	change.key.group = 1;
	assert_int_equal(element_commit(table, &change, 1), 0);
	for (int i = 0; i < 3; i++) {
		kernel_apply(table, policy);
		expect_elements(table, "1 192.0.2.1 443 www.example.com\n");
	}
	table_close(table);
	policy_free(policy);
}

/* ---- what others made ---- */

static void expect_refused(const char *nft)
{
	struct policy *policy = fixture_policy("router");
	struct table *table;
	const char *error = NULL;
	char *before;

	kernel_flush();
	assert_int_equal(kernel_status("nft '%s'", nft), 0);
	before = kernel_list("nfqdn");
	table = kernel_open("nfqdn");
	assert_int_equal(table_exists(table), -EEXIST);
	assert_int_equal(table_apply(table, policy, &error), -EEXIST);
	assert_non_null(strstr(error, "not ours"));
	assert_int_equal(table_remove(table), -EEXIST);
	expect_same(kernel_list("nfqdn"), before);
	table_close(table);
	policy_free(policy);
}

static void foreign_refused(void **state)
{
	(void)state;
	kernel_need();
	expect_refused("add table inet nfqdn; add set inet nfqdn interfaces_a { type ifname; }");
	expect_refused("add table inet nfqdn { comment \"somebody\"; }");
	expect_refused("add table inet nfqdn { comment \"nfqdn layout 2\"; }");
	expect_refused("add table inet nfqdn { comment \"nfqdn layout 10\"; }");
}

/* The same name in another family is another table. */
static void other_family(void **state)
{
	struct policy *policy;
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	assert_int_equal(kernel_status("nft add table ip nfqdn; nft add chain ip nfqdn group_x"), 0);
	table = kernel_open("nfqdn");
	assert_int_equal(table_exists(table), 0);
	kernel_apply(table, policy);
	kernel_apply(table, policy);
	assert_int_equal(table_remove(table), 0);
	assert_int_equal(kernel_status("nft list chain ip nfqdn group_x"), 0);
	table_close(table);
	policy_free(policy);
}

static void removal(void **state)
{
	struct policy *policy;
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	table = kernel_open("nfqdn");
	assert_int_equal(table_remove(table), 0);
	kernel_apply(table, policy);
	assert_int_equal(table_remove(table), 0);
	assert_int_equal(table_exists(table), 0);
	assert_int_equal(table_remove(table), 0);
	kernel_apply(table, policy);
	assert_int_equal(table_exists(table), 1);
	table_close(table);
	/* Closing leaves the table. */
	table = kernel_open("nfqdn");
	assert_int_equal(table_exists(table), 1);
	table_close(table);
	policy_free(policy);
}

static void one_a_name(void **state)
{
	struct table *first, *second, *other;
	const char *error = NULL;

	(void)state;
	kernel_need();
	kernel_flush();
	first = kernel_open("nfqdn");
	assert_int_equal(table_open("nfqdn", &second, &error), -EBUSY);
	assert_non_null(strstr(error, "another nfqdnd"));
	other = kernel_open("nfqdn2");
	table_close(other);
	table_close(first);
	first = kernel_open("nfqdn");
	table_close(first);
}

/* ---- what was left half done ---- */

static void leftovers(void **state)
{
	struct policy *policy;
	struct table *table;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	table = kernel_open("nfqdn");
	kernel_apply(table, policy); /* side a */
	assert_int_equal(
		kernel_status("nft 'add set inet nfqdn cidr4_b { type ipv4_addr; flags interval; elements = { "
			      "192.0.2.0/24 } }; "
			      "add set inet nfqdn clients4_gone_b { type ipv4_addr; }; add set inet nfqdn name6_gone { "
			      "type ipv6_addr; }; "
			      "add chain inet nfqdn unhooked { counter; }; add chain inet nfqdn group_gone { drop; }; "
			      "add rule inet nfqdn client jump group_gone'"),
		0);
	kernel_apply(table, policy); /* side b */
	expect_same(kernel_sorted(kernel_without_queue(kernel_list("nfqdn"))),
		    kernel_sorted(kernel_without_queue(fixture_print(policy, RULESET_B))));
	table_close(table);
	policy_free(policy);
}

/* A start that died before its base chains: whatever is missing is made. */
static void half_built(void **state)
{
	static const char *const steps[] = {
		"add table inet nfqdn { comment \"nfqdn layout 1\"; }",
		"add table inet nfqdn { comment \"nfqdn layout 1\"; }; add set inet nfqdn cidr4_a { type ipv4_addr; }; "
		"add chain inet nfqdn unhooked; add rule inet nfqdn unhooked drop; add chain inet nfqdn client",
	};
	struct policy *policy;

	(void)state;
	kernel_need();
	policy = fixture_policy("router");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct table *table;

		kernel_flush();
		assert_int_equal(kernel_status("nft '%s'", steps[i]), 0);
		table = kernel_open("nfqdn");
		kernel_apply(table, policy);
		expect_same(kernel_sorted(kernel_without_queue(kernel_list("nfqdn"))),
			    kernel_sorted(kernel_without_queue(fixture_print(policy, RULESET_A))));
		table_close(table);
	}
	policy_free(policy);
}

static void base_chain_deleted(void **state)
{
	struct policy *policy;
	struct table *table;
	const char *error = NULL;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	table = kernel_open("nfqdn");
	kernel_apply(table, policy);
	assert_int_equal(kernel_status("nft 'flush chain inet nfqdn egress; delete chain inet nfqdn egress'"), 0);
	kernel_apply(table, policy);
	expect_same(kernel_sorted(kernel_without_queue(kernel_list("nfqdn"))),
		    kernel_sorted(kernel_without_queue(fixture_print(policy, RULESET_B))));
	/* Made anew without its hook by somebody else, it cannot be mended, and that is said. */
	assert_int_equal(kernel_status("nft 'flush chain inet nfqdn egress; delete chain inet nfqdn egress'"), 0);
	assert_int_equal(kernel_status("nft add chain inet nfqdn egress"), 0);
	assert_int_equal(table_apply(table, policy, &error), -EEXIST);
	assert_non_null(strstr(error, "chain egress"));
	table_close(table);
	policy_free(policy);
}

/* ---- refusals ---- */

/* Overlapping boxes are refused by the kernel; the table is as it was, and the next policy goes in. */
static void refused_leaves_all(void **state)
{
	struct policy *policy, broken;
	struct policy_group groups[1];
	struct policy_box boxes[2];
	struct table *table;
	const char *error = NULL;
	char *before;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	table = kernel_open("nfqdn");
	groups[0] = policy->groups[0];
	boxes[0] = boxes[1] = policy->groups[0].cidr4.items[1];
	ipaddr_from_text("20.1.0.0", &boxes[1].address.first);
	groups[0].cidr4 = (struct policy_boxes) { boxes, 2 };
	broken = *policy;
	broken.groups = groups;
	broken.group_count = 1;
	assert_int_equal(table_apply(table, &broken, &error), -EEXIST);
	assert_non_null(strstr(error, "cidr4_tcp_a"));
	assert_int_equal(table_exists(table), 0);
	kernel_apply(table, policy);
	before = kernel_list("nfqdn");
	assert_int_equal(table_apply(table, &broken, &error), -EEXIST);
	assert_non_null(strstr(error, "cidr4_tcp_b"));
	expect_same(kernel_list("nfqdn"), before);
	kernel_apply(table, policy);
	table_close(table);
	policy_free(policy);
}

/* Rules that ask the kernel, by programs that are none: who did not try them first gets a table without them. */
static void assist_untried(void **state)
{
	struct policy *policy;
	struct table *table;
	int none = open("/dev/null", O_RDONLY | O_CLOEXEC), programs[ASSIST_QUESTIONS] = { none, none };

	(void)state;
	assert_true(none >= 0);
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	table = kernel_open("nfqdn");
	assert_true(table_assist(table, TABLE_ASSISTED, programs) < 0);
	assert_false(table_capabilities(table)->assist);
	assert_int_equal(table_assist(table, TABLE_ASSISTED_UNTRIED, programs), 0);
	assert_true(table_capabilities(table)->assist);
	kernel_apply(table, policy);
	assert_false(table_capabilities(table)->assist);
	expect_same(kernel_without_queue(kernel_list("nfqdn")), kernel_without_queue(fixture_print(policy, RULESET_A)));
	kernel_apply(table, policy);
	table_close(table);
	policy_free(policy);
	close(none);
}

/* ---- size ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void big(void **state)
{
	enum { COUNT = 10000 };
	struct policy *policy, large;
	struct policy_group groups[1];
	struct policy_box *boxes;
	struct table *table;
	double begin;
	char *text;

	(void)state;
	kernel_need();
	kernel_flush();
	policy = fixture_policy("router");
	boxes = calloc(COUNT, sizeof(*boxes));
	for (unsigned int i = 0; i < COUNT; i++) {
		uint8_t first[4] = { 20, (uint8_t)(i >> 8), (uint8_t)i, 0 },
			last[4] = { 20, (uint8_t)(i >> 8), (uint8_t)i, 127 };

		boxes[i] = (struct policy_box) { .address = { ipaddr_from_bytes(IPADDR_V4, first),
							      ipaddr_from_bytes(IPADDR_V4, last) },
						 .l4proto = IPPROTO_TCP,
						 .port_first = 443,
						 .port_last = 443 };
	}
	groups[0] = policy->groups[0];
	groups[0].cidr4 = (struct policy_boxes) { boxes, COUNT };
	large = *policy;
	large.groups = groups;
	large.group_count = 1;
	table = kernel_open("nfqdn");
	begin = now();
	kernel_apply(table, &large);
	kernel_apply(table, &large);
	print_message("# %d boxes applied twice: %.2f s\n", COUNT, now() - begin);
	text = kernel_shell("nft list set inet nfqdn cidr4_tcp_b | grep -c '/25 . 443'");
	assert_int_equal(atoi(text), COUNT);
	free(text);
	table_close(table);
	free(boxes);
	policy_free(policy);
}

/* ---- probing ---- */

static void probing_leaves_nothing(void **state)
{
	struct table *table;
	char *text;

	(void)state;
	kernel_need();
	kernel_flush();
	table = kernel_open("nfqdn");
	text = kernel_shell("nft list ruleset");
	assert_string_equal(text, "");
	free(text);
	print_message("# queue %s, update %d, destroy %d\n", table_queue_backend_name(table_capabilities(table)->queue),
		      table_capabilities(table)->update, table_capabilities(table)->destroy);
	table_close(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "nft takes the router's text and lists it the same", text_loads, NULL, NULL, "router" },
		{ "nft takes the groups' text and lists it the same", text_loads, NULL, NULL, "groups" },
		{ "nft takes the marks' text and lists it the same", text_loads, NULL, NULL, "mark" },
		{ "nft takes the text of marks in prerouting and lists it the same", text_loads, NULL, NULL,
		  "mark-prerouting" },
		{ "nft takes the text beside the administrator's sets and lists it the same", text_loads, NULL, NULL,
		  "sets" },
		{ "nft takes the audit's text and lists it the same", text_loads, NULL, NULL, "audit" },
		{ "nft takes the text of a resolver on the gateway and lists it the same", text_loads, NULL, NULL,
		  "local" },
		{ "nft takes the closed policy's text and lists it the same", text_loads, NULL, NULL, "closed" },
		{ "nft takes the text with copies of queries", text_loads, NULL, NULL, "verify" },
		{ "the kernel has the router's text", kernel_has_text, NULL, NULL, "router" },
		{ "the kernel has the groups' text", kernel_has_text, NULL, NULL, "groups" },
		{ "the kernel has the marks' text", kernel_has_text, NULL, NULL, "mark" },
		{ "the kernel has the text of marks in prerouting", kernel_has_text, NULL, NULL, "mark-prerouting" },
		{ "the kernel has the audit's text", kernel_has_text, NULL, NULL, "audit" },
		{ "the kernel has the text of a resolver on the gateway", kernel_has_text, NULL, NULL, "local" },
		{ "the kernel has the closed policy's text", kernel_has_text, NULL, NULL, "closed" },
		{ "the kernel has the text with copies of queries", kernel_has_text, NULL, NULL, "verify" },
		cmocka_unit_test(exchange_keeps_elements),
		cmocka_unit_test(copies_come_and_go),
		cmocka_unit_test(counters_stay),
		cmocka_unit_test(groups_come_and_go),
		cmocka_unit_test(group_called_a),
		cmocka_unit_test(foreign_refused),
		cmocka_unit_test(other_family),
		cmocka_unit_test(removal),
		cmocka_unit_test(one_a_name),
		cmocka_unit_test(leftovers),
		cmocka_unit_test(half_built),
		cmocka_unit_test(base_chain_deleted),
		cmocka_unit_test(refused_leaves_all),
		cmocka_unit_test(assist_untried),
		cmocka_unit_test(big),
		cmocka_unit_test(probing_leaves_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, kernel_enter, NULL);
}
