/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `metrics`: every counter, size, age and histogram, named as Prometheus wants them. */
#ifndef NFQDN_CONTROL_METRICS_H
#define NFQDN_CONTROL_METRICS_H

#include <jansson.h>

#include "control/context.h"

/* {metrics: [{name, type: "counter"|"gauge"|"histogram", help, samples: [{labels: {KEY: TEXT}, value}]}]}; a sample of a
 * histogram has {labels, buckets: [{le, count}], sum, count} instead, each bucket with those below it, without the one
 * that holds all. Units are seconds and bytes; moments are seconds since 1970. NULL when memory is out. */
json_t *control_metrics(const struct control_context *context, struct monotime now);

#endif
