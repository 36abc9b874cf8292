/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store with a policy and a kernel in memory, and the folder that its state is kept in. What goes wrong ends the test
 * case. */
#ifndef NFQDN_TESTS_STATE_BENCH_H
#define NFQDN_TESTS_STATE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "learn/restore.h"
#include "learn/state.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"

#define BENCH_WALL 1700000000000 /* the time of day of bench_save(), ms since 1970 */

struct bench {
	struct fake_policy fake;
	struct config config;
	struct store *store;
	struct table *kernel;
	struct snoop *snoop;
	struct monotime now;
	char folder[64], path[96];
	struct restore restore;
};

extern const struct hash_key bench_hash_key;

/* Two groups without entries, `limit` elements at most, an empty folder, and all counters 0. */
struct bench *bench_new(size_t limit);
/* The folder must hold nothing but the state. */
void bench_free(struct bench *bench);
/* Any name on tcp/443, tcp/80, udp/443 and icmp, in both groups. */
void bench_allow_all(struct bench *bench);
/* Another life after a reboot: an empty kernel, an empty store, a clock that began anew. */
void bench_reboot(struct bench *bench);

/* ---- what is learned ---- */

struct element_key bench_key(unsigned int number, uint8_t group, uint16_t port);
struct dns_name bench_name(const char *text);
/* The store's plan is in the kernel, and the drain ends. */
void bench_commit(struct bench *bench);
/* Lives are in ms, TTLs in seconds. */
void bench_learn_key(struct bench *bench, const struct element_key *key, const struct dns_name *name, uint32_t ttl,
		     int64_t life);
/* ... in group 0 on tcp/443, with TTL 60. */
void bench_learn(struct bench *bench, unsigned int number, const char *text, int64_t life);
/* Remaining life in ms by the store's own account, or -1. */
int64_t bench_left(struct bench *bench, const struct element_key *key);

/* ---- the file ---- */

void bench_save(struct bench *bench);
/* At this time of day in ms; `why` as by state_load(). */
int bench_load_why(struct bench *bench, int64_t wall, bool extend, const char **why);
int bench_load(struct bench *bench, int64_t wall);
/* To be freed. */
char *bench_read_file(const struct bench *bench, size_t *length);
void bench_write_file(const struct bench *bench, const char *text, size_t length);

#endif
