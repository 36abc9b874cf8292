/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/element_replay.h"

#include <errno.h>
#include <stdlib.h>

#define CHAINS 65536 /* a power of two */

struct element {
	struct element *next;
	struct element_key key;
	struct monotime end;
};

struct table {
	struct hash_key hash;
	struct monotime now;
	size_t commits;
	struct element *chains[CHAINS];
};

struct table *element_replay_new(const struct hash_key *key)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table)
		table->hash = *key;
	return table;
}

void element_replay_free(struct table *table)
{
	for (size_t i = 0; table && i < CHAINS; i++)
		while (table->chains[i]) {
			struct element *gone = table->chains[i];

			table->chains[i] = gone->next;
			free(gone);
		}
	free(table);
}

void element_replay_at(struct table *table, struct monotime now)
{
	table->now = now;
}

size_t element_replay_commits(const struct table *table)
{
	return table->commits;
}

static bool key_equal(const struct element_key *a, const struct element_key *b)
{
	return ipaddr_equal(&a->address, &b->address) && a->group == b->group && a->l4proto == b->l4proto &&
	       a->port == b->port;
}

static size_t chain_of(const struct table *table, const struct element_key *key)
{
	return hash_bytes(&table->hash, &key->address, sizeof(key->address)) % CHAINS;
}

/* Where the element is linked, or the end of its chain. */
static struct element **find(struct table *table, const struct element_key *key)
{
	struct element **at = &table->chains[chain_of(table, key)];

	while (*at && !key_equal(&(*at)->key, key))
		at = &(*at)->next;
	return at;
}

bool element_replay_holds(const struct table *table, const struct element_key *key)
{
	for (const struct element *one = table->chains[chain_of(table, key)]; one; one = one->next)
		if (key_equal(&one->key, key))
			return monotime_before(table->now, one->end);
	return false;
}

static int perform(struct table *table, const struct element_change *change)
{
	struct element **at = find(table, &change->key), *gone = *at;

	if (change->operation == ELEMENT_DELETE) {
		if (gone)
			*at = gone->next;
		free(gone);
		return 0;
	}
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	(*at)->key = change->key;
	(*at)->end = monotime_add(table->now, (int64_t)change->timeout_ms);
	return 0;
}

size_t element_commit(struct table *table, struct element_change *changes, size_t count)
{
	size_t errors = 0;

	table->commits++;
	for (int deletes = 1; deletes >= 0; deletes--)
		for (size_t i = 0; i < count; i++)
			if ((changes[i].operation == ELEMENT_DELETE) == deletes) {
				changes[i].error = perform(table, &changes[i]);
				errors += changes[i].error != 0;
			}
	return errors;
}

/* Nothing stands there before the first packet. */
int element_dump(struct table *table,
		 void (*visit)(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment),
		 void *context)
{
	(void)table;
	(void)visit;
	(void)context;
	return 0;
}
