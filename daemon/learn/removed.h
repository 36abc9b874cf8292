/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a policy on trial took away from what was learned, kept for the way back. As text (state_text.h): it is small,
 * and restore.h reads it. Elements without a name are not kept: by what would an earlier policy know them? */
#ifndef NFQDN_LEARN_REMOVED_H
#define NFQDN_LEARN_REMOVED_H

#include "learn/restore.h"

struct removed;

/* Empty. NULL when memory is out. */
struct removed *removed_new(struct monotime now);
void removed_free(struct removed *removed); /* NULL is allowed */
/* Keeps a copy (snoop_on_removal). `removed` is a struct removed. Where memory is out the element is not kept. */
void removed_add(void *removed, const char *group, const struct store_view *view);
/* Puts back what the restore's policy allows and what has life left, with what time has left of it. The `wall` of
 * `restore` is not the wall clock's afterwards. restore_finish() must follow. */
void removed_restore(const struct removed *removed, struct restore *restore);

#endif
