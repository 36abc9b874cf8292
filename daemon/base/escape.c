/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t escape_octet(char out[5], uint8_t octet)
{
	if (octet > 0x20 && octet < 0x7f && !strchr("\"\\#", octet)) {
		out[0] = (char)octet;
		out[1] = '\0';
		return 1;
	}
	return (size_t)snprintf(out, 5, "\\%03u", octet);
}

size_t escape_text(char *out, size_t size, const void *octets, size_t length)
{
	const uint8_t *in = octets;
	size_t used = 0;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < length; i++) {
		char one[5];
		size_t n = escape_octet(one, in[i]);
		size_t after = i + 1 < length ? 1 : 0; /* room for the '~' that says more was there */

		if (used + n + after >= size) {
			if (used + 1 < size)
				out[used++] = '~';
			break;
		}
		memcpy(out + used, one, n);
		used += n;
	}
	out[used] = '\0';
	return used;
}
