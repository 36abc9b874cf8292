/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/state_text.o dns/name.o policy/value.o base/hash.o base/ipaddr.o */
/* A state file line by line, as the daemon and nfqdnctl read it. What is taken as a record is whole, in bounds, and
 * makes a file that is read again to its end. */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "learn/state_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_record(const struct state_record *record)
{
	must(record->name_count >= 1 && record->name_count <= LIMIT_ELEMENT_NAMES);
	must(record->key.group == 0 && strlen(record->group) <= LIMIT_OBJECT_NAME && !strchr(record->group, ' '));
	must(record->key.address.family == IPADDR_V4 || record->key.address.family == IPADDR_V6);
	must(record->key.port > 0);
	must(record->key.l4proto == IPPROTO_TCP || record->key.l4proto == IPPROTO_UDP ||
	     record->key.l4proto == IPPROTO_ICMP || record->key.l4proto == IPPROTO_ICMPV6);
	for (size_t i = 0; i < record->name_count; i++)
		must(record->names[i].name.length >= 1 &&
		     record->names[i].name.octets[record->names[i].name.length - 1] == 0);
}

/* Written and read again. */
struct copy {
	struct state_writer writer;
	struct state_reader reader;
	char line[LIMIT_STATE_LINE];
	struct state_record record;
};

static void feed(struct copy *copy, size_t length, int expected)
{
	const char *why;

	must(length > 0 && length <= LIMIT_STATE_LINE && copy->line[length - 1] == '\n');
	must(state_text_line(&copy->reader, copy->line, length - 1, &copy->record, &why) == expected);
}

static void write_again(struct copy *copy, const struct state_record *record)
{
	struct store_view view = {
		.key = record->key, .ttl = record->ttl, .name_count = record->name_count, .names = record->names
	};

	feed(copy, state_text_record(&copy->writer, record->group, &view, record->life, copy->line), 1);
	must(copy->record.life == record->life && copy->record.ttl == record->ttl &&
	     copy->record.name_count == record->name_count && strcmp(copy->record.group, record->group) == 0);
	for (size_t i = 0; i < record->name_count; i++)
		must(dns_name_equal(&copy->record.names[i].name, &record->names[i].name) &&
		     copy->record.names[i].ttl == record->names[i].ttl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_reader reader = { .stage = STATE_HEAD };
	struct state_record record, alone;
	struct copy copy = { .writer = { 0 } };
	const char *text = (const char *)data, *why = NULL;
	int rc = 0;

	feed(&copy, state_text_head(&copy.writer, 1700000000, copy.line), 0);
	for (size_t at = 0; at < size && rc >= 0;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;

		rc = state_text_line(&reader, text + at, length, &record, &why);
		must(rc == 0 || rc == 1 || (rc == -EBADMSG && why));
		/* A record alone, as an import hands it on, is the same. */
		must(rc != 1 || state_text_parse(text + at, length, &alone) == 0);
		must(rc != 1 || ipaddr_equal(&alone.key.address, &record.key.address));
		must(rc != 1 || (alone.key.port == record.key.port && alone.life == record.life));
		if (state_text_parse(text + at, length, &alone) == 0)
			check_record(&alone);
		if (rc > 0) {
			check_record(&record);
			write_again(&copy, &record);
		}
		at += length + 1;
	}
	feed(&copy, state_text_end(&copy.writer, copy.line), 0);
	must(copy.reader.stage == STATE_ENDED && copy.reader.count == copy.writer.count);
	return 0;
}
