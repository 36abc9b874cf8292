/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `metrics` in Prometheus' text form, version 0.0.4. */
#ifndef NFQDN_CONTROL_NFQDNCTL_METRICS_H
#define NFQDN_CONTROL_NFQDNCTL_METRICS_H

#include <jansson.h>
#include <stdio.h>

/* With nfqdn_up before them: 1, or 0 and nothing else when `result` is NULL. A metric without samples, or whose name,
 * type or labels are no such, is left out. The texts need not be clean. */
void nfqdnctl_print_metrics(const json_t *result, FILE *out);
/* The same to a file of mode 0644, which is there whole or stays as it was. 0 or -errno. */
int nfqdnctl_metrics_write(const char *path, const json_t *result);

#endif
