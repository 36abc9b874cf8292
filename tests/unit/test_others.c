/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/others.o netfilter/table_query.o netfilter/nfattr.o base/escape.o */
/* LIBS: libmnl */
/* others.c and a kernel that has the chains, flowtables and rules of a table here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netfilter/nlsock.h"
#include "netfilter/others.h"

/* ---- the kernel ---- */

enum kind { END, DROP, ACCEPT, JUMP, SPORT, DPORT, CT_DPORT, IS, IS_NOT, LISTED, MAPPED, REJECT, OFFLOAD };

struct word {
	enum kind kind;
	unsigned int number;
	const char *name;
};

static struct world {
	uint8_t family;
	const char *table;
	struct {
		const char *name;
		int hook, policy; /* -1: none */
	} chains[4];
	const char *flowtable;
	struct {
		const char *chain;
		struct word words[8];
	} rules[4];
	int error;
} world;

struct nlsock {
	uint32_t sequence;
};

int nlsock_open(struct nlsock **out)
{
	static struct nlsock socket;

	*out = &socket;
	return world.error == -EPERM ? -EPERM : 0;
}

void nlsock_close(struct nlsock *socket)
{
	(void)socket;
}

uint32_t nlsock_sequence(struct nlsock *socket)
{
	return ++socket->sequence;
}

typedef enum nlsock_next visitor(void *context, const struct nlmsghdr *reply);

struct said {
	uint32_t sequence;
	visitor *visit;
	void *context;
	char buffer[2048];
	struct nlmsghdr *reply;
};

static void begin(struct said *said, uint16_t type)
{
	struct nfgenmsg *generic;

	said->reply = mnl_nlmsg_put_header(said->buffer);
	said->reply->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
	said->reply->nlmsg_seq = said->sequence;
	generic = mnl_nlmsg_put_extra_header(said->reply, sizeof(*generic));
	generic->nfgen_family = world.family;
}

static void end(struct said *said)
{
	assert_int_equal(said->visit(said->context, said->reply), NLSOCK_MORE);
}

static void say_chains(struct said *said)
{
	for (size_t i = 0; i < 4 && world.chains[i].name; i++) {
		begin(said, NFT_MSG_NEWCHAIN);
		mnl_attr_put_strz(said->reply, NFTA_CHAIN_TABLE, world.table);
		mnl_attr_put_strz(said->reply, NFTA_CHAIN_NAME, world.chains[i].name);
		if (world.chains[i].hook >= 0) {
			struct nlattr *hook = mnl_attr_nest_start(said->reply, NFTA_CHAIN_HOOK);

			mnl_attr_put_u32(said->reply, NFTA_HOOK_HOOKNUM, htonl((uint32_t)world.chains[i].hook));
			mnl_attr_put_u32(said->reply, NFTA_HOOK_PRIORITY, htonl((uint32_t)-7));
			mnl_attr_nest_end(said->reply, hook);
			mnl_attr_put_u32(said->reply, NFTA_CHAIN_POLICY, htonl((uint32_t)world.chains[i].policy));
		}
		end(said);
	}
}

static void say_flowtable(struct said *said)
{
	if (!world.flowtable)
		return;
	begin(said, NFT_MSG_NEWFLOWTABLE);
	mnl_attr_put_strz(said->reply, NFTA_FLOWTABLE_TABLE, world.table);
	mnl_attr_put_strz(said->reply, NFTA_FLOWTABLE_NAME, world.flowtable);
	end(said);
}

static void put_data(struct nlmsghdr *message, const struct word *word)
{
	uint16_t port = htons((uint16_t)word->number);
	int32_t code = word->kind == DROP ? NF_DROP : word->kind == ACCEPT ? NF_ACCEPT : NFT_JUMP;
	struct nlattr *data, *verdict;

	switch (word->kind) {
	case DROP:
	case ACCEPT:
	case JUMP:
		data = mnl_attr_nest_start(message, NFTA_IMMEDIATE_DATA);
		verdict = mnl_attr_nest_start(message, NFTA_DATA_VERDICT);
		mnl_attr_put_u32(message, NFTA_VERDICT_CODE, htonl((uint32_t)code));
		if (word->kind == JUMP)
			mnl_attr_put_strz(message, NFTA_VERDICT_CHAIN, word->name);
		mnl_attr_nest_end(message, verdict);
		mnl_attr_nest_end(message, data);
		return;
	case SPORT:
	case DPORT:
		mnl_attr_put_u32(message, NFTA_PAYLOAD_BASE, htonl(NFT_PAYLOAD_TRANSPORT_HEADER));
		mnl_attr_put_u32(message, NFTA_PAYLOAD_OFFSET, htonl(word->kind == SPORT ? 0 : 2));
		mnl_attr_put_u32(message, NFTA_PAYLOAD_LEN, htonl(2));
		return;
	case CT_DPORT:
		mnl_attr_put_u32(message, NFTA_CT_KEY, htonl(NFT_CT_PROTO_DST));
		mnl_attr_put_u8(message, NFTA_CT_DIRECTION, 0); /* the original one */
		return;
	case IS:
	case IS_NOT:
		mnl_attr_put_u32(message, NFTA_CMP_OP, htonl(word->kind == IS ? NFT_CMP_EQ : NFT_CMP_NEQ));
		data = mnl_attr_nest_start(message, NFTA_CMP_DATA);
		mnl_attr_put(message, NFTA_DATA_VALUE, sizeof(port), &port);
		mnl_attr_nest_end(message, data);
		return;
	case MAPPED:
		mnl_attr_put_u32(message, NFTA_LOOKUP_DREG, htonl(NFT_REG_VERDICT));
		return;
	case OFFLOAD:
		mnl_attr_put_strz(message, 1, word->name);
		return;
	case LISTED:
	case REJECT:
	case END:
		return;
	}
}

static void put_word(struct nlmsghdr *message, const struct word *word)
{
	static const char *const names[] = {
		[DROP] = "immediate", [ACCEPT] = "immediate", [JUMP] = "immediate", [SPORT] = "payload",
		[DPORT] = "payload",  [CT_DPORT] = "ct",      [IS] = "cmp",         [IS_NOT] = "cmp",
		[LISTED] = "lookup",  [MAPPED] = "lookup",    [REJECT] = "reject",  [OFFLOAD] = "flow_offload",
	};
	struct nlattr *item = mnl_attr_nest_start(message, NFTA_LIST_ELEM), *data;

	mnl_attr_put_strz(message, NFTA_EXPR_NAME, names[word->kind]);
	data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	put_data(message, word);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, item);
}

static void say_rules(struct said *said)
{
	for (size_t i = 0; i < 4 && world.rules[i].chain; i++) {
		struct nlattr *list;

		begin(said, NFT_MSG_NEWRULE);
		mnl_attr_put_strz(said->reply, NFTA_RULE_TABLE, world.table);
		mnl_attr_put_strz(said->reply, NFTA_RULE_CHAIN, world.rules[i].chain);
		list = mnl_attr_nest_start(said->reply, NFTA_RULE_EXPRESSIONS);
		for (const struct word *word = world.rules[i].words; word->kind != END; word++)
			put_word(said->reply, word);
		mnl_attr_nest_end(said->reply, list);
		end(said);
	}
}

int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    visitor *visit, void *context)
{
	struct said said = { .sequence = first, .visit = visit, .context = context };
	const struct nlmsghdr *message = request;

	(void)socket;
	(void)length;
	(void)last;
	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_GETCHAIN:
		say_chains(&said);
		break;
	case NFT_MSG_GETFLOWTABLE:
		say_flowtable(&said);
		break;
	case NFT_MSG_GETRULE:
		say_rules(&said);
		break;
	}
	said.reply = mnl_nlmsg_put_header(said.buffer);
	said.reply->nlmsg_type = NLMSG_DONE;
	memcpy(mnl_nlmsg_put_extra_header(said.reply, sizeof(world.error)), &world.error, sizeof(world.error));
	assert_int_equal(visit(context, said.reply), NLSOCK_LAST);
	return 0;
}

/* ---- chains ---- */

static struct others read_all(void)
{
	struct others others = { 0 };

	assert_int_equal(others_read("nfqdn", &others), 0);
	return others;
}

static void forward(const char *name, int policy)
{
	world.chains[0].name = name;
	world.chains[0].hook = NF_INET_FORWARD;
	world.chains[0].policy = policy;
}

static int reset(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.family = NFPROTO_INET;
	world.table = "fw";
	for (size_t i = 0; i < 4; i++)
		world.chains[i].hook = -1;
	return 0;
}

static void chains_that_drop(void **state)
{
	struct others others;

	(void)state;
	forward("fwd\n", NF_DROP);
	world.chains[1].name = "deep";
	world.chains[2].name = "output";
	world.chains[2].hook = NF_INET_LOCAL_OUT;
	others = read_all();
	assert_int_equal(others.chain_count, 1);
	assert_string_equal(others.chains[0].name, "inet fw fwd\\010");
	assert_int_equal(others.chains[0].priority, -7);
	assert_true(others.chains[0].policy_drops && !others.chains[0].accepts && !others.chains[0].drops);
	others_free(&others);
	world.rules[0].chain = "deep";
	world.rules[0].words[0] = (struct word) { .kind = ACCEPT };
	world.rules[1].chain = "output";
	world.rules[1].words[0] = (struct word) { .kind = DROP };
	others = read_all();
	assert_false(others.chains[0].accepts || others.chains[0].drops);
	others_free(&others);
	/* told before the rule of the chain that it calls, and after it */
	world.rules[2].chain = world.chains[0].name;
	world.rules[2].words[0] = (struct word) { .kind = JUMP, .name = "deep" };
	others = read_all();
	assert_true(others.chains[0].accepts && !others.chains[0].drops);
	others_free(&others);
}

static void rules_that_drop(void **state)
{
	static const struct {
		struct word word;
		bool accepts, drops;
	} cases[] = {
		{ { .kind = DROP }, false, true },    { { .kind = ACCEPT }, true, false },
		{ { .kind = REJECT }, false, true },  { { .kind = MAPPED }, true, true },
		{ { .kind = LISTED }, false, false }, { { .kind = JUMP, .name = "none" }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct others others;

		forward("forward", NF_ACCEPT);
		world.rules[0].chain = "forward";
		world.rules[0].words[0] = cases[i].word;
		others = read_all();
		assert_false(others.chains[0].policy_drops);
		assert_int_equal(others.chains[0].accepts, cases[i].accepts);
		assert_int_equal(others.chains[0].drops, cases[i].drops);
		others_free(&others);
	}
}

static void ours_and_other_families(void **state)
{
	struct others others;

	(void)state;
	forward("egress", NF_ACCEPT);
	world.table = "nfqdn";
	others = read_all();
	assert_int_equal(others.chain_count, 0);
	others_free(&others);
	world.family = NFPROTO_IPV4; /* the same name, of another family */
	others = read_all();
	assert_int_equal(others.chain_count, 1);
	assert_string_equal(others.chains[0].name, "ip nfqdn egress");
	others_free(&others);
	world.family = NFPROTO_BRIDGE;
	others = read_all();
	assert_int_equal(others.chain_count, 0);
	others_free(&others);
}

/* ---- flowtables ---- */

static void flowtable_rules(void **state)
{
	static const struct {
		struct word words[7];
		bool takes;
	} cases[] = {
		{ { { .kind = OFFLOAD, .name = "fast" } }, true },
		{ { { .kind = DPORT }, { IS_NOT, 53, NULL }, { .kind = OFFLOAD, .name = "fast" } }, true },
		{ { { .kind = DPORT },
		    { IS_NOT, 53, NULL },
		    { .kind = SPORT },
		    { IS_NOT, 53, NULL },
		    { OFFLOAD, 0, "fast" } },
		  false },
		{ { { .kind = DPORT },
		    { IS, 443, NULL },
		    { .kind = SPORT },
		    { IS_NOT, 53, NULL },
		    { OFFLOAD, 0, "fast" } },
		  false },
		{ { { .kind = DPORT },
		    { IS, 53, NULL },
		    { .kind = SPORT },
		    { IS_NOT, 53, NULL },
		    { OFFLOAD, 0, "fast" } },
		  true },
		{ { { .kind = DPORT },
		    { IS_NOT, 443, NULL },
		    { .kind = SPORT },
		    { IS_NOT, 53, NULL },
		    { OFFLOAD, 0, "fast" } },
		  true },
		{ { { .kind = CT_DPORT }, { IS_NOT, 53, NULL }, { OFFLOAD, 0, "fast" } }, false },
		{ { { .kind = CT_DPORT }, { .kind = LISTED }, { OFFLOAD, 0, "fast" } }, false },
		{ { { OFFLOAD, 0, "fast" }, { .kind = CT_DPORT }, { IS_NOT, 53, NULL } }, true },
		{ { { .kind = IS_NOT, .number = 53 }, { OFFLOAD, 0, "fast" } }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct others others;

		forward("forward", NF_ACCEPT);
		world.flowtable = "fast";
		world.rules[0].chain = "forward";
		memcpy(world.rules[0].words, cases[i].words, sizeof(cases[i].words));
		others = read_all();
		assert_int_equal(others.flowtable_count, 1);
		assert_string_equal(others.flowtables[0].name, "fw fast");
		assert_true(others.flowtables[0].used);
		if (others.flowtables[0].takes_dns != cases[i].takes)
			fail_msg("case %zu", i);
		others_free(&others);
	}
	world.rules[0].words[0] = (struct word) { OFFLOAD, 0, "other" };
	world.rules[0].words[1] = (struct word) { .kind = END };
	{
		struct others others = read_all();

		assert_false(others.flowtables[0].used || others.flowtables[0].takes_dns);
		others_free(&others);
	}
}

static void errors(void **state)
{
	struct others others = { .chain_count = 7 };

	(void)state;
	forward("forward", NF_ACCEPT);
	world.error = -ENOMEM;
	assert_int_equal(others_read("nfqdn", &others), -ENOMEM);
	world.error = -EPERM;
	assert_int_equal(others_read("nfqdn", &others), -EPERM);
	world.error = -EINTR; /* the ruleset moves all the time */
	assert_int_equal(others_read("nfqdn", &others), -EINTR);
	assert_int_equal(others.chain_count, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(chains_that_drop, reset),
		cmocka_unit_test_setup(rules_that_drop, reset),
		cmocka_unit_test_setup(ours_and_other_families, reset),
		cmocka_unit_test_setup(flowtable_rules, reset),
		cmocka_unit_test_setup(errors, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
