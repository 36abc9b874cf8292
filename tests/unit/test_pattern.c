/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/pattern.o dns/pattern_text.o dns/name.o base/arena.o base/hash.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/limits.h"
#include "dns/name.h"
#include "dns/pattern.h"

static const struct hash_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

/* The set of one pattern and the oracle must both say `expected`. */
static void matches(const char *pattern, const char *text, bool expected)
{
	struct arena *arena = arena_new();
	struct pattern one = { pattern, 7 };
	struct pattern_set *set;
	struct dns_name name = name_of(text);
	uint32_t values[2];
	const char *why = NULL;
	int over = -1;

	assert_int_equal(pattern_check(pattern, &why), 0);
	assert_null(why);
	set = pattern_set_build(arena, &key, &one, 1);
	assert_non_null(set);
	if (pattern_matches(pattern, &name) != expected || pattern_set_match(set, &name, values, 2, &over) != expected)
		fail_msg("%s and %s: expected %d", pattern, text, expected);
	assert_int_equal(over, 0);
	if (expected)
		assert_int_equal(values[0], 7);
	arena_free(arena);
}

static void exact_names_match_alone(void **state)
{
	(void)state;
	matches("a.example", "a.example", true);
	matches("a.example", "A.EXAMPLE", true);
	matches("A.Example.", "a.example", true);
	matches("a.example", "b.a.example", false);
	matches("a.example", "example", false);
	matches("a.example", ".", false);
	matches("router", "router", true);
}

static void leading_star_matches_any_depth_but_not_the_apex(void **state)
{
	(void)state;
	matches("*.manage.microsoft.com", "enterprise.manage.microsoft.com", true);
	matches("*.manage.microsoft.com", "a.b.c.manage.microsoft.com", true);
	matches("*.manage.microsoft.com", "manage.microsoft.com", false);
	matches("*.manage.microsoft.com", "microsoft.com", false);
	matches("*.MANAGE.microsoft.com", "x.manage.Microsoft.com", true);
	matches("*.com", "a.com", true);
	matches("*.com", "com", false);
}

static void a_label_boundary_is_needed(void **state)
{
	(void)state;
	matches("*.manage.microsoft.com", "evilmanage.microsoft.com", false);
	matches("*.manage.microsoft.com", "a.evilmanage.microsoft.com", false);
	matches("*.manage.microsoft.com", "manage.microsoft.com.evil.example", false);
	matches("manage.microsoft.com", "evilmanage.microsoft.com", false);
}

static void dots_and_nul_in_a_label_are_no_separators(void **state)
{
	(void)state;
	matches("*.manage.microsoft.com", "a.manage\\.microsoft.com", false);
	matches("manage.microsoft.com", "manage\\.microsoft.com", false);
	matches("*.manage.microsoft.com", "a\\.manage.microsoft.com", false);
	matches("a.example", "a\\000.example", false);
	matches("a.example", "a.example\\000", false);
	matches("*.example", "a\\000.example", true); /* one odd label below it, and a label it is */
	matches("x-*.example", "x-\\000\\.y.example", true);
	matches("*.example", "\\*.example", true);
	matches("a*.example", "a\\*b.example", true);
}

static void star_inside_a_label_stays_in_it(void **state)
{
	(void)state;
	matches("payloadprod*.blob.core.windows.net", "payloadprod1.blob.core.windows.net", true);
	matches("payloadprod*.blob.core.windows.net", "payloadprod.blob.core.windows.net", true); /* zero characters */
	matches("payloadprod*.blob.core.windows.net", "payloadprod1.x.blob.core.windows.net", false);
	matches("payloadprod*.blob.core.windows.net", "x.payloadprod1.blob.core.windows.net", false);
	matches("payloadprod*.blob.core.windows.net", "payloadpro.blob.core.windows.net", false);
	matches("*-files.sharepoint.com", "contoso-files.sharepoint.com", true);
	matches("*-files.sharepoint.com", "-files.sharepoint.com", true);
	matches("*-files.sharepoint.com", "a.b-files.sharepoint.com", false);
	matches("*-files.sharepoint.com", "files.sharepoint.com", false);
	matches("*cdn.onenote.net", "cdn.onenote.net", true);
	matches("*cdn.onenote.net", "acdn.onenote.net", true);
	matches("*cdn.onenote.net", "a.cdn.onenote.net", false);
	matches("x*y.example", "xy.example", true);
	matches("x*y.example", "xyy.example", true);
	matches("x*y.example", "x.example", false);
	matches("xx*xx.example", "xxx.example", false); /* the two ends do not share a character */
	matches("xx*xx.example", "xxxx.example", true);
}

static void whole_star_label_is_one_label_unless_leading(void **state)
{
	(void)state;
	matches("autodiscover.*.onmicrosoft.com", "autodiscover.contoso.onmicrosoft.com", true);
	matches("autodiscover.*.onmicrosoft.com", "autodiscover.a.b.onmicrosoft.com", false);
	matches("autodiscover.*.onmicrosoft.com", "autodiscover.onmicrosoft.com", false);
	matches("*.*.example", "a.b.example", true);
	matches("*.*.example", "a.b.c.example", true);
	matches("*.*.example", "a.example", false);
	matches("*.x*.example", "a.b.xy.example", true);
	matches("*.x*.example", "xy.example", false);
}

static void several_stars_in_a_label(void **state)
{
	(void)state;
	matches("a*b*c.example", "abc.example", true);
	matches("a*b*c.example", "axxbyyc.example", true);
	matches("a*b*c.example", "axxcyyb.example", false);
	matches("a*b*c.example", "ac.example", false);
	matches("*a*b*.example", "xaxbx.example", true);
	matches("*a*b*.example", "xbxax.example", false);
	matches("*ab*ab*.example", "abab.example", true);
	matches("*ab*ab*.example", "aab.example", false);
	matches("*aba*aba*.example", "ababa.example", false);
	matches("*aba*aba*.example", "abaaba.example", true);
	matches("a*b*b.example", "ab.example", false); /* the suffix is not the middle */
	matches("a*b*b.example", "abb.example", true);
	matches("*1*.*2*.example", "x1.2x.example", true);
	matches("*1*.*2*.example", "x2.1x.example", false);
	matches("*aab*.example", "aaab.example", true);
}

/* "*a*a*a*" over 63 times "a" has thousands of ways to match: one is enough. */
static void stars_do_not_multiply(void **state)
{
	char text[80], pattern[80];

	(void)state;
	memset(text, 'a', 63);
	strcpy(text + 63, ".example");
	matches("*a*a*a*.example", text, true);
	matches("*aa*aa*aa*.example", text, true);
	matches("*a*a*b*.example", text, false);
	memset(pattern, 'a', 63);
	strcpy(pattern + 63, "*.example"); /* 63 literal characters and a star of zero */
	matches(pattern, text, true);
}

static void refused(const char *text, const char *part)
{
	const char *why = NULL;
	struct dns_name name = name_of("a.example");

	if (pattern_check(text, &why) != -EINVAL)
		fail_msg("\"%s\" was accepted", text);
	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("\"%s\" was refused with: %s", text, why);
	assert_int_equal(pattern_matches(text, &name), 0);
}

static void check_refuses_what_cannot_be_meant(void **state)
{
	(void)state;
	refused("", "empty");
	refused(".", "empty");
	refused("..", "label is empty");
	refused(".a.example", "label is empty");
	refused("a..example", "label is empty");
	refused("a.example..", "label is empty");
	refused("*", "`*` alone");
	refused("*.", "`*` alone");
	refused("**", "one star");
	refused("**.example", "one star");
	refused("a**b.example", "one star");
	refused("a.*", "top-level");
	refused("a.ex*", "top-level");
	refused("*.*", "top-level");
	refused("<tenant>.sharepoint.com", "placeholder");
	refused("{tenant}.sharepoint.com", "placeholder");
	refused("https://a.example/", "URL");
	refused("a.example/path", "URL");
	refused("a.example:443", "port");
	refused("2001:db8::1", "address");
	refused("192.0.2.1", "address");
	refused("*.168", "address");
	refused("user@a.example", "mail");
	refused("a.example b.example", "one name");
	refused("a.example,b.example", "one name");
	refused("a.example\n", "only letters");
	refused("a\\.example", "only letters");
	refused("a#.example", "only letters");
	refused("b\xc3\xbc"
		"cher.example",
		"xn--");
	refused("*a*b*c*d*.example", "four");
	refused("*a.*b.*c.*d.*e.example", "four");
}

static void check_bounds_lengths(void **state)
{
	char text[300];
	const char *why;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
	text[63] = 'a';
	text[64] = '\0';
	refused(text, "63");
	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[253] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
	text[253] = 'a';
	text[254] = '\0';
	refused(text, "255");
	memcpy(text, "*.", 2); /* the star stands for at least one character */
	text[253] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
	text[253] = 'a';
	refused(text, "255");
}

static void check_accepts_what_is_written_in_documents(void **state)
{
	const char *const texts[] = { "*.manage.microsoft.com",
				      "manage.microsoft.com",
				      "*cdn.onenote.net",
				      "autodiscover.*.onmicrosoft.com",
				      "autodiscover-*.outlook.com",
				      "*-files.sharepoint.com",
				      "payloadprod*.blob.core.windows.net",
				      "_sipfederationtls._tcp.example.com",
				      "xn--bcher-kva.example",
				      "1.2.example",
				      "*.com",
				      "localhost",
				      "*.a.*.b.example",
				      "*.*a.*b.*c.*d.example",
				      "A.EXAMPLE.",
				      "4.xn--p1ai" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const char *why = NULL;

		if (pattern_check(texts[i], &why) != 0)
			fail_msg("%s: %s", texts[i], why);
	}
}

static struct pattern_set *build(struct arena *arena, const struct pattern *patterns, size_t count)
{
	struct pattern_set *set = pattern_set_build(arena, &key, patterns, count);

	assert_non_null(set);
	return set;
}

static void all_that_match_are_told_in_order(void **state)
{
	const struct pattern patterns[] = { { "*.example", 9 },   { "a.b.example", 3 },  { "*.b.example", 5 },
					    { "a.*.example", 1 }, { "a*.b.example", 7 }, { "A.B.example", 4 },
					    { "a.b.example", 3 }, { "c.example", 2 } };
	const uint32_t expected[] = { 1, 3, 4, 5, 7, 9 };
	struct arena *arena = arena_new();
	struct pattern_set *set = build(arena, patterns, 8);
	struct dns_name name = name_of("a.b.example");
	uint32_t values[16];
	int over = -1;

	(void)state;
	assert_int_equal(pattern_set_match(set, &name, values, 16, &over), 6);
	assert_memory_equal(values, expected, sizeof(expected));
	assert_int_equal(over, 0);
	assert_int_equal(pattern_set_match(set, &name, values, 6, &over), 6);
	assert_int_equal(over, 0);
	arena_free(arena);
}

static void a_pattern_that_stands_there_twice_takes_no_room(void **state)
{
	const struct pattern patterns[] = {
		{ "*.example", 1 }, { "*.example", 1 }, { "a.example", 1 }, { "*.EXAMPLE", 1 }
	};
	struct arena *arena = arena_new();
	struct pattern_set *set = build(arena, patterns, 4);
	struct dns_name name = name_of("a.example");
	uint32_t value;
	int over = -1;

	(void)state;
	assert_int_equal(pattern_set_match(set, &name, &value, 1, &over), 1);
	assert_int_equal(over, 0);
	arena_free(arena);
}

static void one_value_of_several_patterns_is_told_once(void **state)
{
	const struct pattern patterns[] = { { "*.example", 1 }, { "a.example", 1 }, { "a*.example", 1 } };
	struct arena *arena = arena_new();
	struct pattern_set *set = build(arena, patterns, 3);
	struct dns_name name = name_of("a.example");
	uint32_t values[4];
	int over = -1;

	(void)state;
	assert_int_equal(pattern_set_match(set, &name, values, 4, &over), 1);
	assert_int_equal(over, 0);
	arena_free(arena);
}

static void too_many_values_keep_the_smallest_and_say_so(void **state)
{
	struct pattern patterns[200];
	struct arena *arena = arena_new();
	struct pattern_set *set;
	struct dns_name name = name_of("a.example");
	uint32_t values[LIMIT_NAME_MATCHES + 1];
	int over = 0;

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		patterns[i] = (struct pattern) { i % 2 ? "*.example" : "a.example", 1000 - i };
	set = build(arena, patterns, 200);
	values[LIMIT_NAME_MATCHES] = 77;
	assert_int_equal(pattern_set_match(set, &name, values, LIMIT_NAME_MATCHES, &over), LIMIT_NAME_MATCHES);
	assert_int_equal(over, 1);
	for (uint32_t i = 0; i < LIMIT_NAME_MATCHES; i++)
		assert_int_equal(values[i], 801 + i);
	assert_int_equal(values[LIMIT_NAME_MATCHES], 77);
	over = 0;
	assert_int_equal(pattern_set_match(set, &name, values, 0, &over), 0);
	assert_int_equal(over, 1);
	set = build(arena, patterns, LIMIT_NAME_MATCHES + 2); /* half at each of two nodes: only together too many */
	assert_int_equal(pattern_set_match(set, &name, values, LIMIT_NAME_MATCHES, &over), LIMIT_NAME_MATCHES);
	assert_int_equal(over, 1);
	assert_int_equal(values[0], 1000 - LIMIT_NAME_MATCHES - 1);
	assert_int_equal(values[LIMIT_NAME_MATCHES - 1], 998);
	arena_free(arena);
}

/* 64 prefixes and 64 suffixes of "aaaa" all match: more places than a lookup may visit. */
static void too_many_visits_end_the_lookup_and_say_so(void **state)
{
	static char texts[64 * 64][144];
	static struct pattern patterns[64 * 64];
	struct arena *arena = arena_new();
	struct pattern_set *set;
	char text[80];
	struct dns_name name;
	static uint32_t values[64 * 64]; /* room enough: it is the visits that run out */
	size_t count = 0;
	int over = 0;

	(void)state;
	for (int prefix = 0; prefix < 63; prefix++)
		for (int suffix = 0; prefix + suffix < 63; suffix++) {
			snprintf(texts[count], sizeof(texts[count]), "%.*s*%.*s.example", prefix,
				 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", suffix,
				 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
			patterns[count] = (struct pattern) { texts[count], (uint32_t)count };
			count++;
		}
	set = build(arena, patterns, count);
	memset(text, 'a', 63);
	strcpy(text + 63, ".example");
	name = name_of(text);
	assert_true(pattern_set_match(set, &name, values, 64 * 64, &over) <= LIMIT_PATTERN_VISITS);
	assert_int_equal(over, 1);
	name = name_of("b.example"); /* another name is not hurt */
	assert_int_equal(pattern_set_match(set, &name, values, 64 * 64, &over), 1);
	assert_int_equal(over, 0);
	arena_free(arena);
}

#define SIXTY_THREE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* One visit for "example", one for the exact label, one for each of two prefixes and two for each of 126 suffixes: all
 * that a lookup may make. A third prefix, which leads nowhere, is one too many. */
static void the_last_visit_is_made_and_the_next_is_not(void **state)
{
	static char texts[126][80];
	struct pattern patterns[128] = { { SIXTY_THREE ".example", 126 }, { "aa*b.example", 127 } };
	struct dns_name name = name_of(SIXTY_THREE ".example");
	struct arena *arena = arena_new();
	uint32_t values[128];
	int over = -1;

	(void)state;
	_Static_assert(LIMIT_PATTERN_VISITS == 1 + 1 + 2 + 2 * 126, "the patterns below are counted out");
	for (int i = 0; i < 126; i++) {
		int prefix = i / 63, suffix = i % 63 + (prefix == 0); /* "*.example" would be no label */

		snprintf(texts[i], sizeof(texts[i]), "%.*s*%.*s.example", prefix, SIXTY_THREE, suffix, SIXTY_THREE);
		patterns[2 + i] = (struct pattern) { texts[i], (uint32_t)i };
	}
	assert_int_equal(pattern_set_match(build(arena, patterns, 128), &name, values, 128, &over), 126);
	assert_int_equal(over, 1);
	patterns[1] = patterns[0];
	assert_int_equal(pattern_set_match(build(arena, patterns + 1, 127), &name, values, 128, &over), 127);
	assert_int_equal(over, 0);
	for (uint32_t i = 0; i < 127; i++)
		assert_int_equal(values[i], i);
	arena_free(arena);
}

static void empty_set_matches_nothing(void **state)
{
	struct arena *arena = arena_new();
	struct pattern_set *set = build(arena, NULL, 0);
	struct dns_name name = name_of("a.example"), root = name_of(".");
	uint32_t values[1];
	int over = -1;

	(void)state;
	assert_int_equal(pattern_set_match(set, &name, values, 1, &over), 0);
	assert_int_equal(over, 0);
	assert_int_equal(pattern_set_match(set, &root, values, 1, &over), 0);
	assert_int_equal(pattern_set_is_apex(set, &root), 0);
	arena_free(arena);
}

static void apex_is_known(void **state)
{
	const struct pattern patterns[] = { { "*.manage.microsoft.com", 1 },
					    { "a.example", 2 },
					    { "*.x-*.example", 3 } };
	struct arena *arena = arena_new();
	struct pattern_set *set = build(arena, patterns, 3);
	const char *const apexes[] = { "manage.microsoft.com", "MANAGE.microsoft.com", "x-1.example" };
	const char *const others[] = { "microsoft.com", "a.manage.microsoft.com", "a.example", "example", ".",
				       "x.example" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct dns_name name = name_of(apexes[i]);

		assert_int_equal(pattern_set_is_apex(set, &name), 1);
	}
	for (size_t i = 0; i < 6; i++) {
		struct dns_name name = name_of(others[i]);

		assert_int_equal(pattern_set_is_apex(set, &name), 0);
	}
	arena_free(arena);
}

/* ---- Random patterns and names against the oracle ---- */

static uint64_t random_state;

static unsigned int pick(unsigned int below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned int)(random_state >> 33) % below;
}

static size_t random_label(char *out, const char *alphabet, unsigned int longest)
{
	size_t length = 1 + pick(longest);

	for (size_t i = 0; i < length; i++)
		out[i] = alphabet[pick((unsigned int)strlen(alphabet))];
	out[length] = '\0';
	return length;
}

/* Few letters, few labels: so that much matches. */
static void random_text(char *out, const char *alphabet)
{
	unsigned int labels = pick(4);

	out[0] = '\0';
	for (unsigned int i = 0; i < labels; i++) {
		out += random_label(out, alphabet, 4);
		*out++ = '.';
	}
	strcpy(out, pick(2) ? "aa" : "example");
}

static void set_agrees_with_the_oracle(const struct pattern *patterns, size_t count, const struct pattern_set *set,
				       const char *text)
{
	struct dns_name name = name_of(text);
	static uint32_t values[4096];
	size_t found, next = 0;
	int over;

	found = pattern_set_match(set, &name, values, 4096, &over);
	if (over)
		return; /* tested above */
	for (size_t i = 0; i < count; i++) {
		bool told = next < found && values[next] == patterns[i].value;

		if (pattern_matches(patterns[i].text, &name) != told)
			fail_msg("%s and %s: the set says %d", patterns[i].text, text, told);
		next += told;
	}
	assert_int_equal(next, found);
}

static void random_patterns_agree(size_t patterns, unsigned int sets, unsigned int names)
{
	char(*texts)[32] = calloc(patterns, sizeof(*texts));
	struct pattern *list = calloc(patterns, sizeof(*list));
	const char *why;

	assert_true(texts && list);
	while (sets-- > 0) {
		struct arena *arena = arena_new();
		struct pattern_set *set;

		for (size_t i = 0; i < patterns; i++) {
			do
				random_text(texts[i], pick(3) ? "ab" : "ab*");
			while (pattern_check(texts[i], &why) != 0);
			list[i] = (struct pattern) { texts[i], (uint32_t)i };
		}
		set = build(arena, list, patterns);
		for (unsigned int i = 0; i < names; i++) {
			char text[64];

			random_text(text, "abA");
			set_agrees_with_the_oracle(list, patterns, set, text);
		}
		arena_free(arena);
	}
	free(texts);
	free(list);
}

static void seed_once(void)
{
	const char *given = getenv("NFQDN_TEST_SEED");

	random_state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	print_message("# NFQDN_TEST_SEED=%llu\n", (unsigned long long)random_state);
}

static void random_small_sets_agree(void **state)
{
	(void)state;
	seed_once();
	random_patterns_agree(20, 500, 50);
}

static void ten_thousand_patterns_agree(void **state)
{
	static char texts[10000][48];
	static struct pattern list[10000];
	const char *const forms[] = { "a%03u-*.example.com", "*-%03u.example.com", "x*%03u.example.com",
				      "n%u.example.com",     "*.d%u.example.com",  "*m%u*.example.com" };
	const char *const names[] = { "a%03u-%u.example.com", "%u-%03u.example.com",  "x%u%03u.example.com",
				      "n%u.example.com",      "q.d%u.example.com",    "xm%ux.example.com",
				      "d%u.example.com",      "x%u-%03u.example.com", "am%u-%u.example.org" };
	struct arena *arena = arena_new();
	struct pattern_set *set;

	(void)state;
	seed_once();
	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(texts[i], sizeof(texts[i]), forms[i % 6], i / 6);
		list[i] = (struct pattern) { texts[i], i };
	}
	set = build(arena, list, 10000);
	for (unsigned int i = 0; i < 200; i++) {
		char text[64];

		snprintf(text, sizeof(text), names[pick(9)], pick(2000), pick(2000));
		set_agrees_with_the_oracle(list, 10000, set, text);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_names_match_alone),
		cmocka_unit_test(leading_star_matches_any_depth_but_not_the_apex),
		cmocka_unit_test(a_label_boundary_is_needed),
		cmocka_unit_test(dots_and_nul_in_a_label_are_no_separators),
		cmocka_unit_test(star_inside_a_label_stays_in_it),
		cmocka_unit_test(whole_star_label_is_one_label_unless_leading),
		cmocka_unit_test(several_stars_in_a_label),
		cmocka_unit_test(stars_do_not_multiply),
		cmocka_unit_test(check_refuses_what_cannot_be_meant),
		cmocka_unit_test(check_bounds_lengths),
		cmocka_unit_test(check_accepts_what_is_written_in_documents),
		cmocka_unit_test(all_that_match_are_told_in_order),
		cmocka_unit_test(a_pattern_that_stands_there_twice_takes_no_room),
		cmocka_unit_test(one_value_of_several_patterns_is_told_once),
		cmocka_unit_test(too_many_values_keep_the_smallest_and_say_so),
		cmocka_unit_test(too_many_visits_end_the_lookup_and_say_so),
		cmocka_unit_test(the_last_visit_is_made_and_the_next_is_not),
		cmocka_unit_test(empty_set_matches_nothing),
		cmocka_unit_test(apex_is_known),
		cmocka_unit_test(random_small_sets_agree),
		cmocka_unit_test(ten_thousand_patterns_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
