/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tests/unit/snoop/speech.h"

#define SPEECH_FIRST 0xfffffff0 /* sequence number of the stream's first octet */

void speech_say(struct speech *speech, struct bench *bench)
{
	const struct fake_answer *made = &bench->answers[--bench->count];
	size_t length = made->length - made->message;

	speech->octets[speech->length++] = (uint8_t)(length >> 8);
	speech->octets[speech->length++] = (uint8_t)length;
	memcpy(speech->octets + speech->length, made->octets + made->message, length);
	speech->length += length;
}

void speech_segment(struct bench *bench, const struct speech *speech, uint8_t flags, size_t from, size_t to)
{
	static const uint8_t headers[40] = { 0x45, [8] = 64, 6, [12] = 10, 2,  0,    2,    10,
					     1,    0,        9, 0,         53, 0xc3, 0x50, [32] = 5 << 4 };
	struct fake_answer *next = &bench->answers[bench->count++];
	uint32_t sequence = SPEECH_FIRST + (uint32_t)from - ((flags & PACKET_SYN) != 0);

	memcpy(next->octets, headers, sizeof(headers));
	next->length = sizeof(headers) + to - from;
	next->octets[2] = (uint8_t)(next->length >> 8);
	next->octets[3] = (uint8_t)next->length;
	for (unsigned int i = 0; i < 4; i++)
		next->octets[24 + i] = (uint8_t)(sequence >> (24 - 8 * i));
	next->octets[33] = flags;
	memcpy(next->octets + sizeof(headers), speech->octets + from, to - from);
}
