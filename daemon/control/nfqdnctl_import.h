/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another gateway exported, made into requests. */
#ifndef NFQDN_CONTROL_NFQDNCTL_IMPORT_H
#define NFQDN_CONTROL_NFQDNCTL_IMPORT_H

#include <jansson.h>

/* Hands a request to the daemon. 0, or a status of nfqdnctl's other than 0: no more follow. */
typedef int nfqdnctl_import_send(void *context, const json_t *request);

/* Reads `path` ("-": standard input) to its end; when the whole of it is in order, calls `send` for one batch of records
 * after the other, at least once. 0 or what `send` returned; -EBADMSG with `*why` (static): the file is refused, nothing
 * was sent; -errno. */
int nfqdnctl_import(const char *path, nfqdnctl_import_send *send, void *context, const char **why);

#endif
