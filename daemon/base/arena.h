/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of an object that is built once and freed as a whole (a policy). Never used on the packet path. */
#ifndef NFQDN_BASE_ARENA_H
#define NFQDN_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* A new, empty arena, or NULL when memory is out. */
struct arena *arena_new(void);
/* Frees everything that came from it; NULL is allowed. */
void arena_free(struct arena *arena);
/* Zeroed memory for any type, or NULL when memory is out; `size` 0 is allowed. Lives as long as the arena. */
void *arena_alloc(struct arena *arena, size_t size);
/* Zeroed memory for `count` elements of `size` bytes, or NULL (also when the product overflows). */
void *arena_array(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
void *arena_memdup(struct arena *arena, const void *data, size_t size);
/* Bytes handed out so far, for `status`. */
size_t arena_used(const struct arena *arena);

#endif
