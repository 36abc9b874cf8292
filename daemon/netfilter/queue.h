/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NFQUEUE: packets held by the kernel until we give a verdict. A held packet is received once, judged, and gets exactly
 * one verdict; packets that are still held when the socket closes are dropped by the kernel (KERNEL 3.3). */
#ifndef NFQDN_NETFILTER_QUEUE_H
#define NFQDN_NETFILTER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

struct queue_packet {
	uint32_t id; /* host order */
	uint16_t queue; /* the queue's number */
	uint32_t in_interface; /* index, 0 when none */
	const uint8_t *payload; /* the IP packet; valid until the next queue_receive() */
	size_t length;
};

/* Binds queues first .. first + count - 1 in one socket, each by one message with command, copy mode, length and flags
 * together; `fail_open`: a full queue lets packets pass. 0; -EBUSY when another program has one of them; -errno.
 * `*error` as in table_open(). */
int queue_open(uint16_t first, uint16_t count, bool fail_open, struct queue **out, const char **error);
/* The same queues in another socket; the old one is closed first, whatever comes of it: then `*queue` is NULL. What of
 * /proc only root may open is taken over. */
int queue_reopen(struct queue **queue, bool fail_open, const char **error);
/* From here on nothing is held any more: what comes passes, as it does when nobody is there. What is held already is still
 * to be received and judged; queue_close() then finds nothing to drop. */
void queue_let_pass(const struct queue *queue);
void queue_close(struct queue *queue);
int queue_fd(const struct queue *queue); /* for epoll */

/* Receives what is there without waiting, at most LIMIT_DRAIN_PACKETS packets. Returns their number; 0 when there is
 * none. ENOBUFS and unreadable messages are counted, not returned. -errno only when the socket is unusable and must be
 * opened anew. */
int queue_receive(struct queue *queue, struct queue_packet packets[]);

/* One verdict for each packet of the last queue_receive(), in its order: bit i of `drop` drops packets[i], the others
 * are accepted. Runs of accepted packets go as one batch verdict. */
void queue_verdicts(struct queue *queue, const struct queue_packet packets[], size_t count, uint64_t drop);

/* To be called at each wake-up: gives verdicts again that the kernel had no memory for. 0; 1 when it still has none: call
 * it again soon; -errno: it does not take them, and the socket must be opened anew. */
int queue_settle(struct queue *queue);

/* Packets waiting in the kernel for a verdict, and dropped by it for want of room, from
 * /proc/net/netfilter/nfnetlink_queue. 0 or -errno. */
int queue_depth(const struct queue *queue, uint64_t *waiting, uint64_t *dropped);

#endif
