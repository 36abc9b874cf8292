/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets out of a capture: pcap (seconds with micro- or nanoseconds, either byte order) and pcapng (sections, interfaces
 * of different kinds, the blocks with packets; all others are passed over). Read from front to end, so that a pipe will do.
 *
 * Not libpcap: it refuses a pcapng file whose interfaces differ in kind, and what `tcpdump` itself needs of it is a hundred
 * times what is here. */
#ifndef NFQDN_CONTROL_CAPTURE_H
#define NFQDN_CONTROL_CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct capture;

struct capture_packet {
	int64_t usec; /* microseconds since 1970, 0 .. 10^18 */
	uint32_t link; /* LINKTYPE_*, of the interface */
	const uint8_t *data; /* from the link's header on; valid until the next one is read */
	size_t length, original; /* octets captured, and of the packet; `length` may be less */
};

/* Reads the file's header. `file` stays the caller's. 0; -EINVAL: no capture; -ENOMEM; -EIO. `*why` is a text for people,
 * static or kept in the capture. */
int capture_open(FILE *file, struct capture **out, const char **why);
void capture_close(struct capture *capture); /* NULL is allowed */
/* The next packet: 1; 0 at the end; -ENODATA: the file ends within a packet (it was cut, or is still being written);
 * -EINVAL: damaged; -EIO. After an error there are no more. */
int capture_next(struct capture *capture, struct capture_packet *out, const char **why);
/* Octets of the file that were read so far. */
uint64_t capture_offset(const struct capture *capture);

/* The IP packet behind the link's header. 0; -EPROTONOSUPPORT: another protocol; -EMSGSIZE: too short for what its
 * headers tell; -ENOTSUP: a link type that is not known here. `*length` counts octets that were captured. */
int capture_ip(const struct capture_packet *packet, const uint8_t **ip, size_t *length);

#endif
