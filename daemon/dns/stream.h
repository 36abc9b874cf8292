/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages out of the TCP segments that one side sends (RFC 1035 4.2.2, RFC 7766): which messages can be read once
 * this segment has arrived. The words below are those of the server's side; a table for what clients send is the same,
 * but that a flow begins with the SYN.
 *
 * A message becomes readable by the segment that brings the last octet missing at the front of the stream: the
 * receiver's TCP cannot deliver it before that segment either. So only that segment need wait for a transaction; those
 * before it, and those that came early, do no harm. The first copy of an octet counts.
 *
 * A dropped segment was never there. stream_settle() is told which segments the client will not get and takes back
 * what they brought: their repetition, cut differently or not, makes the same messages readable again.
 *
 * Where a message begins is known from the SYN-ACK on, and from nothing else. A flow that is first seen in the middle
 * (we started late, a queue that overflowed let segments by, a limit made us forget) is not read until it ends: what
 * looks like a message at an unknown place may be the inside of a TXT record, whose octets a client can choose by
 * asking for a name of its own, and by its MSS and window it chooses where segments begin, too. Only a message whose
 * length is known can be skipped, for the next one begins right behind it. */
#ifndef NFQDN_DNS_STREAM_H
#define NFQDN_DNS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/monotime.h"
#include "dns/packet.h"

struct stream_table;

/* Whose segments a table takes. */
enum stream_side { STREAM_SERVER, STREAM_CLIENT };

/* Octets of memory for `flows` flows that together hold `octets` of unfinished messages. */
size_t stream_table_size(size_t flows, size_t octets);
/* Makes an empty table in `block`, aligned as malloc() aligns, of stream_table_size() octets; it stays the caller's.
 * Memory is touched when it is used: what mmap() gave costs little until then. */
struct stream_table *stream_table_new(void *block, size_t flows, size_t octets, enum stream_side side,
				      const struct hash_key *key);

/* One message, without its length prefix, 0..65,535 octets; valid during the call, which must not feed the table. */
typedef void stream_message(void *context, const uint8_t *message, size_t length);

/* Takes one segment of the table's side and calls `message` for each message that it makes readable, in the stream's
 * order. `packet` is the caller's number of it, 0 .. LIMIT_DRAIN_PACKETS - 1, each once between two stream_settle().
 * Returns how many messages there were. */
unsigned int stream_feed(struct stream_table *table, const struct packet_tcp *segment, unsigned int packet,
			 struct monotime now, stream_message *message, void *context);

/* To be called when the fate of all segments fed since the last time is known, before their verdicts: `dropped` are
 * those (bits of packet numbers) that the client will not get. Returns `dropped` with those added that must be dropped
 * with them: second copies of the same octets, which would bring the client what could not be learned. */
uint64_t stream_settle(struct stream_table *table, uint64_t dropped);

/* Flows followed, and octets set aside for unfinished messages, for `status`. */
size_t stream_flows(const struct stream_table *table);
size_t stream_octets(const struct stream_table *table);

#endif
