/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stub.h"

#include <errno.h>
#include <string.h>

#define HEADER 12
#define TYPE_OPT 41
#define CLASS_IN 1

/* ---- what it remembers ---- */

const struct in6_addr *stub_find(const struct stub *stub, uint32_t name, int64_t now)
{
	for (size_t i = 0; i < STUB_ENTRIES; i++)
		if (stub->entries[i].name == name && stub->entries[i].until > now)
			return &stub->entries[i].address;
	return NULL;
}

void stub_keep(struct stub *stub, uint32_t name, const struct in6_addr *address, int64_t until, int64_t now)
{
	struct stub_entry *place = &stub->entries[0];

	if (until <= now)
		return;
	for (struct stub_entry *entry = stub->entries; entry < stub->entries + STUB_ENTRIES; entry++) {
		if (entry->name == name && entry->until) {
			place = entry;
			break;
		}
		if (entry->until < place->until)
			place = entry;
	}
	*place = (struct stub_entry) { name, until, *address };
}

/* ---- messages (RFC 1035, 4) ---- */

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

size_t stub_name(uint8_t *out, size_t size, const char *text)
{
	size_t at = 0;

	for (;;) {
		size_t label = strcspn(text, ".");

		if (label == 0 || label > 63 || at + label + 2 > size)
			return 0;
		out[at++] = (uint8_t)label;
		memcpy(out + at, text, label);
		at += label;
		text += label;
		if (!*text++)
			break;
	}
	out[at++] = 0;
	return at;
}

size_t stub_question(uint8_t out[STUB_QUESTION], uint16_t number, const char *text, uint16_t type)
{
	size_t length = stub_name(out + HEADER, 255, text);
	uint8_t *at = out + HEADER + length;

	if (!length)
		return 0;
	memset(out, 0, HEADER);
	put16(out, number);
	out[2] = 1; /* RD */
	out[5] = 1;
	out[11] = 1;
	put16(at, type);
	put16(at + 2, CLASS_IN);
	at[4] = 0; /* EDNS: the root, OPT, the size, no flags, no options (RFC 6891, 6.1.2) */
	put16(at + 5, TYPE_OPT);
	put16(at + 7, STUB_ANSWER);
	memset(at + 9, 0, 6);
	return (size_t)(at + 15 - out);
}

/* Behind the name at `at`, or 0. */
static size_t skip_name(const uint8_t *message, size_t length, size_t at)
{
	while (at < length) {
		if (message[at] >= 0xc0)
			return at + 2 <= length ? at + 2 : 0;
		if (message[at] == 0)
			return at + 1;
		at += 1u + message[at];
	}
	return 0;
}

static void take(struct stub_answer *answer, uint16_t type, const uint8_t *data, size_t size)
{
	struct in6_addr address = IN6ADDR_ANY_INIT;

	if (answer->count == STUB_ADDRESSES || size != (type == STUB_A ? 4 : 16))
		return;
	if (type == STUB_A)
		memset(&address.s6_addr[10], 0xff, 2);
	memcpy(&address.s6_addr[16 - size], data, size);
	answer->addresses[answer->count++] = address;
}

/* Behind the record at `at`, or 0. */
static size_t read_record(const uint8_t *message, size_t length, size_t at, uint16_t type, struct stub_answer *answer)
{
	uint32_t ttl;
	size_t size;

	at = skip_name(message, length, at);
	if (!at || at + 10 > length)
		return 0;
	ttl = (uint32_t)get16(message + at + 4) << 16 | get16(message + at + 6);
	size = get16(message + at + 8);
	if (at + 10 + size > length)
		return 0;
	if (ttl < answer->ttl)
		answer->ttl = ttl;
	if (get16(message + at) == type)
		take(answer, type, message + at + 10, size);
	return at + 10 + size;
}

int stub_answer(const uint8_t *message, size_t length, uint16_t number, uint16_t type, struct stub_answer *out)
{
	struct stub_answer answer = { .ttl = UINT32_MAX };
	size_t at;

	if (length < HEADER || !(message[2] & 0x80) || get16(message + 4) != 1)
		return -EPROTO;
	at = skip_name(message, length, HEADER);
	if (!at || at + 4 > length)
		return -EPROTO;
	if (get16(message) != number || get16(message + at) != type)
		return -ENOMSG;
	if (message[2] & 2)
		return -EMSGSIZE;
	at += 4;
	for (unsigned int left = get16(message + 6); left; left--) {
		at = read_record(message, length, at, type, &answer);
		if (!at)
			return -EPROTO;
	}
	answer.rcode = message[3] & 0xf;
	if (answer.ttl == UINT32_MAX)
		answer.ttl = 0;
	*out = answer;
	return 0;
}
