/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/name.o dns/wire.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/wire.h"

#define HEADER 12

/* Reads the name that stands at `at` of a message made of twelve header octets and `body`. Returns false when it is
 * refused. */
static bool read_at(const void *body, size_t length, size_t at, struct dns_name *out, size_t *after)
{
	uint8_t message[2048] = { 0 };
	struct wire wire;
	struct wire_name name;

	assert_true(HEADER + length <= sizeof(message));
	memcpy(message + HEADER, body, length);
	wire = wire_message(message, HEADER + length);
	wire_skip(&wire, at);
	name = wire_name_read(&wire);
	if (wire.failed)
		return false;
	wire_name_copy(&wire, name, out);
	assert_int_equal(out->length, name.length);
	*after = wire.position;
	return true;
}

static void reads(const void *body, size_t length, size_t at, const char *text, size_t after)
{
	struct dns_name name;
	char buffer[DNS_NAME_TEXT_SIZE];
	size_t end = 0;

	assert_true(read_at(body, length, at, &name, &end));
	assert_string_equal(dns_name_to_text(&name, buffer), text);
	assert_int_equal(end, after);
}

static void refuses(const void *body, size_t length, size_t at)
{
	struct dns_name name;
	size_t end = 0;

	assert_false(read_at(body, length, at, &name, &end));
}

static void wire_reads_a_plain_name(void **state)
{
	(void)state;
	reads("\3WWW\7Example\3cOm", 17, HEADER, "www.example.com", HEADER + 17);
	reads("", 1, HEADER, ".", HEADER + 1);
}

static void wire_follows_pointers_back(void **state)
{
	(void)state;
	reads("\7example\3com\0\3www\xc0\x0c", 19, HEADER + 13, "www.example.com", HEADER + 19);
	reads("\7example\3com\0\xc0\x0c", 15, HEADER + 13, "example.com", HEADER + 15);
	reads("\7example\3com\0\xc0\x14", 15, HEADER + 13, "com", HEADER + 15);
	/* a pointer to a pointer */
	reads("\3com\0\xc0\x0c\1a\xc0\x11", 11, HEADER + 7, "a.com", HEADER + 11);
	/* into the middle of a label's text, which happens to be a name */
	reads("\4\2ab\0\0\xc0\x0d", 8, HEADER + 6, "ab", HEADER + 8);
}

static void wire_refuses_pointers_not_back(void **state)
{
	(void)state;
	refuses("\xc0\x0c", 2, HEADER); /* to itself */
	refuses("\1a\xc0\x0c", 4, HEADER); /* to the start of its own name: a loop */
	refuses("\1a\xc0\x0d", 4, HEADER); /* into its own label */
	refuses("\xc0\x0e\1a", 5, HEADER); /* forward */
	refuses("\xc0\xff", 2, HEADER); /* past the end */
	refuses("\1a\xc0\x10\1b\xc0\x0c", 8, HEADER + 4); /* two names that point at each other */
	refuses("\1a\xc0\x10\1b\xc0\x0c", 8, HEADER);
	refuses("\xc0\x00", 2, HEADER); /* into the header */
	refuses("\xc0\x0b", 2, HEADER);
	/* back, to a label that reaches into the name itself, over its end, and to one that ends just before it */
	refuses("\2aa\1b\xc0\x0f\0\0", 9, HEADER + 5);
	refuses("\3\5\0\0\1b\xc0\x0d\0\0\0", 11, HEADER + 4);
	refuses("\1\6\1b\xc0\x0d\0\0\0", 9, HEADER + 2); /* six octets from here on, then a root */
	refuses("\3\2\0\0\1b\xc0\x0d\0\0\0", 11, HEADER + 4); /* its root would be the name's first octet */
	reads("\3\1b\0\1b\xc0\x0d\0\0\0", 11, HEADER + 4, "b.b", HEADER + 8);
	/* back first, then forward to before the name: above the start of the part that it ends */
	refuses("\1a\xc0\x10\1b\0\1c\xc0\x0c", 11, HEADER + 7);
}

static void wire_refuses_names_cut_short(void **state)
{
	(void)state;
	refuses("", 0, HEADER);
	refuses("\3www", 4, HEADER);
	refuses("\3ww", 3, HEADER);
	refuses("\3", 1, HEADER);
	refuses("\xc0", 1, HEADER);
	refuses("\1a\xc0", 3, HEADER);
}

static void wire_refuses_reserved_label_types(void **state)
{
	uint8_t body[130] = { 0 };

	(void)state;
	for (unsigned int type = 64; type < 0xc0; type++) { /* enough octets follow for any reading */
		body[0] = (uint8_t)type;
		refuses(body, sizeof(body), HEADER);
	}
	refuses("\0\x40\x0c", 3, HEADER + 1); /* with two bits more it would be a good pointer */
	refuses("\0\x80\x0c", 3, HEADER + 1);
	reads("\0\xc0\x0c", 3, HEADER + 1, ".", HEADER + 3);
}

/* Labels of 63, 63, 63 and `last` octets. */
static size_t long_name(uint8_t *out, unsigned int last)
{
	const unsigned int lengths[] = { 63, 63, 63, last };
	size_t used = 0;

	for (int i = 0; i < 4; i++) {
		out[used++] = (uint8_t)lengths[i];
		memset(out + used, 'a', lengths[i]);
		used += lengths[i];
	}
	out[used++] = 0;
	return used;
}

static void wire_takes_255_octets_and_refuses_256(void **state)
{
	uint8_t body[300];
	struct dns_name name;
	size_t after;

	(void)state;
	assert_int_equal(long_name(body, 61), 255);
	assert_true(read_at(body, 255, HEADER, &name, &after));
	assert_int_equal(name.length, 255);
	assert_int_equal(long_name(body, 62), 256);
	refuses(body, 256, HEADER);
	/* the same over a pointer: 254 octets before it, then 1 and 2 more */
	assert_int_equal(long_name(body, 59), 253);
	memcpy(body + 253, "\1b\xc0\x0c", 4);
	assert_true(read_at(body, 257, HEADER + 253, &name, &after));
	assert_int_equal(name.length, 255);
	memcpy(body + 253, "\2bb\xc0\x0c", 5);
	refuses(body, 258, HEADER + 253);
}

static void wire_takes_127_labels(void **state)
{
	uint8_t body[256] = { 0 }, offsets[DNS_LABELS_MAX];
	struct dns_name name;
	size_t after;

	(void)state;
	for (unsigned int i = 0; i < 127; i++)
		memcpy(body + 2 * (size_t)i, "\1x", 2);
	assert_true(read_at(body, 255, HEADER, &name, &after));
	assert_int_equal(dns_name_labels(&name, offsets), 127);
	assert_int_equal(offsets[126], 252);
}

/* `count` pointers, each to the one before, the first to the root label. */
static size_t pointer_chain(uint8_t *out, unsigned int count)
{
	out[0] = 0;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int target = i == 0 ? HEADER : HEADER + 1 + 2 * (i - 1);

		out[1 + 2 * (size_t)i] = (uint8_t)(0xc0 | target >> 8);
		out[2 + 2 * (size_t)i] = (uint8_t)target;
	}
	return 1 + 2 * (size_t)count;
}

static void wire_bounds_pointers(void **state)
{
	uint8_t body[2000];
	struct dns_name name;
	size_t after, length = pointer_chain(body, 127);

	(void)state;
	assert_true(read_at(body, length, HEADER + length - 2, &name, &after));
	assert_int_equal(name.length, 1);
	length = pointer_chain(body, 128);
	refuses(body, length, HEADER + length - 2);
}

static void wire_error_sticks(void **state)
{
	const uint8_t message[] = { 1, 2, 3, 4, 5 };
	struct wire wire = wire_message(message, sizeof(message));

	(void)state;
	assert_int_equal(wire_u16(&wire), 0x0102);
	assert_null(wire_octets(&wire, 4)); /* three are left */
	assert_true(wire.failed);
	assert_int_equal(wire_u16(&wire), 0);
	assert_int_equal(wire_left(&wire), 0);
	assert_null(wire_octets(&wire, 0));
	assert_int_equal(wire_name_read(&wire).length, 0);
	assert_int_equal(wire.position, 2);
	assert_true(wire_part(&wire, 0, 1).failed);
}

static void wire_known_names_change_nothing(void **state)
{
	uint8_t message[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0xc0, 12, 0xc0, 0, 0xc0, 28, 0xc0, 13 };
	struct wire_known known = { 0 };
	struct wire wire = wire_message(message, sizeof(message));
	struct wire_name first, again;

	(void)state;
	wire.known = &known;
	wire_skip(&wire, HEADER);
	first = wire_name_read(&wire);
	again = wire_name_read(&wire);
	assert_int_equal(first.print, again.print);
	assert_int_equal(first.first, again.first);
	assert_int_equal(first.length, again.length);
	assert_int_equal(wire.position, 17);
	for (; wire.position < sizeof(message);
	     wire_skip(&wire, 2)) { /* into the header; forward to a like slot; unknown */
		struct wire bad = wire;

		wire_name_read(&bad);
		assert_true(bad.failed);
	}
}

static void wire_part_ends_where_told(void **state)
{
	const uint8_t message[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 1, 'b', 0xc0, 12 };
	struct wire wire = wire_message(message, sizeof(message)), part = wire_part(&wire, 15, 4);

	(void)state;
	assert_int_equal(wire_name_read(&part).length, 5);
	assert_false(part.failed);
	part = wire_part(&wire, 15, 3); /* half of the pointer */
	wire_name_read(&part);
	assert_true(part.failed);
	assert_true(wire_part(&wire, 15, 5).failed);
	assert_true(wire_part(&wire, 20, 0).failed);
	assert_false(wire_part(&wire, 19, 0).failed);
	assert_true(wire_part(&wire, 15, SIZE_MAX).failed);
}

static void wire_message_longer_than_dns_fails(void **state)
{
	static uint8_t message[65536];
	struct wire fits = wire_message(message, 65535), over = wire_message(message, 65536);

	(void)state;
	assert_false(fits.failed);
	assert_true(over.failed);
}

static bool equal_names(const void *body, size_t length, size_t a, size_t b)
{
	uint8_t message[256] = { 0 };
	struct wire first, second;
	struct wire_name left, right;

	memcpy(message + HEADER, body, length);
	first = wire_message(message, HEADER + length);
	second = first;
	wire_skip(&first, HEADER + a);
	wire_skip(&second, HEADER + b);
	left = wire_name_read(&first);
	right = wire_name_read(&second);
	assert_false(first.failed || second.failed);
	return wire_name_equal(&first, left, right);
}

static void wire_names_are_equal_in_any_case_and_compression(void **state)
{
	const char body[] = "\3abc\3com\0\3ABC\3CoM\0\3abc\xc0\x10\3abd\xc0\x10\7abc.com\0\3abc";

	(void)state;
	assert_true(equal_names(body, sizeof(body), 0, 9));
	assert_true(equal_names(body, sizeof(body), 0, 18));
	assert_true(equal_names(body, sizeof(body), 9, 18));
	assert_false(equal_names(body, sizeof(body), 0, 24));
	assert_false(equal_names(body, sizeof(body), 0, 30)); /* a dot in a label is no separator */
	assert_false(equal_names(body, sizeof(body), 0, 39));
	/* '@' and '`' differ by the same bit as letters, '[' and '{' too */
	assert_false(equal_names("\1@\0\1`", 6, 0, 3));
	assert_false(equal_names("\1[\0\1{", 6, 0, 3));
	assert_true(equal_names("\1Z\0\1z", 6, 0, 3));
	assert_true(equal_names("\1A\0\1a", 6, 0, 3));
}

static void text_case(const char *text, const char *expected)
{
	struct dns_name name;
	char buffer[DNS_NAME_TEXT_SIZE];

	assert_int_equal(dns_name_from_text(text, &name), 0);
	assert_string_equal(dns_name_to_text(&name, buffer), expected);
}

static void text_reads_and_writes(void **state)
{
	(void)state;
	text_case("www.example.com", "www.example.com");
	text_case("WWW.Example.COM.", "www.example.com");
	text_case(".", ".");
	text_case("com", "com");
	text_case("_443._tcp.example", "_443._tcp.example");
	text_case("a\\.b.c", "a\\046b.c");
	text_case("a\\000b.c", "a\\000b.c");
	text_case("\\065.c", "a.c"); /* an escaped letter is a letter (RFC 4343 2.1) */
	text_case("\\\\\\\".c", "\\092\\034.c");
	text_case("a b#c\td", "a\\032b\\035c\\009d");
	text_case("\xff\x7f", "\\255\\127");
	text_case("*.x", "*.x");
}

static void text_case_refused(const char *text, int error)
{
	struct dns_name name, before;

	memset(&name, 0x5a, sizeof(name));
	before = name;
	assert_int_equal(dns_name_from_text(text, &name), error);
	assert_memory_equal(&name, &before, sizeof(name));
}

static void text_refuses_what_is_no_name(void **state)
{
	(void)state;
	text_case_refused("", -EINVAL);
	text_case_refused("..", -EINVAL);
	text_case_refused(".a", -EINVAL);
	text_case_refused("a..b", -EINVAL);
	text_case_refused("a..", -EINVAL);
	text_case_refused("a\\", -EINVAL);
	text_case_refused("a\\1", -EINVAL);
	text_case_refused("a\\12", -EINVAL);
	text_case_refused("a\\12x", -EINVAL);
	text_case_refused("a\\256", -EINVAL);
}

static void text_bounds_lengths(void **state)
{
	char text[600];
	struct dns_name name;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(dns_name_from_text(text, &name), 0);
	text[63] = 'a';
	text[64] = '\0';
	text_case_refused(text, -ENAMETOOLONG);
	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[253] = '\0'; /* 64 + 64 + 64 + 62 + 1 = 255 octets */
	assert_int_equal(dns_name_from_text(text, &name), 0);
	assert_int_equal(name.length, 255);
	text[253] = '.';
	text[254] = '\0';
	assert_int_equal(dns_name_from_text(text, &name), 0);
	text[253] = 'a';
	text_case_refused(text, -ENAMETOOLONG);
}

static void text_of_the_longest_name_fits(void **state)
{
	uint8_t body[300];
	char text[DNS_NAME_TEXT_SIZE + 1];
	struct dns_name name, again;
	size_t after;

	(void)state;
	long_name(body, 61);
	for (size_t i = 0; i < 255; i++)
		if (body[i] == 'a')
			body[i] = 0xff;
	assert_true(read_at(body, 255, HEADER, &name, &after));
	memset(text, 0x5a, sizeof(text));
	dns_name_to_text(&name, text);
	assert_int_equal(text[DNS_NAME_TEXT_SIZE], 0x5a);
	assert_int_equal(strlen(text), 4 * 250 + 3);
	assert_int_equal(dns_name_from_text(text, &again), 0);
	assert_true(dns_name_equal(&name, &again));
}

static void every_octet_survives_text(void **state)
{
	(void)state;
	for (unsigned int octet = 0; octet < 256; octet++) {
		struct dns_name name = { .length = 3, .octets = { 1, (uint8_t)octet, 0 } }, again;
		char text[DNS_NAME_TEXT_SIZE];

		if (octet >= 'A' && octet <= 'Z')
			continue; /* not in a dns_name */
		assert_int_equal(dns_name_from_text(dns_name_to_text(&name, text), &again), 0);
		assert_true(dns_name_equal(&name, &again));
		for (const char *at = text; *at; at++)
			assert_true(*at > 0x20 && *at < 0x7f && *at != '"' && *at != '#');
	}
}

static void labels_of_names(void **state)
{
	struct dns_name name;
	uint8_t offsets[DNS_LABELS_MAX];

	(void)state;
	assert_int_equal(dns_name_from_text("www.example.com", &name), 0);
	assert_int_equal(dns_name_labels(&name, offsets), 3);
	assert_int_equal(offsets[0], 0);
	assert_int_equal(offsets[1], 4);
	assert_int_equal(offsets[2], 12);
	assert_int_equal(dns_name_from_text(".", &name), 0);
	assert_int_equal(dns_name_labels(&name, offsets), 0);
}

static void names_are_equal_by_octets(void **state)
{
	struct dns_name a, b;

	(void)state;
	memset(&a, 1, sizeof(a));
	memset(&b, 2, sizeof(b)); /* what lies behind a name does not count */
	assert_int_equal(dns_name_from_text("A.b", &a), 0);
	assert_int_equal(dns_name_from_text("a.B.", &b), 0);
	assert_true(dns_name_equal(&a, &b));
	assert_int_equal(dns_name_from_text("a\\.b", &b), 0);
	assert_false(dns_name_equal(&a, &b));
	assert_int_equal(dns_name_from_text("a.c", &b), 0);
	assert_false(dns_name_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_reads_a_plain_name),
		cmocka_unit_test(wire_follows_pointers_back),
		cmocka_unit_test(wire_refuses_pointers_not_back),
		cmocka_unit_test(wire_refuses_names_cut_short),
		cmocka_unit_test(wire_refuses_reserved_label_types),
		cmocka_unit_test(wire_takes_255_octets_and_refuses_256),
		cmocka_unit_test(wire_takes_127_labels),
		cmocka_unit_test(wire_bounds_pointers),
		cmocka_unit_test(wire_error_sticks),
		cmocka_unit_test(wire_known_names_change_nothing),
		cmocka_unit_test(wire_part_ends_where_told),
		cmocka_unit_test(wire_message_longer_than_dns_fails),
		cmocka_unit_test(wire_names_are_equal_in_any_case_and_compression),
		cmocka_unit_test(text_reads_and_writes),
		cmocka_unit_test(text_refuses_what_is_no_name),
		cmocka_unit_test(text_bounds_lengths),
		cmocka_unit_test(text_of_the_longest_name_fits),
		cmocka_unit_test(every_octet_survives_text),
		cmocka_unit_test(labels_of_names),
		cmocka_unit_test(names_are_equal_by_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
