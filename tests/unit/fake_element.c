/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/fake_element.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define CHAINS 4096

struct fake {
	struct fake *next;
	struct element_key key;
	int64_t end; /* ms of the fake clock */
	char comment[LIMIT_ELEMENT_COMMENT + 2];
};

struct table {
	struct fake *chains[CHAINS];
	struct monotime now;
	size_t count, size, commits, changes;
	enum fake_failure failure;
	unsigned int until_failure; /* 0: none */
	int failure_error, dump_error;
	bool no_deletions;
};

static void broken(const char *what)
{
	fprintf(stderr, "fake kernel: %s\n", what);
	abort();
}

static bool key_equal(const struct element_key *a, const struct element_key *b)
{
	return ipaddr_equal(&a->address, &b->address) && a->group == b->group && a->l4proto == b->l4proto &&
	       a->port == b->port;
}

static struct fake **chain_of(struct table *table, const struct element_key *key)
{
	uint32_t hash = 2166136261u ^ key->group ^ (uint32_t)key->l4proto << 8 ^ (uint32_t)key->port << 16;

	for (size_t i = 0; i < sizeof(key->address.bytes); i++)
		hash = (hash ^ key->address.bytes[i]) * 16777619u;
	return &table->chains[hash % CHAINS];
}

static struct fake **find(struct table *table, const struct element_key *key)
{
	struct fake **at = chain_of(table, key);

	while (*at && !key_equal(&(*at)->key, key))
		at = &(*at)->next;
	return at;
}

static void take_away(struct table *table, struct fake **at)
{
	struct fake *gone = *at;

	*at = gone->next;
	free(gone);
	table->count--;
}

struct table *fake_table_new(void)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		broken("no memory");
	table->size = SIZE_MAX;
	return table;
}

void fake_table_free(struct table *table)
{
	for (size_t i = 0; table && i < CHAINS; i++)
		while (table->chains[i])
			take_away(table, &table->chains[i]);
	free(table);
}

void fake_table_set_time(struct table *table, struct monotime now)
{
	if (monotime_before(now, table->now))
		broken("the clock went back");
	table->now = now;
	for (size_t i = 0; i < CHAINS; i++)
		for (struct fake **at = &table->chains[i]; *at;) {
			if ((*at)->end <= now.msec)
				take_away(table, at);
			else
				at = &(*at)->next;
		}
}

void fake_table_set_size(struct table *table, size_t size)
{
	table->size = size;
}

void fake_table_fail(struct table *table, enum fake_failure failure, unsigned int nth, int error)
{
	table->failure = failure;
	table->until_failure = nth;
	table->failure_error = error;
}

void fake_table_fail_dump(struct table *table, int error)
{
	table->dump_error = error;
}

void fake_table_refuse_deletions(struct table *table, bool refuse)
{
	table->no_deletions = refuse;
}

size_t fake_table_count(const struct table *table)
{
	return table->count;
}

size_t fake_table_commits(const struct table *table)
{
	return table->commits;
}

size_t fake_table_changes(const struct table *table)
{
	return table->changes;
}

int64_t fake_table_find(const struct table *table, const struct element_key *key, const char **comment)
{
	struct fake *found = *find((struct table *)table, key);

	if (!found)
		return -ENOENT;
	if (comment)
		*comment = found->comment;
	return found->end - table->now.msec;
}

/* A comment is written once: an element that is there keeps its own. */
static int put(struct table *table, const struct element_key *key, uint64_t timeout, const char *comment)
{
	struct fake **at = find(table, key);

	if (!*at) {
		if (table->count >= table->size)
			return -ENFILE;
		*at = calloc(1, sizeof(**at));
		if (!*at)
			broken("no memory");
		(*at)->key = *key;
		if (comment && strlen(comment) > LIMIT_ELEMENT_COMMENT)
			snprintf((*at)->comment, sizeof((*at)->comment), "%.*s~", LIMIT_ELEMENT_COMMENT, comment);
		else if (comment)
			snprintf((*at)->comment, sizeof((*at)->comment), "%s", comment);
		table->count++;
	}
	(*at)->end = table->now.msec + (int64_t)timeout;
	return 0;
}

void fake_table_put(struct table *table, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	put(table, key, expires_ms, comment);
}

static void check(const struct element_change *changes, size_t count)
{
	if (count == 0 || count > LIMIT_BATCH_ELEMENTS)
		broken("an empty or too large batch");
	for (size_t i = 0; i < count; i++) {
		if (changes[i].operation != ELEMENT_DELETE &&
		    (changes[i].timeout_ms < 1 || changes[i].timeout_ms > UINT64_C(1) << 40))
			broken("a timeout out of range");
		for (size_t k = i + 1; count <= 64 && k < count; k++)
			if (key_equal(&changes[i].key, &changes[k].key))
				broken("two changes of one element in one batch");
	}
}

static int perform(struct table *table, const struct element_change *change)
{
	struct fake **at = find(table, &change->key);

	switch (change->operation) {
	case ELEMENT_ADD:
		return put(table, &change->key, change->timeout_ms, change->comment);
	case ELEMENT_REFRESH:
		return put(table, &change->key, change->timeout_ms, NULL);
	case ELEMENT_DELETE:
		if (table->no_deletions)
			return -EBUSY;
		if (*at)
			take_away(table, at);
		return 0;
	}
	return -EINVAL;
}

static bool strikes(struct table *table, bool one)
{
	if (!table->until_failure || (table->failure == FAKE_REFUSE_ONE) != one)
		return false;
	return --table->until_failure == 0;
}

static void perform_all(struct table *table, struct element_change *changes, size_t count, bool deletes)
{
	for (size_t i = 0; i < count; i++)
		if ((changes[i].operation == ELEMENT_DELETE) == deletes)
			changes[i].error = strikes(table, true) ? table->failure_error : perform(table, &changes[i]);
}

size_t element_commit(struct table *table, struct element_change *changes, size_t count)
{
	bool fails = strikes(table, false);
	size_t errors = 0;

	check(changes, count);
	table->commits++;
	table->changes += count;
	if (!fails || table->failure == FAKE_LOSE_ANSWER) {
		perform_all(table, changes, count, true);
		perform_all(table, changes, count, false);
	}
	for (size_t i = 0; i < count; i++) {
		if (fails)
			changes[i].error = table->failure == FAKE_REFUSE_ALL ? table->failure_error : -ETIMEDOUT;
		errors += changes[i].error != 0;
	}
	return errors;
}

int element_dump(struct table *table,
		 void (*visit)(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment),
		 void *context)
{
	int error = table->dump_error;

	table->dump_error = 0;
	for (size_t i = 0; !error && i < CHAINS; i++)
		for (const struct fake *one = table->chains[i]; one; one = one->next)
			visit(context, &one->key, (uint64_t)(one->end - table->now.msec), one->comment);
	return error;
}
