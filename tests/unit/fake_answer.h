/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS responses in UDP packets, made from texts. Ends the test program when a text is wrong. */
#ifndef NFQDN_TESTS_FAKE_ANSWER_H
#define NFQDN_TESTS_FAKE_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

struct fake_answer {
	uint8_t octets[65535];
	size_t length;
	size_t message; /* where the DNS message begins */
};

/* A response to `client` (an address; its family is the packet's) with one question and no records, NOERROR. */
void fake_answer_start(struct fake_answer *answer, const char *client, const char *qname, enum dns_type qtype);
/* Adds a record to the answer section: `data` is an address (A, AAAA) or a name (CNAME). */
void fake_answer_record(struct fake_answer *answer, const char *owner, enum dns_type type, uint32_t ttl,
			const char *data);
/* Sets the second word of the DNS header (0x8180 is what fake_answer_start() wrote). */
void fake_answer_flags(struct fake_answer *answer, uint16_t flags);
/* Instead of a datagram: a segment from port 53 to `port` of `client` with these octets (NULL when `length` is 0) and
 * TCP flags. */
void fake_answer_segment(struct fake_answer *answer, const char *client, uint16_t port, uint32_t sequence,
			 uint8_t flags, const uint8_t *octets, size_t length);

#endif
