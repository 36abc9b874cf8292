/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/table_query.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"

struct query_state {
	int (*visit)(void *context, const struct nlmsghdr *message);
	void *context;
	int error; /* the first one: the kernel's or the visitor's */
	bool moved, seen, moving;
	uint16_t generation;
};

void table_query_begin(struct table_query *query, struct nlsock *socket, uint16_t type, bool dump)
{
	struct nfgenmsg *generic;

	query->socket = socket;
	query->moving = false;
	query->message = mnl_nlmsg_put_header(query->buffer);
	query->message->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
	/* A dump ends with NLMSG_DONE; a single question without ACK would leave us waiting after an answer that is
	 * missing. */
	query->message->nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK);
	query->message->nlmsg_seq = nlsock_sequence(socket);
	generic = mnl_nlmsg_put_extra_header(query->message, sizeof(*generic));
	generic->nfgen_family = NFPROTO_INET;
	generic->version = NFNETLINK_V0;
}

void table_query_family(struct table_query *query, uint8_t family)
{
	struct nfgenmsg *generic = mnl_nlmsg_get_payload(query->message);

	generic->nfgen_family = family;
}

static void query_note(struct query_state *state, int error)
{
	if (error < 0 && !state->error)
		state->error = error;
}

static void query_object(struct query_state *state, const struct nlmsghdr *reply)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(reply);

	if (mnl_nlmsg_get_payload_len(reply) < sizeof(*generic)) {
		query_note(state, -EPROTO);
		return;
	}
	/* The low half of the ruleset's generation. Element dumps have no other sign that the ruleset moved (KERNEL
	 * 2.4). */
	if ((state->seen && generic->res_id != state->generation) || (reply->nlmsg_flags & NLM_F_DUMP_INTR))
		state->moved = true;
	state->seen = true;
	state->generation = generic->res_id;
	if (state->visit && (!state->moved || state->moving) && !state->error)
		query_note(state, state->visit(state->context, reply));
}

static enum nlsock_next query_visit(void *context, const struct nlmsghdr *reply)
{
	struct query_state *state = context;

	switch (reply->nlmsg_type) {
	case NLMSG_ERROR:
		query_note(state, nfattr_error(reply));
		return NLSOCK_LAST;
	case NLMSG_DONE:
		if (reply->nlmsg_flags & NLM_F_DUMP_INTR)
			state->moved = true;
		if (mnl_nlmsg_get_payload_len(reply) >= sizeof(int))
			query_note(state, *(const int *)mnl_nlmsg_get_payload(reply));
		return NLSOCK_LAST;
	case NLMSG_NOOP:
		return NLSOCK_MORE;
	}
	query_object(state, reply);
	return NLSOCK_MORE;
}

int table_query_run(struct table_query *query, int (*visit)(void *context, const struct nlmsghdr *message),
		    void *context)
{
	struct query_state state = { .visit = visit, .context = context, .moving = query->moving };
	uint32_t sequence = query->message->nlmsg_seq;
	int error = nlsock_transact(query->socket, query->message, query->message->nlmsg_len, sequence, sequence,
				    query_visit, &state);

	if (error < 0)
		return error;
	if (state.error)
		return state.error;
	return state.moved ? -EINTR : 0;
}
