/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Did others change our table? The ruleset's generation tells that somebody changed something; only then the table
 * itself is looked at, by questions whose answers are short however much was learned. */
#ifndef NFQDN_NETFILTER_TABLE_WATCH_H
#define NFQDN_NETFILTER_TABLE_WATCH_H

#include <stdbool.h>

struct table;
struct table_watch;

/* What is not as we left it; bits. */
enum table_watch_found {
	TABLE_WATCH_LEARNED = 1, /* a learned set was emptied: table_watch_begin(), and fill it again */
	TABLE_WATCH_RULES = 2, /* rules, chains or static sets: table_apply() first */
	TABLE_WATCH_REPLACED = 4, /* something of the same name stands there: table_remove() before that */
};

/* The table must outlive it. NULL when memory is out. */
struct table_watch *table_watch_new(struct table *table);
void table_watch_free(struct table_watch *watch);

/* Takes note of what the kernel has; to be called after table_apply(), also when that was for a reload. Puts
 * a sentinel into each learned set: an element without a timeout that no packet can match. 0; 1: a learned set had
 * none, so it is new or was emptied; -errno: it could not be seen, and table_watch_look() will say
 * TABLE_WATCH_LEARNED, or TABLE_WATCH_RULES too when something was missing already. */
int table_watch_begin(struct table_watch *watch);

/* Looks when others moved the generation, or element_commit() found something missing. 0: all is there; bits of
 * table_watch_found, told until table_watch_begin() succeeds; -errno: it could not be seen (others change the ruleset
 * all the time), and is looked at again at the next call. */
int table_watch_look(struct table_watch *watch);
/* element_commit() found something missing since the last look. */
bool table_watch_urgent(const struct table_watch *watch);

/* For people, escaped: the flowtables that were there at the last look, and what to do. "" when there is none. Valid
 * until the next call of another function of this file. */
const char *table_watch_warning(const struct table_watch *watch);

#endif
