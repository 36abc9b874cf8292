/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/fragment.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipaddr.h"
#include "base/limits.h"

#define PACKET_MAX 65535
#define UNITS (65536 / 8)
#define WAIT_MS 30000 /* net.ipv4.ipfrag_time */
#define HEADER_MAX 1024 /* of what stands before the fragment header; ours are below 60 */

struct key {
	struct ipaddr source, destination;
	uint32_t id;
	uint8_t protocol; /* IPv4 */
};

struct datagram {
	bool used;
	struct key key;
	struct monotime begun;
	size_t header_length; /* 0: the first fragment is missing */
	size_t total; /* of the payload; 0: the last fragment is missing */
	uint8_t header[HEADER_MAX];
	bool there[UNITS];
	uint8_t payload[65536];
};

struct fragment_table {
	uint64_t lost;
	uint8_t whole[HEADER_MAX + 65536];
	struct datagram datagrams[LIMIT_CAPTURE_DATAGRAMS];
};

/* One fragment, as its headers tell. */
struct piece {
	struct key key;
	size_t header; /* octets before the payload that is cut up, without a fragment header */
	size_t next_header; /* IPv6: where the header before it names the next one */
	uint8_t protocol; /* of the payload */
	size_t offset;
	bool more;
	const uint8_t *payload;
	size_t length;
};

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

struct fragment_table *fragment_new(void)
{
	return calloc(1, sizeof(struct fragment_table));
}

void fragment_free(struct fragment_table *table)
{
	free(table);
}

uint64_t fragment_lost(const struct fragment_table *table)
{
	return table->lost;
}

/* ---- headers: 1 a fragment, 0 none, -EINVAL ---- */

static int read_ipv4(const uint8_t *p, size_t length, struct piece *out)
{
	size_t header, total;

	if (length < 20)
		return -EINVAL;
	header = (size_t)(p[0] & 0x0f) * 4;
	total = read16(p + 2);
	if ((read16(p + 6) & 0x3fff) == 0)
		return 0;
	if (header < 20 || total < header || total > length)
		return -EINVAL;
	*out = (struct piece) {
		.key = { ipaddr_from_bytes(IPADDR_V4, p + 12), ipaddr_from_bytes(IPADDR_V4, p + 16), read16(p + 4),
			 p[9] },
		.header = header,
		.offset = (size_t)(read16(p + 6) & 0x1fff) * 8,
		.more = (p[6] & 0x20) != 0,
		.payload = p + header,
		.length = total - header,
	};
	return 1;
}

static bool stands_before(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS;
}

static int read_ipv6(const uint8_t *p, size_t length, struct piece *out)
{
	size_t at = 40, named = 6, end;

	if (length < 40)
		return -EINVAL;
	end = 40 + (size_t)read16(p + 4);
	for (int i = 0; i < LIMIT_PACKET_EXTENSIONS && stands_before(p[named]) && at + 8 <= length; i++) {
		named = at;
		at += (size_t)(p[at + 1] + 1) * 8;
		if (at > length)
			return -EINVAL;
	}
	if (p[named] != IPPROTO_FRAGMENT)
		return 0;
	if (end > length || at + 8 > end || at > HEADER_MAX)
		return -EINVAL;
	if ((read16(p + at + 2) & 0xfff9) == 0) /* an atomic one is read as it is (RFC 6946) */
		return 0;
	*out = (struct piece) {
		.key = { ipaddr_from_bytes(IPADDR_V6, p + 8), ipaddr_from_bytes(IPADDR_V6, p + 24),
			 (uint32_t)read16(p + at + 4) << 16 | read16(p + at + 6), 0 },
		.header = at,
		.next_header = named,
		.protocol = p[at],
		.offset = read16(p + at + 2) & 0xfff8,
		.more = p[at + 3] & 1,
		.payload = p + at + 8,
		.length = end - at - 8,
	};
	return 1;
}

/* ---- places ---- */

static bool key_equal(const struct key *a, const struct key *b)
{
	return a->id == b->id && a->protocol == b->protocol && ipaddr_equal(&a->source, &b->source) &&
	       ipaddr_equal(&a->destination, &b->destination);
}

static void begin(struct datagram *datagram, const struct key *key, struct monotime now)
{
	datagram->used = true;
	datagram->key = *key;
	datagram->begun = now;
	datagram->header_length = datagram->total = 0;
	memset(datagram->there, 0, sizeof(datagram->there));
}

static bool waited_out(const struct datagram *datagram, struct monotime now)
{
	return monotime_until(datagram->begun, now) >= WAIT_MS;
}

/* The place of a packet's fragments: its own, a free one, or the oldest one's. */
static struct datagram *place_of(struct fragment_table *table, const struct key *key, struct monotime now)
{
	struct datagram *best = &table->datagrams[0];

	for (size_t i = 0; i < LIMIT_CAPTURE_DATAGRAMS; i++) {
		struct datagram *one = &table->datagrams[i];

		if (one->used && waited_out(one, now)) {
			one->used = false;
			table->lost++;
		}
		if (one->used && key_equal(&one->key, key))
			return one;
		if (best->used && (!one->used || monotime_before(one->begun, best->begun)))
			best = one;
	}
	table->lost += best->used;
	begin(best, key, now);
	return best;
}

/* ---- one fragment ---- */

static int spoil(struct fragment_table *table, struct datagram *datagram)
{
	datagram->used = false;
	table->lost++;
	return -EINVAL;
}

/* How many of its units are there already. */
static size_t units_there(const struct datagram *datagram, size_t first, size_t count)
{
	size_t there = 0;

	for (size_t i = first; i < first + count; i++)
		there += datagram->there[i];
	return there;
}

static bool fits(const struct datagram *datagram, const struct piece *piece)
{
	size_t end = piece->offset + piece->length;

	if (piece->length == 0 || end + piece->header > PACKET_MAX || piece->header > HEADER_MAX)
		return false;
	if (piece->more && piece->length % 8)
		return false;
	if (datagram->total && (end > datagram->total || (!piece->more && end != datagram->total)))
		return false;
	return true;
}

static void keep(struct datagram *datagram, const struct piece *piece, const uint8_t *packet, size_t count)
{
	memcpy(datagram->payload + piece->offset, piece->payload, piece->length);
	memset(datagram->there + piece->offset / 8, true, count);
	if (!piece->more)
		datagram->total = piece->offset + piece->length;
	if (piece->offset)
		return;
	memcpy(datagram->header, packet, piece->header);
	datagram->header_length = piece->header;
	if (packet[0] >> 4 == 6)
		datagram->header[piece->next_header] = piece->protocol;
}

/* Nothing may stand behind the end that the last fragment tells. */
static bool complete(const struct datagram *datagram)
{
	size_t units = (datagram->total + 7) / 8;

	return datagram->total && datagram->header_length && units_there(datagram, 0, units) == units;
}

static void build(struct fragment_table *table, struct datagram *datagram, const uint8_t **out, size_t *out_length)
{
	uint8_t *p = table->whole;
	size_t length = datagram->header_length + datagram->total;
	bool v4 = datagram->header[0] >> 4 == 4;
	size_t told = v4 ? length : length - 40;

	memcpy(p, datagram->header, datagram->header_length);
	memcpy(p + datagram->header_length, datagram->payload, datagram->total);
	p[v4 ? 2 : 4] = (uint8_t)(told >> 8);
	p[v4 ? 3 : 5] = (uint8_t)told;
	if (v4)
		p[6] = p[7] = 0;
	datagram->used = false;
	*out = p;
	*out_length = length;
}

int fragment_take(struct fragment_table *table, const uint8_t *packet, size_t length, struct monotime now,
		  const uint8_t **out, size_t *out_length)
{
	struct datagram *datagram;
	struct piece piece;
	size_t count, there;
	int rc = length == 0           ? -EINVAL
		 : packet[0] >> 4 == 4 ? read_ipv4(packet, length, &piece)
				       : read_ipv6(packet, length, &piece);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		*out = packet;
		*out_length = length;
		return 0;
	}
	datagram = place_of(table, &piece.key, now);
	if (!fits(datagram, &piece))
		return spoil(table, datagram);
	count = (piece.length + 7) / 8;
	there = units_there(datagram, piece.offset / 8, count);
	if (there == count)
		return -EAGAIN;
	if (there || (!piece.more && units_there(datagram, piece.offset / 8 + count, UNITS - piece.offset / 8 - count)))
		return spoil(table, datagram);
	keep(datagram, &piece, packet, count);
	if (!complete(datagram))
		return -EAGAIN;
	build(table, datagram, out, out_length);
	return 0;
}
