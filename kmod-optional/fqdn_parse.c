// SPDX-License-Identifier: GPL-2.0-or-later
/* Offsets are checked against the message's end before every access; a name is expanded into a buffer of 255 octets, and
 * what a compression pointer leads to must lie wholly before the part that the pointer ends (RFC 1035 4.1.4), so that no
 * loop can be written.
 */
#include "fqdn_parse.h"

#define FQDN_FLAG_QR 0x8000
#define FQDN_FLAG_OPCODE 0x7800
#define FQDN_FLAG_TC 0x0200
#define FQDN_FLAG_RCODE 0x000f

#define FQDN_CLASS_IN 1
#define FQDN_TYPE_A 1
#define FQDN_TYPE_CNAME 5
#define FQDN_TYPE_AAAA 28
#define FQDN_TYPE_OPT 41
#define FQDN_TYPE_SVCB 64
#define FQDN_TYPE_HTTPS 65

#define FQDN_RECORD_FIXED 10 /* TYPE, CLASS, TTL, RDLENGTH */

enum fqdn_section { FQDN_ANSWER, FQDN_AUTHORITY, FQDN_ADDITIONAL };

struct fqdn_reader {
	const u8 *message;
	size_t length, at;
	const struct fqdn_key *key;
	u64 question; /* hash of its name */
	bool of_question; /* the record's owner is that name, and `name` is not written */
	struct fqdn_name name; /* the one expanded last */
	u64 sum;
	u32 ttl;
	u16 ordinal; /* of records whose order matters */
};

/* The fixed fields of a record; RDATA stands at `data`. */
struct fqdn_record {
	u16 type, class, length;
	u32 ttl;
	size_t data;
};

static u16 fqdn_u16(const u8 *at)
{
	return (u16)(at[0] << 8 | at[1]);
}

static u32 fqdn_u32(const u8 *at)
{
	return (u32)fqdn_u16(at) << 16 | fqdn_u16(at + 2);
}

static u8 fqdn_lower(u8 octet)
{
	return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

/* Appends a label and its length octet. */
static bool fqdn_append(struct fqdn_name *name, const u8 *label)
{
	size_t size = 1 + (size_t)label[0], used = name->length, i;

	if (used + size > FQDN_NAME_MAX)
		return false;
	for (i = 0; i < size; i++) /* a length octet is at most 63 and no letter */
		name->octets[used + i] = fqdn_lower(label[i]);
	name->length = (u8)(used + size);
	return true;
}

/* Expands the name at `at`. Returns the offset behind it, or 0. */
static size_t fqdn_expand(const u8 *message, size_t length, size_t at, struct fqdn_name *out)
{
	size_t part = at, end = length, after = 0;
	unsigned int pointers = 0;

	out->length = 0;
	while (at < end) {
		u8 octet = message[at];

		if (octet <= FQDN_LABEL_MAX) {
			if (end - at <= octet || !fqdn_append(out, message + at))
				return 0;
			at += 1 + (size_t)octet;
			if (octet == 0)
				return after ? after : at;
			continue;
		}
		/* 01 and 10 are reserved; more pointers than labels cannot each lead to one */
		if (octet < 0xc0 || end - at < 2 || ++pointers > FQDN_LABELS_MAX)
			return 0;
		if (!after)
			after = at + 2;
		end = part;
		at = fqdn_u16(message + at) & 0x3fff;
		if (at < FQDN_HEADER_SIZE || at >= end)
			return 0;
		part = at;
	}
	return 0;
}

int fqdn_read_question(const u8 *head, size_t held, struct fqdn_question *out)
{
	u16 flags;
	size_t at;

	if (held < FQDN_HEADER_SIZE)
		return -EINVAL;
	flags = fqdn_u16(head + 2);
	if (!(flags & FQDN_FLAG_QR) || (flags & FQDN_FLAG_OPCODE) || fqdn_u16(head + 4) != 1)
		return -EINVAL;
	at = fqdn_expand(head, held, FQDN_HEADER_SIZE, &out->name);
	if (at == 0 || held - at < 4 || fqdn_u16(head + at + 2) != FQDN_CLASS_IN)
		return -EINVAL;
	out->qtype = fqdn_u16(head + at);
	out->end = (u16)(at + 4);
	out->answers = fqdn_u16(head + 6);
	out->authorities = fqdn_u16(head + 8);
	out->additionals = fqdn_u16(head + 10);
	out->error = (flags & FQDN_FLAG_RCODE) != 0;
	out->truncated = (flags & FQDN_FLAG_TC) != 0;
	return 0;
}

/* Adds one record to the digest. `what` is the hash of its RDATA. Addresses are added in any order: resolvers rotate
 * them. Of several CNAME records the first counts, so theirs is kept.
 */
static void fqdn_add(struct fqdn_reader *reader, enum fqdn_section section, const struct fqdn_record *record, u64 owner,
		     u64 what)
{
	bool ordered = record->type != FQDN_TYPE_A && record->type != FQDN_TYPE_AAAA;
	u64 parts[3] = { owner, what, 0 };
	u32 ttl = record->ttl >> 31 ? 0 : record->ttl;

	parts[2] = (u64)record->type << 32 | (u64)section << 16;
	if (ordered)
		parts[2] |= ++reader->ordinal;
	reader->sum += fqdn_hash(reader->key, parts, sizeof(parts));
	if (ttl > reader->ttl)
		reader->ttl = ttl;
}

static u64 fqdn_hash_owner(const struct fqdn_reader *reader)
{
	if (reader->of_question)
		return reader->question;
	return fqdn_hash(reader->key, reader->name.octets, reader->name.length);
}

/* Judges RDATA as nfqdnd does, and adds the record when it can teach. */
static bool fqdn_take(struct fqdn_reader *reader, enum fqdn_section section, const struct fqdn_record *record)
{
	u64 owner, what;

	/* the RCODE's upper eight bits, RFC 6891 6.1.3 */
	if (record->type == FQDN_TYPE_OPT && section == FQDN_ADDITIONAL)
		return record->ttl >> 24 == 0;
	if (record->class != FQDN_CLASS_IN)
		return true;
	switch (record->type) {
	case FQDN_TYPE_A:
		if (record->length != 4)
			return false;
		break;
	case FQDN_TYPE_AAAA:
		if (record->length != 16)
			return false;
		break;
	case FQDN_TYPE_CNAME:
		owner = fqdn_hash_owner(reader);
		reader->of_question = false; /* it is the target that is expanded now */
		if (fqdn_expand(reader->message, record->data + record->length, record->data, &reader->name) !=
		    record->data + record->length)
			return false;
		if (section != FQDN_AUTHORITY)
			fqdn_add(reader, section, record, owner, fqdn_hash_owner(reader));
		return true;
	case FQDN_TYPE_SVCB:
	case FQDN_TYPE_HTTPS:
		break;
	default:
		return true;
	}
	if (section == FQDN_AUTHORITY)
		return true;
	what = record->type == FQDN_TYPE_A ? fqdn_u32(reader->message + record->data)
					   : fqdn_hash(reader->key, reader->message + record->data, record->length);
	fqdn_add(reader, section, record, fqdn_hash_owner(reader), what);
	return true;
}

/* Reads the owner's name. Most are a pointer to the question's, which stands behind the header and was read. Returns
 * the offset behind it, or 0.
 */
static size_t fqdn_read_owner(struct fqdn_reader *reader)
{
	reader->of_question = reader->length - reader->at >= 2 &&
			      fqdn_u16(reader->message + reader->at) == (0xc000 | FQDN_HEADER_SIZE);
	if (reader->of_question)
		return reader->at + 2;
	return fqdn_expand(reader->message, reader->length, reader->at, &reader->name);
}

static bool fqdn_read_record(struct fqdn_reader *reader, enum fqdn_section section)
{
	struct fqdn_record record;
	size_t at = fqdn_read_owner(reader);
	const u8 *fixed = reader->message + at;

	if (at == 0 || reader->length - at < FQDN_RECORD_FIXED)
		return false;
	record.type = fqdn_u16(fixed);
	record.class = fqdn_u16(fixed + 2);
	record.ttl = fqdn_u32(fixed + 4);
	record.length = fqdn_u16(fixed + 8);
	record.data = at + FQDN_RECORD_FIXED;
	if (reader->length - record.data < record.length)
		return false;
	reader->at = record.data + record.length;
	return fqdn_take(reader, section, &record);
}

static bool fqdn_read_section(struct fqdn_reader *reader, enum fqdn_section section, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!fqdn_read_record(reader, section))
			return false;
	return true;
}

int fqdn_read_digest(const u8 *message, size_t length, const struct fqdn_question *question, const struct fqdn_key *key,
		     struct fqdn_digest *out)
{
	struct fqdn_reader reader = { .message = message, .length = length, .at = question->end, .key = key };
	u64 parts[3];

	if (length > FQDN_MESSAGE_MAX || question->end > length)
		return -EINVAL;
	if ((unsigned int)question->answers + question->authorities + question->additionals > FQDN_RECORDS_MAX)
		return -EINVAL;
	reader.question = fqdn_hash(key, question->name.octets, question->name.length);
	if (!fqdn_read_section(&reader, FQDN_ANSWER, question->answers) ||
	    !fqdn_read_section(&reader, FQDN_AUTHORITY, question->authorities) ||
	    !fqdn_read_section(&reader, FQDN_ADDITIONAL, question->additionals))
		return -EINVAL;
	parts[0] = reader.question;
	parts[1] = reader.sum;
	parts[2] = (u64)question->qtype << 1 | question->truncated;
	out->name = reader.question;
	out->digest = fqdn_hash(key, parts, sizeof(parts));
	out->ttl = reader.ttl;
	return 0;
}
