/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values inside a catalog file: each is read strictly, and what is wrong is told with its file, row and field. */
#ifndef NFQDN_POLICY_CATALOG_FIELD_H
#define NFQDN_POLICY_CATALOG_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/limits.h"
#include "policy/catalog.h"
#include "policy/problem.h"

/* One file while it is read. */
struct catalog_field_reader {
	struct arena *arena;
	struct problems *problems;
	const char *file;
	/* What `setting` of a problem begins with: "intune/core/163" or "rows[4]"; "" for the file as a whole. */
	char where[LIMIT_CATALOG_KEY + 32];
	size_t faults;
	bool out_of_memory; /* sticks; looked at when the file is done */
};

/* Adds an error of `field` ("" for the row as a whole). */
void catalog_field_fault(struct catalog_field_reader *reader, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* `memory`, after noting when it is NULL. */
void *catalog_field_kept(struct catalog_field_reader *reader, void *memory);
/* A copy in the arena, "" when memory is out. */
const char *catalog_field_keep(struct catalog_field_reader *reader, const char *text);

/* "a text", "a list", ...: what the value is. */
const char *catalog_field_kind(const json_t *value);
/* A text that can be shown as it is: not empty, no control characters. NULL when it is none, which is then told. */
const char *catalog_field_text(struct catalog_field_reader *reader, const char *field, const json_t *value);
/* The index of the text in `words` (ends with NULL), or -1, which is then told. */
int catalog_field_choice(struct catalog_field_reader *reader, const char *field, const json_t *value,
			 const char *const *words);
/* Small letters, digits and '-' inside, kept in the arena; NULL when it is none, which is then told. */
const char *catalog_field_word(struct catalog_field_reader *reader, const char *field, const json_t *value);
/* "2025-01-31", likewise. */
const char *catalog_field_date(struct catalog_field_reader *reader, const char *field, const json_t *value);
bool catalog_field_flag(struct catalog_field_reader *reader, const char *field, const json_t *value);
/* A list of texts, not empty, each looked at by `check` (NULL: any text). `out` is untouched when it is no list. */
void catalog_field_list(struct catalog_field_reader *reader, const char *field, const json_t *value,
			struct catalog_list *out,
			void (*check)(struct catalog_field_reader *, const char *field, const json_t *item));
/* The member, which must be there; NULL when it is not, which is then told. */
json_t *catalog_field_member(struct catalog_field_reader *reader, const json_t *object, const char *key);
/* Tells each key that is not among `keys` (ends with NULL). */
void catalog_field_refuse_unknown(struct catalog_field_reader *reader, json_t *object, const char *const *keys);

#endif
