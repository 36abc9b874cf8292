/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the eBPF program (fqdn_filter.bpf.c) and nfqdnd (netfilter/assist_filter.c) share: the maps, and the digest of a
 * message. What the verifier must not follow is read back from the scratch space.
 */
#ifndef NF_FQDN_FILTER_H
#define NF_FQDN_FILTER_H

#include "fqdn_hash.h"
#include "fqdn_shim.h"

#define FQDN_FILTER_HEADER 12
#define FQDN_FILTER_NAME 255
#define FQDN_FILTER_LABEL 63
#define FQDN_FILTER_LABELS 128 /* 127 of one octet each, and the root */
#define FQDN_FILTER_HEAD (FQDN_FILTER_HEADER + FQDN_FILTER_NAME + 4)
/* What fits one Ethernet frame; longer messages, and those with more records, are left to nfqdnd. */
#define FQDN_FILTER_MESSAGE 1472
#define FQDN_FILTER_RECORDS 32
#define FQDN_FILTER_ROOM 2048 /* no offset in 11 bits leads out of it */

/* The maps, by the number that stands in the program in their places. */
enum fqdn_filter_map {
	FQDN_FILTER_TABLES, /* array of one map, or none: then everything is left to nfqdnd */
	FQDN_FILTER_KNOWN, /* digest: until */
	FQDN_FILTER_STATE, /* struct fqdn_filter_state */
	FQDN_FILTER_COUNTERS, /* packets by enum fqdn_filter_verdict */
	FQDN_FILTER_SCRATCH, /* struct fqdn_filter_scratch, for each processor */
	FQDN_FILTER_MAPS
};
/* The programs' sections. */
#define FQDN_FILTER_ASKS_UNRELATED "socket/unrelated"
#define FQDN_FILTER_ASKS_KNOWN "socket/known"
/* In the upper half of the address of a map. */
#define FQDN_FILTER_MAGIC 0x6e667164u

enum fqdn_filter_verdict {
	FQDN_FILTER_LEFT,
	FQDN_FILTER_ERROR,
	FQDN_FILTER_UNRELATED,
	FQDN_FILTER_PASSED, /* known */
	FQDN_FILTER_VERDICTS
};

/* A table maps the hash of a suffix of names to flags and, shifted by FQDN_FILTER_SHIFT, the time until which the name
 * itself is a derived one. Times are milliseconds of CLOCK_BOOTTIME.
 */
#define FQDN_FILTER_ENDS 1u
#define FQDN_FILTER_BELOW 2u
#define FQDN_FILTER_SHIFT 2

struct fqdn_filter_state {
	u64 name_key;
	u64 all; /* some pattern may match any name */
	struct fqdn_key known_key; /* another one: nothing is known any more */
};

struct fqdn_filter_scratch {
	u32 busy; /* another packet is being read: an interrupt, or a task that was preempted */
	u32 length; /* of the name, then of the message */
	u32 at; /* the offset reached */
	u32 count; /* of the name's labels */
	u32 ttl;
	u64 sum;
	u8 message[FQDN_FILTER_ROOM + 64] __attribute__((aligned(8)));
	u8 labels[FQDN_FILTER_LABELS]; /* where they begin in the name; behind them, where the root does */
};

/* So that the compiler takes it from memory, and the verifier knows nothing of it. */
#define FQDN_FILTER_AFRESH(v) (*(volatile u32 *)&(v))

/* Of a word, the octets from the `octet`th on in memory, 0 .. 7. */
static inline u64 fqdn_filter_from(u32 octet)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return ~0ULL >> 8 * octet;
#else
	return ~0ULL << 8 * octet;
#endif
}

/* The hash of a name's suffix, from that of the suffix behind its first label. `octets`: of the label with its length
 * octet; 7 more can be read. A collision shows nfqdnd an answer more.
 */
static inline u64 fqdn_filter_label(u64 hash, const u8 *label, u32 octets)
{
	u64 word;
	u32 i;

	for (i = 0; i < 64 && i < octets; i += 8) {
		memcpy(&word, label + i, 8);
		if (octets - i < 8)
			word &= ~fqdn_filter_from(octets - i);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

static inline u32 fqdn_filter_u16(const u8 *at)
{
	return (u32)at[0] << 8 | at[1];
}

/* What the steps of a loop share. */
struct fqdn_filter_round {
	struct fqdn_filter_scratch *s;
	const struct fqdn_key *key;
	struct fqdn_sip sip;
	bool bad;
};

/* One step of a loop, from 0 on; 1: it was the last one. */
typedef long fqdn_filter_steps(u32 i, void *round);

#ifdef __bpf__
/* The verifier reads a step once, not once for each round, Linux 5.17. */
static long (*const fqdn_filter_loop)(u32 count, fqdn_filter_steps *step, void *round,
				      u64 flags) = (void *)BPF_FUNC_loop;
#else
static inline void fqdn_filter_loop(u32 count, fqdn_filter_steps *step, void *round, u64 flags)
{
	u32 i;

	(void)flags;
	for (i = 0; i < count && !step(i, round); i++)
		;
}
#endif

static inline long fqdn_filter_label_step(u32 i, void *context)
{
	struct fqdn_filter_scratch *s = ((struct fqdn_filter_round *)context)->s;
	u32 at = FQDN_FILTER_AFRESH(s->at) % 256, octets = s->message[FQDN_FILTER_HEADER + at];

	s->labels[i % FQDN_FILTER_LABELS] = (u8)at;
	s->at = at + 1 + octets;
	if (octets == 0) {
		s->count = i;
		s->length = at + 1;
	}
	return octets == 0 || octets > FQDN_FILTER_LABEL || at + 1 + octets >= FQDN_FILTER_NAME;
}

/* Eight octets at once; those of lengths are less than any letter. Of the name's first word four belong to the header. */
static inline long fqdn_filter_lower_step(u32 i, void *context)
{
	const u64 ones = 0x0101010101010101ULL;
	struct fqdn_filter_scratch *s = ((struct fqdn_filter_round *)context)->s;
	u64 word, low, upper, mask = i == 0 ? fqdn_filter_from(4) : ~0ULL;
	u8 *at = s->message + 8 + i % 64 * 8;
	u32 left = FQDN_FILTER_AFRESH(s->length) + 4 - 8 * i;

	if (left < 8)
		mask &= ~fqdn_filter_from(left);
	memcpy(&word, at, 8);
	low = word & 0x7f * ones;
	upper = (low + (0x80 - 'A') * ones) & ~(low + (0x7f - 'Z') * ones) & ~word & 0x80 * ones;
	word |= (upper & mask) >> 2;
	memcpy(at, &word, 8);
	return 0;
}

/* Finds the question's labels and puts it into lower case. Its length with the root label in `length`, or 0. */
static inline void fqdn_filter_name(struct fqdn_filter_scratch *s, fqdn_filter_steps *label_step,
				    fqdn_filter_steps *lower_step)
{
	struct fqdn_filter_round round = { .s = s };
	u32 length;

	s->length = 0;
	s->at = 0;
	fqdn_filter_loop(FQDN_FILTER_LABELS, label_step, &round, 0);
	length = FQDN_FILTER_AFRESH(s->length) % 256;
	if (length)
		fqdn_filter_loop((length + 4 + 7) / 8, lower_step, &round, 0);
}

/* Reads header and question of a message of which `held` octets are there, FQDN_FILTER_HEADER at least: is it a
 * response, FQDN_FILTER_PASSED, or an error, or can it not be judged, FQDN_FILTER_LEFT? The name is then in lower case.
 */
static inline enum fqdn_filter_verdict fqdn_filter_question(struct fqdn_filter_scratch *s, u32 held,
							    fqdn_filter_steps *label_step,
							    fqdn_filter_steps *lower_step)
{
	u32 flags = fqdn_filter_u16(s->message + 2), length;
	const u8 *behind;

	if ((flags & 0xf800) != 0x8000 || fqdn_filter_u16(s->message + 4) != 1)
		return FQDN_FILTER_LEFT;
	fqdn_filter_name(s, label_step, lower_step);
	length = FQDN_FILTER_AFRESH(s->length) % 256;
	behind = s->message + FQDN_FILTER_HEADER + length;
	if (length == 0 || FQDN_FILTER_HEADER + length + 4 > held || fqdn_filter_u16(behind + 2) != 1)
		return FQDN_FILTER_LEFT;
	return flags & 15 ? FQDN_FILTER_ERROR : FQDN_FILTER_PASSED;
}

/* Takes a record's address, 4 or 16 octets, out of the message and adds it to the sum: resolvers rotate them. */
static inline void fqdn_filter_address(struct fqdn_filter_scratch *s, const struct fqdn_key *key, u64 owner, u8 *data,
				       u32 octets)
{
	u64 parts[3] = { owner, 0, 0 };

	memcpy(&parts[1], data, octets);
	memset(data, 0, octets);
	s->sum += fqdn_hash(key, parts, sizeof(parts));
}

/* Goes over the record at `at`: its TTL becomes 0, and its address, too. False: it cannot be judged. Of owners' names
 * only the root and a pointer are: whatever it leads to is part of the digest.
 */
static inline bool fqdn_filter_record(struct fqdn_filter_scratch *s, const struct fqdn_key *key)
{
	u32 at = FQDN_FILTER_AFRESH(s->at), length = FQDN_FILTER_AFRESH(s->length), type, size, ttl;
	u64 owner;
	u8 *fixed;

	if (at > length || length - at < 11)
		return false;
	owner = fqdn_filter_u16(s->message + at % FQDN_FILTER_ROOM);
	if (owner >= 0xc000)
		s->at = at + 2;
	else if (owner < 0x100)
		s->at = at + 1;
	else
		return false;
	at = FQDN_FILTER_AFRESH(s->at);
	if (length - at < 10)
		return false;
	fixed = s->message + at % FQDN_FILTER_ROOM;
	type = fqdn_filter_u16(fixed);
	ttl = fqdn_filter_u16(fixed + 4) << 16 | fqdn_filter_u16(fixed + 6);
	size = fqdn_filter_u16(fixed + 8);
	s->at = at + 10 + size;
	if (type == 41) /* OPT: the upper bits of the RCODE, RFC 6891 6.1.3 */
		return fixed[4] == 0;
	fixed[4] = fixed[5] = fixed[6] = fixed[7] = 0;
	if (ttl >> 31) /* RFC 2181 8 */
		ttl = 0;
	if (ttl > s->ttl && (type == 1 || type == 5 || type == 28 || type == 64 || type == 65))
		s->ttl = ttl;
	if (type == 1 && size == 4)
		fqdn_filter_address(s, key, owner, fixed + 10, 4);
	else if (type == 28 && size == 16)
		fqdn_filter_address(s, key, owner, fixed + 10, 16);
	return true;
}

static inline long fqdn_filter_record_step(u32 i, void *context)
{
	struct fqdn_filter_round *round = context;

	(void)i;
	round->bad = !fqdn_filter_record(round->s, round->key);
	return round->bad;
}

static inline long fqdn_filter_hash_step(u32 i, void *context)
{
	struct fqdn_filter_round *round = context;
	u64 word;

	memcpy(&word, round->s->message + i % (FQDN_FILTER_ROOM / 8) * 8, 8);
	round->sip.v3 ^= word;
	fqdn_sip_round(&round->sip);
	round->sip.v0 ^= word;
	return 0;
}

/* The hash of all `length` octets, 0 .. FQDN_FILTER_MESSAGE, and of the sum. */
static inline u64 fqdn_filter_hash(struct fqdn_filter_round *round, u32 length, fqdn_filter_steps *step)
{
	const struct fqdn_key *key = round->key;
	struct fqdn_sip *sip = &round->sip;
	u64 sum = round->s->sum;
	u32 i;

	*sip = (struct fqdn_sip) { key->k0 ^ 0x736f6d6570736575ULL, key->k1 ^ 0x646f72616e646f6dULL,
				   key->k0 ^ 0x6c7967656e657261ULL, key->k1 ^ 0x7465646279746573ULL };
	fqdn_filter_loop((length + 7) / 8, step, round, 0);
	sip->v3 ^= sum;
	fqdn_sip_round(sip);
	sip->v0 ^= sum;
	sip->v3 ^= length;
	fqdn_sip_round(sip);
	sip->v0 ^= length;
	sip->v2 ^= 0xff;
	for (i = 0; i < 3; i++)
		fqdn_sip_round(sip);
	return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

/* The digest of the message of `length` octets, whose question of `name` octets was put into lower case. It is equal for
 * messages that differ in nothing but id, TTLs, and the order of addresses; `ttl` is the largest of those that count.
 * False: it cannot be judged.
 */
static inline bool fqdn_filter_digest(struct fqdn_filter_scratch *s, u32 length, const struct fqdn_key *key,
				      fqdn_filter_steps *record_step, fqdn_filter_steps *hash_step, u64 *digest)
{
	struct fqdn_filter_round round = { .s = s, .key = key };
	u32 records =
		fqdn_filter_u16(s->message + 6) + fqdn_filter_u16(s->message + 8) + fqdn_filter_u16(s->message + 10);
	u32 i;

	if (length > FQDN_FILTER_MESSAGE || records > FQDN_FILTER_RECORDS)
		return false;
	s->at = FQDN_FILTER_HEADER + s->length + 4;
	s->length = length;
	s->ttl = 0;
	s->sum = 0;
	s->message[0] = s->message[1] = 0;
	for (i = 0; i < 8; i++)
		s->message[FQDN_FILTER_AFRESH(s->length) % FQDN_FILTER_ROOM + i] = 0;
	fqdn_filter_loop(records, record_step, &round, 0);
	if (round.bad || FQDN_FILTER_AFRESH(s->at) != length)
		return false;
	*digest = fqdn_filter_hash(&round, length, hash_step);
	return true;
}

#endif
