/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of the answers that are judged, with what became of each, for `nfqdnctl record`: a ring that is there only while
 * somebody asks for it. The oldest make way for new ones; who had not read them is told how many. Recording neither
 * allocates, nor fails, nor reads the clock. */
#ifndef NFQDN_LEARN_RECORDER_H
#define NFQDN_LEARN_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/monotime.h"
#include "learn/snoop.h"

/* Who has not asked for this long is gone. */
#define RECORDER_LEASE_MS 10000
#define RECORDER_ENTRY_SIZE 65 /* an entry's name, cut */

struct recorder;

struct recorder_record {
	uint64_t sequence;
	struct monotime time;
	bool query; /* verify = "query": a client's packet to a resolver; then nothing of what follows but the packet means anything */
	enum snoop_fate fate;
	bool named;
	struct dns_name name;
	uint16_t type;
	char entry[RECORDER_ENTRY_SIZE]; /* "": none */
	uint32_t length, original; /* octets copied; of the packet, by its own header */
	const uint8_t *data; /* the IP packet; valid until the next one is recorded */
};

/* NULL when memory is out. Takes next to none until somebody asks. */
struct recorder *recorder_new(void);
void recorder_free(struct recorder *recorder); /* NULL is allowed */
/* Somebody asks, now: what is judged from now on is recorded, until RECORDER_LEASE_MS after the last call. 0 or
 * -ENOMEM. */
int recorder_attach(struct recorder *recorder, struct monotime now);
/* Frees the ring when nobody asks any more. To be called now and then. Milliseconds until it must be called again, or -1. */
int64_t recorder_tick(struct recorder *recorder, struct monotime now);
bool recorder_runs(const struct recorder *recorder);

/* A snoop_observer; `context` is a recorder. */
void recorder_answer(void *context, const struct queue_packet *packet, const struct snoop_note *note,
		     struct monotime now);
/* A copy of a query, likewise. */
void recorder_query(void *context, const uint8_t *packet, size_t length, struct monotime now);

/* Numbers, from 1 on, of the oldest one that is there and of the one to come; equal when there is none. They go on over
 * times when nobody asked. */
uint64_t recorder_oldest(const struct recorder *recorder);
uint64_t recorder_next(const struct recorder *recorder);
/* NULL when it is not there (any more). */
const struct recorder_record *recorder_find(const struct recorder *recorder, uint64_t sequence);

#endif
