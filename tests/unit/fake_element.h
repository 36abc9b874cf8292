/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel in memory behind netfilter/element.h: learned sets with timeouts under a clock that the test moves, and
 * failures on demand. It ends the test program when it is used against its contract: two changes of one element in one
 * batch, too many, a timeout out of range. */
#ifndef NFQDN_TESTS_FAKE_ELEMENT_H
#define NFQDN_TESTS_FAKE_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/monotime.h"
#include "netfilter/element.h"

enum fake_failure {
	FAKE_REFUSE_ONE, /* one change is refused, the rest is committed */
	FAKE_REFUSE_ALL, /* nothing is committed, each change has the error */
	FAKE_LOSE_REQUEST, /* nothing is committed, each change has -ETIMEDOUT */
	FAKE_LOSE_ANSWER, /* all is committed, each change has -ETIMEDOUT */
};

struct table *fake_table_new(void);
void fake_table_free(struct table *table);
/* Elements whose timeout has passed are gone. The clock never goes back. */
void fake_table_set_time(struct table *table, struct monotime now);
/* The set's size: an add beyond it is refused with -ENFILE. The default is no limit. */
void fake_table_set_size(struct table *table, size_t size);
/* The next failure: FAKE_REFUSE_ONE strikes the `nth` change from now on (1 is the next one), the others the `nth`
 * commit. `error` is negative. Once. */
void fake_table_fail(struct table *table, enum fake_failure failure, unsigned int nth, int error);
/* Refuses every deletion with -EBUSY until told otherwise. */
void fake_table_refuse_deletions(struct table *table, bool refuse);
size_t fake_table_count(const struct table *table);
size_t fake_table_commits(const struct table *table); /* calls of element_commit() */
size_t fake_table_changes(const struct table *table); /* changes in them */
/* What the kernel has left of an element in ms, or -ENOENT; `comment` (may be NULL) lives until the table changes. */
int64_t fake_table_find(const struct table *table, const struct element_key *key, const char **comment);
/* Puts an element there as somebody else would have. */
void fake_table_put(struct table *table, const struct element_key *key, uint64_t expires_ms, const char *comment);
/* The next element_dump() fails with this. */
void fake_table_fail_dump(struct table *table, int error);

#endif
