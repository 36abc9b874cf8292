/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/ruleset/fixture.o tests/unit/ruleset/kernel.o */
/* LINK: netfilter/ruleset.o netfilter/ruleset_builder.o netfilter/ruleset_client.o netfilter/ruleset_deny.o netfilter/ruleset_guarded.o netfilter/ruleset_mark.o netfilter/ruleset_rules.o netfilter/ruleset_snoop.o netfilter/ruleset_text.o netfilter/ruleset_expr.o netfilter/ruleset_netlink.o netfilter/table.o netfilter/table_lock.o netfilter/table_apply.o netfilter/table_apply_exchange.o netfilter/table_apply_fill.o netfilter/table_apply_hook.o netfilter/table_apply_look.o netfilter/table_apply_move.o netfilter/table_target.o netfilter/table_change.o netfilter/table_owner.o netfilter/table_state.o netfilter/table_query.o netfilter/probe.o netfilter/batch.o netfilter/nfattr.o netfilter/element.o netfilter/element_shared.o netfilter/element_dump.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/closed.o policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig libmnl libnftnl */
/* table_apply() when any one of its requests goes wrong: nlsock.c is the real one, with a fault between it and its
 * callers. Whatever goes wrong, the rules in force are the old policy's or the new one's, whole; and the next call
 * mends what was left. */
#define nlsock_transact real_transact
#include "netfilter/nlsock.c"
#undef nlsock_transact

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter/nf_tables.h>

#include "netfilter/table.h"
#include "tests/unit/ruleset/fixture.h"
#include "tests/unit/ruleset/kernel.h"

enum fault {
	FAULT_NONE,
	FAULT_NOT_SENT, /* sendto() says ENOBUFS: nothing was done, which the caller cannot know */
	FAULT_LOST, /* done, and the answer did not come */
	FAULT_MEMORY, /* the kernel gives the batch up, by an error of the first message */
	FAULT_REFUSED, /* the same with every other error, each request with another one */
	FAULT_NO_SOCKET, /* likewise, but nothing was sent */
};

static const int refusals[] = { EBUSY, EINTR, ENFILE, EAGAIN, EPERM, EMSGSIZE, ENOENT, EEXIST, EOPNOTSUPP };
static const int no_sockets[] = { EBADF, ENOTCONN, ESHUTDOWN, EPERM, EAGAIN, EMSGSIZE, ENOMEM };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct {
	enum fault fault;
	size_t at, count; /* the request that goes wrong, requests so far */
	const char *lacking; /* an expression that the kernel does not know */
} injected;

int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context);

static enum nlsock_next ignore(void *context, const struct nlmsghdr *reply)
{
	(void)context;
	return reply->nlmsg_type == NLMSG_ERROR || reply->nlmsg_type == NLMSG_DONE ? NLSOCK_LAST : NLSOCK_MORE;
}

/* An emulated processor takes a second for each start of nft: there every eighth request goes wrong, others for each
 * fault. */
static size_t stride(void)
{
	const char *patience = getenv("NFQDN_TEST_PATIENCE");

	return patience && atof(patience) >= 8 ? 8 : 1;
}

static size_t first_of(enum fault fault)
{
	return (size_t)fault % stride();
}

static int refuse(uint32_t sequence, int number, enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply),
		  void *context)
{
	char buffer[64] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlmsgerr *error = mnl_nlmsg_put_extra_header(message, sizeof(*error));

	message->nlmsg_type = NLMSG_ERROR;
	message->nlmsg_seq = sequence;
	error->error = number;
	visit(context, message);
	return 0;
}

/* The first message that names the expression which the kernel does not know; 0: none. */
static uint32_t lacking_in(const void *request, size_t length)
{
	const struct nlmsghdr *message = request;
	uint8_t name[64] = { 0, 0, NFTA_EXPR_NAME };
	int left = (int)length;

	if (!injected.lacking)
		return 0;
	name[0] = (uint8_t)(4 + strlen(injected.lacking) + 1);
	strcpy((char *)name + 4, injected.lacking);
	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		if (memmem(message, message->nlmsg_len, name, name[0]))
			return message->nlmsg_seq;
	return 0;
}

int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	uint32_t unknown = lacking_in(request, length);

	if (unknown)
		return refuse(unknown, -ENOENT, visit, context);
	if (injected.count++ != injected.at)
		return real_transact(socket, request, length, first, last, visit, context);
	switch (injected.fault) {
	case FAULT_NONE:
		break;
	case FAULT_NOT_SENT:
		return -ENOBUFS;
	case FAULT_LOST:
		real_transact(socket, request, length, first, last, ignore, NULL);
		return -ETIMEDOUT;
	case FAULT_MEMORY:
		return refuse(first, -ENOMEM, visit, context);
	case FAULT_REFUSED:
		return refuse(first, -refusals[injected.at % COUNT(refusals)], visit, context);
	case FAULT_NO_SOCKET:
		return -no_sockets[injected.at % COUNT(no_sockets)];
	}
	return real_transact(socket, request, length, first, last, visit, context);
}

static char *text_of(const struct policy *policy, enum ruleset_side side)
{
	return kernel_sorted(kernel_without_queue(fixture_print(policy, side)));
}

/* Which copy of a set is in force is left out: in a table that is ours alone, sets that stay as they are keep theirs. */
static char *of_any_side(char *text, bool wanted)
{
	for (char *at = text; wanted && (at = strstr(at, "_b")); at++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", at[2]))
			at[1] = 'a';
	return text;
}

/* The rules alone: sets may stand aside, filled or not. */
static char *rules_of(char *sorted)
{
	char *from = sorted, *to = sorted;

	for (char *line = strtok(from, "\n"); line; line = strtok(NULL, "\n"))
		if (strstr(line, " @") || strstr(line, "goto") || strstr(line, "chain ") || strstr(line, "accept") ||
		    strstr(line, "drop") || strstr(line, "reject")) {
			size_t length = strlen(line);

			memmove(to, line, length);
			to += length;
			*to++ = '\n';
		}
	*to = '\0';
	return sorted;
}

/* A base chain that a policy needed, or would have, stays. */
static char *without_empty(char *text)
{
	static const char block[] = "\tchain snoop_input {\n\t\ttype filter hook input priority filter - 10; policy "
				    "accept;\n\t}\n";
	char *at = strstr(text, block);

	if (at)
		memmove(at, at + strlen(block), strlen(at + strlen(block)) + 1);
	return text;
}

static char *kernel_text(bool any_side)
{
	return kernel_sorted(of_any_side(without_empty(kernel_without_queue(kernel_list("nfqdn"))), any_side));
}

static bool same_rules(const struct policy *policy, enum ruleset_side side, bool any_side)
{
	char *got = rules_of(kernel_text(any_side)), *expected = rules_of(of_any_side(text_of(policy, side), any_side));
	bool same = strcmp(got, expected) == 0;

	free(got);
	free(expected);
	return same;
}

static void expect_whole(const struct policy *policy, enum ruleset_side side, bool any_side)
{
	char *got = kernel_sorted(of_any_side(kernel_without_queue(kernel_list("nfqdn")), any_side)),
	     *expected = kernel_sorted(of_any_side(kernel_without_queue(fixture_print(policy, side)), any_side));

	assert_string_equal(got, expected);
	free(got);
	free(expected);
}

struct row {
	enum fault fault;
	bool owned;
};

static const struct row rows[] = {
	{ FAULT_NOT_SENT, false },  { FAULT_LOST, false },     { FAULT_MEMORY, false }, { FAULT_REFUSED, false },
	{ FAULT_NO_SOCKET, false }, { FAULT_NOT_SENT, true },  { FAULT_LOST, true },    { FAULT_MEMORY, true },
	{ FAULT_REFUSED, true },    { FAULT_NO_SOCKET, true },
};

/* Afterwards the table is ours where that is wanted and can be. */
static void expect_owner(const struct table *table, const struct row *row)
{
	if (row->owned && table_capabilities(table)->own)
		assert_int_equal(table_owner(table), TABLE_OWNER_US);
	else
		assert_int_not_equal(table_owner(table), TABLE_OWNER_US);
}

/* Each request of a reload to the policy of that name, one after the other, goes wrong. */
static void reload_to(const char *name, const struct row *row)
{
	struct policy *old_policy, *new_policy;
	const char *error;
	size_t requests = 40;

	kernel_need();
	old_policy = fixture_policy_text(
		"gateway: { interfaces = [ \"lan\" ]; resolvers = [ \"10.2.0.2\" ]; denied = \"drop\"; "
		"};\nallow: { a: { names = [ \"a.example\" ]; clients = [ \"10.1.0.1\" ]; "
		"}; };");
	new_policy = fixture_policy(name);
	if (row->owned) {
		fixture_own(old_policy);
		fixture_own(new_policy);
	}
	for (size_t at = first_of(row->fault); at < requests; at += stride()) {
		struct table *table;
		int result;

		injected.fault = FAULT_NONE;
		kernel_flush();
		table = kernel_open("nfqdn");
		kernel_apply(table, old_policy);
		injected.fault = row->fault;
		injected.at = at;
		injected.count = 0;
		result = table_apply(table, new_policy, &error);
		if (injected.count <= at) {
			assert_int_equal(result, 0);
			requests = at;
		}
		if (result == 0) {
			expect_whole(new_policy, RULESET_B, row->owned);
		} else {
			assert_non_null(error);
			assert_true(same_rules(old_policy, RULESET_A, row->owned));
		}
		injected.fault = FAULT_NONE;
		kernel_apply(table, new_policy);
		expect_whole(new_policy, result == 0 ? RULESET_A : RULESET_B, row->owned);
		expect_owner(table, row);
		table_close(table);
	}
	print_message("# %zu requests\n", requests);
	assert_true(requests > 10);
	policy_free(old_policy);
	policy_free(new_policy);
}

static void reload(void **state)
{
	reload_to("router", *state);
}

/* It needs a base chain more. */
static void reload_verify(void **state)
{
	reload_to("verify", *state);
}

/* Each request of a first start goes wrong. There is nothing then, or a table without what decides, or the whole
 * table. */
static void start(void **state)
{
	const struct row *row = *state;
	struct policy *policy;
	const char *error;
	size_t requests = 40;

	kernel_need();
	policy = fixture_policy("router");
	if (row->owned)
		fixture_own(policy);
	for (size_t at = first_of(row->fault); at < requests; at += stride()) {
		struct table *table;
		int result;

		injected.fault = FAULT_NONE;
		kernel_flush();
		table = kernel_open("nfqdn");
		injected.fault = row->fault;
		injected.at = at;
		injected.count = 0;
		result = table_apply(table, policy, &error);
		if (injected.count <= at) {
			assert_int_equal(result, 0);
			requests = at;
		}
		if (result == 0)
			expect_whole(policy, RULESET_A, false);
		injected.fault = FAULT_NONE;
		kernel_apply(table, policy);
		assert_true(same_rules(policy, RULESET_A, false) || same_rules(policy, RULESET_B, false));
		expect_whole(policy, same_rules(policy, RULESET_A, false) ? RULESET_A : RULESET_B, false);
		expect_owner(table, row);
		table_close(table);
	}
	print_message("# %zu requests\n", requests);
	assert_true(requests > 5);
	policy_free(policy);
}

/* Each request by which a table that another daemon left is opened and made ours goes wrong: the rules in force are
 * the old ones or the new ones, and the next try ends with all of it. */
static void take_over(void **state)
{
	const struct row *row = *state;
	struct policy *policy;
	const char *error;
	size_t requests = 40;

	kernel_need();
	policy = fixture_policy("router");
	fixture_own(policy);
	for (size_t at = first_of(row->fault); at < requests; at += stride()) {
		struct table *table;
		int result;

		injected.fault = FAULT_NONE;
		kernel_flush();
		table = kernel_open("nfqdn");
		kernel_apply(table, policy);
		table_close(table);
		table = kernel_open("nfqdn");
		injected.fault = row->fault;
		injected.at = at;
		injected.count = 0;
		result = table_apply(table, policy, &error);
		if (injected.count <= at) {
			assert_int_equal(result, 0);
			requests = at;
		}
		assert_true(same_rules(policy, result == 0 ? RULESET_B : RULESET_A, false));
		injected.fault = FAULT_NONE;
		kernel_apply(table, policy);
		/* What is ours alone and has not changed stays. */
		expect_whole(policy, result == 0 && !table_capabilities(table)->own ? RULESET_A : RULESET_B, false);
		expect_owner(table, row);
		table_close(table);
	}
	print_message("# %zu requests\n", requests);
	assert_true(requests > 10);
	policy_free(policy);
}

/* Each request of an opening goes wrong: an error with a text, or less is found than there is, and nothing is left
 * behind. */
static void opening(void **state)
{
	const struct row *row = *state;
	size_t requests = 40;

	kernel_need();
	for (size_t at = first_of(row->fault); at < requests; at += stride()) {
		struct table *table = NULL;
		const char *error = NULL;
		int result;
		char *left;

		injected.fault = FAULT_NONE;
		kernel_flush();
		injected.fault = row->fault;
		injected.at = at;
		injected.count = 0;
		result = table_open("nfqdn", &table, &error);
		if (injected.count <= at) {
			assert_int_equal(result, 0);
			requests = at;
		}
		if (result < 0)
			assert_non_null(error);
		table_close(table);
		injected.fault = FAULT_NONE;
		left = kernel_shell("nft list ruleset");
		assert_string_equal(left, "");
		free(left);
	}
	print_message("# %zu requests\n", requests);
	assert_true(requests > 5);
}

/* Each request of a removal goes wrong: the table is there or gone, as it says; the next call removes it. */
static void removal(void **state)
{
	struct policy *policy;
	size_t requests = 40;

	kernel_need();
	policy = fixture_policy("router");
	for (size_t at = 0; at < requests; at++) {
		struct table *table;
		int result;

		injected.fault = FAULT_NONE;
		kernel_flush();
		table = kernel_open("nfqdn");
		kernel_apply(table, policy);
		injected.fault = *(enum fault *)*state;
		injected.at = at;
		injected.count = 0;
		result = table_remove(table);
		if (injected.count <= at)
			requests = at;
		injected.fault = FAULT_NONE;
		assert_int_equal(table_exists(table), result == 0 ? 0 : 1);
		assert_int_equal(table_remove(table), 0);
		assert_int_equal(table_exists(table), 0);
		table_close(table);
	}
	assert_true(requests >= 2);
	policy_free(policy);
}

/* A kernel without log expressions: everything but verify = "query" and copies of what is denied works, and that is told; the rules stay. */
static void no_log(void **state)
{
	struct policy *flow, *query;
	struct table *table;
	const char *error = NULL;

	(void)state;
	kernel_need();
	kernel_flush();
	flow = fixture_policy("router");
	query = fixture_policy("verify");
	injected.fault = FAULT_NONE;
	injected.lacking = "log";
	table = kernel_open("nfqdn");
	kernel_apply(table, flow);
	assert_false(table_capabilities(table)->report);
	assert_int_equal(kernel_status("nft list table inet nfqdn | grep -w log"), 1);
	assert_int_equal(table_apply(table, query, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error, "verify = \"query\""));
	assert_non_null(strstr(error, "CONFIG_NFT_LOG"));
	assert_non_null(strstr(error, "CONFIG_NETFILTER_NETLINK_LOG"));
	assert_true(same_rules(flow, RULESET_A, false));
	injected.lacking = "ct";
	assert_int_equal(table_apply(table, flow, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error, "CONFIG_NFT_CT"));
	injected.lacking = NULL;
	table_close(table); /* the kernel is asked anew at a start */
	table = kernel_open("nfqdn");
	assert_true(table_capabilities(table)->report);
	kernel_apply(table, query);
	expect_whole(query, RULESET_B, false);
	table_close(table);
	policy_free(flow);
	policy_free(query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "a reload, a request not sent", reload, NULL, NULL, (void *)&rows[0] },
		{ "a reload, an answer lost", reload, NULL, NULL, (void *)&rows[1] },
		{ "a reload, a batch given up", reload, NULL, NULL, (void *)&rows[2] },
		{ "a reload, a request refused", reload, NULL, NULL, (void *)&rows[3] },
		{ "a reload, a dead socket", reload, NULL, NULL, (void *)&rows[4] },
		{ "verify = query, a request not sent", reload_verify, NULL, NULL, (void *)&rows[0] },
		{ "verify = query, an answer lost", reload_verify, NULL, NULL, (void *)&rows[1] },
		{ "verify = query, a batch given up", reload_verify, NULL, NULL, (void *)&rows[2] },
		{ "a start, a request not sent", start, NULL, NULL, (void *)&rows[0] },
		{ "a start, an answer lost", start, NULL, NULL, (void *)&rows[1] },
		{ "a start, a batch given up", start, NULL, NULL, (void *)&rows[2] },
		{ "a start, a request refused", start, NULL, NULL, (void *)&rows[3] },
		{ "a start, a dead socket", start, NULL, NULL, (void *)&rows[4] },
		{ "a removal, a request not sent", removal, NULL, NULL, (void *)&rows[0] },
		{ "a removal, an answer lost", removal, NULL, NULL, (void *)&rows[1] },
		{ "a removal, a request refused", removal, NULL, NULL, (void *)&rows[3] },
		{ "a reload of an owned table, a request not sent", reload, NULL, NULL, (void *)&rows[5] },
		{ "a reload of an owned table, an answer lost", reload, NULL, NULL, (void *)&rows[6] },
		{ "a start with an owned table, a request not sent", start, NULL, NULL, (void *)&rows[5] },
		{ "a start with an owned table, an answer lost", start, NULL, NULL, (void *)&rows[6] },
		{ "a table taken over, a request not sent", take_over, NULL, NULL, (void *)&rows[5] },
		{ "a table taken over, an answer lost", take_over, NULL, NULL, (void *)&rows[6] },
		{ "a table taken over, a batch given up", take_over, NULL, NULL, (void *)&rows[7] },
		{ "a table taken over, a request refused", take_over, NULL, NULL, (void *)&rows[8] },
		{ "a table taken over, a dead socket", take_over, NULL, NULL, (void *)&rows[9] },
		{ "an opening, a request not sent", opening, NULL, NULL, (void *)&rows[0] },
		{ "an opening, an answer lost", opening, NULL, NULL, (void *)&rows[1] },
		{ "an opening, a batch given up", opening, NULL, NULL, (void *)&rows[2] },
		{ "an opening, a request refused", opening, NULL, NULL, (void *)&rows[3] },
		{ "an opening, a dead socket", opening, NULL, NULL, (void *)&rows[4] },
		cmocka_unit_test(no_log),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, kernel_enter, NULL);
}
