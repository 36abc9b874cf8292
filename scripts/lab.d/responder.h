/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other side of simulated clients: answers as a resolver's cache gives them, and servers that accept. */
#ifndef NFQDN_LAB_RESPONDER_H
#define NFQDN_LAB_RESPONDER_H

#include <stddef.h>
#include <stdint.h>

#include "mix.h"

#define RESPONDER_ANSWER 1232

/* The answer to a question at a time in seconds, and its length; 0: it deserves none. Each record's TTL is what is left of its
 * life, as in a cache that asks again when it ends; with a new life of the addresses come others of their pool. */
size_t responder_answer(const struct mix *mix, const uint8_t *question, size_t length, uint32_t now,
			uint8_t out[RESPONDER_ANSWER]);

/* Answers at this port of every address by UDP, and accepts TCP there, until a signal. 1 after an error, which it tells. */
int responder_run(const struct mix *mix, uint16_t port);

#endif
