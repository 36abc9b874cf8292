/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/nfattr.o */
/* LIBS: libmnl */
/* A message from the kernel, as our transport hands it on: whole, its length checked against what arrived. Whatever its
 * attributes say of themselves, nothing outside it is read. */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/nfattr.h"

#define TYPES 16
#define DEPTH 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct nlmsghdr *message;

static void must(bool held)
{
	if (!held)
		abort();
}

/* Every octet is looked at: what lies outside ends the program. */
static void touch(const void *octets, size_t length)
{
	const uint8_t *begin = (const uint8_t *)message, *at = octets;
	volatile uint8_t sum = 0;

	must(at >= begin && at + length <= begin + MNL_ALIGN(message->nlmsg_len));
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + at[i]);
}

static void touch_comment(const uint8_t *octets, size_t length)
{
	const char *text;

	if (!nfattr_comment(octets, length, &text))
		return;
	touch(text, strlen(text) + 1);
	must((const uint8_t *)text + strlen(text) < octets + length);
}

static void read_nest(const struct nlattr *nest, unsigned int depth);

static void read_one(const struct nlattr *attribute, unsigned int depth)
{
	const uint8_t *octets;
	const char *text;
	uint32_t number;
	uint64_t longer;
	size_t length;

	if (nfattr_bytes(attribute, &octets, &length)) {
		touch(octets, length);
		touch_comment(octets, length);
	}
	if (nfattr_string(attribute, &text))
		touch(text, strlen(text) + 1);
	must(!nfattr_u32(attribute, &number) || length >= sizeof(number));
	must(!nfattr_u64(attribute, &longer) || length >= sizeof(longer));
	if (nfattr_data(attribute, &octets, &length))
		touch(octets, length);
	if (depth < DEPTH)
		read_nest(attribute, depth + 1);
}

static void read_nest(const struct nlattr *nest, unsigned int depth)
{
	const struct nlattr *table[TYPES];

	for (const struct nlattr *one = nfattr_first_in(nest); one; one = nfattr_next_in(nest, one))
		read_one(one, depth);
	must(nfattr_parse_nest(nest, table, TYPES) == (nest != NULL));
	for (unsigned int i = 0; i < TYPES; i++)
		must(!table[i] || mnl_attr_get_type(table[i]) == i);
}

static void read_message(void)
{
	const struct nlattr *table[TYPES];

	for (const struct nlattr *one = nfattr_first(message); one; one = nfattr_next(message, one))
		read_one(one, 0);
	nfattr_parse(message, table, TYPES);
	read_one(NULL, 0);
	for (size_t header = 0; header < 64; header += 4)
		nfattr_parse_after(message, header, table, TYPES);
	if (message->nlmsg_type == NLMSG_ERROR) {
		must(nfattr_error(message) <= 0);
		nfattr_error_offset(message);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = MNL_ALIGN(size);
	struct nlmsghdr *copy;

	if (size < sizeof(*copy) || size > 65535)
		return 0;
	copy = calloc(1, room); /* exactly: what is read beyond is seen */
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy->nlmsg_len = (uint32_t)size;
	message = copy;
	read_message();
	free(copy);
	return 0;
}
