/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's place in the file system: of several daemons that want it one has it, a dead one's socket makes
 * room, and what is no socket is left alone. */
#ifndef NFQDN_CONTROL_PLACE_H
#define NFQDN_CONTROL_PLACE_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#define PLACE_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

/* A socket that was bound, by which it is known again. All zero: none. */
struct place {
	char path[PLACE_PATH_SIZE];
	dev_t device;
	ino_t inode;
};

/* Could place_take() have this path? 0, or -EBUSY, -EEXIST, -ENAMETOOLONG or another -errno as there; nothing is
 * changed. For a start that must not get as far as the kernel's table when another daemon has the socket. */
int place_probe(const char *path);
/* Binds `listener`, a stream socket of AF_UNIX that stays the caller's, to `path`, and listens. The last folder is made
 * when missing, mode 0755; the socket has mode 0660, with `everybody` 0666. Whoever does this at the same moment in the
 * same folder waits for it, 2 seconds at most. -EBUSY: a live daemon listens there; -EEXIST: what stands there is not a
 * socket; -ENAMETOOLONG: the path is longer than an address of AF_UNIX (107 octets). 0 or -errno. */
int place_take(const char *path, int listener, bool everybody, struct place *out);
/* Removes the socket, unless another one stands there by now. */
void place_leave(const struct place *place);

#endif
