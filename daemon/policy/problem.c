/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/problem.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Longest word that is compared; settings and services are far shorter. */
#define NEAREST_MAX 64

static const char *severity_name(enum problem_severity severity)
{
	return severity == PROBLEM_ERROR ? "error" : "warning";
}

/* A copy in which only printable ASCII is left as it is, so that no text found in a file can forge a line of output.
 * Unlike escape_text() it leaves spaces and quotes alone: these are sentences. */
static char *clean_copy(const char *text)
{
	char *copy = malloc(4 * strlen(text) + 1);
	char *end = copy;

	if (copy == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c <= 0x7e)
			*end++ = (char)c;
		else
			end += sprintf(end, "\\%03u", c);
	}
	*end = '\0';
	return copy;
}

static char *clean_format(const char *format, va_list arguments)
{
	char *raw = NULL;
	char *clean;

	if (vasprintf(&raw, format, arguments) < 0)
		return NULL;
	clean = clean_copy(raw);
	free(raw);
	return clean;
}

static void release(struct problem *item)
{
	free(item->file);
	free(item->setting);
	free(item->text);
}

static int append(struct problems *list, const struct problem *item)
{
	/* grows at powers of two: a list knows its own capacity by its count */
	if ((list->count & (list->count - 1)) == 0) {
		size_t capacity = list->count == 0 ? 1 : 2 * list->count;
		struct problem *items = reallocarray(list->items, capacity, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
	}
	list->items[list->count++] = *item;
	return 0;
}

void problem_add(struct problems *list, enum problem_severity severity, const char *file, unsigned int line,
		 const char *setting, const char *format, ...)
{
	struct problem item = { .severity = severity, .line = line };
	va_list arguments;

	if (severity == PROBLEM_ERROR)
		list->errors++;
	item.file = clean_copy(file == NULL ? "" : file);
	item.setting = clean_copy(setting == NULL ? "" : setting);
	va_start(arguments, format);
	item.text = clean_format(format, arguments);
	va_end(arguments);
	if (item.file == NULL || item.setting == NULL || item.text == NULL || append(list, &item) != 0)
		release(&item);
}

void problem_clear(struct problems *list)
{
	for (size_t i = 0; i < list->count; i++)
		release(&list->items[i]);
	free(list->items);
	*list = (struct problems) { 0 };
}

struct ordered {
	struct problem item;
	size_t place;
};

static int compare(const void *left, const void *right)
{
	const struct ordered *a = left, *b = right;
	int files = strcmp(a->item.file, b->item.file);

	if (files != 0)
		return files;
	if (a->item.line != b->item.line)
		return a->item.line < b->item.line ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

void problem_sort(struct problems *list)
{
	struct ordered *order = calloc(list->count, sizeof(*order));

	if (order == NULL)
		return;
	for (size_t i = 0; i < list->count; i++)
		order[i] = (struct ordered) { list->items[i], i };
	qsort(order, list->count, sizeof(*order), compare);
	for (size_t i = 0; i < list->count; i++)
		list->items[i] = order[i].item;
	free(order);
}

static void print_item(const struct problem *item, FILE *out)
{
	if (item->file[0] != '\0')
		fprintf(out, item->line != 0 ? "%s:%u: " : "%s: ", item->file, item->line);
	fprintf(out, "%s: ", severity_name(item->severity));
	if (item->setting[0] != '\0')
		fprintf(out, "%s: ", item->setting);
	fprintf(out, "%s\n", item->text);
}

void problem_print(const struct problems *list, FILE *out)
{
	for (size_t i = 0; i < list->count; i++)
		print_item(&list->items[i], out);
}

static json_t *items_to_json(const struct problems *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct problem *item = &list->items[i];
		json_t *row =
			json_pack("{s:s, s:s, s:i, s:s, s:s}", "severity", severity_name(item->severity), "file",
				  item->file, "line", (int)item->line, "setting", item->setting, "text", item->text);

		/* json_array_append_new() takes a NULL of either as a failure and frees the other */
		if (json_array_append_new(array, row) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static size_t count_warnings(const struct problems *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += list->items[i].severity == PROBLEM_WARNING;
	return count;
}

int problem_print_json(const struct problems *list, FILE *out)
{
	json_t *items = items_to_json(list);
	json_t *root;
	int result;

	if (items == NULL)
		return -ENOMEM;
	root = json_pack("{s:i, s:b, s:I, s:I, s:o}", "api", 1, "ok", list->errors == 0, "errors",
			 (json_int_t)list->errors, "warnings", (json_int_t)count_warnings(list), "problems", items);
	if (root == NULL)
		return -ENOMEM;
	result = json_dumpf(root, out, 0) != 0 || fputc('\n', out) == EOF ? -EIO : 0;
	json_decref(root);
	return result;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int smaller = a < b ? a : b;

	return smaller < c ? smaller : c;
}

/* Damerau-Levenshtein, adjacent swaps only ("optimal string alignment"), regardless of case; both at most
 * NEAREST_MAX. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][NEAREST_MAX + 1] = { 0 };
	unsigned int *before = rows[0], *last = rows[1], *row = rows[2];
	size_t length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		last[j] = (unsigned int)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned int *oldest = before;

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= length; j++) {
			row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + !same_letter(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1, row[j]);
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[length];
}

const char *problem_nearest(const char *word, const char *const *names)
{
	size_t length = strlen(word);
	unsigned int limit = length < 3 ? 1 : (unsigned int)(length / 3);
	const char *best = NULL;

	if (length == 0 || length > NEAREST_MAX)
		return NULL;
	for (; *names != NULL; names++) {
		unsigned int steps = strlen(*names) > NEAREST_MAX ? limit + 1 : distance(word, *names);

		/* a word of one letter is not "near" another one: nothing of it would be left */
		if (steps > limit || steps >= length)
			continue;
		best = *names;
		if (steps == 0)
			break;
		limit = steps - 1;
	}
	return best;
}
