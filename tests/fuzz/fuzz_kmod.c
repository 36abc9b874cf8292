/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/message.o dns/svcb.o dns/wire.o dns/name.o base/ipaddr.o */
/* LINK: kmod-optional/fqdn_judge.o kmod-optional/fqdn_parse.o kmod-optional/fqdn_pattern.o kmod-optional/fqdn_cache.o */
/* Input: patterns, each with a NUL, as many as the first octet says, then a DNS message. Both sides read the message
 * alike, as far as the module reads at all, and what is known is passed only for as long as its TTL says. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "kmod-optional/fqdn_judge.h"

#define NODES 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fqdn_node nodes[NODES];
static struct fqdn_slot slots[2 * NODES];
static struct fqdn_bucket names[1], known[1];
static struct dns_answer answer;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static size_t take_patterns(struct fqdn_patterns *patterns, const uint8_t *data, size_t size)
{
	size_t at = 1;

	for (unsigned int left = size ? data[0] : 0; left > 0 && at < size; left--) {
		size_t length = strnlen((const char *)data + at, size - at);
		int error = fqdn_pattern_add(patterns, (const char *)data + at, length);

		must(error == 0 || error == -EINVAL || error == -ENOSPC);
		at += length + 1;
	}
	return at < size ? at : size;
}

static void check_whole(struct fqdn_table *table, const uint8_t *message, size_t length,
			const struct fqdn_question *question, enum dns_read read)
{
	unsigned int records = (unsigned int)question->answers + question->authorities + question->additionals;
	struct fqdn_digest digest;
	int error = fqdn_read_digest(message, length, question, &table->patterns.key, &digest);
	uint64_t name = fqdn_hash(&table->patterns.key, question->name.octets, question->name.length);
	int64_t ttl;

	if (length > FQDN_MESSAGE_MAX || records > FQDN_RECORDS_MAX) {
		must(error == -EINVAL);
		return;
	}
	must((error == 0) == (read == DNS_READ_OK));
	if (error)
		return;
	ttl = (int64_t)digest.ttl * 1000;
	must(fqdn_judge_answer(table, message, length, question, 1) == FQDN_LEFT);
	must(fqdn_cache_add(&table->known, name, digest.digest, ttl + 1, 1, false) == 0);
	must(fqdn_judge_answer(table, message, length, question, 1) == FQDN_KNOWN);
	must(fqdn_judge_answer(table, message, length, question, 2) == FQDN_LEFT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fqdn_key key = { 1, 2 };
	struct fqdn_table table = { .names = { 0, names }, .known = { 0, known } };
	struct fqdn_question question;
	enum fqdn_verdict verdict;
	enum dns_read read;
	size_t at, held;

	memset(nodes, 0, sizeof(nodes));
	memset(slots, 0, sizeof(slots));
	memset(known, 0, sizeof(known));
	fqdn_pattern_init(&table.patterns, &key, nodes, slots, NODES);
	at = take_patterns(&table.patterns, data, size);
	data += at;
	size -= at;
	held = size < FQDN_HEAD_SIZE ? size : FQDN_HEAD_SIZE;
	read = dns_answer_read(data, size, &answer);
	verdict = fqdn_judge_question(&table, data, held, 1, &question);
	must(verdict != FQDN_KNOWN);
	if (verdict == FQDN_LEFT || verdict == FQDN_ERROR) {
		must(read != DNS_READ_OK);
		return 0;
	}
	must(read == DNS_READ_OK || read == DNS_READ_MALFORMED || read == DNS_READ_ERROR_RESPONSE);
	check_whole(&table, data, size, &question, read);
	return 0;
}
