/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: Theory of operation
 * 1. read_header() and read_question() judge whether the message is an answer that can teach.
 * 2. index_records() reads every record of every section once. What is not well formed anywhere ends here with
 *    nothing taught: a client may read such a message otherwise than we do. The few kinds that can teach get an
 *    index entry.
 * 3. collect() walks names over that index: the chain from the question first, then each SVCB target found on the
 *    way. It cannot fail, so `out` is filled only from here on. The order of records does not matter: none is
 *    promised.
 * Octets after the last counted record are left alone: stub resolvers read such messages, and nothing there can
 * teach. */
#include "dns/message.h"

#include <string.h>

#include "dns/svcb.h"
#include "dns/wire.h"

#define RECORD_SIZE_MIN 11 /* root owner, TYPE, CLASS, TTL, RDLENGTH (RFC 1035 3.2.1) */
#define CLASS_IN 1
#define TYPE_OPT 41

#define SEEN_WORDS 32 /* a power of two */

#define FLAG_QR 0x8000
#define FLAG_OPCODE 0x7800
#define FLAG_TC 0x0200
#define FLAG_RCODE 0x000f

_Static_assert((WIRE_MESSAGE_MAX - WIRE_HEADER_SIZE) / RECORD_SIZE_MIN <= LIMIT_MESSAGE_RECORDS,
	       "the index holds any message");

struct header {
	uint16_t id, flags, questions, answers, authorities, additionals;
};

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

/* A record that can teach. */
struct record {
	struct wire_name owner;
	uint32_t ttl;
	uint16_t type;
	bool additional;
	union {
		struct wire_name target; /* CNAME */
		struct {
			uint16_t at, length;
		} data; /* others */
	};
};

struct index {
	struct record *records;
	unsigned int count;
	bool has_services; /* any SVCB or HTTPS record */
};

/* A name to look up in the index; `name` and `ttl` move along its CNAME chain. */
struct place {
	struct wire_name start, name;
	uint32_t ttl; /* smallest on the way here */
	bool additional; /* records of the additional section count: it is an SVCB target */
	bool services; /* SVCB records count: it is the question or an AliasMode target */
	bool ended; /* `name` is the end of its chain: neither cut nor a loop */
	bool addressed; /* an A or AAAA record at `name` counted */
};

struct reader {
	struct wire message;
	struct index index;
	struct dns_answer *out;
	struct place places[1 + LIMIT_ANSWER_TARGETS]; /* the question, then SVCB targets */
	unsigned int place_count;
	unsigned int steps_left; /* CNAME steps, of all places together */
	size_t compares_left; /* octets of names that may still be compared */
	uint64_t seen[SEEN_WORDS]; /* of seen_before() */
};

static struct header read_header(struct wire *wire)
{
	struct header header;

	header.id = wire_u16(wire);
	header.flags = wire_u16(wire);
	header.questions = wire_u16(wire);
	header.answers = wire_u16(wire);
	header.authorities = wire_u16(wire);
	header.additionals = wire_u16(wire);
	return header;
}

static enum dns_read check_header(const struct wire *wire, const struct header *header)
{
	if (wire->failed)
		return DNS_READ_MALFORMED;
	if (!(header->flags & FLAG_QR))
		return DNS_READ_NOT_RESPONSE;
	if ((header->flags & FLAG_OPCODE) != 0 || header->questions != 1)
		return DNS_READ_NOT_UNDERSTOOD;
	return DNS_READ_OK;
}

static enum dns_read read_question(struct wire *wire, const struct header *header, struct wire_name *question,
				   struct dns_answer *out)
{
	struct wire_name name = wire_name_read(wire);
	uint16_t type = wire_u16(wire);
	uint16_t class = wire_u16(wire);

	if (wire->failed)
		return DNS_READ_MALFORMED;
	out->id = header->id;
	out->qtype = type;
	wire_name_copy(wire, name, &out->qname);
	*question = name;
	if (class != CLASS_IN)
		return DNS_READ_NOT_UNDERSTOOD;
	return (header->flags & FLAG_RCODE) ? DNS_READ_ERROR_RESPONSE : DNS_READ_OK;
}

static bool is_service(uint16_t type)
{
	return type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS;
}

static bool teaches(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_CNAME || is_service(type);
}

/* Reads RDATA of the types whose form every reader knows; false when it is malformed. SVCB is looked at later: a bad
 * one spoils its RRset only (RFC 9460 2.2). */
static bool read_data(const struct wire *wire, const struct wire_record *from, struct record *record)
{
	struct wire data;

	record->data.at = from->data;
	record->data.length = from->length;
	if (from->type == DNS_TYPE_A)
		return from->length == 4;
	if (from->type == DNS_TYPE_AAAA)
		return from->length == 16;
	if (from->type != DNS_TYPE_CNAME)
		return true;
	data = wire_part(wire, from->data, from->length);
	record->target = wire_name_read(&data);
	return !data.failed && wire_left(&data) == 0;
}

static enum dns_read index_record(struct wire *wire, enum section section, struct index *index)
{
	struct wire_record from = wire_record_read(wire);
	struct record *record = &index->records[index->count]; /* kept by counting it */

	if (wire->failed)
		return DNS_READ_MALFORMED;
	record->additional = section == SECTION_ADDITIONAL;
	/* the RCODE's upper eight bits, RFC 6891 6.1.3 */
	if (from.type == TYPE_OPT && record->additional && from.ttl >> 24 != 0)
		return DNS_READ_ERROR_RESPONSE;
	if (from.class != CLASS_IN)
		return DNS_READ_OK;
	if (!read_data(wire, &from, record))
		return DNS_READ_MALFORMED;
	if (section == SECTION_AUTHORITY || !teaches(from.type))
		return DNS_READ_OK;
	record->owner = from.owner;
	record->type = from.type;
	record->ttl = from.ttl >> 31 ? 0 : from.ttl; /* RFC 2181 8 */
	index->has_services |= is_service(from.type);
	index->count++;
	return DNS_READ_OK;
}

static enum dns_read index_section(struct wire *wire, unsigned int count, enum section section, struct index *index)
{
	enum dns_read result = DNS_READ_OK;

	for (unsigned int i = 0; i < count && result == DNS_READ_OK; i++)
		result = index_record(wire, section, index);
	return result;
}

static enum dns_read index_records(struct wire *wire, const struct header *header, struct index *index)
{
	enum dns_read result = index_section(wire, header->answers, SECTION_ANSWER, index);

	if (result == DNS_READ_OK)
		result = index_section(wire, header->authorities, SECTION_AUTHORITY, index);
	if (result == DNS_READ_OK)
		result = index_section(wire, header->additionals, SECTION_ADDITIONAL, index);
	return result;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Says whether an address may have been added before: never a wrong no. Spares the search in an answer of hundreds. */
static bool seen_before(uint64_t seen[SEEN_WORDS], const struct ipaddr *address)
{
	uint64_t halves[2], hash, bit;
	bool before;

	memcpy(halves, address->bytes, sizeof(halves));
	hash = (halves[0] ^ halves[1] * 0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93;
	bit = UINT64_C(1) << (hash >> 58);
	hash = hash >> 32 & (SEEN_WORDS - 1);
	before = seen[hash] & bit;
	seen[hash] |= bit;
	return before;
}

static struct dns_address *find_address(struct dns_answer *out, const struct ipaddr *address)
{
	for (unsigned int i = 0; i < out->address_count; i++) /* equal ones are equal as bytes: base/ipaddr.h */
		if (memcmp(&out->addresses[i].address, address, sizeof(*address)) == 0)
			return &out->addresses[i];
	return NULL;
}

static void add_address(struct reader *reader, enum ipaddr_family family, const uint8_t *octets, uint32_t ttl)
{
	struct dns_answer *out = reader->out;
	struct ipaddr address = ipaddr_from_bytes(family, octets);
	struct dns_address *known = seen_before(reader->seen, &address) ? find_address(out, &address) : NULL;

	if (known)
		known->ttl = smaller(known->ttl, ttl);
	else if (out->address_count < LIMIT_ANSWER_ADDRESSES)
		out->addresses[out->address_count++] = (struct dns_address) { .address = address, .ttl = ttl };
	else
		out->addresses_over_limit++;
}

static void add_hints(struct reader *reader, enum ipaddr_family family, struct wire hints, uint32_t ttl)
{
	while (wire_left(&hints) > 0)
		add_address(reader, family, wire_octets(&hints, ipaddr_length(family)), ttl);
}

static void add_target(struct reader *reader, const struct place *place)
{
	struct dns_answer *out = reader->out;
	struct dns_target *next = &out->targets[out->target_count];
	struct dns_name name = { 0 };

	wire_name_copy(&reader->message, place->name, &name);
	for (unsigned int i = 0; i < out->target_count; i++)
		if (dns_name_equal(&out->targets[i].name, &name)) {
			out->targets[i].ttl = smaller(out->targets[i].ttl, place->ttl);
			return;
		}
	if (out->target_count == LIMIT_ANSWER_TARGETS) {
		out->targets_over_limit++;
		return;
	}
	next->name = name;
	next->ttl = place->ttl;
	out->target_count++;
}

static void add_place(struct reader *reader, const struct place *place)
{
	for (unsigned int i = 1; i < reader->place_count; i++) {
		struct place *known = &reader->places[i];

		if (wire_name_equal(&reader->message, known->start, place->start)) {
			known->ttl = smaller(known->ttl, place->ttl);
			return;
		}
	}
	if (reader->place_count == 1 + LIMIT_ANSWER_TARGETS) {
		reader->out->targets_over_limit++;
		return;
	}
	reader->places[reader->place_count++] = *place;
}

/* Whether a record counts at this place and has its name. Two names at the same offset are the same: with
 * compression that settles nearly all. Other comparisons are rationed, for a message can be written in which each
 * takes 255 octets. */
static bool owned(struct reader *reader, const struct record *record, const struct place *place)
{
	const struct wire_name *owner = &record->owner;

	if (record->additional && !place->additional)
		return false;
	if (owner->first == place->name.first)
		return true;
	if (owner->print != place->name.print || owner->length != place->name.length)
		return false;
	if (reader->compares_left < owner->length) {
		reader->out->chain_over_limit = true;
		return false;
	}
	reader->compares_left -= owner->length;
	return wire_name_equal(&reader->message, *owner, place->name);
}

static void take_address(struct reader *reader, struct place *place, const struct record *record)
{
	struct wire data = wire_part(&reader->message, record->data.at, record->data.length);
	enum ipaddr_family family = record->type == DNS_TYPE_A ? IPADDR_V4 : IPADDR_V6;

	add_address(reader, family, wire_octets(&data, record->data.length), smaller(place->ttl, record->ttl));
	place->addressed = true;
}

/* Takes the A and AAAA records of a place, whatever the question's type: the resolver says that the name has them,
 * and caches hand them out later. Returns its CNAME record or NULL. There can be only one (RFC 2181 10.1); of
 * several the first counts, as with the stub resolvers that read straight through, so that no answer makes us follow
 * more than a client does. */
static const struct record *take_records(struct reader *reader, struct place *place)
{
	const struct record *cname = NULL;

	place->addressed = false;
	for (unsigned int i = 0; i < reader->index.count; i++) {
		const struct record *record = &reader->index.records[i];

		if (is_service(record->type) || !owned(reader, record, place))
			continue;
		if (record->type != DNS_TYPE_CNAME)
			take_address(reader, place, record);
		else if (!cname)
			cname = record;
	}
	return cname;
}

/* A hint does not make the target addressed: the client asks for the target's addresses all the same (RFC 9460 7.3). */
static void take_service(struct reader *reader, const struct place *place, uint32_t ttl, const struct svcb *svcb)
{
	bool alias = svcb->priority == 0, root = svcb->target.length == 1;
	struct wire_name name = root ? place->name : svcb->target;
	struct place target = { .start = name, .name = name, .additional = true, .services = alias };

	if (alias && root)
		return;
	target.ttl = smaller(place->ttl, ttl);
	add_hints(reader, IPADDR_V4, svcb->hints4, target.ttl);
	add_hints(reader, IPADDR_V6, svcb->hints6, target.ttl);
	add_place(reader, &target);
}

/* The SVCB or HTTPS RRset of a place. One malformed record makes a client reject all of it (RFC 9460 2.2), so it
 * teaches nothing; beside an AliasMode record those in ServiceMode are ignored (RFC 9460 2.4.1). */
static void take_services(struct reader *reader, const struct place *place, uint16_t type)
{
	struct svcb svcb;
	bool alias = false;

	for (int judged = 0; judged < 2; judged++)
		for (unsigned int i = 0; i < reader->index.count; i++) {
			const struct record *record = &reader->index.records[i];

			if (record->type != type || !owned(reader, record, place))
				continue;
			if (!svcb_read(&reader->message, record->data.at, record->data.length, &svcb))
				return;
			if (judged && alias == (svcb.priority == 0))
				take_service(reader, place, record->ttl, &svcb);
			alias |= svcb.priority == 0;
		}
}

static bool is_among(const struct wire *message, struct wire_name name, const struct wire_name *names,
		     unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (wire_name_equal(message, name, names[i]))
			return true;
	return false;
}

/* Takes what a place and the names on its CNAME chain own. */
static void visit(struct reader *reader, struct place *place)
{
	struct wire_name visited[LIMIT_CHAIN_STEPS];
	unsigned int count = 0;

	for (;;) {
		const struct record *cname = take_records(reader, place);

		if (place->services && reader->index.has_services) {
			take_services(reader, place, DNS_TYPE_SVCB);
			take_services(reader, place, DNS_TYPE_HTTPS);
		}
		place->ended = !cname;
		if (!cname)
			return;
		if (reader->steps_left == 0) {
			reader->out->chain_over_limit = true;
			return;
		}
		reader->steps_left--;
		visited[count++] = place->name;
		if (is_among(&reader->message, cname->target, visited, count)) /* a loop has no end to ask for */
			return;
		place->name = cname->target;
		place->ttl = smaller(place->ttl, cname->ttl);
	}
}

/* Another place can have found addresses at the same end: the question's chain does not look at the additional
 * section. */
static bool has_address(const struct reader *reader, struct wire_name name)
{
	for (unsigned int i = 0; i < reader->place_count; i++) {
		const struct place *place = &reader->places[i];

		if (place->addressed && wire_name_equal(&reader->message, place->name, name))
			return true;
	}
	return false;
}

static void collect_targets(struct reader *reader)
{
	struct wire_name question = reader->places[0].start;

	for (unsigned int i = 0; i < reader->place_count; i++) {
		const struct place *place = &reader->places[i];

		if (!place->ended || place->name.length == 1 ||
		    wire_name_equal(&reader->message, place->name, question))
			continue;
		if (!has_address(reader, place->name))
			add_target(reader, place);
	}
}

static void collect(struct reader *reader)
{
	for (unsigned int i = 0; i < reader->place_count; i++) /* grows while it is walked */
		visit(reader, &reader->places[i]);
	collect_targets(reader);
}

static enum dns_read read_records(struct wire *wire, const struct header *header, struct wire_name question,
				  struct record *records, struct dns_answer *out)
{
	struct reader reader;
	enum dns_read result;

	reader.index = (struct index) { .records = records };
	result = index_records(wire, header, &reader.index);
	if (result != DNS_READ_OK)
		return result;
	reader.message = wire_message(wire->start, wire->end);
	reader.out = out;
	reader.places[0] = (struct place) { .start = question, .name = question, .ttl = UINT32_MAX, .services = true };
	reader.place_count = 1;
	reader.steps_left = LIMIT_CHAIN_STEPS;
	reader.compares_left = wire->end * LIMIT_CHAIN_STEPS;
	memset(reader.seen, 0, sizeof(reader.seen));
	out->truncated = (header->flags & FLAG_TC) != 0;
	out->chain_over_limit = false;
	out->address_count = out->addresses_over_limit = 0;
	out->target_count = out->targets_over_limit = 0;
	collect(&reader);
	return DNS_READ_OK;
}

enum dns_read dns_answer_read(const uint8_t *message, size_t length, struct dns_answer *out)
{
	struct record records[LIMIT_MESSAGE_RECORDS]; /* 144 kB of stack; a usual message touches the first few */
	struct wire_known known = { 0 };
	struct wire wire = wire_message(message, length);
	struct header header = read_header(&wire);
	enum dns_read result = check_header(&wire, &header);
	struct wire_name question;

	wire.known = &known;
	if (result == DNS_READ_OK)
		result = read_question(&wire, &header, &question, out);
	if (result != DNS_READ_OK)
		return result;
	if ((size_t)header.answers + header.authorities + header.additionals > wire_left(&wire) / RECORD_SIZE_MIN)
		return DNS_READ_MALFORMED;
	return read_records(&wire, &header, question, records, out);
}
