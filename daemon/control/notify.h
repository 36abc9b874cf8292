/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the service manager how we are, by the sd_notify protocol. */
#ifndef NFQDN_CONTROL_NOTIFY_H
#define NFQDN_CONTROL_NOTIFY_H

struct notify {
	int fd; /* -1: nobody wants to know */
};
#define NOTIFY_NONE ((struct notify) { -1 })

/* Connects to the socket of $NOTIFY_SOCKET, now that sockets can still be made. 0, also when there is none; -errno. */
int notify_open(struct notify *notify);
/* Sends "READY=1" and the like. 0, also when nobody wants to know; -errno. */
int notify_send(const struct notify *notify, const char *state);
void notify_close(struct notify *notify);

#endif
