/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dns_message/made.h"

struct made_message made_message;
struct dns_answer made_answer;

void made_put(const void *octets, size_t length)
{
	assert_true(made_message.length + length <= sizeof(made_message.octets));
	memcpy(made_message.octets + made_message.length, octets, length);
	made_message.length += length;
}

void made_put16(unsigned int value)
{
	made_put((uint8_t[]) { (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

void made_put32(uint32_t value)
{
	made_put16(value >> 16);
	made_put16(value & 0xffff);
}

void made_set16(size_t at, unsigned int value)
{
	made_message.octets[at] = (uint8_t)(value >> 8);
	made_message.octets[at + 1] = (uint8_t)value;
}

void made_put_name(const char *text)
{
	while (*text && *text != '@') {
		size_t length = strcspn(text, ".@");

		made_put(&(uint8_t) { (uint8_t)length }, length ? 1 : 0);
		made_put(text, length);
		text += length;
		text += *text == '.';
	}
	if (*text == '@')
		made_put16(0xc000u | (unsigned int)strtoul(text + 1, NULL, 10));
	else
		made_put("", 1);
}

void made_start(const char *qname, unsigned int qtype)
{
	memset(&made_message, 0, sizeof(made_message));
	made_put16(0x1234);
	made_put16(0x8180); /* QR RD RA */
	made_put16(1);
	made_put16(0);
	made_put32(0);
	made_put_name(qname);
	made_put16(qtype);
	made_put16(1);
}

void made_count_record(enum section section)
{
	for (size_t later = section + 1; later < 3; later++)
		assert_int_equal(made_message.counts[later], 0);
	made_set16(6 + 2 * (size_t)section, ++made_message.counts[section]);
}

size_t made_begin_record(enum section section, const char *owner, unsigned int type, uint32_t ttl)
{
	made_count_record(section);
	made_put_name(owner);
	made_put16(type);
	made_put16(1);
	made_put32(ttl);
	made_put16(0);
	return made_message.length;
}

void made_end_record(size_t data)
{
	made_set16(data - 2, (unsigned int)(made_message.length - data));
}

void made_add(enum section section, const char *owner, unsigned int type, uint32_t ttl, const void *data, size_t length)
{
	size_t at = made_begin_record(section, owner, type, ttl);

	made_put(data, length);
	made_end_record(at);
}

void made_add_address(enum section section, const char *owner, uint32_t ttl, const char *text)
{
	struct ipaddr address;

	assert_int_equal(ipaddr_from_text(text, &address), 0);
	made_add(section, owner, address.family == IPADDR_V4 ? DNS_TYPE_A : DNS_TYPE_AAAA, ttl, address.bytes,
		 ipaddr_length(address.family));
}

void made_add_cname(enum section section, const char *owner, uint32_t ttl, const char *target)
{
	size_t at = made_begin_record(section, owner, DNS_TYPE_CNAME, ttl);

	made_put_name(target);
	made_end_record(at);
}

enum dns_read made_result(void)
{
	uint8_t *exact = malloc(made_message.length + 1); /* so that a sanitizer sees a read past the end */
	enum dns_read read;

	assert_non_null(exact);
	memcpy(exact, made_message.octets, made_message.length);
	memset(&made_answer, 0x5a, sizeof(made_answer));
	read = dns_answer_read(exact, made_message.length, &made_answer);
	free(exact);
	return read;
}

void made_reads(unsigned int addresses, unsigned int targets)
{
	assert_int_equal(made_result(), DNS_READ_OK);
	assert_int_equal(made_answer.address_count, addresses);
	assert_int_equal(made_answer.target_count, targets);
}

void made_has_address(const char *text, uint32_t ttl)
{
	char buffer[IPADDR_TEXT_SIZE];
	struct ipaddr address;

	assert_int_equal(ipaddr_from_text(text, &address), 0);
	for (unsigned int i = 0; i < made_answer.address_count; i++)
		if (ipaddr_equal(&made_answer.addresses[i].address, &address)) {
			assert_int_equal(made_answer.addresses[i].ttl, ttl);
			return;
		}
	for (unsigned int i = 0; i < made_answer.address_count; i++)
		print_message("# address %s\n", ipaddr_to_text(&made_answer.addresses[i].address, buffer));
	fail_msg("%s is not among the addresses", text);
}

void made_has_target(const char *text, uint32_t ttl)
{
	char buffer[DNS_NAME_TEXT_SIZE];

	for (unsigned int i = 0; i < made_answer.target_count; i++)
		if (strcmp(dns_name_to_text(&made_answer.targets[i].name, buffer), text) == 0) {
			assert_int_equal(made_answer.targets[i].ttl, ttl);
			return;
		}
	fail_msg("%s is not among the targets", text);
}
