/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/state.o learn/state_read.o learn/state_text.o learn/restore.o learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o */
/* LINK: learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_share.o */
/* LINK: dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o policy/value.o base/counters.o base/histogram.o base/hash.o base/lru.o */
/* LINK: base/ipaddr.o tests/unit/fake_element.o tests/unit/fake_policy.o */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "learn/restore.h"
#include "learn/state.h"
#include "tests/unit/fake_element.h"
#include "tests/unit/fake_policy.h"

#define WALL 1700000000000

static const struct hash_key hash_key = { 5, 6 };

struct bench {
	struct fake_policy fake;
	struct config config;
	struct store *store;
	struct table *kernel;
	struct snoop *snoop;
	struct monotime now;
	char folder[64], path[96];
	struct restore restore;
};

static struct bench *bench_new(size_t limit)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	memset(&counters, 0, sizeof(counters));
	fake_policy_init(&bench->fake);
	bench->fake.policy.config = &bench->config;
	bench->fake.policy.group_count = 2;
	bench->fake.groups[1].name = "kids";
	/* in memory where there is such a place: each file written is synced */
	snprintf(bench->folder, sizeof(bench->folder), "%s/nfqdn-test-state-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(bench->folder));
	snprintf(bench->path, sizeof(bench->path), "%s/learned", bench->folder);
	bench->config.state = bench->folder;
	bench->now.msec = 1000000;
	bench->store = store_new(&hash_key, limit);
	bench->kernel = fake_table_new();
	bench->snoop = snoop_new(bench->store, bench->kernel, &hash_key);
	fake_table_set_time(bench->kernel, bench->now);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	return bench;
}

static void bench_free(struct bench *bench)
{
	unlink(bench->path);
	assert_int_equal(rmdir(bench->folder), 0); /* nothing else was left there */
	snoop_free(bench->snoop);
	store_free(bench->store);
	fake_table_free(bench->kernel);
	free(bench);
}

/* Any name on tcp/443, tcp/80, udp/443 and icmp, in both groups. */
static void allow_all(struct bench *bench)
{
	for (uint8_t group = 0; group < 2; group++) {
		size_t rule = fake_policy_add(&bench->fake, group, "*", "tcp/443");

		fake_policy_port(&bench->fake, rule, "tcp/80");
		fake_policy_port(&bench->fake, rule, "udp/443");
		fake_policy_port(&bench->fake, rule, "icmp");
	}
}

static struct element_key key_of(unsigned int number, uint8_t group, uint16_t port)
{
	uint8_t octets[4] = { 198, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };

	return (struct element_key) {
		.address = ipaddr_from_bytes(IPADDR_V4, octets), .group = group, .l4proto = IPPROTO_TCP, .port = port
	};
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

static void commit(struct bench *bench)
{
	size_t count;
	struct element_change *changes = store_changes(bench->store, &count);

	if (count)
		element_commit(bench->kernel, changes, count);
	store_settle(bench->store);
	assert_int_equal(store_reserve(bench->store), 0);
}

static void learn_key(struct bench *bench, const struct element_key *key, const struct dns_name *name, uint32_t ttl,
		      int64_t life)
{
	assert_true(store_plan(bench->store, key, name, ttl, bench->now, life, 0, 0) >= 0);
	commit(bench);
}

static void learn(struct bench *bench, unsigned int number, const char *text, int64_t life)
{
	struct element_key key = key_of(number, 0, 443);
	struct dns_name name = name_of(text);

	learn_key(bench, &key, &name, 60, life);
}

static void save(struct bench *bench)
{
	assert_int_equal(state_save_now(bench->folder, bench->now, WALL, bench->store, &bench->fake.policy), 0);
}

static char *read_file(const struct bench *bench, size_t *length)
{
	FILE *file = fopen(bench->path, "r");
	char *text = malloc(1 << 20);

	assert_non_null(file);
	*length = fread(text, 1, 1 << 20, file);
	fclose(file);
	return text;
}

static void write_file(const struct bench *bench, const char *text, size_t length)
{
	FILE *file = fopen(bench->path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static int load_why(struct bench *bench, int64_t wall, bool extend, const char **why)
{
	int rc;

	bench->restore = (struct restore) { .snoop = bench->snoop,
					    .store = bench->store,
					    .table = bench->kernel,
					    .policy = &bench->fake.policy,
					    .now = bench->now,
					    .wall = wall,
					    .extend = extend };
	rc = state_load(bench->folder, restore_record, &bench->restore, why);
	restore_finish(&bench->restore);
	return rc;
}

static int load(struct bench *bench, int64_t wall)
{
	const char *why;

	return load_why(bench, wall, false, &why);
}

/* Another life after a reboot: an empty kernel, an empty store, a clock that began anew. */
static void reboot(struct bench *bench)
{
	snoop_free(bench->snoop);
	store_free(bench->store);
	fake_table_free(bench->kernel);
	bench->now.msec = 7000;
	bench->store = store_new(&hash_key, 10000);
	bench->kernel = fake_table_new();
	bench->snoop = snoop_new(bench->store, bench->kernel, &hash_key);
	fake_table_set_time(bench->kernel, bench->now);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
}

static int64_t left(struct bench *bench, const struct element_key *key)
{
	struct store_view view;

	return store_find(bench->store, key, &view) < 0 ? -1 : monotime_until(bench->now, view.deadline);
}

/* ---- round trip ---- */

static unsigned int seed = 20261121;

static unsigned int any(unsigned int below)
{
	return (unsigned int)rand_r(&seed) % below;
}

/* Labels of any length and of any octets, but upper case, which no wire name of ours has. */
static struct dns_name any_name(void)
{
	struct dns_name name = { 0 };
	unsigned int whole = any(20) ? 1 + any(60) : 254;

	while (name.length < whole) {
		unsigned int length = 1 + any(any(4) ? 12 : 63);

		if (name.length + length + 2 > DNS_NAME_MAX)
			break;
		name.octets[name.length++] = (uint8_t)length;
		for (unsigned int i = 0; i < length; i++) {
			uint8_t octet = (uint8_t)(any(3) ? 'a' + any(26) : any(256));

			name.octets[name.length++] = octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
		}
	}
	name.length++;
	return name;
}

static struct element_key any_key(unsigned int number)
{
	static const uint16_t ports[] = { 443, 80 };
	struct element_key key = key_of(number, (uint8_t)any(2), ports[any(2)]);
	uint8_t octets[16] = { 0x20, 1, 4, (uint8_t)any(256), 0, 0, 0, 0, 0, 0, (uint8_t)any(3), 0, 0, 0, 0, 0 };

	memcpy(octets + 12, key.address.bytes, 4);
	if (any(2))
		key.address = ipaddr_from_bytes(IPADDR_V6, octets);
	if (any(5) == 0) {
		key.l4proto = value_proto_number(VALUE_ICMP, key.address.family);
		key.port = value_icmp_port(key.address.family);
	} else if (any(5) == 0) {
		key.l4proto = IPPROTO_UDP;
		key.port = 443;
	}
	return key;
}

struct comparison {
	struct bench *bench, *other;
	size_t count;
};

static bool compare(void *context, const struct store_view *view)
{
	struct comparison *comparison = context;
	int64_t before = monotime_until(comparison->bench->now, view->deadline);
	struct store_view found;

	comparison->count++;
	assert_int_equal(store_find(comparison->other->store, &view->key, &found), 0);
	assert_int_equal(monotime_until(comparison->other->now, found.deadline), before / 1000 * 1000);
	assert_true(fake_table_find(comparison->other->kernel, &view->key, NULL) >= before / 1000 * 1000);
	assert_int_equal(found.ttl, view->ttl);
	assert_int_equal(found.name_count, view->name_count);
	for (size_t i = 0; i < found.name_count; i++) {
		assert_true(dns_name_equal(&found.names[i].name, &view->names[i].name));
		assert_int_equal(found.names[i].ttl, view->names[i].ttl);
	}
	return true;
}

/* What was written comes back: every key, every name of any octets, each TTL, the life in whole seconds. */
static void test_round_trip(void **state)
{
	struct bench *bench = bench_new(10000), *other = bench_new(10000);
	struct comparison comparison = { bench, other, 0 };
	char own[sizeof(other->folder)];
	const char *why;

	(void)state;
	allow_all(bench);
	allow_all(other);
	for (unsigned int i = 0; i < 3000; i++) {
		struct element_key key = any_key(i);
		struct dns_name name = any_name();
		unsigned int more = any(any(10) ? 3 : 20);

		learn_key(bench, &key, &name, 1000 + any(100), 1000 + any(86000000));
		for (unsigned int k = 0; k < more; k++) {
			name = any_name();
			learn_key(bench, &key, &name, 1000 + any(100), 1000);
		}
	}
	save(bench);
	memcpy(own, other->folder, sizeof(own));
	memcpy(other->folder, bench->folder, sizeof(own));
	assert_int_equal(load_why(other, WALL, false, &why), 0);
	assert_int_equal(other->restore.taken, store_count(bench->store));
	assert_int_equal(store_count(other->store), store_count(bench->store));
	store_visit(bench->store, compare, &comparison);
	assert_true(comparison.count > 2900);
	assert_int_equal(counters.state_refused, 0);
	memcpy(other->folder, own, sizeof(own));
	bench_free(other);
	bench_free(bench);
}

static void test_text(void **state)
{
	static const char expected[] =
		"nfqdn-learned 1 1700000000\n"
		"element - 198.0.0.1 tcp/443 299 60 www.example.com 60 a\\010b.\\046\\032.example.com 30\n"
		"element kids 2001:db8::1 icmp 7 1 . 1\n"
		"end 2 ";
	struct bench *bench = bench_new(100);
	struct element_key key = { .group = 1, .l4proto = IPPROTO_ICMPV6, .port = value_icmp_port(IPADDR_V6) };
	struct dns_name name = name_of("a\\010b.\\.\\ .Example.com");
	size_t length;
	char *text;

	(void)state;
	allow_all(bench);
	learn(bench, 1, "www.example.com", 299999);
	assert_int_equal(ipaddr_from_text("2001:db8::1", &key.address), 0);
	learn_key(bench, &(struct element_key) { .address = key_of(1, 0, 443).address, .l4proto = 6, .port = 443 },
		  &name, 30, 1000);
	name = name_of(".");
	learn_key(bench, &key, &name, 1, 7000);
	learn(bench, 2, "over.example.com", 999); /* less than a second is nothing */
	save(bench);
	text = read_file(bench, &length);
	assert_int_equal(length, sizeof(expected) - 1 + 17);
	/* the TTL of an element is the smallest */
	memcpy(strstr(text, " 299 30 "), " 299 60 ", 8);
	assert_memory_equal(text, expected, sizeof(expected) - 1);
	free(text);
	bench_free(bench);
}

/* ---- what is refused ---- */

static struct bench *bench_small(void)
{
	struct bench *bench = bench_new(100);
	struct element_key key = key_of(9, 1, 443);
	struct dns_name name = name_of("\\000\\255.example.com");

	allow_all(bench);
	learn(bench, 1, "www.example.com", 300000);
	learn(bench, 2, "www.example.com", 400000);
	learn_key(bench, &key, &name, 5, 86400000);
	save(bench);
	reboot(bench);
	return bench;
}

static void expect_refused(struct bench *bench, const char *what)
{
	uint64_t refused = counters.state_refused;
	const char *why = NULL;

	assert_int_equal(load_why(bench, WALL, false, &why), -EBADMSG);
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
	char *text = read_file(bench, &length);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		write_file(bench, text, i);
		expect_refused(bench, NULL);
	}
	write_file(bench, text, length);
	assert_int_equal(load(bench, WALL), 0);
	assert_int_equal(store_count(bench->store), 3);
	free(text);
	bench_free(bench);
}

static void test_flipped(void **state)
{
	struct bench *bench = bench_small();
	size_t length;
	char *text = read_file(bench, &length);

	(void)state;
	for (size_t i = 0; i < length; i++)
		for (int bit = 0; bit < 8; bit++) {
			text[i] ^= (char)(1 << bit);
			write_file(bench, text, length);
			expect_refused(bench, NULL);
			text[i] ^= (char)(1 << bit);
		}
	text[length] = '\n';
	write_file(bench, text, length + 1);
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
	write_file(bench, text, used);
	free(record);
	free(text);
}

static void test_versions(void **state)
{
	struct bench *bench = bench_small();

	(void)state;
	write_lines(bench, "nfqdn-learned 1 1700000000", "");
	assert_int_equal(load(bench, WALL), 0);
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
	write_file(bench, text, used + LIMIT_STATE_LINE - 1);
	expect_refused(bench, "cut short");
	write_file(bench, text, used + 3 * LIMIT_STATE_LINE);
	expect_refused(bench, "too long");
	text[used + 2 * LIMIT_STATE_LINE] = '\n';
	write_file(bench, text, used + 3 * LIMIT_STATE_LINE);
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
	struct element_key key = key_of(1, 1, 443);
	struct dns_name name = { .length = 255 };
	char group[49];
	size_t length;

	(void)state;
	memset(group, 'g', sizeof(group) - 1);
	group[sizeof(group) - 1] = '\0';
	bench->fake.groups[1].name = group;
	allow_all(bench);
	for (int i = 0, at = 0; i < 4; i++, at += 64) {
		name.octets[at] = i < 3 ? 63 : 61;
		memset(name.octets + at + 1, 0xff, i < 3 ? 63 : 61);
	}
	for (int i = 0; i < LIMIT_ELEMENT_NAMES; i++) {
		name.octets[1] = (uint8_t)i;
		learn_key(bench, &key, &name, UINT32_MAX, INT64_C(1000) * UINT32_MAX);
	}
	save(bench);
	free(read_file(bench, &length));
	assert_in_range(length, 16000, LIMIT_STATE_LINE + 100);
	reboot(bench);
	assert_int_equal(load(bench, WALL), 0);
	assert_int_equal(bench->restore.taken, 1);
	bench_free(bench);
}

static void test_no_file(void **state)
{
	struct bench *bench = bench_new(100);

	(void)state;
	assert_int_equal(load(bench, WALL), -ENOENT);
	assert_int_equal(mkdir(bench->path, 0700), 0);
	assert_int_equal(load(bench, WALL), -EINVAL);
	assert_int_equal(rmdir(bench->path), 0);
	assert_int_equal(mkfifo(bench->path, 0600), 0);
	assert_int_equal(load(bench, WALL), -EINVAL);
	assert_int_equal(unlink(bench->path), 0);
	assert_int_equal(symlink("/etc/hostname", bench->path), 0);
	assert_int_equal(load(bench, WALL), -ELOOP);
	assert_int_equal(counters.state_refused, 0);
	bench_free(bench);
}

/* ---- time ---- */

static void test_clocks(void **state)
{
	static const struct {
		int64_t wall, left;
	} rows[] = {
		{ WALL, 300000 },
		{ WALL - 1, 300000 },
		{ WALL - INT64_C(86400000) * 3650, 300000 }, /* no battery: 1970 or the firmware's date */
		{ WALL + 1, 299999 },
		{ WALL + 100000, 200000 },
		{ WALL + 299000, 1000 },
		{ WALL + 300000, -1 },
		{ WALL + INT64_C(86400000) * 365000, -1 },
	};
	struct bench *bench = bench_new(100);
	struct element_key key = key_of(1, 0, 443);

	(void)state;
	allow_all(bench);
	learn(bench, 1, "www.example.com", 300000);
	save(bench);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reboot(bench);
		assert_int_equal(load(bench, rows[i].wall), 0);
		assert_int_equal(left(bench, &key), rows[i].left);
		assert_int_equal(bench->restore.ended, rows[i].left < 0);
	}
	assert_int_equal(restore_remaining(UINT32_MAX, 0, INT64_MAX), 0);
	assert_int_equal(restore_remaining(UINT32_MAX, INT64_MAX / 1000, 0), INT64_C(1000) * UINT32_MAX);
	bench_free(bench);
}

/* ---- the policy ---- */

static void test_policy(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key known = key_of(1, 0, 443), unwanted = key_of(2, 0, 443), port = key_of(1, 0, 80),
			   other = key_of(1, 1, 443), own = key_of(77, 0, 443), reserved = known;
	const struct dns_name good = name_of("www.example.com"), bad = name_of("www.example.org");
	struct store_view view;

	(void)state;
	assert_int_equal(ipaddr_from_text("10.9.9.9", &reserved.address), 0);
	learn_key(bench, &known, &good, 60, 300000);
	learn_key(bench, &known, &bad, 60, 300000);
	learn_key(bench, &unwanted, &bad, 60, 300000);
	learn_key(bench, &port, &good, 60, 300000);
	learn_key(bench, &other, &good, 60, 300000);
	learn_key(bench, &reserved, &good, 60, 300000);
	learn_key(bench, &own, &good, 60, 300000);
	save(bench);
	reboot(bench);
	bench->fake.policy.group_count = 1; /* the group is gone */
	fake_policy_add(&bench->fake, 0, "*.example.com", "tcp/443");
	bench->fake.entries[0].lifetime.max = 250;
	assert_int_equal(snoop_set_own_addresses(bench->snoop, &own.address, 1), 0);
	assert_int_equal(load(bench, WALL), 0);
	assert_int_equal(store_count(bench->store), 1);
	assert_int_equal(fake_table_count(bench->kernel), 1);
	assert_int_equal(store_find(bench->store, &known, &view), 0);
	assert_int_equal(view.name_count, 1);
	assert_true(dns_name_equal(&view.names[0].name, &good));
	assert_int_equal(left(bench, &known), 250000);
	assert_int_equal(bench->restore.taken, 1);
	assert_int_equal(bench->restore.denied, 5);
	assert_int_equal(counters.state_records_taken, 1);
	assert_int_equal(counters.state_records_denied, 5);
	bench_free(bench);
}

/* ---- beside what is there ---- */

/* After a crash: the kernel's expiry stands, the file's names come along, also of a life that is over by the file. */
static void test_joined(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = key_of(1, 0, 443);
	struct store_view view;

	(void)state;
	allow_all(bench);
	learn(bench, 1, "www.example.com", 300000);
	learn(bench, 1, "other.example.com", 300000);
	save(bench);
	for (int64_t later = 0; later <= 400000; later += 400000) {
		reboot(bench);
		fake_table_put(bench->kernel, &key, 530000, "www.example.com");
		assert_int_equal(snoop_adopt(bench->snoop, bench->now), 0);
		assert_int_equal(load(bench, WALL + later), 0);
		assert_int_equal(left(bench, &key), 500000);
		assert_int_equal(store_find(bench->store, &key, &view), 0);
		assert_int_equal(view.name_count, 2);
		assert_int_equal(view.names[0].ttl, 60);
		assert_int_equal(fake_table_commits(bench->kernel), 0);
	}
	bench_free(bench);
}

/* Another gateway's records give the longer life, and only that. */
static void test_imported(void **state)
{
	struct bench *bench = bench_new(100);
	struct element_key key = key_of(1, 0, 443);
	const char *why;

	(void)state;
	allow_all(bench);
	learn(bench, 1, "www.example.com", 300000);
	save(bench);
	reboot(bench);
	learn(bench, 1, "mine.example.com", 100000);
	assert_int_equal(load_why(bench, WALL, true, &why), 0);
	assert_int_equal(left(bench, &key), 300000);
	assert_int_equal(load_why(bench, WALL + 100000, true, &why), 0);
	assert_int_equal(left(bench, &key), 300000);
	/* The two clocks are not read at one instant: less than a second is no difference. */
	bench->now.msec += 900;
	assert_int_equal(load_why(bench, WALL, true, &why), 0);
	assert_int_equal(left(bench, &key), 299100);
	bench->now.msec += 200;
	assert_int_equal(load_why(bench, WALL, true, &why), 0);
	assert_int_equal(left(bench, &key), 300000);
	assert_int_equal(load_why(bench, WALL + 300000, true, &why), 0);
	assert_int_equal(bench->restore.ended, 1);
	bench_free(bench);
}

static void test_nothing_is_evicted(void **state)
{
	struct bench *bench = bench_new(10);
	struct element_key key = key_of(100, 0, 443);

	(void)state;
	allow_all(bench);
	for (unsigned int i = 0; i < 10; i++)
		learn(bench, i, "www.example.com", 86000000);
	save(bench);
	snoop_free(bench->snoop);
	store_free(bench->store);
	bench->store = store_new(&hash_key, 5);
	bench->snoop = snoop_new(bench->store, bench->kernel, &hash_key);
	snoop_set_policy(bench->snoop, &bench->fake.policy);
	learn(bench, 100, "mine.example.com", 1000);
	assert_int_equal(load(bench, WALL), 0);
	assert_int_equal(left(bench, &key), 1000);
	assert_int_equal(store_count(bench->store), 5);
	assert_int_equal(bench->restore.left_out, 6);
	assert_int_equal(counters.elements_over_limit, 6);
	bench_free(bench);
}

/* More than a transaction holds, each with a name of its own; one is refused by the kernel. */
static void test_many(void **state)
{
	struct bench *bench = bench_new(10000);
	char text[64];

	(void)state;
	allow_all(bench);
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "n%u.example.com", i < 1500 ? i : i % 2);
		learn(bench, i, text, 300000 + i * 1000);
	}
	save(bench);
	reboot(bench);
	fake_table_fail(bench->kernel, FAKE_REFUSE_ONE, 700, -ENOMEM);
	assert_int_equal(load(bench, WALL), 0);
	assert_int_equal(bench->restore.left_out, 1);
	assert_int_equal(store_count(bench->store), fake_table_count(bench->kernel));
	assert_int_equal(fake_table_count(bench->kernel), 2999);
	assert_int_equal(bench->restore.taken, 2999);
	bench_free(bench);
}

/* ---- writing ---- */

static void test_disk_full(void **state)
{
	struct bench *bench = bench_new(10000);
	struct rlimit before, small = { 4096, 4096 };
	size_t length, after;
	char *text, *again;

	(void)state;
	allow_all(bench);
	learn(bench, 1, "www.example.com", 300000);
	save(bench);
	text = read_file(bench, &length);
	for (unsigned int i = 2; i < 1000; i++)
		learn(bench, i, "www.example.com", 300000);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(state_save_now(bench->folder, bench->now, WALL, bench->store, &bench->fake.policy), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	again = read_file(bench, &after);
	assert_int_equal(after, length);
	assert_memory_equal(again, text, length);
	save(bench);
	free(again);
	again = read_file(bench, &after);
	assert_true(after > length);
	free(again);
	free(text);
	bench_free(bench);
}

static void test_folder(void **state)
{
	struct bench *bench = bench_new(10);
	char folder[96], path[128];
	struct stat made;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/a", bench->folder);
	snprintf(path, sizeof(path), "%s/a/learned", bench->folder);
	assert_int_equal(state_save_now(folder, bench->now, WALL, bench->store, &bench->fake.policy), 0);
	assert_int_equal(stat(path, &made), 0);
	assert_int_equal(made.st_mode & 0777, 0600);
	assert_int_equal(state_save_now(path, bench->now, WALL, bench->store, &bench->fake.policy), -ENOTDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	snprintf(path, sizeof(path), "%s/a/b", bench->folder);
	assert_int_equal(state_save_now(path, bench->now, WALL, bench->store, &bench->fake.policy), -ENOENT);
	bench_free(bench);
}

/* Turns: each takes a bounded number of elements; what changes between them does no harm. */
static void test_slices(void **state)
{
	struct bench *bench = bench_new(10000);
	struct state_save *running;
	unsigned int turns = 0;
	int rc;

	(void)state;
	allow_all(bench);
	for (unsigned int i = 0; i < 1000; i++)
		learn(bench, i, "www.example.com", i % 2 ? 300000 : 5000);
	assert_int_equal(state_save_begin(bench->folder, bench->now, WALL, &running), 0);
	while ((rc = state_save_step(running, bench->store, &bench->fake.policy)) > 0 && !state_save_syncs(running)) {
		turns++;
		if (turns == 3) { /* half of them end, others come */
			bench->now.msec += 6000;
			fake_table_set_time(bench->kernel, bench->now);
			while (store_plan_expired(bench->store, bench->now))
				commit(bench);
			for (unsigned int i = 2000; i < 2300; i++)
				learn(bench, i, "new.example.com", 300000);
		}
	}
	assert_in_range(turns, 1000 / LIMIT_STATE_SLICE, 2000 / LIMIT_STATE_SLICE);
	while (rc > 0)
		rc = state_save_step(running, bench->store, &bench->fake.policy);
	assert_int_equal(rc, 0);
	state_save_end(running);
	reboot(bench);
	assert_int_equal(load(bench, WALL), 0);
	for (unsigned int i = 1; i < 1000; i += 2)
		assert_int_equal(left(bench, &(struct element_key) { .address = key_of(i, 0, 443).address,
								     .l4proto = IPPROTO_TCP,
								     .port = 443 }),
				 300000);
	bench_free(bench);
}

static int64_t tick(struct bench *bench, struct state_keeper *keeper)
{
	int error;
	int64_t wait = state_keeper_tick(keeper, bench->now, WALL, bench->store, &bench->fake.policy, &error);

	assert_int_equal(error, 0);
	return wait;
}

/* Until it rests. */
static int64_t settle(struct bench *bench, struct state_keeper *keeper)
{
	int64_t wait;

	do
		wait = tick(bench, keeper);
	while (keeper->save);
	return wait;
}

static void test_keeper(void **state)
{
	struct bench *bench = bench_new(1000);
	struct state_keeper keeper = { 0 };
	int error;

	(void)state;
	allow_all(bench);
	learn(bench, 1, "www.example.com", 300000);
	bench->config.state_interval = 300;
	assert_int_equal(settle(bench, &keeper), 300000);
	assert_int_equal(counters.state_written, 0);
	bench->now.msec += 299999;
	assert_int_equal(settle(bench, &keeper), 1);
	bench->now.msec += 1;
	assert_int_equal(settle(bench, &keeper), 300000);
	assert_int_equal(counters.state_written, 1);
	/* a reload */
	bench->config.state_interval = 10;
	assert_int_equal(settle(bench, &keeper), 10000);
	bench->now.msec += 10000;
	assert_int_equal(settle(bench, &keeper), 10000);
	assert_int_equal(counters.state_written, 2);
	bench->config.state_interval = 0;
	bench->now.msec += 1000000;
	assert_int_equal(settle(bench, &keeper), -1);
	assert_int_equal(counters.state_written, 2);
	assert_int_equal(state_keeper_end(&keeper, bench->now, WALL, bench->store, &bench->fake.policy), 0);
	assert_int_equal(counters.state_written, 3);
	bench->config.state_interval = CONFIG_OFF;
	assert_int_equal(settle(bench, &keeper), -1);
	assert_int_equal(state_keeper_end(&keeper, bench->now, WALL, bench->store, &bench->fake.policy), 0);
	assert_int_equal(counters.state_written, 3);
	/* a folder that cannot be written: told once an interval */
	bench->config.state_interval = 10;
	bench->config.state = "/proc/nowhere";
	settle(bench, &keeper);
	bench->now.msec += 10000;
	assert_int_equal(state_keeper_tick(&keeper, bench->now, WALL, bench->store, &bench->fake.policy, &error),
			 10000);
	assert_int_equal(error, -ENOENT);
	assert_int_equal(counters.state_errors, 1);
	/* the end in the middle of it */
	bench->config.state = bench->folder;
	bench->now.msec += 10000;
	tick(bench, &keeper);
	assert_non_null(keeper.save);
	assert_int_equal(state_keeper_end(&keeper, bench->now, WALL, bench->store, &bench->fake.policy), 0);
	assert_null(keeper.save);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_text),
		cmocka_unit_test(test_truncated),  cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_versions),   cmocka_unit_test(test_strict),
		cmocka_unit_test(test_limits),     cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_no_file),    cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_policy),     cmocka_unit_test(test_joined),
		cmocka_unit_test(test_imported),   cmocka_unit_test(test_nothing_is_evicted),
		cmocka_unit_test(test_many),       cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_folder),     cmocka_unit_test(test_slices),
		cmocka_unit_test(test_keeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
