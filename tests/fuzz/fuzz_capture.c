/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: control/capture.o control/capture_link.o control/fragment.o base/ipaddr.o */
/* Any octets as a capture. Packets lie inside what was read and within the limits, times within theirs; the file ends once; IP packets
 * lie inside their frames, and what fragments make is a packet by its own account. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "control/capture.h"
#include "control/fragment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

/* Touches every octet, so that the sanitizer sees one that is not there. */
static unsigned int sum(const uint8_t *data, size_t length)
{
	unsigned int total = 0;

	for (size_t i = 0; i < length; i++)
		total += data[i];
	return total;
}

static void check_whole(const uint8_t *whole, size_t length, const uint8_t *ip)
{
	(void)sum(whole, length);
	if (whole == ip)
		return;
	must(whole[0] >> 4 == 4 || whole[0] >> 4 == 6);
	if (whole[0] >> 4 == 4)
		must((size_t)(whole[2] << 8 | whole[3]) == length && (whole[6] & 0x3f) == 0 && whole[7] == 0);
	else
		must((size_t)(whole[4] << 8 | whole[5]) + 40 == length);
}

static void check_packet(const struct capture_packet *packet, struct fragment_table *fragments)
{
	struct monotime now = { packet->usec / 1000 };
	const uint8_t *ip, *whole;
	size_t length, whole_length;
	int rc;

	must(packet->length <= LIMIT_CAPTURE_PACKET && packet->usec >= 0 &&
	     packet->usec <= INT64_C(1000000000000000000));
	(void)sum(packet->data, packet->length);
	rc = capture_ip(packet, &ip, &length);
	must(rc == 0 || rc == -EPROTONOSUPPORT || rc == -EMSGSIZE || rc == -ENOTSUP);
	if (rc < 0)
		return;
	must(length > 0 && ip >= packet->data && ip + length <= packet->data + packet->length);
	rc = fragment_take(fragments, ip, length, now, &whole, &whole_length);
	must(rc == 0 || rc == -EAGAIN || rc == -EINVAL);
	if (rc == 0)
		check_whole(whole, whole_length, ip);
}

static void read_all(struct capture *capture, struct fragment_table *fragments, size_t size)
{
	struct capture_packet packet;
	const char *why = NULL;
	int rc;

	while ((rc = capture_next(capture, &packet, &why)) == 1)
		check_packet(&packet, fragments);
	must(rc == 0 || (why && (rc == -ENODATA || rc == -EINVAL)));
	must(rc < 0 || capture_offset(capture) == size);
	must(capture_next(capture, &packet, &why) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fragment_table *fragments;
	struct capture *capture;
	const char *why = NULL;
	FILE *file;

	if (size == 0)
		return 0;
	file = fmemopen((void *)data, size, "rb");
	fragments = fragment_new();
	must(file && fragments);
	if (capture_open(file, &capture, &why) == 0) {
		read_all(capture, fragments, size);
		capture_close(capture);
	} else {
		must(why != NULL);
	}
	fragment_free(fragments);
	fclose(file);
	return 0;
}
