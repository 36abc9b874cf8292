/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket. One descriptor for the caller's loop; nothing here ever waits, and each call does one small step
 * for one client, so that the DNS answers held in the queue never stand behind a client that is slow, greedy or
 * hostile. */
#ifndef NFQDN_CONTROL_SERVER_H
#define NFQDN_CONTROL_SERVER_H

#include <stdint.h>

#include "control/context.h"

struct control_server;

/* Could control_server_open() have this path? 0, -EBUSY or -EEXIST as there; nothing is changed. For a start that must
 * not get as far as the kernel's table when another daemon has the socket. */
int control_server_probe(const char *path);
/* Listens at `path` (its last folder is made when missing, mode 0755; the socket has mode 0660, with peers.writers 0666). A socket that a live
 * daemon listens on is not taken over: -EBUSY. What stands there and is not a socket is left alone: -EEXIST. `context`
 * must outlive the server. 0 or -errno. */
int control_server_open(const char *path, const struct control_context *context, struct control_server **out);
/* Drops every client and removes the socket, unless another one stands there by now. NULL is allowed. */
void control_server_close(struct control_server *server);
/* Readable (poll, epoll level-triggered) as long as control_server_run() has something to do. */
int control_server_fd(const struct control_server *server);
/* Does one step for one client. To be called whenever control_server_fd() is readable. */
void control_server_run(struct control_server *server, struct monotime now);
/* Answers clients of `wait` whose wish has come true or whose time is over; cheap when there are none. To be called
 * after whatever may have changed what they wait for, and in the returned number of milliseconds at the latest (-1:
 * nobody waits). */
int64_t control_server_notify(struct control_server *server, struct monotime now);

#endif
