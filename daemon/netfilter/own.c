/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/own.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int own_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int own_changed(int fd)
{
	char buffer[8192];
	int changed = 0;

	/* What the messages say does not matter: the whole list is read anew. Bounded, so that a flood cannot hold
	 * us. */
	for (int i = 0; i < 64; i++) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			break;
		changed = 1;
	}
	return changed;
}

static bool own_from_sockaddr(const struct sockaddr *address, struct ipaddr *out)
{
	if (address && address->sa_family == AF_INET) {
		*out = ipaddr_from_bytes(IPADDR_V4, &((const struct sockaddr_in *)(const void *)address)->sin_addr);
		return true;
	}
	if (address && address->sa_family == AF_INET6) {
		*out = ipaddr_from_bytes(IPADDR_V6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
		return true;
	}
	return false;
}

int own_addresses(struct ipaddr *out, size_t size)
{
	struct ifaddrs *list;
	int count = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *one = list; one; one = one->ifa_next) {
		struct ipaddr address;

		if (!own_from_sockaddr(one->ifa_addr, &address))
			continue;
		if ((size_t)count < size)
			out[count] = address;
		count++;
	}
	freeifaddrs(list);
	return count;
}

static unsigned int prefix_length(const struct ipaddr *mask)
{
	unsigned int length = 0;

	for (size_t i = 0; i < ipaddr_length(mask->family); i++)
		length += (unsigned int)__builtin_popcount(mask->bytes[i]);
	return length;
}

static bool own_link(const struct ifaddrs *one, struct config_link *out)
{
	struct config_link link = { 0 };
	struct ipaddr mask;

	if (!own_from_sockaddr(one->ifa_addr, &link.address) || !own_from_sockaddr(one->ifa_netmask, &mask))
		return false;
	strncpy(link.interface, one->ifa_name, sizeof(link.interface) - 1);
	link.prefix = prefix_length(&mask);
	if (link.address.family == IPADDR_V6 && link.address.bytes[0] == 0xfe && (link.address.bytes[1] & 0xc0) == 0x80)
		link.prefix = 128;
	*out = link;
	return true;
}

int own_links(struct config_link *out, size_t size)
{
	struct ifaddrs *list;
	int count = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *one = list; one; one = one->ifa_next) {
		struct config_link link;

		if (!own_link(one, &link))
			continue;
		if ((size_t)count < size)
			out[count] = link;
		count++;
	}
	freeifaddrs(list);
	return count;
}
