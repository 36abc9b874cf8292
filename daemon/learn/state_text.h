/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: learned addresses as text, in the state file and between gateways
 *
 *	nfqdn-learned VERSION STAMP
 *	element GROUP ADDRESS PORT LIFE TTL NAME TTL [NAME TTL]...
 *	...
 *	end COUNT SUM
 *
 * One record a line, each ended by '\n', one space between fields, no other spelling than the one that is written here.
 * STAMP: seconds of the wall clock, rounded down, at which LIFE, in whole seconds, was what remained. GROUP: its name,
 * "-" for the plain one. PORT: "tcp/443", "icmp". TTL: seconds, the smallest of the element and that of each name; 0
 * when not known. NAME: escaped as in RFC 1035 5.1. COUNT: records. SUM: a chain of hashes over all lines before, 16
 * hexadecimal digits; it finds damage, and is no defence against somebody who may write to the folder.
 *
 * Pure: no I/O, no clock, no memory. */
#ifndef NFQDN_LEARN_STATE_TEXT_H
#define NFQDN_LEARN_STATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "learn/store.h"

#define STATE_VERSION 1

struct state_record {
	char group[LIMIT_OBJECT_NAME + 1]; /* "" for the plain one */
	struct element_key key; /* without its group: 0 */
	uint32_t life, ttl; /* seconds */
	size_t name_count; /* 1 .. LIMIT_ELEMENT_NAMES */
	struct store_name names[LIMIT_ELEMENT_NAMES];
};

/* ---- writing: the head, records, the end; each returns the characters written, '\n' included, NUL not ---- */

struct state_writer {
	uint64_t sum, count;
};

size_t state_text_head(struct state_writer *writer, int64_t stamp, char out[LIMIT_STATE_LINE]);
/* `view` must have a name; `life` in seconds. */
size_t state_text_record(struct state_writer *writer, const char *group, const struct store_view *view, uint32_t life,
			 char out[LIMIT_STATE_LINE]);
size_t state_text_end(const struct state_writer *writer, char out[LIMIT_STATE_LINE]);

/* ---- reading: line by line, a record is to be believed when the end was seen ---- */

enum state_stage { STATE_HEAD, STATE_RECORDS, STATE_ENDED };

struct state_reader {
	enum state_stage stage; /* what was last taken: STATE_ENDED when all is well */
	uint64_t sum, count;
	int64_t stamp;
};

/* Takes the next line, without its '\n'. 1: a record, in `out`; 0: the head or the end; -EBADMSG with `*why` (static):
 * the text is damaged, of another version, or holds more than the limits. Nothing more can be read then. */
int state_text_line(struct state_reader *reader, const char *line, size_t length, struct state_record *out,
		    const char **why);
/* One record's line alone. 0, or -EBADMSG. */
int state_text_parse(const char *line, size_t length, struct state_record *out);

#endif
