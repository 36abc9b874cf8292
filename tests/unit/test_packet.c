/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/packet.o base/ipaddr.o */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "dns/packet.h"

/* A packet under construction. */
struct build {
	uint8_t octets[65600];
	size_t length;
};

static void put(struct build *b, const void *data, size_t length)
{
	memcpy(b->octets + b->length, data, length);
	b->length += length;
}

static void put16(struct build *b, size_t at, unsigned int value)
{
	b->octets[at] = (uint8_t)(value >> 8);
	b->octets[at + 1] = (uint8_t)value;
}

static void put_udp(struct build *b, size_t payload)
{
	const uint8_t header[8] = { 0, 53, 0xc3, 0x50, 0, 0, 0, 0 };
	size_t at = b->length;

	put(b, header, sizeof(header));
	put16(b, at + 4, (unsigned int)(8 + payload));
	for (size_t i = 0; i < payload; i++)
		b->octets[b->length++] = (uint8_t)i;
}

static void build4(struct build *b, size_t options, size_t payload)
{
	uint8_t header[60] = { [8] = 64, 17, 0, 0, 10, 2, 0, 2, 10, 1, 0, 9 };

	header[0] = (uint8_t)(0x45 + options / 4);
	b->length = 0;
	put(b, header, 20 + options);
	put_udp(b, payload);
	put16(b, 2, (unsigned int)b->length);
}

/* `next`: the first header after the fixed one. */
static void start6(struct build *b, uint8_t next)
{
	uint8_t header[40] = {
		0x60, [6] = next, 64, [8] = 0x20, 0x01, 0x0d, 0xb8, [23] = 0x53, [24] = 0x20, 0x01, 0x0d, 0xb8, [39] = 9
	};

	b->length = 0;
	put(b, header, sizeof(header));
}

static void put_extension(struct build *b, uint8_t next, uint8_t octet1, size_t octets)
{
	uint8_t extension[2048] = { next, octet1 };

	put(b, extension, octets);
}

static void end6(struct build *b)
{
	put16(b, 4, (unsigned int)(b->length - 40));
}

static void build6(struct build *b, size_t payload)
{
	start6(b, 17);
	put_udp(b, payload);
	end6(b);
}

/* The packet lies at the end of memory of its own, so that a sanitizer sees each read beyond it. */
static int read_at_end(const uint8_t *octets, size_t length, struct packet_udp *out)
{
	uint8_t *copy = malloc(length ? length : 1);
	int rc;

	if (length)
		memcpy(copy, octets, length);
	rc = packet_read_udp(copy, length, out);
	if (rc == 0) {
		assert_true(out->payload >= copy && out->payload + out->length <= copy + length);
		out->payload = octets + (out->payload - copy);
	}
	free(copy);
	return rc;
}

static void assert_refused(const struct build *b, int error)
{
	struct packet_udp out, before;

	memset(&out, 0xa5, sizeof(out));
	before = out;
	assert_int_equal(read_at_end(b->octets, b->length, &out), error);
	assert_memory_equal(&out, &before, sizeof(out));
}

static void assert_taken(const struct build *b, size_t payload)
{
	struct packet_udp out;
	char text[IPADDR_TEXT_SIZE];

	assert_int_equal(read_at_end(b->octets, b->length, &out), 0);
	assert_int_equal(out.length, payload);
	assert_int_equal(out.source_port, 53);
	assert_int_equal(out.destination_port, 50000);
	if (b->octets[0] >> 4 == 4) {
		assert_string_equal(ipaddr_to_text(&out.source, text), "10.2.0.2");
		assert_string_equal(ipaddr_to_text(&out.destination, text), "10.1.0.9");
	} else {
		assert_string_equal(ipaddr_to_text(&out.source, text), "2001:db8::53");
		assert_string_equal(ipaddr_to_text(&out.destination, text), "2001:db8::9");
	}
	for (size_t i = 0; i < payload; i++)
		assert_int_equal(out.payload[i], (uint8_t)i);
}

static struct build b;

static void test_ipv4(void **state)
{
	(void)state;
	build4(&b, 0, 100);
	assert_taken(&b, 100);
	build4(&b, 0, 0);
	assert_taken(&b, 0);
	build4(&b, 40, 33);
	assert_taken(&b, 33);
	build4(&b, 0, 65507);
	assert_taken(&b, 65507);
}

static void test_ipv6(void **state)
{
	(void)state;
	build6(&b, 100);
	assert_taken(&b, 100);
	build6(&b, 0);
	assert_taken(&b, 0);
	build6(&b, 65527);
	assert_taken(&b, 65527);
}

/* A frame may be padded, and a datagram may be shorter than its packet: the lengths in the headers rule, as at the
 * receiver. */
static void test_trailing_octets(void **state)
{
	(void)state;
	build4(&b, 0, 20);
	b.length += 26;
	assert_taken(&b, 20);
	build6(&b, 20);
	b.length += 6;
	assert_taken(&b, 20);
	build4(&b, 0, 20);
	put16(&b, 24, 8 + 12);
	assert_taken(&b, 12);
}

static void test_cut_anywhere(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		if (version == 4)
			build4(&b, 8, 30);
		else
			build6(&b, 30);
		for (size_t whole = b.length; b.length > 0;) {
			b.length--;
			assert_refused(&b, -EMSGSIZE);
			assert_true(b.length < whole);
		}
	}
}

static void test_ipv4_lengths(void **state)
{
	(void)state;
	build4(&b, 0, 30);
	b.octets[0] = 0x44; /* header of 16 octets */
	assert_refused(&b, -EINVAL);
	b.octets[0] = 0x4f; /* 60 octets, more than the packet has */
	assert_refused(&b, -EINVAL);
	build4(&b, 0, 30);
	put16(&b, 2, 19);
	assert_refused(&b, -EINVAL);
	put16(&b, 2, 27); /* seven octets of UDP */
	assert_refused(&b, -EINVAL);
	build4(&b, 0, 30);
	put16(&b, 24, 7);
	assert_refused(&b, -EINVAL);
	put16(&b, 24, 0);
	assert_refused(&b, -EINVAL);
	put16(&b, 24, 39);
	assert_refused(&b, -EMSGSIZE);
}

static void test_fragments(void **state)
{
	(void)state;
	build4(&b, 0, 30);
	put16(&b, 6, 0x4000); /* DF is no fragment */
	assert_taken(&b, 30);
	put16(&b, 6, 0x2000);
	assert_refused(&b, -EMSGSIZE);
	put16(&b, 6, 185);
	assert_refused(&b, -EMSGSIZE);
	for (unsigned int offset = 0; offset < 0x10000; offset = offset * 2 + 1) {
		start6(&b, 44);
		put_extension(&b, 17, 0, 8);
		put16(&b, 42, offset & 0xfff9);
		put_udp(&b, 10);
		end6(&b);
		if ((offset & 0xfff9) == 0)
			assert_taken(&b, 10); /* an atomic fragment */
		else
			assert_refused(&b, -EMSGSIZE);
	}
}

static void test_other_protocols(void **state)
{
	static const uint8_t others[] = { 1, 6, 50, 58, 59, 132, 136, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(others); i++) {
		build4(&b, 0, 30);
		b.octets[9] = others[i];
		assert_refused(&b, -EPROTONOSUPPORT);
		build6(&b, 30);
		b.octets[6] = others[i];
		assert_refused(&b, -EPROTONOSUPPORT);
	}
	build4(&b, 0, 30);
	for (unsigned int version = 0; version < 16; version++) {
		b.octets[0] = (uint8_t)(version << 4 | 5);
		if (version != 4 && version != 6)
			assert_refused(&b, -EINVAL);
	}
}

static void test_ipv6_extensions(void **state)
{
	(void)state;
	start6(&b, 0); /* hop by hop, destination options, AH, routing with nothing left */
	put_extension(&b, 60, 1, 16);
	put_extension(&b, 51, 0, 8);
	put_extension(&b, 43, 4, 24);
	put_extension(&b, 17, 2, 24);
	put_udp(&b, 64);
	end6(&b);
	assert_taken(&b, 64);
	b.octets[40 + 16 + 8 + 24 + 3] = 1; /* segments left: who it is for is not what we read */
	assert_refused(&b, -EINVAL);
}

static void test_ipv6_extension_too_long(void **state)
{
	(void)state;
	start6(&b, 60);
	put_extension(&b, 17, 255, 8);
	put_udp(&b, 64);
	end6(&b);
	assert_refused(&b, -EINVAL);
	start6(&b, 60);
	put_extension(&b, 17, 0, 4);
	end6(&b);
	assert_refused(&b, -EINVAL);
}

static void test_ipv6_extensions_bounded(void **state)
{
	(void)state;
	for (unsigned int count = 1; count <= LIMIT_PACKET_EXTENSIONS + 4; count++) {
		start6(&b, 60);
		for (unsigned int i = 1; i < count; i++)
			put_extension(&b, 60, 0, 8);
		put_extension(&b, 17, 0, 8);
		put_udp(&b, 5);
		end6(&b);
		if (count <= LIMIT_PACKET_EXTENSIONS)
			assert_taken(&b, 5);
		else
			assert_refused(&b, -EINVAL);
	}
}

static void test_ipv6_lengths(void **state)
{
	(void)state;
	build6(&b, 30);
	put16(&b, 4, 0); /* a jumbogram */
	assert_refused(&b, -EINVAL);
	put16(&b, 4, 7);
	assert_refused(&b, -EINVAL);
	build6(&b, 30);
	put16(&b, 44, 39);
	assert_refused(&b, -EMSGSIZE);
}

/* ---- TCP ---- */

#define TCP_SEQUENCE 0x89abcdef

static void put_tcp(struct build *b, size_t options, size_t payload)
{
	uint8_t header[60] = {
		0, 53, 0xc3, 0x50, 0x89, 0xab, 0xcd, 0xef, 1, 2, 3, 4, 0, PACKET_ACK | PACKET_FIN, 0xff
	};

	header[12] = (uint8_t)((5 + options / 4) << 4);
	put(b, header, 20 + options);
	for (size_t i = 0; i < payload; i++)
		b->octets[b->length++] = (uint8_t)(i * 7);
}

static void build_tcp(struct build *b, int version, size_t options, size_t payload)
{
	uint8_t header[20] = { 0x45, [8] = 64, 6, 0, 0, 10, 2, 0, 2, 10, 1, 0, 9 };

	if (version == 4) {
		b->length = 0;
		put(b, header, sizeof(header));
	} else {
		start6(b, 6);
	}
	put_tcp(b, options, payload);
	if (version == 4)
		put16(b, 2, (unsigned int)b->length);
	else
		end6(b);
}

static int read_tcp_at_end(const uint8_t *octets, size_t length, struct packet_tcp *out)
{
	uint8_t *copy = malloc(length ? length : 1);
	int rc;

	if (length)
		memcpy(copy, octets, length);
	rc = packet_read_tcp(copy, length, out);
	if (rc == 0) {
		assert_true(out->payload >= copy && out->payload + out->length <= copy + length);
		out->payload = octets + (out->payload - copy);
	}
	free(copy);
	return rc;
}

static void assert_tcp_refused(const struct build *b, int error)
{
	struct packet_tcp out, before;

	memset(&out, 0xa5, sizeof(out));
	before = out;
	assert_int_equal(read_tcp_at_end(b->octets, b->length, &out), error);
	assert_memory_equal(&out, &before, sizeof(out));
}

static void assert_tcp_taken(const struct build *b, size_t payload)
{
	struct packet_tcp out;
	char text[IPADDR_TEXT_SIZE];
	bool v4 = b->octets[0] >> 4 == 4;

	assert_int_equal(read_tcp_at_end(b->octets, b->length, &out), 0);
	assert_string_equal(ipaddr_to_text(&out.source, text), v4 ? "10.2.0.2" : "2001:db8::53");
	assert_string_equal(ipaddr_to_text(&out.destination, text), v4 ? "10.1.0.9" : "2001:db8::9");
	assert_int_equal(out.source_port, 53);
	assert_int_equal(out.destination_port, 50000);
	assert_int_equal(out.sequence, TCP_SEQUENCE);
	assert_int_equal(out.flags, PACKET_ACK | PACKET_FIN);
	assert_int_equal(out.length, payload);
	for (size_t i = 0; i < payload; i++)
		assert_int_equal(out.payload[i], (uint8_t)(i * 7));
}

static void test_tcp(void **state)
{
	static const size_t payloads[] = { 0, 1, 1460, 65000 };

	(void)state;
	for (int version = 4; version <= 6; version += 2)
		for (size_t options = 0; options <= 40; options += 4)
			for (size_t i = 0; i < 4; i++) {
				build_tcp(&b, version, options, payloads[i]);
				assert_tcp_taken(&b, payloads[i]);
			}
}

/* TCP has no length of its own: a frame's padding must not be taken for data. */
static void test_tcp_trailing_octets(void **state)
{
	(void)state;
	build_tcp(&b, 4, 0, 0);
	b.length += 6;
	assert_tcp_taken(&b, 0);
	build_tcp(&b, 6, 8, 5);
	b.length += 40;
	assert_tcp_taken(&b, 5);
}

static void test_tcp_cut_anywhere(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		build_tcp(&b, version, 12, 30);
		while (b.length > 0) {
			b.length--;
			assert_tcp_refused(&b, -EMSGSIZE);
		}
	}
}

static void test_tcp_lengths(void **state)
{
	(void)state;
	build_tcp(&b, 4, 0, 30);
	for (unsigned int words = 0; words < 5; words++) {
		b.octets[32] = (uint8_t)(words << 4);
		assert_tcp_refused(&b, -EINVAL);
	}
	b.octets[32] = 13 << 4; /* 52 octets of 50 */
	assert_tcp_refused(&b, -EINVAL);
	build_tcp(&b, 4, 0, 30);
	put16(&b, 2, 39); /* nineteen octets of TCP */
	assert_tcp_refused(&b, -EINVAL);
	build_tcp(&b, 4, 0, 32);
	b.octets[32] = 13 << 4; /* all of it options */
	assert_int_equal(packet_read_tcp(b.octets, b.length, &(struct packet_tcp) { 0 }), 0);
}

static void test_tcp_after_extensions(void **state)
{
	(void)state;
	start6(&b, 0);
	put_extension(&b, 60, 1, 16);
	put_extension(&b, 6, 0, 8);
	put_tcp(&b, 12, 100);
	end6(&b);
	assert_tcp_taken(&b, 100);
}

static void test_tcp_fragment_and_others(void **state)
{
	(void)state;
	build_tcp(&b, 4, 0, 30);
	put16(&b, 6, 0x2000);
	assert_tcp_refused(&b, -EMSGSIZE);
	build4(&b, 0, 30);
	assert_tcp_refused(&b, -EPROTONOSUPPORT);
	build6(&b, 30);
	assert_tcp_refused(&b, -EPROTONOSUPPORT);
	build_tcp(&b, 4, 0, 30);
	assert_refused(&b, -EPROTONOSUPPORT);
}

/* A copy of the packet's first octets: the payload ends with it; without the whole headers there is none. */
static void test_start(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		size_t headers = six ? 48 : 20 + 12 + 8;

		if (six)
			build6(&b, 60);
		else
			build4(&b, 12, 60);
		for (size_t length = 0; length <= b.length; length++) {
			uint8_t *copy = malloc(length ? length : 1);
			struct packet_udp out;

			assert_non_null(copy);
			memcpy(copy, b.octets, length);
			assert_int_equal(packet_read_udp_start(copy, length, &out) == 0, length >= headers);
			if (length >= headers) {
				assert_int_equal(out.length, length - headers);
				assert_ptr_equal(out.payload, copy + headers);
				assert_int_equal(out.source_port, 53);
			}
			free(copy);
		}
		assert_int_equal(b.length, headers + 60);
	}
}

/* What any packet says of itself, also cut short. */
static void test_head(void **state)
{
	struct packet_head head = { .l4proto = 99 };
	const uint8_t echo[8] = { 8, 0, 0x12, 0x34 };

	(void)state;
	build4(&b, 4, 60);
	assert_int_equal(packet_read_head(b.octets, 28, &head), 0); /* the header with options, and both ports */
	assert_true(head.l4proto == 17 && head.source_port == 53 && head.destination_port == 0xc350);
	assert_true(head.source.bytes[0] == 10 && head.source.bytes[3] == 2 && head.destination.bytes[3] == 9);
	assert_int_equal(packet_read_head(b.octets, 27, &head), -EMSGSIZE);
	build6(&b, 60);
	assert_int_equal(packet_read_head(b.octets, 44, &head), 0);
	assert_true(head.l4proto == 17 && head.source.family == IPADDR_V6 && head.source_port == 53);
	b.octets[6] = 47; /* GRE: no ports */
	assert_int_equal(packet_read_head(b.octets, 40, &head), 0);
	assert_true(head.l4proto == 47 && head.source_port == 0 && head.destination_port == 0);
	build4(&b, 0, 0);
	memcpy(b.octets + 20, echo, sizeof(echo));
	b.octets[9] = 1;
	assert_int_equal(packet_read_head(b.octets, b.length, &head), 0);
	assert_true(head.l4proto == 1 && head.destination_port == 0x0800); /* as in a set: an echo request */
	head.l4proto = 99;
	b.octets[0] = 0x55;
	assert_int_equal(packet_read_head(b.octets, b.length, &head), -EINVAL);
	assert_int_equal(packet_read_head(b.octets, 0, &head), -EMSGSIZE);
	assert_int_equal(head.l4proto, 99);
}

/* Whatever the octets: no read outside, no payload outside. */
static void test_noise(void **state)
{
	unsigned int seed = 7;
	struct packet_udp out;
	struct packet_tcp segment;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		size_t length = (size_t)rand_r(&seed) % 120;

		switch (i % 4) {
		case 0:
			build4(&b, 0, 60);
			break;
		case 1:
			build6(&b, 60);
			break;
		case 2:
			build_tcp(&b, 4, 8, 60);
			break;
		default:
			build_tcp(&b, 6, 8, 60);
		}
		for (int k = rand_r(&seed) % 6; k >= 0; k--)
			b.octets[rand_r(&seed) % 60] = (uint8_t)rand_r(&seed);
		read_at_end(b.octets, length, &out);
		read_tcp_at_end(b.octets, length, &segment);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_trailing_octets),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_ipv4_lengths),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_other_protocols),
		cmocka_unit_test(test_ipv6_extensions),
		cmocka_unit_test(test_ipv6_extension_too_long),
		cmocka_unit_test(test_ipv6_extensions_bounded),
		cmocka_unit_test(test_ipv6_lengths),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_trailing_octets),
		cmocka_unit_test(test_tcp_cut_anywhere),
		cmocka_unit_test(test_tcp_lengths),
		cmocka_unit_test(test_tcp_after_extensions),
		cmocka_unit_test(test_tcp_fragment_and_others),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
