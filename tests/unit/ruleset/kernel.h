/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, and nft beside us to look at what we made. */
#ifndef TESTS_UNIT_RULESET_KERNEL_H
#define TESTS_UNIT_RULESET_KERNEL_H

#include <stdbool.h>

#include "netfilter/table.h"

/* Group setup for cmocka: a new, empty network namespace with lo up. Not permitted: the group's cases skip themselves through kernel_need(). */
int kernel_enter(void **state);
/* Skips the case when there is no namespace, or no nft. */
void kernel_need(void);
/* Empties the namespace's ruleset. */
void kernel_flush(void);
/* What a shell command writes; freed by the caller. Standard error is dropped. */
char *kernel_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Its exit status. */
int kernel_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Loads an nft text: exit status of nft. */
int kernel_load(const char *text);
/* What `nft -s list table inet NAME` writes, less its words about the owner. */
char *kernel_list(const char *table);
/* Opened and applied, or the case fails. */
struct table *kernel_open(const char *table);
void kernel_apply(struct table *table, const struct policy *policy);
/* Cuts the queue statement off each line in place: nft cannot list the xtables one. */
char *kernel_without_queue(char *text);
/* The text's blocks (sets, chains, counters) in alphabetical order: after a reload they stand in another one. Frees `text`. */
char *kernel_sorted(char *text);

#endif
