/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "base/counters.h"
#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"

struct batch {
	struct nlsock *socket;
	struct nlmsghdr *open; /* being written */
	struct nlmsghdr *last; /* the last one written, which asks for the acknowledgement */
	size_t size, count;
	uint32_t begin; /* BATCH_BEGIN's sequence number */
	int error;
	uint8_t nfproto;
	bool raises; /* see batch_raises() */
	uint32_t raised;
	bool doubtful;
	_Alignas(8) char buffer[BATCH_SIZE + BATCH_MESSAGE_SIZE];
};

/* What the replies tell, while they come. */
struct batch_result {
	uint32_t begin, last;
	int error;
	struct batch_failure failure;
};

struct batch *batch_new(struct nlsock *socket)
{
	struct batch *batch = malloc(sizeof(*batch));

	if (!batch)
		return NULL;
	batch->socket = socket;
	batch->raised = 0;
	batch->doubtful = false;
	batch_begin(batch);
	return batch;
}

void batch_free(struct batch *batch)
{
	free(batch);
}

static struct nlmsghdr *batch_header(struct batch *batch, uint16_t type, uint16_t flags, uint8_t family,
				     uint16_t resource)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(batch->buffer + batch->size);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = nlsock_sequence(batch->socket);
	generic->nfgen_family = family;
	generic->version = NFNETLINK_V0;
	generic->res_id = htons(resource);
	return message;
}

void batch_begin(struct batch *batch)
{
	const struct nlmsghdr *begin;

	batch->size = batch->count = 0;
	batch->open = batch->last = NULL;
	batch->error = 0;
	batch->raises = false;
	batch->nfproto = NFPROTO_INET;
	begin = batch_header(batch, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	batch->begin = begin->nlmsg_seq;
	batch->size += begin->nlmsg_len;
}

void batch_family(struct batch *batch, uint8_t nfproto)
{
	batch->nfproto = nfproto;
}

struct nlmsghdr *batch_open(struct batch *batch, uint16_t type, uint16_t flags)
{
	if (batch->size + MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct nfgenmsg)) > BATCH_SIZE) {
		batch_fail(batch, -EMSGSIZE);
		return NULL;
	}
	batch->open = batch_header(batch, NFNL_SUBSYS_NFTABLES << 8 | type, flags, batch->nfproto, 0);
	return batch->open;
}

void batch_close(struct batch *batch)
{
	batch->size += MNL_ALIGN(batch->open->nlmsg_len);
	batch->count++;
	batch->last = batch->open;
	batch->open = NULL;
}

uint32_t batch_sequence(const struct batch *batch)
{
	return batch->last ? batch->last->nlmsg_seq : batch->begin;
}

void batch_fail(struct batch *batch, int error)
{
	if (!batch->error)
		batch->error = error;
}

void batch_raises(struct batch *batch)
{
	batch->raises = true;
}

bool batch_raised(struct batch *batch, uint32_t *count)
{
	bool doubtful = batch->doubtful;

	*count = batch->raised;
	batch->raised = 0;
	batch->doubtful = false;
	return !doubtful;
}

/* What a transaction that was sent did to the generation. */
static void batch_note_generation(struct batch *batch, int error)
{
	if (error == 0 && batch->raises)
		batch->raised++;
	else if (error == 0 || error == -ETIMEDOUT || error == -ENOBUFS)
		batch->doubtful = true;
}

size_t batch_size(const struct batch *batch)
{
	return batch->size;
}

size_t batch_count(const struct batch *batch)
{
	return batch->count;
}

/* Replies come in the messages' order, so the last message's is the last of all. When the kernel gave up the whole
 * batch (EPERM, ENOMEM) or the commit itself failed, BATCH_BEGIN's error comes first and may be the only reply; what
 * follows it says nothing more and is passed over by its number at the next request. */
static enum nlsock_next batch_visit(void *context, const struct nlmsghdr *reply)
{
	struct batch_result *result = context;
	int error;

	if (reply->nlmsg_type != NLMSG_ERROR)
		return NLSOCK_MORE;
	error = nfattr_error(reply);
	if (error < 0 && !result->error) {
		result->error = error == -EPROTO ? -ENOBUFS : error; /* no answer that could be read is none */
		result->failure = (struct batch_failure) { 0 };
		if (reply->nlmsg_seq != result->begin)
			result->failure = (struct batch_failure) { reply->nlmsg_seq, nfattr_error_offset(reply) };
	}
	return reply->nlmsg_seq == result->begin || reply->nlmsg_seq == result->last ? NLSOCK_LAST : NLSOCK_MORE;
}

int batch_try(struct batch *batch, struct batch_failure *failure)
{
	struct batch_result result = { .begin = batch->begin };
	const struct nlmsghdr *end;
	int error;

	if (failure)
		*failure = result.failure;
	if (batch->error || !batch->last)
		return batch->error;
	batch->last->nlmsg_flags |= NLM_F_ACK;
	result.last = batch->last->nlmsg_seq;
	end = batch_header(batch, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	error = nlsock_transact(batch->socket, batch->buffer, batch->size + end->nlmsg_len, batch->begin,
				end->nlmsg_seq, batch_visit, &result);
	if (failure)
		*failure = result.failure;
	/* An error that did arrive is an answer, whatever else was lost: nothing was done. */
	error = result.error ? result.error : error;
	batch_note_generation(batch, error);
	return error;
}

int batch_commit(struct batch *batch, struct batch_failure *failure)
{
	int error = batch_try(batch, failure);

	if (error == -ETIMEDOUT || error == -ENOBUFS)
		counters.transactions_lost++;
	else if (error < 0)
		counters.transactions_failed++;
	else if (batch->last)
		counters.transactions++;
	return error;
}
