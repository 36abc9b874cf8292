/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results of the daemon as text for people. Members that are missing are passed over: the daemon may be older or
 * newer. */
#ifndef NFQDN_CONTROL_NFQDNCTL_PRINT_H
#define NFQDN_CONTROL_NFQDNCTL_PRINT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "control/nfqdnctl_table.h"

/* Makes every text in `value` harmless for a terminal: control characters become '?'. To be called before one of those
 * below. */
void nfqdnctl_print_clean(json_t *value);

typedef void nfqdnctl_print_function(const json_t *result, FILE *out);

/* nfqdnctl_print_status.c */
nfqdnctl_print_function nfqdnctl_print_status;
nfqdnctl_print_function nfqdnctl_print_policy;
/* nfqdnctl_print.c */
nfqdnctl_print_function nfqdnctl_print_learned;
nfqdnctl_print_function nfqdnctl_print_why;
nfqdnctl_print_function nfqdnctl_print_explain;
nfqdnctl_print_function nfqdnctl_print_wait;
nfqdnctl_print_function nfqdnctl_print_watch;
nfqdnctl_print_function nfqdnctl_print_record; /* nfqdnctl_record.c */
nfqdnctl_print_function nfqdnctl_print_reload;
nfqdnctl_print_function nfqdnctl_print_confirm;
/* nfqdnctl_print_denied.c */
nfqdnctl_print_function nfqdnctl_print_denied;
nfqdnctl_print_function nfqdnctl_print_suggest;
/* nfqdnctl_print_doctor.c */
nfqdnctl_print_function nfqdnctl_print_doctor;

/* Pieces for others. A member's text, "" when it is missing; its number, or 0; an item of an array of texts, or "". */
const char *nfqdnctl_print_member(const json_t *object, const char *key);
int64_t nfqdnctl_print_number(const json_t *object, const char *key);
const char *nfqdnctl_print_at(const json_t *array, size_t index);
/* "a b c" of an array of texts; to be freed, NULL when memory is out. The same as the next cell. */
char *nfqdnctl_print_joined(const json_t *array);
void nfqdnctl_print_cell(struct nfqdnctl_table *table, const json_t *array);
/* As the next cell, which edition of a list that changes; a document's date says enough. */
void nfqdnctl_print_list(struct nfqdnctl_table *table, const json_t *object);
/* "tcp/443" of an object with proto and port. */
void nfqdnctl_print_port(const json_t *object, char out[32]);
/* "key         value", as a line. */
void nfqdnctl_print_pair(FILE *out, const char *key, const char *value);
/* The array of resolvers among the members. */
void nfqdnctl_print_resolvers(const json_t *object, FILE *out);
/* "  key  word word ...", wrapped; nothing when there is none. */
void nfqdnctl_print_words(const char *key, const json_t *array, FILE *out);
/* A denial as one line. */
void nfqdnctl_print_denial(const json_t *denial, FILE *out);
/* What changes in one row: a line with its name, then one for each text gained or lost. */
void nfqdnctl_print_change(const json_t *change, FILE *out);

#endif
