/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/snoop.o learn/streams.o learn/names.o learn/snoop_assist.o learn/snoop_keep.o learn/queries.o learn/derived.o learn/lifetime.o learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o */
/* LINK: learn/resolvers.o */
/* LINK: learn/store_heap.o learn/pool.o dns/packet.o dns/stream.o dns/stream_flow.o dns/message.o dns/svcb.o dns/wire.o dns/name.o */
/* LINK: learn/store_share.o */
/* LINK: dns/pattern.o dns/pattern_text.o */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o */
/* LINK: policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o */
/* LINK: policy/policy_warn.o policy/interval.o policy/reserved.o policy/nat64.o policy/catalog.o policy/catalog_field.o */
/* LINK: policy/catalog_read.o policy/config.o policy/config_check.o policy/config_json.o policy/config_list.o policy/config_print.o */
/* LINK: policy/config_read.o policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o */
/* LINK: policy/problem.o policy/value.o base/arena.o base/counters.o base/histogram.o base/escape.o base/hash.o base/lru.o base/ipaddr.o */
/* LINK: base/log.o base/monotime.o tests/unit/fake_element.o tests/unit/fake_answer.o */
/* LINK: control/describe.o control/explain.o control/json.o control/why.o */
/* LIBS: libconfig jansson */
/* See README.md in this folder. */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/counters.h"
#include "control/explain.h"
#include "control/why.h"
#include "learn/lifetime.h"
#include "learn/snoop.h"
#include "policy/policy.h"
#include "tests/unit/fake_answer.h"
#include "tests/unit/fake_element.h"

#define START_MS 5000000
#define TODAY "2025-11-21"
#define WORDS 256

struct replay {
	FILE *file;
	const char *path;
	unsigned int line;
	bool failed;
	char title[256];
	char why[1024];
	struct policy *policy;
	struct table *kernel;
	struct store *store;
	struct snoop *snoop;
	struct monotime now;
	struct ipaddr own[16];
	size_t own_count;
	struct fake_answer answers[LIMIT_DRAIN_PACKETS];
	size_t answer_count;
	unsigned int dropped;
	uint16_t tcp_port; /* of the last client over TCP */
	size_t turn; /* of `repeat` */
};

struct words {
	char *word[WORDS];
	size_t count;
	size_t at;
};

static void fail(struct replay *replay, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct replay *replay, const char *format, ...)
{
	va_list list;

	if (replay->failed)
		return;
	replay->failed = true;
	va_start(list, format);
	vsnprintf(replay->why, sizeof(replay->why), format, list);
	va_end(list);
}

/* ---- words ---- */

static void split(char *text, struct words *words)
{
	char *state = NULL;

	words->count = words->at = 0;
	text[strcspn(text, "#\n")] = '\0';
	for (char *word = strtok_r(text, " \t", &state); word && words->count < WORDS;
	     word = strtok_r(NULL, " \t", &state))
		words->word[words->count++] = word;
}

static const char *next(struct words *words)
{
	return words->at < words->count ? words->word[words->at++] : "";
}

/* What is left of the line. */
static const char *rest_of(struct words *words, char out[1024])
{
	size_t length = 0;

	out[0] = '\0';
	while (words->at < words->count && length < 1024)
		length += (size_t)snprintf(out + length, 1024 - length, "%s%s", length ? " " : "", next(words));
	return out;
}

static const char *look(const struct words *words)
{
	return words->at < words->count ? words->word[words->at] : "";
}

/* The value of "KEY=VALUE" if the next word is one, else NULL. */
static const char *value_of(struct words *words, const char *key)
{
	size_t length = strlen(key);
	const char *word = look(words);

	if (strncmp(word, key, length) != 0 || word[length] != '=')
		return NULL;
	words->at++;
	return word + length + 1;
}

static int64_t number(struct replay *replay, const char *text)
{
	char *end;
	long long value = strtoll(text, &end, 10);

	if (end == text || *end)
		fail(replay, "\"%s\" is no number", text);
	return value;
}

/* Milliseconds. */
static int64_t duration(struct replay *replay, const char *text)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	char *end;
	long long value = strtoll(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (end == text || !unit || end[1]) {
		fail(replay, "\"%s\" is no time", text);
		return 0;
	}
	return value * seconds[unit - units] * 1000;
}

static int error_number(struct replay *replay, const char *text)
{
	static const struct {
		const char *name;
		int number;
	} rows[] = { { "ENFILE", ENFILE }, { "ENOMEM", ENOMEM }, { "EBUSY", EBUSY } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, text) == 0)
			return -rows[i].number;
	fail(replay, "\"%s\" is no error known here", text);
	return -EINVAL;
}

/* ---- the daemon ---- */

static void drain(struct replay *replay)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];

	if (replay->answer_count == 0)
		return;
	for (size_t i = 0; i < replay->answer_count; i++)
		packets[i] = (struct queue_packet) { .id = (uint32_t)i,
						     .payload = replay->answers[i].octets,
						     .length = replay->answers[i].length };
	replay->dropped = (unsigned int)__builtin_popcountll(
		snoop_drain(replay->snoop, packets, replay->answer_count, replay->now));
	replay->answer_count = 0;
	snoop_tick(replay->snoop, replay->now);
}

static void advance(struct replay *replay, int64_t target)
{
	if (target < replay->now.msec) {
		fail(replay, "the time is past that");
		return;
	}
	while (replay->now.msec < target) {
		int64_t pause = replay->snoop ? snoop_tick(replay->snoop, replay->now) : -1,
			left = target - replay->now.msec;

		replay->now.msec += pause < 0 || pause > left ? left : pause;
		fake_table_set_time(replay->kernel, replay->now);
	}
	if (replay->snoop)
		snoop_tick(replay->snoop, replay->now);
}

static void start_daemon(struct replay *replay)
{
	static const struct hash_key hash_key = { 3, 4 };
	int rc;

	replay->store = store_new(&hash_key, replay->policy->config->limit_elements);
	replay->snoop = snoop_new(replay->store, replay->kernel, &hash_key);
	snoop_set_policy(replay->snoop, replay->policy);
	snoop_set_own_addresses(replay->snoop, replay->own, replay->own_count);
	rc = snoop_adopt(replay->snoop, replay->now);
	if (rc == 0)
		rc = snoop_prune(replay->snoop, replay->now, NULL, NULL);
	if (rc < 0)
		fail(replay, "adopting: %s", strerror(-rc));
	snoop_tick(replay->snoop, replay->now);
}

static void stop_daemon(struct replay *replay)
{
	snoop_free(replay->snoop);
	store_free(replay->store);
	replay->snoop = NULL;
	replay->store = NULL;
}

static void take_policy(struct replay *replay, struct policy *policy)
{
	struct policy *old = replay->policy;

	replay->policy = policy;
	if (!replay->snoop) {
		start_daemon(replay);
		return;
	}
	snoop_set_policy(replay->snoop, policy);
	policy_free(old);
	snoop_prune(replay->snoop, replay->now, NULL, NULL);
}

/* ---- configuration ---- */

static void tell_problems(struct replay *replay, const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		if (problems->items[i].severity == PROBLEM_ERROR)
			fail(replay, "configuration, line %u: %s: %s", problems->items[i].line,
			     problems->items[i].setting, problems->items[i].text);
}

static void load_config(struct replay *replay, const char *path)
{
	struct problems problems = { 0 };
	struct config *config = config_load(path, &problems);
	struct policy *policy = config ? policy_build(config, TODAY, &problems) : NULL;

	tell_problems(replay, &problems);
	problem_clear(&problems);
	if (policy)
		take_policy(replay, policy);
	else
		fail(replay, "no policy");
}

/* Copies a line, "@data@" replaced by the catalog's folder. */
static void copy_line(const char *line, FILE *out)
{
	char here[4096];
	const char *found = strstr(line, "@data@");

	if (found && getcwd(here, sizeof(here)))
		fprintf(out, "%.*s%s/data%s", (int)(found - line), line, here, found + strlen("@data@"));
	else
		fputs(line, out);
}

static void do_config(struct replay *replay, struct words *words)
{
	char path[] = "/tmp/nfqdn-replay-XXXXXX", line[512];
	int fd = mkstemp(path);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	(void)words;
	if (!out) {
		fail(replay, "no temporary file: %s", strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), replay->file)) {
		replay->line++;
		if (strcmp(line, "end\n") == 0)
			break;
		copy_line(line, out);
	}
	fclose(out);
	load_config(replay, path);
	unlink(path);
}

/* ---- commands ---- */

static void do_title(struct replay *replay, struct words *words)
{
	char title[1024];

	snprintf(replay->title, sizeof(replay->title), "%.255s", rest_of(words, title));
}

/* The address `number` places behind the one that is written. */
static const char *address_behind(const char *text, size_t number, char out[IPADDR_TEXT_SIZE])
{
	struct ipaddr address;

	if (number == 0 || ipaddr_from_text(text, &address) < 0)
		return text;
	for (size_t i = ipaddr_length(address.family); i-- > 0; number >>= 8) {
		number += address.bytes[i];
		address.bytes[i] = (uint8_t)number;
	}
	return ipaddr_to_text(&address, out);
}

static void add_addresses(struct replay *replay, struct fake_answer *answer, struct words *words, const char *owner,
			  enum dns_type type)
{
	const char *first = next(words), *ttl = value_of(words, "ttl"), *count = value_of(words, "count");
	const char *step = value_of(words, "step");
	size_t begin = step ? replay->turn * (size_t)number(replay, step) : 0;
	uint32_t seconds = (uint32_t)number(replay, ttl ? ttl : "");
	size_t end = begin + (count ? (size_t)number(replay, count) : 1);
	char text[IPADDR_TEXT_SIZE];

	for (size_t i = begin; i < end; i++)
		fake_answer_record(answer, owner, type, seconds, address_behind(first, i, text));
}

/* "@" in a name is the turn of `repeat`. */
static const char *name_of_turn(const struct replay *replay, const char *name, char out[256])
{
	const char *mark = strchr(name, '@');

	if (mark)
		snprintf(out, 256, "%.*s%zu%s", (int)(mark - name), name, replay->turn, mark + 1);
	else
		snprintf(out, 256, "%s", name);
	return out;
}

static void add_cname(struct replay *replay, struct fake_answer *answer, struct words *words, const char *owner,
		      char target[256])
{
	const char *ttl;

	name_of_turn(replay, next(words), target);
	ttl = value_of(words, "ttl");
	fake_answer_record(answer, owner, DNS_TYPE_CNAME, (uint32_t)number(replay, ttl ? ttl : ""), target);
}

static void add_record(struct replay *replay, struct fake_answer *answer, struct words *words, char owner[256])
{
	const char *named = value_of(words, "owner"), *type = next(words);

	if (strcmp(type, "A") == 0) {
		add_addresses(replay, answer, words, named ? named : owner, DNS_TYPE_A);
	} else if (strcmp(type, "AAAA") == 0) {
		add_addresses(replay, answer, words, named ? named : owner, DNS_TYPE_AAAA);
	} else if (strcmp(type, "CNAME") == 0) {
		char target[256];

		add_cname(replay, answer, words, named ? named : owner, target);
		if (!named)
			memcpy(owner, target, sizeof(target));
	} else {
		fail(replay, "\"%s\" is no record type known here", type);
	}
}

static struct fake_answer *new_answer(struct replay *replay)
{
	if (replay->answer_count == LIMIT_DRAIN_PACKETS)
		drain(replay);
	return &replay->answers[replay->answer_count++];
}

static void put_segment(struct replay *replay, const char *client, uint32_t sequence, uint8_t flags,
			const uint8_t *octets, size_t length)
{
	fake_answer_segment(new_answer(replay), client, replay->tcp_port, sequence, flags, octets, length);
}

/* A connection of its own brings the message, in segments of `size` octets. */
static void send_by_tcp(struct replay *replay, const char *client, const struct fake_answer *answer, size_t size)
{
	static uint8_t stream[2 + 65535];
	size_t length = answer->length - answer->message, total = length + 2;

	stream[0] = (uint8_t)(length >> 8);
	stream[1] = (uint8_t)length;
	memcpy(stream + 2, answer->octets + answer->message, length);
	replay->tcp_port++;
	put_segment(replay, client, 999, 0x12, NULL, 0);
	for (size_t at = 0; at < total; at += size)
		put_segment(replay, client, 1000 + (uint32_t)at, 0x18, stream + at,
			    total - at < size ? total - at : size);
}

static void do_answer(struct replay *replay, struct words *words)
{
	static struct fake_answer made;
	const char *client = value_of(words, "client"), *name = value_of(words, "name");
	const char *flags = value_of(words, "flags"), *segment = value_of(words, "segment");
	char owner[256], question[256];

	if (!client || !name || !replay->snoop) {
		fail(replay, "answer client=ADDR name=NAME RECORD..., after a configuration");
		return;
	}
	fake_answer_start(&made, client, name_of_turn(replay, name, question), DNS_TYPE_A);
	if (flags)
		fake_answer_flags(&made, (uint16_t)strtoul(flags, NULL, 16));
	snprintf(owner, sizeof(owner), "%s", question);
	while (words->at < words->count && !replay->failed)
		add_record(replay, &made, words, owner);
	if (segment && number(replay, segment) > 0)
		send_by_tcp(replay, client, &made, (size_t)number(replay, segment));
	else
		*new_answer(replay) = made;
}

static void do_repeat(struct replay *replay, struct words *words)
{
	int64_t turns = number(replay, next(words));
	size_t begin = words->at + 1;

	if (strcmp(next(words), "answer") != 0)
		fail(replay, "repeat N answer ...");
	for (replay->turn = 0; replay->turn < (size_t)turns && !replay->failed; replay->turn++) {
		words->at = begin;
		do_answer(replay, words);
	}
	replay->turn = 0;
}

static void do_drain(struct replay *replay, struct words *words)
{
	(void)words;
	drain(replay);
}

static void do_restart(struct replay *replay, struct words *words)
{
	(void)words;
	stop_daemon(replay);
	start_daemon(replay);
}

static void do_own(struct replay *replay, struct words *words)
{
	replay->own_count = 0;
	while (words->at < words->count && replay->own_count < 16)
		if (ipaddr_from_text(next(words), &replay->own[replay->own_count++]) < 0)
			fail(replay, "no address");
	if (replay->snoop)
		snoop_set_own_addresses(replay->snoop, replay->own, replay->own_count);
}

static void do_refuse(struct replay *replay, struct words *words)
{
	bool one = strcmp(next(words), "one") == 0;
	unsigned int nth = (unsigned int)number(replay, next(words));

	fake_table_fail(replay->kernel, one ? FAKE_REFUSE_ONE : FAKE_REFUSE_ALL, nth,
			error_number(replay, next(words)));
}

static void do_lose(struct replay *replay, struct words *words)
{
	bool request = strcmp(next(words), "request") == 0;
	unsigned int nth = (unsigned int)number(replay, next(words));

	fake_table_fail(replay->kernel, request ? FAKE_LOSE_REQUEST : FAKE_LOSE_ANSWER, nth, 0);
}

/* ---- expectations ---- */

static void expect_number(struct replay *replay, const char *what, uint64_t found, const char *wanted)
{
	uint64_t value = (uint64_t)number(replay, wanted);

	if (found != value)
		fail(replay, "%s: %llu, expected %llu", what, (unsigned long long)found, (unsigned long long)value);
}

static uint8_t group_of(struct replay *replay, const char *name)
{
	for (size_t i = 0; i < replay->policy->group_count; i++)
		if (strcmp(replay->policy->groups[i].name, name) == 0)
			return (uint8_t)i;
	fail(replay, "no group \"%s\"", name);
	return 0;
}

static struct element_key read_key(struct replay *replay, struct words *words)
{
	struct element_key key = { 0 };
	struct value_ports ports = { 0 };
	const char *why = "", *address = next(words), *port = next(words), *group = value_of(words, "group");

	if (ipaddr_from_text(address, &key.address) < 0)
		fail(replay, "\"%s\" is no address", address);
	else if (value_ports_from_text(port, &ports, &why) < 0)
		fail(replay, "\"%s\": %s", port, why);
	key.l4proto = value_proto_number(ports.proto, key.address.family);
	key.port = ports.proto == VALUE_ICMP ? value_icmp_port(key.address.family) : ports.first;
	key.group = group ? group_of(replay, group) : 0;
	return key;
}

static void expect_open(struct replay *replay, struct words *words)
{
	struct element_key key = read_key(replay, words);
	const char *time = value_of(words, "for"), *text = value_of(words, "comment"), *comment = "";
	int64_t left = fake_table_find(replay->kernel, &key, &comment);

	if (left < 0) {
		fail(replay, "closed");
		return;
	}
	left -= LIFETIME_BACKSTOP_MS;
	if (time && left != duration(replay, time))
		fail(replay, "open for %lld ms", (long long)left);
	if (text && strcmp(text, comment) != 0)
		fail(replay, "the comment is \"%s\"", comment);
}

static void expect_closed(struct replay *replay, struct words *words)
{
	struct element_key key = read_key(replay, words);
	int64_t left = fake_table_find(replay->kernel, &key, NULL);

	if (left >= 0)
		fail(replay, "open for %lld ms", (long long)left - LIFETIME_BACKSTOP_MS);
}

static void expect_names(struct replay *replay, struct words *words)
{
	struct element_key key = read_key(replay, words);
	char text[DNS_NAME_TEXT_SIZE];
	struct store_view view;

	if (store_find(replay->store, &key, &view) < 0) {
		fail(replay, "not learned");
		return;
	}
	for (size_t i = 0; i < view.name_count; i++)
		if (strcmp(dns_name_to_text(&view.names[i].name, text), next(words)) != 0)
			fail(replay, "name %zu is \"%s\"", i + 1, text);
	if (words->at < words->count)
		fail(replay, "no \"%s\" among its %zu names", look(words), view.name_count);
}

static void expect_commits(struct replay *replay, struct words *words)
{
	expect_number(replay, "commits", fake_table_commits(replay->kernel), next(words));
}

static void expect_counter(struct replay *replay, struct words *words)
{
	const char *name = next(words);

	for (const struct counter_row *row = counter_rows; row->name; row++)
		if (strcmp(row->name, name) == 0) {
			expect_number(replay, name, counter_value(row), next(words));
			return;
		}
	fail(replay, "no counter \"%s\"", name);
}

static void expect_dropped(struct replay *replay, struct words *words)
{
	expect_number(replay, "dropped", replay->dropped, next(words));
}

static void expect_learned(struct replay *replay, struct words *words)
{
	expect_number(replay, "learned", store_count(replay->store), next(words));
}

static struct control_context context_of(struct replay *replay)
{
	return (struct control_context) { .policy = replay->policy,
					  .store = replay->store,
					  .derived = snoop_derived(replay->snoop),
					  .table = replay->kernel,
					  .ready = true };
}

static void expect_verdict(struct replay *replay, struct words *words, bool allowed)
{
	const char *wanted = next(words);

	if (strcmp(wanted, "allowed") != 0 && strcmp(wanted, "denied") != 0)
		fail(replay, "allowed or denied?");
	else if (allowed != (strcmp(wanted, "allowed") == 0))
		fail(replay, "%s", allowed ? "allowed" : "denied");
}

/* The member's text, or "". */
static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void expect_member(struct replay *replay, const json_t *object, const char *key, const char *wanted)
{
	if (wanted && strcmp(member(object, key), wanted) != 0)
		fail(replay, "%s: \"%s\"", key, member(object, key));
}

static void expect_explain(struct replay *replay, struct words *words)
{
	struct control_context context = context_of(replay);
	char hint[1024];
	struct dns_name name;
	json_t *answer;
	bool allowed;

	if (dns_name_from_text(next(words), &name) < 0) {
		fail(replay, "no name");
		return;
	}
	answer = control_explain(&context, replay->now, &name, &allowed);
	expect_verdict(replay, words, allowed);
	expect_member(replay, json_array_get(json_object_get(answer, "by"), 0), "pattern", value_of(words, "pattern"));
	expect_member(replay, answer, "hint", rest_of(words, hint));
	json_decref(answer);
}

/* How many of `by` have all of the members that are wanted. */
static size_t count_by(const json_t *by, const char *name, const char *entry, const char *via)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(by); i++) {
		const json_t *one = json_array_get(by, i);

		count += (!name || strcmp(member(one, "name"), name) == 0) &&
			 (!entry || strcmp(member(one, "entry"), entry) == 0) &&
			 (!via || strcmp(member(one, "via"), via) == 0);
	}
	return count;
}

static void expect_why(struct replay *replay, struct words *words)
{
	struct control_context context = context_of(replay);
	struct control_why_question question = { .has_port = true };
	const char *why = "", *name, *entry, *via;
	json_t *answer;
	bool allowed;

	if (ipaddr_from_text(next(words), &question.address) < 0 ||
	    value_ports_from_text(next(words), &question.port, &why) < 0) {
		fail(replay, "no address and port %s", why);
		return;
	}
	answer = control_why(&context, replay->now, &question, &allowed);
	expect_verdict(replay, words, allowed);
	while (words->at < words->count && !replay->failed) {
		name = value_of(words, "name");
		entry = value_of(words, "entry");
		via = value_of(words, "via");
		if (!name && !entry && !via)
			break;
		if (count_by(json_object_get(answer, "by"), name, entry, via) == 0)
			fail(replay, "not by %s %s %s", name ? name : "", entry ? entry : "", via ? via : "");
	}
	json_decref(answer);
}

static void expect_derived(struct replay *replay, struct words *words)
{
	expect_number(replay, "derived names", derived_count(snoop_derived(replay->snoop)), next(words));
}

static void expect_memory(struct replay *replay, struct words *words)
{
	uint64_t most = (uint64_t)number(replay, next(words));

	if (store_memory(replay->store) > most)
		fail(replay, "%zu octets", store_memory(replay->store));
}

struct command {
	const char *name;
	void (*run)(struct replay *replay, struct words *words);
};

static const struct command expectations[] = {
	{ "open", expect_open },       { "closed", expect_closed },   { "names", expect_names },
	{ "commits", expect_commits }, { "counter", expect_counter }, { "dropped", expect_dropped },
	{ "learned", expect_learned }, { "explain", expect_explain }, { "why", expect_why },
	{ "derived", expect_derived }, { "memory", expect_memory },   { NULL, NULL },
};

static void run_command(struct replay *replay, const struct command *commands, struct words *words)
{
	const char *name = next(words);

	for (const struct command *command = commands; command->name; command++)
		if (strcmp(command->name, name) == 0) {
			command->run(replay, words);
			return;
		}
	fail(replay, "\"%s\" means nothing here", name);
}

static void do_expect(struct replay *replay, struct words *words)
{
	if (replay->snoop)
		run_command(replay, expectations, words);
	else
		fail(replay, "nothing runs yet");
}

static const struct command commands[] = {
	{ "title", do_title },     { "config", do_config }, { "answer", do_answer }, { "drain", do_drain },
	{ "restart", do_restart }, { "own", do_own },       { "refuse", do_refuse }, { "lose", do_lose },
	{ "expect", do_expect },   { "repeat", do_repeat }, { NULL, NULL },
};

/* ---- a scenario ---- */

static void run_line(struct replay *replay, char *line)
{
	struct words words;

	split(line, &words);
	if (words.count == 0)
		return;
	if (strcmp(look(&words), "at") == 0) {
		const char *time;

		next(&words);
		time = next(&words);
		drain(replay);
		advance(replay, START_MS + duration(replay, time + (*time == '+')));
	}
	if (words.at == words.count || replay->failed)
		return;
	if (strcmp(look(&words), "answer") != 0 && strcmp(look(&words), "repeat") != 0)
		drain(replay);
	run_command(replay, commands, &words);
	if (!replay->failed && words.at < words.count)
		fail(replay, "\"%s\" is too much", look(&words));
}

static void run_file(struct replay *replay)
{
	char line[8192];

	while (!replay->failed && fgets(line, sizeof(line), replay->file)) {
		replay->line++;
		run_line(replay, line);
	}
	if (!replay->failed && !replay->title[0])
		fail(replay, "a scenario needs a title");
	if (!replay->failed && replay->answer_count)
		fail(replay, "the last answers are judged by nobody: an expectation is missing");
}

static bool run_scenario(const char *path, size_t count)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	bool failed;

	replay->path = path;
	replay->file = fopen(path, "r");
	replay->now.msec = START_MS;
	replay->kernel = fake_table_new();
	memset(&counters, 0, sizeof(counters));
	fake_table_set_time(replay->kernel, replay->now);
	if (replay->file)
		run_file(replay);
	else
		fail(replay, "%s", strerror(errno));
	printf("%s %zu - %s: %s\n", replay->failed ? "not ok" : "ok", count, path, replay->title);
	if (replay->failed)
		printf("# %s:%u: %s\n", path, replay->line, replay->why);
	if (replay->file)
		fclose(replay->file);
	stop_daemon(replay);
	policy_free(replay->policy);
	fake_table_free(replay->kernel);
	failed = replay->failed;
	free(replay);
	return !failed;
}

int main(int argc, char **argv)
{
	glob_t found = { 0 };
	char **paths = argv + 1;
	size_t count = (size_t)argc - 1;
	bool all = true;

	if (count == 0 && glob("tests/replay/*.rpl", 0, NULL, &found) == 0) {
		paths = found.gl_pathv;
		count = found.gl_pathc;
	}
	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++)
		all &= run_scenario(paths[i], i + 1);
	globfree(&found);
	return all && count > 0 ? 0 : 1;
}
