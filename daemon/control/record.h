/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet that was recorded, as `record` tells it. */
#ifndef NFQDN_CONTROL_RECORD_H
#define NFQDN_CONTROL_RECORD_H

#include <jansson.h>

#include "control/context.h"

/* The object of protocol.h. NULL when memory is out. */
json_t *control_record_json(const struct control_context *context, struct monotime now,
			    const struct recorder_record *record);
/* So many up to `sequence` were forgotten before they were told. */
json_t *control_record_lost(uint64_t sequence, uint64_t count);

#endif
