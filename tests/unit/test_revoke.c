/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/revoke.o policy/value.o base/counters.o base/ipaddr.o base/log.o base/monotime.o base/escape.o */
/* revoke.c with a kernel, routes and judgements that say what the case wants. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/log.h"
#include "learn/revoke.h"
#include "netfilter/route.h"

/* ---- what stands in for the rest ---- */

static struct {
	int open_error, begin_error, step_error;
	unsigned int begun, steps; /* steps: of one listing, still to come */
	struct conntrack_flow flow; /* that each step shows */
	bool doomed; /* it was, at the last step */
	bool egress, inbound, reply; /* may it? */
	enum route_kind kinds[3]; /* by the last octet of the address */
	const char *interfaces[3];
	unsigned int asked; /* for routes */
} world;

struct conntrack {
	int nothing;
};
struct route {
	int nothing;
};
static struct conntrack the_conntrack;
static struct route the_route;

int conntrack_open(struct conntrack **out)
{
	if (world.open_error == 0)
		*out = &the_conntrack;
	return world.open_error;
}

void conntrack_close(struct conntrack *conntrack)
{
	assert_true(!conntrack || conntrack == &the_conntrack);
}

int conntrack_list_begin(struct conntrack *conntrack)
{
	assert_ptr_equal(conntrack, &the_conntrack);
	world.begun++;
	world.steps = 3;
	return world.begin_error;
}

int conntrack_list_step(struct conntrack *conntrack, bool (*doomed)(void *context, const struct conntrack_flow *flow),
			void *context, struct conntrack_part *out)
{
	assert_ptr_equal(conntrack, &the_conntrack);
	world.doomed = doomed(context, &world.flow);
	*out = (struct conntrack_part) { .seen = 1, .deleted = world.doomed };
	return world.step_error ? world.step_error : --world.steps > 0;
}

int route_open(struct route **out)
{
	*out = &the_route;
	return 0;
}

void route_close(struct route *route)
{
	assert_true(!route || route == &the_route);
}

int route_look(struct route *route, const struct ipaddr *address, enum route_kind *kind, char interface[IF_NAMESIZE])
{
	assert_ptr_equal(route, &the_route);
	world.asked++;
	*kind = world.kinds[address->bytes[3]];
	if (*kind == ROUTE_OUT)
		snprintf(interface, IF_NAMESIZE, "%s", world.interfaces[address->bytes[3]]);
	return 0;
}

bool judge_egress(const struct judge *judge, const struct conntrack_flow *flow)
{
	assert_non_null(judge->policy);
	assert_ptr_equal(flow, &world.flow);
	return world.egress;
}

bool judge_inbound(const struct judge *judge, const struct conntrack_flow *flow)
{
	(void)judge;
	(void)flow;
	return world.inbound;
}

bool judge_reply(const struct judge *judge, const struct conntrack_flow *flow)
{
	(void)judge;
	(void)flow;
	return world.reply;
}

/* Only `gateway.clients` is asked for. */
bool policy_ranges46_contain(const struct policy_ranges46 *ranges, const struct ipaddr *address)
{
	return ranges->v4.count > 0 && address->bytes[3] == 1;
}

/* ---- the cases ---- */

static const struct value_interface interfaces[] = { { "lan", true } };
static struct config config;
static struct policy policy;

static struct ipaddr address(uint8_t last)
{
	uint8_t octets[4] = { 10, 0, 0, last };

	return ipaddr_from_bytes(IPADDR_V4, octets);
}

/* A flow from 10.0.0.1, by lan0, to 10.0.0.2, by up0, that may not be. */
static struct revoke *begin(void)
{
	struct revoke *revoke = revoke_new(NULL, NULL);
	const char *why = NULL;

	memset(&world, 0, sizeof(world));
	log_set_level(LOG_LEVEL_ERROR);
	config = (struct config) { .revoke = CONFIG_CUT, .interfaces = interfaces, .interface_count = 1 };
	policy = (struct policy) { .config = &config };
	world.flow = (struct conntrack_flow) { .source = address(1), .destination = address(2), .replied = true };
	world.kinds[1] = world.kinds[2] = ROUTE_OUT;
	world.interfaces[1] = "lan0";
	world.interfaces[2] = "up0";
	world.inbound = world.reply = true;
	assert_non_null(revoke);
	assert_int_equal(revoke_prepare(revoke, &config, &why), 0);
	return revoke;
}

static void whole_look(struct revoke *revoke, int64_t at)
{
	struct monotime now = { at };

	assert_int_equal(revoke_tick(revoke, &policy, now), 0);
	assert_int_equal(revoke_tick(revoke, &policy, now), 0);
}

static bool cut(struct revoke *revoke)
{
	revoke_begin(revoke, (struct monotime) { 0 });
	revoke_tick(revoke, &policy, (struct monotime) { 0 });
	return world.doomed;
}

static void two_looks(void **state)
{
	struct revoke *revoke = begin();
	uint64_t looks = counters.flow_looks, flows = counters.flows_cut;

	(void)state;
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 5 }), -1);
	revoke_begin(revoke, (struct monotime) { 1000 });
	assert_true(revoke_looks(revoke));
	whole_look(revoke, 1000);
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 1000 }), 1000);
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 1600 }), 400);
	assert_int_equal(world.begun, 1);
	whole_look(revoke, 2000);
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 2000 }), -1);
	assert_false(revoke_looks(revoke));
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 9000 }), -1);
	assert_true(counters.flow_looks == looks + 2 && counters.flows_cut == flows + 6 && world.begun == 2);
	revoke_free(revoke);
}

/* The policy of the day is the one that the rest is judged by, from the first flow on. */
static void reload_in_the_middle(void **state)
{
	struct revoke *revoke = begin();

	(void)state;
	revoke_begin(revoke, (struct monotime) { 0 });
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 0 }), 0);
	revoke_begin(revoke, (struct monotime) { 1 });
	whole_look(revoke, 1);
	assert_int_equal(world.begun, 2);
	config.revoke = CONFIG_KEEP;
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 2 }), -1);
	assert_false(revoke_looks(revoke));
	revoke_free(revoke);
}

static void whose_flow(void **state)
{
	static const struct value_range range = { .first = { .family = IPADDR_V4 } };
	struct revoke *revoke = begin();

	(void)state;
	assert_true(cut(revoke));
	world.egress = true;
	world.asked = 0;
	assert_false(cut(revoke));
	assert_int_equal(world.asked, 0); /* what is allowed costs no question */
	world.egress = false;
	world.interfaces[1] = "dmz0"; /* not a client's */
	assert_false(cut(revoke));
	world.inbound = false; /* guarded, wherever it comes from */
	assert_true(cut(revoke));
	world.inbound = true;
	world.interfaces[2] = "lan1"; /* a client answers */
	assert_false(cut(revoke));
	world.reply = false;
	assert_true(cut(revoke));
	world.flow.replied = false; /* it has not answered yet */
	assert_false(cut(revoke));
	world.inbound = false;
	world.kinds[1] = ROUTE_HERE; /* the gateway's own */
	assert_false(cut(revoke));
	world.kinds[1] = ROUTE_OUT;
	world.kinds[2] = ROUTE_HERE;
	assert_false(cut(revoke));
	world.inbound = true;
	world.kinds[1] = world.kinds[2] = ROUTE_NONE; /* nobody knows: `clients` does */
	assert_false(cut(revoke));
	policy.clients.v4 = (struct policy_ranges) { &range, 1 };
	assert_true(cut(revoke));
	revoke_free(revoke);
}

static void audit_cuts_nothing(void **state)
{
	struct revoke *revoke = begin();
	uint64_t audited = counters.flows_audited;

	(void)state;
	config.mode = CONFIG_AUDIT;
	assert_false(cut(revoke));
	assert_int_equal(counters.flows_audited, audited + 1);
	config.mode = CONFIG_ENFORCE;
	config.interface_count = 0; /* a policy that stands in */
	world.doomed = false;
	assert_false(cut(revoke));
	assert_false(revoke_looks(revoke));
	revoke_free(revoke);
}

static void begun_anew(void **state)
{
	struct revoke *revoke = begin();
	uint64_t failed = counters.flow_looks_failed;

	(void)state;
	revoke_begin(revoke, (struct monotime) { 0 });
	world.step_error = -ENOBUFS;
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 0 }), 1000);
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 500 }), 500);
	world.step_error = 0;
	world.begin_error = -EINTR;
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 1000 }), 1000);
	world.begin_error = 0;
	whole_look(revoke, 2000);
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 2000 }), 1000);
	assert_int_equal(counters.flow_looks_failed, failed + 2);
	world.step_error = -ENOBUFS;
	for (int64_t at = 3000; at < 5000; at += 1000)
		assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { at }), 1000);
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 5000 }), -1);
	assert_false(revoke_looks(revoke)); /* given up until the next policy */
	assert_int_equal(revoke_tick(revoke, &policy, (struct monotime) { 6000 }), -1);
	revoke_free(revoke);
}

static void kernel_without(void **state)
{
	struct revoke *revoke = begin(), *fresh = revoke_new(NULL, NULL);
	const char *why = NULL;

	(void)state;
	world.open_error = -EOPNOTSUPP;
	assert_int_equal(revoke_prepare(fresh, &config, &why), -EOPNOTSUPP);
	assert_non_null(strstr(why, "revoke = \"cut\""));
	assert_non_null(strstr(why, "CONFIG_NF_CT_NETLINK"));
	assert_non_null(strstr(why, "write \"keep\""));
	world.open_error = -EPERM;
	assert_int_equal(revoke_prepare(fresh, &config, &why), -EPERM);
	assert_non_null(strstr(why, "CAP_NET_ADMIN"));
	assert_int_equal(revoke_prepare(revoke, &config, &why), 0); /* open already */
	config.revoke = CONFIG_KEEP;
	assert_int_equal(revoke_prepare(fresh, &config, &why), 0); /* not needed */
	revoke_begin(fresh, (struct monotime) { 0 });
	assert_int_equal(revoke_tick(fresh, &policy, (struct monotime) { 0 }), -1);
	revoke_free(fresh);
	revoke_free(revoke);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_looks),  cmocka_unit_test(reload_in_the_middle),
		cmocka_unit_test(whose_flow), cmocka_unit_test(audit_cuts_nothing),
		cmocka_unit_test(begun_anew), cmocka_unit_test(kernel_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
