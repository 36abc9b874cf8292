/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The learned sets read back. Each set is gathered whole before anything of it is shown, since a dump that the
 * ruleset's next generation interrupted may be no whole and is begun anew. Where others commit all the time no dump
 * comes to its end in peace (KERNEL 0.7). They do not write into our sets, though: a dump misses something only when
 * the kernel moves the set's elements just then, and not the same in each of ten. So what ten dumps saw together is what
 * there is. To forget it would leave elements in the kernel that nobody ends, or that the policy does not allow. */
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "netfilter/element.h"
#include "netfilter/nfattr.h"
#include "netfilter/table_private.h"
#include "netfilter/table_query.h"

#define DUMP_ATTEMPTS 10
#define DUMP_LOST 3 /* so many of them may come to no end */

struct dumped {
	struct element_key key;
	uint64_t expires_ms;
	char comment[LIMIT_ELEMENT_COMMENT + 2];
};

struct dump {
	uint8_t group;
	enum ipaddr_family family;
	const struct table_target *target;
	struct dumped *items;
	size_t count, room;
};

static int dump_grow(struct dump *dump)
{
	size_t room = dump->room ? 2 * dump->room : 256;
	struct dumped *items;

	if (dump->count < dump->room)
		return 0;
	items = realloc(dump->items, room * sizeof(*items));
	if (!items)
		return -ENOMEM;
	dump->items = items;
	dump->room = room;
	return 0;
}

static bool dump_known_proto(uint8_t l4proto)
{
	return l4proto == IPPROTO_TCP || l4proto == IPPROTO_UDP || l4proto == IPPROTO_ICMP || l4proto == IPPROTO_ICMPV6;
}

/* False when the key is not one of ours: of the wrong length, or of a protocol that we never write. */
static bool dump_key(const struct dump *dump, const struct nlattr *attribute, struct element_key *out)
{
	size_t address = ipaddr_length(dump->family), length;
	const uint8_t *bytes;

	if (dump->target->bare && nfattr_data(attribute, &bytes, &length) && length == address) {
		*out = (struct element_key) { .address = ipaddr_from_bytes(dump->family, bytes) };
		return true;
	}

	if (!nfattr_data(attribute, &bytes, &length) || length != address + 8 || !dump_known_proto(bytes[address]))
		return false;
	*out = (struct element_key) { .address = ipaddr_from_bytes(dump->family, bytes),
				      .group = dump->group,
				      .l4proto = bytes[address],
				      .port = (uint16_t)(bytes[address + 4] << 8 | bytes[address + 5]) };
	return true;
}

static void dump_comment(const struct nlattr *attribute, char *out, size_t size)
{
	const uint8_t *userdata;
	const char *comment;
	size_t length;

	out[0] = '\0';
	if (!nfattr_bytes(attribute, &userdata, &length) || !nfattr_comment(userdata, length, &comment))
		return;
	strncpy(out, comment, size - 1);
	out[size - 1] = '\0';
}

/* In a set of the administrator's, theirs are told by the comment. */
static bool dump_ours(const struct dump *dump, struct dumped *item)
{
	size_t length = strlen(TABLE_TARGET_COMMENT);

	if (!dump->target->bare)
		return true;
	if (strncmp(item->comment, TABLE_TARGET_COMMENT, length) != 0)
		return false;
	memmove(item->comment, item->comment + length, strlen(item->comment + length) + 1);
	return true;
}

/* An element without an expiration stays for ever: it is not ours. */
static int dump_element(struct dump *dump, const struct nlattr *element)
{
	const struct nlattr *attributes[NFTA_SET_ELEM_MAX + 1];
	struct dumped *item;
	int error = dump_grow(dump);

	if (error < 0)
		return error;
	item = &dump->items[dump->count];
	nfattr_parse_nest(element, attributes, NFTA_SET_ELEM_MAX + 1);
	if (!dump_key(dump, attributes[NFTA_SET_ELEM_KEY], &item->key) ||
	    !nfattr_u64(attributes[NFTA_SET_ELEM_EXPIRATION], &item->expires_ms))
		return 0;
	dump_comment(attributes[NFTA_SET_ELEM_USERDATA], item->comment, sizeof(item->comment));
	dump->count += dump_ours(dump, item);
	return 0;
}

static int dump_visit(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_SET_ELEM_LIST_MAX + 1], *list, *one;
	int error = 0;

	nfattr_parse(message, attributes, NFTA_SET_ELEM_LIST_MAX + 1);
	list = attributes[NFTA_SET_ELEM_LIST_ELEMENTS];
	for (one = nfattr_first_in(list); one && !error; one = nfattr_next_in(list, one))
		error = dump_element(context, one);
	return error;
}

static int dump_once(struct table *table, struct dump *dump)
{
	struct table_query query;

	table_query_begin(&query, table->queries, NFT_MSG_GETSETELEM, true);
	query.moving = true;
	table_query_family(&query, dump->target->nfproto);
	mnl_attr_put_strz(query.message, NFTA_SET_ELEM_LIST_TABLE, dump->target->table);
	mnl_attr_put_strz(query.message, NFTA_SET_ELEM_LIST_SET, dump->target->set);
	return table_query_run(&query, dump_visit, dump);
}

/* Within one set. */
static int dump_compare(const void *a, const void *b)
{
	const struct element_key *left = &((const struct dumped *)a)->key, *right = &((const struct dumped *)b)->key;
	int order = ipaddr_compare(&left->address, &right->address);

	if (order == 0)
		order = (int)left->l4proto - (int)right->l4proto;
	return order ? order : (int)left->port - (int)right->port;
}

/* Sorts the items from `first` on and leaves each once; true when there was one twice. */
static bool dump_settle(struct dump *dump, size_t first)
{
	size_t count = first;

	if (dump->count > first)
		qsort(dump->items + first, dump->count - first, sizeof(dump->items[0]), dump_compare);
	for (size_t i = first; i < dump->count; i++)
		if (count == first || dump_compare(&dump->items[count - 1], &dump->items[i]) != 0)
			dump->items[count++] = dump->items[i];
	if (count == dump->count)
		return false;
	dump->count = count;
	return true;
}

static bool dump_lost(int error)
{
	return error == -ENOBUFS || error == -ETIMEDOUT;
}

static int dump_set(struct table *table, struct dump *dump)
{
	bool again = true, twice;
	int error = -EINTR, lost = 0;

	dump->count = 0;
	for (int attempt = 0; attempt < DUMP_ATTEMPTS && again; attempt++) {
		size_t before = dump->count;

		error = dump_once(table, dump);
		lost += dump_lost(error);
		twice = dump_settle(dump, before);
		dump_settle(dump, 0);
		again = error == -EINTR || (error == 0 && twice) || (dump_lost(error) && lost < DUMP_LOST);
	}
	return error == -EINTR ? 0 : error;
}

int element_dump(struct table *table,
		 void (*visit)(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment),
		 void *context)
{
	struct dump dump = { .items = NULL };
	int error = 0;

	for (size_t i = 0; i < 2 * table->group_count && !error; i++) {
		dump.target = &table->learned[i / 2][i % 2];
		if (!dump.target->set[0] || (dump.target->bare && i > 1))
			continue;
		dump.group = (uint8_t)(i / 2);
		dump.family = i % 2 ? IPADDR_V6 : IPADDR_V4;
		error = dump_set(table, &dump);
		for (size_t j = 0; j < dump.count && !error; j++)
			visit(context, &dump.items[j].key, dump.items[j].expires_ms, dump.items[j].comment);
	}
	free(dump.items);
	return error;
}
