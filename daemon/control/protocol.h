/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control protocol: on a Unix stream socket, one request and its answer, each one line of JSON (UTF-8, ended by '\n', at most LIMIT_CONTROL_REQUEST
 * octets for a request). Request: {"api": 1, "command": NAME, ...arguments}. Answer: {"api": 1, "ok": true, "exit": 0|1, "result": ...} or {"api": 1, "ok": false, "exit": 1|2, "error": TEXT}. Many requests may follow each other on one connection; answers come in
 * order. New members may be added to objects at any time; readers pass over what they do not know. */
#ifndef NFQDN_CONTROL_PROTOCOL_H
#define NFQDN_CONTROL_PROTOCOL_H

#define CONTROL_API 1
#define CONTROL_DEFAULT_SOCKET "/run/nfqdn/control.sock"

#endif
