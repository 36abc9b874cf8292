/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket. One descriptor for the caller's loop; nothing here ever waits, and each call does one small step
 * for one client, so that the DNS answers held in the queue never stand behind a client that is slow, greedy or
 * hostile. */
#ifndef NFQDN_CONTROL_SERVER_H
#define NFQDN_CONTROL_SERVER_H

#include <stdint.h>

#include "control/context.h"

struct control_server;

/* Listens at `path`, which is taken as place_take() does, open to everybody with peers.writers. `context` must outlive
 * the server. 0 or -errno, -EBUSY and -EEXIST as there. */
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
