/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/peer.h"

#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who is in more groups than this is in none but the first: 16 KiB. */
#define PEER_GROUPS 4096

#ifndef SO_PEERGROUPS /* Linux 4.13; musl has it since 1.2 */
#define SO_PEERGROUPS 59
#endif

static bool is_member(int fd, const struct ucred *who, gid_t gid)
{
	gid_t groups[PEER_GROUPS];
	socklen_t size = sizeof(groups);

	if (who->gid == gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

enum peer_right peer_right(int fd, const struct peer_rules *rules)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return PEER_NONE;
	if (who.uid == 0 || who.uid == geteuid())
		return PEER_WRITE;
	if (!rules->writers)
		return PEER_READ;
	if (is_member(fd, &who, rules->writers_gid))
		return PEER_WRITE;
	return is_member(fd, &who, getegid()) ? PEER_READ : PEER_NONE;
}
