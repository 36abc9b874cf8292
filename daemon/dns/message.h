/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one DNS response says about the name that was asked for: the addresses on the chain from the question. */
#ifndef NFQDN_DNS_MESSAGE_H
#define NFQDN_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "base/limits.h"
#include "dns/name.h"

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
};

/* Why a message teaches nothing, or DNS_READ_OK. */
enum dns_read {
	DNS_READ_OK,
	DNS_READ_MALFORMED, /* not well formed: cut short, bad name or pointer, counts that the bytes cannot hold */
	DNS_READ_NOT_RESPONSE, /* QR is 0 */
	DNS_READ_NOT_UNDERSTOOD, /* OPCODE is not QUERY, QDCOUNT is not 1, or QCLASS is not IN */
	DNS_READ_ERROR_RESPONSE, /* RCODE is not NOERROR */
};

struct dns_address {
	struct ipaddr address;
	uint32_t ttl; /* seconds; the smallest on the way here; with the top bit set it is 0 (RFC 2181 8) */
};

/* A name that the client asks next: the end of a chain, or an SVCB target, without an A or AAAA record in this
 * message. A hint does not count here: the client asks all the same (RFC 9460 7.3). */
struct dns_target {
	struct dns_name name;
	uint32_t ttl; /* seconds, smallest on the way to it */
};

struct dns_answer {
	uint16_t id;
	uint16_t qtype;
	bool truncated; /* TC */
	struct dns_name qname;
	unsigned int address_count; /* 0..LIMIT_ANSWER_ADDRESSES, duplicates removed (the smaller TTL stays) */
	unsigned int target_count; /* 0..LIMIT_ANSWER_TARGETS */
	unsigned int addresses_over_limit; /* left out */
	unsigned int targets_over_limit;
	bool chain_over_limit;
	struct dns_address addresses[LIMIT_ANSWER_ADDRESSES];
	struct dns_target targets[LIMIT_ANSWER_TARGETS];
};

/* Reads one whole DNS message (without TCP's length prefix) of `length` octets. `out` is changed only when
 * DNS_READ_OK is returned, except that id, qname and qtype may be set as soon as they were read. No allocation, no
 * recursion; the time is bounded by the message's length times LIMIT_CHAIN_STEPS. */
enum dns_read dns_answer_read(const uint8_t *message, size_t length, struct dns_answer *out);

#endif
