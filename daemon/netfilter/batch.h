/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One nf_tables transaction: messages between BATCH_BEGIN and BATCH_END in one buffer, sent at once. All of it is done
 * or nothing.
 *
 * The kernel handles every message, gathers every error and then drops the whole batch if there was one: an
 * acknowledgement of one message says nothing about the batch (KERNEL 2.4). Committed means: the last message was
 * acknowledged and no other one was refused. Only the last real message asks for an acknowledgement; one on BATCH_END
 * is answered from Linux 6.12 on only. */
#ifndef NFQDN_NETFILTER_BATCH_H
#define NFQDN_NETFILTER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct nlmsghdr;
struct nlsock;

/* Room that a message opened by batch_open() is sure to find: the longest that there is, since a nest's length has 16
 * bits. */
#define BATCH_MESSAGE_SIZE 65536
/* Octets of messages in one batch; the send buffer is made for it. */
#define BATCH_SIZE (1 << 20)

/* What the kernel refused first. */
struct batch_failure {
	uint32_t sequence; /* of the message; 0 when it was no single one */
	uint32_t offset; /* in that message, of the attribute; 0 when the kernel told none */
};

struct batch *batch_new(struct nlsock *socket);
void batch_free(struct batch *batch);

/* Empties the batch and begins a new one. */
void batch_begin(struct batch *batch);
/* Messages opened from here on until batch_begin() are for tables of this family, NFPROTO_*; at first NFPROTO_INET. */
void batch_family(struct batch *batch, uint8_t nfproto);
/* Begins a message for that family. NULL when the batch is full, which batch_commit() then tells (-EMSGSIZE).
 * `type` is NFT_MSG_*. */
struct nlmsghdr *batch_open(struct batch *batch, uint16_t type, uint16_t flags);
/* Ends the message that batch_open() began: nlmsg_len tells how long it has become. */
void batch_close(struct batch *batch);
/* Marks the batch as one that must not be sent (memory was out while it was built). */
void batch_fail(struct batch *batch, int error);
/* Says of the batch being written that it is sure to change something, and with it the ruleset's generation: one in
 * which nothing changes is acknowledged all the same (KERNEL 0b). */
void batch_raises(struct batch *batch);
/* By how many the transactions since the last call have raised the generation. False when that is not known: of one
 * nobody said that it changes something, or its result was lost. */
bool batch_raised(struct batch *batch, uint32_t *count);
/* Octets so far, messages, and the sequence number of the last one closed. */
size_t batch_size(const struct batch *batch);
size_t batch_count(const struct batch *batch);
uint32_t batch_sequence(const struct batch *batch);

/* Sends it and waits for the result. 0: committed, also when it is empty; -ETIMEDOUT, -ENOBUFS: unknown; other -errno:
 * nothing was done. `failure` may be NULL. Counts transactions. */
int batch_commit(struct batch *batch, struct batch_failure *failure);
/* The same without counting: a refusal is an answer too when the kernel is asked what it can do. */
int batch_try(struct batch *batch, struct batch_failure *failure);

#endif
