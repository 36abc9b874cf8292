/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: base/escape.o base/ipaddr.o base/arena.o base/hash.o base/counters.o base/histogram.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/escape.h"
#include "base/hash.h"
#include "base/histogram.h"
#include "base/ipaddr.h"

static void escape_case(const void *in, size_t length, size_t size, const char *expected)
{
	char out[64];

	memset(out, 'x', sizeof(out));
	assert_int_equal(escape_text(out, size, in, length), strlen(expected));
	assert_string_equal(out, expected);
	for (size_t i = size; i < sizeof(out); i++)
		assert_int_equal(out[i], 'x');
}

static void escape_makes_everything_printable(void **state)
{
	(void)state;
	escape_case("plain-text.example", 18, 64, "plain-text.example");
	escape_case("a b\n\0\xff", 6, 64, "a\\032b\\010\\000\\255");
	escape_case("\"\\#", 3, 64, "\\034\\092\\035");
	escape_case("", 0, 64, "");
}

static void escape_cuts_at_a_whole_escape(void **state)
{
	(void)state;
	escape_case("abcdef", 6, 7, "abcdef");
	escape_case("abcdefg", 7, 7, "abcde~");
	escape_case("abc\n", 4, 7, "abc~");
	escape_case("abc\n", 4, 8, "abc\\010");
	escape_case("abc", 3, 1, "");
	assert_int_equal(escape_text(NULL, 0, "abc", 3), 0);
}

static struct ipaddr address(const char *text)
{
	struct ipaddr out;

	assert_int_equal(ipaddr_from_text(text, &out), 0);
	return out;
}

static void ipaddr_reads_and_writes(void **state)
{
	static const char *const good[] = { "0.0.0.0", "192.0.2.1",    "255.255.255.255", "::",
					    "::1",     "2001:db8::53", "fe80::1" };
	static const char *const bad[] = { "",         "1.2.3",  "1.2.3.4.5", "1.2.3.256", " 1.2.3.4", "1.2.3.4 ",
					   "01.2.3.4", "::1%lo", "1.2.3.4/8", "g::",       "12345::" };
	struct ipaddr out = address("192.0.2.9"), kept = out;
	char text[IPADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ipaddr one = address(good[i]);

		assert_string_equal(ipaddr_to_text(&one, text), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ipaddr_from_text(bad[i], &out), -EINVAL);
		assert_memory_equal(&out, &kept, sizeof(out));
	}
}

static void ipaddr_orders_and_steps(void **state)
{
	struct ipaddr a = address("10.0.0.255"), b = address("10.0.1.0"), last = address("255.255.255.255"),
		      zero = address("::");
	struct ipaddr step = a;

	(void)state;
	assert_true(ipaddr_compare(&a, &b) < 0);
	assert_true(ipaddr_compare(&b, &a) > 0);
	assert_true(ipaddr_compare(&last, &zero) < 0); /* IPv4 before IPv6 */
	assert_true(ipaddr_next(&step));
	assert_true(ipaddr_equal(&step, &b));
	assert_true(ipaddr_previous(&step));
	assert_true(ipaddr_equal(&step, &a));
	assert_false(ipaddr_next(&last));
	assert_false(ipaddr_previous(&zero));
}

static void bounds_case(const char *text, unsigned int length, const char *first, const char *last)
{
	struct ipaddr in = address(text), low, high;
	char out[IPADDR_TEXT_SIZE];

	ipaddr_prefix_bounds(&in, length, &low, &high);
	assert_string_equal(ipaddr_to_text(&low, out), first);
	assert_string_equal(ipaddr_to_text(&high, out), last);
}

static void ipaddr_prefix_has_first_and_last(void **state)
{
	(void)state;
	bounds_case("192.0.2.77", 24, "192.0.2.0", "192.0.2.255");
	bounds_case("192.0.2.77", 27, "192.0.2.64", "192.0.2.95");
	bounds_case("192.0.2.77", 32, "192.0.2.77", "192.0.2.77");
	bounds_case("192.0.2.77", 0, "0.0.0.0", "255.255.255.255");
	bounds_case("2001:db8::1", 33, "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
	bounds_case("2001:db8::1", 128, "2001:db8::1", "2001:db8::1");
}

static void arena_hands_out_zeroed_aligned_memory(void **state)
{
	struct arena *arena = arena_new();
	size_t total = 0;

	(void)state;
	assert_non_null(arena);
	for (size_t size = 0; size < 200000; size = size * 3 + 1) {
		char *memory = arena_alloc(arena, size);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 0xff, size);
		total += size;
	}
	assert_true(arena_used(arena) >= total);
	assert_null(arena_array(arena, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(arena, SIZE_MAX));
	assert_string_equal(arena_strdup(arena, "text"), "text");
	arena_free(arena);
	arena_free(NULL);
}

/* The first two of the vectors that Rust's library publishes for SipHash-1-3: key 00 01 .. 0f, input 00 01 .. */
static void hash_is_siphash_1_3(void **state)
{
	struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t in[16];

	(void)state;
	for (unsigned int i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	assert_true(hash_bytes(&key, in, 0) == 0xabac0158050fc4dcULL);
	assert_true(hash_bytes(&key, in, 1) == 0xc9f49bf37d57ca93ULL);
	assert_true(hash_bytes(&key, in, 8) != hash_bytes(&key, in, 9));
	key.k0 ^= 1;
	assert_true(hash_bytes(&key, in, 0) != 0xabac0158050fc4dcULL);
}

static void histograms_count_up_to_their_bounds(void **state)
{
	const struct histogram *drain = &histograms[HISTOGRAM_drain];

	(void)state;
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		for (size_t at = 1; histogram_rows[i].bounds[at]; at++)
			assert_true(histogram_rows[i].bounds[at] > histogram_rows[i].bounds[at - 1]);
	histogram_see(HISTOGRAM_drain, 0, 1);
	histogram_see(HISTOGRAM_drain, 1, 2);
	histogram_see(HISTOGRAM_drain, 2, 4);
	histogram_see(HISTOGRAM_drain, 3, 8);
	histogram_see(HISTOGRAM_drain, 64, 16);
	histogram_see(HISTOGRAM_drain, 65, 32);
	assert_int_equal(drain->counts[0], 3);
	assert_int_equal(drain->counts[1], 4);
	assert_int_equal(drain->counts[2], 8);
	assert_int_equal(drain->counts[6], 16);
	assert_int_equal(drain->counts[7], 32);
	assert_int_equal(drain->sum, 2 + 8 + 24 + 1024 + 65 * 32);
	histogram_see(HISTOGRAM_hold, UINT64_MAX / 2, 1); /* twelve bounds: those above have a place too */
	assert_int_equal(histograms[HISTOGRAM_hold].counts[HISTOGRAM_BOUNDS], 1);
}

static void every_counter_has_a_row_and_a_help(void **state)
{
	size_t rows = 0;

	(void)state;
	for (const struct counter_row *row = counter_rows; row->name; row++, rows++)
		assert_true(strlen(row->help) > 5);
	assert_int_equal(rows * sizeof(uint64_t), sizeof(counters));
	counters.answers = 7;
	for (const struct counter_row *row = counter_rows; row->name; row++)
		assert_int_equal(counter_value(row), strcmp(row->name, "answers") == 0 ? 7 : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_makes_everything_printable),
		cmocka_unit_test(escape_cuts_at_a_whole_escape),
		cmocka_unit_test(ipaddr_reads_and_writes),
		cmocka_unit_test(ipaddr_orders_and_steps),
		cmocka_unit_test(ipaddr_prefix_has_first_and_last),
		cmocka_unit_test(arena_hands_out_zeroed_aligned_memory),
		cmocka_unit_test(hash_is_siphash_1_3),
		cmocka_unit_test(histograms_count_up_to_their_bounds),
		cmocka_unit_test(every_counter_has_a_row_and_a_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
