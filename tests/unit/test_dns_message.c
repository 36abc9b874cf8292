/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/dns_message/made.o */
/* LINK: dns/message.o dns/svcb.o dns/wire.o dns/name.o base/ipaddr.o */
/* The addresses, chains and targets of a response, and how many. What is no response, and HTTPS and SVCB, have programs
 * beside. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns/message.h"
#include "tests/unit/dns_message/made.h"

/* ---- Addresses and chains ---- */

static void one_address(void **state)
{
	char text[DNS_NAME_TEXT_SIZE];

	(void)state;
	made_start("WWW.example", DNS_TYPE_A);
	made_add_address(ANSWER, "@12", 300, "192.0.2.1");
	made_reads(1, 0);
	made_has_address("192.0.2.1", 300);
	assert_int_equal(made_answer.id, 0x1234);
	assert_int_equal(made_answer.qtype, DNS_TYPE_A);
	assert_string_equal(dns_name_to_text(&made_answer.qname, text), "www.example");
	assert_false(made_answer.truncated);
	assert_false(made_answer.chain_over_limit);
	assert_int_equal(made_answer.addresses_over_limit, 0);
	assert_int_equal(made_answer.targets_over_limit, 0);
}

static void no_answer_is_fine(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_reads(0, 0);
}

static void truncated_is_told(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_set16(2, 0x8380);
	made_add_address(ANSWER, "@12", 300, "192.0.2.1");
	made_reads(1, 0);
	assert_true(made_answer.truncated);
}

static void chain_is_followed_and_its_smallest_ttl_counts(void **state)
{
	(void)state;
	made_start("outlook.office.com", DNS_TYPE_A);
	made_add_cname(ANSWER, "outlook.office.com", 7, "substrate.office.com");
	made_add_cname(ANSWER, "substrate.office.com", 80, "outlook.office365.com");
	made_add_cname(ANSWER, "outlook.office365.com", 147, "outlook.ms-acdc.office.com");
	made_add_cname(ANSWER, "outlook.ms-acdc.office.com", 27, "AMS-efz.ms-acdc.office.com");
	made_add_address(ANSWER, "AMS-efz.ms-acdc.office.com", 4, "52.97.158.162");
	made_add_address(ANSWER, "AMS-efz.ms-acdc.office.com", 400, "40.101.12.98");
	made_reads(2, 0);
	made_has_address("52.97.158.162", 4);
	made_has_address("40.101.12.98", 7);
}

static void chain_in_any_order(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_A);
	made_add_address(ANSWER, "d.example", 60, "192.0.2.1"); /* before every CNAME */
	made_add_cname(ANSWER, "c.example", 30, "d.example");
	made_add_cname(ANSWER, "b.example", 40, "c.example");
	made_add_address(ANSWER, "d.example", 20, "192.0.2.2");
	made_add_cname(ANSWER, "a.example", 50, "b.example");
	made_reads(2, 0);
	made_has_address("192.0.2.1", 30);
	made_has_address("192.0.2.2", 20);
}

static void owners_in_another_case_count(void **state)
{
	(void)state;
	made_start("www.Example", DNS_TYPE_A);
	made_add_cname(ANSWER, "WWW.EXAMPLE", 60, "Cdn.exAmple");
	made_add_address(ANSWER, "cDN.Example", 60, "192.0.2.1");
	made_reads(1, 0);
}

static void compressed_owners_count(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A); /* example stands at 16 */
	made_add_cname(ANSWER, "@12", 60, "cdn@16");
	made_add_address(ANSWER, "cdn@16", 60, "192.0.2.1");
	made_add_address(ANSWER, "@41", 60, "192.0.2.2"); /* at the CNAME's RDATA */
	made_reads(2, 0);
}

/* A pointer has 14 bits: a name at 0x4000 + 12 is none that a pointer to 12 can mean. */
static void names_beyond_a_pointers_reach_are_not_mixed_up(void **state)
{
	static const uint8_t filling[0x400c];
	size_t at;

	(void)state;
	made_start("www.example", DNS_TYPE_A);
	at = made_begin_record(ANSWER, "filling.example", 16, 60);
	made_put(filling, 0x400c - at);
	made_end_record(at);
	assert_int_equal(made_message.length, 0x400c);
	made_add_address(ANSWER, "other.example", 60, "192.0.2.66");
	made_add_address(ANSWER, "@12", 60, "192.0.2.1");
	made_reads(1, 0);
	made_has_address("192.0.2.1", 60);
}

static void addresses_off_the_chain_do_not_count(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_add_cname(ANSWER, "www.example", 60, "cdn.example");
	made_add_address(ANSWER, "evil.example", 60, "192.0.2.66");
	made_add_address(ANSWER, "xwww.example", 60, "192.0.2.67");
	made_add_address(ANSWER, "example", 60, "192.0.2.68");
	made_add_address(ANSWER, "a.www.example", 60, "192.0.2.69");
	made_add_cname(ANSWER, "evil.example", 60, "cdn.example"); /* leads to the chain, is not on it */
	made_add_address(ANSWER, "cdn.example", 60, "192.0.2.1");
	made_reads(1, 0);
	made_has_address("192.0.2.1", 60);
}

static void labels_with_dots_or_nul_are_other_names(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_count_record(ANSWER);
	made_put("\13www.example\0\0\1\0\1\0\0\0\74\0\4\300\0\2\102", 27); /* one label "www.example" */
	made_count_record(ANSWER);
	made_put("\3www\10example\0\0\0\1\0\1\0\0\0\74\0\4\300\0\2\103", 28); /* "example\000" */
	made_add_address(ANSWER, "www.example", 60, "192.0.2.1");
	made_reads(1, 0);
	made_has_address("192.0.2.1", 60);
}

static void only_the_answer_section_counts(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_add_cname(AUTHORITY, "www.example", 60, "ns.example");
	made_add_address(AUTHORITY, "www.example", 60, "192.0.2.1");
	made_add_address(ADDITIONAL, "www.example", 60, "192.0.2.2");
	made_add_cname(ADDITIONAL, "www.example", 60, "other.example");
	made_add_address(ADDITIONAL, "other.example", 60, "192.0.2.3");
	made_reads(0, 0);
}

static void both_families_count_whatever_was_asked(void **state)
{
	const unsigned int types[] = { DNS_TYPE_A, DNS_TYPE_AAAA, 255, DNS_TYPE_HTTPS, 16 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		made_start("www.example", types[i]);
		made_add_address(ANSWER, "www.example", 60, "192.0.2.1");
		made_add_address(ANSWER, "www.example", 60, "2001:db8::1");
		made_reads(2, 0);
		assert_int_equal(made_answer.qtype, types[i]);
		made_has_address("2001:db8::1", 60);
	}
}

static void loops_end(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_A);
	made_add_cname(ANSWER, "a.example", 60, "A.example"); /* to itself */
	made_add_address(ANSWER, "a.example", 60, "192.0.2.1");
	made_reads(1, 0);
	assert_false(made_answer.chain_over_limit);

	made_start("a.example", DNS_TYPE_A);
	made_add_cname(ANSWER, "a.example", 60, "b.example");
	made_add_cname(ANSWER, "b.example", 60, "c.example");
	made_add_cname(ANSWER, "c.example", 60, "b.example");
	made_add_address(ANSWER, "d.example", 60, "192.0.2.1");
	made_reads(0, 0); /* and no end to ask for */
	assert_false(made_answer.chain_over_limit);
}

/* www.example -> s1.example -> ... -> sN.example A */
static void chain_of(unsigned int steps, bool forward)
{
	char owner[32], target[32];

	made_start("s0.example", DNS_TYPE_A);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int step = forward ? i : steps - 1 - i;

		snprintf(owner, sizeof(owner), "s%u.example", step);
		snprintf(target, sizeof(target), "s%u.example", step + 1);
		made_add_cname(ANSWER, owner, 60, target);
	}
	snprintf(owner, sizeof(owner), "s%u.example", steps);
	made_add_address(ANSWER, owner, 60, "192.0.2.1");
}

static void chain_of_16_is_followed(void **state)
{
	(void)state;
	chain_of(16, true);
	made_reads(1, 0);
	assert_false(made_answer.chain_over_limit);
	chain_of(16, false);
	made_reads(1, 0);
	assert_false(made_answer.chain_over_limit);
}

static void chain_of_17_is_cut_and_told(void **state)
{
	(void)state;
	chain_of(17, true);
	made_reads(0, 0);
	assert_true(made_answer.chain_over_limit);
	chain_of(1500, false);
	made_reads(0, 0);
	assert_true(made_answer.chain_over_limit);
}

static void first_of_several_cnames_counts(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_A);
	made_add_cname(ANSWER, "a.example", 60, "b.example");
	made_add_cname(ANSWER, "a.example", 60, "c.example");
	made_add_address(ANSWER, "c.example", 60, "192.0.2.3");
	made_add_address(ANSWER, "b.example", 60, "192.0.2.2");
	made_reads(1, 0);
	made_has_address("192.0.2.2", 60);
}

static void address_beside_a_cname_counts(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_A);
	made_add_address(ANSWER, "a.example", 60, "192.0.2.1");
	made_add_cname(ANSWER, "a.example", 10, "b.example");
	made_add_address(ANSWER, "b.example", 60, "192.0.2.2");
	made_reads(2, 0);
	made_has_address("192.0.2.1", 60);
	made_has_address("192.0.2.2", 10);
}

static void end_without_address_is_a_target(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_AAAA);
	made_add_cname(ANSWER, "a.example", 60, "b.example");
	made_add_cname(ANSWER, "b.example", 20, "C.example");
	made_add_address(ADDITIONAL, "c.example", 60, "192.0.2.1"); /* does not count */
	made_reads(0, 1);
	made_has_target("c.example", 20);
}

static void an_address_further_up_does_not_make_the_end_addressed(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_A);
	made_add_address(ANSWER, "a.example", 60, "192.0.2.1");
	made_add_cname(ANSWER, "a.example", 60, "b.example");
	made_reads(1, 1);
	made_has_target("b.example", 60);
}

static void question_and_root_are_no_targets(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_A);
	made_add(ANSWER, "a.example", 16, 60, "\1x", 2);
	made_reads(0, 0);
	made_start("a.example", DNS_TYPE_A);
	made_add_cname(ANSWER, "a.example", 60, "");
	made_reads(0, 0);
}

static void dname_works_through_its_cname(void **state)
{
	(void)state;
	made_start("www.old.example", DNS_TYPE_A);
	made_add(ANSWER, "old.example", DNS_TYPE_DNAME, 60, "\3new\7example", 13);
	made_add_cname(ANSWER, "www.old.example", 60, "www.new.example");
	made_add_address(ANSWER, "www.new.example", 60, "192.0.2.1");
	made_reads(1, 0);
	made_start("www.old.example", DNS_TYPE_A);
	made_add(ANSWER, "old.example", DNS_TYPE_DNAME, 60, "\3new\7example", 13);
	made_add_address(ANSWER, "www.new.example", 60, "192.0.2.1");
	made_reads(0, 0);
}

/* ---- Numbers ---- */

static void many_addresses(unsigned int count)
{
	made_start("www.example", DNS_TYPE_A);
	for (unsigned int i = 0; i < count; i++)
		made_add(ANSWER, "@12", DNS_TYPE_A, 60, (uint8_t[]) { 192, 0, (uint8_t)(i >> 8), (uint8_t)i }, 4);
}

static void two_hundred_addresses(void **state)
{
	(void)state;
	many_addresses(200);
	made_reads(200, 0);
	made_has_address("192.0.0.199", 60);
}

static void addresses_over_the_limit_are_counted(void **state)
{
	(void)state;
	many_addresses(LIMIT_ANSWER_ADDRESSES);
	made_reads(LIMIT_ANSWER_ADDRESSES, 0);
	assert_int_equal(made_answer.addresses_over_limit, 0);
	many_addresses(LIMIT_ANSWER_ADDRESSES + 3);
	made_add(ANSWER, "@12", DNS_TYPE_A, 5, (uint8_t[]) { 192, 0, 0, 1 }, 4); /* known: not over the limit */
	made_reads(LIMIT_ANSWER_ADDRESSES, 0);
	assert_int_equal(made_answer.addresses_over_limit, 3);
	made_has_address("192.0.0.1", 5);
	many_addresses(4000);
	made_reads(LIMIT_ANSWER_ADDRESSES, 0);
	assert_int_equal(made_answer.addresses_over_limit, 4000 - LIMIT_ANSWER_ADDRESSES);
}

static void duplicates_keep_the_smaller_ttl(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_add_address(ANSWER, "www.example", 60, "192.0.2.1");
	made_add_address(ANSWER, "www.example", 30, "192.0.2.1");
	made_add_address(ANSWER, "www.example", 90, "192.0.2.1");
	made_add_address(ANSWER, "www.example", 60, "c000:201::");
	made_reads(2, 0);
	made_has_address("192.0.2.1", 30);
	made_has_address("c000:201::", 60); /* the same octets in the other family */
}

static void ttl_with_the_top_bit_is_0(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_A);
	made_add_address(ANSWER, "www.example", 0x80000000, "192.0.2.1");
	made_add_address(ANSWER, "www.example", 0xffffffff, "192.0.2.2");
	made_add_address(ANSWER, "www.example", 0x7fffffff, "192.0.2.3");
	made_add_address(ANSWER, "www.example", 0, "192.0.2.4");
	made_reads(4, 0);
	made_has_address("192.0.2.1", 0);
	made_has_address("192.0.2.2", 0);
	made_has_address("192.0.2.3", 0x7fffffff);
	made_has_address("192.0.2.4", 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
