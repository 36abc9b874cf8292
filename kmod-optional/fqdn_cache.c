// SPDX-License-Identifier: GPL-2.0-or-later
#include "fqdn_cache.h"

/* The hashes are keyed: any of their bits serve. */
static struct fqdn_bucket *fqdn_bucket(const struct fqdn_cache *cache, u64 name, u64 digest)
{
	return &cache->buckets[(name ^ digest) & cache->mask];
}

s64 fqdn_cache_until(const struct fqdn_cache *cache, u64 name, u64 digest)
{
	struct fqdn_bucket *bucket = fqdn_bucket(cache, name, digest);
	unsigned int start = raw_seqcount_begin(&bucket->sequence), i;
	s64 until = 0;

	for (i = 0; i < FQDN_WAYS; i++) {
		const struct fqdn_entry *entry = &bucket->entries[i];

		if (READ_ONCE(entry->name) == name && READ_ONCE(entry->digest) == digest)
			until = READ_ONCE(entry->until);
	}
	return read_seqcount_retry(&bucket->sequence, start) ? 0 : until;
}

static void fqdn_write(struct fqdn_bucket *bucket, struct fqdn_entry *entry, u64 name, u64 digest, s64 until)
{
	raw_write_seqcount_begin(&bucket->sequence);
	WRITE_ONCE(entry->name, name);
	WRITE_ONCE(entry->digest, digest);
	WRITE_ONCE(entry->until, until);
	raw_write_seqcount_end(&bucket->sequence);
}

int fqdn_cache_add(struct fqdn_cache *cache, u64 name, u64 digest, s64 until, s64 now, bool evict)
{
	struct fqdn_bucket *bucket = fqdn_bucket(cache, name, digest);
	struct fqdn_entry *first = &bucket->entries[0];
	unsigned int i;

	for (i = 0; i < FQDN_WAYS; i++) {
		struct fqdn_entry *entry = &bucket->entries[i];

		if (entry->until && entry->name == name && entry->digest == digest) {
			fqdn_write(bucket, entry, name, digest, until);
			return 0;
		}
		if (entry->until < first->until)
			first = entry;
	}
	if (first->until > now && !evict)
		return -ENOSPC;
	fqdn_write(bucket, first, name, digest, until);
	return 0;
}

void fqdn_cache_clear(struct fqdn_cache *cache)
{
	u32 i;
	unsigned int k;

	for (i = 0; i <= cache->mask; i++)
		for (k = 0; k < FQDN_WAYS; k++)
			if (cache->buckets[i].entries[k].until)
				fqdn_write(&cache->buckets[i], &cache->buckets[i].entries[k], 0, 0, 0);
}
