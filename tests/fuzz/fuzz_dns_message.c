/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/message.o dns/question.o dns/svcb.o dns/wire.o dns/name.o base/ipaddr.o */
/* Input: one DNS message. Whatever it is, the result keeps what message.h promises; an answer without SVCB records
 * is the same as a slow reader's that copies every name and uses no cache, index or fingerprint. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/question.h"
#include "dns/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];
	uint8_t offsets[DNS_LABELS_MAX];
	struct dns_name again;
	unsigned int labels = dns_name_labels(name, offsets), used = 1;

	for (unsigned int i = 0; i < labels; i++)
		used += 1u + name->octets[offsets[i]];
	must(used == name->length && name->octets[name->length - 1] == 0);
	must(dns_name_from_text(dns_name_to_text(name, text), &again) == 0);
	must(dns_name_equal(name, &again));
}

static bool stands_in(const uint8_t *data, size_t size, const struct ipaddr *address)
{
	size_t length = ipaddr_length(address->family);

	for (size_t i = 0; i + length <= size; i++)
		if (memcmp(data + i, address->bytes, length) == 0)
			return true;
	return false;
}

static void check_addresses(const uint8_t *data, size_t size, const struct dns_answer *answer)
{
	must(answer->address_count <= LIMIT_ANSWER_ADDRESSES);
	must(answer->addresses_over_limit == 0 || answer->address_count == LIMIT_ANSWER_ADDRESSES);
	for (unsigned int i = 0; i < answer->address_count; i++) {
		const struct ipaddr *address = &answer->addresses[i].address;

		must(address->family == IPADDR_V4 || address->family == IPADDR_V6);
		must(answer->addresses[i].ttl <= INT32_MAX);
		must(i >= 8 || stands_in(data, size, address)); /* the rest would take the fuzzer's time */
		for (unsigned int j = 0; j < i; j++)
			must(!ipaddr_equal(address, &answer->addresses[j].address));
	}
}

static void check_targets(const struct dns_answer *answer)
{
	must(answer->target_count <= LIMIT_ANSWER_TARGETS);
	for (unsigned int i = 0; i < answer->target_count; i++) {
		check_name(&answer->targets[i].name);
		must(answer->targets[i].ttl <= INT32_MAX);
		must(!dns_name_equal(&answer->targets[i].name, &answer->qname));
		for (unsigned int j = 0; j < i; j++)
			must(!dns_name_equal(&answer->targets[i].name, &answer->targets[j].name));
	}
}

/* ---- The slow reader ---- */

struct slow_record {
	struct dns_name owner, target;
	struct ipaddr address;
	uint16_t type;
	uint32_t ttl;
};

static struct slow_record slow[LIMIT_MESSAGE_RECORDS];

/* The answer section of a message known to be well formed. The number of records, or -1 when it has SVCB records. */
static int slow_records(const uint8_t *data, size_t size)
{
	struct wire wire = wire_message(data, size);
	unsigned int answers, count = 0;

	wire_skip(&wire, 6);
	answers = wire_u16(&wire);
	wire_skip(&wire, 4);
	wire_name_read(&wire);
	wire_skip(&wire, 4);
	while (answers-- > 0) {
		struct wire_record record = wire_record_read(&wire);
		struct wire rdata = wire_part(&wire, record.data, record.length);
		struct slow_record *to = &slow[count];

		must(!wire.failed);
		if (record.class != 1)
			continue;
		if (record.type == DNS_TYPE_SVCB || record.type == DNS_TYPE_HTTPS)
			return -1;
		wire_name_copy(&wire, record.owner, &to->owner);
		to->type = record.type;
		to->ttl = record.ttl > INT32_MAX ? 0 : record.ttl;
		if (record.type == DNS_TYPE_CNAME)
			wire_name_copy(&wire, wire_name_read(&rdata), &to->target);
		else if (record.type == DNS_TYPE_A || record.type == DNS_TYPE_AAAA)
			to->address = ipaddr_from_bytes(record.type == DNS_TYPE_A ? IPADDR_V4 : IPADDR_V6,
							wire_octets(&rdata, record.length));
		else
			continue;
		count++;
	}
	return (int)count;
}

/* What the slow reader expects at each place of `addresses`. */
static uint32_t expected[LIMIT_ANSWER_ADDRESSES];

static void expect(const struct dns_answer *answer, const struct ipaddr *address, uint32_t ttl)
{
	for (unsigned int i = 0; i < answer->address_count; i++)
		if (ipaddr_equal(&answer->addresses[i].address, address)) {
			expected[i] = ttl < expected[i] ? ttl : expected[i];
			return;
		}
	must(false);
}

/* Expects the addresses of `name`, and says whether there were any. Its first CNAME goes to `cname`. */
static bool slow_step(const struct dns_name *name, uint32_t ttl, int count, const struct dns_answer *answer,
		      const struct slow_record **cname)
{
	bool any = false;

	*cname = NULL;
	for (int i = 0; i < count; i++) {
		if (!dns_name_equal(&slow[i].owner, name))
			continue;
		if (slow[i].type != DNS_TYPE_CNAME) {
			expect(answer, &slow[i].address, ttl < slow[i].ttl ? ttl : slow[i].ttl);
			any = true;
		} else if (!*cname) {
			*cname = &slow[i];
		}
	}
	return any;
}

static bool visited(const struct dns_name *names, unsigned int count, const struct dns_name *name)
{
	for (unsigned int i = 0; i < count; i++)
		if (dns_name_equal(&names[i], name))
			return true;
	return false;
}

static void check_against_slow(const uint8_t *data, size_t size, const struct dns_answer *answer)
{
	int count = answer->addresses_over_limit || answer->chain_over_limit ? -1 : slow_records(data, size);
	struct dns_name names[LIMIT_CHAIN_STEPS + 2] = { answer->qname };
	const struct slow_record *cname;
	uint32_t ttl = UINT32_MAX;
	unsigned int steps = 0;
	bool any;

	if (count < 0)
		return;
	memset(expected, 0xff, sizeof(expected));
	while (any = slow_step(&names[steps], ttl, count, answer, &cname), cname) {
		if (visited(names, steps + 1, &cname->target))
			break;
		must(steps < LIMIT_CHAIN_STEPS);
		names[++steps] = cname->target;
		ttl = cname->ttl < ttl ? cname->ttl : ttl;
	}
	for (unsigned int i = 0; i < answer->address_count; i++)
		must(expected[i] == answer->addresses[i].ttl);
	if (cname || any || names[steps].length == 1 || steps == 0)
		must(answer->target_count == 0);
	else
		must(answer->target_count == 1 && answer->targets[0].ttl == ttl &&
		     dns_name_equal(&answer->targets[0].name, &names[steps]));
}

static void check_untouched(const struct dns_answer *answer)
{
	static struct dns_answer before;

	memset(&before, 0x5a, sizeof(before));
	before.id = answer->id;
	before.qtype = answer->qtype;
	before.qname = answer->qname;
	must(memcmp(&before, answer, sizeof(before)) == 0);
}

static void check_same(const struct dns_answer *a, const struct dns_answer *b)
{
	must(a->id == b->id && a->qtype == b->qtype && a->truncated == b->truncated &&
	     dns_name_equal(&a->qname, &b->qname));
	must(a->address_count == b->address_count && a->addresses_over_limit == b->addresses_over_limit);
	must(a->target_count == b->target_count && a->targets_over_limit == b->targets_over_limit);
	must(a->chain_over_limit == b->chain_over_limit);
	for (unsigned int i = 0; i < a->address_count; i++)
		must(ipaddr_equal(&a->addresses[i].address, &b->addresses[i].address) &&
		     a->addresses[i].ttl == b->addresses[i].ttl);
	for (unsigned int i = 0; i < a->target_count; i++)
		must(dns_name_equal(&a->targets[i].name, &b->targets[i].name) &&
		     a->targets[i].ttl == b->targets[i].ttl);
}

/* What stands behind the last record changes nothing. (A message of which each comparison counts may be cut later
 * with it.) */
static void check_tail(const uint8_t *data, size_t size, const struct dns_answer *answer)
{
	static struct dns_answer again;
	uint8_t *longer = malloc(size + 3);

	must(longer != NULL);
	memcpy(longer, data, size);
	memcpy(longer + size, "\300\14\1", 3);
	memset(&again, 0x5a, sizeof(again));
	if (size + 3 <= WIRE_MESSAGE_MAX && !answer->chain_over_limit) {
		must(dns_answer_read(longer, size + 3, &again) == DNS_READ_OK);
		check_same(answer, &again);
	}
	free(longer);
}

#define FAR 0x4000 /* what a pointer's 14 bits cannot say */

/* The same records once more, FAR behind where they stood. In their old place, as the data of one record, stands a
 * copy of them with other letters, for their pointers to lead to. */
static void check_far(const uint8_t *data, size_t size)
{
	static uint8_t far[2 * FAR];
	static struct dns_answer answer;
	struct wire wire = wire_message(data, size);
	unsigned int answers = (unsigned int)(data[6] << 8 | data[7]);
	size_t records;

	wire_skip(&wire, WIRE_HEADER_SIZE);
	wire_name_read(&wire);
	wire_skip(&wire, 4);
	records = wire.position;
	if (size > FAR / 2 || answers == 65535)
		return;
	memset(far, 0, FAR + records);
	memcpy(far, data, size);
	for (size_t i = records; i < size; i++)
		far[i] ^= far[i] >= 'a' && far[i] < 'z';
	memcpy(far + records, "\0\0\20\0\1\0\0\0\0", 9);
	far[6] = (uint8_t)((answers + 1) >> 8);
	far[7] = (uint8_t)(answers + 1);
	far[records + 9] = (FAR - 11) >> 8;
	far[records + 10] = (FAR - 11) & 0xff;
	memcpy(far + FAR + records, data + records, size - records);
	if (dns_answer_read(far, FAR + size, &answer) == DNS_READ_OK)
		check_against_slow(far, FAR + size, &answer);
}

/* The query that an answer answers has its id and question; a query is never an answer. */
static void check_question(const uint8_t *data, size_t size, const struct dns_answer *answer)
{
	static uint8_t query[WIRE_MESSAGE_MAX];
	struct question question;

	if (!answer) {
		if (question_read(data, size, &question) == 0)
			check_name(&question.name);
		return;
	}
	must(question_read(data, size, &question) < 0);
	memcpy(query, data, size);
	query[2] &= 0x7f;
	must(question_read(query, size, &question) == 0);
	must(question.id == answer->id && question.type == answer->qtype);
	must(dns_name_equal(&question.name, &answer->qname));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_answer answer;

	memset(&answer, 0x5a, sizeof(answer));
	if (dns_answer_read(data, size, &answer) != DNS_READ_OK) {
		check_untouched(&answer);
		check_question(data, size, NULL);
		return 0;
	}
	check_question(data, size, &answer);
	check_name(&answer.qname);
	check_addresses(data, size, &answer);
	check_targets(&answer);
	check_against_slow(data, size, &answer);
	check_tail(data, size, &answer);
	check_far(data, size);
	return 0;
}
