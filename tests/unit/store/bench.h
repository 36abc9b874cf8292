/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store with a kernel in memory: plans for elements that a number tells apart, drains, and what is left. What goes wrong
 * ends the test case. */
#ifndef NFQDN_TESTS_STORE_BENCH_H
#define NFQDN_TESTS_STORE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "learn/store.h"
#include "tests/unit/fake_element.h"

/* What bench_plan() asks for, in ms. */
#define BENCH_LIFE 300000
#define BENCH_BELOW 90000

struct bench {
	struct store *store;
	struct table *kernel;
	struct monotime now;
};

/* An empty store for so many elements, and all counters 0. One at a time. */
struct bench *bench_new(size_t limit);
void bench_free(struct bench *bench);
/* The clock of both the store and the kernel goes on. */
void bench_advance(struct bench *bench, int64_t ms);

struct element_key bench_key(unsigned int address, uint16_t port);
struct dns_name bench_name(const char *text);

/* ---- a drain ---- */

/* store_plan() for tcp/443 of the address, by the name in `text`. */
int bench_plan_as(struct bench *bench, unsigned int address, const char *text, uint32_t ttl, int64_t life,
		  int64_t below, unsigned int packet);
int bench_plan(struct bench *bench, unsigned int address, const char *text, unsigned int packet);
/* Changes in the plan. */
size_t bench_planned(const struct bench *bench);
/* Commits, settles, ends the drain. Returns the packets that failed. */
uint64_t bench_finish(struct bench *bench);

/* ---- what is left, on tcp/443 ---- */

/* What the kernel has left in ms, or -ENOENT. */
int64_t bench_in_kernel(const struct bench *bench, unsigned int address);
bool bench_known(const struct bench *bench, unsigned int address, struct store_view *view);
/* Remaining life in ms by the store's own account. */
int64_t bench_left(const struct bench *bench, unsigned int address);
/* The element's name at `i` is this one, with this TTL. */
void bench_assert_name(const struct store_view *view, size_t i, const char *text, uint32_t ttl);

#endif
