/* SPDX-License-Identifier: GPL-2.0-or-later */
/* draft-ietf-opsawg-pcap (one header, then packets) and draft-ietf-opsawg-pcapng (blocks in sections, each section in its
 * writer's byte order). */
#include "control/capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define PCAP_MICROSECONDS 0xa1b2c3d4
#define PCAP_NANOSECONDS 0xa1b23c4d
#define PCAP_HEADER 24
#define PCAP_PACKET 16

#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_OLD_PACKET 2
#define BLOCK_SIMPLE_PACKET 3
#define BLOCK_PACKET 6
#define SECTION_ORDER 0x1a2b3c4d
#define OPTION_TSRESOL 9
#define OPTION_TSOFFSET 14
/* What stands around a packet in its block, and rather more options than anybody writes. */
#define BLOCK_MAX (LIMIT_CAPTURE_PACKET + 65536)

/* 10^12 s: the year 33658. What a file says beyond that is cut, so that times can be added and compared. */
#define SECONDS_MAX INT64_C(1000000000000)

struct interface {
	uint32_t link, snap;
	uint64_t units; /* a second has so many */
	int64_t offset; /* seconds */
};

struct capture {
	FILE *file;
	uint64_t offset;
	bool blocks; /* pcapng */
	bool swapped; /* written in the other byte order */
	bool ended;
	int64_t last; /* microseconds: what has no time of its own has this */
	struct interface interfaces[LIMIT_CAPTURE_INTERFACES]; /* pcap: the first */
	uint32_t interface_count;
	char why[160];
	uint8_t data[BLOCK_MAX];
};

/* ---- numbers ---- */

static uint32_t read32(const struct capture *capture, const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return capture->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t read16(const struct capture *capture, const uint8_t *p)
{
	uint16_t value;

	memcpy(&value, p, sizeof(value));
	return capture->swapped ? __builtin_bswap16(value) : value;
}

static int64_t usec_of(const struct interface *interface, uint64_t ticks)
{
	uint64_t seconds = ticks / interface->units;
	int64_t whole = seconds > (uint64_t)SECONDS_MAX ? SECONDS_MAX : (int64_t)seconds;
	double rest = (double)(ticks % interface->units) / (double)interface->units;

	whole += interface->offset;
	if (whole < 0)
		return 0;
	if (whole >= SECONDS_MAX)
		return SECONDS_MAX * 1000000;
	return whole * 1000000 + (int64_t)(rest * 1000000);
}

/* ---- octets ---- */

static int fail(struct capture *capture, int error, const char *what, const char **why)
{
	snprintf(capture->why, sizeof(capture->why), "octet %llu: %s", (unsigned long long)capture->offset, what);
	*why = capture->why;
	capture->ended = true;
	return error;
}

/* 1; 0: the file ends here; -errno: it ends too early, or cannot be read. */
static int take(struct capture *capture, uint8_t *out, size_t length, const char **why)
{
	size_t got = fread(out, 1, length, capture->file);

	capture->offset += got;
	if (got == length)
		return 1;
	if (ferror(capture->file))
		return fail(capture, -EIO, "the file cannot be read", why);
	if (got == 0)
		return 0;
	return fail(capture, -ENODATA, "the file ends in the middle of a packet", why);
}

/* As take(), where the file must not end. */
static int take_rest(struct capture *capture, uint8_t *out, size_t length, const char **why)
{
	int rc = length ? take(capture, out, length, why) : 1;

	return rc ? rc : fail(capture, -ENODATA, "the file ends in the middle of a packet", why);
}

static int pass_over(struct capture *capture, uint64_t length, const char **why)
{
	int rc = 1;

	while (length > 0 && rc == 1) {
		size_t part = length < sizeof(capture->data) ? (size_t)length : sizeof(capture->data);

		rc = take_rest(capture, capture->data, part, why);
		length -= part;
	}
	return rc;
}

/* ---- pcap ---- */

static int open_pcap(struct capture *capture, uint32_t magic, const char **why)
{
	uint8_t header[PCAP_HEADER - 4];
	int rc = take_rest(capture, header, sizeof(header), why);

	if (rc < 0)
		return rc;
	if (read16(capture, header) != 2)
		return fail(capture, -EINVAL, "a capture of another version than 2", why);
	capture->interfaces[0] = (struct interface) {
		.link = read32(capture, header + 16) & 0xffff, /* above: length of the checksum */
		.units = magic == PCAP_NANOSECONDS ? 1000000000 : 1000000,
	};
	capture->interface_count = 1;
	return 0;
}

static int next_pcap(struct capture *capture, struct capture_packet *out, const char **why)
{
	const struct interface *interface = &capture->interfaces[0];
	uint8_t header[PCAP_PACKET];
	uint32_t captured;
	int rc = take(capture, header, sizeof(header), why);

	if (rc <= 0)
		return rc;
	captured = read32(capture, header + 8);
	if (captured > LIMIT_CAPTURE_PACKET)
		return fail(capture, -EINVAL, "damaged: a packet of more octets than any has", why);
	rc = take_rest(capture, capture->data, captured, why);
	if (rc < 0)
		return rc;
	*out = (struct capture_packet) {
		.usec = usec_of(interface,
				(uint64_t)read32(capture, header) * interface->units + read32(capture, header + 4)),
		.link = interface->link,
		.data = capture->data,
		.length = captured,
		.original = read32(capture, header + 12),
	};
	return 1;
}

/* ---- pcapng ---- */

static int begin_section(struct capture *capture, const char **why)
{
	uint8_t head[8];
	uint32_t order, length;
	int rc = take_rest(capture, head, sizeof(head), why);

	if (rc < 0)
		return rc;
	memcpy(&order, head + 4, sizeof(order));
	capture->swapped = order != SECTION_ORDER;
	if (read32(capture, head + 4) != SECTION_ORDER)
		return fail(capture, -EINVAL, "no pcapng section: its byte order cannot be told", why);
	length = read32(capture, head);
	if (length < 28 || length % 4)
		return fail(capture, -EINVAL, "damaged: the length of a section header", why);
	rc = take_rest(capture, head, 2, why);
	if (rc == 1 && read16(capture, head) != 1)
		return fail(capture, -EINVAL, "a pcapng capture of another version than 1", why);
	capture->interface_count = 0;
	return rc == 1 ? pass_over(capture, length - 14, why) : rc;
}

static void read_option(const struct capture *capture, struct interface *interface, uint16_t code, const uint8_t *value,
			size_t length)
{
	uint32_t halves[2];

	if (code == OPTION_TSRESOL && length == 1 && value[0] & 0x80) {
		interface->units = UINT64_C(1) << (value[0] & 0x3f);
	} else if (code == OPTION_TSRESOL && length == 1 && value[0] <= 18) {
		interface->units = 1;
		for (unsigned int i = 0; i < value[0]; i++)
			interface->units *= 10;
	} else if (code == OPTION_TSOFFSET && length == 8) {
		halves[capture->swapped] = read32(capture, value);
		halves[!capture->swapped] = read32(capture, value + 4);
		memcpy(&interface->offset, halves, sizeof(interface->offset));
		if (interface->offset > SECONDS_MAX || interface->offset < -SECONDS_MAX)
			interface->offset = 0;
	}
}

static int read_interface(struct capture *capture, size_t length, const char **why)
{
	struct interface *interface = &capture->interfaces[capture->interface_count];
	const uint8_t *at = capture->data + 8, *end = capture->data + length;

	if (length < 8)
		return fail(capture, -EINVAL, "damaged: an interface without its kind", why);
	if (capture->interface_count == LIMIT_CAPTURE_INTERFACES)
		return fail(capture, -EINVAL, "more interfaces in one section than any machine has", why);
	*interface = (struct interface) { .link = read16(capture, capture->data),
					  .snap = read32(capture, capture->data + 4),
					  .units = 1000000 };
	while (end - at >= 4) {
		uint16_t code = read16(capture, at), size = read16(capture, at + 2);
		size_t padded = ((size_t)size + 3) & ~(size_t)3;

		if (code == 0 || padded > (size_t)(end - at) - 4)
			break;
		read_option(capture, interface, code, at + 4, size);
		at += 4 + padded;
	}
	capture->interface_count++;
	return 0;
}

struct place {
	uint32_t interface, captured, original;
	bool timed;
	uint64_t ticks;
	size_t data; /* where it begins in the block */
};

static int read_packet(struct capture *capture, const struct place *place, size_t length, struct capture_packet *out,
		       const char **why)
{
	const struct interface *interface = capture->interfaces;

	if (place->interface >= capture->interface_count)
		return fail(capture, -EINVAL, "damaged: a packet of an interface that was not told before", why);
	if (place->captured > length - place->data || place->captured > LIMIT_CAPTURE_PACKET)
		return fail(capture, -EINVAL, "damaged: a packet longer than its block", why);
	interface += place->interface;
	if (place->timed)
		capture->last = usec_of(interface, place->ticks);
	*out = (struct capture_packet) {
		.usec = capture->last,
		.link = interface->link,
		.data = capture->data + place->data,
		.length = place->captured,
		.original = place->original,
	};
	return 1;
}

/* 1: a packet; 0: a block of another kind. */
static int read_block(struct capture *capture, uint32_t type, size_t length, struct capture_packet *out,
		      const char **why)
{
	const uint8_t *p = capture->data;
	struct place place = { .timed = true, .data = 20 };

	if (type == BLOCK_INTERFACE)
		return read_interface(capture, length, why);
	if (length < (type == BLOCK_SIMPLE_PACKET ? 4 : 20))
		return fail(capture, -EINVAL, "damaged: a packet without its header", why);
	if (type == BLOCK_SIMPLE_PACKET) {
		uint32_t snap = capture->interface_count ? capture->interfaces[0].snap : 0;

		place = (struct place) { .original = read32(capture, p), .data = 4 };
		place.captured = snap && snap < place.original ? snap : place.original;
	} else {
		place.interface = type == BLOCK_PACKET ? read32(capture, p) : read16(capture, p);
		place.ticks = (uint64_t)read32(capture, p + 4) << 32 | read32(capture, p + 8);
		place.captured = read32(capture, p + 12);
		place.original = read32(capture, p + 16);
	}
	return read_packet(capture, &place, length, out, why);
}

static bool is_read(uint32_t type)
{
	return type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_OLD_PACKET ||
	       type == BLOCK_SIMPLE_PACKET;
}

/* What stands between the two lengths of a block. 1 when it was read, 0 when it was passed over. */
static int take_block(struct capture *capture, uint32_t type, uint32_t length, const char **why)
{
	uint8_t again[4];
	int rc;

	if (length < 12 || length % 4)
		return fail(capture, -EINVAL, "damaged: the length of a block", why);
	if (!is_read(type))
		rc = pass_over(capture, length - 12, why);
	else if (length - 12 > sizeof(capture->data))
		return fail(capture, -EINVAL, "damaged: a block of more octets than any packet has", why);
	else
		rc = take_rest(capture, capture->data, length - 12, why);
	if (rc == 1)
		rc = take_rest(capture, again, sizeof(again), why);
	if (rc == 1 && read32(capture, again) != length)
		return fail(capture, -EINVAL, "damaged: a block that ends with another length than it begins with",
			    why);
	return rc < 0 ? rc : is_read(type);
}

static int next_block(struct capture *capture, struct capture_packet *out, const char **why)
{
	uint8_t head[8];
	uint32_t type;
	int rc;

	for (;;) {
		rc = take(capture, head, 4, why);
		if (rc <= 0)
			return rc;
		type = read32(capture, head);
		if (type == BLOCK_SECTION) { /* the same in both byte orders */
			rc = begin_section(capture, why);
			if (rc < 0)
				return rc;
			continue;
		}
		rc = take_rest(capture, head + 4, 4, why);
		if (rc == 1)
			rc = take_block(capture, type, read32(capture, head + 4), why);
		if (rc == 1)
			rc = read_block(capture, type, read32(capture, head + 4) - 12, out, why);
		if (rc)
			return rc;
	}
}

/* ---- both ---- */

static int read_start(struct capture *capture, const char **why)
{
	uint8_t magic[4];
	uint32_t value;
	int rc = take(capture, magic, sizeof(magic), why);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return fail(capture, -EINVAL, "the file is empty", why);
	memcpy(&value, magic, sizeof(value));
	if (value == BLOCK_SECTION) {
		capture->blocks = true;
		rc = begin_section(capture, why);
		return rc < 0 ? rc : 0;
	}
	capture->swapped = value != PCAP_MICROSECONDS && value != PCAP_NANOSECONDS;
	value = read32(capture, magic);
	if (value == PCAP_MICROSECONDS || value == PCAP_NANOSECONDS)
		return open_pcap(capture, value, why);
	return fail(capture, -EINVAL, "neither pcap nor pcapng", why);
}

int capture_open(FILE *file, struct capture **out, const char **why)
{
	struct capture *capture = malloc(sizeof(*capture));
	static const char *const texts[] = { "no memory", "the file ends within its header", "the file cannot be read",
					     "no capture: neither pcap nor pcapng, or of a version that is not known" };
	int rc;

	*why = texts[0];
	if (!capture)
		return -ENOMEM;
	memset(capture, 0, offsetof(struct capture, data));
	capture->file = file;
	rc = read_start(capture, why);
	if (rc == 0) {
		*out = capture;
		return 0;
	}
	*why = rc == -ENODATA ? texts[1] : rc == -EIO ? texts[2] : texts[3];
	free(capture);
	return rc == -ENODATA ? -EINVAL : rc;
}

void capture_close(struct capture *capture)
{
	free(capture);
}

int capture_next(struct capture *capture, struct capture_packet *out, const char **why)
{
	int rc;

	if (capture->ended)
		return 0;
	rc = capture->blocks ? next_block(capture, out, why) : next_pcap(capture, out, why);
	capture->ended |= rc <= 0;
	return rc;
}

uint64_t capture_offset(const struct capture *capture)
{
	return capture->offset;
}
