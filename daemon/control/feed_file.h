/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of lists and catalogs: read whole, replaced whole. */
#ifndef NFQDN_CONTROL_FEED_FILE_H
#define NFQDN_CONTROL_FEED_FILE_H

#include <jansson.h>

#include "policy/problem.h"

/* The file's JSON, at most LIMIT_FEED_FILE octets, with or without a byte order mark. NULL, which is then told. */
json_t *feed_file_read(const char *path, struct problems *problems);
/* The catalog file NAME.json of the folder. NULL when there is none, or none that can be read (a warning). */
json_t *feed_file_last(const char *folder, const char *name, struct problems *problems);
/* Writes the catalog file NAME.json of the folder (made when it is not there), at once and on disk, after our own reader
 * has accepted it. 0, or -errno with the reason among the problems and the old file as it was. */
int feed_file_write(const char *folder, const char *name, const json_t *catalog, struct problems *problems);
/* "YYYY-MM-DD" on which the file was last changed. */
void feed_file_date(const char *path, char out[16]);

#endif
