/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of words inside problems. (Quote what somebody wrote as \"%.150s\": problem_add() makes it printable.) */
#ifndef NFQDN_POLICY_POLICY_TEXT_H
#define NFQDN_POLICY_POLICY_TEXT_H

#include <stddef.h>

#include "policy/policy_list.h"

/* Adds `word` to a list of `const char *` unless it is there. 0 or -ENOMEM. */
int policy_text_add_word(struct policy_list *words, const char *word);
/* "a, b, c" of a list of `const char *` ("none" when empty). NULL when memory is out; the caller frees it. */
char *policy_text_join(const struct policy_list *words);
/* What to say of a word that is not among `words`: `; did you mean "core"? (lawful: core, win32)`. NULL when memory
 * is out; the caller frees it. */
char *policy_text_lawful(struct policy_list *words, const char *word);

#endif
