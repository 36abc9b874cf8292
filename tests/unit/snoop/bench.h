/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A snoop with a real store and a kernel in memory, drains of answers to it, and what the kernel holds then. What goes wrong
 * ends the test case. */
#ifndef NFQDN_TESTS_SNOOP_BENCH_H
#define NFQDN_TESTS_SNOOP_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "learn/snoop.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"

struct bench {
	struct fake_policy fake;
	struct store *store;
	struct table *kernel;
	struct snoop *snoop;
	struct monotime now;
	struct fake_answer answers[LIMIT_DRAIN_PACKETS];
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	size_t count;
};

extern const struct hash_key bench_hash_key;

/* No policy yet, `limit` elements at most, and all counters 0. */
struct bench *bench_new(size_t limit);
void bench_free(struct bench *bench);
/* The policy of most cases: *.example.com on tcp/443. */
struct bench *bench_usual(void);
/* The clock of both the daemon and the kernel goes on. */
void bench_advance(struct bench *bench, int64_t ms);

/* ---- a drain ---- */

/* A response to 10.1.0.9 in the next packet of the drain. */
struct fake_answer *bench_answer(struct bench *bench, const char *qname);
/* ... with one address, of either family. */
void bench_answer_a(struct bench *bench, const char *qname, const char *address, uint32_t ttl);
/* So many, for n0.example.com, n1.example.com, ..., with BENCH_MANY addresses each. */
#define BENCH_MANY 250
void bench_answer_many(struct bench *bench, unsigned int count);
/* ... with one CNAME, and no address. */
void bench_answer_cname(struct bench *bench, const char *qname, const char *target, uint32_t ttl);
/* The packets that must be dropped, a bit each. */
uint64_t bench_drain(struct bench *bench);

/* ---- what the kernel holds ---- */

struct element_key bench_key(const char *address, uint8_t group, const char *port);
/* What the kernel has left in ms, or -ENOENT. */
int64_t bench_open_for(const struct bench *bench, const char *address, uint8_t group, const char *port);
/* ... in group 0 on tcp/443. */
int64_t bench_open_443(const struct bench *bench, const char *address);

#endif
