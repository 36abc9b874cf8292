/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/table_watch.o netfilter/table_watch_chains.o netfilter/table_watch_flowtables.o netfilter/table_watch_sets.o netfilter/table_query.o netfilter/batch.o netfilter/nfattr.o */
/* LINK: base/arena.o base/counters.o base/escape.o base/ipaddr.o */
/* LIBS: libmnl */
/* table_watch.c and a kernel that has nothing but a generation and flowtables. */
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
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netfilter/nlsock.h"
#include "netfilter/ruleset_model.h"
#include "netfilter/table_private.h"
#include "netfilter/table_watch.h"

/* ---- the kernel ---- */

struct nlsock {
	uint32_t sequence, generation;
	const char *flowtables[4][2]; /* table, name */
	int error; /* of the dump, and of transactions */
	unsigned int asked; /* for the table: a look */
};

uint32_t nlsock_sequence(struct nlsock *socket)
{
	return ++socket->sequence;
}

static struct nlmsghdr *reply_begin(char *buffer, uint16_t type, uint32_t sequence)
{
	struct nlmsghdr *reply = mnl_nlmsg_put_header(buffer);

	reply->nlmsg_type = type;
	reply->nlmsg_seq = sequence;
	return reply;
}

static void say_object(const struct nlmsghdr *reply, enum nlsock_next (*visit)(void *, const struct nlmsghdr *),
		       void *context)
{
	assert_int_equal(visit(context, reply), NLSOCK_MORE);
}

static void say_flowtables(struct nlsock *socket, uint32_t sequence,
			   enum nlsock_next (*visit)(void *, const struct nlmsghdr *), void *context)
{
	char buffer[512];

	for (size_t i = 0; i < 4 && socket->flowtables[i][0]; i++) {
		struct nlmsghdr *reply =
			reply_begin(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE, sequence);

		mnl_nlmsg_put_extra_header(reply, sizeof(struct nfgenmsg));
		mnl_attr_put_strz(reply, NFTA_FLOWTABLE_TABLE, socket->flowtables[i][0]);
		mnl_attr_put_strz(reply, NFTA_FLOWTABLE_NAME, socket->flowtables[i][1]);
		say_object(reply, visit, context);
	}
}

int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	const struct nlmsghdr *message = request;
	struct nlmsgerr end = { 0 };
	struct nlmsghdr *reply;
	char buffer[512];

	(void)length;
	if (message->nlmsg_type == NFNL_MSG_BATCH_BEGIN) {
		end.error = socket->error;
		last--; /* BATCH_END's */
	} else if ((message->nlmsg_type & 0xff) == NFT_MSG_GETGEN) {
		reply = reply_begin(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN, first);
		mnl_nlmsg_put_extra_header(reply, sizeof(struct nfgenmsg));
		mnl_attr_put_u32(reply, NFTA_GEN_ID, htonl(socket->generation));
		say_object(reply, visit, context);
	} else if ((message->nlmsg_type & 0xff) == NFT_MSG_GETFLOWTABLE) {
		say_flowtables(socket, first, visit, context);
		end.error = socket->error;
	} else {
		socket->asked++;
		end.error = -ENOENT;
	}
	reply = reply_begin(buffer, NLMSG_ERROR, last);
	memcpy(mnl_nlmsg_put_extra_header(reply, sizeof(end)), &end, sizeof(end));
	assert_int_equal(visit(context, reply), NLSOCK_LAST);
	return 0;
}

/* ---- a policy without anything ---- */

const struct ruleset_key_type ruleset_key_types[1];
const struct ruleset_field_type ruleset_field_types[1];

void ruleset_element(const struct ruleset_set *set, size_t index, struct ruleset_field fields[RULESET_FIELDS])
{
	(void)set;
	(void)index;
	(void)fields;
}

static const struct ruleset nothing;

/* ---- the tests ---- */

struct world {
	struct nlsock socket;
	struct table table;
	struct table_watch *watch;
};

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->table.name = (char *)"nfqdn";
	world->table.queries = &world->socket;
	world->table.held = &nothing;
	world->table.batch = batch_new(&world->socket);
	world->watch = table_watch_new(&world->table);
	assert_non_null(world->table.batch);
	assert_non_null(world->watch);
	return world;
}

static void world_free(struct world *world)
{
	table_watch_free(world->watch);
	batch_free(world->table.batch);
	free(world);
}

static void transaction(struct world *world, bool raises)
{
	batch_begin(world->table.batch);
	assert_non_null(batch_open(world->table.batch, NFT_MSG_NEWSETELEM, 0));
	batch_close(world->table.batch);
	if (raises)
		batch_raises(world->table.batch);
	batch_commit(world->table.batch, NULL);
}

static void flowtables_are_told(void **state)
{
	struct world *world = world_new();

	(void)state;
	table_watch_begin(world->watch);
	assert_string_equal(table_watch_warning(world->watch), "");
	world->socket.flowtables[0][0] = "fw4";
	world->socket.flowtables[0][1] = "f\nt";
	table_watch_look(world->watch);
	assert_non_null(strstr(table_watch_warning(world->watch), "flowtable fw4 f\\010t: "));
	assert_non_null(strstr(table_watch_warning(world->watch), "port 53"));
	world->socket.flowtables[1][0] = "mine";
	world->socket.flowtables[1][1] = "x";
	table_watch_look(world->watch);
	assert_non_null(strstr(table_watch_warning(world->watch), "flowtable fw4 f\\010t and others: "));
	/* A dump that failed says nothing. */
	world->socket.error = -EINTR;
	world->socket.flowtables[0][0] = NULL;
	table_watch_look(world->watch);
	assert_non_null(strstr(table_watch_warning(world->watch), "fw4"));
	world->socket.error = 0;
	table_watch_look(world->watch);
	assert_string_equal(table_watch_warning(world->watch), "");
	world_free(world);
}

static void missing_at_the_beginning(void **state)
{
	struct world *world = world_new();

	(void)state;
	assert_int_equal(table_watch_begin(world->watch), -ENOENT);
	assert_int_equal(table_watch_look(world->watch), TABLE_WATCH_RULES | TABLE_WATCH_LEARNED);
	assert_int_equal(table_watch_look(world->watch), TABLE_WATCH_RULES | TABLE_WATCH_LEARNED);
	world_free(world);
}

static void transactions_are_counted(void **state)
{
	struct world *world = world_new();
	uint32_t count;

	(void)state;
	transaction(world, true);
	transaction(world, true);
	assert_true(batch_raised(world->table.batch, &count));
	assert_int_equal(count, 2);
	assert_true(batch_raised(world->table.batch, &count));
	assert_int_equal(count, 0);
	/* Refused: nothing moved. */
	world->socket.error = -ENFILE;
	transaction(world, true);
	assert_true(batch_raised(world->table.batch, &count));
	assert_int_equal(count, 0);
	/* Lost, or nobody knows whether it changes anything. */
	world->socket.error = -ENOBUFS;
	transaction(world, true);
	assert_false(batch_raised(world->table.batch, &count));
	world->socket.error = 0;
	transaction(world, false);
	assert_false(batch_raised(world->table.batch, &count));
	assert_true(batch_raised(world->table.batch, &count));
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flowtables_are_told),
		cmocka_unit_test(missing_at_the_beginning),
		cmocka_unit_test(transactions_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
