/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/dns_message/made.o */
/* LINK: dns/message.o dns/svcb.o dns/wire.o dns/name.o base/ipaddr.o */
/* What is no answer, what is malformed, and names as they stand on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/message.h"
#include "tests/unit/dns_message/made.h"

/* ---- What is no answer ---- */

/* Nothing but id, qtype and qname was written. */
static void is_untouched(void)
{
	struct dns_answer before;

	memset(&before, 0x5a, sizeof(before));
	before.id = made_answer.id;
	before.qtype = made_answer.qtype;
	before.qname = made_answer.qname;
	assert_memory_equal(&made_answer, &before, sizeof(before));
}

static void is(enum dns_read expected)
{
	assert_int_equal(made_result(), expected);
	is_untouched();
}

static void plain(void)
{
	made_start("www.example", DNS_TYPE_A);
	made_add_address(ANSWER, "@12", 300, "192.0.2.1");
}

static void queries_are_no_responses(void **state)
{
	(void)state;
	plain();
	made_set16(2, 0x0100);
	is(DNS_READ_NOT_RESPONSE);
}

static void other_opcodes_are_not_understood(void **state)
{
	(void)state;
	for (unsigned int opcode = 1; opcode < 16; opcode++) {
		plain();
		made_set16(2, 0x8000 | opcode << 11);
		is(DNS_READ_NOT_UNDERSTOOD);
	}
}

static void other_than_one_question_is_not_understood(void **state)
{
	(void)state;
	plain();
	made_set16(4, 0);
	is(DNS_READ_NOT_UNDERSTOOD);
	plain();
	made_set16(4, 2);
	is(DNS_READ_NOT_UNDERSTOOD);
	plain();
	made_set16(4, 65535);
	is(DNS_READ_NOT_UNDERSTOOD);
}

static void other_question_classes_are_not_understood(void **state)
{
	(void)state;
	plain();
	made_set16(27, 3);
	is(DNS_READ_NOT_UNDERSTOOD);
	plain();
	made_set16(27, 255);
	is(DNS_READ_NOT_UNDERSTOOD);
}

static void errors_teach_nothing_but_tell_the_question(void **state)
{
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	for (unsigned int rcode = 1; rcode < 16; rcode++) {
		plain();
		made_set16(2, 0x8180 | rcode);
		is(DNS_READ_ERROR_RESPONSE);
		assert_int_equal(made_answer.id, 0x1234);
		assert_int_equal(made_answer.qtype, DNS_TYPE_A);
		assert_string_equal(dns_name_to_text(&made_answer.qname, text), "www.example");
	}
}

static void add_opt(uint32_t ttl)
{
	made_count_record(ADDITIONAL);
	made_put("\0\0\51\4\320", 5);
	made_put32(ttl);
	made_put16(0);
}

static void extended_rcode_is_an_error(void **state)
{
	(void)state;
	plain();
	add_opt(0x00008000); /* DO */
	made_reads(1, 0);
	plain();
	add_opt(0x01000000); /* BADVERS */
	is(DNS_READ_ERROR_RESPONSE);
	plain();
	made_add(AUTHORITY, "", 41, 0x01000000, "",
		 0); /* OPT has its meaning in the additional section alone (RFC 6891 6.1.1) */
	made_reads(1, 0);
}

static void every_cut_is_malformed(void **state)
{
	size_t length;

	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_add_cname(ANSWER, "@12", 60, "cdn@16");
	made_add_address(ANSWER, "cdn.example", 60, "192.0.2.1");
	made_add_address(AUTHORITY, "ns.example", 60, "192.0.2.2");
	add_opt(0);
	made_reads(1, 0);
	for (length = made_message.length; length-- > 0;) {
		made_message.length = length;
		is(DNS_READ_MALFORMED);
	}
}

static void octets_behind_the_last_record_are_left_alone(void **state)
{
	(void)state;
	plain();
	made_put("garbage", 7);
	made_reads(1, 0);
	plain();
	made_set16(6, 0);
	made_reads(0, 0); /* a record that is not counted does not count */
}

static void counts_that_the_bytes_cannot_hold(void **state)
{
	(void)state;
	for (size_t section = 0; section < 3; section++) {
		plain();
		made_set16(6 + 2 * section, 65535);
		is(DNS_READ_MALFORMED);
		plain();
		made_set16(6 + 2 * section, section == 0 ? 2 : 1);
		is(DNS_READ_MALFORMED);
	}
	plain();
	memset(made_message.octets + 6, 0xff, 6);
	is(DNS_READ_MALFORMED);
}

static void as_many_records_as_fit_are_read(void **state)
{
	(void)state;
	made_start("", DNS_TYPE_A);
	while (made_message.length + 11 <= 65535)
		made_add(ANSWER, "", 99, 60, "", 0);
	assert_int_equal(made_message.counts[ANSWER], (65535 - 17) / 11);
	made_reads(0, 0);
	made_start("", DNS_TYPE_A);
	while (made_message.length + 15 <= 65535)
		made_add(ANSWER, "", DNS_TYPE_A, 60, "\300\0\2\1", 4);
	made_reads(1, 0);
}

static void longer_than_a_dns_message_is_malformed(void **state)
{
	(void)state;
	plain();
	made_message.length = 65535;
	made_reads(1, 0);
	made_message.length = 65536;
	is(DNS_READ_MALFORMED);
}

static void wrong_rdlength_is_malformed_in_every_section(void **state)
{
	(void)state;
	for (enum section section = ANSWER; section <= ADDITIONAL; section++) {
		plain();
		made_add(section, "x.example", DNS_TYPE_A, 60, "\1\2\3", 3);
		is(DNS_READ_MALFORMED);
		plain();
		made_add(section, "x.example", DNS_TYPE_A, 60, "\1\2\3\4\5", 5);
		is(DNS_READ_MALFORMED);
		plain();
		made_add(section, "x.example", DNS_TYPE_A, 60, "", 0);
		is(DNS_READ_MALFORMED);
		plain();
		made_add(section, "x.example", DNS_TYPE_AAAA, 60, "\1\2\3\4", 4);
		is(DNS_READ_MALFORMED);
		plain();
		made_add(section, "x.example", DNS_TYPE_AAAA, 60, "\1\2\3\4\1\2\3\4\1\2\3\4\1\2\3\4\5", 17);
		is(DNS_READ_MALFORMED);
		plain();
		made_add(section, "x.example", DNS_TYPE_CNAME, 60, "\1x\0y", 4); /* one octet more than a name */
		is(DNS_READ_MALFORMED);
		plain();
		made_add(section, "x.example", DNS_TYPE_CNAME, 60, "\3x", 2);
		is(DNS_READ_MALFORMED);
		plain();
		made_add(section, "x.example", DNS_TYPE_CNAME, 60, "", 0);
		is(DNS_READ_MALFORMED);
	}
}

static void rdlength_past_the_end_is_malformed(void **state)
{
	(void)state;
	plain();
	made_add(ANSWER, "@12", 16, 60, "\1x", 2);
	made_set16(made_message.length - 4, 3);
	is(DNS_READ_MALFORMED);
	made_set16(made_message.length - 4, 65535);
	is(DNS_READ_MALFORMED);
}

static void other_classes_are_left_alone(void **state)
{
	size_t at;

	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_add_address(ANSWER, "www.example", 60, "192.0.2.1");
	made_set16(made_message.length - 12, 3); /* CH */
	at = made_begin_record(ANSWER, "www.example", DNS_TYPE_A, 60); /* an A record of CH has another form */
	made_put("\1a\0\0\1", 5);
	made_end_record(at);
	made_set16(at - 8, 3);
	made_reads(0, 0);
}

/* ---- Names ---- */

static void bad_name_anywhere_is_malformed(void **state)
{
	const char *const bad[] = { "\300\377", "\300\0", "\100x", "\200x" };

	(void)state;
	for (enum section section = ANSWER; section <= ADDITIONAL; section++)
		for (size_t i = 0; i < 4; i++) {
			plain();
			made_count_record(section);
			made_put(bad[i], 2);
			made_put("\0\20\0\1\0\0\0\74\0\0", 10);
			is(DNS_READ_MALFORMED);
		}
	made_start("@12", DNS_TYPE_A); /* the question points at itself */
	is(DNS_READ_MALFORMED);
	made_start("a@12", DNS_TYPE_A);
	is(DNS_READ_MALFORMED);
	made_start("a@4", DNS_TYPE_A);
	is(DNS_READ_MALFORMED);
}

static void pointer_forward_is_malformed(void **state)
{
	char pointer[16];

	(void)state;
	made_start("www.example", DNS_TYPE_A);
	snprintf(pointer, sizeof(pointer), "@%zu", made_message.length + 16);
	made_add_address(ANSWER, pointer, 60, "192.0.2.1"); /* to the next record's owner */
	made_add_address(ANSWER, "www.example", 60, "192.0.2.2");
	is(DNS_READ_MALFORMED);
	made_start("www.example", DNS_TYPE_A);
	snprintf(pointer, sizeof(pointer), "@%zu", made_message.length);
	made_add_address(ANSWER, pointer, 60, "192.0.2.1"); /* to itself */
	is(DNS_READ_MALFORMED);
}

static void names_of_255_octets_work(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	made_start(name, DNS_TYPE_A);
	made_add_cname(ANSWER, "@12", 60, name);
	made_add_address(ANSWER, name, 60, "192.0.2.1");
	made_reads(1, 0);
	name[253] = 'a';
	name[254] = '\0';
	made_start(name, DNS_TYPE_A);
	is(DNS_READ_MALFORMED);
	plain();
	made_add_cname(ANSWER, "@12", 60, name);
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
	made_start(long_name('b'), DNS_TYPE_A);
	made_add_cname(ANSWER, "@12", 60, long_name('c'));
	made_add_address(ANSWER, long_name('c'), 60, "192.0.2.1");
	made_reads(1, 0);
	assert_false(made_answer.chain_over_limit);
	snprintf(pointer, sizeof(pointer), "@%zu", made_message.length);
	made_add_address(ANSWER, long_name('d'), 60, "192.0.2.2");
	while (made_message.length < 60000)
		made_add_address(ANSWER, pointer, 60, "192.0.2.2");
	assert_int_equal(made_result(), DNS_READ_OK);
	assert_true(made_answer.chain_over_limit);
	made_has_address("192.0.2.1", 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
