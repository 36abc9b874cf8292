/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/streams.h"

#include <sys/mman.h>

#include "base/limits.h"

static size_t streams_size(void)
{
	return stream_table_size(LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS);
}

/* Pages that the kernel gives when they are used: most gateways need a few. */
struct stream_table *streams_new(enum stream_side side, const struct hash_key *key)
{
	void *block = mmap(NULL, streams_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return block == MAP_FAILED ? NULL : stream_table_new(block, LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS, side, key);
}

void streams_free(struct stream_table *streams)
{
	if (streams)
		munmap(streams, streams_size());
}
