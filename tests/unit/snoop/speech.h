/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server says on one flow of DNS over TCP, and its segments in a drain. */
#ifndef NFQDN_TESTS_SNOOP_SPEECH_H
#define NFQDN_TESTS_SNOOP_SPEECH_H

#include "dns/packet.h"
#include "tests/unit/snoop/bench.h"

struct speech {
	uint8_t octets[4096];
	size_t length;
};

/* Adds the message of the answer that was made last, and takes that from the drain. */
void speech_say(struct speech *speech, struct bench *bench);
/* The next packet of the drain is a segment with [from, to). */
void speech_segment(struct bench *bench, const struct speech *speech, uint8_t flags, size_t from, size_t to);

#endif
