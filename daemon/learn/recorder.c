/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two rings: of records, and of their packets' octets. A packet stands in one piece: what does not fit before the end of
 * the octets begins anew at their start. Positions are counted on and never go back; modulo the size they are places. */
#include "learn/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/counters.h"
#include "base/limits.h"

struct ring {
	uint64_t starts[LIMIT_RECORD_PACKETS]; /* where each record's octets begin */
	struct recorder_record records[LIMIT_RECORD_PACKETS];
	uint8_t octets[LIMIT_RECORD_OCTETS];
};

struct recorder {
	struct ring *ring; /* NULL: nobody asks */
	struct monotime ends; /* when nobody has asked for long enough */
	uint64_t oldest, next; /* numbers */
	uint64_t position; /* of octets, behind the newest */
};

struct recorder *recorder_new(void)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (recorder)
		recorder->oldest = recorder->next = 1;
	return recorder;
}

static void detach(struct recorder *recorder)
{
	if (recorder->ring)
		munmap(recorder->ring, sizeof(*recorder->ring));
	recorder->ring = NULL;
	recorder->oldest = recorder->next;
	recorder->position = 0;
}

void recorder_free(struct recorder *recorder)
{
	if (recorder)
		detach(recorder);
	free(recorder);
}

int recorder_attach(struct recorder *recorder, struct monotime now)
{
	void *block = recorder->ring;

	if (!block)
		block = mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return -ENOMEM;
	recorder->ring = block;
	recorder->ends = monotime_add(now, RECORDER_LEASE_MS);
	return 0;
}

int64_t recorder_tick(struct recorder *recorder, struct monotime now)
{
	if (!recorder->ring)
		return -1;
	if (monotime_before(now, recorder->ends))
		return monotime_until(now, recorder->ends);
	detach(recorder);
	return -1;
}

bool recorder_runs(const struct recorder *recorder)
{
	return recorder->ring != NULL;
}

/* ---- recording ---- */

static void forget_oldest(struct recorder *recorder)
{
	recorder->oldest++;
	counters.records_forgotten++;
}

/* Where `length` octets may stand: the oldest records whose octets or place they take are forgotten. */
static uint64_t make_room(struct recorder *recorder, size_t length)
{
	const struct ring *ring = recorder->ring;
	uint64_t start = recorder->position, left = LIMIT_RECORD_OCTETS - start % LIMIT_RECORD_OCTETS;

	if (left < length)
		start += left;
	if (recorder->next - recorder->oldest == LIMIT_RECORD_PACKETS)
		forget_oldest(recorder);
	while (recorder->oldest < recorder->next &&
	       start + length - ring->starts[recorder->oldest % LIMIT_RECORD_PACKETS] > LIMIT_RECORD_OCTETS)
		forget_oldest(recorder);
	return start;
}

/* What the packet says of its own length; a copy may be shorter. */
static uint32_t told_length(const uint8_t *packet, size_t length)
{
	size_t told = 0;

	if (length >= 20 && packet[0] >> 4 == 4)
		told = (size_t)(packet[2] << 8 | packet[3]);
	else if (length >= 40 && packet[0] >> 4 == 6)
		told = 40 + (size_t)(packet[4] << 8 | packet[5]);
	return (uint32_t)(told > length ? told : length);
}

static struct recorder_record *record(struct recorder *recorder, const uint8_t *packet, size_t length,
				      struct monotime now)
{
	size_t kept = length < LIMIT_PACKET_BYTES ? length : LIMIT_PACKET_BYTES;
	uint64_t start = make_room(recorder, kept);
	size_t place = recorder->next % LIMIT_RECORD_PACKETS;
	struct recorder_record *out = &recorder->ring->records[place];
	uint8_t *data = recorder->ring->octets + start % LIMIT_RECORD_OCTETS;

	memcpy(data, packet, kept);
	recorder->ring->starts[place] = start;
	recorder->position = start + kept;
	out->sequence = recorder->next++;
	out->time = now;
	out->query = out->named = false;
	out->entry[0] = '\0';
	out->length = (uint32_t)kept;
	out->original = told_length(packet, length);
	out->data = data;
	counters.records++;
	return out;
}

void recorder_answer(void *context, const struct queue_packet *packet, const struct snoop_note *note,
		     struct monotime now)
{
	struct recorder *recorder = context;
	struct recorder_record *out;

	if (!recorder->ring)
		return;
	out = record(recorder, packet->payload, packet->length, now);
	out->fate = note->fate;
	out->named = note->named;
	out->type = note->type;
	if (note->named) {
		out->name.length = note->name.length;
		memcpy(out->name.octets, note->name.octets, note->name.length);
	}
	if (note->entry)
		strncat(out->entry, note->entry->config->name, RECORDER_ENTRY_SIZE - 1);
}

void recorder_query(void *context, const uint8_t *packet, size_t length, struct monotime now)
{
	struct recorder *recorder = context;

	if (recorder->ring)
		record(recorder, packet, length, now)->query = true;
}

/* ---- looking ---- */

uint64_t recorder_oldest(const struct recorder *recorder)
{
	return recorder->oldest;
}

uint64_t recorder_next(const struct recorder *recorder)
{
	return recorder->next;
}

const struct recorder_record *recorder_find(const struct recorder *recorder, uint64_t sequence)
{
	if (!recorder->ring || sequence < recorder->oldest || sequence >= recorder->next)
		return NULL;
	return &recorder->ring->records[sequence % LIMIT_RECORD_PACKETS];
}
