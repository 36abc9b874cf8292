/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/message.o dns/svcb.o dns/wire.o dns/name.o base/ipaddr.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/message.h"

/* ---- A message made by hand ---- */

enum section { ANSWER, AUTHORITY, ADDITIONAL };

static struct {
	uint8_t octets[70000];
	size_t length;
	unsigned int counts[3];
} message;

static struct dns_answer answer;

static void put(const void *octets, size_t length)
{
	assert_true(message.length + length <= sizeof(message.octets));
	memcpy(message.octets + message.length, octets, length);
	message.length += length;
}

static void put16(unsigned int value)
{
	put((uint8_t[]) { (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void put32(uint32_t value)
{
	put16(value >> 16);
	put16(value & 0xffff);
}

static void set16(size_t at, unsigned int value)
{
	message.octets[at] = (uint8_t)(value >> 8);
	message.octets[at + 1] = (uint8_t)value;
}

/* "www.example" label by label; "@NNN" at the end is a pointer to offset NNN: "www@12". */
static void put_name(const char *text)
{
	while (*text && *text != '@') {
		size_t length = strcspn(text, ".@");

		put(&(uint8_t) { (uint8_t)length }, length ? 1 : 0);
		put(text, length);
		text += length;
		text += *text == '.';
	}
	if (*text == '@')
		put16(0xc000u | (unsigned int)atoi(text + 1));
	else
		put("", 1);
}

static void start(const char *qname, unsigned int qtype)
{
	memset(&message, 0, sizeof(message));
	put16(0x1234);
	put16(0x8180); /* QR RD RA */
	put16(1);
	put16(0);
	put32(0);
	put_name(qname);
	put16(qtype);
	put16(1);
}

static void count_record(enum section section)
{
	for (size_t later = section + 1; later < 3; later++)
		assert_int_equal(message.counts[later], 0);
	set16(6 + 2 * (size_t)section, ++message.counts[section]);
}

/* Everything before RDATA; RDLENGTH is written by end_record(). */
static size_t begin_record(enum section section, const char *owner, unsigned int type, uint32_t ttl)
{
	count_record(section);
	put_name(owner);
	put16(type);
	put16(1);
	put32(ttl);
	put16(0);
	return message.length;
}

static void end_record(size_t data)
{
	set16(data - 2, (unsigned int)(message.length - data));
}

static void add(enum section section, const char *owner, unsigned int type, uint32_t ttl, const void *data,
		size_t length)
{
	size_t at = begin_record(section, owner, type, ttl);

	put(data, length);
	end_record(at);
}

static void add_address(enum section section, const char *owner, uint32_t ttl, const char *text)
{
	struct ipaddr address;

	assert_int_equal(ipaddr_from_text(text, &address), 0);
	add(section, owner, address.family == IPADDR_V4 ? DNS_TYPE_A : DNS_TYPE_AAAA, ttl, address.bytes,
	    ipaddr_length(address.family));
}

static void add_cname(enum section section, const char *owner, uint32_t ttl, const char *target)
{
	size_t at = begin_record(section, owner, DNS_TYPE_CNAME, ttl);

	put_name(target);
	end_record(at);
}

/* Adds an HTTPS record with parameters as they stand on the wire. */
static void add_https(enum section section, const char *owner, uint32_t ttl, unsigned int priority, const char *target,
		      const void *params, size_t length)
{
	size_t at = begin_record(section, owner, DNS_TYPE_HTTPS, ttl);

	put16(priority);
	put_name(target);
	put(params, length);
	end_record(at);
}

#define HINT4 "\0\4\0\4\300\0\2\7" /* ipv4hint=192.0.2.7 */
#define HINT6 "\0\6\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7" /* ipv6hint=2001:db8::7 */
#define ALPN "\0\1\0\3\2h2"
#define PARAMS(text) text, sizeof(text) - 1

/* ---- What is expected of it ---- */

static enum dns_read result(void)
{
	uint8_t *exact = malloc(message.length + 1); /* so that a sanitizer sees a read past the end */
	enum dns_read read;

	assert_non_null(exact);
	memcpy(exact, message.octets, message.length);
	memset(&answer, 0x5a, sizeof(answer));
	read = dns_answer_read(exact, message.length, &answer);
	free(exact);
	return read;
}

static void reads(unsigned int addresses, unsigned int targets)
{
	assert_int_equal(result(), DNS_READ_OK);
	assert_int_equal(answer.address_count, addresses);
	assert_int_equal(answer.target_count, targets);
}

static void has_address(const char *text, uint32_t ttl)
{
	char buffer[IPADDR_TEXT_SIZE];
	struct ipaddr address;

	assert_int_equal(ipaddr_from_text(text, &address), 0);
	for (unsigned int i = 0; i < answer.address_count; i++)
		if (ipaddr_equal(&answer.addresses[i].address, &address)) {
			assert_int_equal(answer.addresses[i].ttl, ttl);
			return;
		}
	for (unsigned int i = 0; i < answer.address_count; i++)
		print_message("# address %s\n", ipaddr_to_text(&answer.addresses[i].address, buffer));
	fail_msg("%s is not among the addresses", text);
}

static void has_target(const char *text, uint32_t ttl)
{
	char buffer[DNS_NAME_TEXT_SIZE];

	for (unsigned int i = 0; i < answer.target_count; i++)
		if (strcmp(dns_name_to_text(&answer.targets[i].name, buffer), text) == 0) {
			assert_int_equal(answer.targets[i].ttl, ttl);
			return;
		}
	fail_msg("%s is not among the targets", text);
}

/* ---- Addresses and chains ---- */

static void one_address(void **state)
{
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	start("WWW.example", DNS_TYPE_A);
	add_address(ANSWER, "@12", 300, "192.0.2.1");
	reads(1, 0);
	has_address("192.0.2.1", 300);
	assert_int_equal(answer.id, 0x1234);
	assert_int_equal(answer.qtype, DNS_TYPE_A);
	assert_string_equal(dns_name_to_text(&answer.qname, text), "www.example");
	assert_false(answer.truncated);
	assert_false(answer.chain_over_limit);
	assert_int_equal(answer.addresses_over_limit, 0);
	assert_int_equal(answer.targets_over_limit, 0);
}

static void no_answer_is_fine(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A);
	reads(0, 0);
}

static void truncated_is_told(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A);
	set16(2, 0x8380);
	add_address(ANSWER, "@12", 300, "192.0.2.1");
	reads(1, 0);
	assert_true(answer.truncated);
}

static void chain_is_followed_and_its_smallest_ttl_counts(void **state)
{
	(void)state;
	start("outlook.office.com", DNS_TYPE_A);
	add_cname(ANSWER, "outlook.office.com", 7, "substrate.office.com");
	add_cname(ANSWER, "substrate.office.com", 80, "outlook.office365.com");
	add_cname(ANSWER, "outlook.office365.com", 147, "outlook.ms-acdc.office.com");
	add_cname(ANSWER, "outlook.ms-acdc.office.com", 27, "AMS-efz.ms-acdc.office.com");
	add_address(ANSWER, "AMS-efz.ms-acdc.office.com", 4, "52.97.158.162");
	add_address(ANSWER, "AMS-efz.ms-acdc.office.com", 400, "40.101.12.98");
	reads(2, 0);
	has_address("52.97.158.162", 4);
	has_address("40.101.12.98", 7);
}

static void chain_in_any_order(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_A);
	add_address(ANSWER, "d.example", 60, "192.0.2.1"); /* before every CNAME */
	add_cname(ANSWER, "c.example", 30, "d.example");
	add_cname(ANSWER, "b.example", 40, "c.example");
	add_address(ANSWER, "d.example", 20, "192.0.2.2");
	add_cname(ANSWER, "a.example", 50, "b.example");
	reads(2, 0);
	has_address("192.0.2.1", 30);
	has_address("192.0.2.2", 20);
}

static void owners_in_another_case_count(void **state)
{
	(void)state;
	start("www.Example", DNS_TYPE_A);
	add_cname(ANSWER, "WWW.EXAMPLE", 60, "Cdn.exAmple");
	add_address(ANSWER, "cDN.Example", 60, "192.0.2.1");
	reads(1, 0);
}

static void compressed_owners_count(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A); /* example stands at 16 */
	add_cname(ANSWER, "@12", 60, "cdn@16");
	add_address(ANSWER, "cdn@16", 60, "192.0.2.1");
	add_address(ANSWER, "@41", 60, "192.0.2.2"); /* at the CNAME's RDATA */
	reads(2, 0);
}

/* A pointer has 14 bits: a name at 0x4000 + 12 is none that a pointer to 12 can mean. */
static void names_beyond_a_pointers_reach_are_not_mixed_up(void **state)
{
	static const uint8_t filling[0x400c];
	size_t at;

	(void)state;
	start("www.example", DNS_TYPE_A);
	at = begin_record(ANSWER, "filling.example", 16, 60);
	put(filling, 0x400c - at);
	end_record(at);
	assert_int_equal(message.length, 0x400c);
	add_address(ANSWER, "other.example", 60, "192.0.2.66");
	add_address(ANSWER, "@12", 60, "192.0.2.1");
	reads(1, 0);
	has_address("192.0.2.1", 60);
}

static void addresses_off_the_chain_do_not_count(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A);
	add_cname(ANSWER, "www.example", 60, "cdn.example");
	add_address(ANSWER, "evil.example", 60, "192.0.2.66");
	add_address(ANSWER, "xwww.example", 60, "192.0.2.67");
	add_address(ANSWER, "example", 60, "192.0.2.68");
	add_address(ANSWER, "a.www.example", 60, "192.0.2.69");
	add_cname(ANSWER, "evil.example", 60, "cdn.example"); /* leads to the chain, is not on it */
	add_address(ANSWER, "cdn.example", 60, "192.0.2.1");
	reads(1, 0);
	has_address("192.0.2.1", 60);
}

static void labels_with_dots_or_nul_are_other_names(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A);
	count_record(ANSWER);
	put("\13www.example\0\0\1\0\1\0\0\0\74\0\4\300\0\2\102", 27); /* one label "www.example" */
	count_record(ANSWER);
	put("\3www\10example\0\0\0\1\0\1\0\0\0\74\0\4\300\0\2\103", 28); /* "example\000" */
	add_address(ANSWER, "www.example", 60, "192.0.2.1");
	reads(1, 0);
	has_address("192.0.2.1", 60);
}

static void only_the_answer_section_counts(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A);
	add_cname(AUTHORITY, "www.example", 60, "ns.example");
	add_address(AUTHORITY, "www.example", 60, "192.0.2.1");
	add_address(ADDITIONAL, "www.example", 60, "192.0.2.2");
	add_cname(ADDITIONAL, "www.example", 60, "other.example");
	add_address(ADDITIONAL, "other.example", 60, "192.0.2.3");
	reads(0, 0);
}

static void both_families_count_whatever_was_asked(void **state)
{
	const unsigned int types[] = { DNS_TYPE_A, DNS_TYPE_AAAA, 255, DNS_TYPE_HTTPS, 16 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		start("www.example", types[i]);
		add_address(ANSWER, "www.example", 60, "192.0.2.1");
		add_address(ANSWER, "www.example", 60, "2001:db8::1");
		reads(2, 0);
		assert_int_equal(answer.qtype, types[i]);
		has_address("2001:db8::1", 60);
	}
}

static void loops_end(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_A);
	add_cname(ANSWER, "a.example", 60, "A.example"); /* to itself */
	add_address(ANSWER, "a.example", 60, "192.0.2.1");
	reads(1, 0);
	assert_false(answer.chain_over_limit);

	start("a.example", DNS_TYPE_A);
	add_cname(ANSWER, "a.example", 60, "b.example");
	add_cname(ANSWER, "b.example", 60, "c.example");
	add_cname(ANSWER, "c.example", 60, "b.example");
	add_address(ANSWER, "d.example", 60, "192.0.2.1");
	reads(0, 0); /* and no end to ask for */
	assert_false(answer.chain_over_limit);
}

/* www.example -> s1.example -> ... -> sN.example A */
static void chain_of(unsigned int steps, bool forward)
{
	char owner[32], target[32];

	start("s0.example", DNS_TYPE_A);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int step = forward ? i : steps - 1 - i;

		snprintf(owner, sizeof(owner), "s%u.example", step);
		snprintf(target, sizeof(target), "s%u.example", step + 1);
		add_cname(ANSWER, owner, 60, target);
	}
	snprintf(owner, sizeof(owner), "s%u.example", steps);
	add_address(ANSWER, owner, 60, "192.0.2.1");
}

static void chain_of_16_is_followed(void **state)
{
	(void)state;
	chain_of(16, true);
	reads(1, 0);
	assert_false(answer.chain_over_limit);
	chain_of(16, false);
	reads(1, 0);
	assert_false(answer.chain_over_limit);
}

static void chain_of_17_is_cut_and_told(void **state)
{
	(void)state;
	chain_of(17, true);
	reads(0, 0);
	assert_true(answer.chain_over_limit);
	chain_of(1500, false);
	reads(0, 0);
	assert_true(answer.chain_over_limit);
}

static void first_of_several_cnames_counts(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_A);
	add_cname(ANSWER, "a.example", 60, "b.example");
	add_cname(ANSWER, "a.example", 60, "c.example");
	add_address(ANSWER, "c.example", 60, "192.0.2.3");
	add_address(ANSWER, "b.example", 60, "192.0.2.2");
	reads(1, 0);
	has_address("192.0.2.2", 60);
}

static void address_beside_a_cname_counts(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_A);
	add_address(ANSWER, "a.example", 60, "192.0.2.1");
	add_cname(ANSWER, "a.example", 10, "b.example");
	add_address(ANSWER, "b.example", 60, "192.0.2.2");
	reads(2, 0);
	has_address("192.0.2.1", 60);
	has_address("192.0.2.2", 10);
}

static void end_without_address_is_a_target(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_AAAA);
	add_cname(ANSWER, "a.example", 60, "b.example");
	add_cname(ANSWER, "b.example", 20, "C.example");
	add_address(ADDITIONAL, "c.example", 60, "192.0.2.1"); /* does not count */
	reads(0, 1);
	has_target("c.example", 20);
}

static void an_address_further_up_does_not_make_the_end_addressed(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_A);
	add_address(ANSWER, "a.example", 60, "192.0.2.1");
	add_cname(ANSWER, "a.example", 60, "b.example");
	reads(1, 1);
	has_target("b.example", 60);
}

static void question_and_root_are_no_targets(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_A);
	add(ANSWER, "a.example", 16, 60, "\1x", 2);
	reads(0, 0);
	start("a.example", DNS_TYPE_A);
	add_cname(ANSWER, "a.example", 60, "");
	reads(0, 0);
}

static void dname_works_through_its_cname(void **state)
{
	(void)state;
	start("www.old.example", DNS_TYPE_A);
	add(ANSWER, "old.example", DNS_TYPE_DNAME, 60, "\3new\7example", 13);
	add_cname(ANSWER, "www.old.example", 60, "www.new.example");
	add_address(ANSWER, "www.new.example", 60, "192.0.2.1");
	reads(1, 0);
	start("www.old.example", DNS_TYPE_A);
	add(ANSWER, "old.example", DNS_TYPE_DNAME, 60, "\3new\7example", 13);
	add_address(ANSWER, "www.new.example", 60, "192.0.2.1");
	reads(0, 0);
}

/* ---- Numbers ---- */

static void many_addresses(unsigned int count)
{
	start("www.example", DNS_TYPE_A);
	for (unsigned int i = 0; i < count; i++)
		add(ANSWER, "@12", DNS_TYPE_A, 60, (uint8_t[]) { 192, 0, (uint8_t)(i >> 8), (uint8_t)i }, 4);
}

static void two_hundred_addresses(void **state)
{
	(void)state;
	many_addresses(200);
	reads(200, 0);
	has_address("192.0.0.199", 60);
}

static void addresses_over_the_limit_are_counted(void **state)
{
	(void)state;
	many_addresses(LIMIT_ANSWER_ADDRESSES);
	reads(LIMIT_ANSWER_ADDRESSES, 0);
	assert_int_equal(answer.addresses_over_limit, 0);
	many_addresses(LIMIT_ANSWER_ADDRESSES + 3);
	add(ANSWER, "@12", DNS_TYPE_A, 5, (uint8_t[]) { 192, 0, 0, 1 }, 4); /* known: not over the limit */
	reads(LIMIT_ANSWER_ADDRESSES, 0);
	assert_int_equal(answer.addresses_over_limit, 3);
	has_address("192.0.0.1", 5);
	many_addresses(4000);
	reads(LIMIT_ANSWER_ADDRESSES, 0);
	assert_int_equal(answer.addresses_over_limit, 4000 - LIMIT_ANSWER_ADDRESSES);
}

static void duplicates_keep_the_smaller_ttl(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A);
	add_address(ANSWER, "www.example", 60, "192.0.2.1");
	add_address(ANSWER, "www.example", 30, "192.0.2.1");
	add_address(ANSWER, "www.example", 90, "192.0.2.1");
	add_address(ANSWER, "www.example", 60, "c000:201::");
	reads(2, 0);
	has_address("192.0.2.1", 30);
	has_address("c000:201::", 60); /* the same octets in the other family */
}

static void ttl_with_the_top_bit_is_0(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_A);
	add_address(ANSWER, "www.example", 0x80000000, "192.0.2.1");
	add_address(ANSWER, "www.example", 0xffffffff, "192.0.2.2");
	add_address(ANSWER, "www.example", 0x7fffffff, "192.0.2.3");
	add_address(ANSWER, "www.example", 0, "192.0.2.4");
	reads(4, 0);
	has_address("192.0.2.1", 0);
	has_address("192.0.2.2", 0);
	has_address("192.0.2.3", 0x7fffffff);
	has_address("192.0.2.4", 0);
}

/* ---- What is no answer ---- */

/* Nothing but id, qtype and qname was written. */
static void is_untouched(void)
{
	struct dns_answer before;

	memset(&before, 0x5a, sizeof(before));
	before.id = answer.id;
	before.qtype = answer.qtype;
	before.qname = answer.qname;
	assert_memory_equal(&answer, &before, sizeof(before));
}

static void is(enum dns_read expected)
{
	assert_int_equal(result(), expected);
	is_untouched();
}

static void plain(void)
{
	start("www.example", DNS_TYPE_A);
	add_address(ANSWER, "@12", 300, "192.0.2.1");
}

static void queries_are_no_responses(void **state)
{
	(void)state;
	plain();
	set16(2, 0x0100);
	is(DNS_READ_NOT_RESPONSE);
}

static void other_opcodes_are_not_understood(void **state)
{
	(void)state;
	for (unsigned int opcode = 1; opcode < 16; opcode++) {
		plain();
		set16(2, 0x8000 | opcode << 11);
		is(DNS_READ_NOT_UNDERSTOOD);
	}
}

static void other_than_one_question_is_not_understood(void **state)
{
	(void)state;
	plain();
	set16(4, 0);
	is(DNS_READ_NOT_UNDERSTOOD);
	plain();
	set16(4, 2);
	is(DNS_READ_NOT_UNDERSTOOD);
	plain();
	set16(4, 65535);
	is(DNS_READ_NOT_UNDERSTOOD);
}

static void other_question_classes_are_not_understood(void **state)
{
	(void)state;
	plain();
	set16(27, 3);
	is(DNS_READ_NOT_UNDERSTOOD);
	plain();
	set16(27, 255);
	is(DNS_READ_NOT_UNDERSTOOD);
}

static void errors_teach_nothing_but_tell_the_question(void **state)
{
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	for (unsigned int rcode = 1; rcode < 16; rcode++) {
		plain();
		set16(2, 0x8180 | rcode);
		is(DNS_READ_ERROR_RESPONSE);
		assert_int_equal(answer.id, 0x1234);
		assert_int_equal(answer.qtype, DNS_TYPE_A);
		assert_string_equal(dns_name_to_text(&answer.qname, text), "www.example");
	}
}

static void add_opt(uint32_t ttl)
{
	count_record(ADDITIONAL);
	put("\0\0\51\4\320", 5);
	put32(ttl);
	put16(0);
}

static void extended_rcode_is_an_error(void **state)
{
	(void)state;
	plain();
	add_opt(0x00008000); /* DO */
	reads(1, 0);
	plain();
	add_opt(0x01000000); /* BADVERS */
	is(DNS_READ_ERROR_RESPONSE);
	plain();
	add(AUTHORITY, "", 41, 0x01000000, "",
	    0); /* OPT has its meaning in the additional section alone (RFC 6891 6.1.1) */
	reads(1, 0);
}

static void every_cut_is_malformed(void **state)
{
	size_t length;

	(void)state;
	start("www.example", DNS_TYPE_A);
	add_cname(ANSWER, "@12", 60, "cdn@16");
	add_address(ANSWER, "cdn.example", 60, "192.0.2.1");
	add_address(AUTHORITY, "ns.example", 60, "192.0.2.2");
	add_opt(0);
	reads(1, 0);
	for (length = message.length; length-- > 0;) {
		message.length = length;
		is(DNS_READ_MALFORMED);
	}
}

static void octets_behind_the_last_record_are_left_alone(void **state)
{
	(void)state;
	plain();
	put("garbage", 7);
	reads(1, 0);
	plain();
	set16(6, 0);
	reads(0, 0); /* a record that is not counted does not count */
}

static void counts_that_the_bytes_cannot_hold(void **state)
{
	(void)state;
	for (size_t section = 0; section < 3; section++) {
		plain();
		set16(6 + 2 * section, 65535);
		is(DNS_READ_MALFORMED);
		plain();
		set16(6 + 2 * section, section == 0 ? 2 : 1);
		is(DNS_READ_MALFORMED);
	}
	plain();
	memset(message.octets + 6, 0xff, 6);
	is(DNS_READ_MALFORMED);
}

static void as_many_records_as_fit_are_read(void **state)
{
	(void)state;
	start("", DNS_TYPE_A);
	while (message.length + 11 <= 65535)
		add(ANSWER, "", 99, 60, "", 0);
	assert_int_equal(message.counts[ANSWER], (65535 - 17) / 11);
	reads(0, 0);
	start("", DNS_TYPE_A);
	while (message.length + 15 <= 65535)
		add(ANSWER, "", DNS_TYPE_A, 60, "\300\0\2\1", 4);
	reads(1, 0);
}

static void longer_than_a_dns_message_is_malformed(void **state)
{
	(void)state;
	plain();
	message.length = 65535;
	reads(1, 0);
	message.length = 65536;
	is(DNS_READ_MALFORMED);
}

static void wrong_rdlength_is_malformed_in_every_section(void **state)
{
	(void)state;
	for (enum section section = ANSWER; section <= ADDITIONAL; section++) {
		plain();
		add(section, "x.example", DNS_TYPE_A, 60, "\1\2\3", 3);
		is(DNS_READ_MALFORMED);
		plain();
		add(section, "x.example", DNS_TYPE_A, 60, "\1\2\3\4\5", 5);
		is(DNS_READ_MALFORMED);
		plain();
		add(section, "x.example", DNS_TYPE_A, 60, "", 0);
		is(DNS_READ_MALFORMED);
		plain();
		add(section, "x.example", DNS_TYPE_AAAA, 60, "\1\2\3\4", 4);
		is(DNS_READ_MALFORMED);
		plain();
		add(section, "x.example", DNS_TYPE_AAAA, 60, "\1\2\3\4\1\2\3\4\1\2\3\4\1\2\3\4\5", 17);
		is(DNS_READ_MALFORMED);
		plain();
		add(section, "x.example", DNS_TYPE_CNAME, 60, "\1x\0y", 4); /* one octet more than a name */
		is(DNS_READ_MALFORMED);
		plain();
		add(section, "x.example", DNS_TYPE_CNAME, 60, "\3x", 2);
		is(DNS_READ_MALFORMED);
		plain();
		add(section, "x.example", DNS_TYPE_CNAME, 60, "", 0);
		is(DNS_READ_MALFORMED);
	}
}

static void rdlength_past_the_end_is_malformed(void **state)
{
	(void)state;
	plain();
	add(ANSWER, "@12", 16, 60, "\1x", 2);
	set16(message.length - 4, 3);
	is(DNS_READ_MALFORMED);
	set16(message.length - 4, 65535);
	is(DNS_READ_MALFORMED);
}

static void other_classes_are_left_alone(void **state)
{
	size_t at;

	(void)state;
	start("www.example", DNS_TYPE_A);
	add_address(ANSWER, "www.example", 60, "192.0.2.1");
	set16(message.length - 12, 3); /* CH */
	at = begin_record(ANSWER, "www.example", DNS_TYPE_A, 60); /* an A record of CH has another form */
	put("\1a\0\0\1", 5);
	end_record(at);
	set16(at - 8, 3);
	reads(0, 0);
}

/* ---- Names ---- */

static void bad_name_anywhere_is_malformed(void **state)
{
	const char *const bad[] = { "\300\377", "\300\0", "\100x", "\200x" };

	(void)state;
	for (enum section section = ANSWER; section <= ADDITIONAL; section++)
		for (size_t i = 0; i < 4; i++) {
			plain();
			count_record(section);
			put(bad[i], 2);
			put("\0\20\0\1\0\0\0\74\0\0", 10);
			is(DNS_READ_MALFORMED);
		}
	start("@12", DNS_TYPE_A); /* the question points at itself */
	is(DNS_READ_MALFORMED);
	start("a@12", DNS_TYPE_A);
	is(DNS_READ_MALFORMED);
	start("a@4", DNS_TYPE_A);
	is(DNS_READ_MALFORMED);
}

static void pointer_forward_is_malformed(void **state)
{
	char pointer[16];

	(void)state;
	start("www.example", DNS_TYPE_A);
	snprintf(pointer, sizeof(pointer), "@%zu", message.length + 16);
	add_address(ANSWER, pointer, 60, "192.0.2.1"); /* to the next record's owner */
	add_address(ANSWER, "www.example", 60, "192.0.2.2");
	is(DNS_READ_MALFORMED);
	start("www.example", DNS_TYPE_A);
	snprintf(pointer, sizeof(pointer), "@%zu", message.length);
	add_address(ANSWER, pointer, 60, "192.0.2.1"); /* to itself */
	is(DNS_READ_MALFORMED);
}

static void names_of_255_octets_work(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	start(name, DNS_TYPE_A);
	add_cname(ANSWER, "@12", 60, name);
	add_address(ANSWER, name, 60, "192.0.2.1");
	reads(1, 0);
	name[253] = 'a';
	name[254] = '\0';
	start(name, DNS_TYPE_A);
	is(DNS_READ_MALFORMED);
	plain();
	add_cname(ANSWER, "@12", 60, name);
	is(DNS_READ_MALFORMED);
}

/* 63 labels "aaa", but for one octet in the middle of the last. */
static const char *long_name(char octet)
{
	static char name[252];

	memset(name, 'a', sizeof(name));
	for (size_t i = 3; i < 251; i += 4)
		name[i] = '.';
	name[249] = octet;
	name[251] = '\0';
	return name;
}

/* Names that differ in one of 253 octets, thousands of them: to compare them all is what an attacker would like. */
static void comparisons_are_rationed(void **state)
{
	char pointer[16];

	(void)state;
	start(long_name('b'), DNS_TYPE_A);
	add_cname(ANSWER, "@12", 60, long_name('c'));
	add_address(ANSWER, long_name('c'), 60, "192.0.2.1");
	reads(1, 0);
	assert_false(answer.chain_over_limit);
	snprintf(pointer, sizeof(pointer), "@%zu", message.length);
	add_address(ANSWER, long_name('d'), 60, "192.0.2.2");
	while (message.length < 60000)
		add_address(ANSWER, pointer, 60, "192.0.2.2");
	assert_int_equal(result(), DNS_READ_OK);
	assert_true(answer.chain_over_limit);
	has_address("192.0.2.1", 60);
}

/* ---- HTTPS and SVCB (RFC 9460) ---- */

static void hints_are_addresses(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_HTTPS);
	add_cname(ANSWER, "www.example", 30, "cdn.example");
	add_https(ANSWER, "cdn.example", 60, 1, "", PARAMS(ALPN HINT4 HINT6));
	reads(2, 1);
	has_address("192.0.2.7", 30);
	has_address("2001:db8::7", 30);
	has_target("cdn.example", 30); /* the client asks for its addresses all the same */
}

static void several_hints_in_one_record(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "www.example", 60, 1, "", PARAMS("\0\4\0\14\300\0\2\1\300\0\2\2\300\0\2\3"));
	reads(3, 0);
	has_address("192.0.2.3", 60);
}

static void hints_off_the_chain_do_not_count(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "evil.example", 60, 1, "", PARAMS(HINT4));
	add_https(AUTHORITY, "www.example", 60, 1, "", PARAMS(HINT4));
	add_https(ADDITIONAL, "www.example", 60, 1, "", PARAMS(HINT4));
	reads(0, 0);
}

static void service_target_is_looked_up_in_the_additional_section(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "www.example", 60, 1, "pool.example", PARAMS(ALPN));
	add_https(ANSWER, "www.example", 60, 2, "spare.example", PARAMS(ALPN));
	add_address(AUTHORITY, "spare.example", 20, "192.0.2.67");
	add_address(ADDITIONAL, "pool.example", 20, "192.0.2.1");
	add_address(ADDITIONAL, "other.example", 20, "192.0.2.66");
	reads(1, 1);
	has_address("192.0.2.1", 20);
	has_target("spare.example", 60);
}

static void service_of_the_owner_finds_its_addresses_in_the_additional_section(void **state)
{
	(void)state;
	start("www.example", DNS_TYPE_HTTPS);
	add_cname(ANSWER, "www.example", 60, "cdn.example");
	add_https(ANSWER, "cdn.example", 60, 1, "", PARAMS(ALPN));
	add_address(ADDITIONAL, "cdn.example", 20, "192.0.2.1");
	add_address(ADDITIONAL, "www.example", 20, "192.0.2.66");
	reads(1, 0);
	has_address("192.0.2.1", 20);
}

static void alias_is_followed(void **state)
{
	(void)state;
	start("example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "example", 50, 0, "pool.example", PARAMS(HINT4)); /* AliasMode: parameters are ignored */
	add_https(ADDITIONAL, "pool.example", 40, 1, "", PARAMS(HINT6));
	add_address(ADDITIONAL, "pool.example", 60, "192.0.2.1");
	reads(2, 0);
	has_address("2001:db8::7", 40);
	has_address("192.0.2.1", 50);
}

static void alias_target_with_a_chain(void **state)
{
	(void)state;
	start("example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "example", 50, 0, "a.example", PARAMS(""));
	add_cname(ADDITIONAL, "a.example", 40, "b.example");
	add_address(ADDITIONAL, "b.example", 60, "192.0.2.1");
	reads(1, 0);
	has_address("192.0.2.1", 40);
}

static void alias_without_more_is_a_target(void **state)
{
	(void)state;
	start("example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "example", 50, 0, "pool.example", PARAMS(""));
	reads(0, 1);
	has_target("pool.example", 50);
	start("example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "example", 50, 0, "", PARAMS("")); /* no such service (2.5.1) */
	reads(0, 0);
	start("example", DNS_TYPE_HTTPS);
	add_cname(ANSWER, "example", 40, "pool.example");
	add_https(ANSWER, "pool.example", 50, 0, "", PARAMS(""));
	add_address(ADDITIONAL, "pool.example", 60, "192.0.2.1");
	reads(0, 1);
	has_target("pool.example", 40);
}

static void aliases_in_a_loop_end(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "a.example", 50, 0, "b.example", PARAMS(""));
	add_https(ANSWER, "b.example", 50, 0, "c.example", PARAMS(""));
	add_https(ANSWER, "c.example", 50, 0, "a.example", PARAMS(""));
	reads(0, 2);
	has_target("b.example", 50);
	has_target("c.example", 50);
}

static void services_of_a_service_target_are_not_followed(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(""));
	add_https(ADDITIONAL, "b.example", 50, 1, "c.example", PARAMS(HINT4));
	reads(0, 1);
	has_target("b.example", 50);
}

static void service_beside_an_alias_is_ignored(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(HINT4));
	add_https(ANSWER, "a.example", 50, 0, "c.example", PARAMS(""));
	reads(0, 1);
	has_target("c.example", 50);
}

static void too_many_service_targets_are_counted(void **state)
{
	char target[32];

	(void)state;
	start("a.example", DNS_TYPE_HTTPS);
	for (unsigned int i = 0; i < LIMIT_ANSWER_TARGETS + 2; i++) {
		snprintf(target, sizeof(target), "t%u.example", i);
		add_https(ANSWER, "a.example", 50, 1 + i, target, PARAMS(""));
		add_https(ANSWER, "a.example", 40, 1 + i, target, PARAMS("")); /* twice is once */
	}
	reads(0, LIMIT_ANSWER_TARGETS);
	assert_int_equal(answer.targets_over_limit, 4);
	has_target("t0.example", 40);
}

static void two_ways_to_one_target(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(""));
	add_https(ANSWER, "a.example", 50, 2, "c.example", PARAMS(""));
	add_cname(ADDITIONAL, "b.example", 30, "d.example");
	add_cname(ADDITIONAL, "c.example", 20, "D.example");
	reads(0, 1);
	has_target("d.example", 20);
}

static void rejected(const void *params, size_t length)
{
	start("a.example", DNS_TYPE_HTTPS);
	add_address(ANSWER, "a.example", 60, "192.0.2.1");
	add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(HINT4));
	add_https(ANSWER, "a.example", 50, 1, "c.example", params, length);
	reads(1, 0); /* the whole RRset is (RFC 9460 2.2); other records are not */
	has_address("192.0.2.1", 60);
}

static void one_malformed_service_rejects_its_rrset(void **state)
{
	(void)state;
	rejected(PARAMS(HINT4 ALPN)); /* keys not in order */
	rejected(PARAMS(HINT4 HINT4)); /* a key twice */
	rejected(PARAMS("\0\4\0\0")); /* an empty list */
	rejected(PARAMS("\0\4\0\5\1\2\3\4\5"));
	rejected(PARAMS("\0\6\0\4\1\2\3\4"));
	rejected(PARAMS("\0\4\0\5\1\2\3\4")); /* the value runs past the end */
	rejected(PARAMS("\0\4\0"));
	rejected(PARAMS("\0"));
}

static void a_malformed_service_elsewhere_hurts_nothing(void **state)
{
	size_t at;

	(void)state;
	start("a.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "a.example", 50, 1, "", PARAMS(HINT4));
	add_https(ANSWER, "x.example", 50, 1, "", PARAMS("\0"));
	at = begin_record(ANSWER, "a.example", DNS_TYPE_SVCB, 50); /* another type is another RRset */
	put("\0", 1);
	end_record(at);
	reads(1, 0);
}

static void compressed_service_target_is_malformed(void **state)
{
	(void)state;
	start("a.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "a.example", 50, 1, "b@14", PARAMS(HINT4));
	reads(0, 0);
	start("a.example", DNS_TYPE_HTTPS);
	add_https(ANSWER, "a.example", 50, 1, "@12", PARAMS(HINT4));
	reads(0, 0);
}

static void svcb_works_like_https(void **state)
{
	size_t at;

	(void)state;
	start("_dns.resolver.example", DNS_TYPE_SVCB);
	at = begin_record(ANSWER, "_dns.resolver.example", DNS_TYPE_SVCB, 60);
	put("\0\1\3dns\7example\0" ALPN HINT4, 15 + 15);
	end_record(at);
	reads(1, 1);
	has_target("dns.example", 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address),
		cmocka_unit_test(no_answer_is_fine),
		cmocka_unit_test(truncated_is_told),
		cmocka_unit_test(chain_is_followed_and_its_smallest_ttl_counts),
		cmocka_unit_test(chain_in_any_order),
		cmocka_unit_test(owners_in_another_case_count),
		cmocka_unit_test(compressed_owners_count),
		cmocka_unit_test(names_beyond_a_pointers_reach_are_not_mixed_up),
		cmocka_unit_test(addresses_off_the_chain_do_not_count),
		cmocka_unit_test(labels_with_dots_or_nul_are_other_names),
		cmocka_unit_test(only_the_answer_section_counts),
		cmocka_unit_test(both_families_count_whatever_was_asked),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(chain_of_16_is_followed),
		cmocka_unit_test(chain_of_17_is_cut_and_told),
		cmocka_unit_test(first_of_several_cnames_counts),
		cmocka_unit_test(address_beside_a_cname_counts),
		cmocka_unit_test(end_without_address_is_a_target),
		cmocka_unit_test(an_address_further_up_does_not_make_the_end_addressed),
		cmocka_unit_test(question_and_root_are_no_targets),
		cmocka_unit_test(dname_works_through_its_cname),
		cmocka_unit_test(two_hundred_addresses),
		cmocka_unit_test(addresses_over_the_limit_are_counted),
		cmocka_unit_test(duplicates_keep_the_smaller_ttl),
		cmocka_unit_test(ttl_with_the_top_bit_is_0),
		cmocka_unit_test(queries_are_no_responses),
		cmocka_unit_test(other_opcodes_are_not_understood),
		cmocka_unit_test(other_than_one_question_is_not_understood),
		cmocka_unit_test(other_question_classes_are_not_understood),
		cmocka_unit_test(errors_teach_nothing_but_tell_the_question),
		cmocka_unit_test(extended_rcode_is_an_error),
		cmocka_unit_test(every_cut_is_malformed),
		cmocka_unit_test(octets_behind_the_last_record_are_left_alone),
		cmocka_unit_test(counts_that_the_bytes_cannot_hold),
		cmocka_unit_test(as_many_records_as_fit_are_read),
		cmocka_unit_test(longer_than_a_dns_message_is_malformed),
		cmocka_unit_test(wrong_rdlength_is_malformed_in_every_section),
		cmocka_unit_test(rdlength_past_the_end_is_malformed),
		cmocka_unit_test(other_classes_are_left_alone),
		cmocka_unit_test(bad_name_anywhere_is_malformed),
		cmocka_unit_test(pointer_forward_is_malformed),
		cmocka_unit_test(names_of_255_octets_work),
		cmocka_unit_test(comparisons_are_rationed),
		cmocka_unit_test(hints_are_addresses),
		cmocka_unit_test(several_hints_in_one_record),
		cmocka_unit_test(hints_off_the_chain_do_not_count),
		cmocka_unit_test(service_target_is_looked_up_in_the_additional_section),
		cmocka_unit_test(service_of_the_owner_finds_its_addresses_in_the_additional_section),
		cmocka_unit_test(alias_is_followed),
		cmocka_unit_test(alias_target_with_a_chain),
		cmocka_unit_test(alias_without_more_is_a_target),
		cmocka_unit_test(aliases_in_a_loop_end),
		cmocka_unit_test(services_of_a_service_target_are_not_followed),
		cmocka_unit_test(service_beside_an_alias_is_ignored),
		cmocka_unit_test(too_many_service_targets_are_counted),
		cmocka_unit_test(two_ways_to_one_target),
		cmocka_unit_test(one_malformed_service_rejects_its_rrset),
		cmocka_unit_test(a_malformed_service_elsewhere_hurts_nothing),
		cmocka_unit_test(compressed_service_target_is_malformed),
		cmocka_unit_test(svcb_works_like_https),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
