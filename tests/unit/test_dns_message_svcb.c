/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/dns_message/made.o */
/* LINK: dns/message.o dns/svcb.o dns/wire.o dns/name.o base/ipaddr.o */
/* HTTPS and SVCB (RFC 9460): hints, aliases, service targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns/message.h"
#include "tests/unit/dns_message/made.h"

/* Adds an HTTPS record with parameters as they stand on the wire. */
static void made_add_https(enum section section, const char *owner, uint32_t ttl, unsigned int priority,
			   const char *target, const void *params, size_t length)
{
	size_t at = made_begin_record(section, owner, DNS_TYPE_HTTPS, ttl);

	made_put16(priority);
	made_put_name(target);
	made_put(params, length);
	made_end_record(at);
}

#define HINT4 "\0\4\0\4\300\0\2\7" /* ipv4hint=192.0.2.7 */
#define HINT6 "\0\6\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7" /* ipv6hint=2001:db8::7 */
#define ALPN "\0\1\0\3\2h2"
#define PARAMS(text) text, sizeof(text) - 1

static void hints_are_addresses(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_HTTPS);
	made_add_cname(ANSWER, "www.example", 30, "cdn.example");
	made_add_https(ANSWER, "cdn.example", 60, 1, "", PARAMS(ALPN HINT4 HINT6));
	made_reads(2, 1);
	made_has_address("192.0.2.7", 30);
	made_has_address("2001:db8::7", 30);
	made_has_target("cdn.example", 30); /* the client asks for its addresses all the same */
}

static void several_hints_in_one_record(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "www.example", 60, 1, "", PARAMS("\0\4\0\14\300\0\2\1\300\0\2\2\300\0\2\3"));
	made_reads(3, 0);
	made_has_address("192.0.2.3", 60);
}

static void hints_off_the_chain_do_not_count(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "evil.example", 60, 1, "", PARAMS(HINT4));
	made_add_https(AUTHORITY, "www.example", 60, 1, "", PARAMS(HINT4));
	made_add_https(ADDITIONAL, "www.example", 60, 1, "", PARAMS(HINT4));
	made_reads(0, 0);
}

static void service_target_is_looked_up_in_the_additional_section(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "www.example", 60, 1, "pool.example", PARAMS(ALPN));
	made_add_https(ANSWER, "www.example", 60, 2, "spare.example", PARAMS(ALPN));
	made_add_address(AUTHORITY, "spare.example", 20, "192.0.2.67");
	made_add_address(ADDITIONAL, "pool.example", 20, "192.0.2.1");
	made_add_address(ADDITIONAL, "other.example", 20, "192.0.2.66");
	made_reads(1, 1);
	made_has_address("192.0.2.1", 20);
	made_has_target("spare.example", 60);
}

static void service_of_the_owner_finds_its_addresses_in_the_additional_section(void **state)
{
	(void)state;
	made_start("www.example", DNS_TYPE_HTTPS);
	made_add_cname(ANSWER, "www.example", 60, "cdn.example");
	made_add_https(ANSWER, "cdn.example", 60, 1, "", PARAMS(ALPN));
	made_add_address(ADDITIONAL, "cdn.example", 20, "192.0.2.1");
	made_add_address(ADDITIONAL, "www.example", 20, "192.0.2.66");
	made_reads(1, 0);
	made_has_address("192.0.2.1", 20);
}

static void alias_is_followed(void **state)
{
	(void)state;
	made_start("example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "example", 50, 0, "pool.example", PARAMS(HINT4)); /* AliasMode: parameters are ignored */
	made_add_https(ADDITIONAL, "pool.example", 40, 1, "", PARAMS(HINT6));
	made_add_address(ADDITIONAL, "pool.example", 60, "192.0.2.1");
	made_reads(2, 0);
	made_has_address("2001:db8::7", 40);
	made_has_address("192.0.2.1", 50);
}

static void alias_target_with_a_chain(void **state)
{
	(void)state;
	made_start("example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "example", 50, 0, "a.example", PARAMS(""));
	made_add_cname(ADDITIONAL, "a.example", 40, "b.example");
	made_add_address(ADDITIONAL, "b.example", 60, "192.0.2.1");
	made_reads(1, 0);
	made_has_address("192.0.2.1", 40);
}

static void alias_without_more_is_a_target(void **state)
{
	(void)state;
	made_start("example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "example", 50, 0, "pool.example", PARAMS(""));
	made_reads(0, 1);
	made_has_target("pool.example", 50);
	made_start("example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "example", 50, 0, "", PARAMS("")); /* no such service (2.5.1) */
	made_reads(0, 0);
	made_start("example", DNS_TYPE_HTTPS);
	made_add_cname(ANSWER, "example", 40, "pool.example");
	made_add_https(ANSWER, "pool.example", 50, 0, "", PARAMS(""));
	made_add_address(ADDITIONAL, "pool.example", 60, "192.0.2.1");
	made_reads(0, 1);
	made_has_target("pool.example", 40);
}

static void aliases_in_a_loop_end(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "a.example", 50, 0, "b.example", PARAMS(""));
	made_add_https(ANSWER, "b.example", 50, 0, "c.example", PARAMS(""));
	made_add_https(ANSWER, "c.example", 50, 0, "a.example", PARAMS(""));
	made_reads(0, 2);
	made_has_target("b.example", 50);
	made_has_target("c.example", 50);
}

static void services_of_a_service_target_are_not_followed(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(""));
	made_add_https(ADDITIONAL, "b.example", 50, 1, "c.example", PARAMS(HINT4));
	made_reads(0, 1);
	made_has_target("b.example", 50);
}

static void service_beside_an_alias_is_ignored(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(HINT4));
	made_add_https(ANSWER, "a.example", 50, 0, "c.example", PARAMS(""));
	made_reads(0, 1);
	made_has_target("c.example", 50);
}

static void too_many_service_targets_are_counted(void **state)
{
	char target[32];

	(void)state;
	made_start("a.example", DNS_TYPE_HTTPS);
	for (unsigned int i = 0; i < LIMIT_ANSWER_TARGETS + 2; i++) {
		snprintf(target, sizeof(target), "t%u.example", i);
		made_add_https(ANSWER, "a.example", 50, 1 + i, target, PARAMS(""));
		made_add_https(ANSWER, "a.example", 40, 1 + i, target, PARAMS("")); /* twice is once */
	}
	made_reads(0, LIMIT_ANSWER_TARGETS);
	assert_int_equal(made_answer.targets_over_limit, 4);
	made_has_target("t0.example", 40);
}

static void two_ways_to_one_target(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(""));
	made_add_https(ANSWER, "a.example", 50, 2, "c.example", PARAMS(""));
	made_add_cname(ADDITIONAL, "b.example", 30, "d.example");
	made_add_cname(ADDITIONAL, "c.example", 20, "D.example");
	made_reads(0, 1);
	made_has_target("d.example", 20);
}

static void rejected(const void *params, size_t length)
{
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_address(ANSWER, "a.example", 60, "192.0.2.1");
	made_add_https(ANSWER, "a.example", 50, 1, "b.example", PARAMS(HINT4));
	made_add_https(ANSWER, "a.example", 50, 1, "c.example", params, length);
	made_reads(1, 0); /* the whole RRset is (RFC 9460 2.2); other records are not */
	made_has_address("192.0.2.1", 60);
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
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "a.example", 50, 1, "", PARAMS(HINT4));
	made_add_https(ANSWER, "x.example", 50, 1, "", PARAMS("\0"));
	at = made_begin_record(ANSWER, "a.example", DNS_TYPE_SVCB, 50); /* another type is another RRset */
	made_put("\0", 1);
	made_end_record(at);
	made_reads(1, 0);
}

static void compressed_service_target_is_malformed(void **state)
{
	(void)state;
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "a.example", 50, 1, "b@14", PARAMS(HINT4));
	made_reads(0, 0);
	made_start("a.example", DNS_TYPE_HTTPS);
	made_add_https(ANSWER, "a.example", 50, 1, "@12", PARAMS(HINT4));
	made_reads(0, 0);
}

static void svcb_works_like_https(void **state)
{
	size_t at;

	(void)state;
	made_start("_dns.resolver.example", DNS_TYPE_SVCB);
	at = made_begin_record(ANSWER, "_dns.resolver.example", DNS_TYPE_SVCB, 60);
	made_put("\0\1\3dns\7example\0" ALPN HINT4, 15 + 15);
	made_end_record(at);
	made_reads(1, 1);
	made_has_target("dns.example", 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
