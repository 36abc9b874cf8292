/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stub resolver of a simulated device: its questions, what it reads of answers, and what it remembers of them for as long
 * as they live. No socket and no clock. */
#ifndef NFQDN_LAB_STUB_H
#define NFQDN_LAB_STUB_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUB_A 1
#define STUB_AAAA 28
/* Octets of a question with EDNS, and the most that an answer to it may have (DNS Flag Day 2020). */
#define STUB_QUESTION 288
#define STUB_ANSWER 1232
/* Names that a device remembers. More than it asks for within most TTLs; of more, what ends first goes. */
#define STUB_ENTRIES 64
#define STUB_ADDRESSES 16

struct stub {
	struct stub_entry {
		uint32_t name;
		int64_t until; /* in the caller's unit; 0: free */
		struct in6_addr address;
	} entries[STUB_ENTRIES];
};

struct stub_answer {
	int rcode; /* of the header */
	uint32_t ttl; /* the smallest of all records */
	unsigned int count;
	struct in6_addr addresses[STUB_ADDRESSES]; /* further ones are not kept */
};

/* The address of a name that is still remembered, or NULL. */
const struct in6_addr *stub_find(const struct stub *stub, uint32_t name, int64_t now);
/* Remembers it until then; not at all when that is now (a TTL of 0). */
void stub_keep(struct stub *stub, uint32_t name, const struct in6_addr *address, int64_t until, int64_t now);

/* Its length; 0 when `text` is no name. */
size_t stub_question(uint8_t out[STUB_QUESTION], uint16_t number, const char *text, uint16_t type);
/* 0; -EPROTO: not to be understood, -ENOMSG: the answer to another question than `number`, -EMSGSIZE: cut off (TC). */
int stub_answer(const uint8_t *message, size_t length, uint16_t number, uint16_t type, struct stub_answer *out);

/* A name in the wire's form at `out`, and its length; 0 when it is none. `size` octets may be written. */
size_t stub_name(uint8_t *out, size_t size, const char *text);

#endif
