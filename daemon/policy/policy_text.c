/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/problem.h"

int policy_text_add_word(struct policy_list *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(*(const char **)policy_list_at(words, i), word) == 0)
			return 0;
	return policy_list_add(words, &word) ? 0 : -ENOMEM;
}

static void write_words(FILE *out, const struct policy_list *words)
{
	for (size_t i = 0; i < words->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", *(const char **)policy_list_at(words, i));
	if (words->count == 0)
		fputs("none", out);
}

char *policy_text_join(const struct policy_list *words)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_words(out, words);
	fclose(out);
	return text;
}

/* problem_nearest() wants an array that ends with NULL: one is lent for the call. */
static const char *nearest(struct policy_list *words, const char *word)
{
	const char *end = NULL, *found;

	if (!policy_list_add(words, &end))
		return NULL;
	found = problem_nearest(word, words->items);
	words->count--;
	return found;
}

char *policy_text_lawful(struct policy_list *words, const char *word)
{
	const char *near = nearest(words, word);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (near)
		fprintf(out, "; did you mean \"%s\"?", near);
	fputs(" (lawful: ", out);
	write_words(out, words);
	fputs(")", out);
	fclose(out);
	return text;
}
