/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/message.o dns/svcb.o dns/wire.o dns/name.o dns/pattern.o dns/pattern_text.o base/ipaddr.o base/arena.o base/hash.o */
/* LINK: kmod-optional/fqdn_judge.o kmod-optional/fqdn_parse.o kmod-optional/fqdn_pattern.o kmod-optional/fqdn_cache.o netfilter/assist_filter.o netfilter/ebpf.o */
/* LINK: netfilter/filter_object.o */
/* Usage: kmod_diff [-l] [-b PROGRAM] [-n MESSAGES] [-m MUTATIONS] [-s SEED] [FOLDER-OR-FILE...]
 * The kernel module's decision against nfqdnd's own parser and patterns: over the DNS messages in the folders and files,
 * mutations of them, and MESSAGES made-up ones. What the module passes must be what nfqdnd would learn nothing from. With -l
 * the module that is loaded, built with CONFIG_NF_FQDN_TRY, judges each of them, too, and must decide the same.
 * Of the first PROGRAM the same with the eBPF program, which the kernel runs (BPF_PROG_TEST_RUN); 0, and where it cannot be
 * loaded: not. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "dns/message.h"
#include "dns/pattern.h"
#include "kmod-optional/fqdn_judge.h"
#include "kmod_loaded.h"
#include "netfilter/assist.h"
#include "netfilter/assist_backend.h"

#define NODES 256

enum count { UNRELATED, FAILED, MATCHED, LEFT, DIGESTS, SAME_DIGEST, OVER_LIMIT, COUNTS };
static const char *const count_texts[COUNTS] = {
	"passed: no pattern matches",
	"passed: the RCODE says that there is nothing to learn",
	"matched by both",
	"left to nfqdnd, which finds them malformed or not understood",
	"whole messages well formed for both",
	"of these, pairs with the same digest and the same answer",
	"of these, left for their length or number of records",
};
static unsigned long counts[COUNTS], messages, wrong;

static const char *const pattern_texts[] = {
	"*.example.com", "www.example.net", "files-*.example.org", "a*.b*b.example.org", "*.a.*.example.org",
	"*.nic.cz",      "*.net",           "x-*-y.org",           "b*-*b.org",          "b*-*c.org"
};
#define PATTERNS (sizeof(pattern_texts) / sizeof(pattern_texts[0]))

/* What the module makes of them: between two stars of a label it compares nothing. */
static const char *wider(const char *text)
{
	if (strcmp(text, "b*-*b.org") == 0)
		return "b*b.org";
	return strcmp(text, "b*-*c.org") == 0 ? "b*c.org" : text;
}

static struct pattern_set *ours, *wide;
static struct fqdn_node nodes[NODES];
static struct fqdn_slot slots[2 * NODES];
static struct fqdn_bucket names[1], known[1];
static struct fqdn_table table = { .names = { 0, names }, .known = { 0, known } };
static const struct fqdn_key key = { 3, 4 };
static uint64_t state = 88172645463325252;
static struct loaded *loaded; /* NULL: none is asked */
static unsigned long mutations = 40; /* of each message of a file */

static uint32_t random_below(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

static void tell(const char *what, const uint8_t *message, size_t length)
{
	if (++wrong > 10)
		return;
	printf("# %s:\n# ", what);
	for (size_t i = 0; i < length && i < 600; i++)
		printf("%02x", message[i]);
	printf("\n");
}

/* ---- one message ---- */

static bool allowed(const struct pattern_set *set, const struct dns_name *name)
{
	uint32_t values[PATTERNS];
	int over;

	return pattern_set_match(set, name, values, PATTERNS, &over) > 0 || over;
}

static void compare_question(const uint8_t *message, size_t length, enum dns_read read, const struct dns_answer *answer,
			     enum fqdn_verdict verdict, const struct fqdn_question *question)
{
	bool same_name = question->name.length == answer->qname.length &&
			 memcmp(question->name.octets, answer->qname.octets, question->name.length) == 0;

	switch (verdict) {
	case FQDN_UNRELATED:
		counts[UNRELATED]++;
		if (read == DNS_READ_OK && (!same_name || allowed(ours, &answer->qname)))
			tell("passed as unrelated, but nfqdnd would learn", message, length);
		break;
	case FQDN_ERROR:
		counts[FAILED]++;
		if (read == DNS_READ_OK)
			tell("passed as an error, but nfqdnd reads an answer", message, length);
		break;
	case FQDN_MATCHED:
		counts[MATCHED]++;
		if (read == DNS_READ_OK &&
		    (!same_name || question->qtype != answer->qtype || !allowed(wide, &answer->qname)))
			tell("another question than nfqdnd reads, or no pattern of nfqdnd's", message, length);
		break;
	case FQDN_LEFT:
	case FQDN_KNOWN:
		counts[LEFT]++;
		if (read == DNS_READ_OK || verdict == FQDN_KNOWN)
			tell("left to nfqdnd for no reason", message, length);
		break;
	}
}

/* False when only one of them finds the message well formed. */
static bool compare_whole(const uint8_t *message, size_t length, enum dns_read read, const struct dns_answer *answer,
			  const struct fqdn_question *question, struct fqdn_digest *digest)
{
	unsigned int records = (unsigned int)question->answers + question->authorities + question->additionals;
	bool good = fqdn_read_digest(message, length, question, &key, digest) == 0;

	if (!good && (length > FQDN_MESSAGE_MAX || records > FQDN_RECORDS_MAX)) {
		counts[OVER_LIMIT] += read == DNS_READ_OK;
		return false;
	}
	if (good != (read == DNS_READ_OK)) {
		tell(good ? "well formed for the module alone" : "well formed for nfqdnd alone", message, length);
		return false;
	}
	for (unsigned int i = 0; good && i < answer->address_count; i++)
		if (answer->addresses[i].ttl > digest->ttl)
			tell("an address has a longer TTL than the digest", message, length);
	counts[DIGESTS] += good;
	return good;
}

static int compare_addresses(const void *a, const void *b)
{
	return ipaddr_compare(&((const struct dns_address *)a)->address, &((const struct dns_address *)b)->address);
}

/* Whether two answers teach the same; sorts them. */
static bool same_answer(struct dns_answer *a, struct dns_answer *b)
{
	if (!dns_name_equal(&a->qname, &b->qname) || a->qtype != b->qtype || a->address_count != b->address_count ||
	    a->target_count != b->target_count)
		return false;
	qsort(a->addresses, a->address_count, sizeof(a->addresses[0]), compare_addresses);
	qsort(b->addresses, b->address_count, sizeof(b->addresses[0]), compare_addresses);
	for (unsigned int i = 0; i < a->address_count; i++)
		if (compare_addresses(&a->addresses[i], &b->addresses[i]) != 0)
			return false;
	for (unsigned int i = 0; i < a->target_count; i++)
		if (!dns_name_equal(&a->targets[i].name, &b->targets[i].name))
			return false;
	return true;
}

/* ---- the program ---- */

static const struct assist_backend *const filter = &assist_filter_backend;
static struct assist_filter *way; /* NULL: not loaded */
static unsigned long program_left, program_counts[3];
static const char *const program_texts[] = { "the program passed", "it left to nfqdnd",
					     "it knew when it had been told" };

/* What a program says of a response from port 53. */
static bool program_says(enum assist_question question, const uint8_t *message, size_t length)
{
	static uint8_t frame[14 + 28 + 65535];
	uint8_t *ip = frame + 14, *udp = ip + 20;
	union bpf_attr attributes;

	memset(frame, 0, 14 + 28);
	frame[12] = 8; /* IPv4 */
	ip[0] = 0x45;
	ip[9] = 17;
	*(uint16_t *)(void *)(ip + 2) = htons((uint16_t)(28 + length));
	udp[1] = 53;
	*(uint16_t *)(void *)(udp + 4) = htons((uint16_t)(8 + length));
	memcpy(udp + 8, message, length);
	memset(&attributes, 0, sizeof(attributes));
	attributes.test.prog_fd = (uint32_t)filter->programs(way)[question];
	attributes.test.data_in = (uintptr_t)frame;
	attributes.test.data_size_in = (uint32_t)(14 + 28 + length);
	if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)) < 0) {
		printf("# BPF_PROG_TEST_RUN of %zu octets: %s\n", length, strerror(errno));
		wrong++;
	}
	return attributes.test.retval;
}

/* As the rules ask. */
static bool program_passes(const uint8_t *message, size_t length)
{
	return program_says(ASSIST_ASKS_UNRELATED, message, length) || program_says(ASSIST_ASKS_KNOWN, message, length);
}

static struct dns_answer known_answer;
static uint64_t known_digest;

static void compare_known(const uint8_t *message, size_t length, const struct dns_answer *answer)
{
	struct nf_fqdn_entry entry;
	uint8_t other[1472];

	if (!filter->digest(way, message, length, &entry))
		return;
	if (entry.digest == known_digest && !same_answer(&known_answer, (struct dns_answer *)(uintptr_t)answer))
		tell("two answers that teach differently have one digest for the program", message, length);
	known_answer = *answer;
	known_digest = entry.digest;
	entry.left = UINT64_C(1) << 42; /* more than any TTL */
	filter->known(way, &entry, 1);
	memcpy(other, message, length);
	other[0] ^= 1;
	program_counts[2]++;
	if (!program_passes(other, length))
		tell("the program does not know what it was told", message, length);
}

static void compare_program(const uint8_t *message, size_t length, enum dns_read read, const struct dns_answer *answer)
{
	bool passes;

	if (!way || program_left == 0 || length > 1400)
		return;
	program_left--;
	filter->forget(way);
	passes = program_passes(message, length);
	program_counts[!passes]++;
	if (passes && read == DNS_READ_OK && allowed(ours, &answer->qname))
		tell("the program passes what nfqdnd would learn", message, length);
	if (read == DNS_READ_OK && allowed(ours, &answer->qname))
		compare_known(message, length, answer);
}

static void load_program(void)
{
	struct policy_rule rules[PATTERNS];
	struct policy policy = { .rules = rules, .rule_count = PATTERNS };
	const char *why = NULL;
	int error = assist_filter_open(&way, &why);

	memset(rules, 0, sizeof(rules));
	for (size_t i = 0; i < PATTERNS; i++)
		rules[i].pattern = pattern_texts[i];
	if (error == 0 && (filter->begin(way, &policy) < 0 || filter->commit(way) < 0))
		wrong++;
	if (error < 0)
		printf("# without the eBPF program: %s\n", why);
}

/* ---- both ---- */

/* The answer before this one, often the same message with some octets changed. */
static struct dns_answer last_answer;
static struct fqdn_digest last_digest;

static void compare(const uint8_t *message, size_t length)
{
	static struct dns_answer answer;
	struct fqdn_question question = { 0 };
	struct fqdn_digest digest = { 0 };
	enum dns_read read = dns_answer_read(message, length, &answer);
	size_t held = length < FQDN_HEAD_SIZE ? length : FQDN_HEAD_SIZE;
	enum fqdn_verdict verdict = fqdn_judge_question(&table, message, held, 1, &question);

	bool whole = verdict == FQDN_MATCHED && fqdn_read_digest(message, length, &question, &key, &digest) == 0;

	messages++;
	compare_program(message, length, read, &answer);
	if (loaded)
		loaded_add(loaded, message, length, verdict, &question, whole ? &digest : NULL);
	compare_question(message, length, read, &answer, verdict, &question);
	if (verdict != FQDN_MATCHED && verdict != FQDN_UNRELATED)
		return;
	if (!compare_whole(message, length, read, &answer, &question, &digest))
		return;
	if (digest.digest == last_digest.digest) {
		counts[SAME_DIGEST]++;
		if (!same_answer(&answer, &last_answer))
			tell("two answers that teach differently have one digest", message, length);
	}
	last_answer = answer;
	last_digest = digest;
}

/* In memory of its own, so that the sanitizer sees what reads behind the end. */
static void compare_copy(const uint8_t *message, size_t length)
{
	uint8_t *copy = malloc(length + !length);

	memcpy(copy, message, length);
	compare(copy, length);
	free(copy);
}

/* ---- mutations ---- */

static void mutate(const uint8_t *message, size_t length)
{
	uint8_t *copy = malloc(length + 1);
	size_t left = length;

	memcpy(copy, message, length);
	for (uint32_t times = 1 + random_below(3); times > 0 && left > 0; times--) {
		uint32_t at = random_below((uint32_t)left);

		switch (random_below(6)) {
		case 0:
			left = at;
			break;
		case 1:
			copy[at] = (uint8_t)random_below(256);
			break;
		case 2:
			copy[at] ^= (uint8_t)(1u << random_below(8));
			break;
		case 3: /* a pointer somewhere */
			copy[at] = 0xc0;
			if (at + 1 < left)
				copy[at + 1] = (uint8_t)(12 + random_below(60));
			break;
		case 4: /* a response */
			if (left > 3)
				copy[2] = 0x81, copy[3] = 0x80;
			break;
		default: /* often one in a TTL or an address */
			copy[at] = copy[at] < 4 ? copy[at] + 1 : copy[at];
		}
	}
	compare_copy(copy, left);
	free(copy);
}

static void compare_all_of(const uint8_t *message, size_t length)
{
	compare_copy(message, length);
	for (unsigned long i = 0; i < mutations; i++)
		mutate(message, length);
}

static void compare_file(const char *path)
{
	static uint8_t message[65535];
	FILE *file = fopen(path, "rb");
	size_t length = file ? fread(message, 1, sizeof(message), file) : 0;

	if (file)
		fclose(file);
	compare_all_of(message, length);
}

static void compare_path(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	char inner[4096];

	if (!folder) {
		compare_file(path);
		return;
	}
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.') {
			snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
			compare_path(inner);
		}
	closedir(folder);
}

/* ---- made-up messages ---- */

struct maker {
	uint8_t octets[1024];
	size_t length;
	uint16_t places[32]; /* where names begin */
	unsigned int place_count;
};

static void put(struct maker *maker, uint32_t value, unsigned int octets)
{
	while (octets-- > 0 && maker->length < sizeof(maker->octets))
		maker->octets[maker->length++] = (uint8_t)(value >> 8 * octets);
}

static void put_label(struct maker *maker, const char *text)
{
	size_t length = strlen(text);

	put(maker, (uint32_t)length, 1);
	for (size_t i = 0; i < length; i++)
		put(maker, random_below(8) == 0 && text[i] >= 'a' ? (uint8_t)(text[i] ^ 0x20) : (uint8_t)text[i], 1);
}

static void put_name(struct maker *maker)
{
	static const char *const labels[] = { "www",   "files-1", "a",       "ab",  "bob",  "b-b",
					      "x-1-y", "a-b",     "example", "nic", "files" };
	static const char *const tops[] = { "com", "net", "org", "cz" };

	if (maker->place_count < 32)
		maker->places[maker->place_count++] = (uint16_t)maker->length;
	for (uint32_t count = random_below(4); count > 0; count--)
		put_label(maker, labels[random_below(11)]);
	if (maker->place_count > 1 && random_below(2)) {
		put(maker, 0xc000u | maker->places[random_below(maker->place_count - 1)], 2);
		return;
	}
	if (random_below(8))
		put_label(maker, "example");
	put_label(maker, tops[random_below(4)]);
	put(maker, 0, 1);
}

static void put_owner(struct maker *maker)
{
	if (random_below(3))
		put(maker, 0xc000u | maker->places[random_below(maker->place_count)], 2);
	else
		put_name(maker);
}

static void put_data(struct maker *maker, uint32_t type)
{
	size_t at = maker->length, end;

	put(maker, 0, 2);
	if (type == DNS_TYPE_CNAME)
		put_name(maker);
	else if (type == DNS_TYPE_HTTPS)
		put(maker, 1, 2), put_name(maker);
	else
		for (uint32_t left = type == DNS_TYPE_A      ? 4
				     : type == DNS_TYPE_AAAA ? 16
							     : random_below(9);
		     left > 0; left--)
			put(maker, random_below(4), 1);
	end = maker->length;
	maker->length = at;
	put(maker, (uint32_t)(end - at - 2) + (random_below(200) == 0), 2);
	maker->length = end;
}

static void make_message(struct maker *maker)
{
	static const uint32_t types[] = { 1, 1, 1, 28, 28, 5, 5, 65, 41, 16 };
	uint32_t answers = random_below(5), authorities = random_below(2), additionals = random_below(3);

	maker->length = maker->place_count = 0;
	put(maker, random_below(65536), 2);
	put(maker, random_below(30) ? 0x8180 : random_below(65536), 2);
	put(maker, random_below(50) ? 1 : random_below(3), 2);
	put(maker, answers, 2);
	put(maker, authorities, 2);
	put(maker, additionals, 2);
	put_name(maker);
	put(maker, random_below(2) ? 1 : 28, 2);
	put(maker, random_below(50) ? 1 : 255, 2);
	for (uint32_t i = 0; i < answers + authorities + additionals; i++) {
		uint32_t type = types[random_below(10)];

		put_owner(maker);
		put(maker, type, 2);
		put(maker, random_below(20) ? 1 : 3, 2);
		put(maker, random_below(5) ? random_below(600) : random_below(1u << 31) * 2, 4);
		put_data(maker, type);
	}
}

static void compare_made(void)
{
	static struct maker maker;

	make_message(&maker);
	compare_copy(maker.octets, maker.length);
	switch (random_below(4)) {
	case 0:
		mutate(maker.octets, maker.length);
		break;
	case 1: /* another id */
		maker.octets[0] ^= 1;
		compare_copy(maker.octets, maker.length);
		break;
	}
}

/* ---- all of it ---- */

static struct arena *set_up(void)
{
	struct arena *arena = arena_new();
	struct pattern patterns[PATTERNS];

	table.patterns = (struct fqdn_patterns) { 0 };
	fqdn_pattern_init(&table.patterns, &key, nodes, slots, NODES);
	for (uint32_t i = 0; i < PATTERNS; i++) {
		patterns[i] = (struct pattern) { pattern_texts[i], i };
		if (fqdn_pattern_add(&table.patterns, pattern_texts[i], strlen(pattern_texts[i])) != 0)
			tell(pattern_texts[i], NULL, 0);
	}
	ours = pattern_set_build(arena, &(struct hash_key) { 5, 6 }, patterns, PATTERNS);
	for (uint32_t i = 0; i < PATTERNS; i++)
		patterns[i].text = wider(pattern_texts[i]);
	wide = pattern_set_build(arena, &(struct hash_key) { 5, 6 }, patterns, PATTERNS);
	return arena;
}

static void set_up_loaded(void)
{
	loaded = calloc(1, sizeof(*loaded));
	if (!loaded)
		abort();
	loaded->key = &key;
	loaded->patterns = pattern_texts;
	loaded->pattern_count = PATTERNS;
	loaded->tell = tell;
	loaded_open(loaded);
}

static bool tell_loaded(void)
{
	bool all = true;

	loaded_close(loaded);
	printf("# %lu messages judged by the loaded module, in %lu batches: %lu left, %lu errors, %lu unrelated, %lu "
	       "known\n",
	       loaded->judged, loaded->batches, loaded->verdicts[FQDN_LEFT], loaded->verdicts[FQDN_ERROR],
	       loaded->verdicts[FQDN_UNRELATED], loaded->verdicts[FQDN_KNOWN]);
	for (unsigned int i = 0; i < FQDN_VERDICTS; i++)
		all &= loaded->verdicts[i] > 0;
	free(loaded);
	return all;
}

int main(int argc, char **argv)
{
	unsigned long made = 1000000;
	struct arena *arena = set_up();
	bool every = true;
	int option;

	while ((option = getopt(argc, argv, "b:lm:n:s:")) != -1) {
		if (option == 'b')
			program_left = strtoul(optarg, NULL, 10);
		else if (option == 'l')
			set_up_loaded();
		else if (option == 'm')
			mutations = strtoul(optarg, NULL, 10);
		else if (option == 'n')
			made = strtoul(optarg, NULL, 10);
		else if (option == 's')
			state ^= strtoull(optarg, NULL, 10) << 20;
		else
			return 2;
	}
	if (program_left)
		load_program();
	for (int i = optind; i < argc; i++)
		compare_path(argv[i]);
	printf("# %lu messages of %d folders and mutations of them\n", messages, argc - optind);
	for (unsigned long end = messages + made; messages < end;)
		compare_made();
	if (loaded)
		every = tell_loaded();
	printf("# %lu messages in all\n", messages);
	for (unsigned int i = 0; i < COUNTS; i++)
		printf("# %9lu %s\n", counts[i], count_texts[i]);
	for (unsigned int i = 0; way && i < 3; i++)
		printf("# %9lu %s\n", program_counts[i], program_texts[i]);
	if (way)
		assist_filter_close(way);
	printf("1..2\n%s 1 - the kernel module passes only what teaches nothing\n", wrong ? "not ok" : "ok");
	/* every kind must have come by, or this shows nothing */
	for (unsigned int i = 0; i < OVER_LIMIT; i++)
		every &= counts[i] > 0;
	printf("%s 2 - every kind of message came by\n", every ? "ok" : "not ok");
	arena_free(arena);
	return wrong || !every;
}
