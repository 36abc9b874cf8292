/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client of the control socket may do: by who it was when it connected, as the kernel says. The socket's mode has
 * let it in already. */
#ifndef NFQDN_CONTROL_PEER_H
#define NFQDN_CONTROL_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/* In the order of what they allow. */
enum peer_right { PEER_NONE, PEER_READ, PEER_WRITE };

struct peer_rules {
	bool writers; /* `writers_gid` means something; then the socket is open to all, and what follows decides */
	gid_t writers_gid; /* gateway.control-group */
};

/* Of the client behind a connected socket. WRITE: root, the daemon's own user, the group of the rules. READ: whom the
 * socket's mode lets in; where that is everybody, members of the daemon's own group. */
enum peer_right peer_right(int fd, const struct peer_rules *rules);

#endif
