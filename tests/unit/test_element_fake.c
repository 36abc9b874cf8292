/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/element.o netfilter/element_shared.o netfilter/element_dump.o netfilter/table_query.o netfilter/batch.o netfilter/nfattr.o base/counters.o base/ipaddr.o */
/* LIBS: libmnl */
/* element_commit() and element_dump() against a kernel made up here: what is sent for each kind of kernel, and what
 * becomes of answers that are late, lost, partial or garbled. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/counters.h"
#include "netfilter/element.h"
#include "netfilter/nlsock.h"
#include "netfilter/table_private.h"

/* ---- the kernel ---- */

enum answer {
	ANSWER_ACK,
	ANSWER_REFUSE, /* element `which` of message `message` */
	ANSWER_REFUSE_SET, /* the message's set is not there */
	ANSWER_GIVE_UP, /* the whole batch, by BATCH_BEGIN's number */
	ANSWER_ACK_AND_REFUSE, /* an error of an earlier message, then the last one's ACK: nothing was done */
	ANSWER_LOST, /* no reply */
	ANSWER_OVERRUN, /* ENOBUFS */
	ANSWER_OVERRUN_AFTER_ERROR,
	ANSWER_NOT_SENT, /* sendto() fails */
	ANSWER_GARBLED, /* an ACK that is no error number */
};

struct nlsock {
	uint32_t sequence;
	const enum answer *answers; /* one a transaction */
	size_t transactions;
	unsigned int message, which;
	int error;
	char said[16384]; /* what was sent, as a text */
	/* dumps */
	const struct dump_step *dumps;
	size_t dump_count;
	uint8_t theirs; /* last octet of the administrator's element, which has no end */
};

uint32_t nlsock_sequence(struct nlsock *socket)
{
	return socket->sequence++;
}

static const char *type_name(uint16_t type)
{
	switch (type & 0xff) {
	case NFT_MSG_NEWSETELEM:
		return "add";
	case NFT_MSG_DELSETELEM:
		return "delete";
	case 30:
		return "destroy";
	}
	return "other";
}

static void say_element(struct nlsock *socket, const struct nlattr *element)
{
	const struct nlattr *attribute, *value;
	bool timeout = false, expiration = false, comment = false;
	unsigned int last = 0;
	size_t at;

	mnl_attr_for_each_nested (attribute, element)
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_SET_ELEM_KEY:
			value = mnl_attr_get_payload(attribute);
			at = mnl_attr_get_payload_len(value);
			last = ((const uint8_t *)mnl_attr_get_payload(value))[at > 4 && at != 16 ? at - 9 : at - 1];
			break;
		case NFTA_SET_ELEM_TIMEOUT:
			timeout = true;
			break;
		case NFTA_SET_ELEM_EXPIRATION:
			expiration = true;
			break;
		case NFTA_SET_ELEM_USERDATA:
			comment = true;
			break;
		}
	sprintf(socket->said + strlen(socket->said), " %u%s%s%s", last, timeout ? "t" : "", expiration ? "e" : "",
		comment ? "c" : "");
}

static void say(struct nlsock *socket, const struct nlmsghdr *message)
{
	const struct nlattr *attribute, *element;

	sprintf(socket->said + strlen(socket->said), "%s", type_name(message->nlmsg_type));
	mnl_attr_for_each (attribute, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_LIST_SET)
			sprintf(socket->said + strlen(socket->said), " %s", mnl_attr_get_str(attribute));
		else if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_LIST_ELEMENTS)
			mnl_attr_for_each_nested (element, attribute)
				say_element(socket, element);
	strcat(socket->said, message->nlmsg_flags & NLM_F_ACK ? "!\n" : "\n");
}

static enum nlsock_next reply(enum nlsock_next (*visit)(void *, const struct nlmsghdr *), void *context,
			      uint32_t sequence, int error, uint32_t offset)
{
	_Alignas(8) char buffer[256] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlmsgerr *body = mnl_nlmsg_put_extra_header(message, sizeof(*body));

	message->nlmsg_type = NLMSG_ERROR;
	message->nlmsg_flags = NLM_F_CAPPED;
	message->nlmsg_seq = sequence;
	body->error = error;
	body->msg.nlmsg_len = 1000;
	if (offset) {
		message->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_u32(message, NLMSGERR_ATTR_OFFS, offset);
	}
	return visit(context, message);
}

/* The offset of element `which` in the message, or of its set's name. */
static uint32_t offset_of(const struct nlmsghdr *message, uint16_t type, unsigned int which)
{
	const struct nlattr *attribute, *element;

	mnl_attr_for_each (attribute, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) != type)
			continue;
		if (type != NFTA_SET_ELEM_LIST_ELEMENTS)
			return (uint32_t)((const char *)attribute - (const char *)message);
		mnl_attr_for_each_nested (element, attribute)
			if (which-- == 0)
				return (uint32_t)((const char *)element - (const char *)message);
	}
	fail_msg("no such element");
	return 0;
}

/* How one dump goes. */
struct dump_step {
	int error; /* of nlsock_transact(), after the elements */
	int done; /* of NLMSG_DONE */
	bool moved; /* the generation, between two of the elements */
	enum { DUMP_WHOLE, DUMP_SHORT_KEY, DUMP_NO_EXPIRATION, DUMP_NO_LIST, DUMP_CUT } form;
	uint8_t first, last; /* the elements */
};

static void dump_element_message(const struct dump_step *step, uint8_t element, uint32_t sequence, uint16_t generation,
				 enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	_Alignas(8) char buffer[512] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	const uint8_t key[12] = { 192, 0, 2, element, IPPROTO_TCP, 0, 0, 0, 443 >> 8, 443 & 0xff };
	struct nfgenmsg *generic;
	struct nlattr *list, *item, *nest;

	message->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM;
	message->nlmsg_seq = sequence;
	generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
	generic->res_id = generation;
	list = mnl_attr_nest_start(message,
				   step->form == DUMP_NO_LIST ? NFTA_SET_ELEM_LIST_SET : NFTA_SET_ELEM_LIST_ELEMENTS);
	item = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
	mnl_attr_put(message, NFTA_DATA_VALUE, step->form == DUMP_SHORT_KEY ? 3 : sizeof(key), key);
	mnl_attr_nest_end(message, nest);
	if (step->form != DUMP_NO_EXPIRATION)
		mnl_attr_put_u64(message, NFTA_SET_ELEM_EXPIRATION, htobe64(1));
	mnl_attr_nest_end(message, item);
	mnl_attr_nest_end(message, list);
	if (step->form == DUMP_CUT)
		message->nlmsg_len = sizeof(*message) + 2;
	assert_int_equal(visit(context, message), NLSOCK_MORE);
}

static int dump(struct nlsock *socket, uint32_t sequence,
		enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	const struct dump_step *step = &socket->dumps[socket->dump_count++];
	_Alignas(8) char buffer[64] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	for (uint8_t element = step->first; element && element <= step->last; element++)
		dump_element_message(step, element, sequence, step->moved && element > step->first, visit, context);
	if (step->error)
		return step->error;
	message->nlmsg_type = NLMSG_DONE;
	message->nlmsg_seq = sequence;
	*(int *)mnl_nlmsg_put_extra_header(message, sizeof(int)) = step->done;
	assert_int_equal(visit(context, message), NLSOCK_LAST);
	return 0;
}

/* Is it there? Only the administrator's is. */
static int ask_element(const struct nlsock *socket, const struct nlmsghdr *request, uint32_t sequence,
		       enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	bool theirs = socket->theirs && ((const uint8_t *)request)[request->nlmsg_len - 1] == socket->theirs;

	if (theirs)
		dump_element_message(&(struct dump_step) { .form = DUMP_NO_EXPIRATION }, socket->theirs, sequence, 0,
				     visit, context);
	assert_int_equal(reply(visit, context, sequence, theirs ? 0 : -ENOENT, 0), NLSOCK_LAST);
	return 0;
}

int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	const struct nlmsghdr *messages[64], *at = request, *refused;
	int left = (int)length;
	size_t count = 0;

	if ((at->nlmsg_type & 0xff) == NFT_MSG_GETSETELEM && !(at->nlmsg_flags & NLM_F_DUMP))
		return ask_element(socket, at, first, visit, context);
	if ((at->nlmsg_type & 0xff) == NFT_MSG_GETSETELEM)
		return dump(socket, first, visit, context);
	for (; mnl_nlmsg_ok(at, left); at = mnl_nlmsg_next(at, &left)) {
		assert_true(at->nlmsg_seq - first <= last - first);
		assert_true(count < 64);
		messages[count++] = at;
	}
	assert_int_equal(left, 0);
	assert_int_equal(messages[0]->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	assert_int_equal(messages[count - 1]->nlmsg_type, NFNL_MSG_BATCH_END);
	for (size_t i = 1; i + 1 < count; i++)
		say(socket, messages[i]);
	strcat(socket->said, "--\n");
	refused = messages[1 + socket->message < count ? 1 + socket->message : 1];
	switch (socket->answers[socket->transactions++]) {
	case ANSWER_ACK:
		break;
	case ANSWER_REFUSE:
	case ANSWER_ACK_AND_REFUSE:
		reply(visit, context, refused->nlmsg_seq, socket->error,
		      offset_of(refused, NFTA_SET_ELEM_LIST_ELEMENTS, socket->which));
		break;
	case ANSWER_REFUSE_SET:
		reply(visit, context, refused->nlmsg_seq, socket->error, offset_of(refused, NFTA_SET_ELEM_LIST_SET, 0));
		break;
	case ANSWER_GIVE_UP:
		assert_int_equal(reply(visit, context, messages[0]->nlmsg_seq, socket->error, 0), NLSOCK_LAST);
		return 0;
	case ANSWER_LOST:
		return -ETIMEDOUT;
	case ANSWER_OVERRUN:
		return -ENOBUFS;
	case ANSWER_OVERRUN_AFTER_ERROR:
		reply(visit, context, refused->nlmsg_seq, socket->error,
		      offset_of(refused, NFTA_SET_ELEM_LIST_ELEMENTS, socket->which));
		return -ENOBUFS;
	case ANSWER_NOT_SENT:
		return socket->error;
	case ANSWER_GARBLED:
		assert_int_equal(reply(visit, context, messages[count - 2]->nlmsg_seq, 0x5a5a5a5a, 0), NLSOCK_LAST);
		return 0;
	}
	assert_int_equal(reply(visit, context, messages[count - 2]->nlmsg_seq, 0, 0), NLSOCK_LAST);
	return 0;
}

/* ---- the table ---- */

struct world {
	struct nlsock socket;
	struct table *table;
};

static struct table_target own_set(const char *name)
{
	struct table_target target = { .nfproto = NFPROTO_INET, .table = "t" };

	strcpy(target.set, name);
	return target;
}

static void begin(struct world *world, bool update, bool destroy, const enum answer *answers)
{
	memset(world, 0, sizeof(*world));
	world->socket.sequence = 0xfffffff0; /* numbers wrap */
	world->socket.answers = answers;
	world->table = calloc(1, sizeof(*world->table));
	world->table->name = "t";
	world->table->batch = batch_new(&world->socket);
	world->table->capabilities = (struct table_capabilities) { .update = update, .destroy = destroy };
	world->table->group_count = 2;
	world->table->learned[0][0] = own_set("n4");
	world->table->learned[0][1] = own_set("n6");
	world->table->learned[1][0] = own_set("g4");
	world->table->learned[1][1] = own_set("g6");
	memset(&counters, 0, sizeof(counters));
}

static void end(struct world *world)
{
	batch_free(world->table->batch);
	free(world->table);
}

static struct element_change change(enum element_operation operation, uint8_t last)
{
	return (struct element_change) {
		.key = { .address = { IPADDR_V4, { 192, 0, 2, last } }, .l4proto = IPPROTO_TCP, .port = 443 },
		.operation = operation,
		.timeout_ms = 1000,
		.comment = "name",
		.error = 77
	};
}

static void mixed(struct element_change changes[5])
{
	changes[0] = change(ELEMENT_ADD, 1);
	changes[1] = change(ELEMENT_REFRESH, 2);
	changes[2] = change(ELEMENT_DELETE, 3);
	changes[3] = change(ELEMENT_ADD, 4);
	changes[3].key.group = 1;
	changes[4] = change(ELEMENT_DELETE, 5);
	changes[4].key.address.family = IPADDR_V6;
	changes[4].key.address.bytes[15] = 5;
}

static void expect_said(bool update, bool destroy, const char *expected)
{
	static const enum answer ack[] = { ANSWER_ACK };
	struct element_change changes[5];
	struct world world;

	begin(&world, update, destroy, ack);
	mixed(changes);
	assert_int_equal(element_commit(world.table, changes, 5), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(changes[i].error, 0);
	assert_string_equal(world.socket.said, expected);
	assert_int_equal(counters.transactions, 1);
	end(&world);
}

/* t: timeout, e: expiration, c: comment, !: asks for the acknowledgement */
static void messages_of_each_kernel(void **state)
{
	(void)state;
	expect_said(true, true,
		    "destroy n4 3\ndestroy n6 5\n"
		    "add n4 1tec 2te\nadd g4 4tec!\n--\n");
	expect_said(false, true,
		    "destroy n4 3\ndestroy n6 5\n"
		    "destroy n4 1 2\ndestroy g4 4\n"
		    "add n4 1tc 2t\nadd g4 4tc!\n--\n");
	expect_said(false, false,
		    "add n4 3\nadd n6 5\ndelete n4 3\ndelete n6 5\n"
		    "add n4 1 2\nadd g4 4\ndelete n4 1 2\ndelete g4 4\n"
		    "add n4 1tc 2t\nadd g4 4tc!\n--\n");
}

/* ---- answers ---- */

struct expected {
	const enum answer *answers;
	unsigned int message, which; /* refused */
	int error;
	size_t transactions;
	int errors[4];
	uint64_t committed, failed, lost; /* counters */
};

/* Four adds to one set, in one message. */
static void expect_errors(const struct expected *expected)
{
	struct element_change changes[4];
	struct world world;
	size_t wrong = 0;

	begin(&world, true, true, expected->answers);
	world.socket.message = expected->message;
	world.socket.which = expected->which;
	world.socket.error = expected->error;
	for (uint8_t i = 0; i < 4; i++) {
		changes[i] = change(ELEMENT_ADD, (uint8_t)(i + 1));
		wrong += expected->errors[i] != 0;
	}
	assert_int_equal(element_commit(world.table, changes, 4), wrong);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(changes[i].error, expected->errors[i]);
	assert_int_equal(world.socket.transactions, expected->transactions);
	assert_int_equal(counters.transactions, expected->committed);
	assert_int_equal(counters.transactions_failed, expected->failed);
	assert_int_equal(counters.transactions_lost, expected->lost);
	end(&world);
}

#define ANSWERS(...)                                                                                                   \
	(const enum answer[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__                                                                                            \
	}

static void refused_element_is_left_out(void **state)
{
	(void)state;
	for (unsigned int which = 0; which < 4; which++) {
		struct expected expected = { ANSWERS(ANSWER_REFUSE, ANSWER_ACK), 0, which, -ENFILE, 2, { 0 }, 1, 1, 0 };

		expected.errors[which] = -ENFILE;
		expect_errors(&expected);
	}
}

static void refused_twice(void **state)
{
	(void)state;
	/* The second refusal is of another one, which the retry does not look for. */
	expect_errors(&(struct expected) { ANSWERS(ANSWER_REFUSE, ANSWER_REFUSE),
					   0,
					   1,
					   -ENFILE,
					   2,
					   { -ENFILE, -ENFILE, -ENFILE, -ENFILE },
					   0,
					   2,
					   0 });
}

static void ack_after_error_is_no_success(void **state)
{
	(void)state;
	expect_errors(&(struct expected) {
		ANSWERS(ANSWER_ACK_AND_REFUSE, ANSWER_ACK), 0, 2, -ERANGE, 2, { 0, 0, -ERANGE, 0 }, 1, 1, 0 });
}

static void missing_set(void **state)
{
	(void)state;
	expect_errors(&(struct expected) {
		ANSWERS(ANSWER_REFUSE_SET), 0, 0, -ENOENT, 1, { -ENOENT, -ENOENT, -ENOENT, -ENOENT }, 0, 1, 0 });
}

static void whole_batch_given_up(void **state)
{
	(void)state;
	expect_errors(&(struct expected) {
		ANSWERS(ANSWER_GIVE_UP), 0, 0, -EPERM, 1, { -EPERM, -EPERM, -EPERM, -EPERM }, 0, 1, 0 });
	expect_errors(&(struct expected) { ANSWERS(ANSWER_NOT_SENT),
					   0,
					   0,
					   -EMSGSIZE,
					   1,
					   { -EMSGSIZE, -EMSGSIZE, -EMSGSIZE, -EMSGSIZE },
					   0,
					   1,
					   0 });
}

/* Sent once more, since all in it may be done twice: the second answer tells. */
static void answer_lost(void **state)
{
	(void)state;
	expect_errors(&(struct expected) { ANSWERS(ANSWER_LOST, ANSWER_ACK), 0, 0, 0, 2, { 0 }, 1, 0, 1 });
	expect_errors(&(struct expected) { ANSWERS(ANSWER_OVERRUN, ANSWER_ACK), 0, 0, 0, 2, { 0 }, 1, 0, 1 });
	expect_errors(&(struct expected) { ANSWERS(ANSWER_GARBLED, ANSWER_ACK), 0, 0, 0, 2, { 0 }, 1, 0, 1 });
}

/* Twice: it may have been done, and the caller must not believe it. */
static void unknown_result(void **state)
{
	(void)state;
	expect_errors(&(struct expected) { ANSWERS(ANSWER_LOST, ANSWER_LOST),
					   0,
					   0,
					   0,
					   2,
					   { -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT },
					   0,
					   0,
					   2 });
	expect_errors(&(struct expected) { ANSWERS(ANSWER_OVERRUN, ANSWER_LOST),
					   0,
					   0,
					   0,
					   2,
					   { -ENOBUFS, -ENOBUFS, -ENOBUFS, -ENOBUFS },
					   0,
					   0,
					   2 });
}

/* What the second one is refused the first one may have been given: unknown stays unknown. */
static void lost_and_refused(void **state)
{
	static const int errors[] = { -ENFILE, -EBUSY, -EPERM, -ENOMEM, -EAGAIN, -EINTR };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		expect_errors(&(struct expected) { ANSWERS(ANSWER_OVERRUN, ANSWER_GIVE_UP),
						   0,
						   0,
						   errors[i],
						   2,
						   { -ENOBUFS, -ENOBUFS, -ENOBUFS, -ENOBUFS },
						   0,
						   1,
						   1 });
		expect_errors(&(struct expected) { ANSWERS(ANSWER_LOST, ANSWER_REFUSE, ANSWER_ACK),
						   0,
						   1,
						   errors[i],
						   3,
						   { 0, -ETIMEDOUT, 0, 0 },
						   1,
						   1,
						   1 });
	}
}

/* An error that did arrive is an answer: nothing was done, and the rest can be tried. */
static void overrun_after_error(void **state)
{
	(void)state;
	expect_errors(&(struct expected) {
		ANSWERS(ANSWER_OVERRUN_AFTER_ERROR, ANSWER_ACK), 0, 3, -ENFILE, 2, { 0, 0, 0, -ENFILE }, 1, 1, 0 });
}

static void lost_at_the_retry(void **state)
{
	(void)state;
	expect_errors(&(struct expected) {
		ANSWERS(ANSWER_REFUSE, ANSWER_LOST, ANSWER_ACK), 0, 0, -ENFILE, 3, { -ENFILE, 0, 0, 0 }, 1, 1, 1 });
	expect_errors(&(struct expected) { ANSWERS(ANSWER_REFUSE, ANSWER_LOST, ANSWER_LOST),
					   0,
					   0,
					   -ENFILE,
					   3,
					   { -ENFILE, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT },
					   0,
					   1,
					   2 });
}

/* Every error of the kernel, however it is told: each change has it or is done, nothing is sent more than twice, and the
 * next transaction goes as if nothing had been. */
static void every_error(void **state)
{
	static const int errors[] = {
		ENFILE, EBUSY, EINTR, ENOMEM, EAGAIN, EPERM, EMSGSIZE, EBADF, ENOTCONN, ESHUTDOWN
	};
	static const enum element_operation operations[] = { ELEMENT_ADD, ELEMENT_REFRESH, ELEMENT_DELETE };
	static const enum answer answers[] = { ANSWER_REFUSE, ANSWER_GIVE_UP, ANSWER_NOT_SENT };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]) * 9 * 3; i++) {
		enum answer answer = answers[i % 3];
		enum element_operation operation = operations[i / 3 % 3];
		bool update = i / 9 % 3 > 1, destroy = i / 9 % 3 > 0;
		int error = -errors[i / 27];
		struct element_change changes[4];
		struct world world;

		begin(&world, update, destroy, (const enum answer[]) { answer, ANSWER_ACK, ANSWER_ACK });
		world.socket.which = 1;
		world.socket.error = error;
		for (uint8_t k = 0; k < 4; k++)
			changes[k] = change(operation, (uint8_t)(k + 1));
		assert_int_equal(element_commit(world.table, changes, 4), answer == ANSWER_REFUSE ? 1 : 4);
		for (uint8_t k = 0; k < 4; k++)
			assert_int_equal(changes[k].error, answer == ANSWER_REFUSE && k != 1 ? 0 : error);
		world.socket.transactions = 2;
		assert_int_equal(element_commit(world.table, changes, 4), 0);
		assert_int_equal(counters.transactions_failed, 1);
		assert_int_equal(counters.transactions_lost, 0);
		end(&world);
	}
}

/* One of five hundred, wherever it stands; then all; then none. */
static void five_hundred(void **state)
{
	static struct element_change changes[500];
	size_t wrong;

	(void)state;
	for (unsigned int which = 0; which < 500; which += 71) {
		struct world world;

		begin(&world, true, true, ANSWERS(ANSWER_REFUSE, ANSWER_ACK, ANSWER_GIVE_UP, ANSWER_ACK));
		world.socket.which = which;
		world.socket.error = -ENFILE;
		for (size_t i = 0; i < 500; i++) {
			changes[i] = change(ELEMENT_ADD, (uint8_t)i);
			changes[i].key.port = (uint16_t)(1000 + i);
		}
		assert_int_equal(element_commit(world.table, changes, 500), 1);
		for (size_t i = 0; i < 500; i++)
			assert_int_equal(changes[i].error, i == which ? -ENFILE : 0);
		world.socket.said[0] = '\0';
		assert_int_equal(element_commit(world.table, changes, 500), 500);
		world.socket.said[0] = '\0';
		assert_int_equal(element_commit(world.table, changes, 500), 0);
		for (size_t i = wrong = 0; i < 500; i++)
			wrong += changes[i].error != 0;
		assert_int_equal(wrong, 0);
		assert_int_equal(world.socket.transactions, 4);
		end(&world);
	}
}

/* The refused element is found in each message that names it: here in the delete of an "add, delete, add". */
static void refused_in_any_phase(void **state)
{
	(void)state;
	for (unsigned int message = 0; message < 3; message++) {
		struct element_change changes[4];
		struct world world;

		begin(&world, false, false, ANSWERS(ANSWER_REFUSE, ANSWER_ACK));
		world.socket.message = message;
		world.socket.which = 2;
		world.socket.error = -ENFILE;
		for (uint8_t i = 0; i < 4; i++)
			changes[i] = change(ELEMENT_REFRESH, (uint8_t)(i + 1));
		assert_int_equal(element_commit(world.table, changes, 4), 1);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(changes[i].error, i == 2 ? -ENFILE : 0);
		assert_non_null(strstr(world.socket.said, "--\nadd n4 1 2 4\ndelete n4 1 2 4\nadd n4 1t 2t 4t!\n--\n"));
		end(&world);
	}
}

static void only_unknown_groups_sends_nothing(void **state)
{
	struct element_change one = change(ELEMENT_ADD, 1);
	struct world world;

	(void)state;
	begin(&world, true, true, ANSWERS(ANSWER_ACK));
	one.key.group = 2;
	assert_int_equal(element_commit(world.table, &one, 1), 1);
	assert_int_equal(one.error, -ENOENT);
	assert_int_equal(world.socket.transactions, 0);
	end(&world);
}

/* ---- dumps ---- */

struct seen {
	bool elements[256];
	size_t count;
};

static void see(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	struct seen *seen = context;

	assert_int_equal(expires_ms, 1);
	assert_string_equal(comment, "");
	assert_false(seen->elements[key->address.bytes[3]]);
	seen->elements[key->address.bytes[3]] = true;
	seen->count++;
}

static const struct dump_step nothing;

/* One group, so two sets; the second one is empty. */
static int dump_all(const struct dump_step *steps, struct seen *seen, size_t *dumps)
{
	struct world world;
	int error;

	begin(&world, true, true, NULL);
	world.table->group_count = 1;
	world.table->queries = &world.socket;
	world.socket.dumps = steps;
	*seen = (struct seen) { .count = 0 };
	error = element_dump(world.table, see, seen);
	*dumps = world.socket.dump_count;
	end(&world);
	return error;
}

/* The kernel's error, whichever way it comes, is told; nothing is visited then. */
static void dump_fails(void **state)
{
	static const int errors[] = { ENFILE, EBUSY, ENOMEM, EAGAIN, EPERM, EBADF, ENOTCONN, ENOENT };
	struct seen seen;
	size_t dumps;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		assert_int_equal(dump_all((const struct dump_step[]) { { .error = -errors[i], .first = 1, .last = 3 } },
					  &seen, &dumps),
				 -errors[i]);
		assert_int_equal(seen.count, 0);
		assert_int_equal(dump_all((const struct dump_step[]) { { .done = -errors[i], .first = 1, .last = 3 } },
					  &seen, &dumps),
				 -errors[i]);
		assert_int_equal(seen.count, 0);
		assert_int_equal(dumps, 1);
	}
}

/* Lost: asked again, but not for ever. */
static void dump_lost(void **state)
{
	struct dump_step steps[12];
	struct seen seen;
	size_t dumps;

	(void)state;
	assert_int_equal(dump_all((const struct dump_step[]) { { .error = -ENOBUFS, .first = 1, .last = 2 },
							       { .error = -ETIMEDOUT },
							       { .first = 1, .last = 3 },
							       nothing },
				  &seen, &dumps),
			 0);
	assert_int_equal(seen.count, 3);
	for (size_t i = 0; i < 12; i++)
		steps[i] = (struct dump_step) { .error = -ETIMEDOUT, .first = 1, .last = 3 };
	assert_int_equal(dump_all(steps, &seen, &dumps), -ETIMEDOUT);
	assert_int_equal(seen.count, 0);
	assert_int_equal(dumps, 3);
}

static void dump_garbled(void **state)
{
	struct seen seen;
	size_t dumps;

	(void)state;
	for (int form = DUMP_SHORT_KEY; form <= DUMP_NO_LIST; form++) {
		assert_int_equal(
			dump_all((const struct dump_step[]) { { .form = form, .first = 1, .last = 3 }, nothing }, &seen,
				 &dumps),
			0);
		assert_int_equal(seen.count, 0);
	}
	assert_int_equal(dump_all((const struct dump_step[]) { { .form = DUMP_CUT, .first = 1, .last = 3 }, nothing },
				  &seen, &dumps),
			 -EPROTO);
}

/* The ruleset moved, or the kernel said EINTR: once more. */
static void dump_moved(void **state)
{
	struct seen seen;
	size_t dumps;

	(void)state;
	assert_int_equal(dump_all((const struct dump_step[]) { { .moved = true, .first = 1, .last = 3 },
							       { .done = -EINTR, .first = 1, .last = 2 },
							       { .first = 1, .last = 3 },
							       nothing },
				  &seen, &dumps),
			 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(dumps, 4);
}

/* It moves all the time, since others commit: their changes are none of our set's, so what ten dumps saw together is
 * what is there. */
static void dump_moves_on(void **state)
{
	struct dump_step steps[11] = { { 0 } };
	struct seen seen;
	size_t dumps;

	(void)state;
	for (uint8_t i = 0; i < 10; i++)
		steps[i] = (struct dump_step) { .moved = true, .first = (uint8_t)(1 + i), .last = (uint8_t)(100 - i) };
	steps[9].last = 120;
	assert_int_equal(dump_all(steps, &seen, &dumps), 0);
	assert_int_equal(seen.count, 120);
	assert_int_equal(dumps, 11);
}

/* ---- sets of the administrator's ---- */

static void begin_shared(struct world *world, bool update, bool destroy, const enum answer *answers)
{
	begin(world, update, destroy, answers);
	world->table->queries = &world->socket;
	world->table->group_count = 1;
	world->table->learned[0][0].bare = world->table->learned[0][1].bare = true;
	world->socket.theirs = 7;
}

/* One element for two ports, with a comment each time; what the administrator has there for ever is left alone. */
static void expect_shared(bool update, bool destroy, const char *expected)
{
	struct element_change changes[] = { change(ELEMENT_ADD, 1),    change(ELEMENT_REFRESH, 1),
					    change(ELEMENT_DELETE, 3), change(ELEMENT_DELETE, 3),
					    change(ELEMENT_ADD, 7),    change(ELEMENT_DELETE, 7) };
	struct world world;

	begin_shared(&world, update, destroy, (const enum answer[]) { ANSWER_ACK });
	changes[1].key.port = changes[3].key.port = changes[5].key.port = 80;
	changes[1].timeout_ms = 5000;
	assert_int_equal(element_commit(world.table, changes, 6), 0);
	assert_string_equal(world.socket.said, expected);
	assert_int_equal(world.table->shared.life_ms[0], 5000);
	end(&world);
}

static void shared_messages_of_each_kernel(void **state)
{
	(void)state;
	expect_shared(true, true, "destroy n4 3\nadd n4 1tec!\n--\n");
	expect_shared(false, true, "destroy n4 3\ndestroy n4 1\nadd n4 1tc!\n--\n");
	expect_shared(false, false, "add n4 3\ndelete n4 3\nadd n4 1\ndelete n4 1\nadd n4 1tc!\n--\n");
}

static void shared_element_refused(void **state)
{
	struct element_change changes[] = { change(ELEMENT_ADD, 1), change(ELEMENT_ADD, 2), change(ELEMENT_ADD, 1),
					    change(ELEMENT_ADD, 4) };
	struct world world;

	(void)state;
	begin_shared(&world, true, true, (const enum answer[]) { ANSWER_REFUSE, ANSWER_ACK });
	changes[2].key.port = 80;
	world.socket.error = -ENFILE;
	assert_int_equal(element_commit(world.table, changes, 4), 2);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(changes[i].error, i % 2 ? 0 : -ENFILE);
	assert_string_equal(world.socket.said, "add n4 1tec 2tec 4tec!\n--\nadd n4 2tec 4tec!\n--\n");
	end(&world);
}

static void siblings_of_one(void *context, const struct ipaddr *address, table_visit_sibling *visit, void *visitor)
{
	struct element_key key = { .address = *address, .l4proto = IPPROTO_TCP, .port = 8443 };

	(void)context;
	if (address->bytes[3] == 1)
		visit(visitor, &key, 9000);
}

/* Two ports end in one batch while a third lives on: nothing is deleted. */
static void siblings_keep_an_element(void **state)
{
	struct element_change changes[] = { change(ELEMENT_DELETE, 1), change(ELEMENT_DELETE, 1),
					    change(ELEMENT_DELETE, 2), change(ELEMENT_ADD, 1) };
	struct world world;

	(void)state;
	begin_shared(&world, true, true, (const enum answer[]) { ANSWER_ACK, ANSWER_ACK });
	world.table->siblings = siblings_of_one;
	changes[1].key.port = 80;
	assert_int_equal(element_commit(world.table, changes, 3), 0);
	assert_string_equal(world.socket.said, "destroy n4 2!\n--\n");
	assert_int_equal(element_commit(world.table, changes + 3, 1), 0);
	assert_int_equal(world.table->shared.life_ms[0], 9000);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_of_each_kernel),
		cmocka_unit_test(refused_element_is_left_out),
		cmocka_unit_test(refused_twice),
		cmocka_unit_test(ack_after_error_is_no_success),
		cmocka_unit_test(missing_set),
		cmocka_unit_test(whole_batch_given_up),
		cmocka_unit_test(answer_lost),
		cmocka_unit_test(unknown_result),
		cmocka_unit_test(lost_and_refused),
		cmocka_unit_test(overrun_after_error),
		cmocka_unit_test(lost_at_the_retry),
		cmocka_unit_test(refused_in_any_phase),
		cmocka_unit_test(only_unknown_groups_sends_nothing),
		cmocka_unit_test(every_error),
		cmocka_unit_test(five_hundred),
		cmocka_unit_test(dump_fails),
		cmocka_unit_test(dump_lost),
		cmocka_unit_test(dump_garbled),
		cmocka_unit_test(dump_moved),
		cmocka_unit_test(dump_moves_on),
		cmocka_unit_test(shared_messages_of_each_kernel),
		cmocka_unit_test(shared_element_refused),
		cmocka_unit_test(siblings_keep_an_element),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
