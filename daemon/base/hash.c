/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; the variant of the Linux kernel's hsiphash
 * on 64 bit). */
#include "base/hash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

int hash_key_random(struct hash_key *out)
{
	struct hash_key key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -errno;
	*out = key;
	return 0;
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length)
{
	struct sip s = { key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d, key->k0 ^ 0x6c7967656e657261,
			 key->k1 ^ 0x7465646279746573 };
	const uint8_t *in = data;
	uint64_t last = (uint64_t)length << 56, word;
	size_t i;

	for (i = 0; i + 8 <= length; i += 8) {
		memcpy(&word, in + i, 8);
		word = le64toh(word); /* one sum on every machine: files travel */
		s.v3 ^= word;
		sip_round(&s);
		s.v0 ^= word;
	}
	for (unsigned int shift = 0; i < length; i++, shift += 8)
		last |= (uint64_t)in[i] << shift;
	s.v3 ^= last;
	sip_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
