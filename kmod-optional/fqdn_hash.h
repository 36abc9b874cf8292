/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SipHash-1-3 (Aumasson and Bernstein). The key is nfqdnd's: who sends names does not know it. Same sum on every
 * machine, in the kernel and outside.
 */
#ifndef NF_FQDN_HASH_H
#define NF_FQDN_HASH_H

#include "fqdn_shim.h"

struct fqdn_key {
	u64 k0, k1;
};

struct fqdn_sip {
	u64 v0, v1, v2, v3;
};

static inline u64 fqdn_rotate(u64 x, unsigned int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline void fqdn_sip_round(struct fqdn_sip *s)
{
	s->v0 += s->v1;
	s->v1 = fqdn_rotate(s->v1, 13) ^ s->v0;
	s->v0 = fqdn_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = fqdn_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = fqdn_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = fqdn_rotate(s->v1, 17) ^ s->v2;
	s->v2 = fqdn_rotate(s->v2, 32);
}

static inline u64 fqdn_hash(const struct fqdn_key *key, const void *data, size_t length)
{
	struct fqdn_sip s = { key->k0 ^ 0x736f6d6570736575ULL, key->k1 ^ 0x646f72616e646f6dULL,
			      key->k0 ^ 0x6c7967656e657261ULL, key->k1 ^ 0x7465646279746573ULL };
	u64 last = (u64)length << 56, word;
	const u8 *in = data;
	unsigned int shift;
	size_t i;

	for (i = 0; i + 8 <= length; i += 8) {
		memcpy(&word, in + i, 8);
		word = fqdn_from_le64(word);
		s.v3 ^= word;
		fqdn_sip_round(&s);
		s.v0 ^= word;
	}
	for (shift = 0; i < length; i++, shift += 8)
		last |= (u64)in[i] << shift;
	s.v3 ^= last;
	fqdn_sip_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	fqdn_sip_round(&s);
	fqdn_sip_round(&s);
	fqdn_sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
