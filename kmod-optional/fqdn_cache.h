/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairs of keyed hashes with an end, in memory of one size: what is learned already, and derived names. One writer at a
 * time, any number of readers, who never wait: a reader that meets the writer finds nothing, and nfqdnd judges.
 */
#ifndef NF_FQDN_CACHE_H
#define NF_FQDN_CACHE_H

#include "fqdn_shim.h"

#define FQDN_WAYS 8

struct fqdn_entry {
	u64 name, digest;
	s64 until; /* milliseconds; 0: free */
};

struct fqdn_bucket {
	seqcount_t sequence;
	struct fqdn_entry entries[FQDN_WAYS];
};

struct fqdn_cache {
	u32 mask; /* buckets - 1; a power of two */
	struct fqdn_bucket *buckets; /* zeroed */
};

/* When the pair ends; 0: not there, or who knows. */
s64 fqdn_cache_until(const struct fqdn_cache *cache, u64 name, u64 digest);
/* Adds a pair, or changes its end. A full bucket gives up what has ended at `now`; else, with `evict`, what ends first.
 * 0; -ENOSPC without `evict`.
 */
int fqdn_cache_add(struct fqdn_cache *cache, u64 name, u64 digest, s64 until, s64 now, bool evict);
void fqdn_cache_clear(struct fqdn_cache *cache);

#endif
