/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/state_text.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "policy/value.h"

#define HEAD "nfqdn-learned "

/* No secret: any fixed number makes the sum find damage. */
static uint64_t add_to_sum(uint64_t sum, const char *line, size_t length)
{
	const struct hash_key key = { sum, 0x6e6671646e5f6c6c };

	return hash_bytes(&key, line, length);
}

/* ---- writing ---- */

struct line {
	char *text;
	size_t used;
};

static void put(struct line *line, const char *text)
{
	size_t length = strlen(text), room = LIMIT_STATE_LINE - line->used;

	if (length > room)
		length = room;
	memcpy(line->text + line->used, text, length);
	line->used += length;
}

static void put_number(struct line *line, uint64_t number)
{
	char text[21]; /* 2^64 has 20 digits */
	char *at = text + sizeof(text) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	put(line, at);
}

/* Anything but the three protocols cannot be learned. */
static enum value_proto proto_of(uint8_t l4proto)
{
	return l4proto == IPPROTO_TCP ? VALUE_TCP : l4proto == IPPROTO_UDP ? VALUE_UDP : VALUE_ICMP;
}

static void put_port(struct line *line, const struct element_key *key)
{
	enum value_proto proto = proto_of(key->l4proto);

	put(line, value_proto_name(proto));
	if (proto == VALUE_ICMP)
		return;
	put(line, "/");
	put_number(line, key->port);
}

static void put_names(struct line *line, const struct store_name *names, size_t count)
{
	char text[DNS_NAME_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		put(line, " ");
		put(line, dns_name_to_text(&names[i].name, text));
		put(line, " ");
		put_number(line, names[i].ttl);
	}
	put(line, "\n");
}

static size_t write_record(const char *group, const struct store_view *view, uint32_t life, char out[LIMIT_STATE_LINE])
{
	struct line line = { out, 0 };
	char address[IPADDR_TEXT_SIZE];

	put(&line, "element ");
	put(&line, group[0] ? group : "-");
	put(&line, " ");
	put(&line, ipaddr_to_text(&view->key.address, address));
	put(&line, " ");
	put_port(&line, &view->key);
	put(&line, " ");
	put_number(&line, life);
	put(&line, " ");
	put_number(&line, view->ttl);
	put_names(&line, view->names, view->name_count);
	return line.used;
}

size_t state_text_head(struct state_writer *writer, int64_t stamp, char out[LIMIT_STATE_LINE])
{
	int length = snprintf(out, LIMIT_STATE_LINE, HEAD "%d %" PRId64 "\n", STATE_VERSION, stamp < 0 ? 0 : stamp);

	*writer = (struct state_writer) { .sum = add_to_sum(0, out, (size_t)length) };
	return (size_t)length;
}

size_t state_text_record(struct state_writer *writer, const char *group, const struct store_view *view, uint32_t life,
			 char out[LIMIT_STATE_LINE])
{
	size_t length = write_record(group, view, life, out);

	writer->sum = add_to_sum(writer->sum, out, length);
	writer->count++;
	return length;
}

size_t state_text_end(const struct state_writer *writer, char out[LIMIT_STATE_LINE])
{
	int length = snprintf(out, LIMIT_STATE_LINE, "end %" PRIu64 " %016" PRIx64 "\n", writer->count, writer->sum);

	return (size_t)length;
}

/* ---- reading ---- */

/* Digits without a needless zero, up to `max`, then a space or the end; the space is passed over. */
static int read_number(const char **at, uint64_t max, uint64_t *out)
{
	uint64_t number = 0;
	const char *c = *at;

	if (*c < '0' || *c > '9' || (c[0] == '0' && c[1] >= '0' && c[1] <= '9'))
		return -EBADMSG;
	for (; *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (number > (max - digit) / 10)
			return -EBADMSG;
		number = number * 10 + digit;
	}
	if (*c != ' ' && *c != '\0')
		return -EBADMSG;
	*at = *c == ' ' ? c + 1 : c;
	*out = number;
	return 0;
}

static int read_number32(const char **at, uint32_t *out)
{
	uint64_t number;

	if (read_number(at, UINT32_MAX, &number) < 0)
		return -EBADMSG;
	*out = (uint32_t)number;
	return 0;
}

/* The next field, which must have something in it and a space behind it. */
static int read_field(const char **at, char *out, size_t size)
{
	const char *end = strchr(*at, ' ');
	size_t length = end ? (size_t)(end - *at) : 0;

	if (length == 0 || length >= size)
		return -EBADMSG;
	memcpy(out, *at, length);
	out[length] = '\0';
	*at = end + 1;
	return 0;
}

static int read_key(const char **at, struct element_key *out)
{
	char address[IPADDR_TEXT_SIZE], port[VALUE_PORTS_TEXT_SIZE];
	struct element_key key = { .group = 0 };
	struct value_ports ports;
	const char *why;

	if (read_field(at, address, sizeof(address)) < 0 || read_field(at, port, sizeof(port)) < 0 ||
	    ipaddr_from_text(address, &key.address) < 0 || value_ports_from_text(port, &ports, &why) < 0 ||
	    ports.first != ports.last)
		return -EBADMSG;
	key.l4proto = value_proto_number(ports.proto, key.address.family);
	key.port = ports.proto == VALUE_ICMP ? value_icmp_port(key.address.family) : ports.first;
	*out = key;
	return 0;
}

static int read_names(const char **at, struct state_record *record)
{
	char text[DNS_NAME_TEXT_SIZE];

	while (**at) {
		struct store_name *name = &record->names[record->name_count];

		if (record->name_count == LIMIT_ELEMENT_NAMES || read_field(at, text, sizeof(text)) < 0 ||
		    dns_name_from_text(text, &name->name) < 0 || read_number32(at, &name->ttl) < 0)
			return -EBADMSG;
		record->name_count++;
	}
	return record->name_count ? 0 : -EBADMSG;
}

static int read_record(const char *line, struct state_record *out)
{
	const char *at = line;
	char word[8];

	if (read_field(&at, word, sizeof(word)) < 0 || strcmp(word, "element") != 0 ||
	    read_field(&at, out->group, sizeof(out->group)) < 0)
		return -EBADMSG;
	if (strcmp(out->group, "-") == 0)
		out->group[0] = '\0';
	if (read_key(&at, &out->key) < 0 || read_number32(&at, &out->life) < 0 || read_number32(&at, &out->ttl) < 0)
		return -EBADMSG;
	return read_names(&at, out);
}

/* What reads as a record must be written again to the same line: so there is one spelling, whatever the readers of
 * addresses, ports and names let pass. */
static int parse_text(const char *line, size_t length, struct state_record *out)
{
	char again[LIMIT_STATE_LINE];
	struct store_view view;

	out->name_count = 0;
	if (read_record(line, out) < 0)
		return -EBADMSG;
	view = (struct store_view) {
		.key = out->key, .ttl = out->ttl, .name_count = out->name_count, .names = out->names
	};
	if (write_record(out->group, &view, out->life, again) != length + 1 || memcmp(again, line, length) != 0)
		return -EBADMSG;
	return 0;
}

static int copy_line(const char *line, size_t length, char out[LIMIT_STATE_LINE])
{
	if (length >= LIMIT_STATE_LINE || memchr(line, '\0', length))
		return -EBADMSG;
	memcpy(out, line, length);
	out[length] = '\0';
	return 0;
}

int state_text_parse(const char *line, size_t length, struct state_record *out)
{
	char text[LIMIT_STATE_LINE];

	return copy_line(line, length, text) < 0 ? -EBADMSG : parse_text(text, length, out);
}

static int take_head(struct state_reader *reader, const char *line, const char **why)
{
	const char *at = line + strlen(HEAD);
	uint64_t version, stamp;

	*why = "it is not a list of learned addresses";
	if (strncmp(line, HEAD, strlen(HEAD)) != 0 || read_number(&at, UINT32_MAX, &version) < 0)
		return -EBADMSG;
	*why = version < STATE_VERSION ? "it is of an older version" : "it is of a newer version";
	if (version != STATE_VERSION)
		return -EBADMSG;
	*why = "its first line is damaged";
	if (read_number(&at, INT64_MAX / 1000, &stamp) < 0 || *at || at[-1] == ' ')
		return -EBADMSG;
	reader->stamp = (int64_t)stamp;
	reader->stage = STATE_RECORDS;
	return 0;
}

static int take_end(struct state_reader *reader, const char *line, size_t length, const char **why)
{
	const struct state_writer writer = { reader->sum, reader->count };
	char expected[LIMIT_STATE_LINE];

	*why = "its checksum is wrong: it was damaged";
	if (state_text_end(&writer, expected) != length + 1 || memcmp(expected, line, length) != 0)
		return -EBADMSG;
	reader->stage = STATE_ENDED;
	return 0;
}

static int take_record(struct state_reader *reader, const char *line, size_t length, struct state_record *out,
		       const char **why)
{
	*why = "a line is damaged";
	if (parse_text(line, length, out) < 0)
		return -EBADMSG;
	*why = "it holds more records than the limit";
	if (reader->count == LIMIT_STATE_RECORDS)
		return -EBADMSG;
	reader->count++;
	return 1;
}

int state_text_line(struct state_reader *reader, const char *line, size_t length, struct state_record *out,
		    const char **why)
{
	char text[LIMIT_STATE_LINE];
	int result = -EBADMSG;

	*why = "a line is too long or holds a NUL";
	if (copy_line(line, length, text) < 0)
		return result;
	switch (reader->stage) {
	case STATE_HEAD:
		result = take_head(reader, text, why);
		break;
	case STATE_RECORDS:
		if (strncmp(text, "end ", 4) == 0)
			result = take_end(reader, text, length, why);
		else
			result = take_record(reader, text, length, out, why);
		break;
	case STATE_ENDED:
		*why = "there is more behind its end";
		break;
	}
	text[length] = '\n';
	reader->sum = add_to_sum(reader->sum, text, length + 1);
	return result;
}
