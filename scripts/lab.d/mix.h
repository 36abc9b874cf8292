/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What simulated clients ask for, and what those names lead to: a file of names, how often each is asked for (Zipf), and the
 * addresses behind them. The client and the responder read the same file, so that both know what is expected.
 *
 *   # allowed|other PORT NAME [TTL>TARGET]... TTL=SHOWN/POOL[+6]
 *   allowed 443 login.microsoftonline.com 53>login.mso.msidentity.com 53>www.tm.a.prd.aadg.trafficmanager.net 53=8/24
 *
 * An answer shows SHOWN of the POOL addresses of the last name, others after each TTL; with +6 it has as many of IPv6.
 * `{1-200}` in a name makes 200 of it; in its targets it is the same number. Lines stand in the order of their popularity. */
#ifndef NFQDN_LAB_MIX_H
#define NFQDN_LAB_MIX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Names after their ranges are made; CNAMEs of one, real ones have six; addresses that one name has; of one answer, so that
 * it fits into 1,232 octets (DNS Flag Day 2020) with its chain; characters of a line. */
#define MIX_NAMES 65536
#define MIX_CHAIN 8
#define MIX_POOL 1024
#define MIX_SHOWN 16
#define MIX_LINE 1024
/* Octets of a name in the wire's form. */
#define MIX_WIRE 255

struct mix_step {
	const char *owner; /* without the final dot */
	uint32_t ttl;
};

struct mix_name {
	/* Each step's owner and how long its record lives: CNAMEs, then the addresses. */
	struct mix_step steps[MIX_CHAIN + 1];
	uint8_t step_count;
	bool allowed, six;
	uint16_t port, shown;
	uint32_t pool; /* the first of its addresses, counted from the first of its kind */
	uint16_t pool_size;
	char *text; /* what the owners point into */
};

struct mix;

/* Reads a file; NULL, and `error` says PATH:LINE and what would be right. */
struct mix *mix_read(FILE *file, const char *path, double zipf, char error[MIX_LINE]);
void mix_free(struct mix *mix);

uint32_t mix_count(const struct mix *mix);
const struct mix_name *mix_name(const struct mix *mix, uint32_t number);
/* By its text, without regard to case; NULL when there is none. */
const struct mix_name *mix_find(const struct mix *mix, const char *text);

/* The address at a place of a name's pool. Allowed names' addresses are none of the others', and in no published list. */
struct in6_addr mix_address(const struct mix_name *name, uint32_t place, bool six);

/* Repeatable numbers: each client has a state of its own, so that its sequence depends on the seed alone. */
uint64_t mix_seed(uint64_t seed, uint64_t client);
uint64_t mix_random(uint64_t *state);
double mix_fraction(uint64_t *state); /* 0 <= x < 1 */
/* Exponential: how long one waits for what comes by itself. */
double mix_pause(uint64_t *state, double mean);
/* A name's number; of the line at rank r with a chance of 1/r^zipf, of a range any. */
uint32_t mix_choose(const struct mix *mix, uint64_t *state);

#endif
