/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of unknown origin made printable. */
#ifndef NFQDN_BASE_ESCAPE_H
#define NFQDN_BASE_ESCAPE_H

#include <stddef.h>

/* Writes `length` octets as printable ASCII: anything below 0x21 or above 0x7e, and `"` `\` `#`, becomes \DDD
 * (decimal, as in RFC 1035 5.1). Always ends with NUL when size > 0; a text that does not fit is cut at a whole
 * escape and ends with '~'. Returns the characters written, without the NUL. */
size_t escape_text(char *out, size_t size, const void *octets, size_t length);

#endif
