/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results of the daemon as text for people. Members that are missing are passed over: the daemon may be older or
 * newer. */
#ifndef NFQDN_CONTROL_NFQDNCTL_PRINT_H
#define NFQDN_CONTROL_NFQDNCTL_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "control/nfqdnctl_table.h"

/* Makes every text in `value` harmless for a terminal: control characters become '?'. To be called before one of those
 * below. */
void nfqdnctl_print_clean(json_t *value);

typedef void nfqdnctl_print_function(const json_t *result, FILE *out);

nfqdnctl_print_function nfqdnctl_print_status;
nfqdnctl_print_function nfqdnctl_print_policy;
nfqdnctl_print_function nfqdnctl_print_learned;
nfqdnctl_print_function nfqdnctl_print_why;
nfqdnctl_print_function nfqdnctl_print_explain;
nfqdnctl_print_function nfqdnctl_print_denied;
nfqdnctl_print_function nfqdnctl_print_suggest;
nfqdnctl_print_function nfqdnctl_print_doctor; /* nfqdnctl_print_doctor.c */
nfqdnctl_print_function nfqdnctl_print_wait;
nfqdnctl_print_function nfqdnctl_print_watch;
nfqdnctl_print_function nfqdnctl_print_reload;
nfqdnctl_print_function nfqdnctl_print_confirm;

/* Pieces for others. A member's text, "" when it is missing; the next cell made of an array's texts; "  key  word word
 * ...", wrapped, nothing when there is none. */
const char *nfqdnctl_print_member(const json_t *object, const char *key);
void nfqdnctl_print_cell(struct nfqdnctl_table *table, const json_t *array);
/* "tcp/443" of an object with proto and port. */
void nfqdnctl_print_port(const json_t *object, char out[32]);
/* A denial as one line. */
void nfqdnctl_print_denial(const json_t *denial, FILE *out);
/* What changes in one row: a line with its name, then one for each text gained or lost. */
void nfqdnctl_print_change(const json_t *change, FILE *out);
void nfqdnctl_print_words(const char *key, const json_t *array, FILE *out);

#endif
