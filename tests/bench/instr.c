/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o learn/store_heap.o learn/pool.o learn/store_share.o */
/* LINK: netfilter/element.o netfilter/element_shared.o netfilter/table_query.o netfilter/batch.o netfilter/nfattr.o */
/* LINK: dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o dns/pattern.o dns/pattern_text.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o */
/* LINK: policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o */
/* LINK: policy/policy_warn.o policy/interval.o policy/reserved.o policy/nat64.o policy/catalog.o policy/catalog_field.o */
/* LINK: policy/catalog_read.o policy/config.o policy/config_check.o policy/config_json.o policy/config_list.o policy/config_print.o */
/* LINK: policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o */
/* LINK: policy/problem.o policy/value.o base/arena.o base/counters.o base/histogram.o base/escape.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: base/log.o base/monotime.o tests/unit/fake_answer.o */
/* LIBS: libconfig jansson libmnl libnftnl */
/* From a packet of the queue to its verdict, without the kernel: transactions are built and go nowhere. What instr_measured() does is counted from
 * outside (callgrind --toggle-collect), the rest makes ready.
 * instr new|known|unrelated ANSWERS DRAIN PATTERNS LEARNED   answers in drains of so many; patterns of the policy; elements learned before */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/counters.h"
#include "learn/events.h"
#include "learn/names.h"
#include "learn/snoop.h"
#include "netfilter/nlsock.h"
#include "netfilter/table_private.h"
#include "policy/policy.h"
#include "tests/unit/fake_answer.h"

#define PACKET_BYTES 192

struct packet {
	uint8_t octets[PACKET_BYTES];
	size_t length;
};

struct bench {
	struct table table;
	struct store *store;
	struct snoop *snoop;
	struct packet *packets;
	size_t drain;
	struct monotime now;
};

/* ---- the kernel that takes everything ---- */

uint32_t nlsock_sequence(struct nlsock *socket)
{
	static uint32_t sequence;

	(void)socket;
	return ++sequence;
}

int nlsock_transact(struct nlsock *socket, const void *request, size_t length, uint32_t first, uint32_t last,
		    enum nlsock_next (*visit)(void *context, const struct nlmsghdr *reply), void *context)
{
	(void)socket, (void)request, (void)length, (void)first, (void)last, (void)visit, (void)context;
	return 0;
}

int element_dump(struct table *table,
		 void (*visit)(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment),
		 void *context)
{
	(void)table, (void)visit, (void)context;
	return -EOPNOTSUPP;
}

/* ---- making ready ---- */

static void broken(const char *what)
{
	fprintf(stderr, "instr: %s\n", what);
	exit(1);
}

static struct policy *make_policy(size_t patterns)
{
	struct problems problems = { 0 };
	char catalog[] = "/tmp/nfqdn-instr-XXXXXX", *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct config *config;
	struct policy *policy;

	if (!mkdtemp(catalog))
		broken("no folder for an empty catalog");
	fprintf(out,
		"gateway: { interfaces = [ \"lan0\" ]; resolvers = [ \"10.2.0.2\" ]; catalog = [ \"%s\" ]; "
		"limits: { elements = 1000000; }; };\nallow: { web: { names = [ \"*.example.net\"",
		catalog);
	for (size_t i = 1; i < patterns; i++)
		fprintf(out, ", \"*.n%zu.example.org\"", i);
	fputs(" ]; }; };\n", out);
	fclose(out);
	config = config_load_given(text, &problems);
	policy = config ? policy_build(config, "2026-01-01", &problems) : NULL;
	rmdir(catalog);
	for (size_t i = 0; !policy && i < problems.count; i++)
		fprintf(stderr, "instr: %s: %s\n", problems.items[i].setting, problems.items[i].text);
	if (!policy)
		broken("no policy");
	free(text);
	return policy;
}

static void make_packet(struct packet *packet, const char *domain, size_t number)
{
	static struct fake_answer answer;
	char name[64], address[32];

	snprintf(name, sizeof(name), "n%zu.%s", number, domain);
	snprintf(address, sizeof(address), "20.%zu.%zu.%zu", 16 + number / 65536, number / 256 % 256, number % 256);
	fake_answer_start(&answer, "10.1.0.2", name, DNS_TYPE_A);
	fake_answer_record(&answer, name, DNS_TYPE_A, 300, address);
	if (answer.length > PACKET_BYTES)
		broken("a long packet");
	memcpy(packet->octets, answer.octets, answer.length);
	packet->length = answer.length;
}

static void make_packets(struct bench *bench, const char *domain, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		make_packet(&bench->packets[i], domain, first + i);
}

static void open_bench(struct bench *bench, size_t patterns)
{
	static const struct hash_key key = { 3, 4 };
	struct policy *policy = make_policy(patterns);
	struct names *names = names_new(&key);
	struct events *events = events_new(1);

	bench->table =
		(struct table) { .name = "nfqdn",
				 .batch = batch_new(NULL),
				 .group_count = 1,
				 .capabilities = { .update = true, .destroy = true },
				 .learned = { { { .nfproto = NFPROTO_INET, .table = "nfqdn", .set = "name4" },
						{ .nfproto = NFPROTO_INET, .table = "nfqdn", .set = "name6" } } } };
	bench->now.msec = 5000000;
	bench->store = store_new(&key, policy->config->limit_elements);
	bench->snoop = snoop_new(bench->store, &bench->table, &key);
	if (!bench->table.batch || !bench->store || !bench->snoop || !names || !events)
		broken("no memory");
	store_set_events(bench->store, events);
	snoop_set_names(bench->snoop, names);
	snoop_set_policy(bench->snoop, policy);
	snoop_tick(bench->snoop, bench->now);
}

/* As daemon_loop.c does it. */
static void answer(struct bench *bench, size_t count)
{
	for (size_t at = 0; at < count; at += bench->drain) {
		struct queue_packet packets[LIMIT_DRAIN_PACKETS];
		size_t some = count - at < bench->drain ? count - at : bench->drain;

		for (size_t i = 0; i < some; i++)
			packets[i] = (struct queue_packet) { .id = (uint32_t)(at + i),
							     .payload = bench->packets[at + i].octets,
							     .length = bench->packets[at + i].length };
		snoop_drain(bench->snoop, packets, some, bench->now);
		store_reserve(bench->store);
	}
}

#ifdef __clang__
#define AS_IT_IS __attribute__((noinline))
#else
#define AS_IT_IS __attribute__((noinline, noclone)) /* its name is what callgrind looks for */
#endif

static void AS_IT_IS instr_measured(struct bench *bench, size_t count)
{
	answer(bench, count);
	snoop_tick(bench->snoop, bench->now);
}

static void learn(struct bench *bench, size_t first, size_t count)
{
	make_packets(bench, "example.net", first, count);
	answer(bench, count);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	size_t count, learned, most;
	uint64_t before;

	if (argc != 6) {
		fprintf(stderr, "usage: instr new|known|unrelated ANSWERS DRAIN PATTERNS LEARNED\n");
		return 2;
	}
	count = strtoul(argv[2], NULL, 10);
	learned = strtoul(argv[5], NULL, 10);
	bench.drain = strtoul(argv[3], NULL, 10);
	most = count > learned ? count : learned;
	bench.packets = calloc(most, sizeof(*bench.packets));
	if (!bench.packets || !count || !bench.drain || bench.drain > LIMIT_DRAIN_PACKETS)
		broken("these numbers are out of range");
	open_bench(&bench, strtoul(argv[4], NULL, 10));
	learn(&bench, count, learned);
	if (strcmp(argv[1], "known") == 0)
		learn(&bench, 0, count);
	make_packets(&bench, strcmp(argv[1], "unrelated") == 0 ? "other.test" : "example.net", 0, count);
	before = counters.answers_taught;
	instr_measured(&bench, count);
	if (counters.answers_taught - before != (strcmp(argv[1], "new") == 0 ? count : 0))
		broken("not what was to be measured");
	return 0;
}
