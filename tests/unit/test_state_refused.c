/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: tests/unit/state/bench.o */
/* LINK: learn/state.o learn/state_read.o learn/state_text.o learn/restore.o learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o */
/* LINK: learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_share.o */
/* LINK: dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o policy/value.o base/counters.o base/histogram.o base/hash.o base/lru.o */
/* LINK: base/ipaddr.o tests/unit/fake_element.o tests/unit/fake_policy.o */
/* Files that are refused: cut, changed, of another version, beyond a limit, none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/counters.h"
#include "learn/restore.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"
#include "tests/unit/state/bench.h"

static struct bench *bench_small(void)
{
	struct bench *bench = bench_new(100);
	struct element_key key = bench_key(9, 1, 443);
	struct dns_name name = bench_name("\\000\\255.example.com");

	bench_allow_all(bench);
	bench_learn(bench, 1, "www.example.com", 300000);
	bench_learn(bench, 2, "www.example.com", 400000);
	bench_learn_key(bench, &key, &name, 5, 86400000);
	bench_save(bench);
	bench_reboot(bench);
	return bench;
}

static void expect_refused(struct bench *bench, const char *what)
{
	uint64_t refused = counters.state_refused;
	const char *why = NULL;

	assert_int_equal(bench_load_why(bench, BENCH_WALL, false, &why), -EBADMSG);
	assert_int_equal(counters.state_refused, refused + 1);
	assert_non_null(why);
	assert_int_equal(store_count(bench->store), 0);
	assert_int_equal(fake_table_count(bench->kernel), 0);
	if (what)
		assert_non_null(strstr(why, what));
}

static void test_truncated(void **state)
{
	struct bench *bench = bench_small();
	size_t length;
	char *text = bench_read_file(bench, &length);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		bench_write_file(bench, text, i);
		expect_refused(bench, NULL);
	}
	bench_write_file(bench, text, length);
	assert_int_equal(bench_load(bench, BENCH_WALL), 0);
	assert_int_equal(store_count(bench->store), 3);
	free(text);
	bench_free(bench);
}

static void test_flipped(void **state)
{
	struct bench *bench = bench_small();
	size_t length;
	char *text = bench_read_file(bench, &length);

	(void)state;
	for (size_t i = 0; i < length; i++)
		for (int bit = 0; bit < 8; bit++) {
			text[i] ^= (char)(1 << bit);
			bench_write_file(bench, text, length);
			expect_refused(bench, NULL);
			text[i] ^= (char)(1 << bit);
		}
	text[length] = '\n';
	bench_write_file(bench, text, length + 1);
	expect_refused(bench, "behind its end");
	free(text);
	bench_free(bench);
}

/* A whole file of these lines, with a lawful end. */
static void write_lines(struct bench *bench, const char *head, const char *records)
{
	struct state_writer writer;
	char *text = malloc(1 << 20), end[LIMIT_STATE_LINE];
	struct state_reader reader = { 0 };
	struct state_record *record = malloc(sizeof(*record));
	const char *why;
	size_t used = (size_t)sprintf(text, "%s\n%s", head, records);

	for (const char *at = text; *at; at = strchr(at, '\n') + 1)
		state_text_line(&reader, at, strcspn(at, "\n"), record, &why);
	writer = (struct state_writer) { reader.sum, reader.count };
	memcpy(text + used, end, state_text_end(&writer, end));
	used += state_text_end(&writer, text + used);
	bench_write_file(bench, text, used);
	free(record);
	free(text);
}

static void test_versions(void **state)
{
	struct bench *bench = bench_small();

	(void)state;
	write_lines(bench, "nfqdn-learned 1 1700000000", "");
	assert_int_equal(bench_load(bench, BENCH_WALL), 0);
	write_lines(bench, "nfqdn-learned 0 1700000000", "");
	expect_refused(bench, "older version");
	write_lines(bench, "nfqdn-learned 2 what comes then is not known now", "");
	expect_refused(bench, "newer version");
	write_lines(bench, "nfqdn-learned 1 -5", "");
	expect_refused(bench, "first line");
	write_lines(bench, "something else", "");
	expect_refused(bench, "not a list");
	bench_free(bench);
}

static void test_strict(void **state)
{
	static const char *const bad[] = {
		"",
		"element",
		"element - 198.0.0.1 tcp/443 300 60",
		"element - 198.0.0.1 tcp/443 300 60 ",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com ",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com 60 ",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com 60 b",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com -1",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com 4294967296",
		"element - 198.0.0.1 tcp/443 300 060 www.example.com 60",
		"element - 198.0.0.1 tcp/443 +300 60 www.example.com 60",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com. 60",
		"element - 198.0.0.1 tcp/443 300 60 WWW.example.com 60",
		"element - 198.0.0.1 tcp/443 300 60 \\119ww.example.com 60",
		"element - 198.0.0.1 tcp/443 300 60 www..example.com 60",
		"element - 198.0.0.1 tcp/0443 300 60 www.example.com 60",
		"element - 198.0.0.1 tcp/440-443 300 60 www.example.com 60",
		"element - 198.0.0.1 tcp/0 300 60 www.example.com 60",
		"element - 198.0.0.1 sctp/443 300 60 www.example.com 60",
		"element - 198.0.0.01 tcp/443 300 60 www.example.com 60",
		"element - 198.0.0.1/32 tcp/443 300 60 www.example.com 60",
		"element - 2001:DB8::1 tcp/443 300 60 www.example.com 60",
		"element  198.0.0.1 tcp/443 300 60 www.example.com 60",
		"element - 198.0.0.1  tcp/443 300 60 www.example.com 60",
		" element - 198.0.0.1 tcp/443 300 60 www.example.com 60",
		"Element - 198.0.0.1 tcp/443 300 60 www.example.com 60",
		"element - 198.0.0.1 tcp/443 300 60 www.example.com 60\r",
	};
	static const char good[] = "element - 198.0.0.1 tcp/443 300 60 www.example.com 60";
	struct state_record record;

	(void)state;
	assert_int_equal(state_text_parse(good, strlen(good), &record), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (state_text_parse(bad[i], strlen(bad[i]), &record) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
}

static void test_limits(void **state)
{
	struct bench *bench = bench_small();
	struct state_record *record = malloc(sizeof(*record));
	struct state_reader reader = { .stage = STATE_RECORDS, .count = LIMIT_STATE_RECORDS };
	static const char line[] = "element - 198.0.0.1 tcp/443 300 60 www.example.com 60";
	char *text = malloc(4 * LIMIT_STATE_LINE);
	const char *why;
	size_t used;

	(void)state;
	/* records */
	assert_int_equal(state_text_line(&reader, line, strlen(line), record, &why), -EBADMSG);
	assert_string_equal(why, "it holds more records than the limit");
	reader.count--;
	assert_int_equal(state_text_line(&reader, line, strlen(line), record, &why), 1);
	/* a line */
	used = (size_t)sprintf(text, "nfqdn-learned 1 1700000000\n");
	memset(text + used, 'x', 3 * LIMIT_STATE_LINE);
	bench_write_file(bench, text, used + LIMIT_STATE_LINE - 1);
	expect_refused(bench, "cut short");
	bench_write_file(bench, text, used + 3 * LIMIT_STATE_LINE);
	expect_refused(bench, "too long");
	text[used + 2 * LIMIT_STATE_LINE] = '\n';
	bench_write_file(bench, text, used + 3 * LIMIT_STATE_LINE);
	expect_refused(bench, "too long");
	assert_int_equal(state_text_parse(text + used, 2 * LIMIT_STATE_LINE, record), -EBADMSG);
	/* names */
	used = (size_t)sprintf(text, "element - 198.0.0.1 tcp/443 300 60");
	for (int i = 0; i < LIMIT_ELEMENT_NAMES; i++)
		used += (size_t)sprintf(text + used, " n%d.example.com 60", i);
	assert_int_equal(state_text_parse(text, used, record), 0);
	used += (size_t)sprintf(text + used, " more.example.com 60");
	assert_int_equal(state_text_parse(text, used, record), -EBADMSG);
	free(text);
	free(record);
	bench_free(bench);
}

/* The longest line that can be written is read again. */
static void test_longest_line(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = bench_key(1, 1, 443);
	struct dns_name name = { .length = 255 };
	char group[49];
	size_t length;

	(void)state;
	memset(group, 'g', sizeof(group) - 1);
	group[sizeof(group) - 1] = '\0';
	bench->fake.groups[1].name = group;
	bench_allow_all(bench);
	for (int i = 0, at = 0; i < 4; i++, at += 64) {
		name.octets[at] = i < 3 ? 63 : 61;
		memset(name.octets + at + 1, 0xff, i < 3 ? 63 : 61);
	}
	for (int i = 0; i < LIMIT_ELEMENT_NAMES; i++) {
		name.octets[1] = (uint8_t)i;
		bench_learn_key(bench, &key, &name, UINT32_MAX, INT64_C(1000) * UINT32_MAX);
	}
	bench_save(bench);
	free(bench_read_file(bench, &length));
	assert_in_range(length, 16000, LIMIT_STATE_LINE + 100);
	bench_reboot(bench);
	assert_int_equal(bench_load(bench, BENCH_WALL), 0);
	assert_int_equal(bench->restore.taken, 1);
	bench_free(bench);
}

static void test_no_file(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	assert_int_equal(bench_load(bench, BENCH_WALL), -ENOENT);
	assert_int_equal(mkdir(bench->path, 0700), 0);
	assert_int_equal(bench_load(bench, BENCH_WALL), -EINVAL);
	assert_int_equal(rmdir(bench->path), 0);
	assert_int_equal(mkfifo(bench->path, 0600), 0);
	assert_int_equal(bench_load(bench, BENCH_WALL), -EINVAL);
	assert_int_equal(unlink(bench->path), 0);
	assert_int_equal(symlink("/etc/hostname", bench->path), 0);
	assert_int_equal(bench_load(bench, BENCH_WALL), -ELOOP);
	assert_int_equal(counters.state_refused, 0);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_flipped), cmocka_unit_test(test_versions),
		cmocka_unit_test(test_strict),    cmocka_unit_test(test_limits),  cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
