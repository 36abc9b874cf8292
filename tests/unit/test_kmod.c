/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: kmod-optional/fqdn_judge.o kmod-optional/fqdn_parse.o kmod-optional/fqdn_pattern.o kmod-optional/fqdn_cache.o kmod-optional/fqdn_selftest.o */
/* LINK: base/hash.o */
/* The kernel module's decision, outside the kernel. Its parser and patterns are compared with nfqdnd's own in
 * tests/dns/kmod_diff.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "kmod-optional/fqdn_judge.h"
#include "kmod-optional/fqdn_selftest.h"

#define NODES 64

static const struct fqdn_key key = { 1, 2 };
static struct fqdn_node nodes[NODES];
static struct fqdn_slot slots[2 * NODES];
static struct fqdn_bucket names[2], known[2];
static struct fqdn_table table;

/* www.example.com A 20.1.2.3 with TTL 60 */
static const uint8_t answer[] = {
	0, 1,   0x81, 0x80, 0,    1,   0,   1,   0,   0,   0,   0, /* header */
	3, 'w', 'W',  'w',  7,    'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, /* question */
	0, 1,   0,    1,    0xc0, 12,  0,   1,   0,   1,   0,   0,   0, 60,  0,   4,   20, 1, 2, 3
};
#define TTL_AT (sizeof(answer) - 7)
static const uint8_t wire_name[] = "\3www\7example\3com";

static int set_up(void **state)
{
	(void)state;
	memset(nodes, 0, sizeof(nodes));
	memset(slots, 0, sizeof(slots));
	memset(names, 0, sizeof(names));
	memset(known, 0, sizeof(known));
	table = (struct fqdn_table) { .names = { 1, names }, .known = { 1, known } };
	fqdn_pattern_init(&table.patterns, &key, nodes, slots, NODES);
	return 0;
}

static void allow(const char *pattern)
{
	assert_int_equal(fqdn_pattern_add(&table.patterns, pattern, strlen(pattern)), 0);
}

static uint64_t name_hash(void)
{
	return fqdn_hash(&key, wire_name, sizeof(wire_name));
}

static enum fqdn_verdict judge(const uint8_t *message, size_t length, int64_t now)
{
	struct fqdn_question question;
	enum fqdn_verdict verdict = fqdn_judge_question(&table, message, length, now, &question);

	return verdict == FQDN_MATCHED ? fqdn_judge_answer(&table, message, length, &question, now) : verdict;
}

static struct fqdn_digest digest_of(const uint8_t *message, size_t length)
{
	struct fqdn_question question;
	struct fqdn_digest digest;

	assert_int_equal(fqdn_read_question(message, length, &question), 0);
	assert_int_equal(fqdn_read_digest(message, length, &question, &key, &digest), 0);
	return digest;
}

static void passes_its_selftest(void **state)
{
	const char *wrong = fqdn_selftest();

	(void)state;
	if (wrong)
		fail_msg("%s", wrong);
}

/* nfqdnd sends hashes that the module compares with its own. */
static void hashes_as_nfqdnd_does(void **state)
{
	const struct hash_key ours = { 0x1122334455667788, 0x99aabbccddeeff00 };
	const struct fqdn_key theirs = { ours.k0, ours.k1 };
	uint8_t octets[64];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++) {
		octets[i] = (uint8_t)(i * 7);
		assert_int_equal(hash_bytes(&ours, octets, i), fqdn_hash(&theirs, octets, i));
	}
}

static void passes_what_no_pattern_matches(void **state)
{
	(void)state;
	allow("*.example.net");
	assert_int_equal(judge(answer, sizeof(answer), 1), FQDN_UNRELATED);
	allow("WWW.example.com.");
	assert_int_equal(judge(answer, sizeof(answer), 1), FQDN_LEFT);
}

static void refuses_what_is_no_pattern(void **state)
{
	char text[FQDN_PATTERN_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 50; i < sizeof(text); i += 50)
		text[i] = '.';
	assert_int_equal(fqdn_pattern_add(&table.patterns, text, FQDN_PATTERN_MAX + 1), -EINVAL);
	assert_int_equal(fqdn_pattern_add(&table.patterns, "", 0), -EINVAL);
	assert_int_equal(fqdn_pattern_add(&table.patterns, "*", 1), -EINVAL);
	assert_int_equal(fqdn_pattern_add(&table.patterns, "a..b", 4), -EINVAL);
	assert_int_equal(fqdn_pattern_add(&table.patterns, "a\0b", 3), -EINVAL);
	assert_int_equal(fqdn_pattern_add(&table.patterns, "a/b", 3), -EINVAL);
	assert_int_equal(fqdn_pattern_add(&table.patterns, "*a*a*a*a*a*.com", 15), -EINVAL);
}

static void tells_when_nodes_are_too_few(void **state)
{
	char text[] = "aa.com";
	int error = 0;

	(void)state;
	for (unsigned int i = 0; i < NODES && !error; i++) {
		text[0] = (char)('a' + i % 26);
		text[1] = (char)('a' + i / 26);
		error = fqdn_pattern_add(&table.patterns, text, 6);
	}
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(table.patterns.node_count, NODES);
	assert_int_equal(judge(answer, sizeof(answer), 1), FQDN_UNRELATED);
}

/* As many hashes as a label of 63 octets can cost and more: the answer is left, not passed. */
static void leaves_a_lookup_that_takes_too_long(void **state)
{
	static struct fqdn_node many[8192];
	static struct fqdn_slot many_slots[16384];
	uint8_t message[sizeof(answer) + 64] = { 0 };
	char text[80];

	(void)state;
	fqdn_pattern_init(&table.patterns, &key, many, many_slots, 8192);
	memset(text, 'a', sizeof(text));
	for (unsigned int prefix = 1; prefix < 30; prefix++)
		for (unsigned int suffix = 1; suffix < 30; suffix++) {
			text[prefix] = '*';
			memcpy(text + prefix + 1 + suffix, ".b.com", 6);
			assert_int_equal(fqdn_pattern_add(&table.patterns, text, prefix + suffix + 7), 0);
			memset(text, 'a', sizeof(text));
		}
	memcpy(message, answer, 12);
	message[12] = 1, message[13] = 'x', message[14] = 63;
	memset(message + 15, 'a', 63);
	memcpy(message + 78, "\1b\3com\0\0\1\0\1", 11);
	assert_int_equal(judge(message, 89, 1), FQDN_LEFT);
}

static void leaves_derived_names_until_their_end(void **state)
{
	(void)state;
	fqdn_judge_add_name(&table, name_hash(), 1000, 1);
	assert_int_equal(judge(answer, sizeof(answer), 999), FQDN_LEFT);
	assert_int_equal(judge(answer, sizeof(answer), 1000), FQDN_UNRELATED);
}

static void leaves_every_name_when_a_derived_one_does_not_fit(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 17; i++)
		fqdn_judge_add_name(&table, i, 1000 + (int64_t)i, 1);
	assert_int_equal(judge(answer, sizeof(answer), 1000), FQDN_LEFT);
	assert_int_equal(judge(answer, sizeof(answer), 1018), FQDN_UNRELATED);
}

/* The TTL must end before the entry does: a resolver's cache counts down, a fresh answer is longer. */
static void passes_known_answers_as_long_as_their_ttl_fits(void **state)
{
	struct fqdn_digest digest = digest_of(answer, sizeof(answer));
	uint8_t other[sizeof(answer)];

	(void)state;
	allow("*.com");
	assert_int_equal(digest.ttl, 60);
	assert_int_equal(judge(answer, sizeof(answer), 1), FQDN_LEFT);
	fqdn_cache_add(&table.known, name_hash(), digest.digest, 61000, 1, true);
	assert_int_equal(judge(answer, sizeof(answer), 1000), FQDN_KNOWN);
	assert_int_equal(judge(answer, sizeof(answer), 1001), FQDN_LEFT);
	memcpy(other, answer, sizeof(answer));
	other[TTL_AT] = 30;
	other[0] = 77; /* another id */
	assert_int_equal(judge(other, sizeof(other), 31000), FQDN_KNOWN);
	other[sizeof(other) - 1] = 4; /* another address */
	assert_int_equal(judge(other, sizeof(other), 1), FQDN_LEFT);
	fqdn_cache_clear(&table.known);
	assert_int_equal(judge(answer, sizeof(answer), 1), FQDN_LEFT);
}

static void a_full_bucket_gives_up_what_ends_first(void **state)
{
	struct fqdn_cache cache = { 0, known };

	(void)state;
	for (uint64_t i = 1; i <= FQDN_WAYS; i++)
		assert_int_equal(fqdn_cache_add(&cache, i, 0, 100 + (int64_t)i, 1, false), 0);
	assert_int_equal(fqdn_cache_add(&cache, 9, 0, 500, 1, false), -ENOSPC);
	assert_int_equal(fqdn_cache_add(&cache, 9, 0, 500, 1, true), 0);
	assert_int_equal(fqdn_cache_until(&cache, 9, 0), 500);
	assert_int_equal(fqdn_cache_until(&cache, 1, 0), 0);
	assert_int_equal(fqdn_cache_add(&cache, 10, 0, 600, 102, false), 0);
	assert_int_equal(fqdn_cache_until(&cache, 2, 0), 0);
	assert_int_equal(fqdn_cache_add(&cache, 10, 0, 700, 102, false), 0);
	assert_int_equal(fqdn_cache_until(&cache, 10, 0), 700);
	assert_int_equal(fqdn_cache_until(&cache, 3, 0), 103);
}

static void leaves_what_is_long_or_full(void **state)
{
	static uint8_t message[FQDN_MESSAGE_MAX + 1];
	struct fqdn_question question;
	struct fqdn_digest digest;

	(void)state;
	memcpy(message, answer, sizeof(answer));
	assert_int_equal(fqdn_read_question(message, sizeof(message), &question), 0);
	assert_int_equal(fqdn_read_digest(message, FQDN_MESSAGE_MAX, &question, &key, &digest), 0);
	assert_int_equal(fqdn_read_digest(message, FQDN_MESSAGE_MAX + 1, &question, &key, &digest), -EINVAL);
	for (unsigned int i = 1; i < 66; i++) /* records of the root */
		message[sizeof(answer) + 11 * (i - 1) + 2] = 16;
	question.additionals = FQDN_RECORDS_MAX - 1;
	assert_int_equal(fqdn_read_digest(message, FQDN_MESSAGE_MAX, &question, &key, &digest), 0);
	question.additionals = FQDN_RECORDS_MAX;
	assert_int_equal(fqdn_read_digest(message, FQDN_MESSAGE_MAX, &question, &key, &digest), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_its_selftest),
		cmocka_unit_test(hashes_as_nfqdnd_does),
		cmocka_unit_test_setup(passes_what_no_pattern_matches, set_up),
		cmocka_unit_test_setup(refuses_what_is_no_pattern, set_up),
		cmocka_unit_test_setup(tells_when_nodes_are_too_few, set_up),
		cmocka_unit_test_setup(leaves_a_lookup_that_takes_too_long, set_up),
		cmocka_unit_test_setup(leaves_derived_names_until_their_end, set_up),
		cmocka_unit_test_setup(leaves_every_name_when_a_derived_one_does_not_fit, set_up),
		cmocka_unit_test_setup(passes_known_answers_as_long_as_their_ttl_fits, set_up),
		cmocka_unit_test_setup(a_full_bucket_gives_up_what_ends_first, set_up),
		cmocka_unit_test_setup(leaves_what_is_long_or_full, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
