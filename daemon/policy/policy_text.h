/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts inside problems: what somebody wrote made printable, and lists of words. */
#ifndef NFQDN_POLICY_POLICY_TEXT_H
#define NFQDN_POLICY_POLICY_TEXT_H

#include <stddef.h>

#include "policy/policy_list.h"

/* Makes `text` printable: as escape_text(), but a space stays a space. What does not fit is cut and ends with '~'. Returns `out`. */
#define POLICY_TEXT_SHOWN 160
const char *policy_text_show(const char *text, char out[POLICY_TEXT_SHOWN]);

/* Adds `word` to a list of `const char *` unless it is there. 0 or -ENOMEM. */
int policy_text_add_word(struct policy_list *words, const char *word);
/* "a, b, c" of a list of `const char *`, or NULL when memory is out; the caller frees it. "none" for an empty list. */
char *policy_text_join(const struct policy_list *words);
/* What to say of a word that is not among `words`: "; did you mean "core"? (lawful: core, win32)". Freed by the caller. */
char *policy_text_lawful(struct policy_list *words, const char *word);

#endif
