/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses of simulated clients, and sockets that are bound to them.
 *
 * Addresses are of IPv6 in here, those of IPv4 mapped (RFC 4291, 2.5.5.2). */
#ifndef NFQDN_LAB_SOURCES_H
#define NFQDN_LAB_SOURCES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Those of the first client; each further client has the next ones. */
struct sources {
	struct in6_addr four, six;
	bool has_four, has_six;
};

/* The address with which a client, counted from 0, speaks to another one; NULL: its one of IPv4. */
struct in6_addr sources_address(const struct sources *sources, uint32_t client, const struct in6_addr *to);
/* A socket of SOCK_DGRAM or SOCK_STREAM, which is the caller's: its descriptor, or -errno. A
 * stream's connection has begun. */
int sources_socket(const struct sources *sources, uint32_t client, int type, const struct in6_addr *to, uint16_t port);
/* Whether the first and the last of so many clients can speak with their addresses; tells of the one that cannot on
 * standard error. */
bool sources_usable(const struct sources *sources, uint32_t clients);

/* An IPv4 address as such. */
void sources_text(const struct in6_addr *address, char out[INET6_ADDRSTRLEN]);

#endif
