/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learned elements, written attribute by attribute into the batch's buffer: libnftnl would allocate for each.
 *
 * What one change becomes depends on the kernel (KERNEL 1.1, 1.2):
 *	update (6.12)	ADD, REFRESH: add with timeout and expiration; without the latter nothing is refreshed
 *	destroy (6.3)	DELETE: destroy. Without update, ADD and REFRESH: destroy, add
 *	neither		DELETE: add, delete. ADD and REFRESH: add, delete, add
 * A plain delete of what is missing would fail the whole batch, and a failed batch costs as much as 2000 good ones. */
#include "netfilter/element.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "base/limits.h"
#include "netfilter/element_shared.h"
#include "netfilter/table_private.h"

/* Linux 6.3; not in Debian 12's headers. */
#define MESSAGE_DESTROYSETELEM 30

/* Octets of elements in one message: a nest's length has 16 bits, and an element takes 200 at most. */
#define ELEMENTS_SIZE 60000

/* The messages of a transaction, in this order. Deletes come first: they free room, and what is deleted and added in
 * one transaction is there afterwards. */
enum element_phase {
	PHASE_DELETE_PLACE, /* add, so that the delete finds it */
	PHASE_DELETE,
	PHASE_REPLACE_PLACE,
	PHASE_REPLACE, /* delete of what is added anew in the next phase */
	PHASE_PUT, /* add with its timeout */
	PHASES
};

/* A transaction while it is written. */
struct element_writer {
	struct table *table;
	struct element_change *changes;
	size_t count;
	uint64_t sets; /* bit 2 * group + family: sets that are named */
};

static bool element_in_phase(const struct table_capabilities *capabilities, const struct element_change *change,
			     enum element_phase phase)
{
	bool put = change->operation != ELEMENT_DELETE, replace = put && !capabilities->update;

	switch (phase) {
	case PHASE_DELETE_PLACE:
		return !put && !capabilities->destroy;
	case PHASE_DELETE:
		return !put;
	case PHASE_REPLACE_PLACE:
		return replace && !capabilities->destroy;
	case PHASE_REPLACE:
		return replace;
	case PHASE_PUT:
		return put;
	case PHASES:
		break;
	}
	return false;
}

/* address . l4proto . port, each padded to four octets. Returns the length. */
static size_t element_key_bytes(const struct element_key *key, uint8_t out[24])
{
	size_t length = key->address.family == IPADDR_V6 ? 16 : 4;

	memcpy(out, key->address.bytes, length);
	memset(out + length, 0, 8);
	out[length] = key->l4proto;
	out[length + 4] = (uint8_t)(key->port >> 8);
	out[length + 5] = (uint8_t)key->port;
	return length + 8;
}

static void element_put_key(struct nlmsghdr *message, const struct element_key *key, bool bare)
{
	struct nlattr *nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
	uint8_t bytes[24];
	size_t length = element_key_bytes(key, bytes);

	mnl_attr_put(message, NFTA_DATA_VALUE, bare ? length - 8 : length, bytes);
	mnl_attr_nest_end(message, nest);
}

/* As nft writes it: type 0, length with the NUL, text. */
static void element_put_comment(struct nlmsghdr *message, const char *prefix, const char *comment)
{
	uint8_t userdata[2 + LIMIT_ELEMENT_COMMENT + 2];
	size_t before = strlen(prefix), most = LIMIT_ELEMENT_COMMENT - before, length = strnlen(comment, most + 1);
	bool cut = length > most;

	if (length + before == 0)
		return;
	if (cut)
		length = most;
	memcpy(userdata + 2, prefix, before);
	memcpy(userdata + 2 + before, comment, length);
	length += before;
	if (cut)
		userdata[2 + length++] = '~';
	userdata[2 + length++] = '\0';
	userdata[0] = 0;
	userdata[1] = (uint8_t)length;
	mnl_attr_put(message, NFTA_SET_ELEM_USERDATA, 2 + length, userdata);
}

static void element_put_life(const struct element_writer *writer, struct nlmsghdr *message, size_t index)
{
	const struct table *table = writer->table;
	const struct element_change *change = &writer->changes[index];
	bool bare = table_learned(table, &change->key)->bare;
	uint64_t life = bare ? table->shared.life_ms[index] : change->timeout_ms;

	mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, htobe64(life));
	if (table->capabilities.update)
		mnl_attr_put_u64(message, NFTA_SET_ELEM_EXPIRATION, htobe64(life));
	if (bare)
		element_put_comment(message, TABLE_TARGET_COMMENT, change->comment ? change->comment : "");
	else if (change->operation == ELEMENT_ADD && change->comment)
		element_put_comment(message, "", change->comment);
}

static void element_put(struct element_writer *writer, struct nlmsghdr *message, size_t index, enum element_phase phase)
{
	struct table *table = writer->table;
	const struct element_change *change = &writer->changes[index];
	struct nlattr *nest;

	table->places[table->place_count++] =
		(struct table_place) { message->nlmsg_seq, message->nlmsg_len, (uint32_t)index };
	nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	element_put_key(message, &change->key, table_learned(table, &change->key)->bare);
	if (phase == PHASE_PUT)
		element_put_life(writer, message, index);
	mnl_attr_nest_end(message, nest);
}

static struct nlmsghdr *element_open(struct element_writer *writer, unsigned int set, enum element_phase phase,
				     struct nlattr **list)
{
	struct table *table = writer->table;
	uint16_t removal = table->capabilities.destroy ? MESSAGE_DESTROYSETELEM : NFT_MSG_DELSETELEM;
	bool removes = phase == PHASE_DELETE || phase == PHASE_REPLACE;
	const struct table_target *target = &table->learned[set / 2][set % 2];
	struct nlmsghdr *message;

	batch_family(table->batch, target->nfproto);
	message = batch_open(table->batch, removes ? removal : NFT_MSG_NEWSETELEM, removes ? 0 : NLM_F_CREATE);

	if (!message)
		return NULL;
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, target->table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, target->set);
	*list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	return message;
}

static void element_shut(struct element_writer *writer, struct nlmsghdr *message, struct nlattr *list)
{
	mnl_attr_nest_end(message, list);
	batch_close(writer->table->batch);
}

static bool element_written(const struct element_writer *writer, size_t index)
{
	const struct element_change *change = &writer->changes[index];

	return !change->error &&
	       (!table_learned(writer->table, &change->key)->bare || writer->table->shared.speaks[index]);
}

/* One phase of one set, in as many messages as it takes. Changes that have an error already are left out. */
static void element_write_set(struct element_writer *writer, unsigned int set, enum element_phase phase)
{
	struct nlmsghdr *message = NULL;
	struct nlattr *list = NULL;

	for (size_t i = 0; i < writer->count; i++) {
		const struct element_change *change = &writer->changes[i];

		if (!element_written(writer, i) || table_learned_index(writer->table, &change->key) != set ||
		    !element_in_phase(&writer->table->capabilities, change, phase))
			continue;
		if (message && message->nlmsg_len > ELEMENTS_SIZE) {
			element_shut(writer, message, list);
			message = NULL;
		}
		if (!message)
			message = element_open(writer, set, phase, &list);
		if (!message)
			return;
		element_put(writer, message, i, phase);
	}
	if (message)
		element_shut(writer, message, list);
}

/* An element that is put is new, or gets a new expiry; a deletion as add and delete changes something, too. */
static bool element_raises(const struct element_writer *writer)
{
	bool raises = false;

	for (size_t i = 0; i < writer->count && !raises; i++)
		raises = element_written(writer, i) &&
			 (writer->changes[i].operation != ELEMENT_DELETE || !writer->table->capabilities.destroy);
	return raises;
}

static int element_send(struct element_writer *writer, struct batch_failure *failure)
{
	batch_begin(writer->table->batch);
	if (element_raises(writer))
		batch_raises(writer->table->batch);
	writer->table->place_count = 0;
	for (enum element_phase phase = PHASE_DELETE_PLACE; phase < PHASES; phase++)
		for (uint64_t sets = writer->sets; sets; sets &= sets - 1)
			element_write_set(writer, (unsigned int)__builtin_ctzll(sets), phase);
	return batch_commit(writer->table->batch, failure);
}

/* Notes which sets are named, and refuses what has none. */
static void element_prepare(struct element_writer *writer)
{
	bool bare = false;

	for (size_t i = 0; i < writer->count; i++) {
		struct element_change *change = &writer->changes[i];

		change->error = change->key.group < writer->table->group_count || writer->table->learned[0][0].bare
					? 0
					: -ENOENT;
		if (change->error || !table_learned(writer->table, &change->key)->set[0])
			continue;
		writer->sets |= UINT64_C(1) << table_learned_index(writer->table, &change->key);
		bare |= table_learned(writer->table, &change->key)->bare;
	}
	if (bare)
		element_shared_decide(writer->table, writer->changes, writer->count);
}

/* The change that the kernel refused: the offset lies in its element. NULL when it was the set or the table. */
static struct element_change *element_refused(struct element_writer *writer, const struct batch_failure *failure)
{
	const struct table *table = writer->table;
	struct element_change *found = NULL;

	if (!failure->sequence)
		return NULL;
	for (size_t i = 0; i < table->place_count; i++)
		if (table->places[i].sequence == failure->sequence && table->places[i].offset <= failure->offset)
			found = &writer->changes[table->places[i].change];
	return found;
}

static size_t element_errors(const struct element_writer *writer)
{
	size_t errors = 0;

	for (size_t i = 0; i < writer->count; i++)
		errors += writer->changes[i].error != 0;
	return errors;
}

static void element_refuse(struct element_writer *writer, struct element_change *refused, int error)
{
	refused->error = error;
	if (table_learned(writer->table, &refused->key)->bare)
		element_shared_refuse(writer->table, writer->changes, (size_t)(refused - writer->changes), error);
}

static bool element_unknown(int error)
{
	return error == -ETIMEDOUT || error == -ENOBUFS;
}

/* Once more without the element that the kernel refused; and once more when its answer was lost: whatever became of the
 * first one, all that is in it may be done twice, and the second answer tells. Where that is an error, the first one
 * may have been done all the same. */
static int element_insist(struct element_writer *writer)
{
	bool left_out = false;
	int unknown = 0;

	for (;;) {
		struct batch_failure failure;
		int error = element_send(writer, &failure);
		struct element_change *refused = error < 0 ? element_refused(writer, &failure) : NULL;

		if (refused && !left_out) {
			element_refuse(writer, refused, unknown ? unknown : error);
			left_out = true;
		} else if (element_unknown(error) && !unknown) {
			unknown = error;
		} else {
			/* A set or the table is missing: others took it. */
			writer->table->suspect |= error == -ENOENT;
			return error < 0 && unknown ? unknown : error;
		}
	}
}

size_t element_commit(struct table *table, struct element_change *changes, size_t count)
{
	struct element_writer writer = { .table = table, .changes = changes, .count = count };
	int error;

	if (count > LIMIT_BATCH_ELEMENTS)
		error = -E2BIG;
	else {
		element_prepare(&writer);
		error = element_insist(&writer);
	}
	for (size_t i = 0; i < count && error < 0; i++)
		if (!changes[i].error || count > LIMIT_BATCH_ELEMENTS)
			changes[i].error = error;
	return element_errors(&writer);
}
