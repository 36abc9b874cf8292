/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns for a terminal, and durations. Control characters never get through. */
#ifndef NFQDN_CONTROL_NFQDNCTL_TABLE_H
#define NFQDN_CONTROL_NFQDNCTL_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NFQDNCTL_TABLE_COLUMNS 12

struct nfqdnctl_table;

/* `headers` ends with NULL; a header that begins with '>' is for a column of numbers, set to the right. NULL when
 * memory is out, which the functions below all allow. */
struct nfqdnctl_table *nfqdnctl_table_new(const char *const *headers);
/* The next cell, row by row; copied. NULL is an empty cell. */
void nfqdnctl_table_cell(struct nfqdnctl_table *table, const char *text);
void nfqdnctl_table_number(struct nfqdnctl_table *table, int64_t number);
/* Prints it, indented, without the columns in which no cell has a text; nothing when there is no row. Frees it. */
void nfqdnctl_table_print(struct nfqdnctl_table *table, unsigned int indent, FILE *out);

/* "12s", "4m12s", "3h04m", "2d03h". Returns `out`. */
#define NFQDNCTL_DURATION_SIZE 32
const char *nfqdnctl_table_duration(int64_t seconds, char out[NFQDNCTL_DURATION_SIZE]);
/* The octets of the control character at the start of the text, of ASCII or, in UTF-8, of ISO 6429 (U+009B is what ESC [
 * is); 0 when it is none. */
size_t nfqdnctl_table_control(const char *text);
/* Prints a text of others: control characters become '?'. */
void nfqdnctl_table_text(const char *text, FILE *out);

#endif
