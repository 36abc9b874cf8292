/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A DNS message made by hand, octet by octet where that is wanted, and what is expected of it. What goes wrong ends the test
 * case. */
#ifndef NFQDN_TESTS_DNS_MESSAGE_MADE_H
#define NFQDN_TESTS_DNS_MESSAGE_MADE_H

#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

enum section { ANSWER, AUTHORITY, ADDITIONAL };

struct made_message {
	uint8_t octets[70000];
	size_t length;
	unsigned int counts[3]; /* records of each section */
};

extern struct made_message made_message;
/* What was read from it the last time. */
extern struct dns_answer made_answer;

/* ---- octets ---- */

void made_put(const void *octets, size_t length);
void made_put16(unsigned int value);
void made_put32(uint32_t value);
void made_set16(size_t at, unsigned int value);
/* "www.example" label by label; "@NNN" at the end is a pointer to offset NNN: "www@12". */
void made_put_name(const char *text);

/* ---- a message ---- */

/* A response to this question, without records. */
void made_start(const char *qname, unsigned int qtype);
/* The header's count of the section is one more; sections are filled in their order. */
void made_count_record(enum section section);
/* Everything before RDATA; RDLENGTH is written by made_end_record(), which gets what this returns. */
size_t made_begin_record(enum section section, const char *owner, unsigned int type, uint32_t ttl);
void made_end_record(size_t data);
void made_add(enum section section, const char *owner, unsigned int type, uint32_t ttl, const void *data,
	      size_t length);
/* A or AAAA, by the address. */
void made_add_address(enum section section, const char *owner, uint32_t ttl, const char *text);
void made_add_cname(enum section section, const char *owner, uint32_t ttl, const char *target);

/* ---- what is expected of it ---- */

/* Reads the message into made_answer. */
enum dns_read made_result(void);
/* It is an answer with so many addresses and targets. */
void made_reads(unsigned int addresses, unsigned int targets);
/* Of what was read. */
void made_has_address(const char *text, uint32_t ttl);
void made_has_target(const char *text, uint32_t ttl);

#endif
