/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/wire.h"

#include <string.h>

#define LABEL_TYPE 0xc0 /* 00 label, 11 pointer; 01 and 10 are reserved (RFC 1035 4.1.4, RFC 6891 5) */
#define POINTER 0xc000
#define POINTER_MASK 0x3fff

struct wire wire_message(const uint8_t *message, size_t length)
{
	return (struct wire) { .start = message, .end = length, .failed = length > WIRE_MESSAGE_MAX };
}

struct wire wire_part(const struct wire *wire, size_t position, size_t length)
{
	bool fits = !wire->failed && position <= wire->end && length <= wire->end - position;

	return (struct wire) { .start = wire->start,
			       .position = position,
			       .end = position + length,
			       .known = wire->known,
			       .failed = !fits };
}

size_t wire_left(const struct wire *wire)
{
	return wire->failed ? 0 : wire->end - wire->position;
}

const uint8_t *wire_octets(struct wire *wire, size_t count)
{
	const uint8_t *at;

	if (wire->failed || count > wire->end - wire->position) {
		wire->failed = true;
		return NULL;
	}
	at = wire->start + wire->position;
	wire->position += count;
	return at;
}

void wire_skip(struct wire *wire, size_t count)
{
	wire_octets(wire, count);
}

static inline uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint16_t wire_u16(struct wire *wire)
{
	const uint8_t *at = wire_octets(wire, 2);

	return at ? get16(at) : 0;
}

/* A walk over the labels of one name. */
struct walk {
	size_t position; /* of the next label or pointer */
	size_t part; /* where the part being read begins */
	size_t end; /* the part must end here: each lies wholly before the one whose pointer led to it */
	size_t after; /* behind the name in the message; 0 until known */
	unsigned int pointers;
};

static inline struct walk walk_from(const struct wire *wire, size_t position)
{
	return (struct walk) { .position = position, .part = position, .end = wire->end };
}

/* Follows one pointer. More pointers than a name has labels cannot each lead to one: without this bound a message full
 * of pointers to pointers would cost its length for each record. */
static inline bool walk_pointer(const struct wire *wire, struct walk *walk)
{
	size_t target;

	if (walk->end - walk->position < 2 || ++walk->pointers > DNS_LABELS_MAX)
		return false;
	target = get16(wire->start + walk->position) & POINTER_MASK;
	if (target < WIRE_HEADER_SIZE || target >= walk->part)
		return false;
	if (walk->after == 0)
		walk->after = walk->position + 2;
	walk->end = walk->part;
	walk->position = walk->part = target;
	return true;
}

/* Leaves the walk at a label's length octet and returns it (0 for the root), or -1. */
static inline int walk_label(const struct wire *wire, struct walk *walk)
{
	while (walk->position < walk->end) {
		uint8_t octet = wire->start[walk->position];

		if (octet <= DNS_LABEL_MAX)
			return walk->end - walk->position > octet ? octet : -1;
		if ((octet & LABEL_TYPE) != LABEL_TYPE || !walk_pointer(wire, walk))
			return -1;
	}
	return -1;
}

/* A label's part of the fingerprint: its length and outer octets; 0x20 makes letters of either case equal. */
static uint32_t label_print(const uint8_t *label)
{
	return label[0] | (uint32_t)(label[1] | 0x20) << 8 | (uint32_t)(label[label[0]] | 0x20) << 16;
}

static struct wire_name read_labels(struct wire *wire)
{
	struct walk walk = walk_from(wire, wire->position);
	struct wire_name name = { 0 };
	size_t total = 0;
	int label;

	do {
		label = walk_label(wire, &walk);
		if (label < 0 || total + 1 + (size_t)label > DNS_NAME_MAX) {
			wire->failed = true;
			return (struct wire_name) { 0 };
		}
		if (total == 0)
			name.first = (uint16_t)walk.position;
		if (label > 0)
			name.print = (name.print ^ label_print(wire->start + walk.position)) * 0x9e3779b1;
		total += 1 + (size_t)label;
		walk.position += 1 + (size_t)label;
	} while (label > 0);
	wire->position = walk.after ? walk.after : walk.position;
	name.length = (uint8_t)total;
	return name;
}

/* The name that the pointer at the cursor leads to, when it was read before. */
static const struct wire_name *find_known(const struct wire *wire)
{
	const struct wire_name *name;
	uint16_t pointer;

	if (!wire->known || wire->end - wire->position < 2)
		return NULL;
	pointer = get16(wire->start + wire->position);
	name = &wire->known->names[pointer % WIRE_KNOWN];
	if ((pointer & POINTER) != POINTER || (pointer & POINTER_MASK) != name->first || name->length == 0)
		return NULL;
	return name->first < wire->position ? name : NULL;
}

struct wire_name wire_name_read(struct wire *wire)
{
	const struct wire_name *known;
	struct wire_name name;

	if (wire->failed)
		return (struct wire_name) { 0 };
	known = find_known(wire);
	if (known) {
		wire->position += 2;
		return *known;
	}
	name = read_labels(wire);
	if (wire->known && !wire->failed)
		wire->known->names[name.first % WIRE_KNOWN] = name;
	return name;
}

struct wire_record wire_record_read(struct wire *wire)
{
	struct wire_record record = { .owner = wire_name_read(wire) };
	const uint8_t *fixed = wire_octets(wire, 10);

	if (!fixed)
		return record;
	record.type = get16(fixed);
	record.class = get16(fixed + 2);
	record.ttl = (uint32_t)get16(fixed + 4) << 16 | get16(fixed + 6);
	record.length = get16(fixed + 8);
	record.data = (uint16_t)wire->position;
	wire_skip(wire, record.length);
	return record;
}

static inline uint8_t lower(uint8_t octet)
{
	return (uint8_t)(octet | ((uint8_t)(octet - 'A') < 26) << 5);
}

void wire_name_copy(const struct wire *wire, struct wire_name name, struct dns_name *out)
{
	struct walk walk = walk_from(wire, name.first);
	size_t used = 0;

	while (used < name.length) {
		int label = walk_label(wire, &walk);
		size_t size;

		if (label < 0 || 1 + (size_t)label > name.length - used)
			break;
		size = 1 + (size_t)label;
		memcpy(out->octets + used, wire->start + walk.position, size);
		walk.position += size;
		used += size;
	}
	for (size_t i = 0; i < used; i++) /* a length octet is at most 63 and no letter */
		out->octets[i] = lower(out->octets[i]);
	out->length = (uint8_t)used;
}

static bool octets_equal(const uint8_t *a, const uint8_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool wire_name_equal(const struct wire *wire, struct wire_name a, struct wire_name b)
{
	struct walk left = walk_from(wire, a.first), right = walk_from(wire, b.first);
	int label;

	if (a.print != b.print || a.length != b.length)
		return false;
	do {
		label = walk_label(wire, &left);
		if (label < 0 || label != walk_label(wire, &right))
			return false;
		if (left.position == right.position)
			return true;
		if (!octets_equal(wire->start + left.position + 1, wire->start + right.position + 1, (size_t)label))
			return false;
		left.position += 1 + (size_t)label;
		right.position += 1 + (size_t)label;
	} while (label > 0);
	return true;
}
