/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's readiness protocol (sd_notify(3)) without its library. */
#ifndef NFQDN_CONTROL_NOTIFY_H
#define NFQDN_CONTROL_NOTIFY_H

/* Sends `state` ("READY=1", "RELOADING=1", "STOPPING=1") to the socket named by NOTIFY_SOCKET. 0, also when there is
 * none; else -errno. */
int notify_send(const char *state);

#endif
