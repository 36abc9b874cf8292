/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: control/nfqdnctl_print.o control/nfqdnctl_print_denied.o control/nfqdnctl_print_status.o control/nfqdnctl_table.o base/ipaddr.o base/escape.o */
/* LIBS: jansson */
/* A result on the control socket, printed as each command would print it: whoever answers there, a terminal gets plain
 * text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/nfqdnctl_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No control character, of ASCII or (as UTF-8) of ISO 6429, reaches the terminal. */
static void check(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char octet = (unsigned char)text[i], next = i + 1 < length ? (unsigned char)text[i + 1] : 0;

		if ((octet < 0x20 && octet != '\n') || octet == 0x7f || (octet == 0xc2 && next >= 0x80 && next < 0xa0))
			abort();
	}
}

static void print(nfqdnctl_print_function *function, const json_t *result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	function(result, out);
	fclose(out);
	check(text, size);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static nfqdnctl_print_function *const functions[] = {
		nfqdnctl_print_status,  nfqdnctl_print_policy, nfqdnctl_print_learned, nfqdnctl_print_why,
		nfqdnctl_print_explain, nfqdnctl_print_wait,   nfqdnctl_print_reload,
	};
	json_t *result = json_loadb((const char *)data, size, 0, NULL);

	if (!result)
		return 0;
	nfqdnctl_print_clean(result);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		print(functions[i], result);
	json_decref(result);
	return 0;
}
