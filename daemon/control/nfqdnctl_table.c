/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2 /* spaces between columns */

struct nfqdnctl_table {
	const char *const *headers;
	size_t columns;
	char **cells; /* row by row */
	size_t count, room;
	bool failed; /* memory ran out: what is there is printed */
};

struct nfqdnctl_table *nfqdnctl_table_new(const char *const *headers)
{
	struct nfqdnctl_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->headers = headers;
	while (headers[table->columns] && table->columns < NFQDNCTL_TABLE_COLUMNS)
		table->columns++;
	return table;
}

static bool grow(struct nfqdnctl_table *table)
{
	size_t room = table->room ? 2 * table->room : 64;
	char **cells = reallocarray(table->cells, room, sizeof(*cells));

	if (!cells)
		return false;
	table->cells = cells;
	table->room = room;
	return true;
}

void nfqdnctl_table_cell(struct nfqdnctl_table *table, const char *text)
{
	char *copy;

	if (!table || table->failed)
		return;
	copy = strdup(text ? text : "");
	if (!copy || (table->count == table->room && !grow(table))) {
		free(copy);
		table->failed = true;
		return;
	}
	table->cells[table->count++] = copy;
}

void nfqdnctl_table_number(struct nfqdnctl_table *table, int64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, number);
	nfqdnctl_table_cell(table, text);
}

/* Columns on a terminal: continuation bytes of UTF-8 take none. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static const char *header_of(const struct nfqdnctl_table *table, size_t column)
{
	const char *header = table->headers[column];

	return header[0] == '>' ? header + 1 : header;
}

/* The width of a column, 0 when all its cells are empty. */
static size_t column_width(const struct nfqdnctl_table *table, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < table->count; i += table->columns)
		if (width_of(table->cells[i]) > width)
			width = width_of(table->cells[i]);
	if (width > 0 && width_of(header_of(table, column)) > width)
		width = width_of(header_of(table, column));
	return width;
}

static void print_spaces(size_t count, FILE *out)
{
	fprintf(out, "%*s", (int)count, "");
}

struct layout {
	size_t widths[NFQDNCTL_TABLE_COLUMNS];
	unsigned int indent;
	FILE *out;
};

/* Spaces are printed before what they align, so that no line ends in spaces. */
static void print_row(const struct nfqdnctl_table *table, const struct layout *layout, const char *const *cells)
{
	size_t pending = layout->indent;

	for (size_t i = 0; i < table->columns; i++) {
		size_t missing = layout->widths[i] - width_of(cells[i]);
		bool right = table->headers[i][0] == '>';

		if (layout->widths[i] == 0)
			continue;
		if (cells[i][0] == '\0') {
			pending += layout->widths[i] + GAP;
			continue;
		}
		print_spaces(pending + (right ? missing : 0), layout->out);
		nfqdnctl_table_text(cells[i], layout->out);
		pending = (right ? 0 : missing) + GAP;
	}
	fputc('\n', layout->out);
}

static void print_header(const struct nfqdnctl_table *table, const struct layout *layout)
{
	const char *cells[NFQDNCTL_TABLE_COLUMNS];

	for (size_t i = 0; i < table->columns; i++)
		cells[i] = layout->widths[i] ? header_of(table, i) : "";
	print_row(table, layout, cells);
}

static void free_table(struct nfqdnctl_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

void nfqdnctl_table_print(struct nfqdnctl_table *table, unsigned int indent, FILE *out)
{
	struct layout layout = { .indent = indent, .out = out };

	if (!table)
		return;
	for (size_t i = 0; i < table->columns; i++)
		layout.widths[i] = column_width(table, i);
	if (table->count >= table->columns)
		print_header(table, &layout);
	for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
		print_row(table, &layout, (const char *const *)table->cells + i);
	free_table(table);
}

const char *nfqdnctl_table_duration(int64_t seconds, char out[NFQDNCTL_DURATION_SIZE])
{
	if (seconds < 60)
		snprintf(out, NFQDNCTL_DURATION_SIZE, "%" PRId64 "s", seconds);
	else if (seconds < 3600)
		snprintf(out, NFQDNCTL_DURATION_SIZE, "%" PRId64 "m%02ds", seconds / 60, (int)(seconds % 60));
	else if (seconds < 86400)
		snprintf(out, NFQDNCTL_DURATION_SIZE, "%" PRId64 "h%02dm", seconds / 3600, (int)(seconds / 60 % 60));
	else
		snprintf(out, NFQDNCTL_DURATION_SIZE, "%" PRId64 "d%02dh", seconds / 86400, (int)(seconds / 3600 % 24));
	return out;
}

size_t nfqdnctl_table_control(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = first ? (unsigned char)text[1] : 0;

	if (first == 0xc2 && second >= 0x80 && second < 0xa0)
		return 2;
	return (first > 0 && first < 0x20) || first == 0x7f;
}

void nfqdnctl_table_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		size_t control = nfqdnctl_table_control(text);

		fputc(control ? '?' : *text, out);
		text += control > 1;
	}
}
