/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/filter_object.h"

#include <stdint.h>

#ifdef FILTER_OBJECT
#define CONTENT ".incbin \"" FILTER_OBJECT "\"\n"
#else
#define CONTENT
#endif

__asm__(".section .rodata\n"
	".balign 8\n"
	"filter_object_octets:\n" CONTENT "filter_object_end:\n"
	".balign 8\n"
	"filter_object_size:\n"
	".quad filter_object_end - filter_object_octets\n"
	".previous\n");

extern const uint8_t filter_object_octets[] __attribute__((visibility("hidden")));
extern const uint64_t filter_object_size __attribute__((visibility("hidden")));

const void *filter_object(size_t *size)
{
	*size = filter_object_size;
	return filter_object_octets;
}
