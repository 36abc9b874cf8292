/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyed hash (SipHash-1-3), so that nobody outside can choose names or addresses that collide. */
#ifndef NFQDN_BASE_HASH_H
#define NFQDN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* A key from getrandom(2). 0 or -errno. */
int hash_key_random(struct hash_key *out);
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length);

#endif
