/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

static struct in6_addr plus(struct in6_addr address, uint32_t number)
{
	uint32_t last;

	memcpy(&last, &address.s6_addr[12], 4);
	last = htonl(ntohl(last) + number);
	memcpy(&address.s6_addr[12], &last, 4);
	return address;
}

struct in6_addr sources_address(const struct sources *sources, uint32_t client, const struct in6_addr *to)
{
	return plus(!to || IN6_IS_ADDR_V4MAPPED(to) ? sources->four : sources->six, client);
}

void sources_text(const struct in6_addr *address, char out[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, &address->s6_addr[12], out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN);
}

static struct sockaddr_in6 end_at(struct in6_addr address, uint16_t port)
{
	return (struct sockaddr_in6) { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = address };
}

int sources_socket(const struct sources *sources, uint32_t client, int type, const struct in6_addr *to, uint16_t port)
{
	struct sockaddr_in6 own = end_at(sources_address(sources, client, to), 0), other = end_at(*to, port);
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;
	struct linger reset = { 1, 0 };

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	/* Its addresses are the host's by a route (AnyIP), which IPv6 does not take for its own. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	/* So that thousands of ended connections do not wait for their last segment. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    (connect(fd, (const struct sockaddr *)&other, sizeof(other)) < 0 && errno != EINPROGRESS)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static bool usable(const struct sources *sources, uint32_t client, bool six)
{
	struct in6_addr own = plus(six ? sources->six : sources->four, client);
	int fd = sources_socket(sources, client, SOCK_DGRAM, &own, 53);
	char text[INET6_ADDRSTRLEN];

	if (fd >= 0) {
		close(fd);
		return true;
	}
	sources_text(&own, text);
	fprintf(stderr,
		"lab-clients: %s is no address of this host: %s; `ip route add local NETWORK dev lo` makes it one\n",
		text, strerror(-fd));
	return false;
}

bool sources_usable(const struct sources *sources, uint32_t clients)
{
	for (int i = 0; i < 2; i++) {
		uint32_t client = i ? clients - 1 : 0;

		if (!usable(sources, client, false) || (sources->has_six && !usable(sources, client, true)))
			return false;
	}
	return true;
}
