/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/fake_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNS_HEADER 12

static void broken(const char *what, const char *text)
{
	fprintf(stderr, "fake answer: %s: %s\n", what, text);
	abort();
}

static void put(struct fake_answer *answer, const void *data, size_t length)
{
	if (answer->length + length > sizeof(answer->octets))
		broken("too long", "");
	memcpy(answer->octets + answer->length, data, length);
	answer->length += length;
}

static void set16(struct fake_answer *answer, size_t at, size_t value)
{
	answer->octets[at] = (uint8_t)(value >> 8);
	answer->octets[at + 1] = (uint8_t)value;
}

static void put16(struct fake_answer *answer, unsigned int value)
{
	const uint8_t octets[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(answer, octets, sizeof(octets));
}

static void put_name(struct fake_answer *answer, const char *text)
{
	struct dns_name name;

	if (dns_name_from_text(text, &name) < 0)
		broken("no name", text);
	put(answer, name.octets, name.length);
}

static struct ipaddr address_of(const char *text)
{
	struct ipaddr address;

	if (ipaddr_from_text(text, &address) < 0)
		broken("no address", text);
	return address;
}

static void set_ip_length(struct fake_answer *answer)
{
	if (answer->octets[0] >> 4 == 4)
		set16(answer, 2, answer->length);
	else
		set16(answer, 4, answer->length - 40);
}

/* The headers' lengths follow what has been added. */
static void set_lengths(struct fake_answer *answer)
{
	size_t udp = answer->message - 8;

	set16(answer, udp + 4, answer->length - udp);
	set_ip_length(answer);
}

static void put_ip(struct fake_answer *answer, const struct ipaddr *client, uint8_t protocol)
{
	uint8_t header4[16] = { 0x45, [8] = 64, protocol, [12] = 10, 2, 0, 2 };
	uint8_t header6[24] = { 0x60, [6] = protocol, 64, 0x20, 0x01, 0x0d, 0xb8, [23] = 0x53 };

	if (client->family == IPADDR_V4)
		put(answer, header4, sizeof(header4));
	else
		put(answer, header6, sizeof(header6));
	put(answer, client->bytes, ipaddr_length(client->family));
}

static void put_headers(struct fake_answer *answer, const struct ipaddr *client)
{
	static const uint8_t udp[8] = { 0, 53, 0xc3, 0x50 };

	put_ip(answer, client, 17);
	put(answer, udp, sizeof(udp));
	answer->message = answer->length;
}

void fake_answer_start(struct fake_answer *answer, const char *client, const char *qname, enum dns_type qtype)
{
	static const uint8_t header[DNS_HEADER] = { 0x12, 0x34, 0x81, 0x80, 0, 1 };
	struct ipaddr address = address_of(client);

	answer->length = 0;
	put_headers(answer, &address);
	put(answer, header, sizeof(header));
	put_name(answer, qname);
	put16(answer, qtype);
	put16(answer, 1);
	set_lengths(answer);
}

static void put_data(struct fake_answer *answer, enum dns_type type, const char *data)
{
	struct ipaddr address;

	if (type == DNS_TYPE_CNAME) {
		put_name(answer, data);
		return;
	}
	address = address_of(data);
	if ((type == DNS_TYPE_A) != (address.family == IPADDR_V4))
		broken("an address of the other family", data);
	put(answer, address.bytes, ipaddr_length(address.family));
}

void fake_answer_record(struct fake_answer *answer, const char *owner, enum dns_type type, uint32_t ttl,
			const char *data)
{
	size_t count = answer->message + 6, start;

	set16(answer, count, (size_t)(answer->octets[count] << 8 | answer->octets[count + 1]) + 1);
	put_name(answer, owner);
	put16(answer, type);
	put16(answer, 1);
	put16(answer, ttl >> 16);
	put16(answer, ttl & 0xffff);
	start = answer->length;
	put16(answer, 0);
	put_data(answer, type, data);
	set16(answer, start, answer->length - start - 2);
	set_lengths(answer);
}

void fake_answer_flags(struct fake_answer *answer, uint16_t flags)
{
	set16(answer, answer->message + 2, flags);
}

void fake_answer_segment(struct fake_answer *answer, const char *client, uint16_t port, uint32_t sequence,
			 uint8_t flags, const uint8_t *octets, size_t length)
{
	struct ipaddr address = address_of(client);
	uint8_t rest[8] = { 0x50, flags, 0xff, 0xff };

	answer->length = 0;
	put_ip(answer, &address, 6);
	put16(answer, 53);
	put16(answer, port);
	put16(answer, sequence >> 16);
	put16(answer, sequence & 0xffff);
	put16(answer, 0);
	put16(answer, 1);
	put(answer, rest, sizeof(rest));
	answer->message = answer->length;
	if (length)
		put(answer, octets, length);
	set_ip_length(answer);
}
